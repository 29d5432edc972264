"""The planner: the goals of a team for a period, set, proposed and activated together."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from sqlalchemy import select

from app.core.access import can, require
from app.core.clock import today
from app.core.db import db
from app.core.errors import Forbidden, NotFound
from app.core.hx import is_htmx
from app.core.i18n import _, _n
from app.core.ids import whole
from app.core.models import Team
from app.core.web import redirect_to, render, settle, toast
from app.modules.kpi.blueprint import blueprint
from app.modules.kpi.goals.labels import STATES
from app.modules.kpi.planning import checking, filling, grid, people, periods
from app.modules.kpi.planning.plan import Overtaken, Refused, Saved, save
from app.modules.kpi.planning.serving import serving
from app.modules.kpi.planning.targets import RULES
from app.modules.kpi.planning.together import Done, activate_all, propose_all


@blueprint.get("/planner")
@require("kpi.goal.agree")
def planner() -> Response:
    """The grid as it is stored."""
    chosen = _grid(request.args.getlist("metric"))
    return _page(chosen)


@blueprint.post("/planner")
@require("kpi.goal.agree")
def planner_save() -> Response:
    """What to do with the grid that was sent is in `do`: look at it again, fill a column or all, save, propose, activate."""
    asked = request.form.get("do", "")
    shown = _grid(_asked_for())
    if shown is None:
        raise NotFound(_("There is no such team."))
    grid.read(shown, request.form, grid.grid_columns(request.form))
    if asked.startswith("fill"):
        for column in shown.columns:
            if asked in ("fill", f"fill-{column.metric.id}"):
                filling.fill(shown, column)
        return _page(shown)
    if asked not in ("save", "propose", "activate"):
        return _page(shown)
    return _saved(shown, asked)


def _saved(shown: grid.Grid, asked: str) -> Response:
    """Save the grid, and let its goals take a step where one was asked for."""
    if not can("kpi.goal.create"):
        raise Forbidden(_("You may not make goals."))
    if any(cell.mistake for cell in shown.cells()) or any(column.mistake for column in shown.columns):
        return _page(shown, status=422)
    db.session.execute(select(Team.id).where(Team.id == shown.team.id).with_for_update())
    try:
        done = save(grid.wanted(shown, request.form))
        step = _step(asked, [goal.id for goal in done.goals.values()])
    except Overtaken as late:
        return _overtaken(late)
    except Refused as refused:
        refused.tell(shown)
        return _page(shown, status=422)
    _say(done, step, asked)
    again = _again(shown, step)
    if not is_htmx() and not step.held:
        return redirect_to(address(shown))
    answer = _page(again)
    answer.headers["HX-Replace-Url"] = address(shown)
    return answer


def _step(asked: str, ids: list[int]) -> Done:
    if asked == "activate":
        return activate_all(ids, request.form.get("excuse", ""))
    return propose_all(ids) if asked == "propose" else Done()


def _overtaken(late: Overtaken) -> Response:
    """What was typed, with what somebody else saved beside it; saving once more is then meant so."""
    settle(409)
    shown = _grid(_asked_for())
    assert shown is not None  # it was there a moment ago
    grid.read(shown, request.form, grid.grid_columns(request.form))
    late.tell(shown, request.form)
    return _page(shown, status=409, trouble=late.message)


def _again(shown: grid.Grid, step: Done) -> grid.Grid:
    """The grid as it is stored now, with the rules as they were, and with why some goals did not take the step."""
    again = _grid([column.metric.id for column in shown.columns])
    assert again is not None
    for new, old in zip(again.columns, shown.columns, strict=True):
        new.rule, new.amount = old.rule, old.amount
    for cell in again.cells():
        if cell.goal is not None:
            cell.held = step.held.get(cell.goal.id, "")
    return again


def _say(done: Saved, step: Done, asked: str) -> None:
    said = [text for n, text in (
        (done.made, _n("%(num)d goal made", "%(num)d goals made", done.made)),
        (done.changed, _n("%(num)d changed", "%(num)d changed", done.changed)),
        (done.gone, _n("%(num)d taken away", "%(num)d taken away", done.gone)),
        (len(step.goals) if asked == "propose" else 0, _n("%(num)d proposed", "%(num)d proposed", len(step.goals))),
        (len(step.goals) if asked == "activate" else 0, _n("%(num)d activated", "%(num)d activated", len(step.goals))),
    ) if n]  # fmt: skip
    toast(", ".join(said) + "." if said else _("Nothing has changed."))
    if step.held:
        toast(_n("%(num)d goal is held back by the check.", "%(num)d goals are held back by the check.", len(step.held)), "bad")


def _asked_for() -> list[str]:
    """The figures that a form asks for: those that it has columns of where they stand, then what was added."""
    wanted, there = request.form.getlist("metric"), grid.grid_columns(request.form)
    return [*(each for each in there if each in wanted), *(each for each in wanted if each not in there)]


def _grid(metrics: list[str]) -> grid.Grid | None:
    """The grid of the team and period that were asked for; None where there is no team to plan for."""
    known = people.teams()
    wanted = whole(request.values.get("team"))
    team = next((each for each in known if each.id == wanted), None) if wanted else people.usual_team(known)
    if team is None:
        if wanted:
            raise NotFound(_("There is no such team."))
        return None
    period = periods.period_of(request.values.get("period", ""))
    day = max(period.first, min(period.last, today()))
    return grid.made(team, people.people_of(team.id, day), period, grid.chosen_metrics(metrics), serving(period, team.id))


def _page(shown: grid.Grid | None, status: int = 200, trouble: str = "") -> Response:
    if shown is None:
        return render("kpi/planning/none.html", status=status)
    checking.look(shown)
    grid.sum_up(shown, checking.other_weights(shown))
    known = people.teams()
    return render(
        "kpi/planning/planner.html", "kpi/planning/_planner.html", status=status, grid=shown, trouble=trouble,
        teams=[(team.id, team.name) for team in known], periods=periods.offered(shown.period), rules=RULES, states=STATES,
        known=sorted(((m.id, str(m.label)) for m in grid.plannable().values()), key=lambda pair: pair[1].casefold()),
        chosen=[column.metric.id for column in shown.columns], most=grid.MOST, goal_url=url_for("kpi.goal_record", row_id=0)[:-1],
        may_save=can("kpi.goal.create"), warned=sum(bool(cell.letters) for cell in shown.cells()),
    )  # fmt: skip


def address(shown: grid.Grid) -> str:
    """The address of what a grid shows."""
    chosen: Any = [column.metric.id for column in shown.columns]
    return url_for("kpi.planner", team=shown.team.id, period=shown.period.key, metric=chosen)


