"""Reads of goals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import or_, select

from app.core.access import teams_below
from app.core.clock import today
from app.core.db import db
from app.modules.kpi.models import (
    ACTIVE,
    COMPANY,
    PROPOSED,
    TEAM,
    Goal,
    GoalEdition,
    GoalSeen,
    GoalWord,
)

EVERYBODYS = {"all_rows": True}


def running(day: date | None = None) -> list[Goal]:
    """Active goals whose period holds a day, today unless given, that the reader sees by the record rules."""
    at = day or today()
    asked = select(Goal).where(Goal.state == ACTIVE, Goal.first_day <= at, Goal.last_day >= at)
    return list(db.session.scalars(asked.order_by(Goal.last_day, Goal.name_key, Goal.id)))


def mine(member_id: int, day: date | None = None) -> list[Goal]:
    """A member's own goals: those that run and those that wait for an answer."""
    at = day or today()
    runs = (Goal.state == ACTIVE) & (Goal.first_day <= at) & (Goal.last_day >= at)
    asked = select(Goal).where(Goal.owner_id == member_id, or_(runs, Goal.state == PROPOSED))
    return list(db.session.scalars(asked.order_by(Goal.state.desc(), Goal.last_day, Goal.name_key, Goal.id)))


def shared(member_id: int, day: date | None = None) -> list[Goal]:
    """Goals of the company and of a member's teams that run: what everybody should know, whoever answers for them."""
    at = day or today()
    whose = or_(Goal.scope == COMPANY, (Goal.scope == TEAM) & Goal.team_id.in_(teams_below(member_id)))
    asked = select(Goal).where(Goal.state == ACTIVE, Goal.first_day <= at, Goal.last_day >= at, whose)
    return list(db.session.scalars(asked.order_by(Goal.scope, Goal.last_day, Goal.id), execution_options=EVERYBODYS))


def words_of(goal_id: int) -> Sequence[GoalWord]:
    """What was said and done about a goal, the oldest first."""
    return db.session.scalars(select(GoalWord).where(GoalWord.goal_id == goal_id).order_by(GoalWord.id)).all()


def editions_of(goal_id: int) -> Sequence[GoalEdition]:
    """What a goal said, edition by edition."""
    return db.session.scalars(select(GoalEdition).where(GoalEdition.goal_id == goal_id).order_by(GoalEdition.number)).all()


def seen_of(goal_ids: Iterable[int]) -> list[GoalSeen]:
    """Who has read which goals and when, the first reading first."""
    asked = select(GoalSeen).where(GoalSeen.goal_id.in_(list(goal_ids))).order_by(GoalSeen.at)
    return list(db.session.scalars(asked))


def children_of(goal_ids: Iterable[int]) -> list[Goal]:
    """The goals that serve others directly, whoever answers for them."""
    asked = select(Goal).where(Goal.parent_id.in_(list(goal_ids))).order_by(Goal.scope, Goal.name_key, Goal.id)
    return list(db.session.scalars(asked, execution_options=EVERYBODYS))
