"""The forms of a dashboard and of a widget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from werkzeug.datastructures import MultiDict

from app.core.access import can
from app.core.dimensions import dimensions
from app.core.fields import Choice, Field, Text
from app.core.forms import Form, form_of
from app.core.i18n import _, _l
from app.core.metrics import metrics
from app.core.relative_dates import label
from app.core.reports.periods import COMPARISONS, OFFERED
from app.core.surfaces.listing import teams
from app.core.tables import ME, NONE
from app.modules.kpi.dashboards import queries
from app.modules.kpi.dashboards.models import FIGURE
from app.modules.kpi.dashboards.starting import labels, starts
from app.modules.kpi.goals.labels import SCOPES
from app.modules.kpi.models import COMPANY, MEMBER, TEAM

WIDTHS = (("1", _l("A quarter of the page")), ("2", _l("Half of the page")), ("3", _l("Three quarters")), ("4", _l("The whole width")))
EMPTY = "empty"


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
    known = sorted(((m.id, str(m.label)) for m in metrics().values() if can(m.permission)), key=lambda pair: pair[1].casefold())
    fields: list[Field] = [
        Choice("metric", _l("Figure"), choices=known, hint=_l("Not needed for goals and for a team.")),
        Choice("shape", _l("Shape"), choices=list(labels().items()), required=True),
        Choice("split", _l("Split by"), choices=[(d.name, d.label) for d in dimensions().values()], hint=_l("For rankings and tables.")),
        Choice("width", _l("Width"), choices=WIDTHS, required=True),
        Text("title", _l("Title"), longest=60, hint=_l("Empty: what the figure is called.")),
        *_filters(),
    ]
    return form_of(fields, posted, values)


def _filters() -> list[Field]:
    return [Choice(f"only_{name}", str(dimensions()[name].label), choices=options) for name, options in filter_options().items()]


def filter_options() -> dict[str, list[tuple[str, str]]]:
    """What a widget can be narrowed down by: dimension -> keys with their names."""
    found = {"owner": [(ME, _("Only one's own"))]}
    for each in dimensions().values():
        options = [(str(key), str(text)) for key, text in each.options()] if each.options else []
        if options:
            found[each.name] = [*([(NONE, _("None"))] if each.may_lack else []), *options]
    return found


def values_of(spec: Any) -> dict[str, Any]:
    """What the form of a widget begins with."""
    filters = spec.args.get("filters") or {}
    told = {f"only_{name}": NONE if key is None else str(key) for name, key in filters.items()}
    return {"metric": spec.metric, "shape": spec.shape, "split": spec.split, "width": str(spec.width), "title": spec.args.get("title", ""), **told}


NEW = {"shape": FIGURE, "width": "1"}


def widget_values(form: Form) -> dict[str, Any]:
    """What a widget is to be, from its form."""
    given, known = form.values(), dimensions()
    filters = {}
    for name in filter_options():
        if text := given.pop(f"only_{name}", None):
            filters[name] = None if text == NONE else text if text == ME or known[name].worded else int(text)
    title = given.pop("title", None)
    return {**given, "args": {**({"title": title} if title else {}), **({"filters": filters} if filters else {})}}
