"""Making and ending the private address of a calendar, and reminding of what begins soon."""

from __future__ import annotations

import secrets
from datetime import date, time, timedelta
from hashlib import sha256

from sqlalchemy import delete, select, update

from app.core.access import me
from app.core.db import db, utcnow
from app.core.errors import BusinessError
from app.core.formats import clock, day
from app.core.i18n import _
from app.core.notices import notify
from app.modules.crm.activities.models import PLANNED, Activity
from app.modules.crm.activities.services import reschedule
from app.modules.crm.calendar.models import CalendarFeed
from app.modules.crm.calendar.queries import is_skipped

LONGEST_KEY = 80
OUTDATED = timedelta(hours=24)  # what a worker that stood still would remind of now helps nobody
AT_ONCE = 500


def renew_feed() -> str:
    """A new key for the calendar of the person; the one before ends. It is answered once and nobody can look it up."""
    key = secrets.token_urlsafe(32)
    feed = feed_of(me().member_id)
    if feed is None:
        feed = CalendarFeed(member_id=me().member_id)
        db.session.add(feed)
    feed.key_hash, feed.made_at = digest(key), utcnow()
    db.session.flush()
    return key


def revoke_feed() -> bool:
    """End the address of the person's calendar; False when there was none."""
    mine = delete(CalendarFeed).where(CalendarFeed.member_id == me().member_id)
    return bool(db.session.execute(mine).rowcount)  # type: ignore[attr-defined]  # of a DELETE


def feed_of(member_id: int) -> CalendarFeed | None:
    return db.session.scalar(select(CalendarFeed).where(CalendarFeed.member_id == member_id))


def digest(key: str) -> str:
    """What is kept of a key."""
    return sha256(key.encode()).hexdigest()


def move(activity: Activity, version: int | None, on: date, at: time | None) -> Activity:
    """Put a planned activity on another day, and at another time where one is given.

    A time over which the clock jumps on that day is refused: it would be kept as another one.
    """
    if at is not None and is_skipped(on, at.hour):
        raise BusinessError(_("On this day the clock jumps over %(time)s: choose another time.", time=f"{at:%H:%M}"), field="due_time")
    return reschedule(activity, version=version, due_on=on, due_time=at)


def remind() -> None:
    """Tell the owners of planned activities that are about to begin, once each. Run by the worker.

    Rows are marked in one statement that leaves their version alone: whoever is editing one is not in conflict with
    a reminder.
    """
    now = utcnow()
    due = (
        select(Activity)
        .where(Activity.state == PLANNED, Activity.remind_at <= now, Activity.reminded_at.is_(None))
        .order_by(Activity.remind_at)
        .limit(AT_ONCE)
    )
    found = db.session.scalars(due).all()
    for activity in found:
        if activity.owner_id is not None and activity.remind_at is not None and activity.remind_at > now - OUTDATED:
            _tell(activity)
    marked = update(Activity).where(Activity.id.in_([each.id for each in found]))
    db.session.execute(
        marked.values(reminded_at=now, updated_at=Activity.updated_at),
        execution_options={"synchronize_session": False},
    )


def _tell(activity: Activity) -> None:
    def sentence() -> str:
        if activity.due_at is None:
            return _("Due on %(day)s: %(subject)s", day=day(activity.due_on), subject=activity.subject)
        return _("At %(time)s: %(subject)s", time=clock(activity.due_at), subject=activity.subject)

    key = f"crm.remind:{activity.id}:{activity.remind_at:%Y%m%d%H%M}"
    notify([activity.owner_id], sentence, f"crm/activities/{activity.id}", icon="calendar-event", key=key, mail=True)  # type: ignore[list-item]  # asked before
