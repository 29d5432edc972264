"""What an activity is linked to: a deal brings its account and person, a person their account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select

from app.core.changelog import actor_id
from app.core.db import db
from app.core.errors import BusinessError
from app.core.i18n import _
from app.core.models import Membership
from app.core.registry import registry
from app.modules.crm.activities.models import (
    OF_ACTIVITY,
    Activity,
    ActivityMember,
    ActivityOutcome,
    ActivityType,
)
from app.modules.crm.models import Deal
from app.modules.crm.recording import team_on

LINKS = ("account_id", "contact_id", "deal_id", "lead_id")
TARGETS = {"account_id": "contacts.account", "contact_id": "contacts.contact", "lead_id": "crm.lead"}
MOST_MEMBERS = 20


def completed(values: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> dict[str, int | None]:
    """The links that are given, and those that follow from them. Raises `BusinessError` when they contradict each other.

    Only what the reader may see can be linked; `known` are links that are there already.
    """
    known = known or {}
    found: dict[str, int | None] = {name: values.get(name) for name in LINKS}
    if found["deal_id"]:
        deal = _row(Deal, found, "deal_id", known, Deal.account_id, Deal.contact_id)
        if found["account_id"] and deal.account_id and found["account_id"] != deal.account_id:
            raise BusinessError(_("This deal is another account's."), field="deal_id")
        found["account_id"] = found["account_id"] or deal.account_id
        found["contact_id"] = found["contact_id"] or deal.contact_id
    for name, key in TARGETS.items():
        if values.get(name):
            model = registry.resource(key).model
            _row(model, found, name, known, model.id)
    if found["contact_id"] and not found["account_id"]:
        # A person whom a deal has brought counts even if the reader may not open them.
        contact = registry.resource("contacts.contact").model
        whose = select(contact.account_id).where(contact.id == found["contact_id"])
        found["account_id"] = db.session.scalar(whose, execution_options={"all_rows": True})
    return found


def _row(model: Any, chosen: Mapping[str, Any], field: str, known: Mapping[str, Any], *columns: Any) -> Any:
    there = {"all_rows": True, "with_trash": True} if chosen[field] == known.get(field) else {}
    row = db.session.execute(select(*columns).where(model.id == chosen[field]), execution_options=there).one_or_none()
    if row is None:
        raise BusinessError(_("There is no such record, or it is not yours to see."), field=field)
    return row


def type_of(type_id: int | None) -> ActivityType:
    """A type of activities by id. Raises `BusinessError`."""
    found = db.session.scalar(select(ActivityType).where(ActivityType.id == type_id)) if type_id else None
    if found is None:
        raise BusinessError(_("What kind of activity is it?"), field="type_id")
    return found


def outcome_of(outcome_id: int | None, kind: str, *, cancelled: bool) -> ActivityOutcome | None:
    """An outcome that fits a kind of activity, done or cancelled. Raises `BusinessError` when it does not."""
    if outcome_id is None:
        return None
    found = db.session.scalar(select(ActivityOutcome).where(ActivityOutcome.id == outcome_id))
    if found is None:
        raise BusinessError(_("There is no such outcome."), field="outcome_id")
    if not fits(found, kind, cancelled=cancelled):
        raise BusinessError(_("The outcome “%(name)s” does not fit here.", name=found.name), field="outcome_id")
    return found


def fits(outcome: ActivityOutcome, kind: str, *, cancelled: bool) -> bool:
    """Whether an outcome can be that of a kind of activity that was done, or did not take place."""
    return outcome.cancelled == cancelled and (not outcome.kinds or kind in outcome.kinds.split(","))


def members_text(members: Iterable[int] | str | None, owner_id: int | None) -> str:
    """Who takes part beside the owner, by ids or as it is stored: "12,15". Raises `BusinessError`."""
    given = map(int, filter(None, members.split(","))) if isinstance(members, str) else members or ()
    wanted = sorted({*given} - {owner_id})
    if len(wanted) > MOST_MEMBERS:
        raise BusinessError(_("At most %(n)s colleagues can take part.", n=MOST_MEMBERS), field="members")
    known = set(db.session.scalars(select(Membership.id).where(Membership.id.in_(wanted)))) if wanted else set()
    if known != set(wanted):
        raise BusinessError(_("There is no such person."), field="members")
    return ",".join(map(str, wanted))


def members_of(activity: Activity) -> list[int]:
    """Ids of those who take part beside the owner."""
    return [int(text) for text in activity.members.split(",") if text]


def keep_members(activity: Activity) -> None:
    """Let the rows of those who take part say what the activity does, with their teams on the day it was done."""
    wanted = members_of(activity)
    rows = {row.member_id: row for row in db.session.scalars(select(ActivityMember).where(ActivityMember.activity_id == activity.id))}
    for member_id in rows.keys() - set(wanted):
        db.session.delete(rows[member_id])
    for member_id in wanted:
        row = rows.get(member_id)
        if row is None:
            row = ActivityMember(activity_id=activity.id, member_id=member_id)
            db.session.add(row)
        row.team_id = team_on(member_id, activity.done_on) if activity.done_on else None
        for column, name in OF_ACTIVITY.items():
            setattr(row, column, getattr(activity, name))


def owner_of(values: Mapping[str, Any], kind: ActivityType | None = None) -> int | None:
    """Whose an activity is: as given, else the type's usual owner, else who asks."""
    return values.get("owner_id") or (kind.default_owner_id if kind else None) or actor_id()
