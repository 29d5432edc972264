"""Panels of goals for the board and the day of the CRM: each loads by itself, and again when a deal or an activity changed."""

from __future__ import annotations

from flask import Response, url_for

from app.core.access import require
from app.core.web import render
from app.modules.kpi.blueprint import blueprint
from app.modules.kpi.slots import bars


@blueprint.get("/board", endpoint="board_goals")
@require("kpi.goal.view")
def board_goals() -> Response:
    """The reader's goals that the deals of the board move, as one strip."""
    return render("kpi/slots/board.html", "kpi/slots/_board.html", url=url_for("kpi.board_goals"), **bars.of_board())


@blueprint.get("/day", endpoint="day_goals")
@require("kpi.goal.view")
def day_goals() -> Response:
    """The reader's goals that a day's work moves, as a panel."""
    return render("kpi/slots/day.html", "kpi/slots/_day.html", url=url_for("kpi.day_goals"), **bars.of_day())
