"""The write functions that a resource gets when its module brings none, and the one path for bulk writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Table, func, insert, select

from app.core import changelog
from app.core.db import CompanyScoped, Owned, db
from app.core.errors import Conflict
from app.core.i18n import _
from app.core.models import Change
from app.core.tenancy import WrongCompany, current_company_id

Row = TypeVar("Row", bound=CompanyScoped)
CHUNK = 1000


def create(model: type[Row], values: Mapping[str, Any]) -> Row:
    """A new row with these columns; owned rows belong to the person who makes them unless said otherwise."""
    row = model(**values)
    if isinstance(row, Owned) and "owner_id" not in values:
        row.owner_id = changelog.actor_id()
    db.session.add(row)
    db.session.flush()
    return row


def update(row: Any, values: Mapping[str, Any]) -> Any:
    """Set columns that differ; the flush notices when somebody else saved first."""
    for name, value in values.items():
        if getattr(row, name) != value:
            setattr(row, name, value)
    db.session.flush()
    return row


def check_version(row: Any, version: int | None, theirs: Mapping[str, Any] | None = None) -> None:
    """Raise `Conflict` when `version` is not the row's: somebody saved since the form was opened."""
    if version is not None and version != row.version:
        raise Conflict(_("Somebody else changed this in the meantime. Nothing you typed is lost."), theirs=dict(theirs or {}))


def bulk_insert(model: type[CompanyScoped], rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Insert many rows the fast way: company stamped, folded columns filled, one "created" line each in the log.

    `rows` map columns to values; all need the same columns. Returns their ids in order.
    """
    if not rows:
        return []
    company_id, table = current_company_id(), model.__table__  # type: ignore[attr-defined]  # mapped class
    ids = _take_ids(table, len(rows))
    for start in range(0, len(rows), CHUNK):
        numbered = zip(ids[start : start + CHUNK], rows[start : start + CHUNK], strict=True)
        chunk = [_prepared(model, {**row, "id": row_id}, company_id) for row_id, row in numbered]
        db.session.connection().execute(insert(table), chunk)
    if changelog.is_logged(model):
        _log(model.__tablename__, ids, company_id)  # type: ignore[attr-defined]  # mapped class
    return ids


def _take_ids(table: Table, wanted: int) -> list[int]:
    """Ids for new rows, taken before they are written: rows with RETURNING would go in one by one on SQLite."""
    connection = db.session.connection()
    if connection.dialect.name == "postgresql":
        sequence = func.pg_get_serial_sequence(table.name, "id")
        return list(connection.scalars(select(func.nextval(sequence)).select_from(func.generate_series(1, wanted))))
    # Nobody else writes meanwhile: the transaction holds SQLite's writer from its first statement.
    first = (connection.scalar(select(func.max(table.c.id))) or 0) + 1
    return list(range(first, first + wanted))


def _prepared(model: type[CompanyScoped], row: Mapping[str, Any], company_id: int) -> dict[str, Any]:
    if row.get("company_id", company_id) != company_id:
        raise WrongCompany(f"{model.__name__} of company {row['company_id']}")
    keys = {c: changelog.folded(model, c, (row.get(s) for s in sources)) for c, sources in model.__folded__.items()}
    return {**row, **keys, "company_id": company_id}


def _log(table_name: str, ids: Sequence[int], company_id: int) -> None:
    line = {
        "company_id": company_id,
        "actor_id": changelog.actor_id(),
        "request_id": changelog.request_id(),
        "table_name": table_name,
        "action": "created",
    }
    for start in range(0, len(ids), CHUNK):
        lines = [{**line, "row_id": row_id} for row_id in ids[start : start + CHUNK]]
        db.session.connection().execute(insert(Change.__table__), lines)


