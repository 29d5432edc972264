"""Whether a row counts, or lies in the trash."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select

from app.core.metrics import MetricQuery
from app.core.models import Trash
from app.core.sql_plans import seldom


def kept(model: Any, query: MetricQuery, row_id: Any = None) -> ColumnElement[bool]:
    """Criterion of rows that had not been thrown away, as far as was known at the moment asked for; `row_id` is a column that
    has their id.

    For statements that see the trash: looked up once, and not row by row as their rule would be. A row that was brought
    back was never away.
    """
    thrown = select(Trash.row_id).where(Trash.table_name == model.__tablename__)
    if query.known_at:
        thrown = thrown.where(Trash.at <= query.known_at)
    return (model.id if row_id is None else row_id).not_in(thrown)


def thrown(found: Select, model: Any) -> Select:
    """Of the rows found those that lie in the trash now, looked up by it; for statements that see it."""
    return found.join(Trash, and_(Trash.row_id == model.id, seldom(Trash.table_name == model.__tablename__)))
