"""R: what it serves, and what it stands beside."""

from __future__ import annotations

from decimal import Decimal

from app.core.access import visible_members
from app.core.formats import day, number
from app.core.i18n import _
from app.modules.kpi.models import DOWN, TEAM, UP, Goal
from app.modules.kpi.smart.facts import Facts
from app.modules.kpi.smart.findings import Flaw
from app.modules.kpi.smart.ties import Person

GOALS = "kpi.goal"


def serves(goal: Goal, facts: Facts, _limit: Decimal) -> Flaw | None:
    """It serves an objective of the company, by itself or by way of the goals above it."""
    way, objective = facts.ties.way(goal)
    if objective is not None:
        return None
    if not way:
        return Flaw(_("It serves no objective of the company."), _("Choose the objective, or the goal, that it serves."), "objective_id")
    return Flaw(
        _("It serves “%(goal)s”, which serves no objective of the company.", goal=way[-1].name),
        _("Choose an objective here or there."), "objective_id",
    )  # fmt: skip


def pulls_one_way(goal: Goal, facts: Facts, _limit: Decimal) -> Flaw | None:
    """No other goal of the person wants the opposite of the same figure, unless weights say what counts more."""
    for other in _beside(goal, facts):
        if {goal.direction, other.direction} != {UP, DOWN} or other.metric != goal.metric or (goal.weight and other.weight):
            continue
        if (other.scope, other.team_id, other.filters or {}) != (goal.scope, goal.team_id, goal.filters or {}):
            continue
        members = visible_members(GOALS)
        name = other.name if members is None or other.owner_id in members else "–"
        return Flaw(
            _("“%(other)s” wants the opposite of the same figure at the same time.", other=name),
            _("Drop one of them, or give both a weight."), "weight",
        )  # fmt: skip
    return None


def weighs_right(goal: Goal, facts: Facts, limit: Decimal) -> Flaw | None:
    """On no day of its period do the weights of its owner's goals come to more than all."""
    if not goal.weight:
        return None
    others = [other for other in _beside(goal, facts) if other.weight]
    days = {goal.first_day, *(max(other.first_day, goal.first_day) for other in others)}
    heaviest = max(sum(o.weight for o in others if o.first_day <= at <= o.last_day) for at in days)
    if heaviest + goal.weight <= limit:
        return None
    room = max(int(limit) - heaviest, 0)
    return Flaw(
        _("With its %(own)s %% the weights of the owner's goals come to %(total)s %%.", own=goal.weight, total=number(heaviest + goal.weight)),
        _("At most %(room)s %% are left for it.", room=room), "weight", str(room),
    )  # fmt: skip


def _beside(goal: Goal, facts: Facts) -> list[Goal]:
    """The other goals of its owner that bind at the same time."""
    found = facts.ties.beside.get(goal.owner_id or 0, ())
    return [o for o in found if o is not goal and o.id != goal.id and o.first_day <= goal.last_day and o.last_day >= goal.first_day]


def is_theirs(goal: Goal, facts: Facts, _limit: Decimal) -> Flaw | None:
    """Its owner is here until the end, sees the figure, and belongs to the team that it is about or manages it."""
    metric, person = facts.metric(goal), facts.ties.people.get(goal.owner_id or 0)
    if metric is None or person is None:
        return None
    mend = _("Choose an owner who can move the figure.")
    if flaw := _leaves(goal, person, mend):
        return flaw
    if not person.may(metric.permission):
        return Flaw(_("%(person)s may not see “%(metric)s”.", person=person.name, metric=metric.label),
                    _("Give the role the permission, or choose another owner."), "owner_id")  # fmt: skip
    if goal.scope != TEAM or goal.team_id is None or goal.team_id not in facts.ties.teams or goal.owner_id is None:
        return None
    if facts.ties.leads(goal.owner_id, goal.team_id) or goal.owner_id in facts.ties.crew(goal.team_id):
        return None
    return Flaw(_("%(person)s neither manages “%(team)s” nor belongs to it.", person=person.name, team=facts.ties.teams[goal.team_id][0]),
                mend, "owner_id")  # fmt: skip


def _leaves(goal: Goal, person: Person, mend: str) -> Flaw | None:
    if person.valid_to is not None and person.valid_to < goal.last_day:
        return Flaw(_("%(person)s is here until %(day)s only.", person=person.name, day=day(person.valid_to)), mend, "owner_id")
    if person.valid_from > goal.last_day:
        return Flaw(_("%(person)s comes on %(day)s.", person=person.name, day=day(person.valid_from)), mend, "owner_id")
    return None
