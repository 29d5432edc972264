"""The page of a deal, as people use it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.core.db import db
from app.core.money import Money
from app.modules.crm import services
from app.modules.crm.models import Deal, Stage
from tests.cast import Person
from tests.conftest import Office

Visit = Callable[..., Page]


@pytest.fixture
def pump(one: Office, people: dict[str, Person]) -> int:
    with one:
        values = {"name": "Pump", "amount": Money.of(1000, "EUR"), "owner_id": people["alice"].member_id}
        return services.create_deal(values).id


def stored(one: Office, deal_id: int) -> tuple[str, int | None]:
    """Stage and amount in cents of the deal, as the database has them."""
    with one:
        row = db.session.execute(select(Stage.name, Deal.amount_minor).join(Deal, Deal.stage_id == Stage.id)
                                 .where(Deal.id == deal_id)).one()
        return row.name, row.amount_minor


def address(deal_id: int) -> str:
    return f"/c/one/crm/deals/{deal_id}"


def test_the_stage_bar_moves_the_deal_and_undo_takes_it_back(visit: Visit, pump: int, one: Office) -> None:
    page = visit("alice", address(pump))
    bar = page.get_by_role("list", name="Stage")
    bar.get_by_role("button", name="Proposal").click()
    expect(bar.locator("[aria-current=step]")).to_contain_text("Proposal")
    expect(page.locator("#tab")).to_contain_text("moved it from Contact to Proposal")
    assert stored(one, pump)[0] == "Proposal"
    page.keyboard.press("u")
    expect(bar.locator("[aria-current=step]")).to_contain_text("Contact")
    expect(page.locator(".v-ev.is-void")).to_contain_text("moved it from Contact to Proposal")
    assert stored(one, pump)[0] == "Contact"


def test_won_is_asked_for_in_a_dialog(visit: Visit, pump: int, one: Office) -> None:
    page = visit("alice", address(pump))
    page.get_by_role("link", name="Won…").click()
    page.locator("#dialog").get_by_label("Amount").fill("2,500")
    page.locator("#dialog").get_by_role("button", name="Won").click()
    expect(page.locator(".v-rec-title")).to_contain_text("Won")
    expect(page.locator("#dialog form")).to_have_count(0)
    expect(page.locator(".v-stages [aria-current=step]")).to_contain_text("Won")
    assert stored(one, pump) == ("Won", 250000)


def test_a_fact_edited_in_place_shows_everywhere_and_the_next_move_is_not_late(visit: Visit, pump: int, one: Office) -> None:
    page = visit("alice", address(pump))
    page.locator("#fact-amount").hover()
    page.locator("#fact-amount [data-edit]").click()
    page.locator("#fact-amount input[name=amount]").fill("4,000")
    page.keyboard.press("Enter")
    expect(page.locator(".v-facts-row")).to_contain_text("€4,000")
    expect(page.locator(".v-facts-row")).to_contain_text("€400 at 10")
    expect(page.locator("#tab")).to_contain_text("changed amount")
    page.get_by_role("list", name="Stage").get_by_role("button", name="Qualified").click()
    expect(page.locator(".v-stages [aria-current=step]")).to_contain_text("Qualified")
    assert stored(one, pump) == ("Qualified", 400000)


def test_a_late_move_shows_the_deal_as_it_is(visit: Visit, pump: int, one: Office) -> None:
    page = visit("alice", address(pump))
    expect(page.locator("h1")).to_have_text("Pump")
    with one as session:
        services.change_deal(session.get_one(Deal, pump), {"name": "Big pump"})
    page.get_by_role("list", name="Stage").get_by_role("button", name="Proposal").click()
    expect(page.locator(".v-toast.is-bad")).to_contain_text("Somebody else has changed this deal")
    expect(page.locator("h1")).to_have_text("Big pump")
    assert stored(one, pump)[0] == "Contact"


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (360, "dark"), (768, "light"), (1440, "light"), (1440, "dark")])
def test_it_fits_and_axe_finds_nothing_serious(visit: Visit, pump: int, axe, width: int, scheme: str) -> None:
    page = visit("alice", address(pump), viewport={"width": width, "height": 800}, color_scheme=scheme)
    expect(page.locator("h1")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert axe(page) == []
    opener = page.get_by_role("link", name=re.compile("^Lost…"))
    opener.filter(visible=True).click()
    expect(page.locator("#dialog select")).to_be_visible()
    assert axe(page) == []
