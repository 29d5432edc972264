"""Days and periods by name, such as "today" or "last-month": resolved when a list is shown, in the company's zone.

Weeks begin on Monday; quarters and years are those of the company's fiscal year. "last-7-days" are the seven days that
end today, "next-7-days" the seven that begin today.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from babel.dates import get_month_names
from flask import g

from app.core.clock import quarter_bounds, today
from app.core.formats import day
from app.core.i18n import _, _l, _n, language

FIRST_YEAR, LAST_YEAR = 1900, 2200
MOST_DAYS = 3650
NAMES = {
    "today": _l("Today"),
    "yesterday": _l("Yesterday"),
    "tomorrow": _l("Tomorrow"),
    "this-week": _l("This week"),
    "last-week": _l("Last week"),
    "next-week": _l("Next week"),
    "this-month": _l("This month"),
    "last-month": _l("Last month"),
    "next-month": _l("Next month"),
    "this-quarter": _l("This quarter"),
    "last-quarter": _l("Last quarter"),
    "next-quarter": _l("Next quarter"),
    "this-year": _l("This year"),
    "last-year": _l("Last year"),
    "next-year": _l("Next year"),
}
OFFERED = (*NAMES, "last-7-days", "last-30-days", "last-90-days", "next-7-days", "next-30-days", "next-90-days")
_COUNTED = re.compile(r"(last|next)-(\d{1,4})-days|(\d{1,4})-days-ago|in-(\d{1,4})-days")
_TURNS = {"this": 0, "last": -1, "next": 1, "today": 0, "yesterday": -1, "tomorrow": 1}


def period(text: str) -> tuple[date, date]:
    """First and last day, both inclusive, of a date ("2026-05-17") or of a period by name. Raises `ValueError`."""
    now = today()
    turn, _sep, unit = text.partition("-")
    if text in NAMES:
        return around(_moved(now, unit or "day", _TURNS[turn]), unit or "day")
    if found := _COUNTED.fullmatch(text):
        return _counted(now, *found.groups())
    exact = date.fromisoformat(text)
    if not FIRST_YEAR <= exact.year < LAST_YEAR:
        raise ValueError(text)
    return exact, exact


def around(at: date, unit: str) -> tuple[date, date]:
    """First and last day of the day, week, month, fiscal quarter or fiscal year that holds a day."""
    start = g.company.fiscal_year_start
    if unit == "week":
        monday = at - timedelta(days=at.weekday())
        return monday, monday + timedelta(days=6)
    if unit == "month":
        first = at.replace(day=1)
        return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    if unit == "quarter":
        return quarter_bounds(at, start)
    if unit == "year":
        first = date(at.year if at.month >= start else at.year - 1, start, 1)
        return first, first.replace(year=first.year + 1) - timedelta(days=1)
    return at, at


def label(text: str) -> str:
    """What people read for a date or period that `period` understands."""
    if text in NAMES:
        fiscal = text.endswith("-year") and g.company.fiscal_year_start != 1
        return _("%(period)s (fiscal)", period=NAMES[text]) if fiscal else str(NAMES[text])
    if found := _COUNTED.fullmatch(text):
        return _counted_label(*found.groups())
    return day(date.fromisoformat(text))


def names_of(first: date, unit: str) -> str:
    """The name of the month, quarter or year that begins on a day: "May 2026"."""
    months = get_month_names("wide" if unit == "month" else "abbreviated", context="stand-alone", locale=language())
    name = months[first.month]
    if unit == "month":
        return f"{name[:1].upper()}{name[1:]} {first.year}"
    last = around(first, unit)[1]
    if unit == "year":
        return str(first.year) if last.year == first.year else f"{first.year}/{last.year}"
    if g.company.fiscal_year_start == 1:
        return _("Q%(quarter)s %(year)s", quarter=last.month // 3, year=last.year)
    return f"{name} – {months[last.month]} {last.year}"


def _moved(at: date, unit: str, turns: int) -> date:
    """A day in the unit before (-1) or after (1) the one that holds `at`."""
    first, last = around(at, unit)
    one = timedelta(days=1)
    return at if turns == 0 else first - one if turns < 0 else last + one


def _counted(now: date, turn: str | None, days: str | None, ago: str | None, ahead: str | None) -> tuple[date, date]:
    count = int(days or ago or ahead or 0)
    if count > MOST_DAYS or (days and count == 0):
        raise ValueError(count)
    if turn:
        span = timedelta(days=count - 1)
        return (now - span, now) if turn == "last" else (now, now + span)
    at = now - timedelta(days=count) if ago else now + timedelta(days=count)
    return at, at


def _counted_label(turn: str | None, days: str | None, ago: str | None, ahead: str | None) -> str:
    if turn == "last":
        return _n("Last %(num)d day", "Last %(num)d days", int(days or 0))
    if turn == "next":
        return _n("Next %(num)d day", "Next %(num)d days", int(days or 0))
    if ago:
        return _n("%(num)d day ago", "%(num)d days ago", int(ago))
    return _n("In %(num)d day", "In %(num)d days", int(ahead or 0))
