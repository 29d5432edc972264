"""What came of an activity: when it was done and told, whose it counts as, and its outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.core.changelog import actor_id
from app.core.clock import today
from app.core.db import utcnow
from app.core.errors import BusinessError
from app.core.i18n import _
from app.modules.crm.activities import links, times
from app.modules.crm.activities.models import CANCELLED, DONE, PLANNED, VISIT, Activity
from app.modules.crm.recording import team_on

WHEN_DONE = ("done_on", "done_time")


def finish(activity: Activity, values: Mapping[str, Any]) -> None:
    """Write down when it was done, by whom, in which team, and what came of it; when that was told is now."""
    for name, value in times.done_columns(values).items():
        setattr(activity, name, value)
    outcome = links.outcome_of(values.get("outcome_id"), activity.kind, cancelled=False)
    activity.outcome_id = outcome.id if outcome else None
    activity.state, activity.recorded_at = DONE, utcnow()
    activity.told_after = times.hours_between(activity.done_at, activity.recorded_at)
    _credit(activity, values.get("done_by_id"))


def _credit(activity: Activity, done_by_id: int | None) -> None:
    """Whose it counts as: theirs, and their team's on the day it was done."""
    activity.done_by_id = done_by_id or actor_id()
    activity.team_id = team_on(activity.done_by_id, activity.done_on or today())


def change_result(activity: Activity, values: Mapping[str, Any]) -> None:
    """Change when it was done, by whom and with what outcome, in the state it is in. Raises `BusinessError`."""
    if "outcome_id" in values and values["outcome_id"] != activity.outcome_id:
        if activity.state == PLANNED:
            raise BusinessError(_("Say when it was done, too."), field="done_on")
        outcome = links.outcome_of(values["outcome_id"], activity.kind, cancelled=activity.state == CANCELLED)
        if outcome is None and activity.state == CANCELLED and activity.kind == VISIT:
            raise BusinessError(_("Why did the visit not take place?"), field="outcome_id")
        activity.outcome_id = outcome.id if outcome else None
    if activity.state != DONE:
        if values.get("done_on") or values.get("done_time"):
            raise BusinessError(_("Only what is done has a day on which it was done."), field="done_on")
        return
    told = {name: values[name] for name in WHEN_DONE if name in values}
    now = {"done_on": activity.done_on, "done_time": times.clock_of(activity.done_time)}
    told |= {"done_time": times.clock_of(told["done_time"])} if "done_time" in told else {}
    if told and {**now, **told} != now:
        if told.get("done_on", now["done_on"]) is None:
            raise BusinessError(_("What is done has a day on which it was done."), field="done_on")
        for name, value in times.done_columns({**now, **told}).items():
            setattr(activity, name, value)
        activity.recorded_at = utcnow()
        activity.told_after = times.hours_between(activity.done_at, activity.recorded_at)
        _credit(activity, activity.done_by_id)
    if values.get("done_by_id") not in (None, activity.done_by_id):
        _credit(activity, values["done_by_id"])
