"""Notices: sentences in the bell of the shell, and by mail where the caller wants it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app, g
from flask_babel import force_locale
from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.core.access import is_current, me
from app.core.clock import today
from app.core.db import db, utcnow
from app.core.i18n import _
from app.core.mail import Mail, send_mails
from app.core.models import Membership, User
from app.core.note_models import Notice
from app.core.tenancy import current_company_id

LONGEST = 500
LONGEST_KEY = 120
MOST_COUNTED = 99
NEWEST = 20
PAGE = 50


@dataclass(frozen=True, kw_only=True)
class Message:
    """What members are told; see `notify`."""

    member_ids: Sequence[int]
    text: Any
    url: str
    icon: str = "bell"
    key: str = ""
    mail: bool = False


def notify(member_ids: Iterable[int], text: Any, url: str, *, icon: str = "bell", key: str = "", mail: bool = False) -> list[int]:
    """Tell members something, in the caller's transaction; returns the ids of those who were told.

    `text` is a sentence; a lazy one (`_l`), or a function that makes one, is said in each reader's language. `url` is
    where it leads: a path, either whole ("/c/demo/crm/deals/5") or inside the company ("crm/deals/5"); anything else is
    a `ValueError`. Of one `key` a member is told once, ever. With `mail` they get it by mail as well. Whose membership
    has ended, or who is of another company, is left out. Who may see what it leads to is for the caller to ask.
    """
    return notify_all([Message(member_ids=list(member_ids), text=text, url=url, icon=icon, key=key, mail=mail)])


def notify_all(messages: Sequence[Message]) -> list[int]:
    """The same for many messages, in as many statements as one takes; the ids of those who were told, once for each."""
    paths = {message.url: _path(message.url) for message in messages}
    readers = _current(i for message in messages for i in message.member_ids)
    said = [_Said(readers[i], message, paths[message.url]) for message in messages for i in dict.fromkeys(message.member_ids) if i in readers]
    told = _write(said)
    if mails := [each.mail() for each in told if each.message.mail and each.reader.email]:
        send_mails(mails)
    return [each.reader.id for each in told]


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


def _current(member_ids: Iterable[int]) -> dict[int, _Reader]:
    """The members by id, with their language and address, of whom the membership holds today; in two statements."""
    found = {m.id: m for m in db.session.scalars(select(Membership).where(Membership.id.in_(set(member_ids))))}
    people = {m.user_id for m in found.values() if m.user_id}
    users = {u.id: u for u in db.session.scalars(select(User).where(User.id.in_(people)))} if people else {}
    day = today()
    return {m.id: _Reader(m, users.get(m.user_id or 0)) for m in found.values() if is_current(m, day)}


class _Reader:
    """Who is told: their id, name, language and address."""

    def __init__(self, member: Membership, user: User | None) -> None:
        self.id, self.name = member.id, member.name
        self.language = (user.language if user else None) or g.company.language
        self.email = user.email if user else None


class _Said:
    """What is said to one reader, in their language."""

    def __init__(self, reader: _Reader, message: Message, path: str) -> None:
        self.reader, self.message, self.path = reader, message, path
        with force_locale(reader.language):
            self.text = " ".join(str(message.text() if callable(message.text) else message.text).split())

    @property
    def once(self) -> tuple[int, str] | None:
        """What there is one of, ever."""
        return (self.reader.id, self.message.key[:LONGEST_KEY]) if self.message.key else None

    def row(self) -> dict[str, Any]:
        return {"member_id": self.reader.id, "text": self.text[:LONGEST], "url": self.path, "icon": self.message.icon,
                "key": self.message.key[:LONGEST_KEY] or None}  # fmt: skip

    def mail(self) -> Mail:
        link = f"{current_app.config['VENDIMIA'].base_url}{address(self.path)}"
        with force_locale(self.reader.language):
            text = _("Hello %(name)s,\n\n%(said)s\n\n%(link)s\n", name=self.reader.name, said=self.text, link=link)
        return Mail(self.reader.email or "", self.text[:150], text, language=self.reader.language)


def _write(said: Sequence[_Said]) -> list[_Said]:
    """Write what was not said before; returns it."""
    wanted: dict[Any, _Said] = {}
    for number, each in enumerate(said):
        wanted.setdefault(each.once or number, each)
    if not wanted:
        return []
    make = postgresql.insert if db.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    line, table = {"company_id": current_company_id(), "at": utcnow()}, Notice.__table__
    statement = make(table).on_conflict_do_nothing().returning(table.c.member_id, table.c.key)
    written = db.session.connection().execute(statement, [{**line, **each.row()} for each in wanted.values()])
    new = {tuple(row) for row in written}
    return [each for each in wanted.values() if each.once is None or each.once in new]
