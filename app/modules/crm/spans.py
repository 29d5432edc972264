"""Keeps the derived spans in step with the ledger, and the deal as its projection."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select

from app.core.db import db
from app.modules.crm import ledger, stays
from app.modules.crm.ledger import COLUMNS, DealState
from app.modules.crm.models import Deal, DealEvent, DealSpan


def open_span(deal_id: int) -> DealSpan | None:
    """The span that holds now, as known now."""
    return db.session.scalar(
        select(DealSpan).where(DealSpan.deal_id == deal_id, DealSpan.valid_to.is_(None), DealSpan.known_to.is_(None)),
        execution_options={"all_rows": True},
    )


def begin(deal: Deal, event: DealEvent) -> None:
    """Take in the event that created a deal, whose columns it has filled already."""
    db.session.add(_row(deal.id, ledger.Span(event.at, None, DealState.of(deal)), event.recorded_at))
    stays.begin(deal, event)


def append(deal: Deal, span: DealSpan | None, event: DealEvent) -> DealSpan:
    """Take in an event that happened just now, later than all others: one span ends, one begins. Returns the latter.

    Nobody asks what was known before now about a time after now, so the old span needs no second version.
    """
    state = DealState.of(deal)
    ledger.apply(state, event)
    if span is not None:
        span.valid_to = event.at
    opened = _row(deal.id, ledger.Span(event.at, None, state), event.recorded_at)
    db.session.add(opened)
    stays.append(deal, state, event)
    project(deal, state)
    return opened


def rebuild(deal: Deal, known_from: datetime) -> None:
    """Derive the deal and its spans from the ledger anew; what we believed until now stays on record.

    Needed after an event of the past and after a void. Three reads, whatever the number of events.
    """
    events = db.session.scalars(select(DealEvent).where(DealEvent.deal_id == deal.id)).all()
    believed = db.session.scalars(
        select(DealSpan).where(DealSpan.deal_id == deal.id, DealSpan.known_to.is_(None)),
        execution_options={"all_rows": True},
    )
    wanted = ledger.spans(events)
    missing = list(wanted)
    for row in believed:
        span = ledger.Span(row.valid_from, row.valid_to, DealState.of(row))
        if span in missing:
            missing.remove(span)
        else:
            row.known_to = known_from
    db.session.add_all(_row(deal.id, span, known_from) for span in missing)
    stays.rebuild(deal, events)
    project(deal, wanted[-1].state)


def project(deal: Deal, state: DealState) -> None:
    """Write what the ledger says into the deal."""
    for name in COLUMNS:
        value = getattr(state, name)
        if getattr(deal, name) != value:
            setattr(deal, name, value)


def _row(deal_id: int, span: ledger.Span, known_from: datetime) -> DealSpan:
    return DealSpan(deal_id=deal_id, known_from=known_from, **values(span))


def values(span: ledger.Span) -> dict:
    """The columns of a span: when it held, and what."""
    return {"valid_from": span.valid_from, "valid_to": span.valid_to, **span.state.values()}


def holds(as_of: datetime | None, known_at: datetime | None, now: datetime) -> ColumnElement[bool]:
    """Criterion on `DealSpan`: what was so at `as_of`, as we knew it at `known_at`; both default to `now`.

    At `known_at` nobody knew of anything later than that.
    """
    known = known_at or now
    valid = min(as_of or now, known)
    return and_(
        DealSpan.valid_from <= valid,
        or_(DealSpan.valid_to.is_(None), DealSpan.valid_to > valid),
        DealSpan.known_from <= known,
        or_(DealSpan.known_to.is_(None), DealSpan.known_to > known),
    )
