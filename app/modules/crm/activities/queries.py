"""Reads of activities that other parts of the CRM ask for: what is next, what was last, what is open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, select

from app.core.clock import today
from app.core.db import db
from app.modules.crm.activities.models import PLANNED, Activity
from app.modules.crm.settings.queries import settings

LATE, TODAY, LATER = "late", "today", "planned"


@dataclass(frozen=True)
class NextStep:
    """The first planned activity of a deal; `state` is "late", "today" or "planned"."""

    activity_id: int
    subject: str
    kind: str
    due_on: date
    due_at: datetime | None
    state: str


def state_of(due_on: date, now: date) -> str:
    """Whether what is due on a day is late, due today, or planned for later."""
    return LATE if due_on < now else TODAY if due_on == now else LATER


def next_of_deals(ids: Iterable[int]) -> dict[int, NextStep]:
    """Deal id -> its next step, for those that have one; one statement."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    columns = (Activity.deal_id, Activity.id, Activity.subject, Activity.kind, Activity.due_on, Activity.due_at)
    rows = select(*columns).where(Activity.deal_id.in_(wanted), Activity.state == PLANNED)
    # Those of a few deals are few. Their days are looked at here: SQLite would look for them among all that is planned.
    dated = [row for row in db.session.execute(rows) if row.due_on is not None]
    now, found = today(), {}
    # The last one written for a deal is the first one due.
    for row in sorted(dated, key=_by_due, reverse=True):
        found[row.deal_id] = NextStep(row.id, row.subject, row.kind, row.due_on, row.due_at, state_of(row.due_on, now))
    return found


def _by_due(row: Row) -> tuple[Any, ...]:
    """The order of days, in which what has a time comes before what has none."""
    return row.due_on, row.due_at is None, row.due_at, row.id


def is_late_record(activity: Activity | Row) -> bool:
    """Whether it was told long after it was done, as the company sees "long". Needs `told_after`, whole hours from act to
    record; a file says nothing of when."""
    return (activity.told_after or 0) > settings().late_hours
