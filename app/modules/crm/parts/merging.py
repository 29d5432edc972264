"""What merging does to the parts of deals: nobody stands twice in one place, and a whole list stays a whole list.

Rows that would stand beside their like stay with the row that goes, in the trash with it, and come back with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from app.core.db import db
from app.core.hooks import Merge
from app.modules.crm.parts.models import DealCompetitor, DealCredit, DealLine, DealPerson

Moved = Mapping[str, Mapping[int, Sequence[int]]]
FRESH = {"populate_existing": True}


def deals_merged(winner_id: int, moved: Moved) -> None:
    """Committees and competitors are united; credit and lines are taken as a whole, of the deal that stays if it has any."""
    for model, name in ((DealPerson, "contact_id"), (DealCompetitor, "competitor_id")):
        _each_once(model, "deal_id", name, winner_id, moved)
    for model in (DealCredit, DealLine):
        _one_set(model, winner_id, moved)
    db.session.flush()


def contacts_merged(winner_id: int, moved: Moved) -> None:
    """Who was in a committee under both names is in it once."""
    _each_once(DealPerson, "contact_id", "deal_id", winner_id, moved)
    db.session.flush()


def _each_once(model: Any, column: str, other: str, winner_id: int, moved: Moved) -> None:
    came = _came(model, column, moved)
    if not came:
        return
    rows = db.session.scalars(
        select(model).where(getattr(model, column) == winner_id).order_by(model.id), execution_options=FRESH
    ).all()
    taken = {getattr(row, other) for row in rows if row.id not in came}
    for row in rows:
        if row.id in came:
            if getattr(row, other) in taken:
                setattr(row, column, came[row.id])
            taken.add(getattr(row, other))


def _one_set(model: Any, winner_id: int, moved: Moved) -> None:
    came = _came(model, "deal_id", moved)
    if not came:
        return
    rows = db.session.scalars(select(model).where(model.deal_id == winner_id).order_by(model.id), execution_options=FRESH).all()
    stays = next((winner_id for row in rows if row.id not in came), None) or min(came.values())
    for row in rows:
        if row.id in came and came[row.id] != stays:
            row.deal_id = came[row.id]


def _came(model: Any, column: str, moved: Moved) -> dict[int, int]:
    """The rows that were pointed at the one that stays, and whose they were."""
    told = moved.get(f"{model.__tablename__}.{column}", {})
    return {row_id: loser_id for loser_id, ids in told.items() for row_id in ids}


MERGES = (
    Merge(resource="crm.deal", merged=deals_merged),
    Merge(resource="contacts.contact", merged=contacts_merged),
)
