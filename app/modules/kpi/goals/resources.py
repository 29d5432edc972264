"""Goals as a resource: their fields and lists."""

from __future__ import annotations

from app.core.changelog import actor_id
from app.core.fields import Boolean, Choice, Date, LongText, Percent, Text
from app.core.i18n import _l
from app.core.lookups import Lookup
from app.core.resource import VERBS, Page, Resource, View
from app.modules.kpi.goals import forms, labels, page, services, views
from app.modules.kpi.goals.fields import Aim, Measured, MetricChoice, Reason, Usual
from app.modules.kpi.models import (
    ACTIVE,
    CLOSED,
    COMPANY,
    DRAFT,
    MEMBER,
    MONTH,
    PROPOSED,
    QUARTER,
    TEAM,
    Goal,
)
from app.modules.kpi.narrowing import Narrowing
from app.modules.kpi.quantities import Amount

goal = Resource(
    name="goal",
    model=Goal,
    label=_l("Goal"),
    label_plural=_l("Goals"),
    label_new=_l("New goal"),
    icon="target-arrow",
    fields=(
        Text("name", _l("Goal"), required=True, longest=160, hint=_l("In a sentence: what will be so by when.")),
        MetricChoice("metric", _l("Figure"), required=True, example="crm.won_amount"),
        Narrowing("filters", _l("Only")),
        Measured("measure", _l("Measured by"), editable=False, importable=False, exportable=False),
        Choice("scope", _l("About"), choices=tuple(labels.SCOPES.items()), default=lambda: MEMBER),
        Lookup("owner_id", _l("Owner"), target="admin.member", default=actor_id),
        Lookup("team_id", _l("Team"), target="admin.team", linked=False),
        Choice("period", _l("Period"), choices=tuple(labels.PERIODS.items()), default=lambda: QUARTER),
        Date("first_day", _l("From")),
        Date("last_day", _l("Until")),
        Usual("direction", _l("Direction"), choices=tuple(labels.DIRECTIONS.items())),
        Amount("target", _l("Target"), example="180000"),
        Aim("aim", _l("Target or band"), editable=False, importable=False, exportable=False),
        Amount("low", _l("At least")),
        Amount("high", _l("At most")),
        Amount("baseline", _l("Baseline"), editable=False, importable=False),
        Percent("weight", _l("Weight")),
        Usual("grade", _l("Kind"), choices=tuple(labels.GRADES.items())),
        Boolean("is_quota", _l("Quota"), hint=_l("What the person has to sell in the period.")),
        Choice("cadence", _l("Check-in"), choices=tuple(labels.CADENCES.items()), default=lambda: MONTH),
        Date("review_on", _l("Milestone"), hint=_l("The day on which it is looked at on the way.")),
        Lookup("parent_id", _l("Serves the goal"), target="kpi.goal"),
        Lookup("objective_id", _l("Objective"), target="kpi.objective", linked=False),
        LongText("note", _l("Note")),
        Choice("state", _l("State"), choices=tuple(labels.STATES.items()), editable=False, importable=False),
        Text("external_id", _l("Reference"), longest=120, hint=_l("The goal's number in another system.")),
        Reason("reason", _l("Why is it changed?"), longest=2000, creatable=False, exportable=False,
               hint=_l("A goal that runs is changed with a reason, which everybody concerned reads.")),
    ),
    columns=("name", "owner_id", "measure", "aim", "last_day", "state"),
    head=("metric", "target", "owner_id", "last_day"),
    groups=(
        (_l("Specific"), ("name", "scope", "owner_id", "team_id")),
        (_l("Measurable"), ("metric", "direction", "target", "low", "high", "baseline")),
        (_l("Relevant"), ("parent_id", "objective_id", "weight", "grade", "is_quota")),
        (_l("In time"), ("period", "first_day", "last_day", "review_on", "cadence")),
        (_l("More"), ("note", "external_id")),
    ),
    filters=("owner_id", "scope", "metric", "state", "period", "first_day", "last_day", "is_quota", "objective_id"),
    views=(
        View("active", _l("Active goals"), {"state": ACTIVE}),
        View("open", _l("To be agreed on"), {"state": PROPOSED}),
        View("drafts", _l("Drafts"), {"state": DRAFT}),
        View("company", _l("Of the company"), {"scope": COMPANY}),
        View("teams", _l("Of the teams"), {"scope": TEAM}),
        View("closed", _l("Closed goals"), {"state": CLOSED}),
        View("all", _l("All goals")),
    ),
    sort="-last_day",
    team_column="team_id",
    match_keys=("external_id", "name"),
    create=services.create_goal,
    update=services.change_goal,
    bulk=services.bulk_goals,
    page=Page(template="kpi/goals/goal.html", fragment="kpi/goals/_goal.html", context=page.context),
    surfaces={"record": views.goal_page, "new": forms.goal_new, "edit": forms.goal_edit},
    grants={"manager": tuple(VERBS), "rep": ("view", "export")},
)
