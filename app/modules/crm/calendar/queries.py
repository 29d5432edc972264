"""Activities as a calendar shows them: on a day of the company's zone, at its clock time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from flask import url_for
from sqlalchemy import ColumnElement, Row, and_, or_, select

from app.core import lookups
from app.core.clock import company_zone, noon, today
from app.core.db import db, utcnow
from app.core.formats import colour, initials
from app.modules.crm.activities.models import DONE, PLANNED, Activity
from app.modules.crm.activities.resources import ICONS
from app.modules.crm.day.whose import Whose

MOST = 1000  # activities of one page
USUAL_MINUTES = 30  # of an activity whose length nobody said
LATE = "late"
COLUMNS = (
    *(Activity.id, Activity.version, Activity.kind, Activity.subject, Activity.state, Activity.owner_id),
    *(Activity.due_on, Activity.due_at, Activity.minutes, Activity.done_on, Activity.done_at, Activity.done_time),
    Activity.account_id,
)


@dataclass(slots=True)
class Event:
    """An activity on a day. `at` is its local beginning, None when it is for the day as a whole."""

    id: int
    version: int
    kind: str
    subject: str
    state: str  # planned, late, done
    on: date
    at: datetime | None
    minutes: int
    time: str  # "10:30"; "02:30 CEST" where the clock shows it twice
    owner: dict[str, Any] | None
    account: str
    url: str

    @property
    def icon(self) -> str:
        return "check" if self.state == DONE else ICONS[self.kind]

    @property
    def movable(self) -> bool:
        return self.state != DONE


def events_between(first: date, last: date, whose: Whose) -> tuple[list[Event], bool]:
    """The events of the days from `first` to `last`, in order, and whether there were more than a page holds.

    A planned activity stands where it is due; a done one where it was due if that was the same day and had a time, else
    when it was done. Three statements.
    """
    rows = list(db.session.execute(statement(first, last, whose.takes_part()).limit(MOST + 1)))
    accounts = lookups.labels("contacts.account", {row.account_id for row in rows})
    owners = {} if whose.is_me else lookups.labels(lookups.MEMBER, {row.owner_id for row in rows})
    base = url_for("crm.activity_record", row_id=0)[:-1]
    now, day, found = utcnow(), today(), []
    for row in rows[:MOST]:
        on, at = place_of(row)
        if not first <= on <= last:
            continue
        name = owners.get(row.owner_id or 0)
        owner = {"name": name, "initials": initials(name), "colour": colour(row.owner_id)} if name else None
        late = row.state == PLANNED and (on < day or (row.due_at is not None and row.due_at < now))
        found.append(
            Event(row.id, row.version, row.kind, row.subject, LATE if late else row.state, on, at,
                  row.minutes or USUAL_MINUTES, clock_time(at), owner, accounts.get(row.account_id or 0, ""), f"{base}{row.id}")
        )  # fmt: skip
    found.sort(key=lambda e: (e.on, e.at is not None, e.at.astimezone(UTC) if e.at else None or noon(e.on), e.id))
    return found, len(rows) > MOST


def statement(first: date, last: date, whose: ColumnElement[bool], columns: tuple[Any, ...] = COLUMNS) -> Any:
    """Planned and done activities around some days, by the days they are kept under: a day more on either side, as an
    instant may fall on another day once the company's zone has changed."""
    span = (first - timedelta(days=1), last + timedelta(days=1))
    planned = and_(Activity.state == PLANNED, Activity.due_on.between(*span))
    done = and_(Activity.state == DONE, Activity.done_on.between(*span))
    return select(*columns).where(whose, or_(planned, done)).order_by(Activity.due_on, Activity.due_at, Activity.id)


def place_of(row: Row[Any] | Activity) -> tuple[date, datetime | None]:
    """The local day of an activity, and its local beginning where it has one."""
    zone = company_zone()
    due = row.due_at.astimezone(zone) if row.due_at else None
    if row.state != DONE:
        return (due.date(), due) if due else (row.due_on or today(), None)
    done_on = row.done_on or row.due_on or today()
    if due is not None and due.date() == done_on:
        return done_on, due
    if row.done_at is None or row.done_time is None:
        return done_on, None
    done = row.done_at.astimezone(zone)
    return done.date(), done


def clock_time(at: datetime | None) -> str:
    """The clock time of a local instant; on the night when the clock goes back the same time comes twice, and its
    zone tells which."""
    if at is None:
        return ""
    text = f"{at:%H:%M}"
    return f"{text} {at.tzname()}" if is_twice(at) else text


def is_twice(at: datetime) -> bool:
    """Whether the clock shows this time a second time on the same day."""
    return at.replace(fold=0).utcoffset() > at.replace(fold=1).utcoffset()  # type: ignore[operator]  # of an aware time


def is_skipped(day: date, hour: int) -> bool:
    """Whether the clock jumps over an hour of a day: the night when it goes forward."""
    there = datetime(day.year, day.month, day.day, hour, tzinfo=company_zone())
    return there.astimezone(UTC).astimezone(company_zone()).hour != hour
