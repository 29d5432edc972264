"""How often the expected close of a deal was put off: what its ledger says, mistakes left out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

from sqlalchemy import select

from app.core.db import db
from app.modules.crm import ledger
from app.modules.crm.models import DealEvent


@dataclass(frozen=True)
class Slips:
    """How many times a date was moved to a later one, and by how many days together."""

    times: int
    days: int


def slips_of(deal_ids: Collection[int]) -> dict[int, Slips]:
    """Slips of the deals whose expected close was put off at least once, in one statement.

    A first date is no slip, nor is one that is brought forward; what comes before a date was taken away counts on.
    """
    events: dict[int, list[DealEvent]] = {}
    for event in db.session.scalars(select(DealEvent).where(DealEvent.deal_id.in_(deal_ids))):
        events.setdefault(event.deal_id, []).append(event)
    found = {deal_id: _slips(ledger.effective(told)) for deal_id, told in events.items()}
    return {deal_id: slips for deal_id, slips in found.items() if slips.times}


def _slips(events: list[DealEvent]) -> Slips:
    dated = [e.expected_close for e in events if "expected_close" in e.sets.split(",") and e.expected_close is not None]
    steps = [(later - earlier).days for earlier, later in pairwise(dated)]
    return Slips(sum(1 for days in steps if days > 0), sum(days for days in steps if days > 0))
