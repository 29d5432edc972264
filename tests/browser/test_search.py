"""The palette by keyboard and by finger: find, open, create, switch company."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.core import writes
from app.core.db import db
from app.core.models import Membership, Role
from app.modules.contacts.models import Account
from tests.conftest import Office

Visit = Callable[..., Page]
HOME = "/c/one/contacts/contacts"


@pytest.fixture
def jose(one: Office) -> int:
    with one:
        writes.create(Account, {"name": "Josefa e Hijos"})
        return writes.create(Account, {"name": "José Núñez, S.L."}).id


def field(page: Page):
    return page.get_by_role("combobox", name="Search or do something")


def options(page: Page):
    return page.locator("#palette-found [role=option]")


def chosen(page: Page):
    return page.locator("#palette-found [role=option][aria-selected=true]")


def test_by_keyboard_from_anywhere_to_a_record(visit: Visit, jose: int, axe) -> None:
    page = visit("alice", HOME)
    page.keyboard.press("Control+k")
    expect(field(page)).to_be_focused()
    expect(options(page).filter(has_text="Members")).to_be_visible()
    page.keyboard.type("jos")
    expect(options(page)).to_have_count(2)
    expect(page.get_by_role("group", name="Accounts")).to_be_visible()
    expect(field(page)).to_have_attribute("aria-activedescendant", "palette-option-0")
    assert axe(page) == []
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(chosen(page)).to_contain_text("Josefa")
    for letter in "é nun":
        page.keyboard.type(letter)
    page.keyboard.press("Enter")  # before the answer has come
    page.wait_for_url(f"**/contacts/accounts/{jose}")


def test_the_slash_opens_it_and_escape_gives_the_page_back(visit: Visit, jose: int) -> None:
    page = visit("alice", HOME)
    page.locator("#main").press("/")
    expect(field(page)).to_be_focused()
    page.keyboard.type("nothing of the kind")
    expect(page.locator("#palette-found")).to_contain_text("Nothing matches “nothing of the kind”.")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.locator(".v-palette")).to_have_count(0)
    assert page.url.endswith(HOME)
    page.keyboard.press("Control+k")
    expect(field(page)).to_have_value("")
    page.keyboard.press("Control+k")
    expect(page.locator(".v-palette")).to_have_count(0)


def test_a_command_opens_the_form_to_create(visit: Visit, one: Office) -> None:
    page = visit("alice", HOME)
    page.keyboard.press("Control+k")
    page.keyboard.type("create account")
    expect(chosen(page)).to_have_text("Account")
    page.keyboard.press("Enter")
    drawer = page.locator("#drawer")
    drawer.get_by_label("Name").first.fill("Made by keyboard")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="Made by keyboard")).to_be_visible()
    with one:
        assert db.session.scalar(select(Account.id).where(Account.name == "Made by keyboard"))


def test_commands_go_elsewhere(visit: Visit, one: Office, two: Office, people) -> None:
    with two as session:
        admin = session.scalars(select(Role).filter_by(key="admin")).one()
        session.add(Membership(name="Alice", role_id=admin.id, user_id=people["alice"].user_id))
    page = visit("alice", HOME)
    page.keyboard.press("Control+k")
    page.keyboard.type("go to mem")
    expect(chosen(page)).to_have_text("Members")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/members")
    page.keyboard.press("Control+k")
    page.keyboard.type("two")
    expect(chosen(page)).to_have_text("Two")
    page.keyboard.press("Enter")
    page.wait_for_url("**/c/two/**")


def test_the_theme_the_help_and_the_way_out(visit: Visit) -> None:
    page = visit("alice", HOME)
    page.keyboard.press("Control+k")
    page.keyboard.type("dark")
    expect(chosen(page)).to_have_text("Appearance: dark")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.keyboard.press("Control+k")
    page.keyboard.type("shortcuts")
    expect(chosen(page)).to_have_text("Keyboard shortcuts")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.keyboard.type("log out")
    expect(chosen(page)).to_have_text("Log out")
    page.keyboard.press("Enter")
    page.wait_for_url("**/login**")


def test_records_opened_lately_are_offered_in_this_browser_until_one_logs_out(visit: Visit, jose: int) -> None:
    page = visit("alice", f"/c/one/contacts/accounts/{jose}")
    page.goto(HOME)
    page.keyboard.press("Control+k")
    lately = page.get_by_role("group", name="Opened lately").get_by_role("option")
    expect(lately).to_have_count(1)
    expect(lately).to_contain_text("José Núñez, S.L.")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/accounts/{jose}")
    page.keyboard.press("Control+k")
    page.keyboard.type("log out")
    expect(chosen(page)).to_have_text("Log out")
    page.keyboard.press("Enter")
    page.wait_for_url("**/login**")
    assert page.evaluate("() => Object.keys(localStorage).filter((k) => k.startsWith('vendimia.lately')).length") == 0


def test_what_is_typed_into_the_bar_goes_on_in_the_palette(visit: Visit, jose: int) -> None:
    page = visit("alice", HOME)
    page.locator(".v-search-top").click()
    expect(field(page)).to_be_focused()
    page.keyboard.press("Escape")
    page.locator(".v-search-top input").focus()
    page.keyboard.type("jos")
    expect(field(page)).to_have_value("jos")
    expect(options(page)).to_have_count(2)


def test_on_a_phone_with_a_finger(visit: Visit, jose: int) -> None:
    page = visit("alice", HOME, viewport={"width": 360, "height": 740}, has_touch=True)
    page.get_by_role("button", name="Search").tap()
    field(page).fill("nunez")
    options(page).filter(has_text="José").tap()
    page.wait_for_url(f"**/accounts/{jose}")


def test_without_script_it_is_a_page(visit: Visit, jose: int) -> None:
    page = visit("alice", HOME, java_script_enabled=False)
    page.locator(".v-search-top input").fill("nunez")
    page.locator(".v-search-top input").press("Enter")
    page.get_by_role("link", name=re.compile("José")).click()
    assert page.url.endswith(f"/accounts/{jose}")
