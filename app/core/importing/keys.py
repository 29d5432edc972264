"""By which field rows that exist are found, as far as a file shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from app.core.db import db, fold
from app.core.ids import whole
from app.core.importing.files import FileTable
from app.core.importing.mapping import Plan
from app.core.lookups import read_pointed
from app.core.resource import Resource

ID = "id"
MOST_ASKED = 200  # rows that are compared with those that exist


def proposed_key(resource: Resource, plan: Plan, profile: Mapping[str, Any], table: FileTable) -> str:
    """The id where the file is an export of ours, else the first match key that every row has, each another one."""
    if _is_ours(resource, table):
        return ID
    for name in resource.match_keys:
        column = plan.column(name)
        if column is not None and column.index is not None:
            found = profile["columns"][column.index]
            if found["filled"] == found["distinct"] == len(table.rows):
                return name
    return ""


def _is_ours(resource: Resource, table: FileTable) -> bool:
    """Whether most rows have the id and the name of a row that is there: another system's ids might be ours by chance."""
    places = {fold(heading): index for index, heading in enumerate(table.headings)}
    title = resource.field(resource.title)
    at_id = places.get(ID)
    at_title = next((places[name] for name in (fold(title.name), fold(str(title.label))) if name in places), None)
    if at_id is None or at_title is None:
        return False
    told = {}
    for row in table.rows[:MOST_ASKED]:
        row_id = None if row.fault else whole(row.cells[at_id].strip())
        if row_id is not None:
            told[row_id] = fold(read_pointed(row.cells[at_title])[0])
    column = getattr(resource.model, resource.title)
    rows = db.session.execute(select(resource.model.id, column.label("name")).where(resource.model.id.in_(told)))
    known = {row.id: row.name for row in rows}
    same = sum(fold(str(known.get(row_id) or "")) == name for row_id, name in told.items())
    return bool(told) and same * 2 > len(told)
