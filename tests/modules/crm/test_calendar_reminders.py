"""Reminders: once, in time, to the owner, and of what is still to be done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from typing import Any

import pytest
from sqlalchemy import select

from app.core.db import db
from app.core.models import Job
from app.core.note_models import Notice
from app.modules.crm.activities import services
from app.modules.crm.activities.models import Activity, ActivityType
from app.modules.crm.calendar.services import remind
from tests.modules.crm.making import clock

DAY = date(2026, 11, 18)


@pytest.fixture
def plan(one: Any, people: dict) -> Callable[..., int]:
    """Plan a call of bob's at noon in Madrid and answer its id."""

    def create(at: time | None = time(12), **values: Any) -> int:
        with one:
            type_id = db.session.scalar(select(ActivityType.id).where(ActivityType.kind == "call"))
            given = {"type_id": type_id, "subject": "Call Acme", "due_on": DAY, "due_time": at, "owner_id": people["bob"].member_id}
            return services.plan({**given, **values}).id

    return create


def told(one: Any) -> list[tuple[int, str, str]]:
    """Run the reminders; answers all notices there are: member, text, address."""
    with one:
        remind()
    with one:
        return [(n.member_id, n.text, n.url) for n in db.session.scalars(select(Notice).order_by(Notice.id))]


def mails(one: Any) -> list[str]:
    with one:
        return [job.payload["to"] for job in db.session.scalars(select(Job).where(Job.name == "core.mail"))]


def test_a_timed_activity_is_told_before_it_begins_once_and_by_mail(plan, one, people) -> None:
    with clock("2026-11-18T08:00:00") as traveller:
        call = plan()  # 15 minutes before eleven, UTC, by default
        assert told(one) == []
        traveller.move_to("2026-11-18T10:45:30+00:00")
        wanted = [(people["bob"].member_id, "At 12:00: Call Acme", f"crm/activities/{call}")]
        assert [(m, t, u.removeprefix("/c/one/")) for m, t, u in told(one)] == wanted
        assert mails(one) == ["bob@one.example"]
        traveller.move_to("2026-11-18T10:50:00+00:00")
        assert len(told(one)) == 1 and len(mails(one)) == 1


def test_a_reminder_leaves_the_version_alone(plan, one) -> None:
    with clock("2026-11-18T10:46:00"):
        call = plan()
        told(one)
    with one as session:
        row = session.get_one(Activity, call)
        assert row.version == 1 and row.reminded_at is not None


def test_rescheduling_arms_it_again(plan, one) -> None:
    with clock("2026-11-18T10:46:00") as traveller:
        call = plan()
        assert len(told(one)) == 1
        with one as session:
            services.reschedule(session.get_one(Activity, call), version=1, due_on=date(2026, 11, 19))
        assert len(told(one)) == 1
        traveller.move_to("2026-11-19T10:46:00+00:00")
        assert len(told(one)) == 2


def test_nobody_is_reminded_of_what_is_done_cancelled_or_has_no_time(plan, one) -> None:
    with clock("2026-11-18T09:00:00") as traveller:
        done, cancelled = plan(), plan()
        plan(at=None)
        with one as session:
            services.complete(session.get_one(Activity, done), version=1)
            services.cancel(session.get_one(Activity, cancelled), version=1, outcome_id=None)
        traveller.move_to("2026-11-18T11:30:00+00:00")
        assert told(one) == []


def test_after_a_day_without_a_worker_nobody_is_bothered_with_what_is_over(plan, one) -> None:
    with clock("2026-11-18T09:00:00") as traveller:
        plan()
        traveller.move_to("2026-11-20T09:00:00+00:00")
        assert told(one) == []


def test_an_own_choice_of_minutes_counts_and_none_is_none(plan, one) -> None:
    with clock("2026-11-18T09:00:00") as traveller:
        plan(subject="Hour before", remind_minutes=60)
        plan(subject="Never", remind_minutes=None)
        traveller.move_to("2026-11-18T10:01:00+00:00")
        assert [text for _member, text, _url in told(one)] == ["At 12:00: Hour before"]
        traveller.move_to("2026-11-18T10:59:00+00:00")
        assert len(told(one)) == 1
