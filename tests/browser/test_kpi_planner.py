"""A manager plans the next quarter of a team of six: how many clicks that takes, and what the page does meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import func, select

from app.core.clock import today
from app.core.db import db
from app.core.relative_dates import around
from app.modules.kpi.models import Goal
from app.modules.kpi.vision.services import create_objective
from tests.cast import Person
from tests.conftest import Office
from tests.modules.kpi import planning_world
from tests.modules.kpi.planning_world import WON, Team6, win

Visit = Callable[..., Page]
LIST, PLANNER = "/c/one/kpi/goals", "/c/one/kpi/planner"
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
MOST = 25


class Hand:
    """Does what a hand with a mouse does, and counts: a choice from a list is two clicks, a field to write into is one."""

    def __init__(self) -> None:
        self.clicks = 0

    def click(self, where: Locator) -> None:
        self.clicks += 1
        where.click()

    def choose(self, where: Locator, label: str) -> None:
        self.clicks += 2
        where.select_option(label=label)

    def write(self, where: Locator, text: str) -> None:
        self.clicks += 1
        where.fill(text)
        where.press("Tab")


@pytest.fixture
def six(one: Office, people: dict[str, Person]) -> Team6:
    """The team of six with what they won in the last quarter and a year before the next, and an objective to serve."""
    with one:
        found = planning_world.build(people)
        last = around(around(today(), "quarter")[0] - timedelta(days=1), "quarter")[0]
        ago = around(around(today(), "quarter")[1] + timedelta(days=1 - 365), "quarter")[0]
        for name, (before, year) in WON.items():
            for first, amount in ((last, before), (ago, year)):
                if amount:
                    win(found.ids[name], first + timedelta(days=20), amount * 1000)
        create_objective({"name": "Grow in the north", "level": "objective"})
    return found


def column(page: Page, name: str) -> Locator:
    return page.locator("th.v-plan-col", has_text=name)


def test_a_quarter_for_a_team_of_six_in_at_most_25_clicks(visit: Visit, one: Office, six: Team6) -> None:
    page, hand = visit("mona", LIST), Hand()
    hand.click(page.get_by_role("link", name="Plan a period").first)
    won = column(page, "Amount won")
    hand.click(won.get_by_role("button", name="Fill"))
    expect(page.locator(f"input[id='t-crm.won_amount-{six.ids['bob']}']")).to_have_value("52500")
    for place, (name, number) in enumerate((("Follow-ups", "60"), ("Pipeline created", "90000"), ("Win rate", "40 %")), 1):
        one_column = column(page, name)
        hand.choose(one_column.get_by_label("Rule"), "Same for all")
        hand.write(one_column.get_by_label("Number"), number)
        hand.click(one_column.get_by_role("button", name="Fill"))
        expect(page.locator(f"input[id^='t-'][id$='-{six.ids['Eli']}']:not([value=''])")).to_have_count(place)
    hand.choose(won.get_by_label("Serves"), "Grow in the north")
    # Eli has no past that a rule could start from: a target of her own.
    hand.write(page.locator(f"input[id='t-crm.won_amount-{six.ids['Eli']}']"), "15000")
    hand.write(page.get_by_label("Why these goals are good all the same"), "Talked through in the team on Monday.")
    hand.click(page.get_by_role("button", name="Activate all"))
    expect(page.locator(".v-plan-fixed")).to_have_count(24, timeout=30_000)
    with one:
        found = db.session.execute(select(Goal.state, func.count(), func.count(Goal.owner_id.distinct())).group_by(Goal.state)).all()
    assert [tuple(row) for row in found] == [("active", 24, 6)]
    assert hand.clicks <= MOST, hand.clicks


def test_sums_follow_while_one_writes_and_what_is_written_stays(visit: Visit, one: Office, six: Team6, axe: Any) -> None:
    page = visit("mona", f"{PLANNER}?metric=crm.won_amount")
    cell = {name: page.locator(f"input[id='t-crm.won_amount-{who}']") for name, who in [*six.ids.items(), ("team", "team")]}
    cell["team"].fill("50000")
    cell["team"].press("Tab")
    cell["Ana"].fill("30000")
    cell["Ana"].press("Tab")
    cell["Bea"].fill("25000")
    cell["Bea"].press("Tab")
    foot = page.locator("tfoot td.v-plan-cell")
    expect(foot).to_contain_text("€55,000")
    expect(foot).to_contain_text("110% of €50,000 · more than the goal above")
    expect(cell["Ana"]).to_have_value("30000")
    assert axe(page) == []
    page.get_by_role("button", name="Save drafts").click()
    expect(page.locator("td .v-plan-below a", has_text="Draft")).to_have_count(3)
    page.reload()
    expect(cell["Bea"]).to_have_value("25000")


def test_the_list_of_what_the_check_says_stays_open(visit: Visit, six: Team6) -> None:
    page = visit("mona", f"{PLANNER}?metric=crm.won_amount")
    column(page, "Amount won").get_by_role("button", name="Fill").click()
    says = page.locator("#plan-says")
    says.locator("summary").click()
    expect(says.locator("li").first).to_be_visible()
    cell = page.locator(f"input[id='t-crm.won_amount-{six.ids['Ana']}']")
    cell.fill("41000")
    cell.press("Tab")
    expect(page.locator("tfoot td.v-plan-cell")).to_contain_text("€156,500")
    expect(says.locator("li").first).to_be_visible()


def test_what_somebody_else_saved_meanwhile_stands_beside_what_one_wrote(visit: Visit, six: Team6) -> None:
    mona, alice = visit("mona", f"{PLANNER}?metric=crm.won_amount"), visit("alice", f"{PLANNER}?metric=crm.won_amount&team={six.team_id}")
    for page, text in ((alice, "20000"), (mona, "30000")):
        cell = page.locator(f"input[id='t-crm.won_amount-{six.ids['Ana']}']")
        cell.fill(text)
        cell.press("Tab")
        page.get_by_role("button", name="Save drafts").click()
        expect(page.locator("td .v-plan-below a", has_text="Draft")).to_have_count(1)
    expect(mona.locator("td .v-error")).to_contain_text("Now €20,000; you wrote 30000.")
    expect(mona.locator(f"input[id='t-crm.won_amount-{six.ids['Ana']}']")).to_have_value("30000")
    mona.get_by_role("button", name="Save drafts").click()
    expect(mona.locator("td .v-error")).to_have_count(0)


def test_it_fits_a_phone_and_works_without_script(visit: Visit, one: Office, six: Team6) -> None:
    page = visit("mona", PLANNER, **PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    plain = visit("mona", f"{PLANNER}?metric=crm.won_amount", java_script_enabled=False)
    plain.locator(f"input[id='t-crm.won_amount-{six.ids['Ana']}']").fill("30000")
    plain.get_by_role("button", name="Save drafts").click()
    with one:
        assert db.session.scalar(select(func.count(Goal.id))) == 1


def test_a_goal_is_shared_out_from_its_page(visit: Visit, one: Office, six: Team6, axe: Any) -> None:
    page = visit("mona", f"{PLANNER}?metric=crm.won_amount")
    team = page.locator("input[id='t-crm.won_amount-team']")
    team.fill("200000")
    team.press("Tab")
    page.get_by_role("button", name="Save drafts").click()
    page.locator("tr.is-team .v-plan-below a", has_text="Draft").click()
    page.get_by_label("More actions").click()
    page.get_by_role("link", name="Share out").click()
    page.get_by_role("button", name="Fill").click()
    expect(page.locator("tfoot")).to_contain_text("100% of €200,000")
    assert axe(page) == []
    page.get_by_role("button", name="Save as goals").click()
    expect(page.locator("h1")).to_contain_text("Amount won of North")
    with one:
        assert db.session.scalar(select(func.count(Goal.id)).where(Goal.parent_id.is_not(None))) == 6


def test_a_band_is_written_with_the_keyboard_alone(visit: Visit, one: Office, six: Team6, axe: Any) -> None:
    page = visit("mona", f"{PLANNER}?metric=crm.win_rate")
    cell = page.locator(f"input[id='t-crm.win_rate-{six.ids['Ana']}']")
    cell.focus()
    page.keyboard.type("35-45")
    page.keyboard.press("Tab")
    expect(page.locator(f"input[id='t-crm.win_rate-{six.ids['Bea']}']")).to_be_focused()
    page.keyboard.type("45-35")
    page.keyboard.press("Tab")
    expect(page.locator("td .v-error")).to_contain_text("A band needs a lower and a higher end.")
    page.locator(f"input[id='t-crm.win_rate-{six.ids['Bea']}']").fill("")
    page.get_by_role("button", name="Save drafts").press("Enter")
    expect(page.locator("td .v-plan-below a", has_text="Draft")).to_have_count(1)
    assert axe(page) == []
    page.reload()
    expect(cell).to_have_value("35\u00a0%–45\u00a0%")
