"""Saved pivots: addresses under a name, for oneself or for the company."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import or_, select

from app.core.changelog import actor_id
from app.core.db import db
from app.core.errors import BusinessError, Forbidden, NotFound
from app.core.i18n import _
from app.core.saved_views import is_admin
from app.modules.crm.pivot.models import LONGEST_NAME, SavedPivot

MOST = 100


def saved() -> Sequence[SavedPivot]:
    """One's own and the shared ones, by name."""
    rows = select(SavedPivot).where(or_(SavedPivot.member_id == actor_id(), SavedPivot.shared))
    return db.session.scalars(rows.order_by(SavedPivot.name, SavedPivot.id).limit(MOST)).all()


def save(name: str, shared: bool, args: Mapping[str, str]) -> SavedPivot:
    """Keep an address under a name; one's own of the same name is replaced. Raises `BusinessError`."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        raise BusinessError(_("A name of at most %(n)s characters, please.", n=LONGEST_NAME), field="name")
    mine = select(SavedPivot).where(SavedPivot.member_id == actor_id(), SavedPivot.name == name)
    found = db.session.scalar(mine)
    if found is None:
        if len(saved()) >= MOST:
            raise BusinessError(_("There are %(n)s saved pivots already. Delete one first.", n=MOST), field="name")
        found = SavedPivot(member_id=actor_id(), name=name)
        db.session.add(found)
    found.shared, found.args = shared, dict(args)
    db.session.flush()
    return found


def forget(pivot_id: int) -> str:
    """Delete a saved pivot: one's own, or as an admin any. Returns its name. Raises `NotFound`, `Forbidden`."""
    found = next((row for row in saved() if row.id == pivot_id), None)
    if found is None:
        raise NotFound(_("This pivot does not exist, or it is not yours to see."))
    if not may_forget(found):
        raise Forbidden(_("Only who saved a pivot, or an administrator, may delete it."))
    db.session.delete(found)
    db.session.flush()
    return found.name


def may_forget(row: SavedPivot) -> bool:
    return row.member_id == actor_id() or is_admin()
