"""The private calendar address: whose activities it holds, when it ends, and what a calendar program reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from icalendar import Calendar
from sqlalchemy import select, text

from app.core import lifecycle
from app.core.db import db
from app.core.models import Change, Membership
from app.modules.contacts.models import Account
from app.modules.crm.activities import services
from app.modules.crm.activities.models import Activity, ActivityType
from tests.modules.crm.making import LoggedIn, clock

FEED = "/c/one/crm/calendar/feed"
NOW = "2026-11-18T08:00:00"


@pytest.fixture
def plan(one: Any, people: dict) -> Callable[..., int]:
    """Plan a visit of bob's and answer its id."""

    def create(subject: str, on: date, at: time | None = None, owner: str = "bob", **values: Any) -> int:
        with one:
            type_id = db.session.scalar(select(ActivityType.id).where(ActivityType.kind == "visit"))
            given = {"type_id": type_id, "subject": subject, "due_on": on, "due_time": at, "owner_id": people[owner].member_id}
            return services.plan({**given, **values}).id

    return create


@pytest.fixture
def bob(client_of: Callable[[str], FlaskClient]) -> LoggedIn:
    return LoggedIn(client_of, "bob")


def made(client: FlaskClient | LoggedIn) -> str:
    """Make an address as a person does; answers its path."""
    page = client.post(FEED).text
    return re.search(r'value="https?://[^/]+(/calendars/[^"]+)"', page)[1]


def events(client: FlaskClient, path: str) -> list[Any]:
    answer = client.get(path)
    assert answer.status_code == 200 and answer.mimetype == "text/calendar"
    return list(Calendar.from_ical(answer.data).walk("VEVENT"))


def test_the_address_is_shown_once_and_only_its_hash_is_kept(bob, one) -> None:
    assert "You have no address yet" in bob.get(FEED).text
    path = made(bob)
    key = path.rpartition("/")[2].removesuffix(".ics")
    again = bob.get(FEED).text
    assert key not in again and "You have an address" in again
    with one as session:
        assert key not in str(session.execute(text("SELECT * FROM crm_calendar_feed")).all())
        assert session.scalar(select(Change.id).where(Change.table_name == "crm_calendar_feed")) is None


def test_a_program_without_log_in_reads_ones_own_activities_and_nobody_elses(bob, plan, anonymous) -> None:
    with clock(NOW):
        plan("Visit Acme", date(2026, 11, 20), time(10), minutes=90, place="Calle Mayor 1; Madrid")
        plan("Whole day", date(2026, 11, 21))
        plan("Daves visit", date(2026, 11, 20), owner="dave")
        found = {str(e["summary"]): e for e in events(anonymous, made(bob))}
    assert set(found) == {"Visit Acme", "Whole day"}
    visit, whole = found["Visit Acme"], found["Whole day"]
    assert visit["dtstart"].dt.isoformat() == "2026-11-20T09:00:00+00:00"  # ten in Madrid
    assert visit["dtend"].dt - visit["dtstart"].dt == timedelta(minutes=90)
    assert str(visit["location"]) == "Calle Mayor 1; Madrid" and str(visit["status"]) == "CONFIRMED"
    assert whole["dtstart"].dt == date(2026, 11, 21) and whole["dtend"].dt == date(2026, 11, 22)


def test_from_thirty_days_back_to_half_a_year_ahead(bob, plan, one, anonymous) -> None:
    with clock("2026-10-01T08:00:00"):
        done = {n: plan(f"Done {n}", date(2026, 10, n)) for n in (2, 25)}
        for n, activity_id in done.items():
            with one as session:
                session.get_one(Activity, activity_id).due_on = date(2026, 10, n)
    with clock(NOW):
        for n, activity_id in done.items():
            with one as session:
                services.complete(session.get_one(Activity, activity_id), version=None, done_on=date(2026, 10, n))
        for days in (-40, -10, 179, 181):
            plan(f"In {days}", date(2026, 11, 18) + timedelta(days=days))
        found = {str(e["summary"]) for e in events(anonymous, made(bob))}
    assert found == {"✓ Done 25", "In -10", "In 179"}


def test_an_event_is_known_again_and_leads_back(bob, plan, one, anonymous, app) -> None:
    with clock(NOW) as traveller:
        nasty = "Visit, with; commas\\and\nlines\r\nBEGIN:VEVENT"
        with one as session:
            account = Account(name="Núñez & Hijos, S. L.")
            session.add(account)
            session.flush()
            account_id = account.id
        visit = plan(nasty.replace("\n", " ").replace("\r", " "), date(2026, 11, 20), account_id=account_id, note=nasty)
        path = made(bob)
        (first,) = events(anonymous, path)
        assert str(first["url"]) == f"{app.config['VENDIMIA'].base_url}/c/one/crm/activities/{visit}"
        assert "Núñez & Hijos, S. L." in str(first["summary"]) and "commas\\and" in str(first["description"])
        traveller.shift(timedelta(hours=1))
        bob.post(f"/c/one/crm/calendar/{visit}/move", data={"version": 1, "due_on": "2026-11-23"})
        (second,) = events(anonymous, path)
    assert first["uid"] == second["uid"] == f"activity-{visit}@one.vendimia"
    assert second["dtstart"].dt == date(2026, 11, 23)
    assert int(second["sequence"]) > int(first["sequence"]) and second["last-modified"].dt > first["last-modified"].dt


def test_an_unchanged_feed_is_not_sent_again_and_nobody_shares_it(bob, plan, anonymous) -> None:
    with clock(NOW):
        plan("Visit", date(2026, 11, 20))
        path = made(bob)
        answer = anonymous.get(path)
        assert "private" in answer.headers["Cache-Control"]
        assert answer.headers.getlist("Set-Cookie") == []
        assert anonymous.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
        plan("Another", date(2026, 11, 21))
        assert anonymous.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 200


# What ends it


def is_gone(client: FlaskClient, path: str) -> bool:
    answer = client.get(path)
    told = "There is no calendar at this address" in answer.text
    return answer.status_code == 404 and answer.mimetype == "text/plain" and told


def test_renewing_ends_the_address_before_and_revoking_the_last(bob, anonymous) -> None:
    first = made(bob)
    second = made(bob)
    assert first != second and is_gone(anonymous, first) and events(anonymous, second) == []
    bob.post(f"{FEED}/revoke")
    assert is_gone(anonymous, second)
    assert bob.post(f"{FEED}/revoke").status_code == 303


@pytest.mark.parametrize("path", [
    "/calendars/one/unknown.ics", "/calendars/nowhere/unknown.ics", "/calendars/one/ñ.ics", f"/calendars/one/{'a' * 5000}.ics",
])  # fmt: skip
def test_what_nobody_made_is_not_there(anonymous, path: str) -> None:
    assert is_gone(anonymous, path)


def test_a_key_opens_its_own_company_alone(bob, anonymous) -> None:
    assert is_gone(anonymous, made(bob).replace("/one/", "/two/"))


def test_it_ends_with_the_membership(bob, anonymous, one, people) -> None:
    path = made(bob)
    with one as session:
        member = session.get_one(Membership, people["bob"].member_id)
        member.valid_to = datetime.now().date() - timedelta(days=2)  # noqa: DTZ005  # days apart in any zone
    assert is_gone(anonymous, path)


def test_it_ends_with_the_log_in_of_the_member(bob, anonymous, one, people) -> None:
    path = made(bob)
    with one as session:
        session.get_one(Membership, people["bob"].member_id).user_id = None
    assert is_gone(anonymous, path)


def test_with_the_module_off_there_is_none_and_with_it_on_again_nothing_is_lost(bob, anonymous, one) -> None:
    path = made(bob)
    with one:
        for module in ("dummy", "crm"):
            lifecycle.disable(module)
    assert is_gone(anonymous, path)
    with one:
        lifecycle.enable("crm")
    assert events(anonymous, path) == []


def test_whoever_may_not_see_activities_any_more_reads_none(bob, anonymous, one, people) -> None:
    path = made(bob)
    with one as session:
        role = session.get_one(Membership, people["bob"].member_id).role_id
        session.execute(text("UPDATE core_role SET permissions = '[]' WHERE id = :id"), {"id": role})
    assert is_gone(anonymous, path)


