"""The calendar pages, and the page of one's private address."""

from __future__ import annotations

from datetime import date, time

from flask import Response, current_app, g, request, url_for

from app.core.access import me, require
from app.core.errors import BusinessError
from app.core.formats import clock, day
from app.core.hx import is_htmx
from app.core.i18n import _
from app.core.registry import registry
from app.core.surfaces.form import needed_version
from app.core.surfaces.record import fetch
from app.core.web import redirect_to, render, toast
from app.modules.crm.blueprint import blueprint
from app.modules.crm.calendar import services
from app.modules.crm.calendar.pages import VIEWS, WEEK, Page, read_day
from app.modules.crm.day.whose import chosen


@blueprint.get("/calendar", endpoint="calendar")
@require("crm.activity.view")
def calendar_page() -> Response:
    """Activities by day, week or month."""
    view = request.args.get("view", WEEK)
    page = Page(view if view in VIEWS else WEEK, read_day(request.args.get("date", "")), chosen(request.args.get("who", "")))
    return render("crm/calendar/calendar.html", "crm/calendar/_calendar.html", cal=page)


@blueprint.post("/calendar/<int:activity_id>/move", endpoint="calendar_move")
@require("crm.activity.edit")
def move(activity_id: int) -> Response:
    """Put a planned activity on another day; `due_time` ("17:30") gives it another time as well."""
    activity = fetch(registry.resource("crm.activity"), activity_id, for_update=True)
    on, at = _day_of(request.form.get("due_on", "")), _time_of(request.form.get("due_time", ""))
    activity = services.move(activity, needed_version(), on, at)
    when = f"{day(on)}, {clock(activity.due_at)}" if activity.due_at else day(on)
    toast(_("%(subject)s: %(when)s", subject=activity.subject, when=when))
    if not is_htmx():
        return redirect_to(url_for("crm.calendar", date=on.isoformat()))
    return render("crm/calendar/_nothing.html", events="activities:changed")


def _day_of(text: str) -> date:
    if not text:
        raise BusinessError(_("When is it due?"), field="due_on")
    return read_day(text)


def _time_of(text: str) -> time | None:
    try:
        return time.fromisoformat(text).replace(second=0, microsecond=0, tzinfo=None) if text else None
    except ValueError:
        raise BusinessError(_("“%(given)s” is not a time of the day.", given=text[:40]), field="due_time") from None


@blueprint.get("/calendar/feed", endpoint="calendar_feed")
@require("crm.activity.view")
def feed_page() -> Response:
    """Whether the person's calendar can be read by a program, and since when; the address itself is never shown again."""
    return _feed_page()


@blueprint.post("/calendar/feed", endpoint="calendar_feed_renew")
@require("crm.activity.view")
def feed_renew() -> Response:
    """Make the address, or a new one in place of it; this answer is the one place where it can be read."""
    address = url_for("crm_calendar.feed", slug=g.company.slug, key=services.renew_feed())
    return _feed_page(current_app.config["VENDIMIA"].base_url + address)


@blueprint.post("/calendar/feed/revoke", endpoint="calendar_feed_revoke")
@require("crm.activity.view")
def feed_revoke() -> Response:
    """End the address."""
    if services.revoke_feed():
        toast(_("The calendar address was revoked: programs that use it get nothing from now on."))
    return redirect_to(url_for("crm.calendar_feed"))


def _feed_page(address: str = "") -> Response:
    return render("crm/calendar/feed.html", feed=services.feed_of(me().member_id), address=address)
