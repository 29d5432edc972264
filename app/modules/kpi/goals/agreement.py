"""The way of a goal: draft, proposed, agreed on, active, closed. Each step is a word that stays.

A manager proposes, whose goal it is agrees or proposes something else; then it is activated, and what it says is frozen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from flask import g
from sqlalchemy import select

from app.core import writes
from app.core.changelog import actor_id
from app.core.clock import today
from app.core.db import db, utcnow
from app.core.errors import BusinessError
from app.core.i18n import _
from app.core.metrics import metrics
from app.core.notices import notify
from app.modules.kpi.goals.services import change_goal, keep_editions, locked
from app.modules.kpi.models import (
    ACTIVE,
    AGREED,
    BAND,
    CLOSED,
    DRAFT,
    DROPPED,
    PROPOSED,
    Goal,
    GoalSeen,
    GoalWord,
)
from app.modules.kpi.progress.foretell import foretell, settle_predictions
from app.modules.kpi.progress.measure import measure, reached
from app.modules.kpi.quantities import Given
from app.modules.kpi.smart.check import check
from app.modules.kpi.smart.findings import BLOCK, Finding

OPEN = (DRAFT, PROPOSED, AGREED)


def propose(goal: Goal, text: str = "", version: int | None = None) -> Goal:
    """Put a draft to whom it belongs. Raises `BusinessError` unless it is a draft, `Conflict`."""
    goal = locked(goal, version)
    _expect(goal, DRAFT)
    offer([goal], text)
    _tell(goal, lambda: _("A goal was proposed to you: %(name)s", name=goal.name))
    return goal


def offer(goals: Sequence[Goal], text: str = "") -> None:
    """Drafts become proposals; whoever calls holds them, has looked at their states, and tells whose they are."""
    writes.update_all(goals, {"state": PROPOSED, "proposed_at": utcnow()})
    say_all(goals, "proposed", text)


def counter(goal: Goal, target: Given | None, last_day: date | None, text: str = "", version: int | None = None) -> Goal:
    """Answer a proposal with another target or day; it goes to the other side, still proposed. Raises `BusinessError`, `Conflict`."""
    goal = locked(goal, version)
    _expect(goal, PROPOSED)
    amount = _amount(goal, target) if target is not None and goal.direction != BAND else None
    said = last_word(goal.id)
    offered = (said.target, said.last_day) if said is not None else (goal.target, goal.last_day)
    if amount in (None, offered[0]) and last_day in (None, offered[1]):
        raise BusinessError(_("What would you propose: another target, another day?"), field="target")
    if last_day is not None and last_day < goal.first_day:
        raise BusinessError(_("The period ends before it begins."), field="last_day")
    say(goal, "countered", text, target=amount, last_day=last_day)
    _tell_other_side(goal, lambda: _("%(name)s: there is a counter-proposal.", name=goal.name))
    return goal


def accept(goal: Goal, version: int | None = None) -> Goal:
    """Agree on what was said last: a counter-proposal is taken over into the goal. Nobody agrees with themselves. Raises
    `BusinessError`, `Conflict`."""
    goal = locked(goal, version)
    _expect(goal, PROPOSED)
    last = last_word(goal.id)
    if last is not None and last.member_id is not None and last.member_id == actor_id():
        raise BusinessError(_("It is for the other side to answer."))
    if last is not None and last.kind == "countered":
        values: dict[str, Any] = {}
        if last.target is not None and goal.direction != BAND:
            values["target"] = Given(last.target, goal.currency or "")
        if last.last_day not in (None, goal.last_day):
            values |= {"last_day": last.last_day, "period": "other", "first_day": goal.first_day}
        proposed_at = goal.proposed_at
        change_goal(goal, values)
        goal.proposed_at = proposed_at
    goal.state, goal.agreed_at = AGREED, utcnow()
    say(goal, "agreed", target=goal.target, last_day=goal.last_day)
    _tell_other_side(goal, lambda: _("%(name)s was agreed on.", name=goal.name))
    return goal


def activate(goal: Goal, excuse: str | None = None, version: int | None = None) -> Goal:
    """Let a goal run: from now on it is frozen, measured and foretold.

    Raises `BusinessError` when the check blocks it, when it warns and nobody says why the goal is good all the same, and
    when it runs or is over already.
    """
    goal = locked(goal, version)
    if goal.state not in OPEN:
        raise BusinessError(_("This goal runs already, or is over."))
    why_all_the_same = goal.excuse if excuse is None else excuse.strip()
    if (why := held_back(check([goal]).get(goal.id, []), why_all_the_same)) is not None:
        raise why
    goal.excuse = why_all_the_same
    begin([goal])
    if goal.owner_id != actor_id():
        _tell(goal, lambda: _("A goal of yours has begun: %(name)s", name=goal.name))
    return goal


def held_back(found: Sequence[Finding], excuse: str) -> BusinessError | None:
    """Why a goal may not begin, by what the check says of it and what excuses that; None when it may."""
    if blocks := [f for f in found if f.severity == BLOCK]:
        return BusinessError(" ".join(f.sentence for f in blocks), field=blocks[0].field or None)
    if found and not excuse:
        return BusinessError(_("The check warns. Say why this goal is good all the same."), field="excuse")
    return None


def begin(goals: Sequence[Goal]) -> None:
    """Let goals run that may: they are frozen and foretold. Whoever calls holds them, and tells whose they are."""
    writes.update_all(goals, {"state": ACTIVE, "activated_at": utcnow(), "edition": 1})
    keep_editions(goals, "")
    say_all(goals, "activated")
    foretell(goals)


def close(goal: Goal, version: int | None = None) -> Goal:
    """Close a goal with what was reached. Raises `BusinessError` while its period runs or when the figure cannot be told."""
    goal = locked(goal, version)
    _expect(goal, ACTIVE)
    if today() <= goal.last_day:
        raise BusinessError(_("Its period still runs. It can be dropped, with a reason."))
    stands = measure([goal])[goal.id]
    if stands.value is None and stands.reason:
        raise BusinessError(stands.reason)
    settle(goal, stands.value)
    return goal


def settle(goal: Goal, value: Decimal | None) -> None:
    """A goal is closed with what was reached, None where nobody can tell; what was foretold of it is settled."""
    goal.state, goal.closed_at = CLOSED, utcnow()
    goal.final, goal.attained = value, reached(goal, value)
    say(goal, "closed", target=goal.target if goal.direction != BAND else None)
    settle_predictions(goal)
    db.session.flush()


def drop(goal: Goal, text: str, version: int | None = None) -> Goal:
    """Give a goal up, and say why. Raises `BusinessError`."""
    goal = locked(goal, version)
    if goal.state in (CLOSED, DROPPED):
        raise BusinessError(_("This goal is over already."))
    if not text.strip():
        raise BusinessError(_("Why? A reason is needed."), field="text")
    goal.state, goal.closed_at = DROPPED, utcnow()
    say(goal, "dropped", text)
    return goal


def say(goal: Goal, kind: str, text: str = "", target: Decimal | None = None, last_day: date | None = None) -> GoalWord:
    """Note a step of a goal's way."""
    given = {"target": target if target is not None else goal.target, "last_day": last_day or goal.last_day}
    return writes.create(GoalWord, {"goal_id": goal.id, "member_id": actor_id(), "kind": kind, "text": text.strip(), **given})


def say_all(goals: Sequence[Goal], kind: str, text: str = "") -> None:
    """Note the same step on the way of many goals, each with its own target and last day."""
    writes.bulk_insert(GoalWord, [
        {"goal_id": goal.id, "member_id": actor_id(), "kind": kind, "text": text.strip(), "target": goal.target, "last_day": goal.last_day}
        for goal in goals
    ])  # fmt: skip


def seen(goal: Goal, member_id: int) -> bool:
    """Note that a member has read this edition of a goal; whether it was the first time."""
    there = select(GoalSeen.id).where(
        GoalSeen.goal_id == goal.id, GoalSeen.member_id == member_id, GoalSeen.edition == goal.edition
    )
    if db.session.scalar(there) is not None:
        return False
    writes.create(GoalSeen, {"goal_id": goal.id, "member_id": member_id, "edition": goal.edition})
    return True


def last_word(goal_id: int) -> GoalWord | None:
    """What was said about a goal last."""
    return db.session.scalar(select(GoalWord).where(GoalWord.goal_id == goal_id).order_by(GoalWord.id.desc()).limit(1))


def _proposer(goal: Goal) -> int | None:
    asked = select(GoalWord.member_id).where(GoalWord.goal_id == goal.id, GoalWord.kind == "proposed")
    return db.session.scalar(asked.order_by(GoalWord.id.desc()).limit(1))


def _expect(goal: Goal, state: str) -> None:
    if goal.state != state:
        raise BusinessError(_("The goal is not where this can be done any more. Look at it again."))


def _amount(goal: Goal, given: Given) -> Decimal:
    """Another target in whole units, in the currency of the goal. Raises `BusinessError`."""
    metric = metrics().get(goal.metric)
    if metric is None:
        raise BusinessError(_("The application that this figure comes from is switched off."), field="target")
    value, currency = given.in_unit(metric.unit)
    if currency and given.sign and currency != (goal.currency or g.company.currency):
        raise BusinessError(_("In the currency of the goal, please."), field="target")
    return value


def _tell(goal: Goal, text: Callable[[], str]) -> None:
    if goal.owner_id is not None and goal.owner_id != actor_id():
        notify([goal.owner_id], text, f"kpi/goals/{goal.id}", icon="target-arrow", mail=True)


def _tell_other_side(goal: Goal, text: Callable[[], str]) -> None:
    """Tell whoever did not do this: the owner, or who proposed the goal to them."""
    other = _proposer(goal) if goal.owner_id == actor_id() else goal.owner_id
    if other is not None and other != actor_id():
        notify([other], text, f"kpi/goals/{goal.id}", icon="target-arrow", mail=True)
