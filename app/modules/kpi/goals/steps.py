"""The steps on the way of a goal: propose, answer, activate, close, drop. Each asks in a dialog what it needs to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response, abort, request, url_for

from app.core import lookups
from app.core.access import require
from app.core.errors import BusinessError, Conflict
from app.core.fields import Date, Field, LongText
from app.core.forms import Form, form_of
from app.core.hx import is_htmx
from app.core.i18n import _, _l
from app.core.registry import registry
from app.core.surfaces.form import given_version, needed_version
from app.core.surfaces.record import fetch
from app.core.web import redirect_to, render, toast
from app.modules.kpi.blueprint import blueprint
from app.modules.kpi.goals import agreement, rights
from app.modules.kpi.goals.asked import last_offers
from app.modules.kpi.goals.telling import target_of
from app.modules.kpi.models import BAND, Goal
from app.modules.kpi.quantities import Amount, Quantity, unit_of
from app.modules.kpi.smart.check import check
from app.modules.kpi.smart.findings import BLOCK

CHANGED = {"goals:changed": {"target": "body"}}  # what asked may be gone: its dialog closes
LONGEST = 2000


@dataclass(frozen=True)
class Step:
    """A step: who may take it, what it asks, and what is done with the answers."""

    name: str
    title: Any
    submit: Any
    done: Any
    allowed: Callable[[Goal], bool]
    run: Callable[[Goal, Mapping[str, Any], int], Goal]
    fields: Sequence[Field] = ()
    hint: Any = ""
    icon: str = "check"
    checks: bool = False  # shows what the check says, and asks why the goal is good all the same
    kind: str = "btn-primary"


def _words(name: str, label: Any, required: bool = False) -> LongText:
    return LongText(name, label, longest=LONGEST, required=required)


def _may_accept(goal: Goal) -> bool:
    return rights.may_accept(goal, last_offers([goal.id]).get(goal.id))


PROPOSE = Step(
    "propose", _l("Propose the goal"), _l("Propose"), _l("“%(name)s” was proposed."), rights.may_propose,
    lambda goal, given, version: agreement.propose(goal, given["text"] or "", version), (_words("text", _l("Message")),),
    _l("Whose goal it is can agree, or propose another target or day."), "send",
)  # fmt: skip
COUNTER = Step(
    "counter", _l("Another proposal"), _l("Propose this"), _l("Your proposal for “%(name)s” was sent."), rights.may_answer,
    lambda goal, given, version: agreement.counter(goal, given.get("target"), given["last_day"], given["text"] or "", version),
    (Amount("target", _l("Target")), Date("last_day", _l("Until")), _words("text", _l("Why?"))),
    _l("What would be right, in your view? The other side sees both."), "message-reply",
)  # fmt: skip
ACCEPT = Step(
    "accept", _l("Agree on the goal"), _l("Agree"), _l("“%(name)s” is agreed on."), _may_accept,
    lambda goal, _given, version: agreement.accept(goal, version),
)  # fmt: skip
ACTIVATE = Step(
    "activate", _l("Activate the goal"), _l("Activate"), _l("“%(name)s” runs."), rights.may_activate,
    lambda goal, given, version: agreement.activate(goal, given.get("excuse"), version),
    (_words("excuse", _l("Why is it good all the same?")),),
    _l("From now on what it says is frozen: another target or day is a new edition with a reason."), "player-play", checks=True,
)  # fmt: skip
CLOSE = Step(
    "close", _l("Close the goal"), _l("Close it"), _l("“%(name)s” is closed."), rights.may_close,
    lambda goal, _given, version: agreement.close(goal, version), (),
    _l("It is closed with what was reached."), "flag",
)  # fmt: skip
DROP = Step(
    "drop", _l("Drop the goal"), _l("Drop it"), _l("“%(name)s” was dropped."), rights.may_drop,
    lambda goal, given, version: agreement.drop(goal, given["text"] or "", version), (_words("text", _l("Why?"), required=True),),
    _l("It counts no longer, and stays with the reason."), "circle-x", kind="v-btn-bad",
)  # fmt: skip


@blueprint.route("/goals/<int:goal_id>/propose", methods=["GET", "POST"])
@require("kpi.goal.agree")
def goal_propose(goal_id: int) -> Response:
    """Put a draft to whom it belongs."""
    return _step(PROPOSE, goal_id)


@blueprint.route("/goals/<int:goal_id>/counter", methods=["GET", "POST"])
@require("kpi.goal.answer")
def goal_counter(goal_id: int) -> Response:
    """Answer a proposal with another target or day."""
    return _step(COUNTER, goal_id)


@blueprint.route("/goals/<int:goal_id>/accept", methods=["GET", "POST"])
@require("kpi.goal.answer")
def goal_accept(goal_id: int) -> Response:
    """Agree on what was proposed last."""
    return _step(ACCEPT, goal_id)


@blueprint.route("/goals/<int:goal_id>/activate", methods=["GET", "POST"])
@require("kpi.goal.agree")
def goal_activate(goal_id: int) -> Response:
    """Let a goal run, once the check has nothing against it or somebody says why it is good all the same."""
    return _step(ACTIVATE, goal_id)


@blueprint.route("/goals/<int:goal_id>/close", methods=["GET", "POST"])
@require("kpi.goal.agree")
def goal_close(goal_id: int) -> Response:
    """Close a goal with what was reached."""
    return _step(CLOSE, goal_id)


@blueprint.route("/goals/<int:goal_id>/drop", methods=["GET", "POST"])
@require("kpi.goal.agree")
def goal_drop(goal_id: int) -> Response:
    """Give a goal up, with the reason."""
    return _step(DROP, goal_id)


def _step(step: Step, goal_id: int) -> Response:
    goal = fetch(registry.resource("kpi.goal"), goal_id)
    if request.method == "GET":
        return _page(step, goal, form_of(_fields(step, goal), None, _begun(step, goal)))
    if not step.allowed(goal):
        return _refused(goal)
    form = form_of(_fields(step, goal), request.form, _begun(step, goal))
    if not form.validate():
        return _page(step, goal, form, 422)
    name = goal.name
    try:
        step.run(goal, form.values(), needed_version())
    except BusinessError as error:
        form.refuse(error.field, error.message)
        return _page(step, goal, form, 422)
    except Conflict as error:
        return _page(step, fetch(registry.resource("kpi.goal"), goal_id), form, 409, error.message)
    return answer(goal_id, str(step.done) % {"name": name})


def _refused(goal: Goal) -> Response:
    """Whose turn it is not, or who may not, is told so; what is not there any more has moved on meanwhile."""
    if not rights.may_speak(goal):
        abort(403)
    raise BusinessError(_("The goal is not where this can be done any more. Look at it again."))


def answer(goal_id: int, text: str) -> Response:
    """Said in a toast; pages that show goals look again. Who has no scripts gets the page of the goal."""
    toast(text)
    if not is_htmx():
        return redirect_to(url_for("kpi.goal_record", row_id=goal_id))
    return render("kpi/goals/_said.html", events=CHANGED)


def _fields(step: Step, goal: Goal) -> list[Field]:
    """What the step asks: a band has no target to propose another for."""
    return [f for f in step.fields if f.name != "target" or goal.direction != BAND]


def _begun(step: Step, goal: Goal) -> dict[str, Any]:
    """What the form opens with: what lies on the table."""
    if step is not COUNTER:
        return {"excuse": goal.excuse} if step.checks else {}
    word = last_offers([goal.id]).get(goal.id)
    target = word.target if word and word.target is not None else goal.target
    unit = unit_of(goal.metric)
    return {
        "target": None if target is None else Quantity(target, unit, goal.currency if unit == "money" else None),
        "last_day": word.last_day if word and word.last_day else goal.last_day,
    }


def _page(step: Step, goal: Goal, form: Form, status: int = 200, late: str = "") -> Response:
    findings = check([goal]).get(goal.id, []) if step.checks else []
    blocked = any(f.severity == BLOCK for f in findings)
    shown = [form[f.name] for f in _fields(step, goal) if f.name != "excuse" or (findings and not blocked)]
    person = lookups.labels(lookups.MEMBER, [goal.owner_id]).get(goal.owner_id or 0, "")
    return render(
        "kpi/goals/step.html",
        "kpi/goals/_step.html",
        status=status,
        step=step,
        form=form,
        fields=shown,
        goal=goal,
        about=" · ".join(each for each in (person, target_of(goal)) if each),
        findings=findings,
        blocked=blocked,
        late=late,
        version=goal.version if late or status == 200 else given_version(),
        action=url_for(f"kpi.goal_{step.name}", goal_id=goal.id),
        cancel_url=url_for("kpi.goal_record", row_id=goal.id),
    )
