"""What no page of ours sends: damaged forms and addresses get a sentence, and nothing is changed."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from app.core.db import db
from app.core.errors import BusinessError
from app.core.registry import registry
from app.modules.crm import ledger
from app.modules.crm.models import DealEvent
from app.modules.crm.services import change_deal, create_deal
from tests.core.importer import Import
from tests.modules.crm.making import euros, stage


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


@pytest.mark.on("sqlite")
@pytest.mark.parametrize("name", ["Oferta – 2026.csv", "🍇.csv", 'a"b\r\nX: y.csv', "año.csv", "%41.csv"])
def test_a_file_comes_back_under_its_name_whatever_letters_it_has(app, client_of, name):
    it = Import(app, client_of("mona"), "name,city\nA,Vigo\n,Lugo\n", name=name)
    it.check()
    answer = it.client.get(f"{it.page}/errors")
    assert answer.status_code == 200
    header = answer.headers["Content-Disposition"]
    header.encode("ascii")
    assert "\n" not in header


def test_what_a_change_of_a_deal_says_is_done_or_refused(one):
    with one:
        deal = create_deal({"name": "A", "amount": euros(5)})
        with pytest.raises(BusinessError, match="Only a closed deal"):
            change_deal(deal, {"closed_on": date(2026, 1, 1)})
        change_deal(deal, {"stage_id": stage(2).id, "amount": None})
        assert (deal.stage_id, deal.amount_minor) == (stage(2).id, None)
        events = db.session.scalars(select(DealEvent).where(DealEvent.deal_id == deal.id)).all()
        assert ledger.replay(events) == ledger.DealState.of(deal)
        change_deal(deal, {"stage_id": stage("won").id, "amount": euros(7)})
        with pytest.raises(BusinessError, match="needs its amount"):
            change_deal(deal, {"amount": None})
        change_deal(deal, {"stage_id": stage(1).id, "amount": None})
        assert (deal.stage_id, deal.amount_minor) == (stage(1).id, None)
        with pytest.raises(BusinessError, match="Which amount"):
            change_deal(deal, {"stage_id": stage("won").id, "amount": None})
