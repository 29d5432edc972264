"""Quotas: which of them count in a period, and how much of each. They are goals on the amount won, marked as quotas."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import Select, select

from app.core.db import db
from app.core.models import TeamMember
from app.modules.kpi.models import ACTIVE, CLOSED, Goal, GoalEdition
from app.modules.kpi.progress.curve import share_by
from app.modules.kpi.progress.measure import converted

WON = "crm.won_amount"
ONE_DAY = timedelta(days=1)
Days = tuple[date, date]


@dataclass(frozen=True)
class Quota:
    """A quota; `target` in company currency, None where there is no rate. `team_id` is that of a team's quota, or the team
    the person was in when it ended. `filters` narrow what it is about."""

    id: int
    scope: str
    owner_id: int | None
    team_id: int | None
    target: Decimal | None
    first_day: date
    last_day: date
    curve: Sequence[Any]
    filters: Mapping[str, Any]

    def share(self, stretches: Iterable[Days]) -> Decimal:
        """The share of the target that falls to some of its days: all of it to all of them."""
        stretches = list(stretches)
        if stretches == [(self.first_day, self.last_day)]:
            return Decimal(1)
        goal = cast("Goal", self)  # has what a curve is told by
        return sum((share_by(goal, last) - share_by(goal, first - ONE_DAY) for first, last in stretches), Decimal(0))


@dataclass(frozen=True)
class Plan:
    """What was to be sold in a period: the quotas that count, each with the days on which it does."""

    parts: Sequence[tuple[Quota, Sequence[Days]]] = ()

    @property
    def n(self) -> int:
        return len(self.parts)

    @property
    def missing(self) -> int:
        """How many quotas are in no sum for want of a rate."""
        return sum(quota.target is None for quota, _days in self.parts)

    @property
    def target(self) -> Decimal | None:
        """In company currency; None without any quota that can be counted."""
        return self._sum(None)

    def expected(self, day: date) -> Decimal | None:
        """What should be sold by the end of a day, on pace."""
        return self._sum(day)

    def _sum(self, until: date | None) -> Decimal | None:
        found = [quota.target * quota.share(_before(days, until)) for quota, days in self.parts if quota.target is not None]
        return sum(found, Decimal(0)) if found else None

    def __add__(self, other: Plan) -> Plan:
        return Plan((*self.parts, *other.parts))


def plan(quotas: Iterable[Quota], first: date, last: date) -> Plan:
    """The quotas of one holder that count in a period. No day counts twice.

    Those that lie in the period count whole, the longest first; to days that none of them has falls their share of the
    shortest quota that reaches beyond the period.
    """
    here = [quota for quota in quotas if quota.first_day <= last and quota.last_day >= first]
    free: list[Days] = [(first, last)]
    parts = []
    for quota in sorted(here, key=lambda q: _rank(q, first, last)):
        days = [(max(a, quota.first_day), min(b, quota.last_day)) for a, b in free if a <= quota.last_day and quota.first_day <= b]
        if days:
            parts.append((quota, days))
            free = [rest for stretch in free for rest in _without(stretch, quota.first_day, quota.last_day)]
    return Plan(parts)


def _rank(quota: Quota, first: date, last: date) -> tuple[bool, int, int]:
    inside = first <= quota.first_day and quota.last_day <= last
    length = (quota.last_day - quota.first_day).days
    return not inside, -length if inside else length, quota.id


def _without(stretch: Days, first: date, last: date) -> list[Days]:
    """What is left of a stretch of days without others."""
    before, after = (stretch[0], min(stretch[1], first - ONE_DAY)), (max(stretch[0], last + ONE_DAY), stretch[1])
    return [each for each in (before, after) if each[0] <= each[1]]


def _before(days: Sequence[Days], until: date | None) -> list[Days]:
    if until is None:
        return list(days)
    return [(first, min(last, until)) for first, last in days if first <= until]


def asked(*scopes: str) -> Select:
    """The quotas that hold or held: a select of what `read` makes them of."""
    team = (
        select(TeamMember.team_id)
        .where(TeamMember.member_id == Goal.owner_id, TeamMember.valid_from <= Goal.last_day,
               TeamMember.valid_to.is_(None) | (TeamMember.valid_to >= Goal.first_day))
        .order_by(TeamMember.valid_from.desc(), TeamMember.id.desc()).limit(1).correlate(Goal).scalar_subquery()
    )  # fmt: skip
    columns = (Goal.id, Goal.scope, Goal.owner_id, Goal.team_id, Goal.target, Goal.currency, Goal.first_day, Goal.last_day,
               Goal.curve, Goal.filters, team.label("in_team"))  # fmt: skip
    return select(*columns).where(Goal.metric == WON, Goal.is_quota, Goal.state.in_((ACTIVE, CLOSED)), Goal.scope.in_(scopes))


def read(rows: Iterable[Any]) -> list[Quota]:
    """Quotas from rows of `asked`."""
    return [
        Quota(row.id, row.scope, row.owner_id, row.team_id if row.team_id is not None else row.in_team,
              converted(cast("Goal", row), row.target), row.first_day, row.last_day, row.curve or (), row.filters or {})
        for row in rows
    ]  # fmt: skip


def all_quotas(scopes: Collection[str], first: date, last: date) -> list[Quota]:
    """The quotas of holders of these kinds on any of the days, whoever may see them, in one statement."""
    statement = asked(*scopes).where(Goal.first_day <= last, Goal.last_day >= first)
    return read(db.session.execute(statement, execution_options={"all_rows": True}))


def at_first(quotas: Collection[Quota]) -> list[Quota]:
    """Quotas as they were when they began, before anybody changed them; in one statement, whoever may see them."""
    began = select(GoalEdition.goal_id, GoalEdition.said).join(Goal, Goal.id == GoalEdition.goal_id)
    began = began.where(GoalEdition.number == 1, Goal.edition > 1, Goal.id.in_([quota.id for quota in quotas]))
    said: dict[int, dict[str, Any]] = dict(db.session.execute(began, execution_options={"all_rows": True}).all())
    return [_as_said(quota, said[quota.id]) if quota.id in said else quota for quota in quotas]


def _as_said(quota: Quota, said: Mapping[str, Any]) -> Quota:
    target = None if said["target"] is None else Decimal(said["target"])
    then = Goal(currency=said["currency"], first_day=quota.first_day)
    return replace(quota, target=converted(then, target), last_day=date.fromisoformat(said["last_day"]), curve=said["curve"])
