"""When an activity is due, when it is reminded of, and how it repeats: columns that are kept together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time, timedelta
from typing import Any
from uuid import uuid4

from app.core.errors import BusinessError
from app.core.i18n import _
from app.modules.crm.activities import times
from app.modules.crm.activities.models import PLANNED, REPEATS, Activity
from app.modules.crm.settings.queries import settings


def set_clock(activity: Activity, at: time | str | None) -> None:
    """Give it a time on its day, or take it away."""
    at = times.clock_of(at)
    activity.due_time = times.clock_text(at)
    activity.due_at = times.instant(activity.due_on, at) if at is not None and activity.due_on else None


def usual_reminder(activity: Activity) -> int | None:
    """How many minutes before its time the company reminds of it."""
    return settings().remind_minutes if activity.due_at else None


def set_reminder(activity: Activity, minutes: int | None) -> None:
    """When to remind: so many minutes before the time; without a time there is nothing to be reminded of."""
    activity.remind_minutes = minutes
    at = activity.due_at - timedelta(minutes=minutes) if activity.due_at and minutes is not None else None
    if at != activity.remind_at:
        activity.remind_at, activity.reminded_at = at, None


def set_rhythm(activity: Activity, repeat: str | None, until: date | None) -> None:
    """Begin, go on with or end a series. Raises `BusinessError`."""
    if repeat and repeat not in REPEATS:
        raise BusinessError(_("There is no such rhythm."), field="repeat")
    if until and not repeat:
        raise BusinessError(_("How often is it to be repeated?"), field="repeat")
    if repeat and until is None:
        raise BusinessError(_("Until when is it to be repeated?"), field="repeat_until")
    if until:
        times.check_day(until, "repeat_until")
        if activity.due_on and until < activity.due_on:
            raise BusinessError(_("The series would be over before it begins."), field="repeat_until")
    if repeat and repeat != activity.repeat:
        activity.series_id, activity.repeat_from, activity.repeat_no = str(uuid4()), activity.due_on, 0
    activity.repeat, activity.repeat_until = repeat, until


def change_plan(activity: Activity, values: Mapping[str, Any]) -> None:
    """Change day, time, reminder and rhythm as far as `values` say so. Raises `BusinessError`."""
    due_on = values.get("due_on", activity.due_on)
    if due_on != activity.due_on:
        if due_on is None and activity.state == PLANNED:
            raise BusinessError(_("When is it due?"), field="due_on")
        if due_on:
            times.check_day(due_on, "due_on")
        activity.due_on = due_on
    at = values.get("due_time", activity.due_time)
    timed = activity.due_at is not None
    set_clock(activity, at)
    minutes = values.get("remind_minutes", activity.remind_minutes)
    if not timed and activity.due_at and minutes is None:
        minutes = usual_reminder(activity)
    set_reminder(activity, minutes)
    repeat = values.get("repeat", activity.repeat)
    until = values.get("repeat_until", activity.repeat_until) if repeat else values.get("repeat_until")
    if (repeat, until) != (activity.repeat, activity.repeat_until):
        set_rhythm(activity, repeat, until)
