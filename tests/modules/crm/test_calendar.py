"""The calendar: whose activities stand where, on the days when the clock changes too, and how they are moved."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.core.db import db
from app.core.models import Change
from app.modules.crm.activities import services
from app.modules.crm.activities.models import Activity, ActivityType
from app.modules.crm.calendar.grid import Placed, lanes
from app.modules.crm.calendar.queries import Event, is_skipped
from tests.modules.crm.making import LoggedIn, clock, statements_of

CALENDAR = "/c/one/crm/calendar"
HX = {"HX-Request": "true"}
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)  # the clock goes forward, and back, in Madrid


@pytest.fixture
def plan(one: Any, people: dict) -> Callable[..., int]:
    """Plan a call of bob's: `plan("Call Acme", date(…), time(…))`; answers its id."""

    def create(subject: str, on: date, at: time | None = None, owner: str = "bob", kind: str = "call", **values: Any) -> int:
        with one:
            type_id = db.session.scalar(select(ActivityType.id).where(ActivityType.kind == kind))
            given = {"type_id": type_id, "subject": subject, "due_on": on, "due_time": at, "owner_id": people[owner].member_id}
            return services.plan({**given, **values}).id

    return create


@pytest.fixture
def bob(client_of: Callable[[str], FlaskClient]) -> LoggedIn:
    return LoggedIn(client_of, "bob")


def stored(one: Any, activity_id: int) -> Activity:
    with one:
        return db.session.scalar(select(Activity).where(Activity.id == activity_id))


def event_of(html: str, activity_id: int) -> str:
    """The link of an event in the grid."""
    return re.search(rf'<a class="cal-ev[^>]*id="ev-{activity_id}".*?</a>', html, re.DOTALL)[0]


def test_a_day_a_week_and_a_month_show_an_activity_where_it_is_due(bob, plan) -> None:
    with clock("2026-11-16T08:00:00"):
        call = plan("Call Acme", date(2026, 11, 18), time(10, 30), minutes=45)
        for view in ("day", "week", "month"):
            html = bob.get(f"{CALENDAR}?view={view}&date=2026-11-18").text
            assert "10:30" in event_of(html, call) and 'data-date="2026-11-18"' in event_of(html, call)
        week = event_of(bob.get(f"{CALENDAR}?date=2026-11-18").text, call)
        assert "cal-at-42 cal-for-3 cal-lane-1-0" in week
        assert "Call Acme" not in bob.get(f"{CALENDAR}?view=day&date=2026-11-19").text
        assert "Call Acme" in bob.get(f"{CALENDAR}?view=week&date=2026-11-22").text
        assert "Call Acme" not in bob.get(f"{CALENDAR}?view=week&date=2026-11-23").text


def test_a_page_and_its_fragment_are_the_same_calendar(bob, plan) -> None:
    plan("Call Acme", date(2026, 11, 18))
    page, part = bob.get(f"{CALENDAR}?date=2026-11-18").text, bob.get(f"{CALENDAR}?date=2026-11-18", headers=HX).text
    assert "<html" in page and "Call Acme" in page
    assert "<html" not in part and "Call Acme" in part


def test_what_is_late_is_said_and_not_only_coloured(bob, plan) -> None:
    with clock("2026-11-18T12:00:00"):
        old, soon = plan("Old", date(2026, 11, 17)), plan("Soon", date(2026, 11, 18), time(18))
        passed = plan("Passed", date(2026, 11, 18), time(12, 30))  # it is 13:00 in Madrid
        html = bob.get(CALENDAR).text
        for late in (old, passed):
            assert "is-late" in event_of(html, late) and "(late)" in event_of(html, late)
        assert "is-late" not in event_of(html, soon)


def test_a_done_activity_stands_where_it_was_done(bob, plan, one) -> None:
    with clock("2026-11-18T12:00:00"):
        moved, kept = plan("Moved", date(2026, 11, 16), time(9)), plan("Kept", date(2026, 11, 18), time(9))
        with one as session:
            for activity_id in (moved, kept):
                services.complete(session.get_one(Activity, activity_id), version=1)
        html = bob.get(CALENDAR).text
        assert 'class="cal-ev cal-call is-done' in event_of(html, moved)
        assert "13:00" in event_of(html, moved) and "data-event" not in event_of(html, moved)
        assert "09:00" in event_of(html, kept)


@pytest.mark.parametrize("address", ["?date=2026-02-30", "?date=tomorrow", "?date=9999-12-31"])
def test_what_is_no_date_has_a_sentence(bob, address: str) -> None:
    answer = bob.get(CALENDAR + address)
    assert answer.status_code == 422 and "is not a date" in answer.text


# Whose


def test_a_rep_sees_their_own_calendar_and_no_switch(bob, plan) -> None:
    plan("Daves call", date(2026, 11, 18), owner="dave")
    html = bob.get(f"{CALENDAR}?date=2026-11-18").text
    assert "Daves call" not in html and "cal-people" not in html


def test_a_manager_sees_the_team_or_one_of_it_and_nobody_else(client_of, plan, people) -> None:
    plan("Bobs call", date(2026, 11, 18))
    plan("Daves call", date(2026, 11, 18), owner="dave")
    mona = LoggedIn(client_of, "mona")
    own, team = (mona.get(f"{CALENDAR}?date=2026-11-18{who}").text for who in ("", "&who=team"))
    assert "Bobs call" not in own and "Bobs call" in team and "Daves call" not in team
    assert "Bobs call" in mona.get(f"{CALENDAR}?date=2026-11-18&who={people['bob'].member_id}").text
    assert mona.get(f"{CALENDAR}?who={people['dave'].member_id}").status_code == 404
    assert mona.get(f"{CALENDAR}?who=nonsense").status_code == 404


def test_the_statements_of_a_page_do_not_grow_with_the_activities(client_of, plan, one) -> None:
    bob = client_of("bob")

    def count() -> int:
        with statements_of(one.app) as sent:
            bob.get(f"{CALENDAR}?view=month&date=2026-11-18")
        return len(sent)

    plan("First", date(2026, 11, 18))
    count()
    few = count()
    for n in range(12):
        plan(f"More {n}", date(2026, 11, 2 + n), time(10))
    assert count() == few


# The days when the clock changes


@pytest.mark.parametrize(("day", "at", "place"), [
    (SPRING, time(1, 30), 6), (SPRING, time(3), 12), (SPRING, time(23, 30), 94),
    (AUTUMN, time(1, 30), 6), (AUTUMN, time(3), 12), (AUTUMN, time(23), 92),
])  # fmt: skip
def test_an_hour_stands_where_the_clock_shows_it_on_the_day_of_a_change(bob, plan, day: date, at: time, place: int) -> None:
    with clock(f"{day - timedelta(days=9)}T08:00:00"):
        call = plan("Call", day, at)
        event = event_of(bob.get(f"{CALENDAR}?view=day&date={day}").text, call)
        assert f"cal-at-{place} " in event and f"{at:%H:%M}" in event


def test_the_hour_that_the_clock_jumps_over_cannot_be_chosen(bob, plan, one) -> None:
    with clock("2026-03-20T08:00:00"):
        html = bob.get(f"{CALENDAR}?view=day&date={SPRING}").text
        assert html.count("is-gone") == 1
        assert f"due_on={SPRING}&amp;due_time=02:00" not in html and f"due_on={SPRING}&amp;due_time=03:00" in html
        assert "is-gone" not in bob.get(f"{CALENDAR}?view=day&date={AUTUMN}").text
        call = plan("Call", date(2026, 3, 27), time(10))
        answer = bob.post(f"{CALENDAR}/{call}/move", data={"version": 1, "due_on": SPRING, "due_time": "02:30"})
        assert answer.status_code == 422 and "jumps over" in answer.text
    assert stored(one, call).due_on == date(2026, 3, 27)


def test_an_hour_that_comes_twice_says_which_of_both_it_is(bob, plan, one) -> None:
    with clock("2026-10-20T08:00:00"):
        first, second = plan("First", AUTUMN, time(2, 30)), plan("Second", AUTUMN, time(2, 30))
        with one as session:
            row = session.get_one(Activity, second)
            row.due_at += timedelta(hours=1)
        html = bob.get(f"{CALENDAR}?view=day&date={AUTUMN}").text
        assert "02:30 CEST" in event_of(html, first) and "02:30 CET" in event_of(html, second)
        assert "cal-lane-2-0" in event_of(html, first) and "cal-lane-2-1" in event_of(html, second)


def test_moving_over_the_change_keeps_the_clock_time(bob, plan, one) -> None:
    with clock("2026-03-20T08:00:00"):
        call = plan("Call", date(2026, 3, 27), time(10))
        before = stored(one, call).due_at
        bob.post(f"{CALENDAR}/{call}/move", data={"version": 1, "due_on": "2026-03-30"}, headers=HX)
    moved = stored(one, call)
    assert moved.due_at - before == timedelta(days=3) - timedelta(hours=1)
    assert moved.due_at.astimezone(ZoneInfo("Europe/Madrid")).hour == 10


def test_only_the_hour_that_is_missing_is_skipped(one) -> None:
    with one:
        assert [hour for hour in range(24) if is_skipped(SPRING, hour)] == [2]
        assert not any(is_skipped(AUTUMN, hour) for hour in range(24))


# Moving


def test_a_move_changes_day_and_time_and_tells_the_page(bob, plan, one) -> None:
    with clock("2026-11-16T08:00:00"):
        call = plan("Call Acme", date(2026, 11, 18), time(10))
        data = {"version": 1, "due_on": "2026-11-19", "due_time": "16:15"}
        answer = bob.post(f"{CALENDAR}/{call}/move", data=data, headers=HX)
        assert "activities:changed" in answer.headers["HX-Trigger"] and "Call Acme: Nov 19, 2026, 16:15" in answer.text
        assert "cal-at-65 " in event_of(bob.get(CALENDAR).text, call)
        again = bob.post(f"{CALENDAR}/{call}/move", data=data, headers=HX)
        assert again.status_code == 409
    assert stored(one, call).version == 2


def test_another_teams_activity_cannot_be_moved(bob, plan) -> None:
    call = plan("Daves", date(2026, 11, 18), owner="dave")
    assert bob.post(f"{CALENDAR}/{call}/move", data={"version": 1, "due_on": "2026-11-19"}).status_code == 404


@pytest.mark.parametrize(("field", "value", "sentence"), [
    ("due_on", "", "When is it due?"), ("due_on", "soon", "is not a date"), ("due_time", "25:00", "not a time"),
    ("due_on", "2199-01-01", "too far away"),
])  # fmt: skip
def test_a_move_to_nowhere_has_its_sentence(bob, plan, field: str, value: str, sentence: str) -> None:
    call = plan("Call", datetime.now(ZoneInfo("Europe/Madrid")).date())
    answer = bob.post(f"{CALENDAR}/{call}/move", data={"version": 1, "due_on": "2026-11-19", field: value}, headers=HX)
    assert answer.status_code == 422 and sentence in answer.text


# Lanes


def _placed(at: int, span: int) -> Placed:
    day = date(2026, 11, 18)
    event = Event(at, 1, "call", "", "planned", day, None, 30, "", None, "", "")
    return Placed(event, at, span)


@pytest.mark.parametrize(("given", "wanted"), [
    ([(36, 4)], [(0, 1)]),
    ([(36, 4), (40, 4)], [(0, 1), (0, 1)]),
    ([(36, 8), (38, 4), (44, 4)], [(0, 2), (1, 2), (0, 1)]),
    ([(36, 12), (37, 2), (39, 2), (40, 2)], [(0, 3), (1, 3), (1, 3), (2, 3)]),
])  # fmt: skip
def test_events_at_the_same_time_stand_beside_each_other(given: list, wanted: list) -> None:
    assert [(p.lane, p.lanes) for p in lanes([_placed(*each) for each in given])] == wanted


def test_of_many_at_once_a_week_shows_two_and_counts_the_rest(bob, plan) -> None:
    on = date(2026, 11, 18)
    for minute in range(4):
        plan(f"Call {minute}", on, time(10, minute))
    week = bob.get(f"{CALENDAR}?view=week&date={on}").text
    hours = week[week.index('id="cal-grid"'):week.index('class="cal-agenda')]
    assert [n for n in range(4) if f"Call {n}<" in hours] == [0, 1]
    assert "2 more, " in hours
    assert all(f"Call {n}<" in week[week.index('class="cal-agenda'):] for n in range(4)), "a phone lists them all"
    day = bob.get(f"{CALENDAR}?view=day&date={on}").text
    assert all(f"Call {n}<" in day for n in range(4))
    assert "cal-beyond" not in day


def test_nothing_is_logged_by_looking(bob, plan, one) -> None:
    plan("Call", date(2026, 11, 18))
    with one:
        before = db.session.scalar(select(db.func.max(Change.id)))
    bob.get(f"{CALENDAR}?date=2026-11-18")
    with one:
        assert db.session.scalar(select(db.func.max(Change.id))) == before
