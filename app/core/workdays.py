"""Working days: Monday to Friday, but for the company's holidays."""

from __future__ import annotations

from datetime import date

from flask import g
from sqlalchemy import select

from app.core.db import db
from app.core.models import Holiday

WORKING_WEEK = 5  # days, from Monday
WEEK = 7


def holidays() -> frozenset[date]:
    """The company's holidays that fall on a day from Monday to Friday, read once per app context."""
    if "holidays" not in g:
        days = db.session.scalars(select(Holiday.day), execution_options={"all_rows": True})
        g.holidays = frozenset(day for day in days if day.weekday() < WORKING_WEEK)
    return g.holidays


def working_days(first: date, last: date) -> int:
    """How many working days there are from one day to another, both inclusive; 0 when they are the wrong way round."""
    if last < first:
        return 0
    weeks, rest = divmod((last - first).days + 1, WEEK)
    days = weeks * WORKING_WEEK + sum((first.weekday() + n) % WEEK < WORKING_WEEK for n in range(rest))
    return days - sum(first <= day <= last for day in holidays())


def is_working_day(day: date) -> bool:
    return day.weekday() < WORKING_WEEK and day not in holidays()
