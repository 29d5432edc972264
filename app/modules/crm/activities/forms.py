"""The quick forms of activities: what was done, what came of it and what comes next, in one dialog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from app.core.clock import today
from app.core.db import db
from app.core.fields import Boolean, Date, Field, Text
from app.core.forms import Form, form_of
from app.core.i18n import _l
from app.core.lookups import Lookup
from app.core.registry import registry
from app.modules.crm.activities import links, services, times
from app.modules.crm.activities.fields import Clock
from app.modules.crm.activities.models import Activity, ActivityOutcome, ActivityType

# What the next step's fields are called in the form -> as values for `plan`.
NEXT = {"next_type_id": "type_id", "next_subject": "subject", "next_due_on": "due_on", "next_due_time": "due_time"}
LOGGED = ("type_id", "subject", "done_on", "done_time", "minutes", "outcome_id", "outcome_note", *links.LINKS)
CALLED: dict[str, dict[str, Any]] = {
    "done_on": {"label": _l("Day")}, "done_time": {"label": _l("Time")}, "outcome_note": {"label": _l("Note")}
}
DONE = ("outcome_id", "outcome_note", "done_on", "done_time")


def _field(name: str, **changes: Any) -> Field:
    return replace(registry.resource("crm.activity").field(name), **{"hint": "", **changes})


def _next_fields() -> list[Field]:
    return [
        Boolean("next", _l("Plan the next step")),
        Lookup("next_type_id", _l("Type"), target="crm.activity_type", linked=False),
        Text("next_subject", _l("Subject"), longest=200),
        Date("next_due_on", _l("Due")),
        Clock("next_due_time", _l("At")),
    ]


def log_form(posted: Any = None, values: Mapping[str, Any] | None = None) -> Form:
    """What was done, with what came of it and the next step."""
    return form_of([*(_field(name, **CALLED.get(name, {})) for name in LOGGED), *_next_fields()], posted, values)


def complete_form(posted: Any = None, values: Mapping[str, Any] | None = None) -> Form:
    """What came of a planned activity, and the next step."""
    return form_of([*(_field(name, **CALLED.get(name, {})) for name in DONE), *_next_fields()], posted, values)


def cancel_form(posted: Any = None) -> Form:
    """Why a planned activity does not take place."""
    return form_of([_field("outcome_id", label=_l("Reason")), _field("outcome_note", label=_l("Remark"))], posted)


def next_values(form: Form, activity: Activity) -> dict[str, Any] | None:
    """What the form says comes next, as values for `plan`: linked and owned as what was done; None when nothing does."""
    given = form.values()
    if not given["next"]:
        return None
    told = {name: given[field] for field, name in NEXT.items()}
    same = {name: getattr(activity, name) for name in links.LINKS}
    suggested = services.suggestion(activity) or {}
    owner = suggested.get("owner_id") if suggested.get("type_id") == told["type_id"] else activity.owner_id
    return {**same, **told, "owner_id": owner}


def next_filled(kind: ActivityType | None, kinds: Sequence[ActivityType]) -> dict[str, Any]:
    """What the next step's fields begin with for a type."""
    following = next((t for t in kinds if kind and t.id == kind.next_type_id), None)
    chosen = following or kind
    if chosen is None:
        return {}
    days = chosen.default_days if following is None or kind is None or kind.next_days is None else kind.next_days
    return {
        "next_type_id": chosen.id,
        "next_subject": chosen.subject or chosen.name,
        "next_due_on": times.after_working_days(today(), days),
    }


def types() -> list[ActivityType]:
    """The types in use, in their order."""
    return list(db.session.scalars(select(ActivityType).where(ActivityType.active).order_by(ActivityType.position, ActivityType.id)))


def outcomes(*, cancelled: bool, kind: str = "") -> list[ActivityOutcome]:
    """The outcomes in use that say so, of a kind or of all, in their order."""
    rows = select(ActivityOutcome).where(ActivityOutcome.active, ActivityOutcome.cancelled == cancelled)
    found = db.session.scalars(rows.order_by(ActivityOutcome.position, ActivityOutcome.id))
    return [o for o in found if not kind or links.fits(o, kind, cancelled=cancelled)]
