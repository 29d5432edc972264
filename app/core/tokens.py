"""Tokens: keys with which programs act for a person in one company.

A key is shown once and kept as a hash. It ends with its last day, with its membership, or when it is revoked; a new
password leaves it alone, since a program does not know it: the account page revokes one or all of them.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from flask import current_app
from sqlalchemy import Connection, or_, select, update
from sqlalchemy.exc import OperationalError

from app.core.access import is_current
from app.core.auth import DEMO_ADDRESSES, end_transaction
from app.core.clock import zone
from app.core.db import db, utcnow
from app.core.errors import BusinessError
from app.core.i18n import _
from app.core.models import Company, Membership, Token, User

PREFIX = "vnd_"
LONGEST_KEY = 80
LONGEST_NAME = 80
LONGEST_LIFE = 3650  # days
MOST = 50  # of one person that still work
USE_NOTED_EVERY = timedelta(minutes=5)
NO_WAIT, USUAL_WAIT = 100, 30_000  # milliseconds; that a token was used is not worth waiting for SQLite's writer


@dataclass(frozen=True)
class Bearer:
    """Whom a key that works stands for; plain values, no row."""

    token_id: int
    name: str
    read_only: bool
    expires_at: datetime | None
    last_used_at: datetime | None
    user_id: int
    email: str
    language: str | None
    company: str  # slug


@dataclass(frozen=True)
class Listed:
    """A token as its owner sees it. `state` is "ok", "expired" or, when the membership has ended, "ended"."""

    id: int
    name: str
    ending: str
    company: str
    read_only: bool
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    state: str


def issue(user_id: int, slug: str, name: str, *, read_only: bool = False, days: int | None = None) -> str:
    """A new token of a person for a company they are a member of; returns the key, which nobody can look up again.

    `days` is how long it works, None for until it is revoked. Raises `BusinessError` with the field at fault.
    """
    company = _company_of(user_id, slug)
    name = " ".join(name.split())
    if not name or not name.isprintable() or len(name) > LONGEST_NAME:
        raise BusinessError(_("Give the token a name of at most %(n)s characters.", n=LONGEST_NAME), field="name")
    if days is not None and not 1 <= days <= LONGEST_LIFE:
        raise BusinessError(_("A token works for 1 to %(n)s days.", n=LONGEST_LIFE), field="days")
    if sum(token.state == "ok" for token in tokens_of(user_id)) >= MOST:
        raise BusinessError(_("You have %(n)s tokens; revoke one first.", n=MOST), field="name")
    key = PREFIX + secrets.token_urlsafe(32)
    expires_at = utcnow() + timedelta(days=days) if days else None
    db.session.add(Token(user_id=user_id, company_id=company.id, name=name, key_hash=_digest(key), ending=key[-4:],
                         read_only=read_only, expires_at=expires_at))
    db.session.flush()
    return key


def find(key: str) -> Bearer | None:
    """Whom a key stands for; None when it is none of ours, has expired or was revoked. Whether the membership still
    holds shows when the company is entered."""
    if not key.startswith(PREFIX) or len(key) > LONGEST_KEY or not key.isascii():
        return None
    row = db.session.execute(
        select(Token.id, Token.name, Token.read_only, Token.expires_at, Token.last_used_at, User.id, User.email,
               User.language, Company.slug)
        .join(User, User.id == Token.user_id)
        .join(Company, Company.id == Token.company_id)
        .where(Token.key_hash == _digest(key), Token.revoked_at.is_(None), _unexpired())
    ).one_or_none()
    bearer = Bearer(*row) if row else None
    if bearer and current_app.config["VENDIMIA"].production and bearer.email.endswith(DEMO_ADDRESSES):
        return None
    return bearer


def note_use(bearer: Bearer) -> None:
    """Remember now and then that a token is in use, in a short transaction of its own; ends the one that is open."""
    now = utcnow()
    before = now - USE_NOTED_EVERY
    if bearer.last_used_at and bearer.last_used_at > before:
        return
    end_transaction()
    stale = or_(Token.last_used_at.is_(None), Token.last_used_at <= before)
    used = update(Token).where(Token.id == bearer.token_id, stale).values(last_used_at=now)
    with db.engine.connect() as connection:
        _wait_at_most(connection, NO_WAIT)
        try:
            with suppress(OperationalError), connection.begin():
                connection.execute(used)
        finally:
            _wait_at_most(connection, USUAL_WAIT)


def tokens_of(user_id: int) -> list[Listed]:
    """The tokens of a person that were not revoked, newest first."""
    rows = db.session.execute(
        select(Token, Company, Membership)
        .join(Company, Company.id == Token.company_id)
        .outerjoin(Membership, (Membership.company_id == Token.company_id) & (Membership.user_id == Token.user_id))
        .where(Token.user_id == user_id, Token.revoked_at.is_(None))
        .order_by(Token.id.desc()),
        execution_options={"all_companies": True},
    )
    return [
        Listed(t.id, t.name, t.ending, company.name, t.read_only, t.created_at, t.last_used_at, t.expires_at,
               _state(t, company, member))
        for t, company, member in rows
    ]


def revoke(user_id: int, token_id: int) -> bool:
    """End one token of a person; False when they have no such token."""
    return _end(user_id, Token.id == token_id) > 0


def revoke_all(user_id: int) -> int:
    """End all tokens of a person; returns how many ended."""
    return _end(user_id)


def _end(user_id: int, *which: Any) -> int:
    mine = update(Token).where(Token.user_id == user_id, Token.revoked_at.is_(None), *which)
    ended: Any = db.session.execute(mine.values(revoked_at=utcnow()))
    return ended.rowcount


def _state(token: Token, company: Company, member: Membership | None) -> str:
    if token.expires_at and token.expires_at <= utcnow():
        return "expired"
    return "ok" if member and is_current(member, _today(company)) else "ended"


def _company_of(user_id: int, slug: str) -> Company:
    found = db.session.execute(
        select(Company, Membership)
        .join(Membership, Membership.company_id == Company.id)
        .where(Company.slug == slug, Membership.user_id == user_id),
        execution_options={"all_companies": True},
    ).one_or_none()
    if found is None or not is_current(found[1], _today(found[0])):
        raise BusinessError(_("There is no current place in the company “%(slug)s”.", slug=slug[:40]), field="company")
    return found[0]


def _today(company: Company) -> Any:
    return utcnow().astimezone(zone(company.timezone)).date()


def _unexpired() -> Any:
    return or_(Token.expires_at.is_(None), Token.expires_at > utcnow())


def _wait_at_most(connection: Connection, milliseconds: int) -> None:
    """How long SQLite waits for its writer on this connection; said to the driver, since a transaction would wait."""
    if connection.dialect.name == "sqlite" and (driver := connection.connection.driver_connection):
        driver.execute(f"PRAGMA busy_timeout={milliseconds}")


def _digest(key: str) -> str:
    return sha256(key.encode()).hexdigest()


def described(bearer: Bearer) -> Mapping[str, Any]:
    """What the API says of the token that asks."""
    return {
        "name": bearer.name,
        "read_only": bearer.read_only,
        "expires_at": bearer.expires_at.isoformat() if bearer.expires_at else None,
    }
