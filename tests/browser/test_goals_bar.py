"""Dragging a deal to won moves the bar of a goal on the same page; so does winning one from a row of the day."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.core.clock import today
from app.core.money import Money
from app.core.relative_dates import around
from app.modules.crm import services
from tests.cast import Person
from tests.conftest import Office
from tests.modules.kpi.goals_world import running

BOARD, DAY = "/c/one/crm/board", "/c/one/crm/day"
Visit = Callable[..., Page]


@pytest.fixture
def deal_id(one: Office, people: dict[str, Person]) -> int:
    """A deal of bob's of 6,000, who has to win 10,000 in this quarter."""
    bob = people["bob"].member_id
    with one:
        running(bob, name="Win 10,000", metric="crm.won_amount", target=Decimal(10_000), first_day=around(today(), "quarter")[0])
        return services.create_deal({"name": "Pump", "amount": Money.of(6000, "EUR"), "owner_id": bob, "expected_close": today()}).id


def fill(bar: Any) -> float:
    """How much of a bar is filled, in percent."""
    filled = bar.locator(".kg-fill")
    return float((filled.get_attribute("width") or "0%").rstrip("%")) if filled.count() else 0.0


def close(page: Page) -> None:
    page.locator("#dialog").get_by_role("button", name="Won").click()
    expect(page.locator("#dialog form")).to_have_count(0)


def test_a_deal_dragged_to_won_moves_the_bar(visit: Visit, deal_id: int, axe: Callable[[Page], list[str]]) -> None:
    page = visit("bob", BOARD)
    goal = page.locator("#board-goals .kl-bar")
    expect(goal).to_contain_text("0%")
    assert fill(goal) == 0
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/kpi/" in request.url else None)
    start = page.locator(f"#deal-{deal_id}").bounding_box()
    page.mouse.move(start["x"] + 60, start["y"] + start["height"] - 12)
    page.mouse.down()
    page.mouse.move(start["x"] + 75, start["y"] + start["height"] - 4, steps=3)
    won = page.locator(".v-closer-won")
    expect(won).to_be_visible()
    end = won.bounding_box()
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=12)
    page.wait_for_timeout(60)
    page.mouse.up()
    close(page)
    expect(goal).to_contain_text("60%")
    assert fill(goal) == 60
    assert len(asked) == 1, "one small request"
    assert axe(page) == []
    page.get_by_role("button", name="Undo").click()
    expect(goal).to_contain_text("0%")
    expect(goal.locator(".kg-fill")).to_have_count(0)


def test_a_deal_won_from_a_row_of_the_day_moves_it_too(visit: Visit, deal_id: int, axe: Callable[[Page], list[str]]) -> None:
    page = visit("bob", DAY)
    goal = page.locator("#day-goals .kl-row")
    expect(goal).to_contain_text("€0 of €10,000")
    page.locator("[data-close-won]").first.click()
    close(page)
    expect(goal).to_contain_text("€6,000 of €10,000")
    assert fill(goal) == 60
    assert axe(page) == []
