"""A rep's day as people work it, by keyboard and on a phone; the calendar by mouse and keys; keys on board, list and page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.core.db import db
from app.core.money import Money
from app.modules.crm import services
from app.modules.crm.activities import services as activities
from app.modules.crm.activities.models import Activity, ActivityType
from app.modules.crm.models import Deal, Stage
from tests.browser.company_time import today
from tests.cast import Person
from tests.conftest import Office

DAY, CALENDAR, BOARD, LIST = (f"/c/one/crm/{page}" for page in ("day", "calendar", "board", "deals"))
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
Visit = Callable[..., Page]


@pytest.fixture
def deal(one: Office, people: dict[str, Person]) -> Callable[..., int]:
    """Create a deal of alice's: `deal("Pump", "Proposal", expected_close=…)`; answers its id."""

    def create(name: str, stage: str = "Contact", **values: Any) -> int:
        with one:
            stage_id = db.session.scalar(select(Stage.id).where(Stage.name == stage))
            given = {"owner_id": people["alice"].member_id, "stage_id": stage_id, "amount": Money.of(1000, "EUR"), **values}
            return services.create_deal({"name": name, **given}).id

    return create


@pytest.fixture
def plan(one: Office, people: dict[str, Person]) -> Callable[..., int]:
    """Plan a call of alice's, `days` from today; answers its id."""

    def create(subject: str, days: int = 0, at: time | None = None, **values: Any) -> int:
        with one:
            type_id = db.session.scalar(select(ActivityType.id).where(ActivityType.kind == "call"))
            given = {"type_id": type_id, "subject": subject, "due_on": today() + timedelta(days=days), "due_time": at}
            return activities.plan({**given, "owner_id": people["alice"].member_id, **values}).id

    return create


def stored(one: Office, model: Any, row_id: int) -> Any:
    with one:
        return db.session.scalar(select(model).where(model.id == row_id))


def section(page: Page, name: str) -> Any:
    return page.locator(f"#day-{name}")


def focused(page: Page) -> str:
    return page.evaluate("document.activeElement.textContent.trim()")


# My day


def test_a_day_is_worked_by_keyboard_alone_until_it_is_done(visit: Visit, one: Office, plan, deal) -> None:
    pump = deal("Pump")
    late, soon, later = plan("Call Acme", -2), plan("Call Brass", deal_id=pump), plan("Call Copper")
    page = visit("alice", DAY)
    for wanted in ("Call Acme", "Call Brass", "Call Copper"):
        page.keyboard.press("j")
        assert focused(page) == wanted
    page.keyboard.press("k")
    page.keyboard.press("k")
    assert focused(page) == "Call Acme"
    page.keyboard.press("c")
    page.locator("#dialog button[type=submit]").last.click()
    expect(section(page, "late")).to_be_hidden()
    expect(section(page, "today").locator("[data-row]")).to_have_count(2)
    page.locator(f"#today-activity-{soon}-link").focus()
    page.keyboard.press("c")
    expect(page.locator("#dialog form")).to_be_visible()
    page.locator("#dialog button[type=submit]").last.press("Enter")
    expect(section(page, "today").locator("[data-row]")).to_have_count(1)
    assert {stored(one, Activity, each).state for each in (late, soon)} == {"done"}
    assert stored(one, Activity, later).state == "planned"


def test_one_tap_puts_an_activity_off_and_the_focus_goes_on(visit: Visit, one: Office, plan) -> None:
    first, _second = plan("Call Acme"), plan("Call Brass")
    page = visit("alice", DAY)
    page.locator(f"#today-activity-{first}-week").press("Enter")
    expect(section(page, "today").locator("[data-row]")).to_have_count(1)
    expect(page.locator("#toasts")).to_contain_text("Call Acme")
    assert stored(one, Activity, first).due_on == today() + timedelta(days=7)
    expect(page.locator("#day-today [data-row-link]")).to_be_focused()


def test_a_deal_is_worked_in_its_row(visit: Visit, one: Office, deal) -> None:
    pump = deal("Pump", expected_close=today())
    page = visit("alice", DAY)
    row = page.locator(f"#closing-deal-{pump}")
    row.locator("[data-row-link]").focus()
    page.keyboard.press("e")
    form = row.locator("form.v-card, .v-card form")
    form.locator("[name=amount]").fill("2500")
    form.locator("button[type=submit]").click()
    expect(row.locator(".day-amount")).to_have_text("€2,500")
    expect(row.locator(".day-edit form")).to_have_count(0)
    row.locator(f"#closing-deal-{pump}-week").click()
    expect(row).to_have_count(0)
    assert stored(one, Deal, pump).expected_close == today() + timedelta(days=7)
    page.get_by_role("button", name="Undo").last.click()
    expect(row).to_be_visible()
    assert stored(one, Deal, pump).expected_close == today()


def test_w_wins_the_selected_deal_and_escape_leaves_the_small_form(visit: Visit, one: Office, deal) -> None:
    pump = deal("Pump", "Negotiation", expected_close=today())
    page = visit("alice", DAY)
    page.keyboard.press("j")
    page.keyboard.press("e")
    expect(page.locator(".day-edit form").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".day-edit form")).to_have_count(0)
    assert focused(page) == "Pump"
    page.keyboard.press("w")
    page.locator("#dialog button[type=submit]").click()
    expect(section(page, "closing")).to_be_hidden()
    expect(page.locator("#dialog > *")).to_have_count(0)
    assert stored(one, Deal, pump).state == "won"
    expect(page.get_by_role("heading", name="All done")).to_be_visible()


def test_an_empty_day_says_so_and_a_full_one_fits_a_phone(visit: Visit, plan, deal, axe) -> None:
    page = visit("alice", DAY, **PHONE)
    expect(page.get_by_role("heading", name="All done")).to_be_visible()
    plan("Call the buyer about the long and winding offer for the second line", -1)
    deal("A name of a deal that is rather long for a telephone", expected_close=today())
    page.reload()
    expect(section(page, "late")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    small = page.evaluate(
        "() => [...document.querySelectorAll('.day-acts .btn')].filter((b) => b.getClientRects().length && b.getBoundingClientRect().height < 44).length"
    )
    assert small == 0
    assert axe(page) == []


def test_my_day_has_no_barriers(visit: Visit, plan, deal, axe) -> None:
    plan("Call Acme", -1)
    deal("Pump", expected_close=today())
    for options in ({}, {"color_scheme": "dark"}):
        assert axe(visit("alice", DAY, **options)) == []


# Keys elsewhere


def test_j_and_k_walk_a_column_of_the_board_and_l_asks_why(visit: Visit, one: Office, deal) -> None:
    deal("Anvil")
    bolt = deal("Bolt")
    page = visit("alice", BOARD)
    page.keyboard.press("j")
    assert focused(page) == "Bolt"
    page.keyboard.press("j")
    assert focused(page) == "Anvil"
    page.keyboard.press("k")
    page.keyboard.press("l")
    dialog = page.locator("#dialog form")
    expect(dialog).to_contain_text("Bolt")
    dialog.locator("select[name=reason_id]").evaluate("(s) => { s.value = [...s.options].find((o) => o.value).value; s.dispatchEvent(new Event('change', {bubbles: true})); }")
    dialog.locator("button[type=submit]").click()
    expect(page.locator(f"#deal-{bolt}")).to_have_count(0)
    assert stored(one, Deal, bolt).state == "lost"


def test_a_row_of_the_list_is_won_and_the_list_looks_again(visit: Visit, one: Office, deal) -> None:
    pump = deal("Pump", "Negotiation")
    page = visit("alice", LIST)
    page.keyboard.press("j")
    assert focused(page) == "Pump"
    page.keyboard.press("w")
    page.locator("#dialog button[type=submit]").click()
    expect(page.locator("#dialog > *")).to_have_count(0)
    expect(page.locator("#list")).to_contain_text("Won")
    assert stored(one, Deal, pump).state == "won"


def test_on_the_page_of_a_deal_the_keys_mean_that_deal(visit: Visit, deal) -> None:
    pump = deal("Pump")
    page = visit("alice", f"{LIST}/{pump}")
    page.keyboard.press("l")
    expect(page.locator("#dialog")).to_contain_text("Pump")
    page.locator("#dialog [data-close]").first.press("Enter")
    expect(page.locator("#dialog > *")).to_have_count(0)
    page.keyboard.press("a")
    expect(page.locator("#dialog form")).to_contain_text("Pump")


def test_the_help_lists_the_keys_by_page(visit: Visit) -> None:
    page = visit("alice", DAY)
    page.keyboard.press("?")
    for heading in ("Everywhere", "Lists", "Pipeline", "Calendar"):
        expect(page.locator("#dialog").get_by_role("heading", name=heading, exact=True)).to_be_visible()


# The calendar


def test_an_event_is_dragged_to_another_hour_and_day(visit: Visit, one: Office, plan) -> None:
    monday = -today().weekday()
    call = plan("Call Acme", monday, time(10))
    page = visit("alice", CALENDAR)
    event = page.locator(f"#ev-{call}")
    start = event.bounding_box()
    target = page.locator(f".cal-day[data-date='{today() + timedelta(days=monday + 2)}'] [data-hour='12']").bounding_box()
    page.mouse.move(start["x"] + 40, start["y"] + 5)
    page.mouse.down()
    page.mouse.move(start["x"] + 60, start["y"] + 20, steps=3)
    page.mouse.move(target["x"] + 40, target["y"] + 5, steps=10)
    page.mouse.up()
    expect(page.locator("#toasts")).to_contain_text("12:00")
    expect(page.locator(f".cal-day[data-date='{today() + timedelta(days=monday + 2)}'] #ev-{call}")).to_be_visible()
    moved = stored(one, Activity, call)
    assert (moved.due_on, moved.due_time) == (today() + timedelta(days=monday + 2), "12:00")
    assert page.url.endswith(CALENDAR), "letting go must not open it"


def test_an_event_is_moved_by_keys_and_keeps_the_focus(visit: Visit, one: Office, plan) -> None:
    monday = -today().weekday()
    call = plan("Call Acme", monday, time(10))
    page = visit("alice", CALENDAR)
    page.locator(f"#ev-{call}").focus()
    page.keyboard.press("Shift+ArrowDown")
    expect(page.locator(f"#ev-{call}[data-time='10:30']")).to_be_focused()
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator(f"#ev-{call}[data-date='{today() + timedelta(days=monday + 1)}']")).to_be_focused()
    assert stored(one, Activity, call).due_time == "10:30"


def test_the_arrows_turn_the_page_and_t_comes_back(visit: Visit) -> None:
    page = visit("alice", CALENDAR)
    title = page.locator("#calendar h1")
    now = title.inner_text()
    page.keyboard.press("ArrowRight")
    expect(title).not_to_have_text(now)
    page.keyboard.press("t")
    expect(title).to_have_text(now)


def test_an_empty_hour_opens_the_plan_with_its_day_and_time(visit: Visit) -> None:
    page = visit("alice", CALENDAR)
    page.locator(f".cal-day[data-date='{today()}'] [data-hour='15']").click()
    expect(page.locator("#drawer [name=due_time]")).to_have_value("15:00")
    expect(page.locator("#drawer [name=due_on]")).to_have_value(today().isoformat())


@pytest.mark.parametrize("width", [768, 1440])
def test_of_many_at_once_every_one_in_the_week_shows_some_of_its_title(visit: Visit, plan, width: int) -> None:
    for minute in range(4):
        plan("Call Acme", 0, time(10, minute))
    page = visit("alice", f"{CALENDAR}?view=week", viewport={"width": width, "height": 800})
    titles = page.locator(f".cal-day[data-date='{today()}'] .cal-subject")
    expect(titles).to_have_count(2)
    assert all(box["width"] >= 20 for box in titles.evaluate_all("(all) => all.map((e) => e.getBoundingClientRect().toJSON())"))
    page.get_by_role("link", name="2 more").click()
    expect(page.locator("#cal-grid.cal-grid-day .cal-day .cal-subject")).to_have_count(4)


@pytest.mark.parametrize("view", ["day", "week", "month"])
def test_the_calendar_has_no_barriers_and_fits_a_phone(visit: Visit, plan, axe, view: str) -> None:
    for minute in range(4):
        plan("Call Acme", 0, time(10, minute))
    plan("Call the buyer of the second line about the offer", -1)
    assert axe(visit("alice", f"{CALENDAR}?view={view}")) == []
    phone = visit("alice", f"{CALENDAR}?view={view}", **PHONE)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 360
    assert axe(phone) == []
