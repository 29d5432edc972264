"""The rules of goals and the only writes to them. Whoever calls has asked for permission."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from app.core import writes
from app.core.changelog import actor_id
from app.core.clock import today
from app.core.db import db
from app.core.errors import BusinessError, Conflict
from app.core.i18n import _
from app.core.metrics import Metric, metrics
from app.core.models import Team
from app.core.relative_dates import around
from app.modules.kpi import aims
from app.modules.kpi.aims import AMOUNTS, metric_of
from app.modules.kpi.models import (
    ACTIVE,
    AGREED,
    CLOSED,
    DRAFT,
    DROPPED,
    MEMBER,
    OTHER,
    PROPOSED,
    QUARTER,
    TEAM,
    Goal,
    GoalEdition,
)
from app.modules.kpi.progress.baselines import baseline_of, baselines_of
from app.modules.kpi.progress.curve import months_of

# What may be changed once a goal runs, with a reason and as a new edition; all else is frozen.
OPEN_TO_CHANGE = frozenset({"target", "low", "high", "last_day", "weight", "curve"})
# What is about the goal and not in it: may be changed at any time.
BESIDE = frozenset({"name", "note", "parent_id", "objective_id", "cadence", "review_on", "excuse", "grade", "is_quota", "external_id"})
# Another one of these is another baseline.
GROUNDS = frozenset({"metric", "filters", "scope", "owner_id", "team_id", "first_day", "period"})
SETTLED = (CLOSED, DROPPED)
CHOSEN = ("scope", "period", "direction", "grade", "cadence")  # left blank they are as usual, or stay as they are
LONGEST_YEARS = 5
HUNDRED, ROUNDED = Decimal(100), Decimal("0.1")  # percent, and how far rounded shares may be off


def create_goal(values: Mapping[str, Any]) -> Goal:
    """A new goal: a draft, or, for a period that is over, a retrospective one that is measured at once.

    `values` by field name; `target`, `low` and `high` as `Given` or in whole units, `first_day` and `last_day` may be
    missing where `period` tells them (the one that holds `first_day`, or today). Its baseline is stored with it. Raises
    `BusinessError`.
    """
    return create_goals([values])[0]


def create_goals(rows: Sequence[Mapping[str, Any]]) -> list[Goal]:
    """Many new goals at once, in their order; their baselines are asked for together. Raises `BusinessError`."""
    goals = [_made(values) for values in rows]
    _check_parents(goals)
    for goal, baseline in zip(goals, baselines_of(goals), strict=True):
        for name, value in baseline.items():
            setattr(goal, name, value)
    db.session.add_all(goals)
    db.session.flush()
    keep_editions([goal for goal in goals if goal.retrospective], _("For a period that was over already."))
    return goals


def _made(values: Mapping[str, Any]) -> Goal:
    """A goal of these values that is not stored yet."""
    columns = _columns(values)
    columns = {"owner_id": actor_id(), "period": QUARTER, "scope": MEMBER, "filters": {}, "curve": [], **columns}
    if columns["scope"] == TEAM and columns.get("team_id") and "owner_id" not in values:
        columns["owner_id"] = manager_of(columns["team_id"]) or columns["owner_id"]
    columns |= _days(columns)
    metric = metric_of(columns.get("metric"))
    columns = {**aims.usual(metric), **columns, "metric_version": metric.version, **aims.amounts(metric, values)}
    goal = Goal(**columns, state=DRAFT)
    _check(goal, metric)
    if goal.last_day < today():
        goal.retrospective, goal.state = True, ACTIVE
    return goal


def change_goal(goal: Goal, values: Mapping[str, Any], reason: str = "") -> Goal:
    """Change fields of a goal, only those that are named.

    Once it runs, the figure, whose it is and when it begins are frozen; another target, weight or last day is a new
    edition and needs a reason, given so or as the field of that name. What was agreed on has to be agreed on again. While
    it does not run, its baseline is taken anew when it is saved with its figure. Raises `BusinessError`, `Conflict`.
    """
    columns, reason = _columns(values), reason or values.get("reason") or ""
    known = metrics().get(columns.get("metric", goal.metric) or "")
    columns |= aims.amounts(known, values) if known else {}
    changed = {name for name, value in columns.items() if getattr(goal, name) != value}
    substance = changed - BESIDE
    if substance and goal.state in SETTLED:
        raise BusinessError(_("This goal is closed: its figures stay as they were."))
    if substance and goal.state == ACTIVE:
        _check_frozen(goal, substance, reason)
    with db.session.no_autoflush:
        _set(goal, {name: columns[name] for name in changed})
        if known or substance:  # what is about a goal may be noted while the application of its figure is off
            _check(goal, metric_of(goal.metric))
        if "parent_id" in changed:
            _check_parents([goal])
    if known and (GROUNDS & changed or ("metric" in columns and goal.state in (DRAFT, PROPOSED, AGREED))):
        _take_baseline(goal, known, bool(GROUNDS & changed))
    if substance:
        _begin_again(goal, reason)
    db.session.flush()
    return goal


def _set(goal: Goal, columns: Mapping[str, Any]) -> None:
    """Put values into a goal. Another kind of period is the one that holds its first day; a curve is one of its months."""
    days = goal.first_day, goal.last_day
    for name, value in columns.items():
        setattr(goal, name, value)
    if {"first_day", "last_day", "period"} & columns.keys() and goal.state != ACTIVE:
        same = "period" in columns and (goal.first_day, goal.last_day) == days and goal.period != OTHER
        told = {"period": goal.period, "first_day": goal.first_day, "last_day": None if same else goal.last_day}
        for name, value in _days(told).items():
            setattr(goal, name, value)
    if (goal.first_day, goal.last_day) != days and "curve" not in columns:
        goal.curve = []


def _take_baseline(goal: Goal, metric: Metric, other: bool) -> None:
    """Take the baseline, of `other` grounds or, when a goal that does not run yet is saved again, of the same ones: then it
    stays unless the question has another answer by now, or nobody may hear it."""
    fresh = {**baseline_of(goal), "metric_version": metric.version}
    same = all(getattr(goal, name) == value for name, value in fresh.items() if name != "baseline_at")
    if other or not (same or fresh["baseline_query"] is None):
        for name, value in fresh.items():
            setattr(goal, name, value)


def _begin_again(goal: Goal, reason: str) -> None:
    """What was agreed on has to be agreed on again; what runs is a new edition."""
    if goal.state in (PROPOSED, AGREED):
        goal.state, goal.proposed_at, goal.agreed_at = DRAFT, None, None
    if goal.state == ACTIVE:
        goal.edition += 1
        db.session.flush()
        keep_editions([goal], reason)


def keep_editions(goals: Sequence[Goal], reason: str) -> None:
    """Note what goals say from now on."""
    writes.bulk_insert(GoalEdition, [
        {"goal_id": goal.id, "number": goal.edition, "said": _all_said(goal), "reason": reason.strip(), "member_id": actor_id()} for goal in goals
    ])  # fmt: skip


def _all_said(goal: Goal) -> dict[str, Any]:
    said = {name: _text(getattr(goal, name)) for name in
            ("name", "metric", "metric_version", "scope", "owner_id", "team_id", "first_day", "last_day", "direction", *AMOUNTS,
             "currency", "weight", "baseline", "curve")}  # fmt: skip
    return {**said, "filters": goal.filters}


def locked(goal: Goal, version: int | None) -> Goal:
    """The goal as it is stored now, nobody else's until the transaction ends. Raises `Conflict` when it was changed."""
    found = db.session.scalar(
        select(Goal).where(Goal.id == goal.id).with_for_update(),
        execution_options={"populate_existing": True, "all_rows": True},
    )
    if found is None:
        raise Conflict(_("The goal is gone."))
    if version is not None and version != found.version:
        raise Conflict(_("Somebody else has changed this goal in the meantime. Nothing you typed is lost."))
    return found


def _check_frozen(goal: Goal, substance: set[str], reason: str) -> None:
    if frozen := sorted(substance - OPEN_TO_CHANGE - {"currency"}):
        raise BusinessError(_("The goal runs: its figure, owner and first day are frozen."), field=frozen[0])
    if not goal.retrospective and not reason.strip():
        raise BusinessError(_("The goal runs: say why it is changed."), field="reason")


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """Columns for field values, but for amounts, whose unit is the metric's."""
    left_out = {"reason", *(name for name in CHOSEN if values.get(name) is None)}
    found = aims.plain({name: value for name, value in values.items() if name not in left_out})
    for name in ("note", "excuse"):
        if name in found and found[name] is None:
            found[name] = ""
    return found


def _days(columns: Mapping[str, Any]) -> dict[str, Any]:
    """First and last day of the period that a goal is about; of other days both are needed."""
    period, first, last = columns.get("period") or QUARTER, columns.get("first_day"), columns.get("last_day")
    if period != OTHER:
        begins, ends = around(first or today(), period)
        if first in (None, begins) and last in (None, ends):
            return {"period": period, "first_day": begins, "last_day": ends}
        if first is not None and last is None and first != begins:
            return {"period": period, "first_day": begins, "last_day": ends}
    if first is None or last is None:
        raise BusinessError(_("From which day until which?"), field="first_day" if first is None else "last_day")
    return {"period": OTHER, "first_day": first, "last_day": last}


def _check(goal: Goal, metric: Metric) -> None:
    """What no goal may be without. Raises `BusinessError`."""
    if not (goal.name or "").strip():
        raise BusinessError(_("A goal needs a name."), field="name")
    if goal.first_day > goal.last_day:
        raise BusinessError(_("The period ends before it begins."), field="last_day")
    if (goal.last_day - goal.first_day) > timedelta(days=366 * LONGEST_YEARS):
        raise BusinessError(_("A period of at most %(years)s years, please.", years=LONGEST_YEARS), field="last_day")
    if goal.scope == TEAM and goal.team_id is None:
        raise BusinessError(_("Which team is the goal about?"), field="team_id")
    if goal.scope == MEMBER and goal.owner_id is None:
        raise BusinessError(_("Whose goal is it?"), field="owner_id")
    if goal.scope != TEAM:
        goal.team_id = None
    aims.check(goal, metric, ["owner"] if goal.scope == MEMBER else ["team"] if goal.scope == TEAM else [])
    if goal.curve:
        _check_curve(goal)


def _check_curve(goal: Goal) -> None:
    """The shares of the months are one each, none below zero, 100 together. Raises `BusinessError`."""
    shares = [Decimal(str(each)) for each in goal.curve]
    if len(shares) != len(months_of(goal.first_day, goal.last_day)):
        raise BusinessError(_("A share for each month of the period, please."), field="curve")
    if min(shares) < 0 or abs(sum(shares) - HUNDRED) > ROUNDED:
        raise BusinessError(_("The shares of the months have to come to 100 %, none of them below zero."), field="curve")


def _check_parents(goals: Sequence[Goal]) -> None:
    """Goals serve others, which must not serve them. Raises `BusinessError`."""
    if all(goal.parent_id is None for goal in goals):
        return
    above: dict[int, int | None] = dict(
        db.session.execute(select(Goal.id, Goal.parent_id), execution_options={"all_rows": True}).all()
    )
    for goal in goals:
        at, seen = goal.parent_id, set()
        while at is not None and at not in seen:
            if at == goal.id:
                raise BusinessError(_("A goal cannot serve itself, not even by way of others."), field="parent_id")
            seen.add(at)
            at = above.get(at)
        if goal.parent_id is not None and goal.parent_id not in above:
            raise BusinessError(_("There is no such goal."), field="parent_id")


def _text(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return value.isoformat() if isinstance(value, date) else value


def manager_of(team_id: int) -> int | None:
    """Who manages a team: who answers for its goals."""
    return db.session.scalar(select(Team.manager_id).where(Team.id == team_id), execution_options={"all_rows": True})


def bulk_goals(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Many new goals at once, as an import brings them. Raises `BusinessError`."""
    return [goal.id for goal in create_goals(rows)]
