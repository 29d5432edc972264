"""The vision as a tree: pillars, objectives, the goals that serve them, and whose they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import or_, select

from app.core import lookups
from app.core.access import me
from app.core.db import db
from app.core.figures import FigureRow
from app.core.formats import colour, initials, percent
from app.core.i18n import _, _n
from app.core.metrics import MetricQuery, evaluate, reader_scope
from app.modules.kpi.goals import queries
from app.modules.kpi.goals.labels import KINDS, STATUSES
from app.modules.kpi.goals.telling import Told, tell
from app.modules.kpi.models import COMPANY, MEMBER, TEAM, Goal
from app.modules.kpi.vision import alignment
from app.modules.kpi.vision.models import VISION, Objective

EVERYBODYS = {"all_rows": True}
RANK = {COMPANY: 0, TEAM: 1, MEMBER: 2}


@dataclass
class Leaf:
    """A goal with where it stands, and the goals that serve it."""

    goal: Goal
    told: Told
    whose: str  # the name of the person, the team, or nothing for the company
    avatar: dict[str, Any] | None
    leaves: list[Leaf] = field(default_factory=list)

    @property
    def all(self) -> list[Leaf]:
        return [self, *(each for leaf in self.leaves for each in leaf.all)]


@dataclass
class Branch:
    """A node of the tree with what stands below it."""

    node: Objective
    keeper: str = ""
    branches: list[Branch] = field(default_factory=list)
    leaves: list[Leaf] = field(default_factory=list)
    first: bool = False
    last: bool = False

    @property
    def all(self) -> list[Leaf]:
        """Every goal below it, at whatever depth."""
        return [*(each for leaf in self.leaves for each in leaf.all), *(each for branch in self.branches for each in branch.all)]

    @property
    def people(self) -> int:
        """How many people have a goal of their own below it."""
        return len({leaf.goal.owner_id for leaf in self.all if leaf.goal.scope == MEMBER})

    @property
    def stands(self) -> list[tuple[Any, str, int]]:
        """How its goals stand: label, look and how many, the worst last."""
        count: dict[str, int] = {}
        for leaf in self.all:
            count[leaf.told.status] = count.get(leaf.told.status, 0) + 1
        return [(STATUSES[status], KINDS[status], count[status]) for status in STATUSES if status in count]


@dataclass(frozen=True)
class Board:
    """The whole tree. `loose` are goals that serve no objective, `unplaced` nodes that stand below nothing."""

    vision: Branch | None
    unplaced: Sequence[Branch]
    loose: Sequence[Leaf]
    aligned: FigureRow | None
    goals: int

    @property
    def pillars(self) -> Sequence[Branch]:
        return self.vision.branches if self.vision else []

    @property
    def empty(self) -> bool:
        return self.vision is None and not self.unplaced

    @property
    def share(self) -> str:
        """The share of people whose goals reach an objective."""
        return percent(Decimal(str(self.aligned.value))) if self.aligned and self.aligned.value is not None else "–"

    @property
    def says(self) -> str:
        """The share of people whose goals reach an objective, in words; empty where nobody is counted."""
        row = self.aligned
        if row is None or row.value is None:
            return ""
        if reader_scope("kpi") == frozenset({me().member_id}):
            return _("Your goals reach an objective.") if row.numerator else _("None of your running goals reaches an objective.")
        return _n("%(reached)s of %(num)d person in teams has a running goal that reaches an objective: %(share)s.",
                  "%(reached)s of %(num)d people in teams have a running goal that reaches an objective: %(share)s.", row.n,
                  reached=row.numerator, share=self.share)  # fmt: skip


def board() -> Board:
    """The tree as the reader sees it: all of its nodes, the company's goals and those of their teams, and whatever else the
    record rules show them. The number of statements hangs on how many figures the goals are about, not on how many there are."""
    asked = select(Objective).where(Objective.active).order_by(Objective.position, Objective.name_key, Objective.id)
    nodes = list(db.session.scalars(asked))
    goals = {goal.id: goal for goal in (*queries.running(), *queries.shared(me().member_id))}
    leaves = _leaves(goals.values())
    roots = _placed(leaves, {node.id for node in nodes})
    keepers = lookups.labels(lookups.MEMBER, [node.keeper_id for node in nodes])
    branches = {node.id: Branch(node, keepers.get(node.keeper_id or 0, ""), leaves=roots.get(node.id, [])) for node in nodes}
    unplaced = []
    for branch in branches.values():
        above = branches.get(branch.node.parent_id or 0)
        if above is not None:
            above.branches.append(branch)
        elif branch.node.level != VISION:
            unplaced.append(branch)
    for some in (unplaced, *(branch.branches for branch in branches.values())):
        if some:
            some[0].first = some[-1].last = True
    vision = next((branch for branch in branches.values() if branch.node.level == VISION), None)
    share = evaluate(alignment.ID, MetricQuery()).total if nodes else None
    return Board(vision, unplaced, roots.get(None, []), share, len(goals))


def _leaves(goals: Iterable[Goal]) -> dict[int, Leaf]:
    """Goals with where they stand, each measured together with its like; company before team before person."""
    goals = sorted(goals, key=lambda goal: (RANK[goal.scope], goal.last_day, goal.name_key, goal.id))
    told = tell(goals)
    people = lookups.labels(lookups.MEMBER, [goal.owner_id for goal in goals])
    teams = lookups.labels("admin.team", [goal.team_id for goal in goals])
    found = {}
    for goal in goals:
        name = people.get(goal.owner_id or 0, "")
        face = {"initials": initials(name), "colour": colour(goal.owner_id), "name": name} if goal.scope == MEMBER and name else None
        whose = name if goal.scope == MEMBER else teams.get(goal.team_id or 0, "") if goal.scope == TEAM else ""
        found[goal.id] = Leaf(goal, told[goal.id], whose, face)
    return found


def _placed(leaves: Mapping[int, Leaf], nodes: set[int]) -> dict[int | None, list[Leaf]]:
    """Where goals hang in the tree: node -> its goals; None: those that serve no objective. A goal that serves another one
    which is shown hangs below that, unless it names an objective of its own."""
    ways = _ways()
    found: dict[int | None, list[Leaf]] = {}
    for goal_id, leaf in leaves.items():
        own = leaf.goal.objective_id if leaf.goal.objective_id in nodes else None
        above = leaves.get(leaf.goal.parent_id or 0)
        if above is not None and own is None:
            above.leaves.append(leaf)
        else:
            found.setdefault(own or _reached(goal_id, ways, nodes), []).append(leaf)
    return found


def _ways() -> dict[int, tuple[int | None, int | None]]:
    """Goal -> the goal and the objective that it serves, of all that serve something, seen by the reader or not."""
    asked = select(Goal.id, Goal.parent_id, Goal.objective_id).where(or_(Goal.parent_id.is_not(None), Goal.objective_id.is_not(None)))
    return {row.id: (row.parent_id, row.objective_id) for row in db.session.execute(asked, execution_options=EVERYBODYS)}


def _reached(goal_id: int, ways: Mapping[int, tuple[int | None, int | None]], nodes: set[int]) -> int | None:
    """The first objective on the way of a goal up to what it serves."""
    at: int | None = goal_id
    for _step in range(len(ways)):
        parent, objective = ways.get(at or 0, (None, None))
        if objective in nodes or parent is None:
            return objective if objective in nodes else None
        at = parent
    return None


