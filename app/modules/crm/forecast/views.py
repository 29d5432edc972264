"""The forecast page: open deals by expected month, moved from month to month, and what the period will bring."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import abort, request, url_for
from werkzeug.datastructures import MultiDict

from app.core.access import can, require
from app.core.errors import BusinessError, Conflict
from app.core.formats import day
from app.core.hx import is_htmx
from app.core.i18n import _, _n
from app.core.ids import whole
from app.core.registry import registry
from app.core.reports.asking import Desk
from app.core.reports.frame import Frame
from app.core.surfaces.form import given_version
from app.core.surfaces.record import fetch
from app.core.web import redirect_to, render, settle, toast
from app.modules.crm import services
from app.modules.crm.blueprint import blueprint
from app.modules.crm.forecast import columns
from app.modules.crm.forecast.outlook import outlook
from app.modules.crm.forecast.slips import slips_of
from app.modules.crm.labels import CATEGORIES
from app.modules.crm.models import Deal

USUAL = "this-quarter"


@blueprint.get("/forecast")
@require("crm.deal.view")
def forecast() -> Any:
    """Columns by month with cards, and the forecast of the period."""
    return _page(Frame.of("crm.forecast", request.args, USUAL, ()))


@blueprint.post("/deals/<int:deal_id>/month")
@require("crm.deal.edit")
def deal_month(deal_id: int) -> Any:
    """Move the expected close of a deal to another month: "2026-12", or "none"."""
    deal = fetch(registry.resource("crm.deal"), deal_id)
    before = columns.column_of(deal.expected_close)
    wanted = columns.target_day(request.form.get("month", ""), deal.expected_close)
    version = given_version() or abort(400)
    try:
        deal, event_id = services.change_and_tell(deal, {"expected_close": wanted}, version)
    except Conflict as late:
        settle(409)
        toast(f"{deal.name}: {late.message}", "bad")
        return _page(_frame_behind(), status=409) if is_htmx() else redirect_to(url_for("crm.forecast"))
    undo_url = url_for("crm.forecast_undo", deal_id=deal_id, event=event_id) if event_id else None
    toast(_told(deal), undo_url=undo_url)
    settle()
    return _changed(deal_id, before, columns.column_of(wanted)) if is_htmx() else redirect_to(url_for("crm.forecast"))


@blueprint.post("/deals/<int:deal_id>/month/undo")
@require("crm.deal.edit")
def forecast_undo(deal_id: int) -> Any:
    """Take back one's own last change of a month."""
    deal = fetch(registry.resource("crm.deal"), deal_id)
    services.undo(deal, whole(request.args.get("event")) or abort(400))
    toast(_("Undone: %(name)s", name=deal.name))
    settle()
    if not is_htmx():
        return redirect_to(url_for("crm.forecast"))
    answer = _page(_frame_behind())
    # The toast that asked is gone by now, and htmx drops an answer whose own target is gone.
    answer.headers["HX-Retarget"], answer.headers["HX-Reswap"] = "#forecast", "outerMorph"
    return answer


def _told(deal: Deal) -> str:
    if deal.expected_close is None:
        return _("%(name)s has no expected close any more.", name=deal.name)
    slips = slips_of([deal.id]).get(deal.id)
    said = _("%(name)s is expected on %(day)s.", name=deal.name, day=day(deal.expected_close))
    if not slips:
        return said
    put_off = _n("Put off %(num)d time.", "Put off %(num)d times.", slips.times)
    return f"{said} {put_off}"


def _page(frame: Frame, status: int = 200) -> Any:
    desk = Desk(frame)
    found = columns.columns(frame.filters)
    columns.fill(found, frame.filters)
    return render("crm/forecast/forecast.html", "crm/forecast/_forecast.html", status=status, frame=frame, columns=found,
                  outlook=outlook(desk), desk=desk, **_common(frame))


def _changed(deal_id: int, *keys: str) -> Any:
    """The card in its new column, and the heads of both."""
    frame = _frame_behind()
    touched = columns.columns(frame.filters, keys)
    card = columns.card_of(deal_id, frame.filters)
    return render("crm/forecast/_moved.html", "crm/forecast/_moved.html", deal_id=deal_id, card=card, into=keys[-1],
                  touched=touched, outlook=outlook(Desk(frame)), frame=frame, columns=touched, **_common(frame))


def _common(frame: Frame) -> dict[str, Any]:
    months = [(c.key, c.label) for c in columns.months()]
    return {"may_edit": can("crm.deal.edit"), "categories": CATEGORIES, "months": months,
            "deals_url": url_for("crm.deal_record", row_id=0)[:-1], "chips": [c for c in frame.chips if c["name"] != "compare"]}


def _frame_behind() -> Frame:
    """The frame of the page on which something was done, from the address that htmx sends along."""
    try:
        behind = urlsplit(request.headers.get("HX-Current-URL", ""))
        return Frame.of("crm.forecast", MultiDict(parse_qsl(behind.query)), USUAL, ())
    except (ValueError, BusinessError):
        return Frame.of("crm.forecast", MultiDict(), USUAL, ())
