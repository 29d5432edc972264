"""The rules of the vision tree and the only writes to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select, update

from app.core import writes
from app.core.db import db
from app.core.errors import BusinessError
from app.core.i18n import _
from app.modules.kpi.vision.models import OBJECTIVE, PILLAR, VISION, Objective

ABOVE = {PILLAR: VISION, OBJECTIVE: PILLAR}
BELOW = {VISION: PILLAR, PILLAR: OBJECTIVE}
UP, DOWN, IN, OUT = "up", "down", "in", "out"
STEPS = (UP, DOWN, IN, OUT)


def create_objective(values: Mapping[str, Any]) -> Objective:
    """A new node: of what stands above it, or the vision itself, of which there is one. Raises `BusinessError`."""
    columns = {"level": OBJECTIVE, **_texts(values)}
    if columns["level"] == PILLAR and columns.get("parent_id") is None:
        columns["parent_id"] = db.session.scalar(select(Objective.id).where(Objective.level == VISION))
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
    if probe.level != row.level and _children(row.id):
        raise BusinessError(_("Others stand below it: move those first."), field="level")
    return writes.update(row, {n: v for n, v in columns.items() if not (n == "position" and v is None)})


def move(row: Objective, parent_id: int, before_id: int | None, version: int | None) -> Objective:
    """Put a node below another one, before one of its children or at their end; below the vision it becomes a pillar, below a
    pillar an objective. Raises `BusinessError`, `Conflict`."""
    writes.check_version(row, version)
    above = db.session.scalar(select(Objective).where(Objective.id == parent_id))
    if above is None or above.id == row.id or above.level not in BELOW or row.level == VISION:
        raise BusinessError(_("A pillar stands below the vision, an objective below a pillar."))
    level = BELOW[above.level]
    if level != row.level and _children(row.id):
        raise BusinessError(_("Others stand below it: move those first."))
    ids = [each.id for each in _children(parent_id) if each.id != row.id]
    ids.insert(ids.index(before_id) if before_id in ids else len(ids), row.id)
    for place, each in enumerate(ids, 1):
        if each != row.id:  # who has one of the others open may save it all the same: its place is no change of it
            moved = update(Objective).where(Objective.id == each, Objective.position != place)
            db.session.execute(moved.values(position=place), execution_options={"synchronize_session": "fetch"})
    return writes.update(row, {"parent_id": parent_id, "level": level, "position": ids.index(row.id) + 1})


def step(row: Objective, way: str, version: int | None) -> Objective:
    """Move a node by one step: up or down among its like and on to the pillar before or after; in: a pillar becomes an
    objective of the one above it; out: an objective becomes a pillar, right behind its own. Raises `BusinessError`, `Conflict`."""
    target = _target(row, way)
    if target is None:
        raise BusinessError(_("It cannot be moved further that way."))
    return move(row, *target, version)


def _target(row: Objective, way: str) -> tuple[int, int | None] | None:
    """What a step leads below, and before which of its children; None where there is no way on."""
    if way not in STEPS or row.parent_id is None or row.level == VISION:
        return None
    like = [each.id for each in _children(row.parent_id)]
    at = like.index(row.id)
    if way == UP and at > 0:
        return row.parent_id, like[at - 1]
    if way == DOWN and at + 1 < len(like):
        return row.parent_id, like[at + 2] if at + 2 < len(like) else None
    if row.level == PILLAR:
        return (like[at - 1], None) if way == IN and at > 0 else None
    above = db.session.get_one(Objective, row.parent_id)
    if way == IN or above.parent_id is None:
        return None
    pillars = [each.id for each in _children(above.parent_id)]
    place = pillars.index(above.id)
    if way == OUT:
        return above.parent_id, pillars[place + 1] if place + 1 < len(pillars) else None
    if way == UP:
        return (pillars[place - 1], None) if place > 0 else None
    if place + 1 == len(pillars):
        return None
    first = _children(pillars[place + 1])
    return pillars[place + 1], first[0].id if first else None


def _children(parent_id: int) -> Sequence[Objective]:
    """What stands directly below a node, in its order."""
    below = select(Objective).where(Objective.parent_id == parent_id, Objective.active)
    return db.session.scalars(below.order_by(Objective.position, Objective.name_key, Objective.id)).all()


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
