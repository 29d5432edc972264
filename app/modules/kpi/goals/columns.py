"""Where goals stand, as columns of their list; both are worked out together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import g
from sqlalchemy import select

from app.core.db import db
from app.modules.kpi.goals.telling import Told, tell
from app.modules.kpi.models import ACTIVE, CLOSED, Goal


def attained(ids: Sequence[int]) -> dict[int, str]:
    """The share of the target that was reached, by goal."""
    return {goal_id: told.percent for goal_id, told in _told(ids).items()}


def stands(ids: Sequence[int]) -> dict[int, str]:
    """Whether a goal is on track, by goal; of those that run or are closed."""
    return {goal_id: str(told.label) for goal_id, told in _told(ids).items()}


def _told(ids: Sequence[int]) -> Mapping[int, Told]:
    """Asked once for a page of rows, however many columns show it."""
    known: dict[tuple[int, ...], Mapping[int, Told]] = g.setdefault("kpi_goal_columns", {})
    page = tuple(ids)
    if page not in known:
        goals = db.session.scalars(select(Goal).where(Goal.id.in_(page), Goal.state.in_((ACTIVE, CLOSED))))
        known[page] = tell(goals)
    return known[page]
