"""The pipeline board and what happens to a deal there and on its page."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, request, url_for

from app.core import lookups
from app.core.access import require
from app.core.errors import BusinessError, Conflict
from app.core.forms import Form
from app.core.hx import is_htmx, wants_fragment
from app.core.i18n import _
from app.core.registry import registry
from app.core.slots import slot
from app.core.surfaces.form import differences, given_version
from app.core.surfaces.record import fetch
from app.core.web import redirect_to, render, settle, toast
from app.modules.crm import (  # noqa: F401  # gates, moves and transfers bring their own addresses
    account_tab,
    board,
    forms,
    gate_views,
    moves,
    page,
    services,
    transfer_views,
)
from app.modules.crm.answers import CHANGED, answer, columns, filters_behind, out_of_sight, shown, whole
from app.modules.crm.blueprint import blueprint
from app.modules.crm.board_filters import BoardFilters
from app.modules.crm.gates.passing import gate_at_birth
from app.modules.crm.models import OPEN, Deal, Stage
from app.modules.crm.newcomers import create_with_newcomers

blueprint.get("/accounts/<int:account_id>/deals")(account_tab.account_deals)


# The board


@blueprint.get("/board", endpoint="board")
@require("crm.deal.view")
def board_page() -> Response:
    """The board; the poll of a browser gets 304 while nothing was written since what it shows."""
    if wants_fragment() and request.headers.get("HX-PTag") == board.stamp():
        return Response(status=304)
    return render("crm/board.html", "crm/_board.html", board=board.board_of(BoardFilters.of(request.args), shown()),
                  panels=slot("crm.board.top"))


@blueprint.get("/board/columns/<int:stage_id>")
@require("crm.deal.view")
def board_more(stage_id: int) -> Response:
    """The next cards of a column."""
    filters = BoardFilters.of(request.args)
    fetch(registry.resource("crm.stage"), stage_id)
    if not wants_fragment():
        return redirect_to(filters.url())
    found, column = board.more_of(filters, stage_id, request.args.get("after", ""))
    return render("crm/_cards.html", board=found, cards=column.cards, more_url=column.more_url, page_url=column.page_url)


@blueprint.route("/board/quick", methods=["GET", "POST"])
@require("crm.deal.create")
def deal_quick() -> Response:
    """A new deal in a column: Enter creates it, and the form stays for the next one."""
    stage = services.stage_of(whole(request.values.get("stage")))
    gate = gate_at_birth(stage, {})
    if request.method == "GET":
        return _quick(stage, forms.quick_form(gate))
    form = forms.quick_form(gate, request.form)
    if not form.validate():
        return _quick(stage, form, status=422)
    try:
        deal = create_with_newcomers({**forms.values_for_move(form), "stage_id": stage.id})
    except BusinessError as error:
        form.refuse(error.field, error.message)
        return _quick(stage, form, status=422)
    filters = filters_behind()
    settle()
    if not is_htmx():
        toast(_("“%(name)s” was created.", name=deal.name))
        return redirect_to(url_for("crm.board", pipeline=stage.pipeline_id))
    found = board.heads_of(filters)
    card = board.card_of(found, deal.id)
    hidden = card is None
    toast(_("“%(name)s” was created; the filters hide it.", name=deal.name) if hidden else _("“%(name)s” was created.", name=deal.name))
    return _quick(stage, forms.quick_form(gate), board=found, deal_id=deal.id, card=card, into=stage.id,
                  touched=columns(found, stage.id))


def _quick(stage: Stage, form: Form, status: int = 200, **done: Any) -> Response:
    forms.with_cursor(forms.with_ids(form, f"quick-{stage.id}"), "name")
    return render("crm/quick.html", "crm/_quick.html", status=status, stage=stage, form=form, done=done,
                  events=CHANGED if done else None,
                  action=url_for("crm.deal_quick"), cancel_url=url_for("crm.board", pipeline=stage.pipeline_id))


# On the card


@blueprint.route("/deals/<int:deal_id>/card", methods=["GET", "POST"])
@require("crm.deal.edit")
def deal_card(deal_id: int) -> Response:
    """Amount, expected close, owner and stage of a deal, edited on its card."""
    deal = fetch(registry.resource("crm.deal"), deal_id)
    if request.method == "GET" and "cancelled" in request.args:
        return _card_again(deal)
    stages = board.stages_of(deal.pipeline_id)
    form = forms.card_form(deal, stages, request.form or None)
    if request.method == "GET":
        return _card_form(deal, stages, forms.with_cursor(form, request.args.get("focus", "amount")))
    if not form.validate():
        return _card_form(deal, stages, form, status=422)
    left, version = deal.stage_id, given_version() or abort(400)
    try:
        deal, event_id = services.change_and_tell(deal, form.values(), version)
    except Conflict:
        settle(409)
        deal = fetch(registry.resource("crm.deal"), deal_id)
        return _card_form(deal, stages, form, status=409, conflict=differences(deal, form))
    except BusinessError as error:
        form.refuse(error.field, error.message)
        return _card_form(deal, stages, form, status=422)
    if out_of_sight(deal):
        owner = lookups.labels("admin.member", [deal.owner_id]).get(deal.owner_id or 0, "")
        toast(_("“%(name)s” belongs to %(owner)s now.", name=deal.name, owner=owner))
    else:
        undo_url = url_for("crm.deal_undo", deal_id=deal.id, event=event_id) if event_id else None
        toast(_("Saved: %(name)s", name=deal.name), undo_url=undo_url)
    return answer(deal, {left, deal.stage_id}, into=deal.stage_id if left != deal.stage_id else None)


def _card_again(deal: Deal) -> Response:
    if not wants_fragment():
        return redirect_to(url_for("crm.board", pipeline=deal.pipeline_id))
    found = board.heads_of(filters_behind())
    card = board.card_of(found, deal.id)
    return render("crm/_cards.html", board=found, cards=[card] if card else [], more_url=None)


def _card_form(deal: Deal, stages: Any, form: Form, status: int = 200, conflict: Any = None) -> Response:
    if status >= 400:
        settle(status)  # what a refused change left behind must not be read, nor written
    version = deal.version if status in (200, 409) else given_version()
    shown = page.brief(deal)
    where: dict[str, Any] = {"deal_id": deal.id}
    places = [
        {"id": s.id, "name": s.name, "current": s.id == shown["stage_id"], "closing": s.type != OPEN,
         "url": url_for("crm.deal_close", deal_id=deal.id, stage_id=s.id)}
        for s in stages
    ]  # fmt: skip
    return render("crm/card_edit.html", "crm/_card_edit.html", status=status, deal=shown, version=version,
                  form=forms.with_ids(form, f"card-{shown['id']}"), action=url_for("crm.deal_card", **where),
                  cancel_url=url_for("crm.deal_card", **where, cancelled=1), conflict=conflict, stages=places,
                  move_url=url_for("crm.deal_move", **where))


# On the page of a deal


@blueprint.get("/deals/<int:deal_id>/step")
@require("crm.deal.view")
def deal_step(deal_id: int) -> Response:
    """The next step of a deal, as its head shows it."""
    deal = fetch(registry.resource("crm.deal"), deal_id)
    if not wants_fragment():
        return redirect_to(url_for("crm.deal_record", row_id=deal.id))
    return render("crm/_step.html", step=page.step_of(deal))
