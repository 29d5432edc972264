"""Many rows at once and cells in place, as people use them: by keyboard, by mouse, by thumb."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.core import writes
from app.core.db import db
from tests.cast import Person
from tests.conftest import Office
from tests.dummy_module.models import Thing

Visit = Callable[..., Page]
URL = "/c/one/dummy/things"
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def things(one: Office, people: dict[str, Person]) -> list[int]:
    row = {"pieces": 1, "colour": "red", "owner_id": people["alice"].member_id}
    with one:
        return writes.bulk_insert(Thing, [{**row, "name": f"Thing {n:02}"} for n in range(60)])


def stored(one: Office, column: Any) -> list[Any]:
    with one:
        return list(db.session.scalars(select(column).order_by(Thing.id)))


def cell(page: Page, row: int, name: str) -> Any:
    """A cell of the nth row, shown or being edited."""
    return page.locator(".v-rows tbody tr").nth(row).locator(f"td[id$='-{name}']")


def test_rows_are_ticked_changed_and_put_back_by_keyboard(visit: Visit, things, one: Office, axe) -> None:
    page = visit("alice", URL)
    page.get_by_role("link", name="Thing 00").focus()
    page.keyboard.press("x")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("x")
    bar = page.locator("#mass-form")
    expect(bar).to_contain_text("Chosen: 2")
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()
    page.keyboard.press("x")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("x")
    bar.get_by_role("button", name="Change a field…").press("Enter")
    dialog = page.locator("#dialog")
    dialog.get_by_label("Field").select_option("pieces")
    dialog.get_by_label("Pieces").fill("9")
    assert axe(page) == []
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("Thing 01")
    assert stored(one, Thing.pieces)[:4] == [1, 1, 1, 1]
    expect(dialog.get_by_role("button", name="Change 2 rows")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("[data-toast]")).to_contain_text("2 rows changed.")
    assert stored(one, Thing.pieces)[:4] == [1, 9, 9, 1]
    assert axe(page) == []
    page.get_by_role("button", name="Undo").press("Enter")
    expect(page.locator("[data-toast]")).to_contain_text("2 rows are as they were before.")
    assert stored(one, Thing.pieces)[:4] == [1, 1, 1, 1]


def test_all_of_the_list_is_offered_once_the_page_is_ticked(visit: Visit, things, one: Office) -> None:
    page = visit("alice", URL)
    expect(page.locator(".v-pager")).to_contain_text("60 rows")
    page.get_by_label("Choose all rows on this page").first.check()
    bar = page.locator("#mass-form")
    expect(bar).to_contain_text("Chosen: 50")
    bar.get_by_label("All of this list").check()
    bar.get_by_role("button", name="Throw away…").click()
    expect(page.locator("#dialog")).to_contain_text("Throw 60 rows away?")
    page.locator("#dialog").get_by_role("button", name="Throw away").click()
    expect(page.locator("[data-toast]")).to_contain_text("60 rows were thrown away.")
    assert stored(one, Thing.id) == []
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".v-rows tbody tr")).to_have_count(50)
    assert len(stored(one, Thing.id)) == 60


def test_shift_and_click_tick_what_lies_between(visit: Visit, things) -> None:
    page = visit("alice", URL)
    page.locator("[data-tick]").nth(2).click()
    page.locator("[data-tick]").nth(6).click(modifiers=["Shift"])
    expect(page.locator("#mass-form")).to_contain_text("Chosen: 5")


def test_a_cell_is_edited_in_place_and_tab_goes_on(visit: Visit, things, one: Office) -> None:
    page = visit("alice", f"{URL}?columns=name,pieces,share,colour")
    cell(page, 0, "pieces").dblclick()
    expect(cell(page, 0, "pieces").locator("input[name=pieces]")).to_be_focused()
    page.keyboard.type("x")
    page.keyboard.press("Enter")
    expect(cell(page, 0, "pieces")).to_contain_text("is not a number")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("12")
    page.keyboard.press("Tab")
    expect(cell(page, 0, "pieces")).to_have_text("12")
    expect(cell(page, 0, "share").locator("input[name=share]")).to_be_focused()
    page.keyboard.press("Escape")
    expect(cell(page, 0, "share")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.type("30")
    page.keyboard.press("Enter")
    expect(cell(page, 1, "share")).to_have_text(re.compile("30"))
    expect(cell(page, 1, "share")).to_be_focused()
    page.keyboard.press("e")
    expect(cell(page, 1, "share").locator("input[name=share]")).to_be_focused()
    assert stored(one, Thing.pieces)[:2] == [12, 1]
    assert stored(one, Thing.share)[:2] == [None, 30]


def test_what_is_typed_before_the_control_is_there_is_not_lost(visit: Visit, things, one: Office) -> None:
    page = visit("alice", f"{URL}?columns=name,pieces,share,colour")
    page.route("**/cells/*", lambda route: (page.wait_for_timeout(300), route.continue_()))
    page.get_by_role("link", name="Thing 00").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.keyboard.type("41")
    page.keyboard.press("Enter")
    expect(cell(page, 0, "pieces")).to_have_text("41")
    assert stored(one, Thing.pieces)[0] == 41


def test_a_late_edit_of_a_cell_shows_both_values(visit: Visit, things, one: Office) -> None:
    page = visit("alice", f"{URL}?columns=name,pieces,share,colour")
    cell(page, 0, "pieces").dblclick()
    expect(cell(page, 0, "pieces").locator("input[name=pieces]")).to_be_focused()
    with one:
        writes.update(db.session.get_one(Thing, things[0]), {"pieces": 77})
    page.keyboard.type("5")
    page.keyboard.press("Enter")
    expect(cell(page, 0, "pieces")).to_contain_text("Saved meanwhile: 77")
    expect(cell(page, 0, "pieces").locator("input[name=pieces]")).to_have_value("5")
    page.keyboard.press("Enter")
    expect(cell(page, 0, "pieces")).to_have_text("5")
    assert stored(one, Thing.pieces)[0] == 5


def test_on_a_phone_rows_are_ticked_by_thumb(visit: Visit, things, one: Office, axe) -> None:
    page = visit("alice", URL, **PHONE)
    page.locator("td.v-tick").nth(0).tap()
    page.locator("td.v-tick").nth(1).tap()
    bar = page.locator("#mass-form")
    expect(bar).to_contain_text("Chosen: 2")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    # The way out stands beside the count, not on a line of its own.
    out, count = (bar.locator(each).bounding_box() for each in (".v-mass-clear", ".v-mass-count"))
    assert out["y"] < count["y"] + count["height"] / 2 < out["y"] + out["height"]
    assert axe(page) == []
    bar.get_by_label("Choose all rows on this page").tap()
    bar.get_by_label("All of this list").tap()
    box = bar.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360
    bar.get_by_role("button", name="Choose none").tap()
    expect(bar).to_be_hidden()
    page.get_by_role("link", name="Thing 03").tap()
    expect(page).to_have_url(re.compile(r"/things/\d+$"))


def test_a_record_is_thrown_away_and_brought_back_from_its_address(visit: Visit, things, axe) -> None:
    page = visit("alice", f"{URL}/{things[0]}")
    page.locator(".v-rec-actions summary").click()
    page.get_by_role("link", name="Throw away…").click()
    dialog = page.locator("#dialog")
    expect(dialog).to_contain_text("Throw “Thing 00” away?")
    dialog.get_by_role("button", name="Throw away").click()
    expect(page.locator("[data-toast]")).to_contain_text("was thrown away")
    page.goto(f"{URL}/{things[0]}")
    expect(page.locator("h1")).to_contain_text("lies in the trash")
    assert axe(page) == []
    page.goto(f"{URL}/trash")
    assert axe(page) == []
    page.goto(f"{URL}/{things[0]}")
    page.get_by_role("button", name="Bring back").click()
    expect(page.locator("h1")).to_have_text("Thing 00")


def test_without_javascript_rows_are_changed_step_by_step(visit: Visit, things, one: Office) -> None:
    page = visit("alice", URL, java_script_enabled=False)
    page.locator("[data-tick]").nth(0).check()
    page.get_by_role("button", name="Change a field…").click()
    page.get_by_label("Field").select_option("pieces")
    page.get_by_role("button", name="Next").click()
    page.get_by_label("Pieces").fill("4")
    page.get_by_role("button", name="See what changes").click()
    page.get_by_role("button", name="Change 1 row").click()
    expect(page.locator("[data-toast]")).to_contain_text("1 row changed.")
    assert stored(one, Thing.pieces)[:2] == [4, 1]
