"""What waits for somebody's answer."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from app.core.db import db
from app.modules.kpi.models import PROPOSED, Goal, GoalWord

OFFERS = ("proposed", "countered")


def offers(member_id: int) -> list[tuple[Goal, GoalWord | None]]:
    """Proposed goals that a member answers for or has proposed, each with what lies on the table; in three statements."""
    proposed_by = select(GoalWord.goal_id).where(GoalWord.member_id == member_id, GoalWord.kind == "proposed")
    asked = select(Goal).where(Goal.state == PROPOSED, (Goal.owner_id == member_id) | Goal.id.in_(proposed_by))
    goals = list(db.session.scalars(asked.order_by(Goal.first_day, Goal.name_key, Goal.id)))
    last = last_offers([goal.id for goal in goals])
    return [(goal, last.get(goal.id)) for goal in goals]


def last_offers(goal_ids: Sequence[int]) -> dict[int, GoalWord]:
    """What was proposed last: goal id -> word."""
    newest = select(func.max(GoalWord.id)).where(GoalWord.goal_id.in_(goal_ids), GoalWord.kind.in_(OFFERS)).group_by(GoalWord.goal_id)
    return {word.goal_id: word for word in db.session.scalars(select(GoalWord).where(GoalWord.id.in_(newest)))}
