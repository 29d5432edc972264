"""What goals hang on: the people and teams they are about, and the goals and objectives beside, above and below them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from app.core.access import valid_on
from app.core.clock import today
from app.core.db import db
from app.core.metrics import Metric
from app.core.models import Membership, Role, Team, TeamMember
from app.core.registry import registry
from app.modules.kpi.models import ACTIVE, AGREED, CLOSED, DRAFT, DROPPED, PROPOSED, Goal

RUNNABLE = (DRAFT, PROPOSED, AGREED)  # states in which a goal has not begun
BINDING = (PROPOSED, AGREED, ACTIVE)  # in which it counts beside others
EVERYBODYS = {"all_rows": True}
DEEPEST = 20  # goals above each other
TOLD = "kpi.value"


@dataclass(frozen=True)
class Person:
    """A member: until when, and what their role allows ("*": everything)."""

    name: str
    valid_from: date
    valid_to: date | None
    permissions: frozenset[str]

    def may(self, permission: str) -> bool:
        return "*" in self.permissions or permission in self.permissions


@dataclass(frozen=True)
class Above:
    """A goal that others serve."""

    id: int
    name: str
    parent_id: int | None
    objective_id: int | None
    metric: str
    target: Decimal | None
    currency: str | None


@dataclass(frozen=True)
class Ties:
    """People, teams and other goals around the goals that are checked."""

    people: Mapping[int, Person] = field(default_factory=dict)
    keepers: Mapping[str, Any] = field(default_factory=dict)  # metrics that people tell: id -> row
    teams: Mapping[int, tuple[str, int | None, int | None]] = field(default_factory=dict)  # name, parent, manager
    members: Mapping[int, frozenset[int]] = field(default_factory=dict)  # of teams, today
    beside: Mapping[int, Sequence[Goal]] = field(default_factory=dict)  # owner -> their goals that bind
    below: Mapping[int, Sequence[Goal]] = field(default_factory=dict)  # goal -> those that serve it
    above: Mapping[int, Above] = field(default_factory=dict)
    objectives: Mapping[int, tuple[str, int | None, bool]] = field(default_factory=dict)  # name, parent, whether it is in use

    def crew(self, team_id: int | None) -> frozenset[int]:
        """Who is in a team or in one below it; in any team where none is named."""
        if team_id is None:
            return frozenset().union(*self.members.values())
        found, queue = {team_id}, [team_id]
        while queue:
            at = queue.pop()
            fresh = [i for i, (_name, parent, _manager) in self.teams.items() if parent == at and i not in found]
            found.update(fresh)
            queue += fresh
        return frozenset().union(*(self.members.get(each, frozenset()) for each in found))

    def leads(self, member_id: int, team_id: int) -> bool:
        """Whether a member manages a team, or one above it."""
        at: int | None = team_id
        seen: set[int] = set()
        while at is not None and at in self.teams and at not in seen:
            seen.add(at)
            _name, parent, manager = self.teams[at]
            if manager == member_id:
                return True
            at = parent
        return False

    def way(self, goal: Goal) -> tuple[list[Above], int | None]:
        """The goals above a goal, nearest first, and the objective in use that it or one of them serves."""
        found: list[Above] = []
        objective, at = goal.objective_id, goal.parent_id
        while not self._in_use(objective) and at is not None and at in self.above and len(found) < DEEPEST:
            each = self.above[at]
            found.append(each)
            objective, at = each.objective_id, each.parent_id
        return found, objective if self._in_use(objective) else None

    def _in_use(self, objective_id: int | None) -> bool:
        return objective_id is not None and objective_id in self.objectives and self.objectives[objective_id][2]

    def branch(self, objective_id: int) -> list[str]:
        """The names from an objective up to the vision."""
        names: list[str] = []
        at: int | None = objective_id
        while at is not None and at in self.objectives and len(names) < DEEPEST:
            name, at, _used = self.objectives[at]
            names.append(name)
        return names


def ties_of(goals: Sequence[Goal], known: Mapping[str, Metric]) -> Ties:
    """What goals hang on, however many they are in so many statements."""
    if not goals:
        return Ties()
    keepers = _keepers(goals, known)
    owners = {goal.owner_id for goal in goals if goal.owner_id is not None}
    return Ties(
        people=_people(owners | {row.keeper_id for row in keepers.values() if row.keeper_id}),
        keepers=keepers,
        teams={t.id: (t.name, t.parent_id, t.manager_id) for t in db.session.execute(
            select(Team.id, Team.name, Team.parent_id, Team.manager_id), execution_options=EVERYBODYS)},
        members=_members(),
        beside=_beside(goals, owners),
        below=_below([goal.id for goal in goals if goal.id is not None]),
        above=_above({goal.parent_id for goal in goals if goal.parent_id is not None}),
        objectives=_objectives(),
    )  # fmt: skip


def _people(ids: Collection[int]) -> dict[int, Person]:
    asked = select(Membership, Role.permissions).join(Role, Role.id == Membership.role_id).where(Membership.id.in_(sorted(ids)))
    rows = db.session.execute(asked, execution_options=EVERYBODYS)
    return {m.id: Person(m.name, m.valid_from, m.valid_to, frozenset(permissions)) for m, permissions in rows}


def _keepers(goals: Sequence[Goal], known: Mapping[str, Metric]) -> dict[str, Any]:
    """Rows of the metrics that people tell, by their ids in the registry."""
    ids = {goal.metric for goal in goals if goal.metric in known and known[goal.metric].resource == TOLD}
    if not ids:
        return {}
    model = registry.resource("kpi.metric").model
    asked = select(model).where(model.key.in_([each.partition(".")[2] for each in ids]))
    return {f"kpi.{row.key}": row for row in db.session.scalars(asked, execution_options=EVERYBODYS)}


def _members() -> dict[int, frozenset[int]]:
    found: dict[int, set[int]] = {}
    asked = select(TeamMember.team_id, TeamMember.member_id).where(valid_on(TeamMember, today()))
    for team_id, member_id in db.session.execute(asked, execution_options=EVERYBODYS):
        found.setdefault(team_id, set()).add(member_id)
    return {team_id: frozenset(some) for team_id, some in found.items()}


def _beside(goals: Sequence[Goal], owners: Collection[int]) -> dict[int, list[Goal]]:
    first, last = min(goal.first_day for goal in goals), max(goal.last_day for goal in goals)
    asked = select(Goal).where(
        Goal.owner_id.in_(sorted(owners)), Goal.state.in_(BINDING), Goal.retrospective.is_(False),
        Goal.first_day <= last, Goal.last_day >= first,
    ).order_by(Goal.id)  # fmt: skip
    found: dict[int, list[Goal]] = {}
    for goal in db.session.scalars(asked, execution_options=EVERYBODYS):
        found.setdefault(goal.owner_id or 0, []).append(goal)
    return found


def _below(ids: Sequence[int]) -> dict[int, list[Goal]]:
    asked = select(Goal).where(Goal.parent_id.in_(ids), Goal.state != DROPPED).order_by(Goal.id)
    found: dict[int, list[Goal]] = {}
    for goal in db.session.scalars(asked, execution_options=EVERYBODYS) if ids else ():
        found.setdefault(goal.parent_id or 0, []).append(goal)
    return found


def _above(ids: set[int]) -> dict[int, Above]:
    """The goals above, level by level: as many statements as there are levels."""
    found: dict[int, Above] = {}
    while ids and len(found) < DEEPEST**3:
        asked = select(Goal.id, Goal.name, Goal.parent_id, Goal.objective_id, Goal.metric, Goal.target, Goal.currency)
        asked = asked.where(Goal.id.in_(sorted(ids)))
        rows = [Above(*row) for row in db.session.execute(asked, execution_options=EVERYBODYS)]
        found |= {row.id: row for row in rows}
        ids = {row.parent_id for row in rows if row.parent_id is not None} - found.keys()
    return found


def _objectives() -> dict[int, tuple[str, int | None, bool]]:
    model = registry.resource("kpi.objective").model
    asked = select(model.id, model.name, model.parent_id, model.active)
    return {i: (name, parent, active) for i, name, parent, active in db.session.execute(asked, execution_options=EVERYBODYS)}


def settled(goal: Goal) -> bool:
    """Whether a goal is outside of the check: over, given up, or made for a period that was over already."""
    return goal.retrospective or goal.state in (CLOSED, DROPPED)
