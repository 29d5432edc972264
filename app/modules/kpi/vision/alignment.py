"""The share of people whose running goals reach an objective: whether the team is aligned with the vision, counted."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, case, exists, func, or_, select
from sqlalchemy.orm import aliased

from app.core.access import valid_on
from app.core.clock import local_date
from app.core.errors import BusinessError
from app.core.i18n import _, _l
from app.core.metrics import Metric, MetricQuery, moment
from app.core.models import Membership, TeamMember
from app.modules.kpi.models import ACTIVE, CLOSED, DROPPED, MEMBER, Goal
from app.modules.kpi.vision.models import Objective

ID = "kpi.alignment_rate"
DIMENSIONS = ("owner", "team")


def _reaching() -> CTE:
    """Ids of the goals that serve an objective, themselves or by way of the goals that they serve."""
    first = select(Goal.id).join(Objective, Objective.id == Goal.objective_id).where(Objective.active)
    found = first.cte("reaching", recursive=True)
    below = aliased(Goal)
    return found.union(select(below.id).where(below.parent_id == found.c.id))


def _is_aligned(query: MetricQuery) -> ColumnElement[bool]:
    """That a member has a goal of their own which runs on the day asked for and reaches an objective."""
    now = moment(query)
    day = local_date(now)
    began = func.coalesce(Goal.activated_at, Goal.created_at)
    return exists().where(
        Goal.owner_id == Membership.id, Goal.scope == MEMBER, Goal.state.in_((ACTIVE, CLOSED, DROPPED)), began <= now,
        or_(Goal.closed_at.is_(None), Goal.closed_at > now), Goal.first_day <= day, Goal.last_day >= day,
        Goal.id.in_(select(_reaching().c.id)),
    ).correlate(Membership)  # fmt: skip


def _people(query: MetricQuery) -> list[ColumnElement[bool]]:
    """Whoever belongs to a team on the day asked for."""
    day = local_date(moment(query))
    found = [valid_on(Membership, day), valid_on(TeamMember, day)]
    if query.scope is not None:
        found.append(Membership.id.in_(sorted(query.scope)))
    for name, wanted in query.filters.items():
        if name not in DIMENSIONS:
            raise BusinessError(_("“%(given)s” is not one of: %(known)s.", given=name, known=", ".join(DIMENSIONS)), field=name)
        keys = wanted if isinstance(wanted, (list, tuple, set, frozenset)) else [wanted]
        found.append(_key(name).in_([each for each in keys if each is not None]))
    return found


def _key(name: str) -> Any:
    return Membership.id if name == "owner" else TeamMember.team_id


def build(query: MetricQuery) -> Select:
    keys = [_key(name).label(f"d_{name}") for name in query.by]
    hits = func.coalesce(func.sum(case((_is_aligned(query), 1), else_=0)), 0)
    n = func.count(Membership.id)
    found = select(*keys, hits.label("numerator"), n.label("denominator"), n.label("n"))
    joined = found.select_from(Membership).join(TeamMember, TeamMember.member_id == Membership.id)
    return joined.where(*_people(query)).group_by(*(_key(name) for name in query.by))


def drill(query: MetricQuery) -> Select:
    return select(Membership.id).join(TeamMember, TeamMember.member_id == Membership.id).where(*_people(query))


METRIC = Metric(
    id=ID,
    label=_l("People aligned with the vision"),
    describe=_l("Of the people who belong to a team on the day asked for, the share that has a running goal of their own which "
                "serves an objective, itself or by way of the goals it serves."),
    row="G41",
    unit="ratio",
    build=build,
    drill=drill,
    permission="kpi.objective.view",
    resource="admin.member",
    shape="ratio",
    grain="person",
    basis="snapshot",
    period=False,
    dimensions=DIMENSIONS,
    parted=frozenset(DIMENSIONS),
)  # fmt: skip
