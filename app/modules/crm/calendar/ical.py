"""A member's activities as an iCalendar file (RFC 5545), for calendar programs that read it again and again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import Any

from flask import current_app, g, url_for
from icalendar import Calendar, Event
from sqlalchemy import Row

from app.core import lookups
from app.core.access import me
from app.core.clock import today
from app.core.db import db
from app.core.i18n import _
from app.modules.crm.activities.models import DONE, Activity
from app.modules.crm.calendar.queries import COLUMNS, USUAL_MINUTES, place_of, statement
from app.modules.crm.day.whose import chosen

DAYS_BACK, DAYS_AHEAD = 30, 180
MOST = 5000
AGAIN = "PT1H"  # how often programs should ask again
MORE = (Activity.updated_at, Activity.created_at, Activity.note, Activity.place, Activity.deal_id, Activity.contact_id)


def feed_of_me() -> bytes:
    """The planned activities of the person and those done of late, from 30 days back to 180 ahead.

    Two feeds of the same state are the same bytes, so that a program that asks with the tag of its copy is told that
    nothing changed.
    """
    day = today()
    first, last = day - timedelta(days=DAYS_BACK), day + timedelta(days=DAYS_AHEAD)
    mine = statement(first, last, chosen("me").takes_part(), (*COLUMNS, *MORE)).limit(MOST)
    rows = [row for row in db.session.execute(mine) if first <= place_of(row)[0] <= last]
    calendar = Calendar()
    calendar.add("prodid", "-//Vendimia//CRM//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", _("%(company)s: %(name)s", company=g.company.name, name=me().name))
    calendar.add("x-wr-timezone", g.company.timezone)
    calendar.add("x-published-ttl", AGAIN)
    for event in _events(rows):
        calendar.add_component(event)
    return calendar.to_ical()


def _events(rows: Sequence[Row[Any]]) -> list[Event]:
    accounts = lookups.labels("contacts.account", {row.account_id for row in rows})
    deals = lookups.labels("crm.deal", {row.deal_id for row in rows})
    people = lookups.labels("contacts.contact", {row.contact_id for row in rows})
    base = current_app.config["VENDIMIA"].base_url + url_for("crm.activity_record", row_id=0)[:-1]
    done = _("✓ %(subject)s")
    found = []
    for row in rows:
        account = accounts.get(row.account_id or 0, "")
        title = f"{row.subject} · {account}" if account else row.subject
        told = [deals.get(row.deal_id or 0), people.get(row.contact_id or 0), row.note, f"{base}{row.id}"]
        event = _event(row, done % {"subject": title} if row.state == DONE else title)
        event.add("description", "\n".join(text for text in told if text))
        event.add("url", f"{base}{row.id}")
        found.append(event)
    return found


def _event(row: Row[Any], title: str) -> Event:
    event = Event()
    # Neither the host nor what can be edited is part of it: a program knows the event again whatever changes.
    event.add("uid", f"activity-{row.id}@{g.company.slug}.vendimia")
    event.add("dtstamp", row.updated_at)
    event.add("last-modified", row.updated_at)
    event.add("created", row.created_at)
    event.add("sequence", row.version - 1)
    event.add("summary", title)
    event.add("status", "CONFIRMED")
    event.add("categories", [row.kind.upper()])
    if row.place:
        event.add("location", row.place)
    on, at = place_of(row)
    if at is None:
        event.add("dtstart", on)
        event.add("dtend", on + timedelta(days=1))
        event.add("transp", "TRANSPARENT")
    else:
        begins = at.astimezone(UTC)
        event.add("dtstart", begins)
        event.add("dtend", begins + timedelta(minutes=row.minutes or USUAL_MINUTES))
        event.add("transp", "OPAQUE")
    return event
