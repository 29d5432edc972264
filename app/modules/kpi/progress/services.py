"""The rules of check-ins and actions, and the only writes to them. Whoever calls has asked for permission."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import select

from app.core import writes
from app.core.changelog import actor_id
from app.core.clock import today
from app.core.db import db, utcnow
from app.core.errors import BusinessError, Conflict
from app.core.i18n import _
from app.core.notices import notify
from app.modules.kpi.models import ACTIVE, CLOSED, DROPPED, Goal
from app.modules.kpi.progress.measure import measure
from app.modules.kpi.progress.models import CheckIn, GoalAction

LEAST, MOST = 1, 5  # how sure a person is
LONGEST_COMMENT = 2000


def check_in(goal: Goal, member_id: int, confidence: int | None, comment: str = "") -> CheckIn:
    """What a member says about a goal today, kept with where it stands. Said again the same day it takes the place of the
    first. Raises `BusinessError` unless the goal runs."""
    if goal.state != ACTIVE:
        raise BusinessError(_("Only a goal that runs is checked in on."))
    if confidence is None or not LEAST <= confidence <= MOST:
        raise BusinessError(_("How sure are you to reach it?"), field="confidence")
    if len(comment) > LONGEST_COMMENT:
        raise BusinessError(_("At most %(most)s characters, please.", most=LONGEST_COMMENT), field="comment")
    said = {"confidence": confidence, "comment": comment.strip(), "actual": measure([goal])[goal.id].value, "at": utcnow()}
    same = select(CheckIn).where(CheckIn.goal_id == goal.id, CheckIn.member_id == member_id, CheckIn.on_day == today())
    row = db.session.scalar(same.limit(1))
    if row is not None:
        return writes.update(row, said)
    return writes.create(CheckIn, {"goal_id": goal.id, "member_id": member_id, "on_day": today(), **said})


def create_action(values: Mapping[str, Any]) -> GoalAction:
    """Something to do for a goal; whose it is hears of it. Raises `BusinessError` when there is no goal that runs or may."""
    columns = _columns(values)
    columns.setdefault("owner_id", actor_id())
    goal = _goal(columns.get("goal_id"))
    _check(columns)
    row = writes.create(GoalAction, columns)
    _tell(row, goal)
    return row


def change_action(row: GoalAction, values: Mapping[str, Any]) -> GoalAction:
    """Change fields of an action, only those that are named; it stays with its goal. Raises `BusinessError`."""
    columns = _columns(values)
    if columns.get("goal_id", row.goal_id) != row.goal_id:
        raise BusinessError(_("An action stays with its goal. Note it anew for the other one."), field="goal_id")
    _check({"text": row.text, "owner_id": row.owner_id, **columns})
    if columns.get("done_at") and row.done_at:
        columns["done_at"] = row.done_at
    given = columns.get("owner_id", row.owner_id) != row.owner_id
    writes.update(row, columns)
    if given:
        _tell(row, db.session.scalar(select(Goal).where(Goal.id == row.goal_id), execution_options={"all_rows": True}))
    return row


def tick(row: GoalAction, done: bool, version: int | None = None) -> GoalAction:
    """Mark an action as done, or as open again. Raises `Conflict` when somebody else has changed it meanwhile."""
    if version is not None and version != row.version:
        raise Conflict(_("Somebody else has changed this action in the meantime."))
    return writes.update(row, {"done_at": (row.done_at or utcnow()) if done else None})


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """Columns for field values: `done` says whether, the row says when."""
    found = {name: value for name, value in values.items() if name != "done"}
    if "done" in values:
        found["done_at"] = utcnow() if values["done"] else None
    return found


def _goal(goal_id: int | None) -> Goal:
    """The goal of a new action, as far as the person sees it. Raises `BusinessError`."""
    goal = db.session.scalar(select(Goal).where(Goal.id == (goal_id or 0)))
    if goal is None:
        raise BusinessError(_("For which goal?"), field="goal_id")
    if goal.state in (CLOSED, DROPPED):
        raise BusinessError(_("This goal is over: there is nothing to do for it any more."), field="goal_id")
    return goal


def _check(columns: Mapping[str, Any]) -> None:
    if not (columns.get("text") or "").strip():
        raise BusinessError(_("What is to be done?"), field="text")
    if columns.get("owner_id") is None:
        raise BusinessError(_("Who does it?"), field="owner_id")


def _tell(row: GoalAction, goal: Goal | None) -> None:
    """Let whose action it is know, unless they noted it themselves."""
    if goal is not None and row.owner_id is not None and row.owner_id != actor_id():
        notify([row.owner_id], lambda: _("For “%(goal)s”: %(text)s", goal=goal.name, text=row.text), "kpi/", icon="checkbox")


def is_late(row: GoalAction, day: date | None = None) -> bool:
    """Whether an action should have been done by a day, today unless given."""
    return row.done_at is None and row.due_on is not None and row.due_on < (day or today())
