"""Slows down and locks out whoever guesses passwords.

Every attempt is booked before the password is looked at, in a short transaction of its own, and taken back when it
succeeds: so the count survives the roll-back of the refusal, and a hundred attempts at once count as a hundred.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session as DbSession

from app.core.db import db, utcnow
from app.core.errors import TooMany
from app.core.i18n import _, _n
from app.core.models import LoginFailure

REMEMBERED = timedelta(hours=1)
LOCK_OUT = timedelta(minutes=15)


@dataclass(frozen=True)
class Limit:
    """After `free` failures every further one doubles the wait; after `most` it is `LOCK_OUT`."""

    free: int
    most: int


LIMITS = {"mail": Limit(free=3, most=10), "ip": Limit(free=30, most=100)}  # many people may share one address


def book_attempt(email: str, ip: str) -> None:
    """Count one attempt for a mail address and for an IP address, or raise `TooMany` with the seconds to wait."""
    now = utcnow()
    with DbSession(db.engine) as session, session.begin():
        for subject in _subjects(email, ip):
            _one_at_a_time(session, subject)
            wait = _wait(session, subject, now)
            if wait > 0:
                raise TooMany(_refusal(wait), retry_after=wait)
        session.add_all(LoginFailure(subject=subject, at=now) for subject in _subjects(email, ip))


def clear(email: str, ip: str) -> None:
    """Forget the failures of an address that has just logged in, and the one attempt booked for its IP address.

    Runs in the caller's transaction: what is forgotten and the new session stand or fall together.
    """
    of_mail, of_ip = _subjects(email, ip)
    last = select(func.max(LoginFailure.id)).where(LoginFailure.subject == of_ip).scalar_subquery()
    db.session.execute(
        delete(LoginFailure).where((LoginFailure.subject == of_mail) | (LoginFailure.id == last))
    )


def forgive(email: str) -> None:
    """Forget the failures of an address whose owner has proved themselves by mail."""
    db.session.execute(delete(LoginFailure).where(LoginFailure.subject == _subjects(email, "")[0]))


def forget_old(before: datetime) -> None:
    """Delete failures that no longer count."""
    db.session.execute(delete(LoginFailure).where(LoginFailure.at < before))


def _subjects(email: str, ip: str) -> tuple[str, str]:
    return f"mail:{email}"[:260], f"ip:{ip}"


def _one_at_a_time(session: DbSession, subject: str) -> None:
    """Let attempts on one subject wait for each other; SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(zlib.crc32(subject.encode()))))


def _wait(session: DbSession, subject: str, now: datetime) -> int:
    """Seconds until the next attempt on a subject is heard."""
    failures: Select = select(func.count(), func.max(LoginFailure.at)).where(
        LoginFailure.subject == subject, LoginFailure.at > now - REMEMBERED
    )
    count, last = session.execute(failures).one()
    limit = LIMITS[subject.partition(":")[0]]
    if count < limit.free:
        return 0
    pause = (
        LOCK_OUT
        if count >= limit.most
        else min(LOCK_OUT, timedelta(seconds=2 ** min(count - limit.free + 1, 12)))
    )
    return max(0, math.ceil((last + pause - now).total_seconds()))


def _refusal(wait: int) -> str:
    if wait <= 120:
        return _n(
            "Too many failed attempts. Try again in %(num)s second.",
            "Too many failed attempts. Try again in %(num)s seconds.",
            wait,
        )
    minutes = math.ceil(wait / 60)
    return _(
        "Too many failed attempts. Try again in %(minutes)s minutes, or reset the password.", minutes=minutes
    )
