"""Every tab of a record is a part of its page, and a page of its own address: the record's own head stays above it."""

from __future__ import annotations

import re

import pytest

from app.core.testing import Walk
from tests.modules.crm.making import make_deal, statements_of

TABS = re.compile(r'<a href="([^"]+)" hx-get="\1" hx-target="#tab"')
SHOWN = re.compile(r'<a href="([^"]+)" hx-get="\1" hx-target="#tab"[^>]* aria-current="true"')
TOKEN = re.compile(r'name="csrf_token" value="[^"]*"')
ABOVE = re.compile(r'<nav class="v-crumbs.*?<nav class="v-tabs"', re.DOTALL)  # the head and the facts


@pytest.fixture
def deal_id(one, people) -> int:
    with one:
        return make_deal(name="Steam boiler", owner_id=people["alice"].member_id).id


def tabs_of(page: str) -> list[str]:
    found = TABS.findall(page)
    assert found
    return [each.replace("&amp;", "&") for each in found]


def above(page: str) -> str:
    (found,) = ABOVE.findall(page)
    return TOKEN.sub("", found)


def test_every_record_keeps_its_own_page_around_each_tab(app, one, people, client_of) -> None:
    """Of the record types those that have a page of their own, and one that has not."""
    client = client_of("alice")
    walk = Walk(app)
    with one:
        rows = walk.make_rows(people["bob"].member_id, "x")
    own = [r.key for r in walk.registry.resources() if r.page.context]
    assert {"admin.member", "crm.activity", "crm.deal", "crm.lead", "kpi.goal"} <= {*own}
    for key in (*own, "contacts.account"):
        resource = walk.registry.resource(key)
        record = f"/c/one/{resource.module}/{resource.plural}/{rows[key]}"
        page = client.get(record).text
        for address in tabs_of(page):
            answer = client.get(address).text
            assert above(answer) == above(page), address
            assert SHOWN.findall(answer) == [address], address
            part = client.get(address, headers={"HX-Request": "true", "HX-Target": "tab"}).text
            assert "v-rec-title" not in part and "<html" not in part, address
            assert part.strip() and re.sub(r"\s+", " ", part).strip()[:80] in re.sub(r"\s+", " ", answer), address


def test_a_tab_of_a_deal_does_not_read_what_another_one_shows(app, deal_id: int, client_of) -> None:
    client, record = client_of("alice"), f"/c/one/crm/deals/{deal_id}"
    client.get(record)

    def sent(address: str, **headers: str) -> list[str]:
        with statements_of(app) as found:
            assert client.get(address, headers=headers).status_code == 200
        return found

    whole, tab = sent(record), sent(f"{record}/history")
    assert len(tab) == len(whole), "the stream is the first tab"
    assert any("FROM crm_deal_event" in each for each in whole)
    other = sent(f"{record}/activities")
    assert not any("FROM crm_deal_event" in each for each in other)
    assert len(other) < len(whole)
    part = sent(f"{record}/history", **{"HX-Request": "true", "HX-Target": "tab"})
    assert any("FROM crm_deal_event" in each for each in part)
    assert not any("FROM crm_deal_span" in each for each in part), "nor what stands above it"
