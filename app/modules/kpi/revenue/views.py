"""The page of revenue and its files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from flask import Response, request

from app.core.access import require
from app.core.dimensions import dimensions
from app.core.i18n import _, _l
from app.core.reports import files
from app.core.reports.asking import Desk
from app.core.reports.blocks import Content
from app.core.reports.frame import Frame
from app.core.web import render
from app.modules.kpi.blueprint import blueprint
from app.modules.kpi.revenue.content import SPLITS, USUAL, content, later
from app.modules.kpi.revenue.figures import VIEW
from app.modules.kpi.revenue.people import OPEN, WEIGHTED
from app.modules.kpi.revenue.quotas import WON

NEEDED = (WON, OPEN, WEIGHTED)


@dataclass(frozen=True)
class Report:
    """What the page is called."""

    label: Any


REPORT = Report(_l("Revenue performance"))


@blueprint.get("/revenue")
@require(VIEW)
def revenue() -> Response:
    """What was sold against quotas; where nothing is sold with this product, what to do about it."""
    desk = Desk(Frame.of("kpi.revenue", request.args, USUAL, SPLITS))
    if not desk.may(*NEEDED):
        return render("kpi/revenue/none.html", report=REPORT)
    blocks, part = later(desk), request.args.get("part")
    if part and (found := next((each for each in blocks if each.key == part), None)):
        shown: dict[str, Any] = {"report": REPORT, "block": found.make(), "notes": desk.notes(), "file_url": _file_urls(desk)}
        return render("core/reports/block.html", "core/reports/_block.html", **shown)
    made = content(desk)
    if kind := request.args.get("format"):
        return files.answer(str(REPORT.label), desk, _all(made, blocks), kind, request.args.get("table", ""))
    if "whole" in request.args:
        made, blocks = _all(made, blocks), ()
    return render("core/reports/report.html", "core/reports/_report.html", **_context(desk, made, blocks))


def _all(made: Content, blocks: Any) -> Content:
    """The page with all its blocks."""
    return replace(made, blocks=[*made.blocks, *(each.make() for each in blocks)])


def _file_urls(desk: Desk) -> dict[str, str]:
    return {kind: desk.frame.url(format=kind, table="_") for kind in (files.CSV, files.XLSX)}


def _context(desk: Desk, made: Content, blocks: Any) -> dict[str, Any]:
    frame, known = desk.frame, dimensions()
    notes, definitions = desk.notes(), [*desk.definitions(), *_explained()]
    return {
        "report": REPORT,
        "frame": frame,
        "content": made,
        "later": [{"title": each.title, "url": frame.url(part=each.key)} for each in blocks],
        "whole_url": frame.url(whole=1),
        "notes": [*made.notes, *notes],
        "definitions": definitions,
        "reports": [],
        "splits": [{"label": str(known[s].label), "url": frame.url(by=s), "current": s == frame.split} for s in frame.splits],
        "pdf_url": frame.url(format=files.PDF),
        "file_url": _file_urls(desk),
    }


def _explained() -> list[tuple[str, str]]:
    """What the page works out of figures."""
    return [
        (_("Growth"), _("This period less the base, divided by the base. What runs is compared with as many days; over a base of "
                        "nothing it is undefined.")),
        (_("Pace"), _("Amount won divided by what should be won by now: the quota times the share of its working days that are over.")),
        (_("Pipeline coverage"), _("Open, qualified deals that are to close in the period, divided by what is missing to the quota; "
                                   "undefined once it is reached.")),
        (_("Quota of a team or the company"), _("Its own quota; without one, those of its teams and people together.")),
        (_("Growth a year (CAGR)"), _("The even growth a year from the first to the last whole fiscal year of which something is known.")),
    ]  # fmt: skip
