"""Goals that rules make: of the period that runs, and of the one that begins soon, for everybody a rule is meant for.

Made once for each rule, period and member or team, whatever became of them: what was thrown away or given up is not made
again. Who joins later gets the goal of the running period with its full target: absence and ramp are not worked out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import structlog
from flask import g
from flask_babel import force_locale
from sqlalchemy import or_, select

from app.core.access import subtree, valid_on
from app.core.clock import today
from app.core.db import db
from app.core.errors import BusinessError
from app.core.i18n import _, _n
from app.core.models import Membership, Role, Team, TeamMember
from app.core.notices import notify
from app.core.relative_dates import around
from app.modules.kpi.goals.services import create_goals
from app.modules.kpi.models import BAND, COMPANY, MEMBER, TEAM, WEEK, Goal, GoalRule
from app.modules.kpi.planning import rule_services
from app.modules.kpi.planning.periods import called
from app.modules.kpi.planning.plan import milestone
from app.modules.kpi.planning.rule_services import target_for
from app.modules.kpi.planning.together import activate_all, propose_all
from app.modules.kpi.quantities import Given

log = structlog.get_logger()
# How long before a period begins its goals are put to those who are to agree on them.
AHEAD, AHEAD_OF_WEEK = timedelta(days=10), timedelta(days=3)
EVERYBODYS = {"all_rows": True}


@dataclass(frozen=True)
class Due:
    """A goal that a rule makes: for whom, of which days; `there` when it was made already."""

    scope: str
    who: int | None  # member or team; None for the company
    name: str
    owner_id: int | None
    period: str
    first: date
    last: date
    target: Decimal | None
    there: bool


def recur() -> None:
    """The job: make what all rules owe, one rule after the other; one that cannot be followed does not hold up the others."""
    for rule_id in db.session.scalars(select(GoalRule.id).where(GoalRule.active).order_by(GoalRule.id)).all():
        try:
            with db.session.begin_nested(), force_locale(g.company.language):
                follow(rule_id)
        except BusinessError as error:  # the application of its figure is off, say: it is tried again
            log.warning("rule_not_followed", rule=rule_id, error=error.message)


def follow(rule_id: int) -> list[Goal]:
    """Make the goals that a rule owes today, and let them begin, or propose them. Raises `BusinessError`.

    The rule is held meanwhile, so that of two who follow it one makes the goals.
    """
    held = select(GoalRule).where(GoalRule.id == rule_id).with_for_update()
    rule = db.session.scalars(held, execution_options={"populate_existing": True}).one()
    owed = [each for days in periods_due(rule, today()) for each in due(rule, *days)
            if not each.there and (each.target is not None or rule.direction == BAND)]  # fmt: skip
    if not owed:
        return []
    goals = create_goals([_values(rule, each) for each in owed])
    if rule.at_once:
        with_excuse = _("By the rule “%(name)s”.", name=rule.name)
        _tell_managers(rule, activate_all([goal.id for goal in goals], with_excuse).held, goals)
    else:
        propose_all([goal.id for goal in goals])
    return goals


def periods_due(rule: GoalRule, day: date) -> list[tuple[date, date]]:
    """The periods whose goals a rule owes on a day: the one that runs, and, where people are to agree first, the one at
    hand. None while it is not in force."""
    if not rule.active:
        return []
    reached = [at for at in (day, day + ahead(rule)) if rule.starts_on <= at]
    found = dict.fromkeys(around(at, rule.period) for at in reached)
    return [(first, last) for first, last in found if rule.ends_on is None or rule.ends_on >= first]


def ahead(rule: GoalRule) -> timedelta:
    """How long before a period begins a rule makes its goals."""
    return timedelta() if rule.at_once else AHEAD_OF_WEEK if rule.period == WEEK else AHEAD


def due(rule: GoalRule, first: date, last: date) -> list[Due]:
    """The goals of a rule in a period, by name, those that are there already included."""
    made = {
        (scope, {MEMBER: owner_id, TEAM: team_id}.get(scope))
        for scope, owner_id, team_id in db.session.execute(
            select(Goal.scope, Goal.owner_id, Goal.team_id).where(Goal.rule_id == rule.id, Goal.first_day == first),
            execution_options={**EVERYBODYS, "with_trash": True},
        )
    }
    return [
        Due(scope, who, name, owner_id, rule.period, first, last, target_for(rule, who), (scope, who) in made)
        for scope, who, name, owner_id in audience(rule, max(first, today()))
    ]


def audience(rule: GoalRule, day: date) -> list[tuple[str, int | None, str, int | None]]:
    """Whom a rule is meant for on a day: scope, member or team, name, and who answers for the goal."""
    if rule.audience == rule_services.COMPANY:
        return [(COMPANY, None, g.company.name, None)]
    teams = rule.whom.get("teams", [])
    if rule.audience == rule_services.TEAMS:
        wanted = select(Team).order_by(Team.name_key)
        wanted = wanted.where(Team.id.in_(teams)) if teams else wanted
        return [(TEAM, team.id, team.name, team.manager_id) for team in db.session.scalars(wanted, execution_options=EVERYBODYS)]
    return [(MEMBER, one.id, one.name, one.id) for one in _members(rule, teams, day)]


def _members(rule: GoalRule, teams: Sequence[int], day: date) -> list[Membership]:
    """The members of the teams who have one of the roles, where these are named, and those named themselves. A rule that
    names nothing is meant for everybody who is in a team."""
    named, roles = rule.whom.get("members", []), rule.whom.get("roles", [])
    within = select(TeamMember.member_id).where(valid_on(TeamMember, day))
    if teams:
        within = within.where(TeamMember.team_id.in_(subtree(set(teams))))
    by_kind: Any = Membership.id.in_(within)
    if roles:
        holders = Membership.role_id.in_(select(Role.id).where(Role.key.in_(roles)))
        by_kind = by_kind & holders if teams else holders
    wanted = or_(by_kind, Membership.id.in_(named)) if teams or roles or not named else Membership.id.in_(named)
    asked = select(Membership).where(wanted, valid_on(Membership, day)).order_by(Membership.name_key, Membership.id)
    return list(db.session.scalars(asked, execution_options=EVERYBODYS))


def _values(rule: GoalRule, owed: Due) -> dict[str, Any]:
    sign = rule.currency or ""
    target = None if owed.target is None else Given(owed.target, sign)
    band = {"low": rule.low, "high": rule.high} if rule.direction == BAND else {"target": target}
    name = _("%(rule)s, %(who)s, %(period)s", rule=rule.name, who=owed.name, period=called(owed.period, owed.first, owed.last))
    return {
        "name": name[:160], "metric": rule.metric, "filters": dict(rule.filters), "scope": owed.scope, "owner_id": owed.owner_id,
        "team_id": owed.who if owed.scope == TEAM else None, "period": owed.period, "first_day": owed.first, "last_day": owed.last,
        "direction": rule.direction, "weight": rule.weight, "grade": rule.grade, "is_quota": rule.is_quota,
        "objective_id": rule.objective_id, "rule_id": rule.id, "review_on": milestone(owed.first, owed.last), **band,
    }  # fmt: skip


def _tell_managers(rule: GoalRule, held: dict[int, str], goals: Sequence[Goal]) -> None:
    """Tell the managers of those whose goals the check held back, once each; nobody leads them: the company's admins."""
    if not held:
        return
    owners = {goal.owner_id for goal in goals if goal.id in held}
    lead = select(Team.manager_id).join(TeamMember, TeamMember.team_id == Team.id).where(
        TeamMember.member_id.in_(owners), valid_on(TeamMember, today()), Team.manager_id.is_not(None)
    )  # fmt: skip
    told = {who for who in db.session.scalars(lead, execution_options=EVERYBODYS) if who is not None}
    if not told:
        admins = select(Membership.id).join(Role, Role.id == Membership.role_id).where(Role.key == "admin")
        told = set(db.session.scalars(admins, execution_options=EVERYBODYS))
    name = rule.name
    notify(told, lambda: _n("%(num)d goal of the rule “%(name)s” is held back by the check.",
                            "%(num)d goals of the rule “%(name)s” are held back by the check.", len(held), name=name), f"kpi/rules/{rule.id}", icon="target-arrow", key=f"kpi-rule-{rule.id}-{goals[0].first_day.isoformat()}")

