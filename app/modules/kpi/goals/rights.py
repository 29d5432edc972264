"""Who may do what with a goal that they see."""

from __future__ import annotations

from app.core.access import can, me
from app.core.clock import today
from app.modules.kpi.models import ACTIVE, AGREED, CLOSED, DRAFT, DROPPED, PROPOSED, Goal, GoalWord


def is_mine(goal: Goal) -> bool:
    """Whether the person answers for a goal themselves."""
    return goal.owner_id == me().member_id


def may_speak(goal: Goal) -> bool:
    """Whether the person may answer, check in and note actions: on their own goals, or those of people they lead."""
    return can("kpi.goal.answer") and (is_mine(goal) or can("kpi.goal.agree"))


def may_propose(goal: Goal) -> bool:
    """A goal is proposed to somebody else."""
    return goal.state == DRAFT and can("kpi.goal.agree") and goal.owner_id is not None and not is_mine(goal)


def may_answer(goal: Goal) -> bool:
    return goal.state == PROPOSED and may_speak(goal)


def may_accept(goal: Goal, last: GoalWord | None) -> bool:
    """Nobody agrees with themselves: what lies on the table is the other side's."""
    return may_answer(goal) and (last is None or last.member_id != me().member_id)


def may_activate(goal: Goal) -> bool:
    return goal.state in (DRAFT, PROPOSED, AGREED) and can("kpi.goal.agree")


def may_close(goal: Goal) -> bool:
    return goal.state == ACTIVE and goal.last_day < today() and can("kpi.goal.agree")


def may_drop(goal: Goal) -> bool:
    return goal.state not in (CLOSED, DROPPED) and can("kpi.goal.agree")


def may_check_in(goal: Goal) -> bool:
    return goal.state == ACTIVE and may_speak(goal)
