"""Thirteen deals of which every figure is known by hand, and what it would be if it were defined as others do.

A company in Bogotá that keeps its books in dollars, in the first quarter of 2026. D3 is won on 31 March there and on
1 April in UTC. D4 is won, reopened, and won again for another amount. D5, D8 and D10 are in euros, worth 1.10 dollars until
February and 1.20 from March on. D7 was expected to close on a day that is over. D8 and D9 began before the quarter. D10
skips a stage, D11 goes back and forth. D13 is a duplicate, and discarded.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from app.core.db import db
from app.core.models import Company
from app.core.money import Money
from app.modules.crm import services
from app.modules.crm.models import DISCARDED, LOST, OPEN, WON, Pipeline, Stage
from tests.core.api_client import BASE, asking
from tests.modules.crm.making import at, clock, figure, rate, value

STAGES = (("Lead", OPEN, 10, False), ("Qualified", OPEN, 30, True), ("Proposal", OPEN, 60, True), ("Won", WON, 100, True),
          ("Lost", LOST, 0, True), ("Discarded", DISCARDED, 0, True))  # fmt: skip
RATES = ((date(2026, 1, 1), "1.10"), (date(2026, 3, 1), "1.20"))
# Name, begun (UTC), currency, expected close; then when (UTC), where to, the amount from then on.
FACTS = (
    ("D1", "2026-01-05T15:00", "USD", None, ("2026-01-10T15:00", "Qualified", 10000), ("2026-01-20T15:00", "Proposal", 10000), ("2026-02-10T16:00", "Won", 10000)),
    ("D2", "2026-01-07T15:00", "USD", None, ("2026-01-12T15:00", "Qualified", 8000), ("2026-02-01T15:00", "Lost", 8000)),
    ("D3", "2026-01-20T15:00", "USD", None, ("2026-01-25T15:00", "Qualified", 20000), ("2026-02-05T15:00", "Proposal", 20000), ("2026-04-01T03:30", "Won", 20000)),
    ("D4", "2026-02-01T15:00", "USD", None, ("2026-02-03T15:00", "Qualified", 12000), ("2026-02-10T15:00", "Proposal", 12000), ("2026-02-20T15:00", "Won", 12000), ("2026-03-05T15:00", "Proposal", 15000), ("2026-03-25T15:00", "Won", 15000)),
    ("D5", "2026-02-15T15:00", "EUR", None, ("2026-02-18T15:00", "Qualified", 5000), ("2026-03-01T15:00", "Proposal", 5000), ("2026-03-20T15:00", "Lost", 5000)),
    ("D6", "2026-03-01T15:00", "USD", date(2026, 6, 15), ("2026-03-05T15:00", "Qualified", 30000)),
    ("D7", "2026-03-10T15:00", "USD", date(2026, 3, 25), ("2026-03-10T15:00", "Lead", 10000)),
    ("D8", "2025-11-15T15:00", "EUR", None, ("2025-11-20T15:00", "Qualified", 10000), ("2025-12-01T15:00", "Proposal", 10000), ("2026-01-15T15:00", "Won", 10000)),
    ("D9", "2025-12-10T15:00", "USD", None, ("2025-12-15T15:00", "Qualified", 9000), ("2025-12-20T15:00", "Proposal", 9000), ("2026-01-20T15:00", "Lost", 9000)),
    ("D10", "2026-02-20T15:00", "EUR", None, ("2026-02-25T15:00", "Proposal", 10000), ("2026-03-10T15:00", "Won", 10000)),
    ("D11", "2026-01-12T15:00", "USD", None, ("2026-01-15T15:00", "Qualified", 7000), ("2026-01-25T15:00", "Proposal", 7000), ("2026-02-05T15:00", "Qualified", 7000), ("2026-02-20T15:00", "Proposal", 7000), ("2026-03-02T15:00", "Lost", 7000)),
    ("D12", "2026-03-28T15:00", "USD", date(2026, 5, 30), ("2026-03-30T15:00", "Qualified", 6000)),
    ("D13", "2026-02-02T15:00", "USD", None, ("2026-02-03T15:00", "Discarded", 4000)),
)  # fmt: skip
Q1 = {"start": date(2026, 1, 1), "end": date(2026, 3, 31)}
Q2 = {"start": date(2026, 4, 1), "end": date(2026, 6, 30)}


def dollars(amount: int | str) -> Money:
    return Money(int(Decimal(amount) * 100), "USD")


def tell(company_id: int) -> None:
    company = db.session.get_one(Company, company_id)
    company.timezone, company.currency = "America/Bogota", "USD"
    for day, worth in RATES:
        rate("EUR", day, Decimal(worth))
    pipeline = Pipeline(name="Golden", position=9)
    db.session.add(pipeline)
    db.session.flush()
    stages = {name: Stage(pipeline_id=pipeline.id, name=name, type=kind, probability=chance, qualified=qualified, position=place)
              for place, (name, kind, chance, qualified) in enumerate(STAGES, start=1)}  # fmt: skip
    db.session.add_all(stages.values())
    db.session.flush()
    for name, begun, currency, expected, *steps in FACTS:
        first = {"name": name, "stage_id": stages["Lead"].id, "amount": Money(steps[0][2] * 100, currency), "expected_close": expected}
        deal = services.create_deal(first, at=at(begun), source="import")
        for when, where, amount in steps:
            if stages[where].id != deal.stage_id:
                money = Money(amount * 100, currency)
                services.move_deal(deal, stages[where], version=None, amount=money, at=at(when), source="import")


@contextmanager
def golden(one: Any) -> Iterator[None]:
    """On 1 April 2026, an hour before noon in Bogotá."""
    with clock("2026-04-01T16:00:00"), one:
        tell(one.id)
        yield


def parts(name: str, **query: Any) -> tuple[Any, Any]:
    row = figure(name, **query).total
    return row.numerator, row.denominator


def by_stage(name: str, attribute: str = "value", **query: Any) -> dict[str, Any]:
    return {row.by["stage"]: getattr(row, attribute) for row in figure(name, by=("stage",), **query).rows}


def test_m01_win_rate_of_the_period(one) -> None:
    with golden(one):
        assert parts("win_rate", **Q1) == (5, 9)
        # In UTC 4/8, wins counted as often as they happened 6/10, discarded taken for lost 5/10.
        assert value("win_rate", **Q1) not in (Decimal("0.5"), Decimal("0.6"))
        assert (value("won_count", **Q1), value("lost_count", **Q1), value("discarded_count", **Q1)) == (5, 4, 1)


def test_m02_win_rate_by_value(one) -> None:
    with golden(one):
        assert parts("win_rate_value", **Q1) == (dollars(68_000), dollars(98_000))
        assert value("won_amount", **Q1) == dollars(68_000)
        assert value("won_amount", **Q1) != dollars(65_000)  # currencies added up raw


def test_m03_win_rate_of_the_cohort(one) -> None:
    with golden(one):
        assert parts("created_win_rate", **Q1) == (4, 10)
        assert parts("created_open_rate", **Q1) == (3, 10)
        assert value("created_win_rate", **Q1) != Decimal(4) / 7  # of those decided only


def test_m04_funnel_of_the_cohort(one) -> None:
    with golden(one):
        assert by_stage("funnel_reached", **Q1) == {"Lead": 10, "Qualified": 9, "Proposal": 6, "Won": 4}
        assert value("funnel_reached", **Q1) == 10
        reached, further = by_stage("stage_conversion", "denominator", **Q1), by_stage("stage_conversion", "numerator", **Q1)
        assert reached == {"Lead": 10, "Qualified": 9, "Proposal": 6}
        assert further == {"Lead": 9, "Qualified": 6, "Proposal": 4}
        # By rows of a log Qualified to Proposal would be 8/9, without the deals that were lost 1.
        assert by_stage("stage_conversion", **Q1)["Qualified"] == Decimal(6) / 9


def test_m06_time_in_stage(one) -> None:
    """In Qualified: 5, 7, 10, 11, 11, 11, 20, and D11's 10 + 15 days; D6 is there for 27 days now, D12 for 2."""
    with golden(one):
        assert by_stage("time_in_stage_days")["Qualified"] == 11
        assert by_stage("time_in_stage_days", "n")["Qualified"] == 10
        without_running = figure("time_in_stage_days_p90", by=("stage",), end=date(2026, 2, 28)).rows
        # 5, 7, 10, 11, 11, 11, 20, 25: nine of ten are over at the eighth.
        assert {row.by["stage"]: row.value for row in without_running}["Qualified"] == 25


def test_m07_sales_cycle(one) -> None:
    with golden(one):
        assert value("sales_cycle_days", **Q1) == 52
        assert round(value("sales_cycle_days_mean", **Q1), 1) == Decimal("47.4")
        assert value("sales_cycle_days_p90", **Q1) == 70


def test_m08_average_size(one) -> None:
    with golden(one):
        assert value("average_deal_size", **Q1) == dollars(13_600)


def test_m09_velocity(one) -> None:
    """D6 and D12 are qualified and open: 2 × 5/9 × 13,600 ÷ 47.4."""
    with golden(one):
        assert value("sales_velocity", **Q1) == dollars("318.80")
        assert value("sales_velocity", **Q1) != dollars("478.20")  # with D7, which is not qualified


def test_m10_to_m14_pipeline_of_the_next_quarter(one) -> None:
    with golden(one):
        assert value("open_pipeline", **Q2) == dollars(36_000)  # 0.60 of a quota of 60,000
        assert value("weighted_pipeline", **Q2) == dollars(10_800)  # 0.18 of it
        assert value("open_amount") == dollars(46_000)  # with D7: 0.77
        needed = figure("win_rate_value", **Q1).total
        assert round(1 / needed.value, 2) == Decimal("1.44")
        assert [(r.by["category"], r.value) for r in figure("category_forecast", by=("category",), **Q2).rows] == [("Pipeline", dollars(36_000))]


def test_m17_pipeline_created(one) -> None:
    """10,000 + 8,000 + 20,000 + 12,000 + 5,000 € + 30,000 + 10,000 € + 7,000 + 6,000, the euros at 1.10."""
    with golden(one):
        assert value("pipeline_created", **Q1) == dollars(109_500)
        assert value("pipeline_created", **Q1) != dollars(114_000)  # with amounts and rates of today
        assert parts("discard_rate", **Q1) == (0, 9)


def test_what_was_so_and_what_was_known_in_february(one) -> None:
    february = at("2026-03-01T04:59:59")
    with golden(one):
        assert value("won_amount", as_of=february) == dollars(33_000)  # D1, D4 for the first time, D8
        assert by_stage("funnel_reached", as_of=february, **Q1) == {"Lead": 7, "Qualified": 7, "Proposal": 5, "Won": 2}
        assert value("pipeline_created", as_of=february) == dollars(82_500)  # D1-D5, D9-D11; not D8, for want of a rate
        assert figure("pipeline_created", as_of=february).excluded["no_rate"] == 1
        assert value("won_count", known_at=february) == 0


ANSWERS = {
    "crm.win_rate": (0.555556, 5, 9),
    "crm.win_rate_value": (0.693878, "68000.00", "98000.00"),
    "crm.created_win_rate": (0.4, 4, 10),
    "crm.average_deal_size": ("13600.00", "68000.00", 5),
    "crm.sales_cycle_days": (52,),
    "crm.sales_velocity": ("318.80",),
    "crm.won_amount": ("68000.00",),
    "crm.pipeline_created": ("109500.00",),
}


@pytest.fixture
def told(one, people) -> Iterator[Any]:
    with clock("2026-04-01T16:00:00"):
        with one:
            tell(one.id)
        yield one


@pytest.mark.parametrize("name", ANSWERS)
def test_command_and_api_say_the_same(app, told, people, name: str) -> None:
    asked = ["metric", name, "--company", "one", "--from", "2026-01-01", "--to", "2026-03-31", "--json"]
    said = app.test_cli_runner().invoke(args=asked)
    assert said.exit_code == 0, said.output
    answer = json.loads(said.output)
    row = answer["rows"][0]
    wanted = ANSWERS[name]
    assert row["value"] == wanted[0]
    assert (row.get("numerator"), row.get("denominator")) == (wanted[1:] or (None, None))
    by_api = asking(app, people["alice"]).get(f"{BASE}/metrics/{name}?from=2026-01-01&to=2026-03-31").json
    assert by_api["rows"] == answer["rows"]


def test_a_small_share_comes_with_its_interval(one) -> None:
    with golden(one):
        row = figure("win_rate", **Q1).total
        assert row.small
        assert (round(row.low, 3), round(row.high, 3)) == (Decimal("0.267"), Decimal("0.811"))
        many = figure("created_win_rate").total  # twelve
        assert (many.small, many.low, many.high) == (False, None, None)
