"""The page of revenue and its files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Response, request

from app.core.access import require
from app.core.i18n import _, _l
from app.core.reports import pages
from app.core.reports.asking import Desk
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
    return pages.answer(REPORT, desk, content, later(desk), explained=_explained())


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
