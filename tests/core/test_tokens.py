"""Tokens: made by a person, shown once, kept as a hash; they end when they should."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.core import tokens
from app.core.db import db
from app.core.models import Membership, Role, Token, User
from tests.cast import Person
from tests.conftest import Office
from tests.core.api_client import BASE, asking, asking_with, token_for

KEY = re.compile(r"vnd_[\w-]{43}")
NEW = {"name": "Nightly export", "company": "one", "days": "30"}


def tokens_in(app: Flask) -> list[Token]:
    with app.app_context():
        return list(db.session.scalars(select(Token).order_by(Token.id)))


def test_a_token_is_made_on_the_account_page_and_shown_once(app: Flask, client_of) -> None:
    alice = client_of("alice")
    shown = alice.post("/account/tokens", data=NEW)
    assert shown.status_code == 200
    assert shown.headers["Cache-Control"] == "no-store"
    key = KEY.search(shown.text)[0]
    page = alice.get("/account").text
    assert "Nightly export" in page and key[-4:] in page
    assert key not in page
    (kept,) = tokens_in(app)
    assert kept.key_hash == sha256(key.encode()).hexdigest()
    assert timedelta(days=29) < kept.expires_at - datetime.now(UTC) <= timedelta(days=30)
    assert asking_with(app, key).get(f"{BASE}/me").json["token"]["name"] == "Nightly export"


@pytest.mark.parametrize(("wrong", "field"), [({"name": " "}, "name"), ({"company": "two"}, "company"), ({"days": "9"}, "days")])
def test_what_is_wrong_with_a_new_token_is_said_beside_the_field(app: Flask, client_of, wrong, field) -> None:
    answer = client_of("alice").post("/account/tokens", data={**NEW, **wrong})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert tokens_in(app) == []


def test_a_revoked_token_works_no_more(app: Flask, people: dict[str, Person], client_of) -> None:
    key, other = token_for(app, people["alice"]), token_for(app, people["alice"])
    alice = client_of("alice")
    first = tokens_in(app)[0].id
    assert client_of("bob").post("/account/tokens/end", data={"token": first}).status_code == 404
    assert asking_with(app, key).get(f"{BASE}/me").status_code == 200
    assert alice.post("/account/tokens/end", data={"token": first}).status_code == 303
    assert asking_with(app, key).get(f"{BASE}/me").status_code == 401
    assert asking_with(app, other).get(f"{BASE}/me").status_code == 200
    assert alice.post("/account/tokens/end").status_code == 303
    assert asking_with(app, other).get(f"{BASE}/me").status_code == 401


def test_a_token_ends_with_its_last_day(app: Flask, people: dict[str, Person], client_of) -> None:
    client = asking(app, people["bob"], days=1)
    assert client.get(f"{BASE}/me").status_code == 200
    with app.app_context():
        db.session.execute(update(Token).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
        db.session.commit()
    assert client.get(f"{BASE}/me").status_code == 401
    assert "expired" in client_of("bob").get("/account").text


def test_a_token_ends_with_the_membership(app: Flask, one: Office, people: dict[str, Person], client_of) -> None:
    client = asking(app, people["bob"])
    with one as session:
        session.get_one(Membership, people["bob"].member_id).valid_to = datetime.now(UTC).date() - timedelta(days=2)
    assert client.get(f"{BASE}/me").status_code == 401
    assert client.get(f"{BASE}/crm/deals").status_code == 401
    assert "no longer a member" in client_of("bob").get("/account").text


def test_a_token_follows_the_role(app: Flask, one: Office, people: dict[str, Person]) -> None:
    client = asking(app, people["bob"])
    assert client.get(f"{BASE}/crm/deals").status_code == 200
    with one as session:
        role = session.get_one(Role, session.get_one(Membership, people["bob"].member_id).role_id)
        role.permissions = [p for p in role.permissions if p != "crm.deal.view"]
    assert client.get(f"{BASE}/crm/deals").status_code == 403


def test_a_new_password_leaves_tokens_alone(app: Flask, people: dict[str, Person]) -> None:
    client = asking(app, people["bob"])
    with app.app_context():
        db.session.execute(update(User).values(password_hash="another", password_changed_at=datetime.now(UTC)))
        db.session.commit()
    assert client.get(f"{BASE}/me").status_code == 200


def test_the_last_use_is_noted_now_and_then(app: Flask, people: dict[str, Person]) -> None:
    client = asking(app, people["bob"])
    assert tokens_in(app)[0].last_used_at is None
    client.get(f"{BASE}/me")
    first = tokens_in(app)[0].last_used_at
    assert first is not None
    client.get(f"{BASE}/me")
    assert tokens_in(app)[0].last_used_at == first
    long_ago = datetime.now(UTC) - timedelta(minutes=6)
    with app.app_context():
        db.session.execute(update(Token).values(last_used_at=long_ago))
        db.session.commit()
    client.post(f"{BASE}/contacts/accounts", json={"name": "A"})
    assert tokens_in(app)[0].last_used_at > first - timedelta(seconds=1)


@pytest.mark.on("sqlite")
def test_a_busy_writer_does_not_hold_up_a_read(app: Flask, people: dict[str, Person]) -> None:
    client = asking(app, people["bob"])
    with app.app_context(), db.engine.connect() as writer:
        writer.exec_driver_sql("UPDATE core_user SET name = name")
        began = datetime.now(UTC)
        assert client.get(f"{BASE}/me").status_code == 200
        assert datetime.now(UTC) - began < timedelta(seconds=3)
        with app.test_request_context():
            bearer = tokens.find(client.environ_base["HTTP_AUTHORIZATION"].split()[1])
        with app.test_request_context(method="POST"):
            tokens.note_use(bearer)
        assert datetime.now(UTC) - began < timedelta(seconds=6)
        writer.rollback()
    assert tokens_in(app)[0].last_used_at is None


def test_people_of_the_demo_companies_stay_outside_in_production(app: Flask, people: dict[str, Person]) -> None:
    client = asking(app, people["bob"])
    with app.app_context():
        db.session.execute(update(User).where(User.id == people["bob"].user_id).values(email="bob@demo.example"))
        db.session.commit()
    assert client.get(f"{BASE}/me").status_code == 200
    app.config["VENDIMIA"].app_env = "production"
    assert client.get(f"{BASE}/me").status_code == 401


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer vnd_", "Bearer vnd_" + "x" * 43, "Basic YTpi",
                                    "Bearer " + "vnd_" * 40, "Bearer vnd_ñ"])
def test_what_is_no_token_is_told_how_to_send_one(app: Flask, header: str) -> None:
    answer = app.test_client().get(f"{BASE}/crm/deals", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "Authorization: Bearer vnd_" in answer.json["detail"]


def test_the_command_prints_a_token_that_works(app: Flask) -> None:
    made = app.test_cli_runner().invoke(args=["token", "create", "--user", "Bob@one.example", "--company", "one", "--read-only"])
    assert made.exit_code == 0, made.output
    client = asking_with(app, made.output.strip())
    assert client.get(f"{BASE}/me").json["token"] == {"name": "command line", "read_only": True, "expires_at": None}
    for wrong in (["--user", "who@one.example", "--company", "one"], ["--user", "bob@one.example", "--company", "two"]):
        refused = app.test_cli_runner().invoke(args=["token", "create", *wrong])
        assert refused.exit_code == 1
        assert refused.output.startswith("Error: ") and refused.output.count("\n") == 1


def test_the_account_page_logs_out_the_other_devices(app: Flask, client_of) -> None:
    phone, desk = client_of("bob"), client_of("bob")
    assert "this device" in desk.get("/account").text
    assert desk.post("/account/sessions/others/end").status_code == 303
    assert desk.get("/account").status_code == 200
    assert phone.get("/account").status_code == 302
