"""Many deals at once: what is told of them is what deal by deal would have told."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from app.modules.crm import ledger, spans
from app.modules.crm.bulk import FIRST, PAYLOAD, SETS, stays_of, stretches_of
from app.modules.crm.models import CLOSED, CREATED, MOVED, STATES

START = datetime(2017, 1, 1, 12, tzinfo=UTC)
IDS = st.integers(1, 3)
MAYBE = st.one_of(st.none(), IDS)
STEPS = st.lists(
    st.fixed_dictionaries(
        {
            "days": st.integers(0, 2), "stage_id": IDS, "state": st.sampled_from(STATES), "team_id": MAYBE,
            "owner_id": IDS, "account_id": MAYBE, "amount_minor": st.one_of(st.none(), st.integers(0, 10**9)),
            "reason_id": MAYBE, "reason_note": st.sampled_from(["", "why"]),
            "expected_close": st.one_of(st.none(), st.just(date(2018, 1, 1))),
        }
    ),
    min_size=1,
    max_size=5,
)  # fmt: skip


def told(steps):
    """Events in the shape in which an import tells them."""
    events, at = [], START
    for number, step in enumerate(steps):
        at += timedelta(days=step["days"])
        closes, first = step["state"] in CLOSED, number == 0
        event = {**dict.fromkeys(PAYLOAD), "pipeline_id": 1, "at": at, "local_date": at.date(), "sets": SETS[first, closes]}
        event |= {"kind": CREATED if first else MOVED}
        said = {"probability": 30, "category": "commit", **step, "currency": "EUR", "company_minor": step["amount_minor"]}
        names = ("stage_id", "state", "team_id", "reason_id", "reason_note", *(FIRST if first else ()))
        amount = ("amount_minor", "currency", "company_minor") if closes else ()
        events.append(event | {name: said[name] for name in (*names, *amount)})
    return events


@given(STEPS)
def test_the_short_way_to_the_spans_finds_what_the_fold_finds(steps):
    events = told(steps)
    fold = [spans.values(stretch) for stretch in ledger.spans_of(SimpleNamespace(**event) for event in events)]
    assert stretches_of(events) == fold


@given(STEPS)
def test_the_short_way_to_the_stages_finds_what_the_fold_finds(steps):
    events = told(steps)
    fold = [asdict(stay) for stay in ledger.stays_of(SimpleNamespace(**event) for event in events).values()]
    assert stays_of(events) == fold
