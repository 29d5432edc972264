"""The write functions that a resource gets when its module brings none, and the one path for bulk writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, TypeVar

from sqlalchemy import Column, Dialect, Table, func, select
from sqlalchemy import update as update_rows

from app.core import changelog
from app.core.db import CompanyScoped, Owned, Versioned, db
from app.core.errors import Conflict
from app.core.i18n import _
from app.core.models import Change
from app.core.tenancy import WrongCompany, current_company_id

Row = TypeVar("Row", bound=CompanyScoped)
CHUNK = 1000
ROOMY = -256_000  # kB
MOST_MARKS = 30_000  # values in one statement; SQLite takes 32,766


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


def update_all(rows: Sequence[Any], values: Mapping[str, Any]) -> None:
    """Set the same values in many rows of a model, which the caller holds until the transaction ends: in one statement, each a
    new version, logged field by field as ever. Not for columns from which others are folded."""
    if not rows:
        return
    model: Any = type(rows[0])
    db.session.flush()
    changelog.note_values(rows, values)
    these = model.id.in_([row.id for row in rows])
    next_version = {"version": model.version + 1} if issubclass(model, Versioned) else {}
    everything = {"all_rows": True}
    db.session.execute(update_rows(model).where(these).values(**values, **next_version), execution_options={**everything, "synchronize_session": False})
    db.session.scalars(select(model).where(these), execution_options={**everything, "populate_existing": True}).all()


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
    if any(row.get("company_id", company_id) != company_id for row in rows):
        raise WrongCompany(f"{model.__name__} of another company than {company_id}")
    ids = _take_ids(table, len(rows))
    columns: dict[str, Sequence[Any]] = {name: [row[name] for row in rows] for name in rows[0]}
    columns |= {"id": ids, "company_id": [company_id] * len(rows)}
    for column, sources in model.__folded__.items():
        columns[column] = _folded(model, column, [columns.get(s) or [None] * len(rows) for s in sources])
    _insert(table, columns)
    if changelog.is_logged(model):
        _log(model.__tablename__, ids, company_id)  # type: ignore[attr-defined]  # mapped class
    return ids


@contextmanager
def roomy() -> Iterator[None]:
    """Give SQLite memory for the indexes that many new rows touch, instead of writing them out again and again."""
    if db.session.get_bind().dialect.name != "sqlite":
        yield
        return
    connection = db.session.connection()
    usual = connection.exec_driver_sql("PRAGMA cache_size").scalar()
    connection.exec_driver_sql(f"PRAGMA cache_size={ROOMY}")
    try:
        yield
    finally:
        if connection.in_transaction():
            connection.exec_driver_sql(f"PRAGMA cache_size={usual}")


def _folded(model: type[CompanyScoped], column: str, sources: list[Sequence[Any]]) -> list[str]:
    """A folded column; of texts that come again and again each is folded once."""
    known: dict[tuple[Any, ...], str] = {}
    found = []
    for values in zip(*sources, strict=True):
        if values not in known:
            known[values] = changelog.folded(model, column, values)
        found.append(known[values])
    return found


def _take_ids(table: Table, wanted: int) -> list[int]:
    """Ids for new rows, taken before they are written: rows with RETURNING would go in one by one on SQLite."""
    connection = db.session.connection()
    if connection.dialect.name == "postgresql":
        sequence = func.pg_get_serial_sequence(table.name, "id")
        return list(connection.scalars(select(func.nextval(sequence)).select_from(func.generate_series(1, wanted))))
    # Nobody else writes meanwhile: the transaction holds SQLite's writer from its first statement.
    first = (connection.scalar(select(func.max(table.c.id))) or 0) + 1
    return list(range(first, first + wanted))


def _insert(table: Table, columns: Mapping[str, Sequence[Any]]) -> None:
    """Insert rows given column by column, past the work that SQLAlchemy does for every single value."""
    connection = db.session.connection()
    count = len(next(iter(columns.values())))
    told = {**columns, **{c.name: [_default(c)] * count for c in table.columns if c.name not in columns and c.default is not None}}
    bound = [_bound(table.c[name], values, connection.dialect) for name, values in told.items()]
    quote = connection.dialect.identifier_preparer.quote
    into = f"INSERT INTO {quote(table.name)} ({', '.join(map(quote, told))})"
    if connection.dialect.name == "postgresql":
        # One statement a chunk, each column as an array.
        types = (table.c[name].type.compile(connection.dialect) for name in told)
        arrays = ", ".join(f"%s::{kind.partition('(')[0]}[]" for kind in types)
        for start in range(0, count, CHUNK):
            chunk = tuple(list(values[start : start + CHUNK]) for values in bound)
            connection.exec_driver_sql(f"{into} SELECT * FROM unnest({arrays})", chunk)  # noqa: S608  # our own names
    else:
        # Many rows a statement, too: the index of words writes out what it has gathered at the end of each.
        mark = f"({', '.join('?' for _name in told)})"
        rows, most = list(zip(*bound, strict=True)), max(1, min(CHUNK, MOST_MARKS // len(told)))
        for start in range(0, count, most):
            part = rows[start : start + most]
            connection.exec_driver_sql(f"{into} VALUES {', '.join([mark] * len(part))}", tuple(chain.from_iterable(part)))


def _default(column: Column[Any]) -> Any:
    """What a column gets that rows say nothing of."""
    default: Any = column.default
    return default.arg(None) if default.is_callable else default.arg


def _bound(column: Column[Any], values: Sequence[Any], dialect: Dialect) -> Sequence[Any]:
    """The values of a column as the driver takes them; of those that come again and again each is converted once."""
    convert = column.type.dialect_impl(dialect).bind_processor(dialect)
    if convert is None:
        return values
    known: dict[Any, Any] = {}
    found = []
    for value in values:
        try:
            if value not in known:
                known[value] = convert(value)
            found.append(known[value])
        except TypeError:  # JSON: a list or a dict is no key
            found.append(convert(value))
    return found


def _log(table_name: str, ids: Sequence[int], company_id: int) -> None:
    line = {
        "company_id": company_id,
        "actor_id": changelog.actor_id(),
        "request_id": changelog.request_id(),
        "table_name": table_name,
        "action": "created",
    }
    _insert(Change.__table__, {"row_id": ids, **{name: [value] * len(ids) for name, value in line.items()}})
