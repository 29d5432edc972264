"""Moving deals: from stage to stage, closing and reopening them, and into another pipeline."""

from __future__ import annotations

from flask import Response, abort, request, url_for

from app.core.access import require
from app.core.errors import BusinessError, Conflict
from app.core.forms import Form
from app.core.hx import is_htmx
from app.core.i18n import _
from app.core.registry import registry
from app.core.surfaces.form import given_version
from app.core.surfaces.record import fetch, page_of
from app.core.web import redirect_to, render, settle, toast
from app.modules.crm import board, forms, page, services
from app.modules.crm.answers import answer, elsewhere, filters_behind, on_board, shown, whole
from app.modules.crm.blueprint import blueprint
from app.modules.crm.gates import rules
from app.modules.crm.models import CLOSED, Deal, Stage


@blueprint.post("/deals/<int:deal_id>/move")
@require("crm.deal.edit")
def deal_move(deal_id: int) -> Response:
    """Move a deal to the stage that is posted; what the stage asks is answered by the fields of its dialog.

    A move that a gate refuses is answered by the dialog that asks what is missing.
    """
    deal = fetch(registry.resource("crm.deal"), deal_id)
    stage = services.stage_of(whole(request.form.get("stage_id")))
    form = None
    if stage.id != deal.stage_id and (stage.type in CLOSED or "dialog" in request.form):
        gate = rules.gate_of(stage, deal)
        form = forms.moving_form(deal, stage, gate, request.form)
        if not form.validate():
            return _dialog(deal, stage, gate, form, status=422)
    left, version = deal.stage_id, given_version() or abort(400)
    try:
        event_id = _moved(deal, stage, form, version)
    except Conflict as late:
        return _too_late(deal_id, stage, form, late)
    except rules.GateNotMet as unmet:
        if form is not None:
            form.refuse(None, unmet.message)
        return _dialog(deal, stage, unmet.gate, form or forms.moving_form(deal, stage, unmet.gate), status=422)
    except BusinessError as error:
        if form is None:
            raise
        form.refuse(error.field, error.message)
        return _dialog(deal, stage, gate, form, status=422)
    toast(_("%(name)s: %(stage)s", name=deal.name, stage=stage.name),
          undo_url=url_for("crm.deal_undo", deal_id=deal.id, event=event_id))
    # A card that waited for a dialog stands in its old column still.
    into = stage.id if form is not None and stage.type not in CLOSED else None
    return answer(deal, {left, stage.id}, into, closes_dialog=form is not None or "close" in request.form)


def _moved(deal: Deal, stage: Stage, form: Form | None, version: int) -> int:
    """Move, and answer the id of the event by which it is undone."""
    if form is None:
        return services.move_deal(deal, stage, version=version).id
    values = {**forms.values_for_move(form), "stage_id": stage.id}
    return services.change_and_tell(deal, values, version)[1] or 0


@blueprint.get("/deals/<int:deal_id>/close/<int:stage_id>")
@require("crm.deal.edit")
def deal_close(deal_id: int, stage_id: int) -> Response:
    """The dialog of a stage that closes a deal."""
    deal, stage = fetch(registry.resource("crm.deal"), deal_id), services.stage_of(stage_id)
    if stage.type not in CLOSED:
        abort(404)
    gate = rules.gate_of(stage, deal)
    return _dialog(deal, stage, gate, forms.moving_form(deal, stage, gate))


@blueprint.post("/deals/<int:deal_id>/undo")
@require("crm.deal.edit")
def deal_undo(deal_id: int) -> Response:
    """Take back one's own last move or change."""
    deal = fetch(registry.resource("crm.deal"), deal_id)
    try:
        services.undo(deal, whole(request.args.get("event")))
    except Conflict as late:
        return _too_late(deal_id, None, None, late)
    toast(_("Undone: %(name)s", name=deal.name))
    undone = answer(deal, None)
    # The toast that asked is gone by now, and htmx drops an answer whose own target is gone.
    undone.headers["HX-Retarget"] = "#toasts"
    return undone


def _dialog(deal: Deal, stage: Stage, gate: rules.Gate, form: Form, status: int = 200, late: str | None = None) -> Response:
    if status >= 400:
        settle(status)
    brief, version = page.brief(deal), deal.version if status in (200, 409) else given_version()
    target = {"id": stage.id, "name": stage.name, "type": stage.type}
    ticks = [control for control in form if control.name.startswith(forms.CHECK)]
    asked = [control for control in form if control not in ticks]
    return render("crm/close.html", "crm/_close.html", status=status, deal=brief, version=version, stage=target, late=late,
                  form=forms.with_ids(form, "close"), asked=asked, ticks=ticks, done=[c.text for c in gate.checks if c.done],
                  action=url_for("crm.deal_move", deal_id=deal.id), cancel_url=url_for("crm.deal_record", row_id=deal.id))


def _too_late(deal_id: int, stage: Stage | None, form: Form | None, late: Conflict) -> Response:
    """Somebody else was first: the page as it is now and a message; what was typed into a dialog stays there."""
    settle(409)
    deal = fetch(registry.resource("crm.deal"), deal_id)
    if stage is not None and form is not None:
        now = _("It is in “%(stage)s” now. Save again to close it all the same.", stage=services.stage_of(deal.stage_id).name)
        target = services.stage_of(stage.id)
        return _dialog(deal, target, rules.gate_of(target, deal), form, status=409, late=f"{late.message} {now}")
    toast(f"{deal.name}: {late.message}", "bad")
    if not is_htmx():
        return redirect_to(url_for("crm.deal_record", row_id=deal_id))
    if elsewhere(deal):
        return render("crm/_elsewhere.html", status=409, closes_dialog=False, events="deals:changed")
    if not on_board():
        return render("crm/_deal_again.html", status=409, closes_dialog=False, **page_of(registry.resource("crm.deal"), deal))
    found = board.board_of(filters_behind(), shown())
    answer = render("crm/_board_again.html", status=409, board=found, closes_dialog=False)
    answer.headers["HX-Retarget"] = "#toasts"
    return answer


