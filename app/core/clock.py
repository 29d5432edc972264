"""Days as the company sees them. Instants are UTC; a business date is the date in the company's zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

from flask import g

from app.core.db import utcnow


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def company_zone() -> ZoneInfo:
    """The time zone of the company of this app context."""
    return zone(g.company.timezone)


def local_date(instant: datetime) -> date:
    """The date of an instant in the company's zone."""
    return instant.astimezone(company_zone()).date()


def today() -> date:
    """The date it is now in the company's zone."""
    return local_date(utcnow())


def noon(day: date) -> datetime:
    """The instant that stands for a date given without a time: noon in the company's zone, in UTC."""
    return datetime.combine(day, time(12), tzinfo=company_zone()).astimezone(UTC)


def end_of(day: date) -> datetime:
    """The last instant of a company-local day, in UTC."""
    return datetime.combine(day, time.max, tzinfo=company_zone()).astimezone(UTC)


def read_instant(text: str) -> datetime:
    """The instant, in UTC, that ISO text names: a day stands for its end, a time without zone is the company's.

    Raises `ValueError`.
    """
    try:
        if len(text) == len("2017-06-30"):
            return end_of(date.fromisoformat(text))
        value = datetime.fromisoformat(text)
        return (value if value.tzinfo else value.replace(tzinfo=company_zone())).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(text) from error


def quarter_bounds(day: date, start_month: int = 1) -> tuple[date, date]:
    """First and last day of the fiscal quarter that holds `day`."""
    months = day.year * 12 + day.month - start_month
    first = months - months % 3 + start_month - 1
    return date(first // 12, first % 12 + 1, 1), date.fromordinal(date((first + 3) // 12, (first + 3) % 12 + 1, 1).toordinal() - 1)
