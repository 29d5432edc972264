"""Writes gestures into the ledger: what a person did at once becomes events that belong together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import uuid4

from flask import g
from sqlalchemy import select

from app.core.access import valid_on
from app.core.changelog import actor_id, request_id
from app.core.clock import local_date, noon
from app.core.db import db, utcnow
from app.core.errors import BusinessError
from app.core.i18n import _
from app.core.models import TeamMember
from app.core.money import Money
from app.core.rates import to_company
from app.modules.crm import ledger, spans
from app.modules.crm.ledger import DealState
from app.modules.crm.models import CHANGED, VOIDED, Deal, DealEvent, DealSpan, Stage


@dataclass
class Gesture:
    """When it was told, when it was so, by which way it came in, and the id that binds its events."""

    told: datetime
    at: datetime
    day: date
    source: str
    span: DealSpan | None = None  # the deal's open span, when it is known already
    group: str = field(default_factory=lambda: str(uuid4()))

    @property
    def live(self) -> bool:
        """Whether it is told as it happens: then nothing that was believed before was wrong."""
        return self.at == self.told

    def event(self, kind: str, deal_id: int | None) -> DealEvent:
        """An event of this gesture that sets nothing yet."""
        return DealEvent(
            deal_id=deal_id,
            kind=kind,
            at=self.at,
            local_date=self.day,
            recorded_at=self.told,
            actor_id=actor_id(),
            source=self.source,
            request_id=request_id(),
            group_id=self.group,
            sets="",
        )


def way_in(source: str) -> str:
    """By which way a gesture comes in: as said, else what the surface has said for all its writes, else the web."""
    return source or g.get("write_source", "web")


def now_or_then(deal: Deal | None, at: datetime | None, source: str) -> Gesture:
    """A gesture of this moment, or of the past moment `at`. Raises `BusinessError` for impossible times."""
    now, source = utcnow(), way_in(source)
    if at is not None:
        if at > now:
            raise BusinessError(_("This date is in the future."), field="at")
        if deal and at < deal.opened_at:
            raise BusinessError(_("The deal did not exist yet at that time."), field="at")
        return Gesture(now, at, local_date(at), source)
    span = spans.open_span(deal.id) if deal else None
    if span:
        # Never before the last event, should another machine's clock be ahead.
        now = max(now, span.valid_from, span.known_from)
    return Gesture(now, now, local_date(now), source, span)


def closing_on(deal: Deal, day: date | None, source: str) -> Gesture:
    """The gesture of closing a deal on a local date, today by default. Raises `BusinessError` on `closed_on`."""
    today = local_date(utcnow())
    if day is None or day == today:
        return now_or_then(deal, None, source)
    if day > today:
        raise BusinessError(_("A closing date cannot be in the future."), field="closed_on")
    if day < deal.opened_on:
        raise BusinessError(_("A deal cannot be closed before it was opened."), field="closed_on")
    if day < deal.entered_on:
        raise BusinessError(_("The deal has moved since that day; it cannot be closed before."), field="closed_on")
    return Gesture(utcnow(), max(noon(day), deal.entered_at), day, way_in(source))


def set_field(event: DealEvent, name: str, **columns: Any) -> None:
    """Let an event set a tracked field (a key of `ledger.FIELDS`)."""
    for column, value in columns.items():
        setattr(event, column, value)
    names = event.sets.split(",") if event.sets else []
    event.sets = ",".join([*names, *(n for n in (name,) if n not in names)])


def set_stage(event: DealEvent, stage: Stage) -> None:
    set_field(event, "stage", stage_id=stage.id, pipeline_id=stage.pipeline_id, state=stage.type)


def set_amount(event: DealEvent, amount: Money | None, currency: str, day: date) -> None:
    """Let an event set the amount, converted at the rate of `day`; `currency` is kept where there is no amount."""
    minor, currency = (amount.minor, amount.currency) if amount else (None, currency)
    set_field(
        event, "amount", amount_minor=minor, currency=currency, company_minor=to_company(minor, currency, day)
    )


def set_owner(event: DealEvent, owner_id: int | None) -> None:
    """Let an event set the owner, and with it the team of that day."""
    set_field(event, "owner", owner_id=owner_id)
    set_field(event, "team", team_id=team_on(owner_id, event.local_date))


def take_in(deal: Deal, event: DealEvent, gesture: Gesture) -> None:
    """Put an event into the ledger; spans and deal follow."""
    db.session.add(event)
    if gesture.live:
        gesture.span = spans.append(deal, gesture.span or spans.open_span(deal.id), event)
    else:
        db.session.flush()
        spans.rebuild(deal, gesture.told)


def take_back(deal: Deal, events: Iterable[DealEvent], source: str) -> Gesture:
    """Void events of a deal; spans and deal follow. Returns the gesture."""
    gesture = now_or_then(deal, None, source)
    for event in events:
        void = gesture.event(VOIDED, deal.id)
        void.voids_id = event.id
        db.session.add(void)
    db.session.flush()
    spans.rebuild(deal, gesture.told)
    db.session.flush()
    return gesture


def tell_again(deal: Deal, told: DealEvent, gesture: Gesture) -> None:
    """Let an event that was taken back count again: a void is for good, so it is told anew, about its own moment."""
    then = replace(gesture, at=told.at, day=told.local_date, span=None)
    before = held(deal, then)
    event = then.event(told.kind, deal.id)
    for name in told.sets.split(","):
        set_field(event, name, **{column: getattr(told, column) for column in ledger.FIELDS[name]})
    db.session.add(event)
    db.session.flush()
    spans.rebuild(deal, gesture.told)
    keep_owner(deal, event, before, then)


def outlive(deal: Deal, event: DealEvent, amount: Money | None, gesture: Gesture) -> None:
    """Say again what an event of the past set, where a later event had set another amount or used another rate.

    The same amount is worth something else when the rate has changed since; a closing counts at the rate of its day.
    """
    at_its_rate = deal.closed_at != event.at or deal.company_minor == event.company_minor
    if "amount" not in event.sets or (amount_of(deal) == amount and at_its_rate):
        return
    again = gesture.event(CHANGED, deal.id)
    again.at, again.local_date = gesture.told, local_date(gesture.told)
    set_amount(again, amount, deal.currency, deal.closed_on or again.local_date)
    db.session.add(again)
    db.session.flush()
    spans.rebuild(deal, gesture.told)


def held(deal: Deal, gesture: Gesture) -> DealState:
    """The state of a deal at the moment that a gesture is about."""
    state = None if gesture.live else ledger.replay(history(deal), as_of=gesture.at)
    return state or DealState.of(deal)


def keep_owner(deal: Deal, event: DealEvent, before: DealState, gesture: Gesture) -> None:
    """Say again who owned a deal, and in which team, where an event has named somebody else to give them the credit."""
    if "owner" not in event.sets:
        return
    again = gesture.event(CHANGED, deal.id)
    set_field(again, "owner", owner_id=before.owner_id)
    set_field(again, "team", team_id=before.team_id)
    db.session.add(again)
    db.session.flush()
    spans.rebuild(deal, gesture.told)


def amount_of(deal: Deal) -> Money | None:
    return None if deal.amount_minor is None else Money(deal.amount_minor, deal.currency)


def team_on(member_id: int | None, day: date) -> int | None:
    """The team a member was in on a day."""
    if member_id is None:
        return None
    dated = select(TeamMember.team_id).where(TeamMember.member_id == member_id, valid_on(TeamMember, day))
    return db.session.scalar(dated.order_by(TeamMember.valid_from.desc()).limit(1))


def history(deal: Deal) -> list[DealEvent]:
    """All events of a deal in the order they were told, voided ones and voids included."""
    # Sorted here: asked for in order, SQLite would walk the events of the whole company.
    return sorted(db.session.scalars(select(DealEvent).where(DealEvent.deal_id == deal.id)), key=lambda event: event.id)


def counted(deal: Deal) -> list[DealEvent]:
    """The events of a deal that count, in the order of the fold."""
    return ledger.effective(history(deal))
