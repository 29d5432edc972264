"""Every tab of a record is a part of its page, and a page of its own address: the record's own head stays above it."""

from __future__ import annotations

import re

import pytest

from tests.modules.crm.making import make_deal

TABS = re.compile(r'<a href="([^"]+)" hx-get="\1" hx-target="#tab"')


@pytest.fixture
def deal_id(one, people) -> int:
    with one:
        return make_deal(name="Steam boiler", owner_id=people["alice"].member_id).id


def tabs_of(client, address: str) -> list[str]:
    found = TABS.findall(client.get(address).text)
    assert found
    return [each.replace("&amp;", "&") for each in found]


def test_a_deal_keeps_its_stages_above_each_tab(deal_id: int, client_of) -> None:
    client = client_of("alice")
    tabs = tabs_of(client, f"/c/one/crm/deals/{deal_id}")
    assert len(tabs) >= 3
    for address in tabs:
        page = client.get(address).text
        assert page.count('class="v-stages"') == 1, address
        assert "Steam boiler" in page, address
        part = client.get(address, headers={"HX-Request": "true", "HX-Target": "tab"}).text
        assert "v-stages" not in part and "<html" not in part, address
        assert part.strip() and re.sub(r"\s+", " ", part).strip()[:80] in re.sub(r"\s+", " ", page), address


def test_so_does_an_account(one, people, client_of) -> None:
    client = client_of("alice")
    made = client.post("/c/one/contacts/accounts/new", data={"name": "Acme"})
    for address in tabs_of(client, made.location):
        page = client.get(address).text
        assert page.count('<h1 data-mirror="name">Acme</h1>') == 1, address
