"""Events of the ledger that count, as statements see them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import aliased

from app.modules.crm.models import DealEvent

Void = aliased(DealEvent, name="void")


def voided(known: datetime) -> ColumnElement[bool]:
    """Whether an event had been taken back by then: one of these few, which are looked up once and not event by event."""
    return DealEvent.id.in_(select(Void.voids_id).where(Void.voids_id.is_not(None), Void.recorded_at <= known))
