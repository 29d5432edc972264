"""What is answered when something was done to a deal: what changed, for the page on which it was done."""

from __future__ import annotations

from urllib.parse import SplitResult, parse_qsl, urlsplit

from flask import Response, abort, request, url_for
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from app.core.db import db
from app.core.errors import BusinessError
from app.core.hx import is_htmx
from app.core.ids import whole as whole_number
from app.core.registry import registry
from app.core.surfaces.record import page_of
from app.core.web import redirect_to, render, settle
from app.modules.crm import board
from app.modules.crm.board_filters import BoardFilters
from app.modules.crm.models import Deal

CHANGED = "deals:changed"


def answer(deal: Deal, stages: set[int] | None, into: int | None = None, closes_dialog: bool = False) -> Response:
    """What changed, for the page it was done on: the card and the heads of `stages` (None: the whole board)."""
    filters, gone = filters_behind(), out_of_sight(deal)
    settle()
    if gone and not (is_htmx() and on_board()):
        return redirect_to(url_for("crm.deal_list"))
    if not is_htmx():
        return redirect_to(url_for("crm.deal_record", row_id=deal.id))
    if elsewhere(deal):
        return render("crm/_elsewhere.html", closes_dialog=closes_dialog, events="deals:changed")
    if not on_board():
        # Other pages show deals as well: they hear of the change and ask again for what they show.
        shown_here = page_of(registry.resource("crm.deal"), deal) if _page_behind().path.startswith(url_for("crm.deal_record", row_id=deal.id)) else {}
        return render("crm/_deal_again.html", closes_dialog=closes_dialog, events=CHANGED, **shown_here)
    if stages is None:
        return render("crm/_board_again.html", board=board.board_of(filters, shown()), closes_dialog=closes_dialog, events=CHANGED)
    found = board.heads_of(filters)
    return render("crm/_moved.html", board=found, deal_id=deal.id, card=board.card_of(found, deal.id), into=into,
                  touched=columns(found, *stages), closes_dialog=closes_dialog, events=CHANGED)


def out_of_sight(deal: Deal) -> bool:
    """Whether the person has given a deal to somebody whose deals they do not see."""
    return db.session.scalar(select(Deal.id).where(Deal.id == deal.id)) is None


def columns(found: board.Board, *stage_ids: int) -> list[board.BoardColumn]:
    return [c for c in found.columns if c.id in stage_ids]


def shown() -> dict[int, int]:
    """How many cards the browser shows by stage, where it is more than a page: "3:40,7:60"."""
    pairs = (part.partition(":") for part in request.values.get("shown", "").split(",")[:50])
    told = ((whole_number(stage), whole_number(n)) for stage, _colon, n in pairs)
    return {stage: n for stage, n in told if stage is not None and n is not None}


def on_board() -> bool:
    return _page_behind().path == url_for("crm.board")


def elsewhere(deal: Deal) -> bool:
    """Whether it was done neither on the board nor on the deal's page: a page that refreshes what it shows by itself."""
    behind, own = _page_behind().path, url_for("crm.deal_record", row_id=deal.id)
    return bool(behind) and not on_board() and behind != own and not behind.startswith(f"{own}/")


def filters_behind() -> BoardFilters:
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


def whole(text: str | None) -> int:
    found = whole_number(text)
    return abort(400) if found is None else found
