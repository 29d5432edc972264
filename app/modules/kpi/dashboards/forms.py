"""The forms of a dashboard and of a widget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from werkzeug.datastructures import MultiDict

from app.core.dimensions import dimensions
from app.core.fields import Choice, Field, Text
from app.core.forms import Form, form_of
from app.core.i18n import _, _l
from app.core.relative_dates import label
from app.core.reports.periods import COMPARISONS, OFFERED
from app.core.surfaces.listing import teams
from app.core.tables import ME
from app.modules.kpi.dashboards import queries
from app.modules.kpi.dashboards.models import FIGURE
from app.modules.kpi.dashboards.starting import labels, starts
from app.modules.kpi.goals.fields import MetricChoice
from app.modules.kpi.goals.labels import SCOPES
from app.modules.kpi.models import COMPANY, MEMBER, TEAM
from app.modules.kpi.narrowing import FILTERS, Narrowing, kept, written

WIDTHS = (("1", _l("A quarter of the page")), ("2", _l("Half of the page")), ("3", _l("Three quarters")), ("4", _l("The whole width")))
EMPTY = "empty"
PART = ("own", FILTERS)  # the fields that say of what part a widget tells


def dashboard_form(posted: MultiDict | None, values: Mapping[str, Any], new: bool) -> Form:
    """Name, whom it is for, period and comparison; of a new one also what to begin with."""
    audiences = [(MEMBER, _("Only me")), *(((TEAM, SCOPES[TEAM]), (COMPANY, _("Everybody in the company"))) if queries.may_share() else ())]
    fields: list[Field] = [
        Text("name", _l("Name"), required=True, longest=80),
        Choice("audience", _l("For whom"), choices=audiences, required=True),
        Choice("team_id", _l("Team"), choices=[(str(team.id), team.name) for team in teams()], hint=_l("Where it is for a team.")),
        Choice("period", _l("Period"), choices=[(name, label(name)) for name in OFFERED], required=True),
        Choice("compare", _l("Compared with"), choices=list(COMPARISONS.items()), required=True),
    ]
    if new:
        begin = [(start.key, start.name) for start in starts()]
        fields.append(Choice("begin", _l("Begin with the widgets of"), choices=[*begin, (EMPTY, _("An empty page"))], required=True))
    return form_of(fields, posted, values)


def widget_form(posted: MultiDict | None, values: Mapping[str, Any]) -> Form:
    """What a widget shows, how, and of what part of it."""
    fields: list[Field] = [
        MetricChoice("metric", _l("Figure"), hint=_l("Not needed for goals and for a team.")),
        Choice("shape", _l("Shape"), choices=list(labels().items()), required=True),
        Choice("split", _l("Split by"), choices=[(d.name, d.label) for d in dimensions().values()], hint=_l("For rankings and tables.")),
        Choice("width", _l("Width"), choices=WIDTHS, required=True),
        Text("title", _l("Title"), longest=60, hint=_l("Empty: what the figure is called.")),
        Choice("own", _l("Whose"), choices=[(ME, _("Only one's own"))]),
        Narrowing(FILTERS, _l("Only")),
    ]
    return form_of(fields, posted, values)


def values_of(spec: Any) -> dict[str, Any]:
    """What the form of a widget begins with."""
    filters = dict(spec.args.get(FILTERS) or {})
    own = filters.pop("owner", None)
    return {"metric": spec.metric, "shape": spec.shape, "split": spec.split, "width": str(spec.width), "title": spec.args.get("title", ""),
            "own": own, FILTERS: written(filters)}  # fmt: skip


NEW = {"shape": FIGURE, "width": "1"}


def widget_values(form: Form) -> dict[str, Any]:
    """What a widget is to be, from its form."""
    given = form.values()
    own, title = given.pop("own"), given.pop("title")
    filters = {**kept(given.pop(FILTERS)), **({"owner": own} if own else {})}
    return {**given, "args": {**({"title": title} if title else {}), **({FILTERS: filters} if filters else {})}}
