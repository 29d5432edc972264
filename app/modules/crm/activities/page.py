"""The page of an activity: what it is about, and what can be done with it."""

from __future__ import annotations

from typing import Any

from flask import url_for

from app.core.access import can
from app.core.clock import today
from app.core.i18n import _
from app.core.surfaces.record import describe, fact
from app.modules.crm.activities.lines import late_text
from app.modules.crm.activities.models import CANCELLED, DONE, PLANNED, Activity
from app.modules.crm.activities.queries import LATE, TODAY, state_of
from app.modules.crm.activities.resources import activity as resource

# Facts that say nothing yet while it is to be done, and those that say nothing any more.
OF_RESULT = frozenset({"done_on", "done_time", "outcome_id", "outcome_note", "done_by_id", "told_after"})
OF_DONE = OF_RESULT - {"outcome_id", "outcome_note"}
OF_PLAN = frozenset({"remind_minutes", "repeat", "repeat_until"})
HEADS = {
    PLANNED: ("type_id", "due_on", "due_time", "owner_id"),
    DONE: ("type_id", "done_on", "outcome_id", "done_by_id"),
    CANCELLED: ("type_id", "due_on", "outcome_id", "owner_id"),
}
HIDDEN = {PLANNED: OF_RESULT, DONE: OF_PLAN, CANCELLED: OF_PLAN | OF_DONE}


def page_of(activity: Activity) -> dict[str, Any]:
    """What the template of the page needs, with the state, what can be done next, and only the facts that say something."""
    record = describe(resource, activity)
    record["tags"] = _tags(activity)
    record["head"] = [fact(resource.field(name), activity, None) for name in HEADS[activity.state]]
    for group in record["groups"]:
        group["facts"] = [each for each in group["facts"] if each["name"] not in HIDDEN[activity.state]]
    record["groups"] = [group for group in record["groups"] if group["facts"]]
    record["actions"] = [*_actions(activity), *record["actions"]]
    return {"record": record}


def _tags(activity: Activity) -> list[dict[str, str]]:
    """Its state, or how urgent it is; and whether it was told late."""
    if activity.state != PLANNED:
        kind = "ok" if activity.state == DONE else ""
        late = [{"label": text, "kind": "warn"}] if (text := late_text(activity)) else []
        return [{"label": resource.field("state").show(activity.state), "kind": kind}, *late]
    urgency = state_of(activity.due_on, today()) if activity.due_on else ""
    labels = {LATE: (_("late"), "bad"), TODAY: (_("today"), "warn")}
    return [{"label": labels[urgency][0], "kind": labels[urgency][1]}] if urgency in labels else []


def _actions(activity: Activity) -> list[dict[str, Any]]:
    if not can("crm.activity.edit"):
        return []
    where: dict[str, Any] = {"activity_id": activity.id}
    if activity.state != PLANNED:
        url = url_for("crm.activity_reopen", **where, version=activity.version, back=1)
        return [{"label": _("Open again"), "url": url, "icon": "arrow-back-up", "method": "post"}]
    found: list[dict[str, Any]] = [
        {"label": _("Mark as done…"), "url": url_for("crm.activity_complete", **where), "icon": "check", "dialog": True},
        {"label": _("Does not take place…"), "url": url_for("crm.activity_cancel", **where), "icon": "calendar-off", "dialog": True},
    ]
    if activity.repeat:
        url = url_for("crm.activity_end_series", **where, version=activity.version, back=1)
        found.append({"label": _("End the series"), "url": url, "icon": "rotate", "method": "post"})
    found[0]["primary"] = True
    return found
