"""The arithmetic of the ledger: events in, state of a deal out. Plain Python, no session, no clock.

Two times: `at` is when something was so (valid time), `recorded_at` when we were told (record time). The state of a
deal is the fold of its events that were not voided, in order of (at, id).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, NamedTuple, Protocol, TypeVar

from app.modules.crm.models import CLOSED, CREATED, OPEN, VOIDED

# The tracked fields: the name that stands in `DealEvent.sets`, and the columns of the event that carry it.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "stage": ("stage_id", "pipeline_id", "state"),
    "amount": ("amount_minor", "currency", "company_minor"),
    "owner": ("owner_id",),
    "team": ("team_id",),
    "expected_close": ("expected_close",),
    "account": ("account_id",),
    "reason": ("reason_id", "reason_note"),
    "probability": ("probability",),
    "category": ("category",),
}


class Event(Protocol):
    """What the fold reads of an event: a `DealEvent`, or anything of its shape."""

    id: int
    kind: str
    at: datetime
    local_date: date
    recorded_at: datetime
    voids_id: int | None
    sets: str


Told = TypeVar("Told", bound=Event)


@dataclass(slots=True)
class DealState:
    """All that the ledger says about a deal; field names are the columns of `models.Outcome` plus `owner_id`."""

    stage_id: int = 0
    pipeline_id: int = 0
    state: str = ""
    opened_at: datetime | None = None
    opened_on: date | None = None
    entered_at: datetime | None = None
    entered_on: date | None = None
    closed_at: datetime | None = None
    closed_on: date | None = None
    amount_minor: int | None = None
    currency: str = ""
    company_minor: int | None = None
    owner_id: int | None = None
    team_id: int | None = None
    credit_owner_id: int | None = None
    credit_team_id: int | None = None
    expected_close: date | None = None
    account_id: int | None = None
    reason_id: int | None = None
    reason_note: str = ""
    probability: int | None = None
    category: str | None = None

    @classmethod
    def of(cls, row: Any) -> DealState:
        """The state that a deal or a span holds in its columns."""
        return cls(*(getattr(row, name) for name in COLUMNS))

    def values(self) -> dict[str, Any]:
        """Column name to value."""
        return {name: getattr(self, name) for name in COLUMNS}

    def copy(self) -> DealState:
        return DealState(*(getattr(self, name) for name in COLUMNS))


COLUMNS: tuple[str, ...] = tuple(f.name for f in fields(DealState))


class Span(NamedTuple):
    """From when until when (None: still) a deal was in a state."""

    valid_from: datetime
    valid_to: datetime | None
    state: DealState


def apply(state: DealState, event: Event) -> None:
    """Change `state` in place by one event."""
    before = state.stage_id
    names = event.sets.split(",") if event.sets else ()
    for name in names:
        for column in FIELDS[name]:
            setattr(state, column, getattr(event, column))
    if event.kind == CREATED:
        state.opened_at, state.opened_on = event.at, event.local_date
    if "stage" in names:
        if state.stage_id != before:
            state.entered_at, state.entered_on = event.at, event.local_date
        closes = state.state in CLOSED
        state.closed_at, state.closed_on = (event.at, event.local_date) if closes else (None, None)
    if "stage" in names or state.state not in CLOSED:
        # A closed deal counts for who owned it when it was closed, whoever looks after it now.
        state.credit_owner_id, state.credit_team_id = state.owner_id, state.team_id


def effective(events: Iterable[Told], known_at: datetime | None = None) -> list[Told]:
    """Events that count, in the order of the fold: told by `known_at` (default: ever) and not voided by then."""
    told = [e for e in events if known_at is None or e.recorded_at <= known_at]
    voided = {e.voids_id for e in told if e.kind == VOIDED}
    return sorted((e for e in told if e.kind != VOIDED and e.id not in voided), key=lambda e: (e.at, e.id))


def replay(
    events: Iterable[Event], as_of: datetime | None = None, known_at: datetime | None = None
) -> DealState | None:
    """The state at `as_of` as it was known at `known_at` (defaults: at the end, all that is known); None before the
    deal began or when its creation was voided."""
    state = DealState()
    began = False
    for event in effective(events, known_at):
        if as_of is not None and event.at > as_of:
            break
        began = began or event.kind == CREATED
        apply(state, event)
    return state if began else None


def spans(events: Iterable[Event]) -> list[Span]:
    """The stretches between the events that count, oldest first, the last one open; see `spans_of`."""
    return spans_of(effective(events))


def spans_of(events: Iterable[Event]) -> list[Span]:
    """The stretches between events that are in the order of the fold already; what lasted no time is left out."""
    found: list[Span] = []
    state = DealState()
    for event in events:
        apply(state, event)
        if found and found[-1].valid_from == event.at:
            found.pop()
        elif found:
            found[-1] = Span(found[-1].valid_from, event.at, found[-1].state)
        found.append(Span(event.at, None, state.copy()))
    return found


@dataclass(slots=True)
class Stay:
    """A deal in one of its stages, all times taken together; field names are the columns of `models.DealStage`.

    `seconds` are those of finished stretches in which the deal was open; the rest is of the first time. `after_id` is the
    stage that it came from then, None where it began, and `place` how many stages it had been in before. `state` is that of
    the deal now, `since` when it came into the stage in which it is open now, None in all others.
    """

    stage_id: int
    entered_at: datetime
    entered_on: date
    entries: int = 0
    seconds: int = 0
    owner_id: int | None = None
    team_id: int | None = None
    amount_minor: int | None = None
    currency: str = ""
    after_id: int | None = None
    place: int = 0
    state: str = OPEN
    since: datetime | None = None

    def take(self, state: DealState) -> None:
        """Remember what the deal was when it came in."""
        self.owner_id, self.team_id = state.credit_owner_id, state.credit_team_id
        self.amount_minor, self.currency = state.amount_minor, state.currency

    def stand(self, state: DealState) -> None:
        """Say what has become of the deal."""
        self.state = state.state
        self.since = state.entered_at if state.state == OPEN and state.stage_id == self.stage_id else None


def seconds_between(start: datetime, end: datetime) -> int:
    """Whole seconds by the clock, so that stretches which follow each other add up to the whole."""
    return int(end.timestamp()) - int(start.timestamp())


def stays(events: Iterable[Event]) -> dict[int, Stay]:
    """Stage id -> stay, of the events that count; see `stays_of`."""
    return stays_of(effective(events))


def stays_of(events: Iterable[Event]) -> dict[int, Stay]:
    """Stage id -> stay, of events that are in the order of the fold already.

    A stage that was left at the instant it was entered has been passed as well; what a deal was when it came in is
    what all events of that instant made of it.
    """
    found: dict[int, Stay] = {}
    state = DealState()
    fresh: list[Stay] = []
    instant: datetime | None = None
    for event in events:
        if event.at != instant:
            instant, fresh = event.at, []
        stage_id, was_open, since = state.stage_id, state.state == OPEN, state.entered_at
        apply(state, event)
        if state.stage_id != stage_id:
            if stage_id and was_open and since:
                found[stage_id].seconds += seconds_between(since, event.at)
            if state.stage_id not in found:
                found[state.stage_id] = Stay(state.stage_id, event.at, event.local_date, after_id=stage_id or None, place=len(found))
                fresh.append(found[state.stage_id])
            found[state.stage_id].entries += 1
        for stay in fresh:
            stay.take(state)
    for stay in found.values():
        stay.stand(state)
    return found
