"""A new deal at the foot of a column: one line after the other, and its account by typing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from app.modules.contacts.models import Account
from tests.browser.board import BOARD, column
from tests.conftest import Office

Visit = Callable[..., Page]


@pytest.fixture
def accounts(one: Office, make: Callable[..., int]) -> None:
    with one as session:
        session.add_all(Account(name=name) for name in ("Acme Ibérica", "Beta", "Gamma"))
    make("Other")


def opened(page: Page, stage: str) -> Locator:
    """The line for a new deal in a stage, with the cursor in its name."""
    page.get_by_role("link", name=f"New deal in {stage}").click()
    form = page.locator(".v-quick")
    expect(form.locator("[name=name]")).to_be_focused()
    return form


def test_quick_create_stays_open_for_the_next_one(visit: Visit, pump: int):
    page = visit("alice", BOARD)
    form = opened(page, "Qualified")
    page.keyboard.type("Valve")
    form.locator("[name=amount]").fill("300")
    page.keyboard.press("Enter")
    expect(column(page, "Qualified").locator(".v-card")).to_contain_text("Valve")
    expect(column(page, "Qualified").locator(".v-col-sum")).to_contain_text("€300")
    expect(form.locator("[name=name]")).to_have_value("")
    expect(form.locator("[name=name]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(form.locator(".v-error")).to_be_visible()
    page.keyboard.press("Escape")
    expect(form).to_have_count(0)


def test_the_account_of_a_new_deal_is_found_by_typing(visit: Visit, accounts: None):
    page = visit("alice", BOARD)
    form = opened(page, "Contact")
    page.keyboard.type("Valve")
    form.locator(".ts-control").click()
    page.keyboard.type("iberica")  # at once: the list has the focus only an instant after the click
    expect(form.locator(".option", has_text="Acme")).to_be_visible()
    page.keyboard.press("Enter")
    expect(form.locator(".ts-control .item")).to_have_text("Acme Ibérica")
    form.locator("[name=amount]").fill("50")
    page.keyboard.press("Enter")
    new = column(page, "Contact").locator(".v-card", has_text="Valve")
    expect(new).to_contain_text("Acme Ibérica")


def test_who_types_faster_than_the_server_answers_gets_what_was_typed(visit: Visit, accounts: None):
    page = visit("alice", BOARD)
    form = opened(page, "Contact")
    form.locator(".ts-control").click()
    expect(form.locator(".option", has_text="Acme")).to_be_visible()
    page.keyboard.type("gamma")
    page.keyboard.press("Enter")
    expect(form.locator(".ts-control .item")).to_have_text("Gamma")
