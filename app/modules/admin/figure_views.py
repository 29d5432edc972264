"""The page of the records behind a figure, whichever module it comes from."""

from __future__ import annotations

from typing import Any

from flask import abort, g, request
from flask_login import current_user

from app.core.access import enter_company, signed_in
from app.core.reports import records
from app.core.reports.drilling import Drill
from app.core.web import render
from app.modules.admin.views import blueprint


@blueprint.get("/figures")
@signed_in
def figure_records() -> Any:
    """The records behind a figure: those the reader may open, what they add up to, and how many more there are.

    The metric and its records say who may see them.
    """
    if not enter_company(g.get("company_slug", ""), current_user.id):
        abort(404)
    found = Drill.of(request.args)
    if found.metric.inputs:
        return render("core/reports/inputs.html", "core/reports/inputs.html", **records.inputs(found, request.args))
    if kind := request.args.get("format"):
        return records.file(found, kind)
    return render("core/reports/drill.html", "core/reports/_drill.html", **records.context(found, request.args))
