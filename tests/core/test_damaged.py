"""What no page of ours sends: damaged forms and addresses get a sentence, and nothing is changed."""

from __future__ import annotations

import pytest

from app.core.registry import registry


@pytest.mark.on("sqlite")
@pytest.mark.parametrize(
    "tally", ["[" * 15_000, "[Infinity,1,1,[1,[]],{},[]]", '[1,1,1,[1,[]],{"a":[1,["\\ud800"]]},[]]', "{}", "[1]"]
)
def test_a_damaged_tally_is_refused(one, client_of, tally):
    with one:
        row_id = registry.resource("contacts.account").add({"name": "A"}).id
    data = {"mass-rows": f"{row_id}.1", "mass-field": "city", "city": "X", "mass-go": "apply", "mass-tally": tally}
    assert client_of("alice").post("/c/one/contacts/accounts/mass", data=data).status_code == 422


@pytest.mark.parametrize("query", ["name=%00", "q=%00", "filter=%00"])
def test_a_list_address_with_a_nul_byte_is_refused(client_of, query):
    data = {"mass-all": "1", "mass-query": query}
    assert client_of("alice").post("/c/one/contacts/accounts/mass/export", data=data).status_code == 422
