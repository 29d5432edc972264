"""Days and times of activities: working days, what is no sensible date, and the rhythm of those that repeat."""

from __future__ import annotations

import calendar
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from app.core.clock import company_zone, local_date, noon, today
from app.core.db import utcnow
from app.core.errors import BusinessError
from app.core.i18n import _
from app.modules.crm.activities.models import FORTNIGHTLY, MONTHLY, WEEKLY

EARLIEST = date(2000, 1, 1)
DAYS_AHEAD = 731  # two years, a leap day in them
MOST_STEPS = 1200  # of a rhythm at once: a hundred years of months
WEEKS = {WEEKLY: 1, FORTNIGHTLY: 2}
WORKING_WEEK = 5  # days, from Monday


def after_working_days(day: date, days: int) -> date:
    """The day so many working days (Monday to Friday) after another; none after it is the day itself."""
    while days > 0:
        day += timedelta(days=1)
        days -= day.weekday() < WORKING_WEEK
    return day


def check_day(day: date, field: str, *, now: date | None = None) -> None:
    """Raise `BusinessError` for a day before 2000 or more than two years ahead; `now` is today, if it is known."""
    if day < EARLIEST:
        raise BusinessError(_("This date is too long ago: nothing before the year 2000, please."), field=field)
    if day > (now or today()) + timedelta(days=DAYS_AHEAD):
        raise BusinessError(_("This date is too far away: two years ahead at most, please."), field=field)


def instant(day: date, at: time) -> datetime:
    """The instant, in UTC, of a time of a day in the company's zone."""
    return datetime.combine(day, at, tzinfo=company_zone()).astimezone(UTC)


def clock_text(at: time | None) -> str | None:
    """A time of the day as it is stored: "17:30"."""
    return None if at is None else f"{at:%H:%M}"


def clock_of(given: time | str | None) -> time | None:
    """A time of the day, as such or as it is stored."""
    if isinstance(given, str):
        return time.fromisoformat(given) if given else None
    return given


def done_columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that say when something was done: as told by `done_at`, or by `done_on` and `done_time`, else now.

    A day alone stands for its noon, today for this moment. Raises `BusinessError` for the future and the far past.
    """
    now = utcnow()
    day, at, exact = values.get("done_on"), clock_of(values.get("done_time")), values.get("done_at")
    if exact is None and day is None and at is None:
        exact = now
    if exact is None:
        day = day or local_date(now)
        alone = now if day == local_date(now) else noon(day)
        exact = instant(day, at) if at is not None else alone
        field = "done_time" if at is not None and day == local_date(now) else "done_on"
    else:
        field, day = "done_on", local_date(exact)
        at = exact.astimezone(company_zone()).time()
    if exact > now or day > local_date(now):
        raise BusinessError(_("What is done cannot be in the future."), field=field)
    if day < EARLIEST:
        check_day(day, field)
    return {"done_on": day, "done_month": month_of(day), "done_time": clock_text(at), "done_at": exact}


def month_of(day: date) -> int:
    """The month of a day, as `sql_dates.month_key` gives it."""
    return day.year * 12 + day.month - 1


def hours_between(done: datetime | None, told: datetime | None) -> int | None:
    """Whole hours from an act to its record, a begun one counting as one."""
    return None if done is None or told is None else max(0, math.ceil((told - done).total_seconds() / 3600))


def in_rhythm(first: date, repeat: str, steps: int) -> date:
    """The day so many steps after the first of a series; of months that are shorter it is the last day."""
    if repeat != MONTHLY:
        return first + timedelta(weeks=WEEKS[repeat] * steps)
    months = first.year * 12 + first.month - 1 + steps
    year, month = divmod(months, 12)
    return date(year, month + 1, min(first.day, calendar.monthrange(year, month + 1)[1]))


def next_in_rhythm(first: date, repeat: str, steps: int, until: date | None, now: date) -> tuple[date, int] | None:
    """The day that follows in a series, and its number: those that have passed meanwhile are left out.

    None when the series is over.
    """
    for number in range(steps + 1, steps + 1 + MOST_STEPS):
        day = in_rhythm(first, repeat, number)
        if until and day > until:
            return None
        if day >= now:
            return day, number
    return None
