"""Deals on their way to the trash and back: their ledger is voided, and told again. Figures follow, history stays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from sqlalchemy import select, update

from app.core.changelog import actor_id, request_id
from app.core.chunks import chunks
from app.core.clock import local_date
from app.core.db import db, utcnow
from app.core.writes import bulk_insert
from app.modules.crm import ledger, spans, stays
from app.modules.crm.ledger import FIELDS
from app.modules.crm.models import TRASHED, VOIDED, Deal, DealEvent, DealSpan, DealStage

CHUNK = 500
SOURCE = "trash"
PAYLOAD = tuple(column for columns in FIELDS.values() for column in columns)
WRITING = {"all_rows": True, "with_trash": True, "synchronize_session": False}


def hide_deals(ids: Sequence[int]) -> None:
    """Void every event of deals that counts: no figure has them from now on, `known_at` before now still does."""
    now = utcnow()
    for chunk in chunks(ids, CHUNK):
        voids = []
        for deal_id, events in _events_of(chunk).items():
            gesture = _gesture(deal_id, now)
            voids += [{**dict.fromkeys(PAYLOAD), **gesture, "kind": VOIDED, "at": now, "local_date": local_date(now),
                       "voids_id": event.id, "sets": ""} for event in ledger.effective(events)]
        bulk_insert(DealEvent, voids)
        _end_beliefs(chunk, now)
        stays.remove(chunk)
        db.session.execute(update(Deal).where(Deal.id.in_(chunk)).values(state=TRASHED), execution_options=WRITING)


def show_deals(ids: Sequence[int]) -> None:
    """Tell again what the way to the trash had voided, each event about its own moment: the figures are as before."""
    now = utcnow()
    for chunk in chunks(ids, CHUNK):
        told: list[dict[str, Any]] = []
        stretches: list[dict[str, Any]] = []
        visits: list[dict[str, Any]] = []
        for deal_id, events in _events_of(chunk).items():
            again = [_told_again(event, deal_id, now) for event in _voided_last(events)]
            if not again:
                continue
            in_order: list[Any] = [SimpleNamespace(**line) for line in again]
            found = ledger.spans_of(in_order)
            visits += stays.rows(deal_id, ledger.stays_of(in_order))
            told += again
            stretches += [{"deal_id": deal_id, **spans.values(stretch), "known_from": now} for stretch in found]
            values = found[-1].state.values()
            db.session.execute(update(Deal).where(Deal.id == deal_id).values(**values), execution_options=WRITING)
        bulk_insert(DealEvent, told)
        bulk_insert(DealSpan, stretches)
        bulk_insert(DealStage, visits)


def _events_of(ids: Sequence[int]) -> dict[int, list[DealEvent]]:
    """All events by deal, in the order they were told."""
    found: dict[int, list[DealEvent]] = {deal_id: [] for deal_id in ids}
    for event in sorted(db.session.scalars(select(DealEvent).where(DealEvent.deal_id.in_(ids))), key=lambda e: e.id):
        found[event.deal_id].append(event)
    return found


def _voided_last(events: Iterable[DealEvent]) -> list[DealEvent]:
    """The events that the last way to the trash took back, in the order of the fold."""
    known = {event.id: event for event in events}
    voids = [event for event in known.values() if event.kind == VOIDED and event.source == SOURCE]
    last = voids[-1].group_id if voids else ""
    gone = [known[void.voids_id] for void in voids if void.group_id == last and void.voids_id is not None]
    return sorted(gone, key=lambda e: (e.at, e.id))


def _told_again(event: DealEvent, deal_id: int, now: Any) -> dict[str, Any]:
    said = {name: getattr(event, name) for name in ("kind", "at", "local_date", "sets", *PAYLOAD)}
    return {**said, **_gesture(deal_id, now), "voids_id": None, "group_id": event.group_id}


def _gesture(deal_id: int, now: Any) -> dict[str, Any]:
    return {"deal_id": deal_id, "recorded_at": now, "actor_id": actor_id(), "source": SOURCE,
            "request_id": request_id(), "group_id": str(uuid4())}


def _end_beliefs(ids: Sequence[int], now: Any) -> None:
    ended = update(DealSpan).where(DealSpan.deal_id.in_(ids), DealSpan.known_to.is_(None)).values(known_to=now)
    db.session.execute(ended, execution_options=WRITING)
