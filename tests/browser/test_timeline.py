"""The stream in the browser: writing by keyboard, naming a colleague, files chosen and dropped, and the bell."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from app.core import notes
from app.core.db import db
from app.core.note_models import Note, Notice
from app.core.notices import notify
from app.core.registry import registry
from app.core.writes import create
from app.modules.contacts.models import Account
from tests.conftest import Office

Visit = Callable[..., Page]
DROP = """files => {
  const data = new DataTransfer();
  for (const [name, text] of files) data.items.add(new File([text], name));
  const at = document.querySelector("#stream");
  for (const kind of ["dragover", "drop"]) at.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


@pytest.fixture
def account(one: Office, people) -> str:
    with one:
        return f"/c/one/contacts/accounts/{create(Account, {'name': 'Acme', 'owner_id': people['bob'].member_id}).id}"


def test_a_note_is_written_by_keyboard_and_names_a_colleague(visit: Visit, account: str, one: Office, people) -> None:
    page = visit("bob", account)
    box = page.locator("#note-text")
    box.focus()
    page.keyboard.type("Ask @mo")
    expect(page.get_by_role("option", name="Mona")).to_be_visible()
    page.keyboard.press("Enter")
    expect(box).to_have_value("Ask @Mona ")
    page.keyboard.type("first")
    page.keyboard.press("Enter")
    page.keyboard.type("https://example.com/x")
    page.keyboard.press("Control+Enter")
    note = page.locator(".v-ev.is-note")
    expect(note).to_contain_text("Bob wrote")
    expect(note.locator(".v-mention")).to_have_text("@Mona")
    expect(note.get_by_role("link", name="https://example.com/x")).to_have_attribute("rel", "noopener noreferrer nofollow")
    expect(page.locator("#note-text")).to_have_value("")
    expect(page.locator("#note-text")).to_be_focused()
    with one:
        assert db.session.scalars(select(Notice.member_id)).all() == [people["mona"].member_id]


def test_a_note_is_changed_and_deleted_in_its_place(visit: Visit, account: str, one: Office) -> None:
    page = visit("bob", account)
    page.locator("#note-text").fill("Frist")
    page.get_by_role("button", name="Save note").click()
    note = page.locator(".v-ev.is-note")
    note.hover()
    page.locator("#note-text").fill("A draft of the next one")
    note.get_by_role("button", name="Change this note").click()
    field = note.get_by_role("textbox")
    expect(field).to_be_focused()
    field.fill("Changed my mind")
    field.press("Escape")
    expect(note).to_contain_text("Frist")
    note.get_by_role("button", name="Change this note").click()
    note.get_by_role("textbox").fill("First")
    note.get_by_role("textbox").press("Control+Enter")
    expect(note.locator(".v-ev-body")).to_have_text("First")
    expect(note).to_contain_text("changed")
    expect(page.locator("#note-text")).to_have_value("A draft of the next one")
    note.get_by_role("button", name="Delete this note").click()
    page.locator("#dialog").get_by_role("button", name="Delete").click()
    expect(note).to_have_count(0)
    expect(page.locator("#dialog")).to_be_empty()
    expect(page.locator("#note-text")).to_have_value("A draft of the next one")


def test_an_empty_note_says_so_and_a_late_one_loses_nothing(visit: Visit, account: str, one: Office, complaints) -> None:
    page = visit("bob", account)
    page.get_by_role("button", name="Save note").click()
    expect(page.locator("#note-error")).to_have_text("Write something first.")
    page.locator("#note-text").fill("Mine")
    page.get_by_role("button", name="Save note").click()
    note = page.locator(".v-ev.is-note")
    note.hover()
    note.get_by_role("button", name="Change this note").click()
    field = note.get_by_role("textbox")
    field.fill("Typed late")
    with one:
        stored = db.session.scalars(select(Note)).one()
        notes.change(registry.resource("contacts.account"), stored.row_id, stored.id, "Saved meanwhile", stored.version)
    note.get_by_role("button", name="Save").click()
    expect(note.get_by_role("alert")).to_contain_text("Saved meanwhile")
    expect(note.get_by_role("textbox")).to_have_value("Typed late")
    note.get_by_role("button", name="Save").click()
    expect(note.locator(".v-ev-body")).to_have_text("Typed late")
    complaints[:] = [c for c in complaints if "422" not in c and "409" not in c]


def test_files_are_chosen_dropped_and_saved(visit: Visit, account: str, tmp_path) -> None:
    page = visit("bob", account)
    page.set_input_files("#file-box input[type=file]", [{"name": "año.txt", "mimeType": "text/plain", "buffer": b"Hello"}])
    expect(page.get_by_role("link", name="año.txt")).to_be_visible()
    page.evaluate(DROP, [["one.txt", "1"], ["two.txt", "2"]])
    expect(page.get_by_role("link", name="two.txt")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("link", name="año.txt").click()
    assert saved.value.suggested_filename == "año.txt"
    page.get_by_role("navigation", name="Show").get_by_role("link", name="Notes").click()
    expect(page.get_by_text("No notes yet")).to_be_visible()
    expect(page).to_have_url(f"{page.url.partition('?')[0]}?show=notes")
    page.get_by_role("navigation", name="Show").get_by_role("link", name="Files").click()
    expect(page.locator(".v-ev.is-file")).to_have_count(3)
    page.reload()
    expect(page.locator(".v-ev.is-file")).to_have_count(3)


def test_what_is_too_large_is_not_even_sent(visit: Visit, account: str) -> None:
    page = visit("bob", account)
    page.locator("#file-box").evaluate("form => { form.dataset.largest = 3 }")
    page.set_input_files("#file-box input[type=file]", [{"name": "a.txt", "mimeType": "text/plain", "buffer": b"Hello"}])
    expect(page.locator("#toasts")).to_contain_text("at most 10 MB")
    expect(page.locator(".v-ev.is-file")).to_have_count(0)


def test_the_bell_tells_and_is_quiet_once_read(visit: Visit, one: Office, people) -> None:
    with one:
        notify([people["bob"].member_id], "Look at the deals", "crm/deals")
        notify([people["bob"].member_id], "Look at the accounts", "contacts/accounts")
    page = visit("bob", "/c/one/contacts/contacts")
    bell = page.locator("#bell summary")
    expect(bell).to_contain_text("2 unread")
    bell.click()
    page.locator("#bell-list").get_by_role("link", name="Look at the accounts").click()
    expect(page).to_have_url(f"{page.url.partition('/c/')[0]}/c/one/contacts/accounts")
    expect(page.locator("#bell summary")).to_contain_text("1 unread")
    page.locator("#bell summary").press("Enter")
    page.locator("#bell-list").get_by_role("button", name="Mark all as read").click()
    expect(page.locator("#bell summary")).to_contain_text("nothing new")
    with one:
        assert db.session.scalar(select(func.count(Notice.id)).where(Notice.read_at.is_(None))) == 0


def test_without_script_notes_and_files_work(visit: Visit, account: str, one: Office) -> None:
    page = visit("bob", account, java_script_enabled=False)
    page.locator("#note-text").fill("Plain")
    page.get_by_role("button", name="Save note").click()
    expect(page.locator(".v-ev.is-note")).to_contain_text("Plain")
    page.set_input_files("#file-box input[type=file]", [{"name": "a.txt", "mimeType": "text/plain", "buffer": b"Hello"}])
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("link", name="a.txt")).to_be_visible()
    page.get_by_role("link", name="Choose whom to tell…").click()
    page.get_by_label("Tell these people").select_option("Mona")
    page.locator("#note-text").fill("For Mona")
    page.get_by_role("button", name="Save note").click()
    expect(page.get_by_text("For Mona")).to_be_visible()
    page.get_by_role("button", name="Delete this note").first.click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("The note was deleted.")).to_be_visible()
    with one:
        assert db.session.scalars(select(Note.text)).all() == ["Plain"]


@pytest.mark.parametrize("size", [{"width": 1440, "height": 900}, {"width": 360, "height": 740}], ids=["wide", "phone"])
def test_it_is_accessible(visit: Visit, account: str, people, size, one: Office, axe) -> None:
    with one:
        notes.add(registry.resource("contacts.account"), int(account.rpartition("/")[2]), "A note, see https://example.com")
        notify([people["alice"].member_id], "Look", "crm/deals")
    page = visit("alice", account, viewport=size)
    assert axe(page) == []
    page.locator("#bell summary").click()
    expect(page.locator("#bell-list").get_by_role("link", name="Look")).to_be_visible()
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
