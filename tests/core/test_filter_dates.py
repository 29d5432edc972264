"""Relative dates go by the company's zone, week and fiscal year, at the moment the list is shown."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import time_machine
from flask import Flask, g
from werkzeug.datastructures import MultiDict

from app.core import relative_dates, saved_views, writes
from app.core.access import acting_as
from app.core.db import db
from app.core.models import Company
from app.core.tables import Listing
from tests.conftest import Office
from tests.dummy_module.hooks import thing
from tests.dummy_module.models import Thing

pytestmark = pytest.mark.on("sqlite")
D = date
LEAP = datetime(2028, 2, 29, 12, tzinfo=UTC)


def _at(one: Office, moment: datetime, name: str, *, zone: str = "Europe/Madrid", start: int = 1) -> tuple[date, date]:
    with one as session, time_machine.travel(moment, tick=False):
        company = session.get(Company, one.id)
        company.timezone, company.fiscal_year_start = zone, start
        return relative_dates.period(name)


@pytest.mark.parametrize(
    ("moment", "name", "wanted"),
    [
        (LEAP, "today", (D(2028, 2, 29), D(2028, 2, 29))),
        (LEAP, "yesterday", (D(2028, 2, 28), D(2028, 2, 28))),
        (LEAP, "tomorrow", (D(2028, 3, 1), D(2028, 3, 1))),
        (LEAP, "this-week", (D(2028, 2, 28), D(2028, 3, 5))),
        (LEAP, "last-week", (D(2028, 2, 21), D(2028, 2, 27))),
        (LEAP, "next-week", (D(2028, 3, 6), D(2028, 3, 12))),
        (LEAP, "this-month", (D(2028, 2, 1), D(2028, 2, 29))),
        (LEAP, "last-month", (D(2028, 1, 1), D(2028, 1, 31))),
        (LEAP, "next-month", (D(2028, 3, 1), D(2028, 3, 31))),
        (LEAP, "this-quarter", (D(2028, 1, 1), D(2028, 3, 31))),
        (LEAP, "last-quarter", (D(2027, 10, 1), D(2027, 12, 31))),
        (LEAP, "next-quarter", (D(2028, 4, 1), D(2028, 6, 30))),
        (LEAP, "this-year", (D(2028, 1, 1), D(2028, 12, 31))),
        (LEAP, "last-year", (D(2027, 1, 1), D(2027, 12, 31))),
        (LEAP, "next-year", (D(2029, 1, 1), D(2029, 12, 31))),
        (LEAP, "last-7-days", (D(2028, 2, 23), D(2028, 2, 29))),
        (LEAP, "last-30-days", (D(2028, 1, 31), D(2028, 2, 29))),
        (LEAP, "next-30-days", (D(2028, 2, 29), D(2028, 3, 29))),
        (LEAP, "3-days-ago", (D(2028, 2, 26), D(2028, 2, 26))),
        (LEAP, "in-3-days", (D(2028, 3, 3), D(2028, 3, 3))),
        (datetime(2026, 1, 31, 12, tzinfo=UTC), "next-month", (D(2026, 2, 1), D(2026, 2, 28))),
        (datetime(2026, 12, 31, 12, tzinfo=UTC), "next-month", (D(2027, 1, 1), D(2027, 1, 31))),
        (datetime(2026, 12, 31, 12, tzinfo=UTC), "this-month", (D(2026, 12, 1), D(2026, 12, 31))),
        (datetime(2026, 3, 31, 12, tzinfo=UTC), "last-month", (D(2026, 2, 1), D(2026, 2, 28))),
        (datetime(2027, 1, 1, 12, tzinfo=UTC), "this-week", (D(2026, 12, 28), D(2027, 1, 3))),
    ],
)
def test_periods_at_the_ends_of_months(one: Office, moment: datetime, name: str, wanted: tuple[date, date]) -> None:
    assert _at(one, moment, name) == wanted


@pytest.mark.parametrize(
    ("start", "name", "wanted"),
    [
        (4, "this-quarter", (D(2028, 1, 1), D(2028, 3, 31))),
        (4, "this-year", (D(2027, 4, 1), D(2028, 3, 31))),
        (4, "next-year", (D(2028, 4, 1), D(2029, 3, 31))),
        (2, "this-quarter", (D(2028, 2, 1), D(2028, 4, 30))),
        (2, "last-quarter", (D(2027, 11, 1), D(2028, 1, 31))),
        (12, "this-quarter", (D(2027, 12, 1), D(2028, 2, 29))),
    ],
)
def test_quarters_and_years_are_fiscal(one: Office, start: int, name: str, wanted: tuple[date, date]) -> None:
    assert _at(one, LEAP, name, start=start) == wanted


@pytest.mark.parametrize(
    ("zone", "wanted"),
    [("Europe/Madrid", D(2026, 11, 1)), ("America/Mexico_City", D(2026, 10, 31)), ("UTC", D(2026, 10, 31))],
)
def test_the_day_is_that_of_the_company(one: Office, zone: str, wanted: date) -> None:
    """Half past eleven in the evening in Greenwich is the next month in Madrid."""
    moment = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)
    assert _at(one, moment, "today", zone=zone)[0] == wanted
    assert _at(one, moment, "this-month", zone=zone)[0] == wanted.replace(day=1)


@pytest.mark.parametrize("name", ["", "soon", "last--days", "last-0-days", "last-99999-days", "2026-13-01", "1800-01-01", "9999-12-31", "this-day", "TODAY"])
def test_what_is_no_period_is_refused(one: Office, name: str) -> None:
    with one, pytest.raises(ValueError):
        relative_dates.period(name)


@time_machine.travel(datetime(2026, 10, 30, 12, tzinfo=UTC), tick=False)
def test_every_period_has_a_name(one: Office) -> None:
    with one:
        for name in (*relative_dates.OFFERED, "3-days-ago", "in-2-days", "2026-05-17"):
            assert relative_dates.label(name)
        assert relative_dates.names_of(date(2026, 10, 1), "quarter") == "Q4 2026"
        assert relative_dates.names_of(date(2026, 10, 1), "month") == "October 2026"
        g.company.fiscal_year_start = 2
        assert relative_dates.names_of(date(2026, 11, 1), "quarter") == "Nov – Jan 2027"
        assert relative_dates.names_of(date(2026, 2, 1), "year") == "2026/2027"


def test_a_saved_view_means_the_month_in_which_it_is_opened(app: Flask, one: Office, people) -> None:
    with one:
        writes.bulk_insert(Thing, [{"name": f"thing {m}", "day": date(2026, m, 15)} for m in (9, 10, 11)])
    alice = people["alice"].member_id
    with app.app_context(), acting_as(one.id, alice), time_machine.travel(datetime(2026, 10, 5, 12, tzinfo=UTC)):
        view = saved_views.save(thing, "Due", {"day": "this-month"}, shared=False).id
    for month, hour, names in ((10, 23, ["thing 10"]), (11, 22, ["thing 11"]), (11, 23, [])):  # in Madrid it is December
        moment = datetime(2026, month, 30, hour, 30, tzinfo=UTC)
        with app.app_context(), acting_as(one.id, alice), time_machine.travel(moment, tick=False):
            shown = Listing(thing, MultiDict({"view": str(view)})).select(Thing.name)
            assert db.session.scalars(shown).all() == names
