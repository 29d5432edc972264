"""Reports as people use them: filters, tabs and marks lead where they say; nothing for axe; nothing overflows a phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.cast import Person
from tests.conftest import Office
from tests.modules.crm.reporting import URL, tell

Visit = Callable[..., Page]
QUARTER = "period__gte=2025-01-01&period__lte=2025-03-31"


@pytest.fixture
def deals(one: Office, people: dict[str, Person]) -> dict[str, int]:
    with one:
        return tell(people)


def test_a_mark_of_the_funnel_leads_to_its_records(visit: Visit, deals: dict[str, int], axe) -> None:
    page = visit("alice", f"{URL}/funnel?{QUARTER}")
    expect(page.get_by_role("heading", name="Pre-sale funnel (cohort)")).to_be_visible()
    assert axe(page) == []

    mark = page.locator("#report section").first.locator("svg.v-chart:visible a").nth(2)
    expect(mark).to_have_accessible_name("Proposal: 3")
    mark.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Deals by stage reached (cohort): 3")
    expect(page.locator(".v-drill-table tbody tr")).to_have_count(3)
    page.go_back()

    page.get_by_role("link", name="Period: what happened in it").click()
    expect(page.get_by_role("heading", name="Pre-sale funnel (period)")).to_be_visible()
    assert "basis=period" in page.url


def test_reports_in_the_dark_have_no_findings(visit: Visit, deals: dict[str, int], axe) -> None:
    page = visit("alice", f"{URL}/sales?{QUARTER}", color_scheme="dark")
    expect(page.get_by_role("heading", name="Sales by rep")).to_be_visible()
    assert axe(page) == []


@pytest.mark.parametrize("report", ["sales", "funnel", "time", "losses", "portfolio", "followups"])
def test_no_report_is_wider_than_a_phone(visit: Visit, deals: dict[str, int], report: str) -> None:
    page = visit("alice", f"{URL}/{report}?{QUARTER}", viewport={"width": 360, "height": 740})
    expect(page.locator("#report h1")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


LETTERS = """() => [...document.querySelectorAll("#report svg.v-chart text")].filter((t) => t.checkVisibility())
    .map((t) => parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a)"""


@pytest.mark.parametrize("width", [360, 480, 600, 768, 1024, 1280, 1440, 1600])
def test_charts_are_read_alike_at_every_width(visit: Visit, deals: dict[str, int], width: int) -> None:
    page = visit("alice", f"{URL}/sales?{QUARTER}", viewport={"width": width, "height": 800})
    expect(page.locator("#report svg.v-chart text").first).to_be_attached()
    shown = "() => [...document.querySelectorAll('#report .v-charts')].map((all) => [...all.children].filter((s) => s.checkVisibility()).length)"
    assert set(page.evaluate(shown)) == {1}
    sizes = page.evaluate(LETTERS)
    assert min(sizes) >= 11.9, (min(sizes), max(sizes))
    assert max(sizes) <= 14.6, (min(sizes), max(sizes))


def test_a_filter_is_part_of_the_address(visit: Visit, deals: dict[str, int]) -> None:
    page = visit("alice", f"{URL}/sales?{QUARTER}")
    page.locator("#filter-compare summary").click()
    page.get_by_label("No comparison").click()  # a choice is taken at once
    expect(page.locator("#report")).not_to_contain_text("compared with")
    assert "compare=none" in page.url
    assert "period__gte=2025-01-01" in page.url
