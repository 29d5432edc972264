"""The page "my day", its sections one by one, and what is done to a deal from a row."""

from __future__ import annotations

from datetime import timedelta

from flask import Response, abort, redirect, request, url_for
from sqlalchemy import select

from app.core.access import require
from app.core.clock import today
from app.core.db import db
from app.core.errors import BusinessError
from app.core.formats import day, long_day
from app.core.hx import is_htmx, wants_fragment
from app.core.i18n import _
from app.core.ids import whole
from app.core.registry import registry
from app.core.slots import slot
from app.core.surfaces.form import given_version
from app.core.surfaces.record import fetch
from app.core.web import redirect_to, render, toast
from app.modules.crm import services
from app.modules.crm.blueprint import blueprint
from app.modules.crm.day import sections
from app.modules.crm.day.whose import choices, chosen
from app.modules.crm.models import LOST, OPEN, WON, Stage

DAYS = (1, 7, 30)


@blueprint.get("/day", endpoint="day")
@require("crm.activity.view")
def my_day() -> Response:
    """What there is to do; with `section` one of its sections, alone where a fragment is asked for."""
    whose = chosen(request.args.get("who", ""))
    only = request.args.get("section", "")
    if only and only not in sections.names():
        abort(404)
    everything = request.args.get("all") == "1"
    if only and wants_fragment():
        return render("crm/day/_section.html", section=sections.section(only, whose, everything), whose=whose)
    people = [{**each, "url": url_for("crm.day", who=None if each["value"] == "me" else each["value"])} for each in choices(whose)]
    shown = sections.sections(whose, only if everything else "")
    return render("crm/day/day.html", sections=shown, whose=whose, people=people, title=long_day(today(), today()),
                  panels=slot("crm.day.panels"), only=only if everything else "", back_url=url_for("crm.day", who=whose.arg))


@blueprint.post("/day/deals/<int:deal_id>/postpone", endpoint="day_postpone")
@require("crm.deal.edit")
def postpone(deal_id: int) -> Response:
    """Put the expected close of an open deal off by some days, counted from today where it has passed."""
    deal = fetch(registry.resource("crm.deal"), deal_id)
    days, version = whole(request.form.get("days")), given_version() or abort(400)
    if days not in DAYS:
        abort(400)
    if deal.state != OPEN:
        raise BusinessError(_("This deal is closed."))
    until = max(deal.expected_close or today(), today()) + timedelta(days=days)
    deal, event_id = services.change_and_tell(deal, {"expected_close": until}, version)
    undo_url = url_for("crm.deal_undo", deal_id=deal.id, event=event_id) if event_id else None
    toast(_("%(name)s: expected close on %(day)s", name=deal.name, day=day(until)), undo_url=undo_url)
    if not is_htmx():
        return redirect_to(url_for("crm.day"))
    return render("crm/day/_nothing.html", events="deals:changed")


@blueprint.get("/deals/<int:deal_id>/end", endpoint="deal_end")
@require("crm.deal.edit")
def end(deal_id: int) -> Response:
    """The dialog that wins or loses a deal, whatever the stages of its pipeline are called."""
    deal = fetch(registry.resource("crm.deal"), deal_id)
    wanted = request.args.get("as", WON)
    stages = select(Stage.id).where(Stage.pipeline_id == deal.pipeline_id, Stage.type == wanted).order_by(Stage.position, Stage.id)
    stage_id = db.session.scalar(stages.limit(1)) if wanted in (WON, LOST) else None
    if stage_id is None or deal.stage_id == stage_id:
        abort(404)
    return redirect(url_for("crm.deal_close", deal_id=deal.id, stage_id=stage_id), 303)  # type: ignore[return-value]  # Flask's Response
