"""The page on which a goal is shared out."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for

from app.core.access import can, require
from app.core.errors import BusinessError, Forbidden
from app.core.hx import is_htmx
from app.core.i18n import _, _n
from app.core.registry import registry
from app.core.surfaces.record import fetch
from app.core.web import redirect_to, render, settle, toast
from app.modules.kpi.blueprint import blueprint
from app.modules.kpi.goals.services import locked
from app.modules.kpi.models import Goal
from app.modules.kpi.planning import checking, filling, grid, sharing
from app.modules.kpi.planning.plan import Overtaken, Refused, save
from app.modules.kpi.planning.targets import RULES
from app.modules.kpi.quantities import shown, unit_of


@blueprint.route("/goals/<int:goal_id>/share", methods=["GET", "POST"])
@require("kpi.goal.agree")
def goal_share(goal_id: int) -> Response:
    """The parts of a goal: who or when, what was before, and a target for each. What to do is in `do`: look at it again,
    fill by the rule, save the parts as goals, or let the pace follow them (`curve`)."""
    goal: Goal = fetch(registry.resource("kpi.goal"), goal_id)
    if request.method == "GET" and is_htmx() and "drawer" in (request.htmx.target or ""):  # type: ignore[attr-defined]  # htmx-flask
        return redirect_to(url_for("kpi.goal_share", goal_id=goal.id, to=request.args.get("to")))  # too wide for the drawer
    way = _way(goal)
    if not way:
        return render("kpi/planning/no_share.html", goal=goal, goal_url=url_for("kpi.goal_record", row_id=goal.id))
    parts = sharing.shares(goal, way)
    if request.method == "GET":
        return _page(goal, way, parts)
    grid.read(parts, request.form, grid.grid_columns(request.form))
    asked = request.form.get("do", "")
    if asked == "fill":
        filling.fill(parts, parts.columns[0])
    if asked in ("save", "curve"):
        return _saved(goal, way, parts, asked)
    return _page(goal, way, parts)


def _way(goal: Goal) -> str:
    known = sharing.ways(goal)
    wanted = request.values.get("to", "")
    return wanted if wanted in known else known[0] if known else ""


def _saved(goal: Goal, way: str, parts: grid.Grid, asked: str) -> Response:
    if any(cell.mistake for cell in parts.cells()) or parts.columns[0].mistake:
        return _page(goal, way, parts, status=422)
    locked(goal, None)
    try:
        said = _curve(goal, parts) if asked == "curve" else _goals(goal, parts)
    except Overtaken as late:
        settle(409)
        return _overtaken(goal, way, late)
    except Refused as refused:
        refused.tell(parts)
        return _page(goal, way, parts, status=422)
    except BusinessError as error:
        return _page(goal, way, parts, status=422, trouble=error.message)
    toast(said)
    return redirect_to(url_for("kpi.goal_record", row_id=goal.id))


def _goals(goal: Goal, parts: grid.Grid) -> str:
    if not can("kpi.goal.create"):
        raise Forbidden(_("You may not make goals."))
    wanted = grid.wanted(parts, request.form)
    done = save([grid.with_more(each, sharing.defaults(goal)) for each in wanted])
    return _n("The goal has %(num)d part.", "The goal has %(num)d parts.", len(done.goals))


def _curve(goal: Goal, parts: grid.Grid) -> str:
    sharing.keep_curve(goal, sharing.curve_of(parts), request.form.get("reason", ""))
    return _("The pace of the goal follows the shares of its months.")


def _overtaken(goal: Goal, way: str, late: Overtaken) -> Response:
    parts = sharing.shares(goal, way)
    grid.read(parts, request.form, grid.grid_columns(request.form))
    late.tell(parts, request.form)
    return _page(goal, way, parts, status=409, trouble=late.message)


def _page(goal: Goal, way: str, parts: grid.Grid, status: int = 200, trouble: str = "") -> Response:
    checking.look(parts)
    grid.sum_up(parts, {})
    column: Any = parts.columns[0]
    known = [key for key in RULES if column.adds_up or way in sharing.KINDS or key not in ("share", "share_last", "equal")]
    if way in sharing.KINDS:
        known = [key for key in known if key not in ("last", "share_last")]
    here = url_for("kpi.goal_share", goal_id=goal.id)
    return render(
        "kpi/planning/share.html", "kpi/planning/_share.html", status=status, goal=goal, way=way, parts=parts, column=column,
        trouble=trouble, here=here, ways=[(key, sharing.WAYS[key], f"{here}?to={key}") for key in sharing.ways(goal)],
        rules=[(key, RULES[key]) for key in known], goal_url=url_for("kpi.goal_record", row_id=0)[:-1],
        target=shown(goal.target, unit_of(goal.metric), goal.currency), in_time=way in sharing.KINDS,
        may_curve=way == sharing.MONTHS, running=goal.state == "active" and not goal.retrospective,
    )  # fmt: skip
