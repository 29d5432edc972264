"""Who changed which field of which row, from what to what: written for every company-scoped row, by nobody's hand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask import Flask, g
from sqlalchemy import event, insert, inspect
from sqlalchemy.orm import Session

from app.core.db import CompanyScoped, db, fold
from app.core.models import Change
from app.core.tenancy import current_company_id

# Columns that follow from others, or change with every save: noise in a log for people.
SILENT = frozenset({"id", "company_id", "version", "created_at", "updated_at"})
# Logs of their own: the change log itself, and tables a module declares with `__unlogged__ = True`.
UNLOGGED: tuple[type, ...] = (Change,)
LONGEST = 500
CREATED, CHANGED, DELETED, RESTORED, MERGED = "created", "changed", "deleted", "restored", "merged"
ERASED = "erased"  # the personal data of a row


def as_text(value: Any) -> str | None:
    """A value as the log keeps it: neutral, exact, at most 500 characters."""
    if value is None:
        return None
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)[:LONGEST]
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)[:LONGEST]


def is_logged(model: type) -> bool:
    return issubclass(model, CompanyScoped) and model not in UNLOGGED and not getattr(model, "__unlogged__", False)


def silent_columns(model: type) -> frozenset[str]:
    return SILENT | frozenset(getattr(model, "__folded__", ())) | frozenset(getattr(model, "__silent__", ()))


def actor_id() -> int | None:
    return g.get("actor_id")


def request_id() -> str:
    return g.get("request_id", "")


def folded(model: Any, column: str, values: Iterable[Any]) -> str:
    """What a folded column holds for these values; cut to its length, since folding makes some letters longer."""
    text = fold(" ".join(str(v or "") for v in values))
    return text[: model.__table__.c[column].type.length]


def _fold_columns(session: Session, _context: Any, _instances: Any) -> None:
    for row in {*session.new, *session.dirty}:
        if isinstance(row, CompanyScoped):
            for column, sources in row.__folded__.items():
                text = folded(type(row), column, (getattr(row, s) for s in sources))
                if getattr(row, column) != text:
                    setattr(row, column, text)


def _log_changes(session: Session, _context: Any, _instances: Any) -> None:
    lines: list[Change] = []
    for row in session.dirty:
        if is_logged(type(row)) and session.is_modified(row):
            lines += _changed(row)
    lines += [_line(row, "deleted") for row in session.deleted if is_logged(type(row))]
    session.add_all(lines)


def _log_created(session: Session, _context: Any) -> None:
    """After the flush, for only then new rows have their ids."""
    rows = [_values(row, "created") for row in session.new if is_logged(type(row))]
    if rows:
        session.connection().execute(insert(Change.__table__), rows)


def _changed(row: Any) -> list[Change]:
    silent = silent_columns(type(row))
    lines = []
    for attribute in inspect(row).mapper.column_attrs:
        history = inspect(row).attrs[attribute.key].history
        if attribute.key in silent or not history.has_changes():
            continue
        old = history.deleted[0] if history.deleted else None
        new = history.added[0] if history.added else None
        if old != new:
            before, after = _difference(old, new)
            lines.append(_line(row, "changed", field=attribute.key, old=as_text(before), new=as_text(after)))
    return lines


def _difference(old: Any, new: Any) -> tuple[Any, Any]:
    """What to keep of a change: of long lists only what went and what came."""
    if isinstance(old, list) and isinstance(new, list):
        return [v for v in old if v not in new], [v for v in new if v not in old]
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [k for k in {**old, **new} if old.get(k) != new.get(k)]
        return {k: old[k] for k in keys if k in old}, {k: new[k] for k in keys if k in new}
    return old, new


def _values(row: Any, action: str, **what: Any) -> dict[str, Any]:
    return {
        "company_id": row.company_id,
        "actor_id": actor_id(),
        "request_id": request_id(),
        "table_name": row.__tablename__,
        "row_id": row.id,
        "action": action,
        "field": what.get("field"),
        "old": what.get("old"),
        "new": what.get("new"),
    }


def note(model: Any, ids: Iterable[int], action: str, new: str | None = None) -> None:
    """Log what was done to rows set-based, without a look at their columns: one line each."""
    line = {"company_id": current_company_id(), "actor_id": actor_id(), "request_id": request_id(),
            "table_name": model.__tablename__, "action": action, "new": as_text(new)}
    if is_logged(model) and (lines := [{**line, "row_id": row_id} for row_id in ids]):
        db.session.connection().execute(insert(Change.__table__), lines)


def note_values(rows: Iterable[Any], values: Mapping[str, Any]) -> None:
    """Log that rows get the same values, field by field, before these are written past the session."""
    lines = [_values(row, CHANGED, field=name, old=as_text(getattr(row, name)), new=as_text(value))
             for row in rows if is_logged(type(row))
             for name, value in values.items() if name not in silent_columns(type(row)) and getattr(row, name) != value]  # fmt: skip
    if lines:
        db.session.connection().execute(insert(Change.__table__), lines)


def _line(row: Any, action: str, **what: Any) -> Change:
    return Change(**_values(row, action, **what))



def init_app(app: Flask) -> None:
    if not event.contains(Session, "before_flush", _log_changes):
        event.listen(Session, "before_flush", _fold_columns)
        event.listen(Session, "before_flush", _log_changes)
        event.listen(Session, "after_flush", _log_created)
