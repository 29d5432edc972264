"""Replay of the ledger is the deal, and the spans say what was so and what was known, whatever happened to it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from importlib.util import module_from_spec, spec_from_file_location
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import time_machine
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.core.clock import local_date
from app.core.db import db, utcnow
from app.core.errors import Refusal
from app.core.tenancy import acting_for
from app.modules import crm
from app.modules.crm import ledger, services, stays, trash
from app.modules.crm.ledger import DealState
from app.modules.crm.models import (
    CHANGED,
    CREATED,
    MOVED,
    VOIDED,
    Deal,
    DealEvent,
    DealSpan,
    DealStage,
    Stage,
)
from app.modules.crm.spans import holds
from tests.modules.crm.making import all_figures, at, clock, euros, make_deal, move, reason, stage, statements

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
OPEN_STAGE, OTHER, WON_STAGE = (1, 1, "open"), (2, 1, "open"), (6, 1, "won")


def event(number: int, kind: str, hours: float, **sets: object) -> DealEvent:
    """An event `hours` after the start, told as it happened; keywords are fields of the ledger."""
    instant = START + timedelta(hours=hours)
    made = DealEvent(id=number, kind=kind, at=instant, local_date=instant.date(), recorded_at=instant)
    for name, given_ in sets.items():
        columns = ledger.FIELDS[name]
        for column, value in zip(columns, given_ if isinstance(given_, tuple) else (given_,), strict=True):
            setattr(made, column, value)
    made.sets = ",".join(sets)
    return made


def history() -> list[DealEvent]:
    return [
        event(1, CREATED, 0, stage=OPEN_STAGE, amount=(100, "EUR", 100), owner=7, team=1),
        event(2, MOVED, 10, stage=WON_STAGE, amount=(150, "EUR", 150)),
        event(3, MOVED, 20, stage=OTHER),
        event(4, MOVED, 30, stage=WON_STAGE, amount=(180, "EUR", 180)),
    ]


def test_a_win_after_reopening_counts_once_at_the_last_date_with_the_last_amount() -> None:
    state = ledger.replay(history())
    assert (state.state, state.amount_minor) == ("won", 180)
    assert state.closed_at == START + timedelta(hours=30)
    assert state.opened_at == START


def test_reopening_clears_the_closing_date() -> None:
    assert ledger.replay(history()[:3]).closed_on is None


def test_a_field_can_be_set_to_nothing() -> None:
    emptied = [*history()[:1], event(2, CHANGED, 5, amount=(None, "EUR", None))]
    assert ledger.replay(emptied).amount_minor is None


def test_a_voided_event_never_was_but_was_believed() -> None:
    void = event(5, VOIDED, 40)
    void.voids_id = 4
    events = [*history(), void]
    assert ledger.replay(events).state == "open"
    assert ledger.replay(events, known_at=START + timedelta(hours=35)).state == "won"


def test_before_it_began_there_is_no_deal() -> None:
    assert ledger.replay(history(), as_of=START - timedelta(seconds=1)) is None


def test_a_closed_deal_counts_for_who_owned_it_when_it_was_closed() -> None:
    events = [*history()[:2], event(3, CHANGED, 15, owner=8, team=2)]
    state = ledger.replay(events)
    assert (state.owner_id, state.credit_owner_id, state.credit_team_id) == (8, 7, 1)
    reopened = ledger.replay([*events, event(4, MOVED, 20, stage=OTHER)])
    assert (reopened.credit_owner_id, reopened.credit_team_id) == (8, 2)


def test_going_back_and_forth_between_equal_stages_keeps_when_it_was_entered() -> None:
    again = [*history()[:1], event(2, MOVED, 10, stage=OTHER), event(3, MOVED, 20, stage=OTHER)]
    assert ledger.replay(again).entered_at == START + timedelta(hours=10)


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from([OPEN_STAGE, OTHER, WON_STAGE])), max_size=8))
def test_spans_are_replay_at_every_moment(moves: list[tuple[int, tuple]]) -> None:
    events = [history()[0]]
    events += [event(n, MOVED, hour, stage=where) for n, (hour, where) in enumerate(moves, start=2)]
    stretches = ledger.spans(events)
    for hour in range(11):
        moment = START + timedelta(hours=hour, minutes=1)
        held = [s for s in stretches if s.valid_from <= moment and (s.valid_to is None or s.valid_to > moment)]
        assert [s.state for s in held] == [ledger.replay(events, as_of=moment)]


# Through the services and the database: whatever people do in whatever order.

GESTURES = st.one_of(
    st.tuples(st.just("move"), st.integers(1, 5)),
    st.tuples(st.just("close"), st.sampled_from(["won", "lost", "discarded"]), st.integers(0, 5)),
    st.tuples(st.just("past_move"), st.integers(1, 6), st.integers(1, 200)),
    st.tuples(st.just("past_amount"), st.integers(1, 9), st.integers(1, 200)),
    st.tuples(st.just("amount"), st.integers(0, 9)),
    st.tuples(st.just("owner"), st.sampled_from(["bob", "dave"])),
    st.tuples(st.just("date"), st.integers(1, 28)),
    st.tuples(st.just("reclose"), st.integers(0, 9)),
    st.tuples(st.just("undo")),
    st.tuples(st.just("void"), st.integers(0, 9)),
)
STEPS = st.lists(st.tuples(st.sampled_from([0, 20, 3600, 40_000, 200_000]), GESTURES), min_size=1, max_size=9)


def act(deal: Deal, gesture: tuple, owners: dict[str, int]) -> None:
    """One thing a person may do; what is refused changes nothing."""
    what, *details = gesture
    if what == "move":
        move(deal, details[0])
    elif what == "close":
        move(deal, details[0], closed_on=local_date(utcnow()) - timedelta(days=details[1]))
    elif what == "past_move":
        move(deal, details[0], at=utcnow() - timedelta(hours=details[1]))
    elif what == "past_amount":
        services.change_deal(deal, {"amount": euros(details[0])}, at=utcnow() - timedelta(hours=details[1]))
    elif what == "amount":
        services.change_deal(deal, {"amount": euros(details[0]) if details[0] else None})
    elif what == "owner":
        services.change_deal(deal, {"owner_id": owners[details[0]]})
    elif what == "date":
        services.change_deal(deal, {"expected_close": date(2026, 3, details[0])})
    elif what == "reclose":
        services.change_deal(deal, {"closed_on": local_date(utcnow()) - timedelta(days=details[0])})
    else:
        told = db.session.scalars(select(DealEvent).filter_by(deal_id=deal.id).order_by(DealEvent.id)).all()
        if what == "undo":
            services.undo(deal, told[-1].id)
        else:
            services.void_events(deal, {told[details[0] % len(told)].id})


def visited(events: list[DealEvent]) -> dict[int, tuple]:
    """By stage: when a deal came into it first, how often, how many seconds it was open there and is no more, what it was when
    it came in, from which stage, and in how many others it had been. Straight from the events."""
    voided = {e.voids_id for e in events}
    told = sorted((e for e in events if e.kind != VOIDED and e.id not in voided), key=lambda e: (e.at, e.id))
    moves = [e for e in told if "stage" in e.sets.split(",")]
    entries = [e for n, e in enumerate(moves) if not n or e.stage_id != moves[n - 1].stage_id]
    found = {}
    for place, stage_id in enumerate(dict.fromkeys(e.stage_id for e in entries)):
        at, first = next((n, e) for n, e in enumerate(entries) if e.stage_id == stage_id)
        stays = [(e.at, left.at) for e, left in pairwise(entries) if e.stage_id == stage_id and e.state == "open"]
        seconds = sum(int(end.timestamp()) - int(start.timestamp()) for start, end in stays)
        then = ledger.replay(events, as_of=first.at)
        was = (then.credit_owner_id, then.credit_team_id, then.amount_minor, then.currency)
        times = sum(e.stage_id == stage_id for e in entries)
        here = moves[-1].state == "open" and moves[-1].stage_id == stage_id
        now = (moves[-1].state, entries[-1].at if here else None)
        came = (entries[at - 1].stage_id if at else None, place)
        found[stage_id] = (first.at, first.local_date, times, seconds, *was, *now, *came)
    return found


STAY = ("entered_at", "entered_on", "entries", "seconds", "owner_id", "team_id", "amount_minor", "currency", "state", "since",
        "after_id", "place")  # fmt: skip


def stored_stays(deal_id: int) -> dict[int, tuple]:
    rows = select(DealStage).where(DealStage.deal_id == deal_id)
    found = db.session.scalars(rows, execution_options={"populate_existing": True})
    return {row.stage_id: tuple(getattr(row, name) for name in STAY) for row in found}


def check(deal_id: int, moments: list[datetime]) -> None:
    """Replay equals projection equals spans: now, and for every pair of moments."""
    events = db.session.scalars(select(DealEvent).filter_by(deal_id=deal_id)).all()
    now = utcnow()
    mine = select(DealSpan).where(DealSpan.deal_id == deal_id)
    deal = db.session.scalars(select(Deal).filter_by(id=deal_id), execution_options={"populate_existing": True}).one()
    current = db.session.scalars(mine.where(holds(None, None, now))).one()
    assert ledger.replay(events) == DealState.of(deal) == DealState.of(current)
    assert len({e.id for e in events}) == len(events)
    assert stored_stays(deal_id) == visited(events)
    for known_at in moments:
        for as_of in moments:
            held = db.session.scalars(mine.where(holds(as_of, known_at, now))).all()
            expected = ledger.replay(events, as_of=min(as_of, known_at), known_at=known_at)
            assert [DealState.of(span) for span in held] == ([expected] if expected else [])


@pytest.mark.parametrize("examples", [60])
def test_replay_is_projection_is_spans_whatever_happens(one, people, examples: int) -> None:
    owners = {name: people[name].member_id for name in ("bob", "dave")}

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(STEPS)
    def property_(steps: list) -> None:
        with time_machine.travel(START, tick=False) as traveller, one.app.app_context(), acting_for(one.id, owners["bob"]):
            deal, moments = make_deal(), [START - timedelta(minutes=1)]
            for seconds, gesture in steps:
                moments.append(utcnow() + timedelta(seconds=1))
                traveller.shift(timedelta(seconds=seconds))
                try:
                    with db.session.begin_nested():
                        act(deal, gesture, owners)
                except Refusal:
                    db.session.refresh(deal)
            traveller.shift(timedelta(hours=1))
            check(deal.id, moments)

    property_()


def test_undo_leaves_figures_as_before_and_history_complete(one, people) -> None:
    bob = people["bob"].member_id
    with clock("2026-02-10T10:00:00") as traveller, one.app.app_context(), acting_for(one.id, bob):
        deal = make_deal(on=date(2026, 1, 10), expected_close=date(2026, 3, 1))
        make_deal(name="Another", on=date(2026, 1, 11))
        traveller.shift(60)
        before, state = all_figures(), DealState.of(deal)
        moved = move(deal, "won", amount=euros(700), closed_on=date(2026, 2, 1))
        assert all_figures() != before
        traveller.shift(8)
        services.undo(deal, moved.id)
        assert all_figures() == before
        assert DealState.of(deal) == state
        kinds = db.session.scalars(select(DealEvent.kind).filter_by(deal_id=deal.id).order_by(DealEvent.id)).all()
        assert kinds == [CREATED, MOVED, VOIDED]
        # What we believed in between is still on record.
        assert all_figures(known_at=at("2026-02-10T10:01:04"))["won_count"][0]


def test_a_late_win_is_known_late(one, people) -> None:
    with clock("2026-02-10T10:00:00"), one.app.app_context(), acting_for(one.id, people["bob"].member_id):
        deal = make_deal(on=date(2026, 1, 10))
        move(deal, "won", closed_on=date(2026, 1, 20))
        spans = select(DealSpan.state).where(DealSpan.deal_id == deal.id)
        january = at("2026-01-25T00:00:00")
        now = utcnow()
        assert db.session.scalars(spans.where(holds(january, None, now))).all() == ["won"]
        assert db.session.scalars(spans.where(holds(january, january, now))).all() == []


def test_a_move_costs_the_same_however_long_the_history(one, people) -> None:
    with one.app.app_context(), acting_for(one.id, people["bob"].member_id):
        deal = make_deal()
        move(deal, 2)
        with statements() as first:
            move(deal, 3)
        for _ in range(10):
            move(deal, 4)
            move(deal, 3)
        with statements() as later:
            move(deal, 4)
        assert len(first) == len(later) <= 11


def test_stages_are_known_by_their_type_alone(one, people) -> None:
    with one.app.app_context(), acting_for(one.id, people["bob"].member_id):
        for found in db.session.scalars(select(Stage)):
            found.name = f"Won Lost Open {found.position}"
        db.session.flush()
        deal = make_deal()
        move(deal, "lost", reason=reason("lost"))
        assert deal.state == "lost"
        assert stage("won").type == "won"


def test_existing_deals_get_their_stages_by_migration(one, people) -> None:
    """From the events and spans of a database that has none yet comes what the services would have kept."""
    with one.app.app_context(), acting_for(one.id, people["bob"].member_id):
        busy, quiet, gone = make_deal(on=date(2026, 1, 10)), make_deal(), make_deal()
        for where in (3, 2, 3, "won", 2):
            moved = move(busy, where)
        services.void_events(busy, {moved.id})
        services.change_deal(busy, {"amount": euros(700), "owner_id": people["dave"].member_id})
        move(quiet, "lost", closed_on=local_date(utcnow()))
        trash.hide_deals([gone.id])
        db.session.flush()
        kept = {deal.id: stored_stays(deal.id) for deal in (busy, quiet, gone)}
        assert [len(kept[deal.id]) for deal in (busy, quiet, gone)] == [4, 2, 0]
        stays.remove(kept)
        migrations = Path(crm.__file__).parent / "migrations"
        with Operations.context(MigrationContext.configure(db.session.connection())) as op:
            import_file(migrations / "crm_0006_leads_activities_parts.py")._deal_stages()
            op.execute(import_file(migrations / "crm_0010_months_and_places.py").PLACES)
        assert {deal_id: stored_stays(deal_id) for deal_id in kept} == kept


def import_file(path: Path) -> Any:
    spec = spec_from_file_location(path.stem, path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
