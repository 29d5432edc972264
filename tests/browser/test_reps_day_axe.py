"""The pages of a rep's day and of the reports have no barriers: axe finds nothing serious, wide and on a phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.reps_day import CRM, Day

Visit = Callable[..., Page]
SIZES = {
    "wide": {"viewport": {"width": 1440, "height": 900}},
    "phone": {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True},
}
# Address and what is there once the page has come.
PAGES = {
    "day": (f"{CRM}/day", "#day [data-row]"),
    "calendar": (f"{CRM}/calendar", "#calendar h1"),
    "forecast": (f"{CRM}/forecast", "#outlook"),
    "funnel": (f"{CRM}/reports/funnel", "#report h1"),
    "pivot": (f"{CRM}/pivot", "#main h1"),
}


@pytest.mark.parametrize("size", SIZES)
def test_the_pages_have_no_barriers(visit: Visit, day: Day, axe, size: str) -> None:
    page = visit("bob", f"{CRM}/board", **SIZES[size])
    found = {}
    for name, (address, there) in PAGES.items():
        page.goto(address)
        expect(page.locator(there).first).to_be_visible()
        found[name] = axe(page)
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize("size", SIZES)
def test_the_page_of_a_deal_its_panels_and_the_log_have_no_barriers(visit: Visit, day: Day, axe, size: str) -> None:
    page = visit("bob", f"{CRM}/deals/{day.deals['Press']}", **SIZES[size])
    page.locator(".v-rec-panel").last.scroll_into_view_if_needed()
    expect(page.locator(".v-rec-panel .v-loading")).to_have_count(0)
    assert axe(page) == []
    page.locator("#deal-step [data-log]").press("Enter")
    expect(page.locator("#dialog form")).to_be_visible()
    assert axe(page) == []
