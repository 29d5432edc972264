"""The pages of reports, their files, and the records behind a figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from flask import Response, request, url_for

from app.core.access import require
from app.core.dimensions import dimensions
from app.core.reports import files
from app.core.reports.asking import Desk
from app.core.reports.blocks import Content, Later
from app.core.web import render
from app.modules.crm.blueprint import blueprint
from app.modules.crm.reports.catalog import REPORTS, Report

VIEW = "crm.report.view"


def _page_of(report: Report) -> Callable[[], Response]:
    @require(VIEW)
    def page() -> Response:
        desk = Desk(report.frame(request.args))
        later, part = report.later(desk), request.args.get("part")
        if part and (found := next((each for each in later if each.key == part), None)):
            shown: dict[str, Any] = {"report": report, "block": found.make(), "notes": desk.notes(), "file_url": _file_urls(desk)}
            return render("core/reports/block.html", "core/reports/_block.html", **shown)
        content = report.content(desk)
        if kind := request.args.get("format"):
            content = _whole(content, later)
            return files.answer(str(report.label), desk, content, kind, request.args.get("table", ""))
        if "whole" in request.args:
            content, later = _whole(content, later), ()
        return render("core/reports/report.html", "core/reports/_report.html", **_context(report, desk, content, later))

    return page


for _report in REPORTS:
    blueprint.add_url_rule(f"/reports/{_report.name}", f"report_{_report.name}", _page_of(_report))


@blueprint.get("/reports")
@require(VIEW)
def report_list() -> Response:
    """What reports there are and what each answers."""
    shown = [{"label": r.label, "describe": r.describe, "icon": r.icon, "url": url_for(r.endpoint)} for r in REPORTS]
    return render("crm/reports/list.html", reports=shown)


def _whole(content: Content, later: Sequence[Later]) -> Content:
    """A report with all its blocks."""
    return replace(content, blocks=[*content.blocks, *(each.make() for each in later)])


def _file_urls(desk: Desk) -> dict[str, str]:
    return {kind: desk.frame.url(format=kind, table="_") for kind in (files.CSV, files.XLSX)}


def _context(report: Report, desk: Desk, content: Content, later: Sequence[Later]) -> dict[str, Any]:
    frame = desk.frame
    for metric_id in (i for each in later for i in each.ids):
        desk.metric(metric_id)  # so that it is among the definitions
    kept: dict[str, Any] = {k: v for k, v in frame.args.items() if k not in ("by", "basis", "days")}
    known = dimensions()
    return {
        "report": report,
        "frame": frame,
        "content": content,
        "later": [{"title": each.title, "url": frame.url(part=each.key)} for each in later],
        "whole_url": frame.url(whole=1),
        "notes": [*content.notes, *desk.notes()],
        "definitions": desk.definitions(),
        "reports": [{"label": r.label, "url": url_for(r.endpoint, **kept), "current": r is report} for r in REPORTS],
        "splits": [{"label": str(known[s].label), "url": frame.url(by=s), "current": s == frame.split} for s in frame.splits],
        "pdf_url": frame.url(format=files.PDF),
        "file_url": _file_urls(desk),
    }
