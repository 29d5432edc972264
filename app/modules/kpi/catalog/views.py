"""The page of all metrics, and that of each."""

from __future__ import annotations

from flask import Response, request, url_for

from app.core.access import can, require
from app.core.i18n import _
from app.core.web import render
from app.modules.kpi.blueprint import blueprint
from app.modules.kpi.catalog import registry
from app.modules.kpi.catalog.sheet import sheet
from app.modules.kpi.own.due import due

LONGEST = 200


@blueprint.get("/metrics", endpoint="registry")
@require("kpi.metric.view")
def registry_page() -> Response:
    """What metrics there are, what each means and who uses it; `q` and `module` narrow it down."""
    q, module = request.args.get("q", "")[:LONGEST].strip(), request.args.get("module", "")
    every = registry.groups()
    keys = {group.key: len(group.entries) for group in every}
    module = module if module in keys else ""
    shown = registry.groups(q, module) if q or module else every
    tabs = [(_("All metrics"), "", sum(keys.values())), *((group.label, group.key, len(group.entries)) for group in every)]
    waiting = due() if can("kpi.value.create") else []
    return render(
        "kpi/catalog/registry.html", "kpi/catalog/_registry.html",
        groups=shown, q=q, module=module, tabs=tabs, waiting=waiting, total=sum(len(group.entries) for group in shown),
        new_url=url_for("kpi.metric_new") if can("kpi.metric.create") else "",
        values_url=url_for("kpi.value_grid") if can("kpi.value.create") else "",
    )  # fmt: skip


@blueprint.get("/metrics/<metric_key>", endpoint="metric_page")
@require("kpi.metric.view")
def metric_page(metric_key: str) -> Response:
    """One metric: definition, parts, present figure, goals."""
    shown = sheet(metric_key)
    return render("kpi/catalog/metric.html", "kpi/catalog/_metric.html", sheet=shown)
