"""The check while a goal is filled in."""

from __future__ import annotations

from flask import Response, request, url_for

from app.core.access import require
from app.core.web import render
from app.modules.kpi.blueprint import blueprint
from app.modules.kpi.smart.asked import goal_of
from app.modules.kpi.smart.panel import panel


@blueprint.post("/goals/smart")
@require("kpi.goal.create")
def goal_smart() -> Response:
    """What the check says of a goal as its form has it so far; nothing is stored."""
    goal = goal_of(request.form)
    shown = panel(goal)
    return render("kpi/smart/check.html", "kpi/smart/_check.html", panel=shown, name=goal.name if goal else "",
                  back_url=url_for("kpi.goal_list"))  # fmt: skip
