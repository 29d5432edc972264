"""Dashboards as people arrange them: by keyboard, by mouse and by menu; widgets load by themselves; nothing for axe; phones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from app.core.clock import today
from app.core.db import db
from app.modules.kpi.dashboards import queries
from app.modules.kpi.dashboards.models import Dashboard
from tests.cast import Person
from tests.conftest import Office
from tests.modules.kpi.goals_world import KPI, build, running, won

Visit = Callable[..., Page]
WON = "crm.won_amount"


@pytest.fixture
def sales(one: Office, people: dict[str, Person]) -> None:
    with one:
        world = build(people)
        first = date(today().year, (today().month - 1) // 3 * 3 + 1, 1)
        won(world.bob, first, 17)
        won(world.dave, first, 70)
        for owner in (world.bob, world.dave):
            running(owner, name="Quota", metric=WON, target=Decimal(65_000), is_quota=True, first_day=first)


def titles(page: Page) -> list[str]:
    return page.locator("#kd-grid h2").all_inner_texts()


def widget(page: Page, title: str) -> Locator:
    return page.locator(".kd-widget").filter(has=page.get_by_role("heading", name=title, exact=True)).first


def loaded(page: Page) -> None:
    expect(page.locator(".kd-body[aria-busy]")).to_have_count(0, timeout=20_000)


def stored(one: Office) -> tuple[list[str], list[int]]:
    with one:
        there = queries.widgets_of(db.session.scalars(select(Dashboard.id)).one())
        return [each.shape for each in there], [each.width for each in there]


def test_a_copy_is_arranged_by_keyboard_mouse_and_menu(visit: Visit, one: Office, sales: None, axe: Any) -> None:
    page = visit("mona", f"{KPI}/dashboards/team", viewport={"width": 1440, "height": 1200})
    loaded(page)
    assert axe(page) == []
    page.get_by_role("button", name="Make it mine").click()
    loaded(page)
    before = titles(page)
    assert axe(page) == []

    grip = widget(page, before[0]).locator(".kd-grip")
    grip.focus()
    page.keyboard.press("ArrowRight")
    assert titles(page)[:2] == [before[1], before[0]]
    expect(grip).to_be_focused()
    page.keyboard.press("+")
    expect(widget(page, before[0])).to_have_attribute("data-width", "2")
    expect(page.locator("#announce")).to_contain_text(f"{before[0]} now takes 2 of 4 columns.")

    menu = widget(page, before[2])
    menu.get_by_label(f"Arrange {before[2]}").click()
    menu.get_by_role("button", name="Move earlier").click()
    assert titles(page)[:3] == [before[1], before[2], before[0]]

    source, target = widget(page, before[3]).locator(".kd-grip").bounding_box(), widget(page, before[1]).bounding_box()
    assert source and target
    page.mouse.move(source["x"] + 8, source["y"] + 10)
    page.mouse.down()
    page.mouse.move(target["x"] + 30, target["y"] + 30, steps=12)
    page.mouse.move(target["x"] + 12, target["y"] + 24, steps=4)
    page.mouse.up()
    after = titles(page)
    assert after[0] == before[3]

    expect(page.locator("#kd-grid")).to_have_attribute("data-version", "5")
    page.reload()
    loaded(page)
    assert titles(page) == after
    assert sorted(stored(one)[1]) == sorted([1, 2, 1, 1, 2, 2, 4, 2, 2])


def test_who_comes_late_sees_what_is_there_now(visit: Visit, one: Office, sales: None, complaints: list[str]) -> None:
    page = visit("mona", f"{KPI}/dashboards/me", viewport={"width": 1440, "height": 1200})
    page.get_by_role("button", name="Make it mine").click()
    loaded(page)
    before = titles(page)
    with one:
        row = db.session.scalars(select(Dashboard)).one()
        row.name = "Renamed meanwhile"
    widget(page, before[0]).locator(".kd-grip").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("heading", level=1)).to_have_text("Renamed meanwhile")
    assert titles(page) == before
    complaints.clear()  # the browser notes the 409


def test_a_widget_is_added_in_the_drawer(visit: Visit, one: Office, sales: None, axe: Any) -> None:
    page = visit("bob", f"{KPI}/dashboards")
    page.get_by_role("link", name="New dashboard").click()
    page.locator("#drawer").get_by_label("Name").fill("Mine")
    page.locator("#drawer").get_by_label("Begin with the widgets of").select_option("empty")
    assert axe(page) == []
    page.locator("#drawer").get_by_role("button", name="Create").or_(page.locator("#drawer").get_by_role("button", name="Save")).click()
    expect(page.get_by_role("heading", name="An empty dashboard")).to_be_visible()
    page.get_by_role("link", name="Add a widget").click()
    drawer = page.locator("#drawer")
    drawer.get_by_label("Figure").select_option(WON)
    drawer.get_by_label("Shape").select_option("ranking")
    drawer.get_by_role("button", name="Save").click()
    expect(drawer.get_by_text("By what should")).to_be_visible()
    drawer.get_by_label("Split by").select_option("owner")
    drawer.get_by_role("button", name="Save").click()
    loaded(page)
    expect(page.locator("#kd-grid svg.v-chart")).not_to_have_count(0)
    page.locator("#kd-grid svg.v-chart:visible a").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Amount won: €17,000")


@pytest.mark.parametrize("width", [360, 768, 1440])
@pytest.mark.parametrize("path", ["dashboards/company", "revenue"])
def test_no_page_is_wider_than_its_window(visit: Visit, sales: None, path: str, width: int, axe: Any) -> None:
    page = visit("alice", f"{KPI}/{path}", viewport={"width": width, "height": 800}, color_scheme="dark" if width == 768 else "light")
    if path != "revenue":
        loaded(page)
    else:
        expect(page.locator("[aria-busy]")).to_have_count(0, timeout=20_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert axe(page) == []
