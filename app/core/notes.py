"""Notes on records of whatever kind: written, changed and deleted by who wrote them; colleagues named in them are told.

Whoever calls has fetched the record (fetching is authorising) and asked for the permission; who may change or delete a
note is asked here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flask import g
from sqlalchemy import delete, select

from app.core import changelog, mentions
from app.core.db import db, utcnow
from app.core.errors import BusinessError, Conflict, Forbidden, NotFound
from app.core.history import NOTE_GONE
from app.core.i18n import _, _l
from app.core.models import Membership
from app.core.note_models import Note, Notice
from app.core.notices import notify
from app.core.resource import Resource

LONGEST = 20_000
EXCERPT = 200


def add(resource: Resource, row_id: int, text: str, mentioned: Iterable[int] = ()) -> tuple[Note, list[str]]:
    """Put a note on a record in the name of who is acting; returns it and the names of those who are not told, for they
    may not see the record.

    Told are the members named in the text ("@Ana Ruiz") and those `mentioned`. Raises `BusinessError` (field "text").
    """
    body = _checked(text)
    chosen = list(mentioned)
    wanted = list(dict.fromkeys([*mentions.find(body, chosen), *_told_anyway(body, chosen)]))[: mentions.MOST]
    note = Note(table_name=_table(resource), row_id=row_id, member_id=changelog.actor_id(), text=body, mentions=wanted)
    db.session.add(note)
    db.session.flush()
    return note, _tell(resource, note, wanted)


def change(resource: Resource, row_id: int, note_id: int, text: str, version: int | None) -> tuple[Note, list[str]]:
    """Change one's own note; people named in it for the first time are told, and returned as by `add`.

    Raises `NotFound`, `Forbidden`, `BusinessError`, and `Conflict` with what is stored now.
    """
    note = get(resource, row_id, note_id, lock=True)
    if not may_change(note):
        raise Forbidden(_("Only who wrote a note may change it."))
    if version != note.version:
        raise Conflict(_("This note was changed meanwhile."), theirs={"text": note.text})
    body = _checked(text)
    if body == note.text:
        return note, []
    named = mentions.find(body, note.mentions)
    fresh = [i for i in named if i not in note.mentions]
    note.text, note.edited_at = body, utcnow()
    note.mentions = [*[i for i in note.mentions if i not in fresh], *fresh]
    db.session.flush()
    changelog.note(Note, [note.id], changelog.CHANGED)
    return note, _tell(resource, note, fresh)


def remove(resource: Resource, row_id: int, note_id: int) -> None:
    """Delete one's own note, anybody's as an administrator, for good; the record's log says so, not what it said.

    Raises `NotFound`, `Forbidden`.
    """
    note = get(resource, row_id, note_id, lock=True)
    if not may_remove(note):
        raise Forbidden(_("Only who wrote a note may delete it, or an administrator."))
    author = db.session.scalar(select(Membership.name).where(Membership.id == note.member_id))
    db.session.delete(note)
    db.session.flush()
    _take_back_notices([note.id])
    changelog.note(resource.model, [row_id], NOTE_GONE, None if note.member_id == changelog.actor_id() else author)


def get(resource: Resource, row_id: int, note_id: int | None, *, lock: bool = False) -> Note:
    """A note of this record. Raises `NotFound`."""
    mine = select(Note).where(Note.id == note_id, Note.table_name == _table(resource), Note.row_id == row_id)
    found = db.session.scalar(mine.with_for_update() if lock else mine)
    if found is None:
        raise NotFound(_("This note is no longer here."))
    return found


def of(resource: Resource, row_id: int, before: datetime | None = None, limit: int | None = None) -> list[Any]:
    """Notes of a record with `name` of who wrote each, the newest first: id, created_at, edited_at, text, mentions,
    member_id, name."""
    rows = (
        select(Note.id, Note.created_at, Note.edited_at, Note.text, Note.mentions, Note.member_id, Membership.name)
        .outerjoin(Membership, (Membership.id == Note.member_id) & (Membership.company_id == Note.company_id))
        .where(Note.table_name == _table(resource), Note.row_id == row_id)
        .order_by(Note.created_at.desc(), Note.id.desc())
    )
    if before is not None:
        rows = rows.where(Note.created_at < before)
    return list(db.session.execute(rows.limit(limit), execution_options={"with_trash": True}))


def _take_back_notices(note_ids: list[int]) -> None:
    """Notices quote the note."""
    keys = [_key(i) for i in note_ids]
    db.session.execute(delete(Notice).where(Notice.key.in_(keys)), execution_options={"synchronize_session": False})


def _key(note_id: int) -> str:
    return f"note-{note_id}"


def may_change(note: Any) -> bool:
    """Whether who is acting wrote the note; what no person wrote is the administrators'. Without a person: any."""
    if "me" not in g:
        return True
    return note.member_id == g.me.member_id or (note.member_id is None and g.me.role_key == "admin")


def may_remove(note: Any) -> bool:
    return may_change(note) or g.me.role_key == "admin"


def _table(resource: Resource) -> str:
    return resource.model.__tablename__


def _checked(text: str) -> str:
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    body = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
    if not body.strip():
        raise BusinessError(_("Write something first."), field="text")
    if len(body) > LONGEST:
        raise BusinessError(_("A note holds at most %(most)s characters; this one has %(count)s.", most=LONGEST, count=len(body)),
                            field="text")
    return body


def _told_anyway(body: str, chosen: Iterable[int]) -> list[int]:
    """Of the members chosen, those whom the text does not name with an "@": picked from a list."""
    given = [i for i in chosen if i]
    if not given:
        return []
    names = dict(db.session.execute(select(Membership.id, Membership.name).where(Membership.id.in_(given))).all())
    return [i for i in given if i in names and f"@{names[i]}".casefold() not in body.casefold()]


def _tell(resource: Resource, note: Note, member_ids: list[int]) -> list[str]:
    """Tell those of the members who may see the record, the writer excepted; returns the names of the others."""
    others = [i for i in member_ids if i != note.member_id]
    if not others:
        return []
    may, may_not = mentions.by_sight(resource, note.row_id, others)
    title = db.session.scalar(select(getattr(resource.model, resource.title)).where(resource.model.id == note.row_id))
    who = g.me.name if "me" in g else _writer(note) or _("The system")
    words = {"who": who, "what": title or _("(no name)"), "text": excerpt(note.text)}
    url = f"{resource.module}/{resource.plural}/{note.row_id}#note-{note.id}"
    notify(may, _l("%(who)s mentioned you on “%(what)s”: %(text)s", **words), url, icon="at", key=_key(note.id), mail=True)
    return may_not


def _writer(note: Note) -> str | None:
    """Who wrote a note outside of a request."""
    return db.session.scalar(select(Membership.name).where(Membership.id == note.member_id)) if note.member_id else None


def excerpt(text: str) -> str:
    """The beginning of a text on one line."""
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT else f"{line[:EXCERPT].rstrip()}…"
