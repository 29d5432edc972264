"""Who is asking: log-in, sessions that can be revoked, and passwords set by mail.

The cookie carries a random key; the table `core_session` keeps its hash. Nothing else decides whether somebody is
logged in, so a revoked session is over with the next request. A GET never writes here.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, current_app, request, session
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from sqlalchemy import select, update

from app.core import login_guard, passwords
from app.core.db import db, utcnow
from app.core.errors import BusinessError
from app.core.i18n import _
from app.core.models import Session, User
from app.core.passwords import check_password, hash_password, is_dated, refuse_weak

REMEMBERED = timedelta(days=30)
NOT_REMEMBERED = timedelta(days=14)
DEMO_ADDRESSES = ("@demo.example", "@demo2.example")

_manager = LoginManager()


@dataclass(frozen=True, eq=False)
class SignedIn(UserMixin):
    """The person behind a request, read with their session in one statement; plain values, no row."""

    id: int
    email: str
    name: str
    language: str | None
    theme: str
    session_id: int
    key: str

    def get_id(self) -> str:
        """What goes into the cookie: the session's key, not the user's id."""
        return self.key


@dataclass(frozen=True)
class OpenSession:
    """One log-in as its owner sees it."""

    id: int
    agent: str
    ip: str
    since: datetime
    current: bool


def init_app(app: Flask) -> None:
    passwords.init_app(app)
    _manager.init_app(app)
    _manager.session_protection = None  # the key is the session; a phone changes its address all day
    _manager.user_loader(_load)


def _load(key: str) -> SignedIn | None:
    found = db.session.execute(
        select(User.id, User.email, User.name, User.language, User.theme, Session.id)
        .join(Session, Session.user_id == User.id)
        .where(Session.key_hash == _digest(key), Session.revoked_at.is_(None), Session.expires_at > utcnow())
    ).one_or_none()
    return SignedIn(*found, key=key) if found and _is_welcome(found.email) else None


def _is_welcome(email: str) -> bool:
    """False in production for people of the demo companies, whose password many may know."""
    return not (current_app.config["VENDIMIA"].production and email.endswith(DEMO_ADDRESSES))


def log_in(email: str, password: str, remember: bool) -> None:
    """Start a session for whoever knows the password.

    Raises `BusinessError` with the same sentence for a wrong password, an unknown address and, in production, people of
    the demo companies; `TooMany` after repeated failures.
    """
    email, ip = normal_email(email), _ip()
    end_transaction()
    login_guard.book_attempt(email, ip)
    found = db.session.execute(select(User.id, User.password_hash).filter_by(email=email)).one_or_none()
    end_transaction()
    user_id, stored = found if found and _is_welcome(email) else (None, None)
    if not check_password(stored, password) or user_id is None:
        raise BusinessError(_("The mail address or the password is not right."))
    fresh = hash_password(password) if stored and is_dated(stored) else None
    if fresh:
        db.session.execute(
            update(User).where(User.id == user_id, User.password_hash == stored).values(password_hash=fresh)
        )
    login_guard.clear(email, ip)
    start_session(user_id, remember)


def start_session(user_id: int, remember: bool) -> None:
    """Log a person in: a new key, an empty cookie, the former session of this browser revoked."""
    if current_user.is_authenticated:
        revoke(current_user.id, current_user.session_id)
    key = secrets.token_urlsafe(32)
    row = Session(
        user_id=user_id,
        key_hash=_digest(key),
        expires_at=utcnow() + (REMEMBERED if remember else NOT_REMEMBERED),
        ip=_ip(),
        agent=(request.user_agent.string or "")[:200],
    )
    db.session.add(row)
    db.session.flush()
    session.clear()
    user = db.session.get_one(User, user_id)
    signed_in = SignedIn(user.id, user.email, user.name, user.language, user.theme, row.id, key)
    login_user(signed_in, remember=remember, duration=REMEMBERED)


def log_out() -> None:
    """End the session of this browser."""
    if current_user.is_authenticated:
        revoke(current_user.id, current_user.session_id)
    session.clear()
    logout_user()  # last: it leaves word in the session that the cookie of a remembered log-in is to go


def sessions_of(user_id: int) -> list[OpenSession]:
    """The open sessions of a person, newest first."""
    rows = db.session.scalars(
        select(Session).where(*_open(user_id)).order_by(Session.created_at.desc(), Session.id.desc())
    )
    here = current_user.session_id if current_user.is_authenticated else None
    return [OpenSession(s.id, s.agent, s.ip, s.created_at, s.id == here) for s in rows]


def revoke(user_id: int, session_id: int) -> bool:
    """End one session of a person; False when they have no such session."""
    return _end(user_id, Session.id == session_id) > 0


def log_out_everywhere(user_id: int, but: int | None = None) -> int:
    """End all sessions of a person, save the one named by `but`; returns how many ended."""
    return _end(user_id, *([Session.id != but] if but is not None else []))


def change_password(current: str, new: str) -> None:
    """Change the password of whoever is logged in; their other sessions end.

    Raises `BusinessError` (field `current` or `password`), and `TooMany` for who guesses at an open browser.
    """
    user_id, email, session_id = current_user.id, current_user.email, current_user.session_id
    end_transaction()
    login_guard.book_attempt(email, _ip())
    stored = db.session.scalar(select(User.password_hash).filter_by(id=user_id))
    end_transaction()
    if not check_password(stored, current):
        raise BusinessError(_("This is not your present password."), field="current")
    refuse_weak(new, email, current_user.name)
    store_password(user_id, stored, hash_password(new))
    login_guard.clear(email, _ip())
    log_out_everywhere(user_id, but=session_id)


def store_password(user_id: int, before: str | None, after: str) -> bool:
    """Replace one password hash by another; False when it is no longer `before` (a link used twice at once)."""
    changed: Any = db.session.execute(
        update(User)
        .where(User.id == user_id, User.password_hash.is_not_distinct_from(before))
        .values(password_hash=after, password_changed_at=utcnow())
    )
    return changed.rowcount == 1


def local_path(url: str | None) -> str | None:
    """The address if it is a path on this host, else None: no log-in page forwards to somebody else's site."""
    if (
        not url
        or not url.startswith("/")
        or url.startswith(("//", "/\\"))
        or not url.isprintable()
        or "\\" in url
    ):
        return None
    parts = urlsplit(url)
    return None if parts.scheme or parts.netloc else url


def normal_email(email: str) -> str:
    """A mail address as it is stored and compared."""
    return email.strip().casefold()[:254]


def end_transaction() -> None:
    """Let go of the database before something slow, or before a transaction of its own; nothing was written yet."""
    db.session.commit()


def _open(user_id: int) -> tuple[Any, ...]:
    return Session.user_id == user_id, Session.revoked_at.is_(None), Session.expires_at > utcnow()


def _end(user_id: int, *which: Any) -> int:
    ended: Any = db.session.execute(
        update(Session).where(*_open(user_id), *which).values(revoked_at=utcnow())
    )
    return ended.rowcount


def _digest(key: str) -> str:
    return sha256(key.encode()).hexdigest()


def _ip() -> str:
    return (request.remote_addr or "")[:45]
