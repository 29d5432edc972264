"""Whatever is wrong gets a sentence in the user's language, a fitting status, and changes nothing."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from app.core import writes
from app.core.db import db
from app.core.models import Change, Role, User
from app.modules.contacts.models import Account
from tests.conftest import Office


def _accounts(one: Office) -> int:
    with one:
        return db.session.scalar(select(func.count(Account.id)))


def test_an_unknown_page_is_404_in_a_page_and_in_a_fragment(client_of) -> None:
    alice = client_of("alice")
    page = alice.get("/c/one/contacts/accounts/999999")
    assert page.status_code == 404
    assert "<html" in page.text and "There is nothing here" in page.text
    part = alice.get("/c/one/contacts/accounts/999999", headers={"HX-Request": "true"})
    assert part.status_code == 404
    assert "<html" not in part.text
    assert alice.get("/nowhere").status_code == 404


def test_what_an_address_asks_wrongly_leaves_a_way_to_its_page(client_of) -> None:
    alice = client_of("alice")
    wrong = alice.get("/c/one/crm/reports/sales?period=sometime")
    assert wrong.status_code == 422
    assert '<a class="btn btn-primary" href="/c/one/crm/reports/sales">' in wrong.text
    for there_is_none in ("/c/one/contacts/accounts/999999?tab=1", "/c/one/contacts/accounts/999999"):
        assert "btn-primary" not in alice.get(there_is_none).text


def test_refusals_speak_the_readers_language(app: Flask, client_of) -> None:
    with app.app_context():
        db.session.execute(User.__table__.update().values(language="es"), execution_options={"bulk_checked": True})
        db.session.commit()
    page = client_of("alice").get("/c/one/contacts/accounts/999999").text
    assert 'lang="es"' in page
    assert "There is nothing here" not in page


def test_the_forms_library_speaks_it_too(app: Flask, client_of) -> None:
    with app.app_context():
        db.session.execute(User.__table__.update().values(language="es"), execution_options={"bulk_checked": True})
        db.session.commit()
    role = {"name": "x" * 200}
    page = client_of("alice").post("/c/one/admin/roles/new", data=role)
    assert page.status_code == 422
    assert "caracteres" in page.text
    assert "characters" not in page.text


def test_a_form_without_our_token_is_refused_and_changes_nothing(one: Office, client_of) -> None:
    alice = client_of("alice")
    alice.environ_base["HTTP_X_CSRFTOKEN"] = "forged"
    before = _accounts(one)
    answer = alice.post("/c/one/contacts/accounts/new", data={"name": "X"})
    assert answer.status_code == 400
    assert "too long" in answer.text
    assert _accounts(one) == before


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"name": ""}, "This field is needed"),
        ({"name": "x" * 161}, "At most 160 characters"),
        ({"name": "A", "email": "nonsense"}, "is not a mail address"),
        ({"name": "A", "annual_revenue": "a lot"}, "is not a number"),
        ({"name": "A", "annual_revenue": "-1"}, "cannot be below zero"),
        ({"name": "A", "owner_id": "999999"}, "There is no"),
        ({"name": "A", "founded": "MCMXC"}, "is not a number"),
        ({"name": "A", "website": "javascript://x"}, "is not a web address"),
    ],
)
def test_a_wrong_field_is_422_keeps_what_was_typed_and_saves_nothing(one: Office, client_of, data, said: str) -> None:
    before = _accounts(one)
    answer = client_of("alice").post("/c/one/contacts/accounts/new", data={**data, "city": "Alcoy de prueba"})
    assert answer.status_code == 422
    assert said in answer.text
    assert "Alcoy de prueba" in answer.text
    assert _accounts(one) == before


def test_a_reference_to_another_companys_row_is_unknown(one: Office, two: Office, people, client_of) -> None:
    answer = client_of("alice").post(
        "/c/one/contacts/accounts/new", data={"name": "A", "owner_id": str(people["carol"].member_id)}
    )
    assert answer.status_code == 422
    assert "There is no" in answer.text


def test_an_account_cannot_become_its_own_ancestor(client_of) -> None:
    alice = client_of("alice")
    ids = [alice.post("/c/one/contacts/accounts/new", data={"name": n}).location.rsplit("/", 1)[1] for n in "ab"]
    url = "/c/one/contacts/accounts"
    assert alice.post(f"{url}/{ids[1]}/fields/parent_id", data={"parent_id": ids[0], "version": "1"}).status_code == 303
    circle = alice.post(f"{url}/{ids[0]}/fields/parent_id", data={"parent_id": ids[1], "version": "1"})
    assert circle.status_code == 422
    assert "cannot belong to itself" in circle.text
    itself = alice.post(f"{url}/{ids[0]}/fields/parent_id", data={"parent_id": ids[0], "version": "1"})
    assert itself.status_code == 422


def test_a_field_that_cannot_be_edited_is_not_there(client_of) -> None:
    alice = client_of("alice")
    page = alice.post("/c/one/contacts/accounts/new", data={"name": "A"}).location
    for name in ("company_id", "id", "search_key", "nothing"):
        assert alice.post(f"{page}/fields/{name}", data={name: "2"}).status_code == 404


def test_wrong_method_and_too_large_a_form(client_of) -> None:
    alice = client_of("alice")
    assert alice.put("/c/one/contacts/accounts").status_code == 405
    large = alice.post("/c/one/contacts/accounts/new", data={"name": "A", "note": "x" * (3 * 1024 * 1024)})
    assert large.status_code == 413


def test_the_log_in_leads_back_and_nowhere_else(anonymous) -> None:
    answer = anonymous.get("/c/one/contacts/accounts?q=a")
    assert answer.status_code == 302
    assert answer.location.endswith("/login?next=/c/one/contacts/accounts%3Fq%3Da")


def test_an_error_of_ours_shows_no_traceback(app: Flask, client_of, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = client_of("alice")
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.testing = False

    def broken(**_arguments: object) -> None:
        raise RuntimeError("secret detail")

    broken.access = "contacts.account.view"  # type: ignore[attr-defined]  # as the marks do
    monkeypatch.setitem(app.view_functions, "contacts.account_list", broken)
    answer = alice.get("/c/one/contacts/accounts")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert "Nothing was saved" in answer.text


def test_a_wrong_statement_is_an_error_of_ours_and_not_much_work(app: Flask, client_of, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite calls it by the same class as a database that somebody else is writing to."""
    alice = client_of("alice")

    def broken(**_arguments: object) -> None:
        db.session.execute(text("SELECT no_such_column FROM contacts_account"))

    broken.access = "contacts.account.view"  # type: ignore[attr-defined]  # as the marks do
    monkeypatch.setitem(app.view_functions, "contacts.account_list", broken)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.testing = False
    assert alice.get("/c/one/contacts/accounts").status_code == 500


def test_every_answer_carries_the_policy(client_of) -> None:
    answer = client_of("alice").get("/c/one/contacts/accounts")
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "HX-Request" in answer.headers["Vary"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("address", ["/c/one/contacts/accounts?q=a%00b", "/c/one/contacts/accounts/options?q=%00", "/c/a%00b/", "/login?next=%00"])
def test_nul_bytes_are_a_damaged_address(client_of, address: str) -> None:
    assert client_of("alice").get(address).status_code in (400, 404)


def test_nul_bytes_in_a_form_change_nothing(one: Office, client_of, anonymous) -> None:
    before = _accounts(one)
    assert client_of("alice").post("/c/one/contacts/accounts/new", data={"name": "a\x00b"}).status_code == 400
    assert _accounts(one) == before


@pytest.mark.parametrize("number", ["9" * 19, "9" * 40, "9" * 5000])
def test_numbers_no_database_holds_are_rows_that_do_not_exist(client_of, number: str) -> None:
    alice = client_of("alice")
    assert alice.get(f"/c/one/contacts/accounts/{number}").status_code == 404
    assert alice.get(f"/c/one/contacts/accounts/new?parent_id={number}").status_code == 200
    page = alice.post("/c/one/contacts/accounts/new", data={"name": "A"}).location
    assert alice.post(f"{page}/fields/name", data={"name": "B", "version": number}).status_code == 400


@pytest.mark.parametrize("amount", ["9e999990", "1e9999999", "1e-9999999", "9" * 40])
def test_an_endless_number_is_refused_at_once(client_of, amount: str) -> None:
    answer = client_of("alice").post("/c/one/contacts/accounts/new", data={"name": "A", "annual_revenue": amount})
    assert answer.status_code == 422


@pytest.mark.parametrize("name", ["ß" * 120, "ﷺ" * 100])
def test_names_that_grow_when_folded_are_kept(client_of, name: str) -> None:
    assert client_of("alice").post("/c/one/contacts/accounts/new", data={"name": name}).status_code == 303


def test_a_save_without_the_version_it_was_opened_with_is_refused(client_of) -> None:
    alice = client_of("alice")
    page = alice.post("/c/one/contacts/accounts/new", data={"name": "A"}).location
    for url in (f"{page}/edit", f"{page}/fields/name"):
        assert alice.post(url, data={"name": "B"}).status_code == 400
        assert alice.post(url, data={"name": "B", "version": "x"}).status_code == 400


def test_an_address_does_not_tell_the_name_of_a_hidden_row(one: Office, people, client_of) -> None:
    with one as session:
        role = session.scalars(select(Role).filter_by(key="rep")).one()
        role.scopes = {**role.scopes, "contacts.account": "own"}
        hidden = writes.create(Account, {"name": "Secret Holdings", "owner_id": people["dave"].member_id}).id
    bob = client_of("bob")
    for address in (f"contacts/contacts/new?account_id={hidden}", f"contacts/contacts?account_id={hidden}",
                    f"crm/deals?account_id={hidden}", f"crm/board?account_id={hidden}"):
        assert "Secret Holdings" not in bob.get(f"/c/one/{address}").text, address


def test_long_changes_are_in_the_log(one: Office, client_of) -> None:
    alice = client_of("alice")
    page = alice.post("/c/one/contacts/accounts/new", data={"name": "A", "note": "x" * 600}).location
    assert alice.post(f"{page}/fields/note", data={"note": "x" * 600 + "y", "version": "1"}).status_code == 303
    with one:
        assert db.session.scalar(select(func.count(Change.id)).filter_by(table_name="contacts_account", field="note")) == 1
