"""The calendar as programs read it, outside the log-in: whoever knows the address sees one member's activities.

The address names the company, so that the key is looked up inside of it, behind the same walls as everything else.
"""

from __future__ import annotations

from flask import Blueprint, Response, g, request

from app.core.access import can, enter_company, public
from app.core.db import db
from app.core.i18n import _
from app.core.lifecycle import is_enabled
from app.core.limits import limiter
from app.core.models import Membership, User
from app.core.tenancy import choose_company, company_by_slug
from app.modules.crm.calendar import services
from app.modules.crm.calendar.ical import feed_of_me
from app.modules.crm.calendar.models import CalendarFeed

blueprint = Blueprint("crm_calendar", __name__)


@blueprint.get("/calendars/<slug>/<key>.ics")
@limiter.limit("60/minute")
@public
def feed(slug: str, key: str) -> Response:
    """The calendar of a key. What is unknown, was revoked, belongs to an ended membership or to a company without the
    module is 404, in one and the same sentence."""
    user_id = _holder(slug, key)
    if user_id is None or not enter_company(slug, user_id) or not can("crm.activity.view"):
        text = _("There is no calendar at this address. It may have been renewed or revoked: ask for a new address in Vendimia.")
        return Response(f"{text}\n", 404, mimetype="text/plain")
    g.language = _language(user_id)
    response = Response(feed_of_me(), mimetype="text/calendar")
    g.pop("me")  # a program is no visit of the person: no cookie remembers the company
    response.headers["Content-Disposition"] = 'inline; filename="vendimia.ics"'
    response.headers["Cache-Control"] = "private, max-age=300"
    response.add_etag()
    response.make_conditional(request)
    return response


def _holder(slug: str, key: str) -> int | None:
    """The person whose key it is."""
    company = company_by_slug(slug) if len(key) <= services.LONGEST_KEY and key.isascii() else None
    if company is None:
        return None
    choose_company(company)
    if not is_enabled("crm"):
        return None
    found = db.session.execute(
        db.select(Membership.user_id)
        .join(CalendarFeed, (CalendarFeed.member_id == Membership.id) & (CalendarFeed.company_id == Membership.company_id))
        .where(CalendarFeed.key_hash == services.digest(key))
    )
    return found.scalar_one_or_none()


def _language(user_id: int) -> str:
    user = db.session.get(User, user_id)
    return (user.language if user else None) or g.company.language
