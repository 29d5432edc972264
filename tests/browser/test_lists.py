"""Lists as people use them: by keyboard, with and without a mouse."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from app.core import writes
from tests.cast import Person
from tests.conftest import Office
from tests.dummy_module.models import Thing

URL = "/c/one/dummy/things"
Visit = Callable[..., Page]


@pytest.fixture
def things(one: Office, people: dict[str, Person]) -> None:
    """12 things: half of them red, pieces from 0 to 11, 100 euros each."""
    with one:
        rows = [
            {"name": f"Thing {n:02}", "colour": ("red", "green")[n % 2], "pieces": n, "price_minor": 10_000, "currency": "EUR",
             "owner_id": people["alice"].member_id}
            for n in range(12)
        ]  # fmt: skip
        writes.bulk_insert(Thing, rows)


def args(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def reach(page: Page, target: Locator, key: str = "Tab", most: int = 60) -> None:
    """Press a key until the cursor stands in the target."""
    for _step in range(most):
        if target.evaluate("(element) => element === document.activeElement"):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{target} is not reached by {key}")


def settled(page: Page) -> None:
    page.wait_for_load_state("networkidle")


def test_a_filter_a_view_a_group_and_columns_by_keyboard(visit: Visit, things: None) -> None:
    page = visit("alice", URL)
    reach(page, page.locator("#filter-open"))
    page.keyboard.press("Enter")

    # colour is red, or pieces at least 9
    join = page.locator("#drawer select[name=b]").first
    expect(join).to_be_visible()
    expect(page.locator("#cond-0-field")).to_be_visible()
    reach(page, join)
    page.keyboard.type("any")
    reach(page, page.locator("#cond-0-field"))
    page.keyboard.type("Colour")
    expect(page.locator("#cond-0-op")).to_be_visible()
    expect(page.locator("#cond-0-field")).to_be_focused()
    expect(join).to_have_value("(or")
    reach(page, page.locator("#cond-0-value"))
    page.keyboard.type("Red")
    expect(page.locator("#drawer output")).to_have_text("6 rows")
    reach(page, page.locator("#drawer button[value=add-0]"))
    page.keyboard.press("Enter")
    expect(page.locator("#cond-1-field")).to_be_focused()
    page.keyboard.type("Pieces")
    expect(page.locator("#cond-1-op")).to_have_value("at-least")
    reach(page, page.locator("#cond-1-value"))
    page.keyboard.type("9")
    expect(page.locator("#drawer output")).to_have_text("8 rows")
    page.keyboard.press("Enter")
    expect(page.locator("#drawer section")).to_have_count(0)
    assert json.loads(args(page)["filter"]) == {"or": [["colour", "is", "red"], ["pieces", "at-least", "9"]]}
    expect(page.locator(".v-chip-found")).to_have_text("Colour is Red or Pieces is at least 9")
    expect(page.locator("#list .v-main-cell")).to_have_count(8)

    # kept as a view for all
    reach(page, page.locator("#view-save summary"), "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#view-name")).to_be_focused()
    page.keyboard.type("Red or many")
    reach(page, page.locator("#view-save input[name=shared]"))
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.locator(".v-tabs [aria-current]")).to_contain_text("Red or many")
    assert set(args(page)) == {"view"}

    # grouped
    reach(page, page.locator("#group-menu summary"))
    page.keyboard.press("Enter")
    reach(page, page.locator("#group-menu a", has_text="Colour"), "ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".v-group-open")).to_have_text(["Red 6", "Green 2"])
    reach(page, page.locator(".v-group-open").last)
    page.keyboard.press("Enter")
    expect(page.locator(".v-group-rows .v-main-cell")).to_have_text(["Thing 09", "Thing 11"])
    expect(page.locator(".v-group-open").last).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Enter")
    expect(page.locator(".v-group-rows .v-main-cell").first).to_be_hidden()

    # columns: pieces before all others but the name
    reach(page, page.locator("#column-menu summary"), "Shift+Tab")
    page.keyboard.press("Enter")
    pieces = page.locator("[data-column]", has_text="Pieces")
    reach(page, pieces.locator("[data-move='-1']"))
    for _step in range(8):
        page.keyboard.press("Enter")
    expect(page.locator("[data-column] label").first).to_have_text("Pieces")
    reach(page, page.locator("#column-menu button", has_text="Apply").last)
    page.keyboard.press("Enter")
    expect(page.locator("#list thead th:not(.v-tick)").first).to_have_text("Pieces")
    assert args(page)["columns"].startswith("pieces,name,")

    page.reload()
    expect(page.locator("#list thead th:not(.v-tick)").first).to_have_text("Pieces")
    expect(page.locator(".v-group-open")).to_have_text(["Red 6", "Green 2"])
    page.go_back()
    expect(page.locator("#list thead th:not(.v-tick)").first).to_have_text("Name")
    expect(page.locator(".v-group-open")).to_have_count(2)
    page.go_back()
    expect(page.locator("#list .v-main-cell")).to_have_count(8)

    dave = visit("dave", URL)
    expect(dave.locator(".v-tabs a")).to_have_text(["All", "Red or many\nShared with the company"], use_inner_text=True)


def test_one_key_does_not_throw_away_what_was_typed(visit: Visit, things: None) -> None:
    page = visit("alice", URL)
    form = page.locator("#drawer form")
    page.locator("[data-new]").click()
    expect(form).to_be_visible()
    page.keyboard.press("Escape")
    expect(form).to_have_count(0)
    page.locator("[data-new]").click()
    form.locator("[name=pieces]").fill("many")
    page.keyboard.press("Escape")
    expect(page.locator("#toasts")).to_contain_text("Press Esc again")
    expect(form.locator("[name=pieces]")).to_have_value("many")
    page.keyboard.press("Escape")
    expect(form).to_have_count(0)
    page.locator("[data-new]").click()
    form.locator("[name=pieces]").fill("many")
    form.locator("[name=pieces]").press("Enter")
    expect(form.locator(".v-error").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(form.locator("[name=pieces]")).to_have_value("many")
    page.locator("#drawer [data-close]").first.click()
    expect(form).to_have_count(0)


def test_the_drawer_closes_without_a_trace_and_has_an_address(visit: Visit, things: None) -> None:
    page = visit("alice", f"{URL}?colour=red")
    page.locator("#filter-open").click()
    expect(page.locator("#drawer section")).to_be_visible()
    assert urlsplit(page.url).path == f"{URL}/filter"
    page.keyboard.press("Escape")
    expect(page.locator("#drawer section")).to_have_count(0)
    assert page.url.endswith(f"{URL}?colour=red")
    page.goto(f"{URL}/filter?colour=red")
    expect(page.locator("h1")).to_have_text("Filter")
    expect(page.locator("output")).to_have_text("6 rows")


def test_nothing_of_it_needs_a_script(visit: Visit, things: None) -> None:
    page = visit("alice", f"{URL}/filter", java_script_enabled=False)
    page.locator("#cond-0-field").select_option("pieces")
    page.locator("button", has_text="Continue").click()
    page.locator("#cond-0-value").fill("9")
    page.locator("button[value=nest-0]").click()
    page.locator("#cond-1-field").select_option("colour")
    page.locator("button", has_text="Continue").click()
    page.locator("#cond-1-value").select_option("red")
    page.locator("footer button[value=apply]").click()
    expect(page.locator(".v-chip-found")).to_have_text(["Pieces is at least 9", "Colour is Red"])
    expect(page.locator("#list .v-main-cell")).to_have_text(["Thing 10"])
    page.goto(f"{URL}?group=colour")
    page.locator(".v-group-open").first.click()
    expect(page.locator("#list .v-main-cell")).to_have_count(6)


def test_list_form_and_groups_have_no_barriers(visit: Visit, things: None, axe: Callable[[Page], list[str]]) -> None:
    tree = json.dumps({"and": [["pieces", "at-least", "3"], {"or": [["colour", "one-of", "red", "green"], ["day", "is", "this-month"]]}]})
    for theme in ("light", "dark"):
        page = visit("alice", f"{URL}?group=colour&filter={tree}", color_scheme=theme)
        settled(page)
        page.locator(".v-group-open").first.click()
        expect(page.locator(".v-group-rows .v-main-cell").first).to_be_visible()
        assert axe(page) == []
        page.locator("#column-menu summary").click()
        assert axe(page) == []
        page.locator("#filter-open").click()
        expect(page.locator("#drawer output")).not_to_be_empty()
        assert axe(page) == []


@pytest.mark.parametrize("width", [360, 768])
def test_nothing_sticks_out_where_it_is_narrow(visit: Visit, things: None, width: int) -> None:
    tree = json.dumps({"and": [["pieces", "at-least", "3"], ["colour", "one-of", "red", "green"], ["mail", "empty"]]})
    for address in (f"{URL}?filter={tree}", f"{URL}?group=colour", f"{URL}/filter?filter={tree}"):
        page = visit("alice", address, viewport={"width": width, "height": 740})
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
