"""What states, scopes, periods and the like are called."""

from __future__ import annotations

from app.core.i18n import _l
from app.modules.kpi.models import (
    ACTIVE,
    AGREED,
    BAND,
    CLOSED,
    COMPANY,
    DOWN,
    DRAFT,
    DROPPED,
    LAGGING,
    LEADING,
    MEMBER,
    MONTH,
    OTHER,
    PROPOSED,
    QUARTER,
    TEAM,
    UP,
    WEEK,
    YEAR,
)
from app.modules.kpi.progress import measure

STATES = {
    DRAFT: _l("Draft"), PROPOSED: _l("Proposed"), AGREED: _l("Agreed"), ACTIVE: _l("Active"), CLOSED: _l("Closed out"),
    DROPPED: _l("Dropped"),
}  # fmt: skip
SCOPES = {COMPANY: _l("Company"), TEAM: _l("Team"), MEMBER: _l("Person")}
PERIODS = {WEEK: _l("Week"), MONTH: _l("Month"), QUARTER: _l("Quarter"), YEAR: _l("Year"), OTHER: _l("Other days")}
CADENCES = {WEEK: _l("Every week"), MONTH: _l("Every month"), QUARTER: _l("Every quarter")}
DIRECTIONS = {UP: _l("At least"), DOWN: _l("At most"), BAND: _l("Between")}
GRADES = {LEADING: _l("Activity (leading)"), LAGGING: _l("Result (lagging)")}
STATUSES = {
    measure.ATTAINED: _l("Attained"), measure.ON_TRACK: _l("On track"), measure.AT_RISK: _l("At risk"),
    measure.OFF_TRACK: _l("Off track"), measure.MISSED: _l("Missed"), measure.WAITING: _l("Not begun"),
    measure.UNKNOWN: _l("No figure"),
}  # fmt: skip
# The look of a status: which badge it wears.
KINDS = {
    measure.ATTAINED: "ok", measure.ON_TRACK: "ok", measure.AT_RISK: "warn", measure.OFF_TRACK: "bad",
    measure.MISSED: "bad", measure.WAITING: "", measure.UNKNOWN: "",
}  # fmt: skip
# What somebody did with a goal on its way.
WORDS = {
    "proposed": _l("proposed"), "countered": _l("made another proposal"), "agreed": _l("agreed"), "activated": _l("activated it"),
    "changed": _l("changed it"), "closed": _l("closed it"), "dropped": _l("dropped it"), "reopened": _l("opened it again"),
}  # fmt: skip
