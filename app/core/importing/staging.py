"""Batches and what waits in them: rows that were checked, kept in committed chunks, so that progress shows and no writer
is held for long.

Every write to a batch names the state and the run it expects: whoever was cancelled or overtaken meanwhile finds out
there, and what it wrote in the same transaction is rolled back.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.core import changelog
from app.core.db import db, utcnow
from app.core.errors import Conflict
from app.core.fields import STAGED
from app.core.i18n import _
from app.core.importing.checking import GoodRow
from app.core.importing.matching import New, SameFile
from app.core.importing.models import CHECKING, KEPT, ImportBatch, ImportFault, ImportFile, ImportRow
from app.core.importing.report import RowError
from app.core.money import Money
from app.core.writes import bulk_insert

ABANDONED = timedelta(hours=1)  # a run on the command line that wrote nothing for so long: whoever ran it is gone
FORGOTTEN = timedelta(days=30)
QUICK = {"synchronize_session": False}
SIMPLE = frozenset({str, int, bool, type(None)})


class Overtaken(Conflict):
    """The batch is somebody else's now, or was cancelled."""


def begin(resource: str, file_name: str, digest: str) -> tuple[int, str]:
    """Id and run of a new, empty batch of the command line, being checked. Commits.

    Abandoned ones go first, and those of the same file by the same person.
    """
    sweep(resource, digest)
    run = secrets.token_hex(8)
    batch = ImportBatch(
        member_id=changelog.actor_id(), resource=resource, file_name=file_name[-200:], file_hash=digest,
        state=CHECKING, run=run,
    )  # fmt: skip
    db.session.add(batch)
    db.session.commit()
    # SQLite gives the id of a batch that was swept to the next one: nobody may hold on to the old row.
    db.session.expunge(batch)
    return batch.id, run


def sweep(resource: str = "", digest: str = "") -> None:
    """Remove what nobody will come back for: runs of the command line that ended before their rows were published, what
    people left lying for a month, and the files of imports that are over for as long. Commits."""
    now = utcnow()
    over = ImportBatch.state.in_(KEPT)
    alone = ~select(ImportFile.id).where(ImportFile.batch_id == ImportBatch.id).exists()
    mine = (ImportBatch.resource == resource) & (ImportBatch.file_hash == digest)
    mine &= ImportBatch.member_id.is_not_distinct_from(changelog.actor_id())
    left = (alone & ((ImportBatch.touched_at < now - ABANDONED) | mine)) | (ImportBatch.touched_at < now - FORGOTTEN)
    old = select(ImportBatch.id).where(over, ImportBatch.touched_at < now - FORGOTTEN)
    db.session.execute(delete(ImportBatch).where(~over, left), execution_options=QUICK)
    db.session.execute(delete(ImportFile).where(ImportFile.batch_id.in_(old)), execution_options=QUICK)
    db.session.commit()


def advance(batch_id: int, run: str, before: str, /, *, session: Session | None = None, **values: Any) -> None:
    """Change a batch that this run is working on. Raises `Overtaken`."""
    mine = (ImportBatch.id == batch_id, ImportBatch.state == before, ImportBatch.run == run, ~ImportBatch.cancel)
    changed: Any = (session or db.session()).execute(
        update(ImportBatch).where(*mine).values(**values, touched_at=utcnow()), execution_options=QUICK
    )
    if not changed.rowcount:
        raise Overtaken(_("This import is over: it was done already, or another run of the same file has taken over."))


def clear(batch_id: int, *, faults: bool = True) -> None:
    """Drop the checked rows of a batch, and what was wrong with the others."""
    for model in (ImportRow, ImportFault) if faults else (ImportRow,):
        db.session.execute(delete(model).where(model.batch_id == batch_id), execution_options=QUICK)


def keep(batch_id: int, fields: Sequence[str], rows: Sequence[GoodRow], faults: Iterable[RowError]) -> None:
    """Keep a chunk of checked rows, which all have these fields, and what is wrong with others."""
    if rows:
        line = {"batch_id": batch_id, "line": rows[0].line, "payload": encode(fields, rows)}
        bulk_insert(ImportRow, [line])
    keep_faults(batch_id, faults)


def keep_faults(batch_id: int, faults: Iterable[RowError]) -> None:
    """Keep what is wrong with rows."""
    lines = [
        {"batch_id": batch_id, "line": e.line, "field": e.field, "heading": e.column, "value": e.value, "message": e.message}
        for e in faults
    ]
    bulk_insert(ImportFault, lines)


def staged(batch_id: int) -> list[GoodRow]:
    """The rows of a batch in the order of the file."""
    chunks = select(ImportRow.payload).where(ImportRow.batch_id == batch_id).order_by(ImportRow.line, ImportRow.id)
    return [row for payload in db.session.scalars(chunks) for row in decode(payload)]


def encode(fields: Sequence[str], rows: Sequence[GoodRow]) -> str:
    """Rows as JSON that `decode` reads back to the same rows."""
    told = [
        [row.line, row.row_id, *(v if type(v) in SIMPLE else plain(v) for v in map(row.values.get, fields))]
        for row in rows
    ]
    return json.dumps([list(fields), told], ensure_ascii=False, separators=(",", ":"))


def decode(payload: str) -> Iterator[GoodRow]:
    """The rows of a chunk."""
    fields, rows = json.loads(payload)
    for line, row_id, *told in rows:
        values = {name: typed(value) if type(value) is dict else value for name, value in zip(fields, told, strict=True)}
        yield GoodRow(line, values, row_id)


def plain(value: Any) -> Any:
    """A value of a field as JSON has it; `typed` undoes it exactly."""
    match value:
        case None | bool() | int() | str():
            return value
        case date():
            return {"date": value.isoformat()}
        case Money():
            return {"money": [value.minor, value.currency]}
        case Decimal():
            return {"decimal": str(value)}
        case New():
            return {"new": [value.target, value.name, plain(value.within)]}
        case SameFile():
            return {"line": value.line}
    if kind := getattr(type(value), "staged", ""):
        return {"made": [kind, value.parts()]}
    return {"json": value}


def typed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    match kind:
        case "date":
            return date.fromisoformat(inner)
        case "money":
            return Money(*inner)
        case "decimal":
            return Decimal(inner)
        case "new":
            target, name, within = inner
            return New(target, name, typed(within))
        case "line":
            return SameFile(inner)
        case "made":
            kind, parts = inner
            return STAGED[kind].of_parts(*parts)
    return inner
