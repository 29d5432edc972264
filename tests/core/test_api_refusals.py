"""What the API is sent and will not have: each a clear sentence, and nothing changed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.core.db import db
from app.core.models import Role
from app.modules.contacts.models import Account
from tests.cast import Person
from tests.conftest import Office
from tests.core.api_client import BASE, asking, errors, made

DEALS, ACCOUNTS, THINGS = f"{BASE}/crm/deals", f"{BASE}/contacts/accounts", f"{BASE}/dummy/things"


@pytest.fixture
def alice(app: Flask, people: dict[str, Person]) -> Any:
    return asking(app, people["alice"])


@pytest.fixture
def bob(app: Flask, people: dict[str, Person]) -> Any:
    return asking(app, people["bob"])


@pytest.mark.parametrize(
    ("body", "kind", "status", "says"),
    [
        (b"", "application/json", 400, "not JSON"),
        (b"{", "application/json", 400, "not JSON"),
        (b"name=A", "application/json", 400, "not JSON"),
        (b'{"name": NaN}', "application/json", 400, "NaN"),
        (b'{"name": -Infinity}', "application/json", 400, "Infinity"),
        (b'{"name": "A", "name": "B"}', "application/json", 400, "twice"),
        (b'{"name": "\\ud800"}', "application/json", 400, "half a character"),
        (b"\xff\xfe{", "application/json", 400, "UTF-8"),
        (b"[" * 200_000, "application/json", 400, "nested"),
        (b'{"a":' * 20_000, "application/json", 400, "nested"),
        (b'{"name": ' + b"9" * 5000 + b"}", "application/json", 400, "not JSON"),
        (b"[]", "application/json", 422, "one JSON object"),
        (b'"name"', "application/json", 422, "one JSON object"),
        (b'{"name": "A"}', "text/plain", 415, "Content-Type"),
        (b"name=A", "application/x-www-form-urlencoded", 415, "Content-Type"),
        (b'{"name": "' + b"x" * 1_100_000 + b'"}', "application/json", 413, "1 MB"),
    ],
    ids=lambda v: str(v)[:24] if not isinstance(v, int) else str(v),
)
def test_a_body_that_cannot_be_read(app, one: Office, alice, body: bytes, kind: str, status: int, says: str) -> None:
    answer = alice.post(ACCOUNTS, data=body, content_type=kind)
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    assert set(answer.json) == {"type", "title", "status", "detail"}
    assert says in answer.json["detail"]
    with one:
        assert db.session.scalar(select(func.count(Account.id))) == 0


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("nmae", "A", "There is no field"),
        ("id", 7, "cannot be set"),
        ("version", 1, "cannot be set"),
        ("company_id", 1, "There is no field"),
        ("name", 7, "Wrong type"),
        ("name", None, "needed"),
        ("name", " ", "needed"),
        ("name", ["A"], "Wrong type"),
        ("name", {"a": 1}, "Wrong type"),
        ("name", "x" * 121, "At most 120"),
        ("name", "a\x00b", "cannot be stored"),
        ("pieces", "7", "Wrong type"),
        ("pieces", True, "Wrong type"),
        ("pieces", 7.5, "Wrong type"),
        ("pieces", -1, "A number from 0"),
        ("pieces", 10**40, "not a number"),
        ("share", 101, "A number from 0 to 100"),
        ("price", 7, "Wrong type"),
        ("price", "1,5", "Wrong type"),
        ("price", "1e3", "Wrong type"),
        ("price", "1.005", "more decimals"),
        ("price", "-1", "below zero"),
        ("price", "9" * 20, "too large"),
        ("currency", "XXQ", "no currency"),
        ("currency", 7, "Wrong type"),
        ("currency", "USD", "together with its currency"),
        ("day", "28/02/2026", "Wrong type"),
        ("day", "2026-02-30", "not a date"),
        ("day", "0001-01-01", "too far"),
        ("colour", "blue", "not one of: red, green"),
        ("colour", "Red", "not one of"),
        ("ready", "true", "Wrong type"),
        ("ready", None, "Wrong type"),
        ("mail", "nobody", "not a mail address"),
        ("account_id", "1", "Wrong type"),
        ("account_id", 999_999, "There is no “999999”"),
        ("account_id", -1, "There is no"),
        ("account_id", 10**30, "There is no"),
    ],
    ids=str,
)
@pytest.mark.on("sqlite")
def test_a_value_that_cannot_be(alice, field: str, value: Any, says: str) -> None:
    answer = alice.post(THINGS, json={"name": "Thing", field: value})
    assert answer.status_code == 422, answer.text
    assert says in errors(answer)[field]
    assert alice.get(THINGS).json["items"] == []
    thing = made(alice, THINGS, name="Thing")
    if (field, value) != ("version", 1):
        late = alice.patch(f"{THINGS}/{thing['id']}", json={field: value}, headers={"If-Match": '"1"'})
        assert late.status_code == 422, late.text
        assert field in errors(late)
        assert alice.get(f"{THINGS}/{thing['id']}").json == thing


def test_an_id_of_another_company_is_no_id(app, people, alice) -> None:
    theirs = made(asking(app, people["carol"]), ACCOUNTS, name="Secret")
    for body in ({"name": "D", "account_id": theirs["id"]}, {"name": "D", "owner_id": people["carol"].member_id}):
        answer = alice.post(DEALS, json=body)
        assert answer.status_code == 422
        assert "There is no" in answer.json["detail"]
        assert "Secret" not in answer.text
    assert alice.get(f"{ACCOUNTS}/{theirs['id']}").status_code == 404
    assert alice.get(f"{DEALS}?account_id={theirs['id']}").json["items"] == []


def test_a_save_says_which_version_it_changes(alice) -> None:
    where = f"{ACCOUNTS}/{made(alice, ACCOUNTS, name='A', city='Lugo')['id']}"
    assert alice.patch(where, json={"name": "B"}).status_code == 428
    assert alice.patch(where, json={"name": "B"}, headers={"If-Match": "*"}).status_code == 428
    assert alice.patch(where, json={"name": "B", "version": "1"}).status_code == 422
    assert alice.patch(where, json={"name": "B", "version": 1}).status_code == 200
    for late in ({"json": {"name": "C", "city": "Lugo", "version": 1}},
                 {"json": {"name": "C", "city": "Lugo"}, "headers": {"If-Match": '"1"'}}):
        answer = alice.patch(where, **late)
        assert answer.status_code == 409
        assert answer.json["version"] == 2
        (different,) = answer.json["errors"]
        assert (different["field"], different["stored"], different["given"]) == ("name", "B", "C")
    assert alice.patch(where, json={"name": "C", "version": 2}, headers={"If-Match": '"1"'}).status_code == 409
    assert alice.patch(where, json={"name": "C"}, headers={"If-Match": '"1", "2"'}).status_code == 200


def test_of_two_saves_of_one_version_one_is_late(app, people) -> None:
    clients = [asking(app, people["alice"]) for _n in range(4)]
    where = f"{DEALS}/{made(clients[0], DEALS, name='D')['id']}"
    ready = Barrier(len(clients))

    def save(number: int) -> int:
        ready.wait()
        return clients[number].patch(where, json={"name": f"D {number}"}, headers={"If-Match": '"1"'}).status_code

    with ThreadPoolExecutor(len(clients)) as pool:
        found = sorted(pool.map(save, range(len(clients))))
    assert found == [200, 409, 409, 409]
    assert clients[0].get(where).json["version"] == 2


def test_several_mistakes_are_all_said(alice) -> None:
    answer = alice.post(DEALS, json={"amount": 5, "foo": 1})
    assert set(errors(answer)) == {"name", "amount", "foo"}
    assert answer.json["status"] == answer.status_code == 422


def test_the_currency_of_a_row_stays_when_only_the_amount_is_sent(alice) -> None:
    thing = made(alice, THINGS, name="T", price="10", currency="USD")
    changed = alice.patch(f"{THINGS}/{thing['id']}", json={"price": "11", "version": 1}).json
    assert (changed["price"], changed["currency"]) == ("11.00", "USD")


def test_what_a_row_refers_to_may_stay_though_it_is_hidden(app, one: Office, people, alice, bob) -> None:
    hidden = made(alice, ACCOUNTS, name="Hidden", owner_id=people["dave"].member_id)["id"]
    contact = made(alice, f"{BASE}/contacts/contacts", name="P", account_id=hidden, owner_id=people["bob"].member_id)
    with one as session:
        role = session.scalars(select(Role).filter_by(key="rep")).one()
        role.scopes = {**role.scopes, "contacts.account": "own"}
    where = f"{BASE}/contacts/contacts/{contact['id']}"
    assert bob.get(f"{ACCOUNTS}/{hidden}").status_code == 404
    assert bob.patch(where, json={"account_id": hidden, "name": "Q", "version": 1}).status_code == 200
    assert bob.post(f"{BASE}/contacts/contacts", json={"name": "R", "account_id": hidden}).status_code == 422
