"""Rules as a resource: their fields and lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sqlalchemy import select

from app.core import lookups
from app.core.clock import today
from app.core.db import db
from app.core.fields import Boolean, Choice, Date, Percent, Text
from app.core.i18n import _l
from app.core.lookups import Lookup
from app.core.models import Role
from app.core.resource import VERBS, Resource, View
from app.core.several import Several, names_of
from app.modules.kpi.goals import labels
from app.modules.kpi.goals.fields import MetricChoice, Rows
from app.modules.kpi.models import GoalRule
from app.modules.kpi.narrowing import Narrowing
from app.modules.kpi.planning import rule_services as services
from app.modules.kpi.quantities import Amount

AUDIENCES = {
    services.COMPANY: _l("The company: one goal"), services.TEAMS: _l("Teams: a goal for each"), services.MEMBERS: _l("People: a goal for each"),
}  # fmt: skip


def _roles() -> list[tuple[str, str]]:
    asked = select(Role.key, Role.name).order_by(Role.name)
    return [(row.key, row.name) for row in db.session.execute(asked, execution_options={"all_rows": True})]


@dataclass(frozen=True)
class Whom(Several):
    """Some of those a rule is meant for. Files name them; a name with a comma is given by its id."""

    compared: ClassVar[bool] = False
    choices: Sequence[tuple[str, Any]] = field(default=(), kw_only=True, hash=False, compare=False)

    @property
    def attributes(self) -> tuple[str, ...]:
        return ("whom",)

    def of(self, row: Any) -> str:
        return ",".join(str(each) for each in (row.whom or {}).get(self.name, ()))

    def plain(self, value: Any) -> str:
        chosen = names_of(value)
        return ", ".join(v if set(str(label)) & {",", ";"} else str(label) for v, label in self.choices if v in chosen)


rule: Resource = Resource(
    name="rule",
    model=GoalRule,
    label=_l("Rule for goals"),
    label_plural=_l("Rules for goals"),
    label_new=_l("New rule for goals"),
    icon="refresh",
    fields=(
        Text("name", _l("Name"), required=True, longest=120, hint=_l("Its goals are called so, with their period.")),
        MetricChoice("metric", _l("Figure"), required=True, example="crm.won_amount"),
        Narrowing("filters", _l("Only")),
        Choice("period", _l("Every"), choices=tuple((k, v) for k, v in labels.PERIODS.items() if k != "other"), default=lambda: "month"),
        Choice("direction", _l("Direction"), choices=tuple(labels.DIRECTIONS.items())),
        Amount("target", _l("Target"), example="12", hint=_l("Of each. Single people may have another one on the rule's page; without any, they get no goal.")),
        Amount("low", _l("At least")),
        Amount("high", _l("At most")),
        Choice("audience", _l("For"), choices=tuple(AUDIENCES.items()), default=lambda: services.MEMBERS),
        Whom("teams", _l("Teams"), choices=Rows("teams", lambda: lookups.options("admin.team")), hint=_l("None: all.")),
        Whom("roles", _l("Roles"), choices=Rows("roles", _roles), hint=_l("None: all.")),
        Whom("members", _l("People"), choices=Rows("members", lambda: lookups.options(lookups.MEMBER)), hint=_l("By name, besides those of teams and roles.")),
        Percent("weight", _l("Weight")),
        Choice("grade", _l("Kind"), choices=tuple(labels.GRADES.items())),
        Boolean("is_quota", _l("Quota"), hint=_l("What the person has to sell in the period.")),
        Lookup("objective_id", _l("Objective"), target="kpi.objective", linked=False),
        Date("starts_on", _l("From"), default=today),
        Date("ends_on", _l("Until")),
        Boolean("at_once", _l("Active at once"), default=lambda: True, hint=_l("Off: its goals are proposed some days ahead, to be agreed on.")),
        Boolean("active", _l("Active"), default=lambda: True),
    ),
    columns=("name", "metric", "filters", "period", "audience", "target", "starts_on", "ends_on", "active"),
    head=("metric", "period", "audience", "target"),
    groups=(
        (_l("What"), ("name", "metric", "filters", "period", "direction", "target", "low", "high")),
        (_l("For whom"), ("audience", "teams", "roles", "members")),
        (_l("Its goals"), ("weight", "grade", "is_quota", "objective_id", "at_once")),
        (_l("In force"), ("starts_on", "ends_on", "active")),
    ),
    filters=("metric", "period", "audience", "active"),
    views=(View("active", _l("In force"), {"active": "true"}), View("all", _l("All rules"))),
    match_keys=("name",),
    searchable=False,
    create=services.create_rule,
    update=services.change_rule,
    grants={"manager": tuple(VERBS), "rep": ()},
)
