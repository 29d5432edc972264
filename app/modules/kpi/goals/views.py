"""The pages of goals: a person's own, that of one goal, its charts, and the mark that it was read."""

from __future__ import annotations

from flask import Response, url_for

from app.core.access import me, require
from app.core.clock import today
from app.core.formats import long_day
from app.core.hx import is_htmx
from app.core.registry import registry
from app.core.surfaces.record import fetch, frame_of
from app.core.web import redirect_to, render
from app.modules.kpi.blueprint import blueprint
from app.modules.kpi.goals import agreement, mine
from app.modules.kpi.goals.course import blocks_of


@blueprint.get("/", endpoint="my_goals")
@require("kpi.goal.view")
def my_goals() -> Response:
    """Where the reader's goals stand, what waits for their answer, and what their teams and the company are after."""
    return render("kpi/goals/mine.html", "kpi/goals/_mine.html", title=long_day(today(), today()), **mine.context())


@require("kpi.goal.view")
def goal_page(row_id: int) -> Response:
    """A goal with where it stands and what was said about it."""
    goal = fetch(registry.resource("kpi.goal"), row_id)
    return render("kpi/goals/goal.html", "kpi/goals/_goal.html", **frame_of(registry.resource("kpi.goal"), goal))


@blueprint.get("/goals/<int:goal_id>/course", endpoint="goal_course")
@require("kpi.goal.view")
def goal_course(goal_id: int) -> Response:
    """How a goal got where it is: its charts with their tables."""
    goal = fetch(registry.resource("kpi.goal"), goal_id)
    url = url_for("kpi.goal_record", row_id=goal_id)
    return render("kpi/goals/course.html", "kpi/goals/_course.html", goal=goal, blocks=blocks_of(goal), record_url=url)


@blueprint.post("/goals/<int:goal_id>/seen", endpoint="goal_seen")
@require("kpi.goal.view")
def goal_seen(goal_id: int) -> Response:
    """Note that the reader has read what a goal says now; the page says so by itself."""
    goal = fetch(registry.resource("kpi.goal"), goal_id)
    agreement.seen(goal, me().member_id)
    if not is_htmx():
        return redirect_to(url_for("kpi.goal_record", row_id=goal_id))
    return render("kpi/goals/_said.html")
