"""Noting what is to be done for a goal, and ticking it off."""

from __future__ import annotations

from flask import Response, abort, request, url_for

from app.core.access import me, require
from app.core.errors import BusinessError, Conflict
from app.core.forms import form_of
from app.core.hx import is_htmx
from app.core.i18n import _
from app.core.registry import registry
from app.core.surfaces.form import needed_version
from app.core.surfaces.record import fetch
from app.core.web import redirect_to, render, toast
from app.modules.kpi.blueprint import blueprint
from app.modules.kpi.goals import rights
from app.modules.kpi.progress import services
from app.modules.kpi.progress.resources import action as resource

CHANGED = {"actions:changed": {"target": "body"}}
ASKED = ("text", "owner_id", "due_on")


@blueprint.post("/goals/<int:goal_id>/actions")
@require("kpi.action.create")
def goal_action_add(goal_id: int) -> Response:
    """Note something to do for a goal."""
    goal = fetch(registry.resource("kpi.goal"), goal_id)
    if not rights.may_speak(goal):
        abort(403)
    form = form_of([resource.field(name) for name in ASKED], request.form, {"owner_id": me().member_id})
    try:
        if form.validate():
            given = form.values()
            services.create_action({**given, "goal_id": goal.id, "owner_id": given["owner_id"] or me().member_id})
            return _answer(goal_id, _("Noted."))
    except BusinessError as error:
        form.refuse(error.field, error.message)
    return render("kpi/goals/action_new.html", "kpi/goals/_action_new.html", status=422, form=form,
                  action=url_for("kpi.goal_action_add", goal_id=goal_id), goal=goal)  # fmt: skip


@blueprint.post("/actions/<int:action_id>/done")
@require("kpi.action.edit")
def action_done(action_id: int) -> Response:
    """Mark something as done, or as open again (`done=0`)."""
    row = fetch(resource, action_id, for_update=True)
    goal_id, done = row.goal_id, request.form.get("done") != "0"
    try:
        services.tick(row, done, needed_version())
    except Conflict as error:
        toast(error.message, "bad")
    return _answer(goal_id, _("Done.") if done else _("Open again."))


def _answer(goal_id: int, text: str) -> Response:
    """Pages that show actions look again; who has no scripts goes back to their goals."""
    toast(text)
    if not is_htmx():
        return redirect_to(url_for("kpi.my_goals") if request.form.get("back") else url_for("kpi.goal_record", row_id=goal_id))
    return render("kpi/goals/_said.html", events=CHANGED)
