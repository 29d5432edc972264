"""Reads of check-ins and actions. Whoever calls has fetched the goals: these rows are known to who sees the goal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import func, select

from app.core.clock import today
from app.core.db import db
from app.core.relative_dates import around
from app.modules.kpi.models import ACTIVE, Goal
from app.modules.kpi.progress.models import CheckIn, GoalAction, Prediction

EVERYBODYS = {"all_rows": True}
MOST = 50


def last_checkins(goal_ids: Iterable[int]) -> dict[int, CheckIn]:
    """The newest check-in of each goal: goal id -> `CheckIn`, in one statement."""
    newest = select(func.max(CheckIn.id)).where(CheckIn.goal_id.in_(list(goal_ids))).group_by(CheckIn.goal_id)
    return {row.goal_id: row for row in db.session.scalars(select(CheckIn).where(CheckIn.id.in_(newest)))}


def checkins_of(goal_id: int) -> Sequence[CheckIn]:
    """The check-ins of a goal, the newest first."""
    asked = select(CheckIn).where(CheckIn.goal_id == goal_id).order_by(CheckIn.on_day.desc(), CheckIn.id.desc())
    return db.session.scalars(asked.limit(MOST)).all()


def is_due(goal: Goal, last: CheckIn | None, day: date | None = None) -> bool:
    """Whether a goal that runs has not been checked in on in this week, month or quarter of its rhythm."""
    at = day or today()
    if goal.state != ACTIVE or not goal.first_day <= at <= goal.last_day:
        return False
    return last is None or last.on_day < around(at, goal.cadence)[0]


def actions_of(goal_id: int) -> Sequence[GoalAction]:
    """Everything to do for a goal, whoever does it: what is open first, by the day it is due."""
    asked = select(GoalAction).where(GoalAction.goal_id == goal_id)
    order = (GoalAction.done_at.is_not(None), GoalAction.due_on.is_(None), GoalAction.due_on, GoalAction.id)
    return db.session.scalars(asked.order_by(*order).limit(4 * MOST), execution_options=EVERYBODYS).all()


def open_actions(member_id: int) -> Sequence[GoalAction]:
    """What a member has to do for goals, their own and those of others, by the day it is due."""
    asked = select(GoalAction).where(GoalAction.owner_id == member_id, GoalAction.done_at.is_(None))
    return db.session.scalars(asked.order_by(GoalAction.due_on.is_(None), GoalAction.due_on, GoalAction.id).limit(MOST)).all()


def predictions_of(goal_id: int) -> Sequence[Prediction]:
    """What was foretold of a goal, edition by edition."""
    return db.session.scalars(select(Prediction).where(Prediction.goal_id == goal_id).order_by(Prediction.edition)).all()
