"""The pipeline board and what happens to a deal there and on its page."""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from flask import Response, abort, request, url_for
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from app.core import lookups
from app.core.access import require
from app.core.db import db
from app.core.errors import BusinessError, Conflict
from app.core.forms import Form
from app.core.hx import is_htmx, wants_fragment
from app.core.i18n import _
from app.core.ids import whole
from app.core.registry import registry
from app.core.surfaces.form import differences, given_version
from app.core.surfaces.record import fetch
from app.core.web import redirect_to, render, settle, toast
from app.modules.crm import account_tab, board, forms, page, services
from app.modules.crm.blueprint import blueprint
from app.modules.crm.board_filters import BoardFilters
from app.modules.crm.models import CLOSED, OPEN, Deal, Stage

blueprint.get("/accounts/<int:account_id>/deals")(account_tab.account_deals)


# The board


@blueprint.get("/board", endpoint="board")
@require("crm.deal.view")
def board_page() -> Response:
    """The board; the poll of a browser gets 304 while nothing was written since what it shows."""
    if wants_fragment() and request.headers.get("HX-PTag") == board.stamp():
        return Response(status=304)
    return render("crm/board.html", "crm/_board.html", board=board.board_of(BoardFilters.of(request.args), _shown()))


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
    stage = services.stage_of(_whole(request.values.get("stage")))
    if request.method == "GET":
        return _quick(stage, forms.quick_form())
    form = forms.quick_form(request.form)
    if not form.validate():
        return _quick(stage, form, status=422)
    try:
        deal = services.create_deal({**form.values(), "stage_id": stage.id})
    except BusinessError as error:
        form.refuse(error.field, error.message)
        return _quick(stage, form, status=422)
    filters = _filters_behind()
    settle()
    if not is_htmx():
        toast(_("“%(name)s” was created.", name=deal.name))
        return redirect_to(url_for("crm.board", pipeline=stage.pipeline_id))
    found = board.heads_of(filters)
    card = board.card_of(found, deal.id)
    hidden = card is None
    toast(_("“%(name)s” was created; the filters hide it.", name=deal.name) if hidden else _("“%(name)s” was created.", name=deal.name))
    return _quick(stage, forms.quick_form(), board=found, deal_id=deal.id, card=card, into=stage.id,
                  touched=_columns(found, stage.id))


def _quick(stage: Stage, form: Form, status: int = 200, **done: Any) -> Response:
    forms.with_cursor(forms.with_ids(form, f"quick-{stage.id}"), "name")
    return render("crm/quick.html", "crm/_quick.html", status=status, stage=stage, form=form, done=done,
                  action=url_for("crm.deal_quick"), cancel_url=url_for("crm.board", pipeline=stage.pipeline_id))


# Moving


@blueprint.post("/deals/<int:deal_id>/move")
@require("crm.deal.edit")
def deal_move(deal_id: int) -> Response:
    """Move a deal to the stage that is posted; a closing stage brings the fields of its dialog."""
    deal = fetch(registry.resource("crm.deal"), deal_id)
    stage = services.stage_of(_whole(request.form.get("stage_id")))
    form = forms.closing_form(deal, stage.type, request.form) if stage.type in CLOSED else None
    if form and not form.validate():
        return _dialog(deal, stage, form, status=422)
    left, version = deal.stage_id, given_version() or abort(400)
    try:
        event = services.move_deal(deal, stage, version=version, **forms.values_for_move(form))
    except Conflict as late:
        return _too_late(deal_id, stage, form, late)
    except BusinessError as error:
        if form is None:
            raise
        form.refuse(error.field, error.message)
        return _dialog(deal, stage, form, status=422)
    toast(_("%(name)s: %(stage)s", name=deal.name, stage=stage.name),
          undo_url=url_for("crm.deal_undo", deal_id=deal.id, event=event.id))
    return _answer(deal, {left, stage.id}, closes_dialog=form is not None)


@blueprint.get("/deals/<int:deal_id>/close/<int:stage_id>")
@require("crm.deal.edit")
def deal_close(deal_id: int, stage_id: int) -> Response:
    """The dialog of a stage that closes a deal."""
    deal, stage = fetch(registry.resource("crm.deal"), deal_id), services.stage_of(stage_id)
    return _dialog(deal, stage, forms.closing_form(deal, stage.type)) if stage.type in CLOSED else abort(404)


@blueprint.post("/deals/<int:deal_id>/undo")
@require("crm.deal.edit")
def deal_undo(deal_id: int) -> Response:
    """Take back one's own last move or change."""
    deal = fetch(registry.resource("crm.deal"), deal_id)
    try:
        services.undo(deal, _whole(request.args.get("event")))
    except Conflict as late:
        return _too_late(deal_id, None, None, late)
    toast(_("Undone: %(name)s", name=deal.name))
    answer = _answer(deal, None)
    # The toast that asked is gone by now, and htmx drops an answer whose own target is gone.
    answer.headers["HX-Retarget"] = "#toasts"
    return answer


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
        return _card_form(deal, stages, form, status=409, conflict=differences(None, deal, form))  # type: ignore[arg-type]
    except BusinessError as error:
        form.refuse(error.field, error.message)
        return _card_form(deal, stages, form, status=422)
    if _out_of_sight(deal):
        owner = lookups.labels("admin.member", [deal.owner_id]).get(deal.owner_id or 0, "")
        toast(_("“%(name)s” belongs to %(owner)s now.", name=deal.name, owner=owner))
    else:
        undo_url = url_for("crm.deal_undo", deal_id=deal.id, event=event_id) if event_id else None
        toast(_("Saved: %(name)s", name=deal.name), undo_url=undo_url)
    return _answer(deal, {left, deal.stage_id}, into=deal.stage_id if left != deal.stage_id else None)


def _card_again(deal: Deal) -> Response:
    if not wants_fragment():
        return redirect_to(url_for("crm.board", pipeline=deal.pipeline_id))
    found = board.heads_of(_filters_behind())
    card = board.card_of(found, deal.id)
    return render("crm/_cards.html", board=found, cards=[card] if card else [], more_url=None)


def _card_form(deal: Deal, stages: Any, form: Form, status: int = 200, conflict: Any = None) -> Response:
    if status >= 400:
        settle(status)  # what a refused change left behind must not be read, nor written
    version = deal.version if status in (200, 409) else given_version()
    shown = page.brief(deal)
    where: dict[str, Any] = {"deal_id": deal.id}
    moves = [
        {"id": s.id, "name": s.name, "current": s.id == shown["stage_id"], "closing": s.type != OPEN,
         "url": url_for("crm.deal_close", deal_id=deal.id, stage_id=s.id)}
        for s in stages
    ]  # fmt: skip
    return render("crm/card_edit.html", "crm/_card_edit.html", status=status, deal=shown, version=version,
                  form=forms.with_ids(form, f"card-{shown['id']}"), action=url_for("crm.deal_card", **where),
                  cancel_url=url_for("crm.deal_card", **where, cancelled=1), conflict=conflict, stages=moves,
                  move_url=url_for("crm.deal_move", **where))


# Answers


def _dialog(deal: Deal, stage: Stage, form: Form, status: int = 200, late: str | None = None) -> Response:
    if status >= 400:
        settle(status)
    shown, version = page.brief(deal), deal.version if status in (200, 409) else given_version()
    target = {"id": stage.id, "name": stage.name, "type": stage.type}
    return render("crm/close.html", "crm/_close.html", status=status, deal=shown, version=version, stage=target, late=late,
                  form=forms.with_ids(form, "close"), action=url_for("crm.deal_move", deal_id=deal.id),
                  cancel_url=url_for("crm.deal_record", row_id=deal.id))


def _answer(deal: Deal, stages: set[int] | None, into: int | None = None, closes_dialog: bool = False) -> Response:
    """What changed, for the page it was done on: the card and the heads of `stages` (None: the whole board)."""
    filters, gone = _filters_behind(), _out_of_sight(deal)
    settle()
    if gone and not (is_htmx() and _on_board()):
        return redirect_to(url_for("crm.deal_list"))
    if not is_htmx():
        return redirect_to(url_for("crm.deal_record", row_id=deal.id))
    if not _on_board():
        return render("crm/_deal_again.html", closes_dialog=closes_dialog, **page.context(deal))
    if stages is None:
        return render("crm/_board_again.html", board=board.board_of(filters, _shown()), closes_dialog=closes_dialog)
    found = board.heads_of(filters)
    return render("crm/_moved.html", board=found, deal_id=deal.id, card=board.card_of(found, deal.id), into=into,
                  touched=_columns(found, *stages), closes_dialog=closes_dialog)


def _too_late(deal_id: int, stage: Stage | None, form: Form | None, late: Conflict) -> Response:
    """Somebody else was first: the page as it is now and a message; what was typed into a dialog stays there."""
    settle(409)
    deal = fetch(registry.resource("crm.deal"), deal_id)
    if stage is not None and form is not None:
        now = _("It is in “%(stage)s” now. Save again to close it all the same.", stage=services.stage_of(deal.stage_id).name)
        return _dialog(deal, services.stage_of(stage.id), form, status=409, late=f"{late.message} {now}")
    toast(f"{deal.name}: {late.message}", "bad")
    if not is_htmx():
        return redirect_to(url_for("crm.deal_record", row_id=deal_id))
    if not _on_board():
        return render("crm/_deal_again.html", status=409, closes_dialog=False, **page.context(deal))
    found = board.board_of(_filters_behind(), _shown())
    answer = render("crm/_board_again.html", status=409, board=found, closes_dialog=False)
    answer.headers["HX-Retarget"] = "#toasts"
    return answer


def _out_of_sight(deal: Deal) -> bool:
    """Whether the person has given a deal to somebody whose deals they do not see."""
    return db.session.scalar(select(Deal.id).where(Deal.id == deal.id)) is None


def _columns(found: board.Board, *stage_ids: int) -> list[board.BoardColumn]:
    return [c for c in found.columns if c.id in stage_ids]


def _shown() -> dict[int, int]:
    """How many cards the browser shows by stage, where it is more than a page: "3:40,7:60"."""
    pairs = (part.partition(":") for part in request.values.get("shown", "").split(",")[:50])
    told = ((whole(stage), whole(n)) for stage, _colon, n in pairs)
    return {stage: n for stage, n in told if stage is not None and n is not None}


def _on_board() -> bool:
    return _page_behind().path == url_for("crm.board")


def _filters_behind() -> BoardFilters:
    """The filters of the board on which something was done, from the address that htmx sends along.

    None where they cannot be read: what was done is right all the same.
    """
    try:
        return BoardFilters.of(MultiDict(parse_qsl(_page_behind().query))).checked()
    except BusinessError:
        return BoardFilters()


def _page_behind() -> SplitResult:
    """The address that htmx says it was asked from; empty when it is none."""
    try:
        return urlsplit(request.headers.get("HX-Current-URL", ""))
    except ValueError:
        return urlsplit("")


def _whole(text: str | None) -> int:
    found = whole(text)
    return abort(400) if found is None else found
