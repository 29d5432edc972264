"""Duplicates in the browser: the warning in the form, and merging by mouse, by keyboard, on a phone and without script."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.core.db import db
from app.core.writes import create
from app.modules.contacts.models import Account, Contact
from tests.conftest import Office

Visit = Callable[..., Page]
ACCOUNTS = "/c/one/contacts/accounts"


@pytest.fixture
def twins(one: Office) -> tuple[int, int]:
    with one:
        good = create(Account, {"name": "Acme", "city": "Alcoy", "phone": "961 234 567"})
        bad = create(Account, {"name": "ACME S.L.", "city": "Elche", "email": "hola@acme.example"})
        create(Contact, {"name": "Rosa", "account_id": bad.id})
        create(Contact, {"name": "Enric", "account_id": good.id})
        create(Contact, {"name": "Teresa", "account_id": good.id})
        return good.id, bad.id


def accounts(one: Office) -> dict[str, str | None]:
    """Name and city of the accounts there are."""
    with one:
        return dict(db.session.execute(select(Account.name, Account.city)).all())


def test_the_form_warns_of_a_duplicate_and_creates_it_when_told_to(visit: Visit, twins, one: Office, complaints) -> None:
    page = visit("alice", ACCOUNTS)
    page.locator("[data-new]").click()
    form = page.locator("#drawer form")
    form.get_by_label("Name").fill("acme, s.a.")
    form.get_by_label("City").fill("Murcia")
    form.get_by_role("button", name="Create", exact=True).click()
    warning = page.locator("#drawer [role=alert]")
    expect(warning).to_contain_text("Acme")
    expect(warning).to_be_focused()
    expect(form.get_by_label("City")).to_have_value("Murcia")
    complaints[:] = [c for c in complaints if "422" not in c]
    warning.get_by_role("button", name="Create anyway").click()
    expect(page.locator("h1")).to_have_text("acme, s.a.")
    assert accounts(one)["acme, s.a."] == "Murcia"


def test_two_are_merged_and_undo_brings_both_back(visit: Visit, twins, one: Office) -> None:
    page = visit("alice", f"{ACCOUNTS}/merge?ids={twins[0]},{twins[1]}")
    expect(page.get_by_role("radio", name="Acme Created", exact=False)).to_be_checked()
    page.get_by_role("radiogroup", name="City").get_by_text("Elche").click()
    page.get_by_role("button", name="Merge", exact=True).click()
    expect(page.locator("h1")).to_have_text("Acme")
    assert accounts(one) == {"Acme": "Elche"}
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("The merge was taken back.")).to_be_visible()
    assert accounts(one) == {"Acme": "Alcoy", "ACME S.L.": "Elche"}


def test_the_keyboard_is_enough(visit: Visit, twins, one: Office) -> None:
    page = visit("alice", f"{ACCOUNTS}/merge?ids={twins[0]},{twins[1]}")
    page.locator("input[name=winner]").first.focus()
    page.keyboard.press("ArrowRight")
    page.locator("input[name=take-city]:checked").focus()
    page.keyboard.press("ArrowRight")
    chosen = page.locator("input[name=take-city]:checked").get_attribute("value")
    page.locator("input[name=take-name]:checked").focus()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#record")).to_be_visible()
    assert page.url.endswith(f"/{twins[1]}")
    assert accounts(one) == {"Acme": {str(twins[0]): "Alcoy", str(twins[1]): "Elche"}[chosen]}


def test_all_values_of_one_are_taken_at_once(visit: Visit, twins, one: Office) -> None:
    page = visit("alice", f"{ACCOUNTS}/merge?ids={twins[0]},{twins[1]}")
    page.get_by_role("button", name="Take all its values").nth(1).click()
    for name in ("winner", "take-name", "take-city", "take-phone", "take-email"):
        expect(page.locator(f"input[name={name}]:checked")).to_have_value(str(twins[1]))


def test_without_script_and_on_a_phone_it_is_the_same(visit: Visit, twins, one: Office) -> None:
    page = visit("alice", f"{ACCOUNTS}/merge?ids={twins[0]},{twins[1]}", java_script_enabled=False, viewport={"width": 360, "height": 740})
    page.get_by_role("button", name="Merge", exact=True).click()
    expect(page.locator("h1")).to_have_text("Acme")
    assert list(accounts(one)) == ["Acme"]


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_nothing_is_cut(visit: Visit, twins, width: int) -> None:
    for address in (f"merge?ids={twins[0]},{twins[1]}", f"merge?ids={twins[0]}", "duplicates"):
        page = visit("alice", f"{ACCOUNTS}/{address}", viewport={"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(visit: Visit, twins, theme: str, axe: Callable[[Page], list[str]]) -> None:
    for address in (f"merge?ids={twins[0]},{twins[1]}", f"merge?ids={twins[0]}", "duplicates"):
        page = visit("alice", f"{ACCOUNTS}/{address}", color_scheme=theme)
        expect(page.locator("h1")).to_be_visible()
        assert axe(page) == []
