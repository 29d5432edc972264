"""Notices: sentences in the bell of the shell, and by mail where the caller wants it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import current_app, g
from flask_babel import force_locale
from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.core.access import is_current, me
from app.core.clock import today
from app.core.db import db, utcnow
from app.core.i18n import _
from app.core.mail import send_mail
from app.core.models import Membership, User
from app.core.note_models import Notice
from app.core.tenancy import current_company_id

LONGEST = 500
LONGEST_KEY = 120
MOST_COUNTED = 99
NEWEST = 20
PAGE = 50


def notify(member_ids: Iterable[int], text: Any, url: str, *, icon: str = "bell", key: str = "", mail: bool = False) -> list[int]:
    """Tell members something, in the caller's transaction; returns the ids of those who were told.

    `text` is a sentence; a lazy one (`_l`), or a function that makes one, is said in each reader's language. `url` is
    where it leads: a path, either whole ("/c/demo/crm/deals/5") or inside the company ("crm/deals/5"); anything else is
    a `ValueError`. Of one `key` a member is told once, ever. With `mail` they get it by mail as well. Whose membership
    has ended, or who is of another company, is left out. Who may see what it leads to is for the caller to ask.
    """
    path = _path(url)
    told = []
    for member in _current(member_ids):
        with force_locale(member.language):
            said = " ".join(str(text() if callable(text) else text).split())
            if _write(member.id, said[:LONGEST], path, icon, key[:LONGEST_KEY] or None):
                told.append(member.id)
                if mail and member.email:
                    _mail(member, said, path)
    return told


def stamp() -> str:
    """How many are unread and which is the newest of them: "3-118". Changes whenever the bell would look different.
    One statement, by an index."""
    mine = select(Notice.id).where(Notice.member_id == me().member_id, Notice.read_at.is_(None)).limit(MOST_COUNTED + 1).subquery()
    row = db.session.execute(select(func.count(), func.max(mine.c.id)).select_from(mine)).one()
    return f"{row[0]}-{row[1] or 0}"


def bell(at: str = "") -> dict[str, Any]:
    """What the bell of the shell shows; one statement, none when its stamp is known."""
    tag = at or stamp()
    count = int(tag.partition("-")[0])
    return {"count": count, "text": f"{MOST_COUNTED}+" if count > MOST_COUNTED else str(count), "tag": tag}


def is_mine(notice_id: int) -> bool:
    """Whether a notice is the person's."""
    return db.session.scalar(select(Notice.id).where(Notice.id == notice_id, Notice.member_id == me().member_id)) is not None


def of_me(before: int | None = None, limit: int = PAGE) -> list[Notice]:
    """The person's notices, the newest first; `before` is the id of the last of the page before."""
    mine = select(Notice).where(Notice.member_id == me().member_id)
    if before is not None:
        mine = mine.where(Notice.id < before)
    return list(db.session.scalars(mine.order_by(Notice.id.desc()).limit(limit)))


def mark_read(notice_id: int | None = None) -> int:
    """Mark one notice of the person as read, or all of them; returns how many were not before."""
    mine = update(Notice).where(Notice.member_id == me().member_id, Notice.read_at.is_(None))
    if notice_id is not None:
        mine = mine.where(Notice.id == notice_id)
    done: Any = db.session.execute(mine.values(read_at=utcnow()), execution_options={"synchronize_session": False})
    return done.rowcount


def address(url: str) -> str:
    """The whole path of a notice's address."""
    return url if url.startswith("/") else f"/c/{g.company.slug}/{url}"


def _path(url: str) -> str:
    odd = url.startswith("//") or "\\" in url or ":" in url.partition("?")[0].partition("/")[0]
    if not url or odd or not url.isprintable() or len(url) > LONGEST:
        raise ValueError(f"the address of a notice is a path of ours: {url!r}")
    return url


def _current(member_ids: Iterable[int]) -> list[Any]:
    """The members with their language and address, of whom the membership holds today; in two statements."""
    found = {m.id: m for m in db.session.scalars(select(Membership).where(Membership.id.in_(set(member_ids))))}
    people = {m.user_id for m in found.values() if m.user_id}
    users = {u.id: u for u in db.session.scalars(select(User).where(User.id.in_(people)))} if people else {}
    day = today()
    return [_Reader(m, users.get(m.user_id or 0)) for m in found.values() if is_current(m, day)]


class _Reader:
    """Who is told: their id, name, language and address."""

    def __init__(self, member: Membership, user: User | None) -> None:
        self.id, self.name = member.id, member.name
        self.language = (user.language if user else None) or g.company.language
        self.email = user.email if user else None


def _write(member_id: int, text: str, url: str, icon: str, key: str | None) -> bool:
    make = postgresql.insert if db.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = {"company_id": current_company_id(), "member_id": member_id, "text": text, "url": url, "icon": icon, "key": key, "at": utcnow()}
    table = Notice.__table__
    written = db.session.connection().execute(make(table).values(row).on_conflict_do_nothing().returning(table.c.id))
    return written.one_or_none() is not None


def _mail(member: _Reader, said: str, path: str) -> None:
    link = f"{current_app.config['VENDIMIA'].base_url}{address(path)}"
    text = _("Hello %(name)s,\n\n%(said)s\n\n%(link)s\n", name=member.name, said=said, link=link)
    send_mail(member.email or "", said[:150], text, language=member.language)
