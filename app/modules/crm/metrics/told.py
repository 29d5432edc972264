"""Events of the ledger that count, as statements see them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, exists
from sqlalchemy.orm import aliased

from app.modules.crm.models import DealEvent

Void = aliased(DealEvent, name="void")


def voided(known: datetime) -> ColumnElement[bool]:
    """Whether an event had been taken back by then."""
    taken_back = exists().where(Void.voids_id == DealEvent.id, Void.company_id == DealEvent.company_id, Void.recorded_at <= known)
    return taken_back.correlate(DealEvent)
