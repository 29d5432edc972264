"""Saving the goals of many at once: what stands in the cells of a page becomes drafts, or changes those that are there.

A cell knows the goal that it showed, and its version. Where somebody else was quicker nothing at all is saved, and the page
shows both values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from app.core import trash
from app.core.clock import today
from app.core.db import db
from app.core.errors import BusinessError, Conflict
from app.core.i18n import _
from app.core.workdays import is_working_day
from app.modules.kpi.aims import AMOUNTS, metric_of
from app.modules.kpi.goals import telling
from app.modules.kpi.goals.agreement import drop
from app.modules.kpi.goals.services import change_goal, create_goals
from app.modules.kpi.models import (
    ACTIVE,
    AGREED,
    CLOSED,
    COMPANY,
    DRAFT,
    DROPPED,
    MEMBER,
    PROPOSED,
    TEAM,
    Goal,
)
from app.modules.kpi.planning.cells import Aim, columns_of, values_of

OPEN = (DRAFT, PROPOSED, AGREED)
SHORT = 14  # days, under which a period needs no day on the way
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class About:
    """Which goal is meant: two with the same of all this are one."""

    scope: str
    who: int | None  # member or team; None for the company
    metric: str
    first: date
    last: date
    filters: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Wanted:
    """What somebody wants of a goal: its target or band (None: that there be none), and what the page had shown of it.

    `more` are further fields for a goal that is made, `also` those that an existing one is given as well; `below` is the
    key of the cell whose goal it serves, which may be made at the same time.
    """

    key: str
    about: About
    period: str
    target: Aim | None
    goal_id: int | None = None
    version: int | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    also: Mapping[str, Any] = field(default_factory=dict)
    below: str = ""


@dataclass
class Saved:
    """What was done: how many goals were made, changed and taken away, and the goals that are there now, by cell."""

    made: int = 0
    changed: int = 0
    gone: int = 0
    goals: dict[str, Goal] = field(default_factory=dict)


class Refused(BusinessError):
    """Cells whose values cannot be saved: key -> sentence."""

    def __init__(self, cells: Mapping[str, str]) -> None:
        super().__init__(" ".join(dict.fromkeys(cells.values())))
        self.cells = dict(cells)

    def tell(self, grid: Any) -> None:
        """Put each sentence into its cell."""
        for cell in grid.cells():
            cell.mistake = self.cells.get(cell.key, "")


class Overtaken(Conflict):
    """Cells that somebody else changed since they were shown: key -> the goal as it is now, None where it is gone."""

    def __init__(self, cells: Mapping[str, Goal | None]) -> None:
        super().__init__(_("Somebody else has planned here in the meantime. Nothing you typed is lost; look at both values and save again."))
        self.cells = dict(cells)

    def tell(self, grid: Any, form: Mapping[str, Any]) -> None:
        """Put both values into their cells; saving once more is then meant so."""
        for cell in grid.cells():
            if cell.key in self.cells:
                mine = form.get(f"t-{cell.key}", "") or _("no goal")
                cell.seen = f"{cell.goal.id}:{cell.goal.version}" if cell.goal is not None else ""
                cell.theirs = _("Now %(theirs)s; you wrote %(mine)s.", theirs=target_of(cell.goal), mine=mine)


def save(wanted: Sequence[Wanted]) -> Saved:
    """Make, change and take away goals so that there is what is wanted. All of it, or nothing.

    Goals that run or are over are left alone. Whoever calls has asked for permission, and holds a lock under which nobody
    else plans the same. Raises `Overtaken`, `Refused`.
    """
    there = existing([each.about for each in wanted])
    if late := {each.key: there.get(each.about) for each in wanted if _is_late(each, there.get(each.about))}:
        raise Overtaken(late)
    saved, refused = Saved(), dict[str, str]()
    gone = [goal for each in wanted if each.target is None and (goal := there.get(each.about)) is not None and goal.state in OPEN]
    for some in ([each for each in wanted if not each.below], [each for each in wanted if each.below]):
        _save(saved, [_placed(each, saved.goals) for each in some if each.target is not None], there, refused)
    if refused:
        raise Refused(refused)
    saved.gone = len(gone)
    _take_away(gone)
    return saved


def _placed(wanted: Wanted, goals: Mapping[str, Goal]) -> Wanted:
    """The same, below the goal it is to serve."""
    above = goals.get(wanted.below)
    return wanted if above is None else replace(wanted, also={**wanted.also, "parent_id": above.id, "objective_id": None})


def _save(saved: Saved, wanted: Sequence[Wanted], there: Mapping[About, Goal], refused: dict[str, str]) -> None:
    fresh = []
    for each in wanted:
        goal = there.get(each.about)
        if goal is None:
            fresh.append(each)
            continue
        saved.goals[each.key] = goal
        if goal.state in OPEN:
            try:
                saved.changed += _change(goal, each)
            except BusinessError as error:
                refused[each.key] = error.message
    saved.goals |= _make(fresh, refused)
    saved.made += len(fresh)


def existing(wanted: Iterable[About], states: Sequence[str] = (*OPEN, ACTIVE, CLOSED)) -> dict[About, Goal]:
    """The goals that are there already, whoever answers for them; of several alike the one that is furthest."""
    wanted = set(wanted)
    if not wanted:
        return {}
    asked = select(Goal).where(
        Goal.metric.in_({each.metric for each in wanted}), Goal.scope.in_({each.scope for each in wanted}),
        Goal.first_day.in_({each.first for each in wanted}), Goal.last_day.in_({each.last for each in wanted}),
        Goal.state.in_(states),
    )  # fmt: skip
    found: dict[About, Goal] = {}
    rows = db.session.scalars(asked.order_by(Goal.id), execution_options={"all_rows": True, "populate_existing": True})
    for goal in sorted(rows, key=lambda each: (states.index(each.state), each.id)):
        if (about := about_of(goal)) in wanted:
            found[about] = goal
    return found


def about_of(goal: Goal) -> About:
    """What a goal is about."""
    who = {MEMBER: goal.owner_id, TEAM: goal.team_id, COMPANY: None}[goal.scope]
    return About(goal.scope, who, goal.metric, goal.first_day, goal.last_day, frozen(goal.filters))


def frozen(filters: Mapping[str, Any] | None) -> tuple[tuple[str, Any], ...]:
    """Filters of a goal as a part of `About`."""
    return tuple((name, tuple(each) if isinstance(each, list) else each) for name, each in sorted((filters or {}).items()))


def milestone(first: date, last: date) -> date | None:
    """The day on which a goal of these days is looked at on the way: the last working day of its first third."""
    length = (last - first).days + 1
    if length <= SHORT:
        return None
    at = first + timedelta(days=length // 3 - 1)
    while at > first and not is_working_day(at):
        at -= ONE_DAY
    return at


def target_of(goal: Goal | None) -> str:
    """The target of a goal as people read it; a word where there is none."""
    return _("no goal") if goal is None or goal.state == DROPPED else telling.target_of(goal)


def _is_late(wanted: Wanted, goal: Goal | None) -> bool:
    """Whether the goal is not what the page had shown; one that says just the same is none the worse for that."""
    if wanted.goal_id == (goal.id if goal else None) and (goal is None or wanted.version == goal.version):
        return False
    return not _says_the_same(wanted, goal)


def _says_the_same(wanted: Wanted, goal: Goal | None) -> bool:
    if goal is None or wanted.target is None:
        return goal is None and wanted.target is None
    try:
        said = columns_of(wanted.target, metric_of(wanted.about.metric), goal.direction)
        return all(getattr(goal, name) == said.get(name) for name in AMOUNTS)
    except BusinessError:
        return False


def _change(goal: Goal, wanted: Wanted) -> int:
    assert wanted.target is not None  # those without one are taken away
    before = goal.version
    change_goal(goal, {**values_of(wanted.target, metric_of(goal.metric), goal.direction), **wanted.also})
    return int(goal.version != before)


def _make(fresh: Sequence[Wanted], refused: dict[str, str]) -> dict[str, Goal]:
    """The goals that were not there. They are checked one by one first, so that each cell says what is wrong with it."""
    for each in fresh:
        try:
            if each.target is not None:
                columns_of(each.target, metric_of(each.about.metric))
        except BusinessError as error:
            refused[each.key] = error.message
    if refused:
        return {}
    try:
        made = create_goals([_values(each) for each in fresh])
    except BusinessError as error:
        refused[fresh[0].key] = error.message
        return {}
    return {each.key: goal for each, goal in zip(fresh, made, strict=True)}


def _values(wanted: Wanted) -> dict[str, Any]:
    about = wanted.about
    aim = values_of(wanted.target, metric_of(about.metric), wanted.more.get("direction", "")) if wanted.target is not None else {}
    return {
        "metric": about.metric, "scope": about.scope, "period": wanted.period, "first_day": about.first, "last_day": about.last,
        **({"owner_id": about.who} if about.scope == MEMBER else {"team_id": about.who} if about.scope == TEAM else {}),
        "filters": {name: list(each) if isinstance(each, tuple) else each for name, each in about.filters},
        "review_on": milestone(about.first, about.last), **wanted.more, **wanted.also, **aim,
    }  # fmt: skip


def _take_away(goals: Sequence[Goal]) -> None:
    """A draft goes into the trash; what was put to somebody already is dropped, which they are told."""
    for goal in goals:
        if goal.state != DRAFT:
            drop(goal, _("Taken out of the plan on %(day)s.", day=today().isoformat()))
    if drafts := [goal.id for goal in goals if goal.state == DRAFT]:
        trash.put(Goal, "name", drafts)
