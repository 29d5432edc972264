"""One change to many rows: which rows, what it would do, doing it row by row, and taking it back.

Every row goes through the resource's own write function, so the rules of its module hold here as on its page; a row that
they refuse is named with their sentence and left as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from time import monotonic
from types import SimpleNamespace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from app.core import lookups, trash
from app.core.changelog import LONGEST, actor_id
from app.core.db import ExactDecimal, db, utcnow
from app.core.errors import BusinessError, Conflict, Refusal
from app.core.fields import Field
from app.core.formats import number
from app.core.i18n import _
from app.core.ids import whole
from app.core.models import Change
from app.core.resource import Resource
from app.core.tables import Listing

MOST = 5_000  # rows of one deed
CHUNK = 500  # rows of one request, and of one transaction
TURN = 2.0  # seconds after which a request leaves the rest to the next, so that SQLite's only writer is not held
SAMPLE = 5  # rows shown with what was and what will be
NAMED = 5  # rows named beside a reason
UNDO = timedelta(minutes=10)
UNDONE = 500  # rows that are taken back in one request
REQUESTS = 100  # in which a change may have been made that is taken back
LONGEST_TALLY = 20_000  # characters
Rows = dict[int, int]  # row id -> version that was looked at


@dataclass
class Some:
    """How many rows, and the names of the first."""

    count: int = 0
    names: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        self.count += 1
        if len(self.names) < NAMED:
            self.names.append(name)


@dataclass
class Tally:
    """What became of rows, or would: changed, the same already, saved by others meanwhile, gone, refused and why."""

    changed: int = 0
    same: int = 0
    gone: int = 0
    late: Some = field(default_factory=Some)
    refused: dict[str, Some] = field(default_factory=dict)  # sentence -> rows
    requests: list[str] = field(default_factory=list)  # under which the change log knows it

    @property
    def smooth(self) -> bool:
        return not (self.gone or self.late.count or self.refused)

    def refuse(self, sentence: str, name: str) -> None:
        self.refused.setdefault(sentence, Some()).add(name)

    def text(self) -> str:
        """As a form carries it from one request to the next."""
        refused = {sentence: [some.count, some.names] for sentence, some in self.refused.items()}
        late = [self.late.count, self.late.names]
        return json.dumps([self.changed, self.same, self.gone, late, refused, self.requests], ensure_ascii=False)

    @classmethod
    def read(cls, text: str) -> Tally:
        """The tally of a form; a fresh one where there is none. Raises `BusinessError` when it is damaged."""
        if not text:
            return cls()
        try:
            changed, same, gone, late, refused, requests = json.loads(text[:LONGEST_TALLY])
            json.dumps([late, refused], ensure_ascii=False).encode()  # half a character could not be shown again
            kinds = {str(sentence): _some(pair) for sentence, pair in refused.items()}
            return cls(int(changed), int(same), int(gone), _some(late), kinds, [str(r)[:36] for r in requests])
        except (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError):
            raise _damaged() from None


def _some(pair: Any) -> Some:
    count, names = pair
    return Some(int(count), [str(name) for name in names])


@dataclass(frozen=True)
class Sample:
    """One row as it is and as it would be, for people."""

    name: str
    before: str
    after: str


# Which rows


def seen(resource: Resource, ids: Iterable[int]) -> Rows:
    """Those of the rows that the person may see, with their versions. Raises `BusinessError` for too many."""
    wanted = list(dict.fromkeys(ids))
    if len(wanted) > MOST:
        raise _too_many()
    model = resource.model
    rows = select(model.id, model.version).where(model.id.in_(wanted)).order_by(model.id)
    return {row.id: row.version for row in db.session.execute(rows)}


def of_list(listing: Listing) -> Rows:
    """All rows of a list with their versions. Raises `BusinessError` where there are too many."""
    model = listing.resource.model
    rows = db.session.execute(listing.select(model.id, model.version).limit(MOST + 1)).all()
    if len(rows) > MOST:
        raise _too_many()
    return {row.id: row.version for row in rows}


def as_text(rows: Mapping[int, int]) -> str:
    """Rows as a form carries them: only signs that a posted form leaves as they are."""
    return "-".join(f"{row_id}.{version}" for row_id, version in rows.items())


def from_text(text: str) -> Rows:
    """The rows of a form. Raises `BusinessError` when it is damaged."""
    found: Rows = {}
    for pair in text.split("-") if text else ():
        row_id, _dot, version = pair.partition(".")
        numbers = whole(row_id), whole(version)
        if numbers[0] is None or numbers[1] is None:
            raise _damaged()
        found[numbers[0]] = numbers[1]
    if len(found) > MOST:
        raise _too_many()
    return found


def fields_of(resource: Resource) -> list[Field]:
    """The fields that can be set in many rows at once."""
    return [f for f in resource.fields if f.editable and f.attributes]


# What it would do


@dataclass(frozen=True)
class Preview:
    """What a change would do, with the first rows of it; `untried` rows were not put to the rules of the module."""

    tally: Tally
    samples: list[Sample]
    untried: int = 0


def preview(resource: Resource, typed: Field, value: Any, rows: Rows) -> Preview:
    """What setting a field to a value would do; nothing is changed.

    One statement reads the rows. Where the module has rules of its own they are tried on the rows that would change, for
    two seconds and on 500 at most, and all is taken back.
    """
    model = resource.model
    columns = dict.fromkeys(("id", "version", resource.title, *typed.attributes))
    found = db.session.execute(select(*(getattr(model, c) for c in columns)).where(model.id.in_(rows)).order_by(model.id)).all()
    tally = Tally(gone=len(rows) - len(found))
    changing = []
    for row in found:
        if typed.of(row) == value:
            tally.same += 1
        elif row.version != rows[row.id]:
            tally.late.add(resource.called(row))
        else:
            changing.append(row)
    refused: dict[int, str] = {}
    untried = 0
    if _has_rules(resource, typed):
        refused, tried = _try(resource, typed, value, [row.id for row in changing[:CHUNK]])
        untried = len(changing) - tried
    for row in changing:
        if row.id in refused:
            tally.refuse(refused[row.id], resource.called(row))
        else:
            tally.changed += 1
    first = [row for row in changing if row.id not in refused][:SAMPLE]
    return Preview(tally, _samples(resource, typed, value, first), untried)


def _samples(resource: Resource, typed: Field, value: Any, rows: list[Any]) -> list[Sample]:
    if isinstance(typed, lookups.Lookup):
        lookups.labels(typed.target, [value, *(typed.of(row) for row in rows)])
    after = typed.show(value)
    return [Sample(resource.called(row), typed.show(typed.of(row)), after) for row in rows]


def _has_rules(resource: Resource, typed: Field) -> bool:
    """Whether a change may be refused: by the module, or because a value is to be unique."""
    unique = set(trash.unique_columns(resource.model))
    touched = set(typed.attributes)
    touched |= {c for c, sources in resource.model.__folded__.items() if touched & set(sources)}
    return resource.update is not None or bool(touched & unique)


def _try(resource: Resource, typed: Field, value: Any, ids: list[int]) -> tuple[dict[int, str], int]:
    """Change rows and take it back: which were refused, by id, with the sentence; and how many there was time for."""
    refused, tried, until = {}, 0, monotonic() + TURN
    for row in _entities(resource, ids):
        row_id = row.id
        if sentence := _set(resource, row, {typed.name: value}):
            refused[row_id] = sentence
        tried += 1
        if monotonic() > until:
            break
    db.session.rollback()
    return refused, tried


# Doing it


def apply(resource: Resource, typed: Field, value: Any, rows: Rows, tally: Tally) -> Rows:
    """Set a field of up to 500 rows, for two seconds, and add to the tally; returns the rows that are left for another
    time. What others saved since the preview is left alone."""
    rest, until = dict(sorted(rows.items())), monotonic() + TURN
    present = {row.id: row for row in _entities(resource, list(rest)[:CHUNK])}
    for row_id in list(rest)[:CHUNK]:
        del rest[row_id]
        row = present.get(row_id)
        if row is None:
            tally.gone += 1
            continue
        name = resource.called(row)
        if typed.of(row) == value:
            tally.same += 1
        elif row.version != rows[row.id]:
            tally.late.add(name)
        elif sentence := _set(resource, row, {typed.name: value}):
            tally.refuse(sentence, name)
        else:
            tally.changed += 1
        if monotonic() > until:
            break
    return rest


def _entities(resource: Resource, ids: list[int]) -> list[Any]:
    """The rows that the person sees, held until the end of the transaction, in an order that is always the same."""
    model = resource.model
    found = select(model).where(model.id.in_(ids)).order_by(model.id).with_for_update(of=model)
    return list(db.session.scalars(found))


def _set(resource: Resource, row: Any, values: Mapping[str, Any]) -> str | None:
    """Change one row; the sentence when it is refused, and then the row is as before."""
    try:
        with db.session.begin_nested():
            resource.change(row, values)
    except Refusal as error:
        return error.message
    except (IntegrityError, StaleDataError):
        return _("This clashes with what is stored: it exists already, or what it refers to is gone.")
    return None


# Taking it back


def can_undo(resource: Resource, typed: Field, tally: Tally) -> bool:
    """Whether it can be taken back in one go, and the change log knows exactly what was before: every value whole, and no
    other field changed along."""
    if tally.changed > UNDONE:
        return False
    others = {a for f in resource.fields if f.editable and f is not typed for a in f.attributes} - set(typed.attributes)
    inexact = (func.length(Change.old) >= LONGEST) | Change.field.in_(others)
    lines = _lines(resource, tally.requests)
    return bool(db.session.scalar(lines.limit(1))) and not db.session.scalar(lines.where(inexact).limit(1))


def undo(resource: Resource, requests: list[str]) -> tuple[int, int]:
    """Put back the old values of what these requests of one's own changed, within ten minutes, in rows that nobody has
    touched since; returns how many rows are back, and how many were left. Raises `Conflict`."""
    lines = db.session.execute(_lines(resource, requests, Change.row_id, Change.id, Change.field, Change.old)).all()
    before: dict[int, dict[str, str | None]] = {}
    last: dict[int, int] = {}
    for line in lines:
        before.setdefault(line.row_id, {}).setdefault(line.field, line.old)
        last[line.row_id] = line.id
    if not before:
        raise Conflict(_("There is nothing left to undo."))
    touched = _last_changes(resource, list(before))
    done = 0
    for row in _entities(resource, list(before)):
        values = _before(resource, row, before[row.id]) if touched[row.id] == last[row.id] else {}
        done += bool(values) and _set(resource, row, values) is None
    return done, len(before) - done


def _lines(resource: Resource, requests: list[str], *columns: Any) -> Any:
    """The change log of one's own requests, oldest first."""
    return select(*(columns or (Change.id,))).where(
        Change.table_name == resource.model.__tablename__,
        Change.action == "changed",
        Change.request_id.in_(requests),
        Change.actor_id == actor_id(),
        Change.at > utcnow() - UNDO,
    ).order_by(Change.id)


def _last_changes(resource: Resource, ids: list[int]) -> dict[int, int]:
    """Row id -> id of the newest line of the change log."""
    newest = select(Change.row_id, func.max(Change.id)).where(
        Change.table_name == resource.model.__tablename__, Change.row_id.in_(ids)
    )
    return dict(db.session.execute(newest.group_by(Change.row_id)).all())


def _before(resource: Resource, row: Any, old: Mapping[str, str | None]) -> dict[str, Any]:
    """Field values as they were, from the columns of the log; empty where the log does not know them exactly."""
    columns = resource.model.__table__.c
    wanted = [f for f in fields_of(resource) if set(f.attributes) & set(old)]
    try:
        stored = {name: _stored(columns[name].type, text) for name, text in old.items()}
    except (ValueError, ArithmeticError, NotImplementedError):
        return {}
    now = {a: getattr(row, a) for f in wanted for a in f.attributes}
    was = SimpleNamespace(**(now | stored))
    return {f.name: f.of(was) for f in wanted}


def _stored(kind: Any, text: str | None) -> Any:
    """The value of a column as the change log keeps it. Raises `ValueError` where it is not exact."""
    if text is None:
        return None
    if len(text) >= LONGEST:
        raise ValueError("cut")
    if isinstance(kind, ExactDecimal):
        return Decimal(text)
    python = kind.python_type
    if python is bool:
        return text == "True"
    if python in (date, datetime):
        return python.fromisoformat(text)
    if python not in (int, str):
        raise ValueError("not text")
    return python(text)


def _too_many() -> BusinessError:
    return BusinessError(_("At most %(most)s rows can be changed at once. Narrow the list with a filter.", most=number(MOST)))


def _damaged() -> BusinessError:
    return BusinessError(_("The form is damaged. Go back to the list and choose the rows again."))
