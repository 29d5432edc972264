"""Rows that were checked and wait: kept in committed chunks, so that progress shows and no writer is held for long."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, delete, or_, select, update

from app.core import changelog
from app.core.db import db, utcnow
from app.core.errors import Conflict
from app.core.i18n import _
from app.core.importing.checking import GoodRow
from app.core.importing.matching import New, SameFile
from app.core.importing.models import CHECKED, CHECKING as STAGING, DONE, ImportBatch, ImportRow
from app.core.money import Money
from app.core.writes import bulk_insert

CHUNK = 1000
ABANDONED = timedelta(hours=1)  # nothing written to it for so long: whoever brought it is gone


def begin(resource: str, file_name: str, digest: str) -> int:
    """Id of a new, empty batch, committed; abandoned ones and those of the same file by the same person go first."""
    mine = (
        ImportBatch.resource == resource,
        ImportBatch.file_hash == digest,
        ImportBatch.member_id.is_not_distinct_from(changelog.actor_id()),
    )
    sweep(*mine)
    batch = ImportBatch(
        member_id=changelog.actor_id(), resource=resource, file_name=file_name[-200:], file_hash=digest, state=STAGING
    )
    db.session.add(batch)
    db.session.commit()
    # SQLite gives the id of a batch that was swept to the next one: nobody may hold on to the old row.
    db.session.expunge(batch)
    return batch.id


def sweep(*or_these: Any) -> None:
    """Remove what an import left behind that ended before its rows were published."""
    gone = ImportBatch.touched_at < utcnow() - ABANDONED
    if or_these:
        gone = or_(gone, and_(*or_these))
    db.session.execute(
        delete(ImportBatch).where(ImportBatch.state != DONE, gone), execution_options={"synchronize_session": False}
    )
    db.session.commit()


def stage(batch_id: int, rows: Iterable[GoodRow]) -> Iterator[int]:
    """Keep rows, a committed chunk at a time; yields how many there are after each. No transaction is open between."""
    for number, chunk in enumerate(_chunks(rows)):
        lines = [{"batch_id": batch_id, "line": row.line, "payload": encode(row)} for row in chunk]
        bulk_insert(ImportRow, lines)
        _touch(batch_id, STAGING, rows=number * CHUNK + len(chunk), touched_at=utcnow())
        db.session.commit()
        yield number * CHUNK + len(chunk)


def finish(batch_id: int, report: dict[str, Any], plan: dict[str, Any]) -> None:
    """Mark a batch as checked and keep what was found."""
    _touch(batch_id, STAGING, state=CHECKED, report=report, plan=plan, touched_at=utcnow())


def take(batch_id: int, report: dict[str, Any]) -> None:
    """Mark a batch as done and drop its rows, in the transaction that publishes it. Raises `Conflict`."""
    _touch(batch_id, CHECKED, state=DONE, report=report, touched_at=utcnow())
    db.session.execute(
        delete(ImportRow).where(ImportRow.batch_id == batch_id), execution_options={"synchronize_session": False}
    )


def _touch(batch_id: int, before: str, **values: Any) -> None:
    changed: Any = db.session.execute(
        update(ImportBatch).where(ImportBatch.id == batch_id, ImportBatch.state == before).values(**values),
        execution_options={"synchronize_session": False},
    )
    if not changed.rowcount:
        raise Conflict(_("This import is over: it was done already, or another run of the same file has taken over."))


def staged(batch_id: int) -> list[GoodRow]:
    """The rows of a batch in the order of the file."""
    rows = select(ImportRow.line, ImportRow.payload).where(ImportRow.batch_id == batch_id)
    return [decode(line, payload) for line, payload in db.session.execute(rows.order_by(ImportRow.line, ImportRow.id))]


def encode(row: GoodRow) -> str:
    """Values as JSON that `decode` reads back to the same values."""
    return json.dumps([row.row_id, {name: _plain(value) for name, value in row.values.items()}], ensure_ascii=False)


def decode(line: int, payload: str) -> GoodRow:
    row_id, values = json.loads(payload)
    return GoodRow(line, {name: _typed(value) for name, value in values.items()}, row_id)


def _plain(value: Any) -> Any:
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
            return {"new": [value.target, value.name, _plain(value.within)]}
        case SameFile():
            return {"line": value.line}
    return {"json": value}


def _typed(value: Any) -> Any:
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
            return New(target, name, _typed(within))
        case "line":
            return SameFile(inner)
    return inner


def _chunks(rows: Iterable[GoodRow]) -> Iterator[list[GoodRow]]:
    chunk: list[GoodRow] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
