"""The pages of reports, their files, and the records behind a figure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, request, url_for

from app.core.access import require
from app.core.reports import pages
from app.core.reports.asking import Desk
from app.core.web import render
from app.modules.crm.blueprint import blueprint
from app.modules.crm.reports.catalog import REPORTS, Report

VIEW = "crm.report.view"


def _page_of(report: Report) -> Callable[[], Response]:
    @require(VIEW)
    def page() -> Response:
        desk = Desk(report.frame(request.args))
        kept: dict[str, Any] = {k: v for k, v in desk.frame.args.items() if k not in ("by", "basis", "days")}
        others = [{"label": r.label, "url": url_for(r.endpoint, **kept), "current": r is report} for r in REPORTS]
        return pages.answer(report, desk, report.content, report.later(desk), others=others)

    return page


for _report in REPORTS:
    blueprint.add_url_rule(f"/reports/{_report.name}", f"report_{_report.name}", _page_of(_report))


@blueprint.get("/reports")
@require(VIEW)
def report_list() -> Response:
    """What reports there are and what each answers."""
    shown = [{"label": r.label, "describe": r.describe, "icon": r.icon, "url": url_for(r.endpoint)} for r in REPORTS]
    return render("crm/reports/list.html", reports=shown)
