"""Working days: counted against a calendar gone through day by day, with holidays."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from flask import g

from app.core.models import Holiday
from app.core.workdays import is_working_day, working_days
from tests.modules.crm.making import statements

HOLIDAYS = (date(2026, 1, 1), date(2026, 1, 6), date(2026, 5, 1), date(2026, 8, 15), date(2026, 12, 25))  # August 15 is a Saturday


def _plainly(first: date, last: date) -> int:
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return sum(day.weekday() < 5 and day not in HOLIDAYS for day in days)


def test_working_days_are_those_of_the_calendar(one) -> None:
    chance = Random(4)
    with one as session:
        session.add_all(Holiday(day=day, name=day.isoformat()) for day in HOLIDAYS)
        session.flush()
        for _turn in range(300):
            first = date(2025, 11, 1) + timedelta(days=chance.randrange(400))
            last = first + timedelta(days=chance.randrange(-5, 200))
            assert working_days(first, last) == _plainly(first, last), (first, last)


def test_single_days_and_spans_without_working_days(one) -> None:
    with one as session:
        session.add_all(Holiday(day=day, name=day.isoformat()) for day in HOLIDAYS)
        session.flush()
        assert [is_working_day(date(2026, 1, day)) for day in range(1, 8)] == [False, True, False, False, True, False, True]
        assert working_days(date(2026, 5, 1), date(2026, 5, 1)) == 0
        assert working_days(date(2026, 5, 2), date(2026, 5, 1)) == 0


def test_holidays_are_read_once_and_are_the_companys_own(one, two) -> None:
    with one as session:
        session.add(Holiday(day=date(2026, 5, 4), name="Ours"))
        session.flush()
        g.pop("holidays", None)
        with statements() as sent:
            assert not is_working_day(date(2026, 5, 4))
            assert working_days(date(2026, 5, 4), date(2026, 5, 8)) == 4
        assert len(sent) == 1
    with two:
        assert is_working_day(date(2026, 5, 4))
