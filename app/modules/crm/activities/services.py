"""The rules of activities and the only writes to them, one by one. Whoever calls has asked for permission."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from typing import Any

from sqlalchemy import select

from app.core.clock import today
from app.core.db import db, utcnow
from app.core.errors import BusinessError, Conflict
from app.core.events import publish
from app.core.i18n import _
from app.modules.crm.activities import links, results, schedule, times
from app.modules.crm.activities.models import CANCELLED, DONE, PLANNED, VISIT, Activity
from app.modules.crm.recording import team_on, way_in

PLAIN = ("subject", "note", "minutes", "place", "outcome_note", "external_id")
TEXTS = ("note", "place", "outcome_note")


def plan(values: Mapping[str, Any]) -> Activity:
    """Something to do; `values` by field name, all but `type_id` may be missing and come from the type then.

    `due_on` is a local day, `due_time` a time of it in the company's zone; `members` are ids of colleagues who take
    part; with `repeat` the next one is planned when this one is done or cancelled, until `repeat_until`.
    Publishes `crm.activity_planned`. Raises `BusinessError`.
    """
    activity = _new(values)
    activity.due_on = values.get("due_on") or times.after_working_days(today(), _type_days(activity))
    times.check_day(activity.due_on, "due_on")
    schedule.set_clock(activity, values.get("due_time"))
    schedule.set_reminder(activity, values["remind_minutes"] if "remind_minutes" in values else schedule.usual_reminder(activity))
    schedule.set_rhythm(activity, values.get("repeat"), values.get("repeat_until"))
    activity.team_id = team_on(activity.owner_id, today())
    _save(activity)
    publish("crm.activity_planned", activity_id=activity.id)
    return activity


def log(values: Mapping[str, Any]) -> Activity:
    """Something that was done: the same values, with `done_on` and `done_time` (now by default), or the instant `done_at`,
    `outcome_id`, `outcome_note` and `done_by_id` (the owner by default).

    Publishes `crm.activity_done`. Raises `BusinessError`, for the future as well.
    """
    activity = _new(values)
    if values.get("due_on"):
        times.check_day(values["due_on"], "due_on")
        activity.due_on = values["due_on"]
        schedule.set_clock(activity, values.get("due_time"))
    results.finish(activity, {**values, "done_by_id": values.get("done_by_id") or activity.owner_id})
    activity.outcome_note = values.get("outcome_note") or ""
    _save(activity)
    publish("crm.activity_done", activity_id=activity.id)
    return activity


def add(values: Mapping[str, Any]) -> Activity:
    """A new activity: done when `values` say when it was done, else planned. Raises `BusinessError`."""
    if values.get("done_on") or values.get("done_time"):
        return log(values)
    if values.get("outcome_id"):
        raise BusinessError(_("Say when it was done, too."), field="done_on")
    return plan(values)


def complete(
    activity: Activity,
    *,
    version: int | None,
    outcome_id: int | None = None,
    outcome_note: str = "",
    done_on: date | None = None,
    done_time: time | None = None,
) -> Activity:
    """Say that a planned activity was done, now or then; who did it is its owner, whoever says so.

    Publishes `crm.activity_done`, and plans the next one of a series. Raises `Conflict` when somebody was faster.
    """
    activity = _open(activity, version)
    values = {"outcome_id": outcome_id, "outcome_note": outcome_note, "done_on": done_on, "done_time": done_time}
    return _done(activity, values)


def cancel(activity: Activity, *, version: int | None, outcome_id: int | None, outcome_note: str = "") -> Activity:
    """Say that a planned activity does not take place; a visit needs an outcome that says why.

    Publishes `crm.activity_cancelled`, and plans the next one of a series.
    """
    return _cancelled(_open(activity, version), outcome_id, outcome_note)


def reopen(activity: Activity, *, version: int | None) -> Activity:
    """Let an activity that was done or cancelled be planned again; what came of it is forgotten."""
    activity = _locked(activity, version)
    if activity.state == PLANNED:
        raise Conflict(_("This activity is open already."))
    activity.state = PLANNED
    activity.outcome_id, activity.outcome_note = None, ""
    activity.done_on = activity.done_month = activity.done_time = activity.done_at = None
    activity.recorded_at = activity.told_after = None
    activity.done_by_id = None
    activity.due_on = activity.due_on or today()
    activity.team_id = team_on(activity.owner_id, today())
    _save(activity)
    return activity


def reschedule(activity: Activity, *, version: int | None, due_on: date, due_time: time | None = None) -> Activity:
    """Give a planned activity another day, and another time if one is given; a series keeps its rhythm."""
    activity = _open(activity, version)
    values: dict[str, Any] = {"due_on": due_on}
    if due_time is not None:
        values["due_time"] = due_time
    return change(activity, values)


def change(activity: Activity, values: Mapping[str, Any]) -> Activity:
    """Change fields of an activity: only those in `values` that differ. What belongs together is kept together.

    A changed `state`, or a first `done_on`, completes, cancels or reopens it by the same rules. Raises `BusinessError`.
    """
    activity = _locked(activity, None)
    _change_plain(activity, values)
    _change_links(activity, values)
    _change_people(activity, values)
    schedule.change_plan(activity, values)
    wanted = values.get("state") or activity.state
    if wanted == activity.state == PLANNED and values.get("done_on"):
        wanted = DONE
    if wanted != activity.state:
        return _into(activity, wanted, values)
    results.change_result(activity, values)
    _save(activity)
    return activity


def suggestion(activity: Activity) -> dict[str, Any] | None:
    """What the type of an activity says comes next, as values for `plan`: None when nothing does."""
    kind = links.type_of(activity.type_id)
    if kind.next_type_id is None:
        return None
    following = links.type_of(kind.next_type_id)
    if not following.active:
        return None
    days = following.default_days if kind.next_days is None else kind.next_days
    return {
        "type_id": following.id,
        "subject": following.subject or following.name,
        "due_on": times.after_working_days(max(activity.done_on or today(), today()), days),
        "owner_id": following.default_owner_id or activity.owner_id,
        **{name: getattr(activity, name) for name in links.LINKS},
    }


def end_series(activity: Activity, *, version: int | None) -> Activity:
    """Let nothing follow a planned activity that repeats."""
    return change(_open(activity, version), {"repeat": None, "repeat_until": None})


# New ones


def _new(values: Mapping[str, Any]) -> Activity:
    kind = links.type_of(values.get("type_id"))
    _check_reference(values.get("external_id"), None)
    owner_id = links.owner_of(values, kind)
    return Activity(
        type_id=kind.id,
        kind=kind.kind,
        subject=values.get("subject") or kind.subject or kind.name,
        note=kind.note if values.get("note") is None else values["note"],
        minutes=kind.default_minutes if values.get("minutes") is None else values["minutes"],
        place=values.get("place") or "",
        external_id=values.get("external_id"),
        owner_id=owner_id,
        members=links.members_text(values.get("members"), owner_id),
        source=way_in(values.get("source") or ""),
        state=PLANNED,
        **links.completed(values),
    )


def _save(activity: Activity) -> None:
    """Write an activity and who takes part."""
    fresh = activity.id is None
    if fresh:
        db.session.add(activity)
        db.session.flush()
    if activity.members or not fresh:
        links.keep_members(activity)
    db.session.flush()


def _check_reference(external_id: str | None, activity_id: int | None) -> None:
    if external_id is None:
        return
    taken = select(Activity.id).where(Activity.external_id == external_id, Activity.id != (activity_id or 0))
    if db.session.scalar(taken, execution_options={"all_rows": True}):
        message = _("There is an activity with the reference “%(given)s” already.", given=external_id)
        raise BusinessError(message, field="external_id")


def _type_days(activity: Activity) -> int:
    return links.type_of(activity.type_id).default_days


# The next one of a series


def _plan_next(activity: Activity) -> None:
    """Plan the next one of a series, once."""
    if not activity.repeat or activity.repeated or activity.repeat_from is None:
        return
    after = max(today(), activity.due_on or today())
    found = times.next_in_rhythm(activity.repeat_from, activity.repeat, activity.repeat_no, activity.repeat_until, after)
    if found is None:
        return
    copied = ("type_id", "kind", "subject", "note", "minutes", "place", "owner_id", "members", "source", "repeat",
              "repeat_until", "series_id", "repeat_from", *links.LINKS)
    following = Activity(state=PLANNED, due_on=found[0], repeat_no=found[1], **{name: getattr(activity, name) for name in copied})
    schedule.set_clock(following, times.clock_of(activity.due_time))
    schedule.set_reminder(following, activity.remind_minutes)
    following.team_id = team_on(following.owner_id, today())
    activity.repeated = True
    _save(following)
    publish("crm.activity_planned", activity_id=following.id)


# From one state to another


def _locked(activity: Activity, version: int | None) -> Activity:
    """The activity as it is stored now, locked until the transaction ends. Raises `Conflict`."""
    found = db.session.scalar(
        select(Activity).where(Activity.id == activity.id).with_for_update(),
        execution_options={"populate_existing": True, "all_rows": True},
    )
    if found is None:
        raise Conflict(_("The activity is gone."))
    if version is not None and version != found.version:
        names = (*PLAIN, "state", "due_on", "owner_id", "outcome_id", *links.LINKS)
        message = _("Somebody else has changed this activity in the meantime. Nothing you typed is lost.")
        raise Conflict(message, theirs={name: getattr(found, name) for name in names})
    return found


def _open(activity: Activity, version: int | None) -> Activity:
    """The same, while it is to be done still. Who comes too late reads what has happened meanwhile."""
    found = _locked(activity, None)
    if found.state == DONE:
        raise Conflict(_("This was marked as done already."))
    if found.state == CANCELLED:
        raise Conflict(_("This was cancelled already."))
    return _locked(found, version)


def _into(activity: Activity, wanted: str, values: Mapping[str, Any]) -> Activity:
    if wanted == PLANNED:
        _save(activity)
        return reopen(activity, version=None)
    if activity.state != PLANNED:
        raise BusinessError(_("Reopen this activity first."), field="state")
    if wanted == CANCELLED:
        return _cancelled(activity, values.get("outcome_id"), values.get("outcome_note") or "")
    return _done(activity, values)


def _done(activity: Activity, values: Mapping[str, Any]) -> Activity:
    """Let a planned activity be done: `values` as `log` takes them."""
    results.finish(activity, {**values, "done_by_id": values.get("done_by_id") or activity.owner_id})
    activity.outcome_note = values.get("outcome_note") or ""
    _save(activity)
    publish("crm.activity_done", activity_id=activity.id)
    _plan_next(activity)
    db.session.flush()
    return activity


def _cancelled(activity: Activity, outcome_id: int | None, outcome_note: str) -> Activity:
    if activity.kind == VISIT and outcome_id is None:
        raise BusinessError(_("Why did the visit not take place?"), field="outcome_id")
    outcome = links.outcome_of(outcome_id, activity.kind, cancelled=True)
    activity.state, activity.recorded_at = CANCELLED, utcnow()
    activity.outcome_id, activity.outcome_note = outcome.id if outcome else None, outcome_note
    _save(activity)
    publish("crm.activity_cancelled", activity_id=activity.id)
    _plan_next(activity)
    db.session.flush()
    return activity


# Changes


def _change_plain(activity: Activity, values: Mapping[str, Any]) -> None:
    if values.get("external_id", activity.external_id) != activity.external_id:
        _check_reference(values["external_id"], activity.id)
    kind = None
    if values.get("type_id") not in (None, activity.type_id):
        kind = links.type_of(values["type_id"])
        activity.type_id, activity.kind = kind.id, kind.kind
        if activity.outcome_id and "outcome_id" not in values:
            links.outcome_of(activity.outcome_id, kind.kind, cancelled=activity.state == CANCELLED)
    for name in PLAIN:
        if name in values and values[name] != getattr(activity, name):
            setattr(activity, name, "" if values[name] is None and name in TEXTS else values[name])
    if not activity.subject:
        kind = kind or links.type_of(activity.type_id)
        activity.subject = kind.subject or kind.name


def _change_links(activity: Activity, values: Mapping[str, Any]) -> None:
    """What it is linked to: another deal brings its account and person, where no others are given with it."""
    before = {name: getattr(activity, name) for name in links.LINKS}
    given = {name: values[name] for name in links.LINKS if name in values and values[name] != before[name]}
    if not given:
        return
    wanted = {**before, **given}
    if given.get("deal_id"):
        wanted |= {name: given.get(name) for name in ("account_id", "contact_id")}
    found = links.completed(wanted, known=before)
    if "deal_id" not in given:
        found["contact_id"] = wanted["contact_id"]
    for name, value in found.items():
        setattr(activity, name, value)


def _change_people(activity: Activity, values: Mapping[str, Any]) -> None:
    if "owner_id" in values and values["owner_id"] != activity.owner_id:
        if values["owner_id"] is None:
            raise BusinessError(_("An activity needs an owner."), field="owner_id")
        activity.owner_id = values["owner_id"]
        if activity.state == PLANNED:
            activity.team_id = team_on(activity.owner_id, today())
    members = values["members"] if "members" in values else links.members_of(activity)
    activity.members = links.members_text(members, activity.owner_id) if members else ""
