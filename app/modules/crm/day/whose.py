"""Whose work a page shows: one's own, that of everybody whose rows one sees, or a colleague's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import abort
from sqlalchemy import ColumnElement, or_, select, true

from app.core.access import me, valid_on, visible_members
from app.core.clock import today
from app.core.db import db
from app.core.i18n import _
from app.core.ids import whole
from app.core.models import Membership
from app.modules.crm.activities.models import Activity, ActivityMember

ME, TEAM = "me", "team"
ACTIVITIES = "crm.activity"


@dataclass(frozen=True)
class Whose:
    """A choice of whose work is shown; `members` is None for everybody's that the record rules let see."""

    value: str  # "me", "team" or the id of a member
    members: tuple[int, ...] | None

    def owns(self, column: Any) -> ColumnElement[bool]:
        """Criterion: the row belongs to one of them."""
        return true() if self.members is None else column.in_(self.members)

    def takes_part(self) -> ColumnElement[bool]:
        """Criterion: an activity is theirs, or they take part in it."""
        if self.members is None:
            return true()
        among = select(ActivityMember.id).where(
            ActivityMember.activity_id == Activity.id, ActivityMember.member_id.in_(self.members)
        )
        return or_(Activity.owner_id.in_(self.members), among.exists())

    @property
    def is_me(self) -> bool:
        return self.value == ME

    @property
    def arg(self) -> str | None:
        """The argument of an address that says so; none is needed for one's own."""
        return None if self.is_me else self.value

    @property
    def owner(self) -> int | None:
        """The one member, where it is one."""
        return self.members[0] if self.members else None


def chosen(text: str) -> Whose:
    """What an address asks for; 404 for the work of somebody whose rows the person does not see."""
    if text in ("", ME) or text == str(me().member_id):
        return Whose(ME, (me().member_id,))
    seen = visible_members(ACTIVITIES)
    if text == TEAM and seen != {me().member_id}:
        return Whose(TEAM, None)
    member_id = whole(text)
    if member_id is None or (seen is not None and member_id not in seen):
        abort(404)
    return Whose(str(member_id), (member_id,))


def choices(now: Whose) -> list[dict[str, Any]]:
    """What the switch offers: {value, label, current}; nothing for who sees their own rows alone. One statement."""
    seen = visible_members(ACTIVITIES)
    if seen is not None and len(seen) < 2:
        return []
    others = [{"value": str(m.id), "label": m.name, "current": now.value == str(m.id)} for m in _members(seen, today())]
    everybody = _("Everybody") if seen is None else _("My team")
    return [
        {"value": ME, "label": _("My own"), "current": now.is_me},
        {"value": TEAM, "label": everybody, "current": now.value == TEAM},
        *others,
    ]


def _members(seen: set[int] | None, day: date) -> Any:
    mine = select(Membership.id, Membership.name).where(valid_on(Membership, day), Membership.id != me().member_id)
    if seen is not None:
        mine = mine.where(Membership.id.in_(seen))
    return db.session.execute(mine.order_by(Membership.name, Membership.id))
