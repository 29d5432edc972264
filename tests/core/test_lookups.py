"""Rows looked up by their name: case and accents aside, on either database, whether or not the model keeps a folded name."""

from __future__ import annotations

import pytest

from app.core import lookups
from app.core.registry import registry

NAMED = {  # with a folded name of their own, and without
    "contacts.account": {"name": "Válvulas Ñandú, S.L."},
    "admin.role": {"name": "Válvulas Ñandú, S.L.", "permissions": []},
}


@pytest.fixture(params=NAMED)
def kind(request, one) -> str:
    with one:
        registry.resource(request.param).add(NAMED[request.param])
    return request.param


@pytest.mark.parametrize("text", ["Válvulas Ñandú, S.L.", "valvulas nandu, s.l.", "VÁLVULAS ÑANDÚ, S.L."])
def test_a_whole_name_finds_its_row(kind: str, one, text: str) -> None:
    with one:
        found = lookups.find(kind, text)
        assert found is not None
        assert lookups.find(kind, lookups.pointed(text, found)) == found


@pytest.mark.parametrize("text", ["nandu", "ÑANDÚ valv", "s.l."])
def test_words_of_a_name_are_offered(kind: str, one, text: str) -> None:
    with one:
        assert [label for _id, label in lookups.options(kind, text)] == ["Válvulas Ñandú, S.L."]


@pytest.mark.parametrize("text", ["Valvulas", "v.lvulas Ñandú, S.L.", "%"])
def test_a_part_or_a_pattern_is_no_name(kind: str, one, text: str) -> None:
    with one:
        assert lookups.find(kind, text) is None
    with one:
        assert lookups.options(kind, "v.lvulas") == []
