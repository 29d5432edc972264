"""The rules of the vision tree and the only writes to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from app.core import writes
from app.core.db import db
from app.core.errors import BusinessError
from app.core.i18n import _
from app.modules.kpi.vision.models import OBJECTIVE, PILLAR, VISION, Objective

ABOVE = {PILLAR: VISION, OBJECTIVE: PILLAR}


def create_objective(values: Mapping[str, Any]) -> Objective:
    """A new node: of what stands above it, or the vision itself, of which there is one. Raises `BusinessError`."""
    columns = {"level": OBJECTIVE, **_texts(values)}
    _check(Objective(**columns))
    if columns.get("position") is None:
        columns["position"] = _next(columns.get("parent_id"))
    return writes.create(Objective, columns)


def change_objective(row: Objective, values: Mapping[str, Any]) -> Objective:
    """Change fields of a node, only those that are named. Raises `BusinessError`."""
    columns = _texts(values)
    now = {name: getattr(row, name) for name in ("level", "parent_id", "name")}
    probe = Objective(**{**now, **{n: v for n, v in columns.items() if n in now}})
    probe.id = row.id
    _check(probe)
    return writes.update(row, {n: v for n, v in columns.items() if not (n == "position" and v is None)})


def _texts(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: "" if name == "note" and value is None else value for name, value in values.items()}


def _next(parent_id: int | None) -> int:
    last = select(Objective.position).where(Objective.parent_id == parent_id).order_by(Objective.position.desc()).limit(1)
    return (db.session.scalar(last, execution_options={"all_rows": True}) or 0) + 1


def _check(row: Objective) -> None:
    """A pillar stands below the vision, an objective below a pillar; there is one vision."""
    if row.level == VISION:
        other = select(Objective.id).where(Objective.level == VISION, Objective.id != (row.id or 0)).limit(1)
        if db.session.scalar(other) is not None:
            raise BusinessError(_("There is a vision already; change that one."), field="level")
        if row.parent_id is not None:
            raise BusinessError(_("Nothing stands above the vision."), field="parent_id")
        return
    if row.parent_id is None:
        return
    above = db.session.scalar(select(Objective).where(Objective.id == row.parent_id))
    if above is None or above.id == row.id:
        raise BusinessError(_("There is nothing of this name to stand below."), field="parent_id")
    if above.level != ABOVE[row.level]:
        raise BusinessError(_("A pillar stands below the vision, an objective below a pillar."), field="parent_id")
