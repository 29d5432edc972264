"""The history of a record: its change log, and what other modules add, as one list of days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from types import SimpleNamespace
from typing import Any

from flask import g
from sqlalchemy import or_, select

from app.core import changelog, lookups
from app.core.access import can
from app.core.clock import local_date, today
from app.core.db import db
from app.core.fields import Field, FieldError, MoneyField
from app.core.formats import clock, long_day
from app.core.hooks import Timeline
from app.core.i18n import _
from app.core.lifecycle import enabled_modules
from app.core.models import Change, Membership
from app.core.money import Money
from app.core.resource import Resource

# Lines of the log on what lay on the record and is gone: `app.core.notes` and `app.core.attachments` write them.
NOTE_GONE, FILE_GONE = "note_gone", "file_gone"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing that happened to a record; `text` is a translated sentence without its subject.

    `kind` is what the filters of the stream go by: note, activity, mail, change or file. `body` is what was written,
    with its lines; plain text, whose links are made by the page. `url` leads to what the entry is about.
    """

    at: datetime
    who: str
    text: str
    icon: str = "pencil"
    old: str = ""
    new: str = ""
    detail: str = ""
    undone: bool = False
    kind: str = "change"
    body: str = ""
    url: str = ""
    link: str = ""  # what `url` is called; without it the sentence is the link
    meta: Sequence[tuple[str, str]] = ()  # small facts below, each with its icon: (("clock", "12 min"),)
    named: Sequence[str] = ()  # people marked in the body where they stand behind an "@"
    edited: bool = False
    key: str = ""  # its place on the page, "note-12"
    actions: Sequence[Mapping[str, str]] = ()  # what the reader may do with it: label, icon, url, target


def days(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Entries, newest first, grouped under the company-local day on which they happened."""
    newest = sorted(entries, key=lambda e: e.at, reverse=True)
    now = today()
    return [
        {"label": long_day(day, now), "entries": [_shown(e) for e in group]}
        for day, group in groupby(newest, key=lambda e: local_date(e.at))
    ]


def _shown(entry: Entry) -> dict[str, Any]:
    return {**{name: getattr(entry, name) for name in entry.__dataclass_fields__}, "time": clock(entry.at)}


def sources(resource: Resource) -> list[Timeline]:
    """What the enabled modules tell of a record, as far as the reader may know it."""
    found = (source for module in enabled_modules() for source in module.hooks.timeline)
    return [source for source in found if source.resource == resource.key and can(source.permission)]


def change_entries(resource: Resource, row_id: int, before: datetime | None, limit: int, *, without: Sequence[str | None] = ()) -> list[Entry]:
    """The newest lines of a row's change log before an instant, as entries. `without` leaves columns out, None among them
    the line that says it was created; columns that no field shows are told by the log alone."""
    fields = {column: f for column, f in resource.by_column.items() if column not in without}
    rows = (
        select(Change.id, Change.at, Change.request_id, Change.action, Change.field, Change.old, Change.new, Membership.name)
        .outerjoin(Membership, (Membership.id == Change.actor_id) & (Membership.company_id == Change.company_id))
        .where(Change.table_name == resource.model.__tablename__, Change.row_id == row_id)
        .where(or_(Change.field.is_(None), Change.field.in_(fields)))
        .order_by(Change.at.desc(), Change.id.desc())
        .limit(limit)
    )
    if before is not None:
        rows = rows.where(Change.at < before)
    if None in without:
        rows = rows.where(Change.action != changelog.CREATED)
    nobody = _("The system")
    lines = db.session.execute(rows).all()
    # Whoever shows the history of a record has mostly fetched it: this is no further statement then.
    record = db.session.get(resource.model, row_id) if any(line.field for line in lines) else None
    turned = turns(resource.model.__tablename__, [row_id], (fields.get(line.field) for line in lines)).get(row_id, ())
    return [_entry(line, fields.get(line.field), nobody, turned, record) for line in lines]


def _entry(row: Any, typed: Field | None, nobody: str, turned: Sequence[Any], record: Any) -> Entry:
    who = row.name or nobody
    whole = {
        changelog.CREATED: (_("created this"), "plus"),
        changelog.DELETED: (_("threw this away"), "trash"),
        changelog.RESTORED: (_("brought this back"), "arrow-back-up"),
        changelog.MERGED: (_("merged others into this"), "arrows-join"),
        changelog.ERASED: (_("erased the personal data"), "eraser"),
        NOTE_GONE: (_("deleted a note"), "trash"),
        FILE_GONE: (_("deleted a file"), "trash"),
    }
    if row.action in whole:
        text, icon = whole[row.action]
        return Entry(at=row.at, who=who, text=text, icon=icon, detail=row.new or "")
    label = str(typed.label) if typed else str(row.field)
    text = _("changed %(field)s", field=label[:1].lower() + label[1:])
    old, new = sides(typed, row, turned, record)
    return Entry(at=row.at, who=who, text=text, old=logged_as_shown(typed, row.old, old), new=logged_as_shown(typed, row.new, new))


def turns(table: str, ids: Iterable[int], fields: Iterable[Field | None]) -> dict[int, list[Any]]:
    """When the unit or currency changed that values of these fields are in: row -> lines of the log, the newest first."""
    names = {name for typed in fields if typed for name in typed.attributes[1:]}
    if not names:
        return {}
    rows = select(Change.id, Change.row_id, Change.request_id, Change.field, Change.old)
    rows = rows.where(Change.table_name == table, Change.row_id.in_(list(ids)), Change.field.in_(names)).order_by(Change.id.desc())
    found: dict[int, list[Any]] = {}
    for line in db.session.execute(rows):
        found.setdefault(line.row_id, []).append(line)
    return found


def sides(typed: Field | None, line: Any, turned: Sequence[Any], row: Any) -> tuple[Any, Any]:
    """What says the unit or currency of a logged value, before the change and after it: that of the `row` today, taken back
    by what has `turned` since, the newest first."""
    names = typed.attributes[1:] if typed else ()
    if row is None or not names:
        return row, row
    old = {name: getattr(row, name) for name in names}
    new = dict(old)
    for turn in turned:
        if turn.field in names and turn.request_id and turn.request_id == line.request_id:
            old[turn.field] = turn.old
        elif turn.field in names and turn.id > line.id:
            old[turn.field] = new[turn.field] = turn.old
    return SimpleNamespace(**old), SimpleNamespace(**new)


def logged_as_shown(typed: Field | None, text: str | None, row: Any = None) -> str:
    """A logged value as the field shows it; as it was logged where that is not possible. The `row` it is of says in which
    currency or unit it is; without one, amounts are in the company's currency."""
    if text is None or typed is None:
        return text or ""
    try:
        if isinstance(typed, lookups.Lookup):
            return lookups.labels(typed.target, [int(text)]).get(int(text), text)
        if isinstance(typed, MoneyField):
            currency = getattr(row, typed.currency, None) or g.company.currency
            return typed.show(Money(int(text), currency)) if text.isdecimal() else text
        if typed.kind == "date":
            return typed.show(date.fromisoformat(text))
        return typed.logged(text, row)
    except (FieldError, ValueError):
        return text
