"""Goals in a browser: a rep sees, answers and checks in from a phone; a manager sets one with the check beside it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.core.clock import today
from app.core.db import db
from app.core.models import Company, Membership
from app.core.relative_dates import around
from app.modules.kpi.goals import agreement, queries
from app.modules.kpi.goals.services import create_goal
from app.modules.kpi.models import Goal
from app.modules.kpi.progress import services as progress
from tests.browser.test_reps_day_phone import PHONE, fits
from tests.conftest import Office
from tests.modules.kpi.goals_world import KPI, acting, build, won

Axe = Callable[[Page], list[str]]


@pytest.fixture
def goals(one: Office, people: Any) -> dict[str, int]:
    """A goal of bob that runs, one that mona proposes to him, something to do, and one of the team."""
    with one:
        world = build(people)
        first = around(today(), "quarter")[0]
        won(world.bob, max(first, today() - timedelta(days=3)))
        with acting(world.mona):
            team = create_goal({"name": "North wins 40 deals", "metric": "crm.won_count", "scope": "team", "team_id": world.north,
                                "owner_id": world.mona, "target": Decimal(40), "period": "quarter", "first_day": first})  # fmt: skip
            own = create_goal({"name": "Win 20 deals", "metric": "crm.won_count", "owner_id": world.bob, "target": Decimal(20),
                               "period": "quarter", "first_day": first, "weight": 60, "parent_id": team.id})  # fmt: skip
            asked = create_goal({"name": "Win 30,000 euros this month", "metric": "crm.won_amount", "owner_id": world.bob,
                                 "target": Decimal(30_000), "period": "month"})  # fmt: skip
            agreement.begin([team, own])
            agreement.propose(asked, "As discussed on Monday")
            progress.create_action({"goal_id": own.id, "text": "Visit Cerámicas Ros", "owner_id": world.bob, "due_on": today()})
        return {"own": own.id, "asked": asked.id, "team": team.id}


def test_a_rep_sees_answers_and_checks_in_from_a_phone(visit, goals, one, axe: Axe) -> None:
    page = visit("bob", f"{KPI}/", **PHONE)
    expect(page.get_by_text("1 of 20; on pace would be")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("5% of the target"))).to_be_visible()
    fits(page, "my-goals")
    assert axe(page) == []
    # Another target is proposed.
    page.locator("[data-counter]").tap()
    page.get_by_label("Target", exact=True).fill("25000")
    page.get_by_label("Why?").fill("Two weeks off")
    fits(page, "counter")
    assert axe(page) == []
    page.get_by_role("button", name="Propose this").tap()
    expect(page.get_by_text("You proposed this; the other side has not answered yet.")).to_be_visible()
    with one:
        assert agreement.last_word(goals["asked"]).target == 25_000
    # How sure one is of the other.
    page.locator("[data-checkin]").tap()
    fits(page, "check-in")
    assert axe(page) == []
    page.get_by_role("radio", name="Rather yes").check()
    page.get_by_label("What is behind it?").fill("Two more are close")
    page.locator("#dialog").get_by_role("button", name="Check in").tap()
    expect(page.get_by_role("img", name="How sure: 4 of 5")).to_be_visible()
    expect(page.get_by_text("Check-in due")).to_have_count(0)
    # What there was to do is done.
    page.get_by_role("button", name="Done: Visit Cerámicas Ros").tap()
    expect(page.get_by_text("Visit Cerámicas Ros")).to_have_count(0)


def test_the_page_of_a_goal_on_a_phone_says_by_itself_that_it_was_read(visit, goals, one, people, axe: Axe) -> None:
    page = visit("bob", f"{KPI}/goals/{goals['own']}", **PHONE)
    expect(page.get_by_role("heading", name="Reached against the pace")).to_be_visible()
    expect(page.get_by_role("heading", name="Where it stands")).to_be_in_viewport()
    fits(page, "goal")
    assert axe(page) == []
    with one:
        assert [row.member_id for row in queries.seen_of([goals["own"]])] == [people["bob"].member_id]
    page.get_by_label("What is to be done").fill("Call Ros")
    page.get_by_role("button", name="Note it").tap()
    expect(page.locator(".kg-action-text", has_text="Call Ros")).to_be_visible()
    expect(page.get_by_role("heading", name="Reached against the pace")).to_be_visible()


def test_how_sure_one_is_is_said_with_the_keyboard(visit, goals) -> None:
    page = visit("bob", f"{KPI}/")
    page.locator(f"#goal-{goals['own']}-checkin").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("radio", name="Could go either way")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Certainly")).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.type("All signed")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("img", name="How sure: 5 of 5")).to_be_visible()
    expect(page.locator(f"#goal-{goals['own']}-checkin")).to_be_focused()


def test_both_sides_agree(visit, goals, one) -> None:
    page = visit("bob", f"{KPI}/goals/{goals['asked']}")
    page.get_by_role("button", name="Agree").click()
    expect(page.locator(".kg-way [aria-current]")).to_contain_text("Agreed")
    with one:
        assert db.session.get_one(Goal, goals["asked"]).state == "agreed"


def test_a_manager_sets_a_goal_with_the_check_beside_it(visit, goals, one, axe: Axe) -> None:
    page = visit("mona", f"{KPI}/goals")
    page.get_by_role("link", name="New goal").first.click()
    form = page.locator("#goal-form")
    expect(form.locator("#smart-propose")).to_be_hidden()  # so far it is her own
    form.get_by_label("Goal", exact=True).fill("Win 12 deals next quarter")
    form.locator("select[name=owner_id]").evaluate("(e, name) => { const o = [...e.options].find((x) => x.text === name);"
                                                   " e.tomselect ? e.tomselect.setValue(o.value) : (e.value = o.value);"
                                                   " e.dispatchEvent(new Event('change', {bubbles: true})) }", "Bob")  # fmt: skip
    expect(form.locator("#smart-propose")).to_have_text("Propose to Bob")
    form.locator("[name=metric]").select_option("crm.won_count")
    form.get_by_label("Target").fill("12")
    form.get_by_label("Target").press("Tab")
    expect(form.locator("#smart-letters .is-wait")).to_have_count(0)
    expect(form.locator("#smart-A")).not_to_be_empty()
    assert axe(page) == []
    # A band asks for both ends, a team for which.
    form.get_by_label("Direction").select_option("band")
    expect(form.get_by_label("Target")).to_be_hidden()
    expect(form.locator("[name=low]")).to_be_visible()
    form.get_by_label("Direction").select_option("up")
    form.get_by_label("About").select_option("team")
    expect(form.locator(".kg-of-team_id .v-field")).to_be_visible()
    form.get_by_label("About").select_option("member")
    form.locator("#smart-propose").click()
    expect(page.locator(".kg-way [aria-current]")).to_contain_text("Proposed")
    with one as session:
        assert session.query(Goal).filter_by(name="Win 12 deals next quarter").one().state == "proposed"


def test_an_offer_of_the_check_is_taken_by_a_click(visit, goals, one) -> None:
    with one:
        next_year = f"{today().year + 1}-01-01"
    page = visit("mona", f"{KPI}/goals/new")
    form = page.locator("#goal-form")
    form.get_by_label("Goal", exact=True).fill("Win 12 deals in the year")
    form.locator("[name=metric]").select_option("crm.won_count")
    form.get_by_label("Target").fill("12")
    form.get_by_label("Period").select_option("year")
    form.get_by_label("From").fill(next_year)
    offer = form.locator("[data-offer-field]").first
    expect(offer).to_be_visible()
    field, value = offer.get_attribute("data-offer-field"), offer.get_attribute("data-offer-value")
    offer.click()
    expect(form.locator(f"[name={field}]")).to_have_value(value)


def test_without_scripts_a_rep_agrees_and_marks_that_they_read_it(visit, goals, one) -> None:
    page = visit("bob", f"{KPI}/goals/{goals['asked']}", java_script_enabled=False)
    page.get_by_role("button", name="I have read this").click()
    expect(page.get_by_text("whose goal it is")).to_be_visible()
    page.get_by_role("button", name="Agree").click()
    expect(page.locator(".kg-way [aria-current]")).to_contain_text("Agreed")


def test_what_the_chosen_figure_can_be_narrowed_down_to_is_offered(visit, goals, axe: Axe) -> None:
    page = visit("mona", f"{KPI}/goals")
    page.get_by_role("link", name="New goal").first.click()
    form = page.locator("#goal-form")
    expect(form.locator("#filters")).to_contain_text("Choose the figure first.")
    form.get_by_label("Figure").select_option("crm.activities_done")
    form.get_by_label("Only: Kind").select_option("kind: visit")
    expect(form.get_by_label("Only: Pipeline")).to_have_count(0)
    assert axe(page) == []
    form.get_by_label("Figure").select_option("crm.won_count")
    expect(form.get_by_label("Only: Pipeline")).to_have_count(1)
    # What was chosen is not thrown away unseen: the check says that it does not fit.
    expect(form.get_by_label("Only: Kind")).to_have_value("kind: visit")
    expect(form.locator("#smart-S, #smart-M").filter(has_text="narrowed down")).to_have_count(1)


def test_every_column_of_the_list_is_in_sight(visit, goals, one, people) -> None:
    owner = people["bob"].member_id
    with one as session, acting(people["mona"].member_id):
        session.get_one(Company, one.id).language = "es"
        session.get_one(Membership, owner).name = "Ainhoa Etxeberria"
        create_goal({"name": "Levante: 40 % de contacto con cuentas objetivo en el primer trimestre", "metric": "crm.target_account_reach",
                     "owner_id": owner, "target": Decimal("0.4"), "period": "quarter"})  # fmt: skip
        create_goal({"name": "Venta media entre 35.000 € y 60.000 €", "metric": "crm.average_deal_size", "owner_id": owner,
                     "direction": "band", "low": Decimal(35_000), "high": Decimal(60_000), "period": "quarter"})  # fmt: skip
    page = visit("mona", f"{KPI}/goals?view=all")
    around = page.get_by_role("region", name="Objetivos")
    expect(around.get_by_role("columnheader")).to_have_count(9)
    # A figure and a goal have long names, and a band takes more room than a target.
    expect(around.get_by_text("Cuentas objetivo alcanzadas")).to_be_visible()
    expect(around.get_by_text("–60.000")).to_be_visible()
    assert around.evaluate("(e) => e.scrollWidth - e.clientWidth") == 0
