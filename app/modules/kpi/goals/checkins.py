"""Checking in on a goal: how sure somebody is to reach it, and why."""

from __future__ import annotations

from flask import Response, abort, request, url_for

from app.core.access import me, require
from app.core.errors import BusinessError
from app.core.fields import Choice, LongText
from app.core.forms import Form, form_of
from app.core.i18n import _, _l
from app.core.ids import whole
from app.core.registry import registry
from app.core.surfaces.record import fetch
from app.core.web import render
from app.modules.kpi.blueprint import blueprint
from app.modules.kpi.goals import rights
from app.modules.kpi.goals.steps import answer
from app.modules.kpi.goals.telling import tell
from app.modules.kpi.models import Goal
from app.modules.kpi.progress import services

# How sure a person is, from 1 to 5: word and face.
CONFIDENCE = {
    1: (_l("Hardly any more"), "mood-cry"),
    2: (_l("Rather not"), "mood-sad"),
    3: (_l("Could go either way"), "mood-empty"),
    4: (_l("Rather yes"), "mood-smile"),
    5: (_l("Certainly"), "mood-happy"),
}
FIELDS = (
    Choice("confidence", _l("How sure are you to reach it?"), choices=tuple((str(n), word) for n, (word, _icon) in CONFIDENCE.items())),
    LongText("comment", _l("What is behind it?"), longest=services.LONGEST_COMMENT),
)


@blueprint.route("/goals/<int:goal_id>/checkin", methods=["GET", "POST"])
@require("kpi.goal.answer")
def goal_checkin(goal_id: int) -> Response:
    """Say how sure one is to reach a goal, and why."""
    goal = fetch(registry.resource("kpi.goal"), goal_id)
    form = form_of(FIELDS, request.form or None)
    if request.method == "GET":
        return _page(goal, form)
    if not rights.may_speak(goal):
        abort(403)
    if not form.validate():
        return _page(goal, form, 422)
    given = form.values()
    try:
        services.check_in(goal, me().member_id, whole(given["confidence"]), given["comment"] or "")
    except BusinessError as error:
        form.refuse(error.field, error.message)
        return _page(goal, form, 422)
    return answer(goal_id, _("Checked in on “%(name)s”.", name=goal.name))


def _page(goal: Goal, form: Form, status: int = 200) -> Response:
    return render(
        "kpi/goals/checkin.html",
        "kpi/goals/_checkin.html",
        status=status,
        goal=goal,
        form=form,
        faces=[{"value": n, "word": word, "icon": icon} for n, (word, icon) in CONFIDENCE.items()],
        told=tell([goal])[goal.id],
        action=url_for("kpi.goal_checkin", goal_id=goal.id),
        cancel_url=url_for("kpi.goal_record", row_id=goal.id),
    )
