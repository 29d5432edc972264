"""The figures of the pipeline against plain Python over the same facts."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from random import Random
from statistics import mean, median
from typing import Any

import pytest
from flask import g
from sqlalchemy import select

from app.core.access import enter_company
from app.core.clock import end_of
from app.core.db import db, utcnow
from app.core.metrics import MetricQuery, drill, evaluate, evaluate_together
from app.core.models import Company, Membership, Rate, Role, Team
from app.core.money import Money
from app.core.tenancy import acting_for
from app.core.writes import create
from app.modules.crm import bulk, services
from app.modules.crm.board_sums import board_sums
from app.modules.crm.models import Deal, Stage
from tests.modules.crm.making import (
    FIGURES,
    all_figures,
    clock,
    euros,
    figure,
    make_deal,
    move,
    rate,
    stage,
    statements,
    value,
)


def test_a_missing_rate_leaves_a_deal_out_and_says_so(one, people) -> None:
    with clock("2026-03-10T11:00:00"), one.app.app_context(), acting_for(one.id, people["bob"].member_id):
        for amount in (euros(100), Money(7_000, "GBP"), None):
            deal = make_deal(amount=amount)
            make_deal(amount=amount)
            services.change_deal(deal, {"stage_id": stage("won").id}, source="import")
        won = figure("won_amount")
        assert (won.total.value, won.total.n, won.excluded) == (euros(100), 1, {"no_rate": 1, "no_amount": 1})
        open_ = figure("open_amount")
        assert (open_.total.value, open_.total.n, open_.excluded) == (euros(100), 1, {"no_rate": 1, "no_amount": 1})
        assert len(db.session.scalars(drill("crm.open_amount", MetricQuery())).all()) == 1
        assert value("won_count") == 3
        assert value("average_deal_size") == euros(100)


def test_nothing_decided_is_no_rate(one) -> None:
    with one:
        assert value("win_rate") is None
        assert value("sales_cycle_days") is None
        assert value("average_deal_size") is None
        assert (value("won_count"), value("won_amount")) == (0, euros(0))
        assert figure("win_rate").plain()["rows"] == [{"by": {}, "value": None, "n": 0, "numerator": 0, "denominator": 0}]


def test_won_reopened_won_counts_once(one, people) -> None:
    with clock("2026-01-10T11:00:00") as time, one.app.app_context(), acting_for(one.id, people["bob"].member_id):
        deal = make_deal()
        move(deal, "won")
        time.shift(timedelta(days=30))
        move(deal, 3)
        time.shift(timedelta(days=30))
        move(deal, "won", amount=euros(1500))
        by_month = {row.by["month"]: row.value for row in figure("won_amount", by=("month",)).rows}
        assert by_month == {"2026-03": euros(1500)}
        assert value("won_count", as_of=end_of(date(2026, 1, 20))) == 1


def test_a_win_counts_for_the_owner_of_that_day(one, people) -> None:
    with clock("2026-01-10T11:00:00") as time, one.app.app_context(), acting_for(one.id, people["bob"].member_id):
        deal = make_deal()
        move(deal, "won")
        time.shift(3600)
        services.change_deal(deal, {"owner_id": people["dave"].member_id})
        assert [r.by for r in figure("won_count", by=("owner", "team")).rows] == [{"owner": "Bob", "team": "North"}]


def test_figures_by_fiscal_quarter(one) -> None:
    with one as session:
        from_april = [(date(2025, 3, 31), "2024-Q4"), (date(2025, 4, 1), "2025-Q1"), (date(2026, 1, 31), "2025-Q4")]
        bulk.import_deals([{"name": "x", "stage_id": stage("won").id, "closed_on": day} for day, _label in from_april])
        session.get_one(Company, one.id).fiscal_year_start = 4
        rows = figure("won_count", by=("quarter",)).rows
        assert [row.by["quarter"] for row in rows] == [label for _day, label in from_april]


def crowd(session: Any, n: int) -> list[dict[str, Any]]:
    """Rows of deals of all kinds, always the same ones."""
    chance = Random(7)
    members = [None, *session.scalars(select(Membership.id).order_by(Membership.id))]
    stages = session.scalars(select(Stage).order_by(Stage.position)).all()
    rows = []
    for number in range(n):
        where = chance.choice(stages)
        opened = date(2025, 1, 1) + timedelta(days=chance.randrange(300))
        closed = opened + timedelta(days=chance.randrange(120)) if where.type != "open" else None
        currency = chance.choice(["EUR", "EUR", "USD", "GBP"])
        rows.append(
            {
                "name": f"Deal {number}",
                "stage_id": where.id,
                "state": where.type,
                "opened_on": opened,
                "closed_on": closed,
                "owner_id": chance.choice(members),
                "amount": chance.choice([None, *[Money(chance.randrange(10**6), currency)] * 5]),
                "expected_close": chance.choice([None, date(2026, chance.randrange(1, 13), 5)]),
                "product": chance.choice([None, "Press", "Oven"]),
            }
        )
    return rows


def expected(rows: list[dict[str, Any]], start: date, end: date) -> dict[str, Any]:
    """The same figures in plain Python, straight from the definitions; USD at 0.9 then 0.8, GBP without a rate."""

    def worth(row: dict[str, Any], day: date) -> int | None:
        if row["amount"] is None or row["amount"].currency == "GBP":
            return None
        if row["amount"].currency == "EUR":
            return row["amount"].minor
        times = Decimal("0.9") if day < date(2025, 6, 1) else Decimal("0.8")
        return int((row["amount"].minor * times).quantize(Decimal(1), "ROUND_HALF_UP"))

    decided = [r for r in rows if r["closed_on"] and start <= r["closed_on"] <= end]
    won = [r for r in decided if r["state"] == "won"]
    lost = [r for r in decided if r["state"] == "lost"]
    won_worth = [w for r in won if (w := worth(r, r["closed_on"])) is not None]
    lost_worth = [w for r in lost if (w := worth(r, r["closed_on"])) is not None]
    days = [(r["closed_on"] - r["opened_on"]).days for r in won]
    return {
        "deal_count": sum(start <= r["opened_on"] <= end for r in rows),
        "won_count": len(won),
        "won_amount": Money(sum(won_worth), "EUR"),
        "lost_count": len(lost),
        "discarded_count": len(decided) - len(won) - len(lost),
        "open_count": sum(r["state"] == "open" for r in rows),
        "win_rate": Decimal(len(won)) / (len(won) + len(lost)),
        "win_rate_value": Decimal(sum(won_worth)) / (sum(won_worth) + sum(lost_worth)),
        "average_deal_size": Money(round(Decimal(sum(won_worth)) / len(won_worth)), "EUR"),
        "sales_cycle_days": Decimal(str(median(days))),
        "sales_cycle_days_mean": round(Decimal(mean(days)), 9),
    }


def make_crowd(session: Any, n: int = 400) -> list[dict[str, Any]]:
    rate("USD", date(2025, 1, 1), Decimal("0.9"))
    rate("USD", date(2025, 6, 1), Decimal("0.8"))
    rows = crowd(session, n)
    bulk.import_deals(rows)
    return rows


@pytest.mark.parametrize(
    ("start", "end"), [(date(2025, 1, 1), date(2026, 12, 31)), (date(2025, 4, 10), date(2025, 7, 3))]
)
def test_figures_are_what_plain_python_says(one, start: date, end: date) -> None:
    with clock("2026-06-15T10:00:00"), one as session:
        rows = make_crowd(session)
        wanted = expected(rows, start, end)
        found = {name: value(name, start=start, end=end) for name in wanted}
        found["sales_cycle_days_mean"] = round(found["sales_cycle_days_mean"], 9)
        assert found == wanted


def test_the_open_pipeline_is_what_plain_python_says(one) -> None:
    with clock("2026-06-15T10:00:00"), one as session:
        rows = make_crowd(session)
        first = stage(1).id
        open_ = [r for r in rows if r["state"] == "open" and r["amount"] and r["amount"].currency != "GBP"]
        chance = {s.id: s.probability for s in session.scalars(select(Stage))}
        total = weighted = Decimal(0)
        for currency, times in (("EUR", Decimal(1)), ("USD", Decimal("0.8"))):
            mine = [r for r in open_ if r["amount"].currency == currency]
            total += round(sum(r["amount"].minor for r in mine) * times)
            weighted += sum(r["amount"].minor * chance[r["stage_id"]] * times / 100 for r in mine)
        assert value("open_amount") == Money(int(total), "EUR")
        # Each currency and stage is converted and rounded once: a cent here and there.
        assert abs(value("weighted_pipeline").minor - weighted) < 10
        qualified = {r.keys["stage"]: r for r in figure("open_pipeline", by=("stage",)).rows}
        assert first not in qualified
        assert set(qualified) == {r["stage_id"] for r in open_} - {first}


def test_present_and_past_facts_give_the_same_figures(one) -> None:
    with clock("2026-06-15T10:00:00"), one as session:
        make_crowd(session, 150)
        for name in FIGURES:
            for by in ((), ("owner", "month"), ("stage", "quarter"), ("product", "team")):
                now, then = figure(name, by=by), figure(name, by=by, as_of=utcnow())
                assert (name, now.rows, now.excluded) == (name, then.rows, then.excluded)
                assert now.rows


def test_a_drill_down_lists_exactly_the_rows_of_each_line(one) -> None:
    with clock("2026-06-15T10:00:00"), one as session:
        make_crowd(session, 150)
        for name, as_of in product(FIGURES, (None, utcnow())):
            for row in figure(name, by=("owner", "stage"), as_of=as_of).rows:
                ids = session.scalars(drill(f"crm.{name}", MetricQuery(filters=row.keys, as_of=as_of))).all()
                assert (name, len(ids), len(set(ids))) == (name, row.n, row.n)


def test_a_figure_is_one_select_and_one_per_name(one) -> None:
    with one as session:
        make_crowd(session, 60)
        figure("won_count")  # which modules are on is asked once
        for name in FIGURES:
            g.pop("dimension_labels", None)  # names are asked for once a context
            with statements() as sent:
                figure(name, by=("owner", "stage"))
            in_currencies = name in ("open_amount", "open_pipeline", "weighted_pipeline")
            assert len(sent) == (4 if in_currencies else 3)  # the figure, two names, and the rates


def see_as(session: Any, person: Any, *permissions: str) -> None:
    """Ask for the rest of this context as somebody with these permissions, who sees their own records only."""
    role = create(Role, {"key": "odd", "name": "Odd", "permissions": list(permissions), "scopes": {"crm.deal": "own"}})
    session.get_one(Membership, person.member_id).role_id = role.id
    session.flush()
    assert enter_company("one", person.user_id)


@pytest.mark.parametrize(
    ("permissions", "seen"), [((), 1), (("crm.figures.team",), 2), (("crm.figures.company",), 3)]
)
def test_figures_are_confined_by_permission_and_not_by_record(one, people, permissions: tuple, seen: int) -> None:
    with one as session:
        for name in ("bob", "mona", "dave"):
            make_deal(owner_id=people[name].member_id)
        session.flush()
        see_as(session, people["mona"], "crm.deal.view", *permissions)
        assert value("open_count") == seen
        # A board shows the records that may be opened, and sums those.
        assert [s.count for s in board_sums({})[0].values()] == [1]


def test_a_figure_cannot_be_widened_by_asking(one, people) -> None:
    with one as session:
        make_deal(owner_id=people["dave"].member_id)
        see_as(session, people["bob"], "crm.deal.view")
        wide = MetricQuery(scope=frozenset({people["dave"].member_id, people["bob"].member_id}))
        assert evaluate("crm.open_count", wide).total.value == 0


def test_board_sums_follow_the_filters(one, people) -> None:
    with one as session:
        bob, dave = people["bob"].member_id, people["dave"].member_id
        make_deal(owner_id=bob, expected_close=date(2026, 5, 1))
        make_deal(owner_id=dave, name="Óven line", amount=euros(300))
        move(make_deal(owner_id=dave, amount=None), 2)
        session.flush()
        first, second = stage(1).id, stage(2).id
        sums, excluded = board_sums({})
        assert excluded == 0
        assert (sums[first].count, sums[first].amount, sums[first].weighted) == (2, euros(1300), euros(130))
        assert (sums[second].count, sums[second].amount) == (1, euros(0))
        assert board_sums({"owner": bob})[0][first].count == 1
        assert board_sums({"owner": [bob, dave], "text": "oven"})[0][first].amount == euros(300)
        assert board_sums({"expected_from": date(2026, 4, 1), "expected_to": date(2026, 5, 1)})[0][first].count == 1
        assert board_sums({"account": None, "stage": second})[0][second].count == 1
        north = session.scalars(select(Team.id).filter_by(name="North")).one()
        assert set(board_sums({"team": north})[0]) == {first}


OPEN_FIGURES = ("crm.open_amount", "crm.weighted_pipeline", "crm.open_count")


@pytest.mark.parametrize("by", [(), ("stage",), ("owner", "stage"), ("month",)])
def test_figures_asked_for_together_are_those_asked_for_one_by_one(one, people, by) -> None:
    with one as session:
        bob, dave = people["bob"].member_id, people["dave"].member_id
        session.add(Rate(currency="USD", valid_from=date(2020, 1, 1), rate=Decimal("0.9")))
        make_deal(owner_id=bob, expected_close=date(2026, 5, 1))
        make_deal(owner_id=dave, amount=Money(777_77, "USD"))
        make_deal(owner_id=dave, amount=Money(1_000, "JPY"))  # no rate
        move(make_deal(owner_id=dave, amount=None), 2)
        session.flush()
        for filters in ({}, {"owner": dave}, {"text": "nothing like it"}):
            query = MetricQuery(by=by, filters=filters)
            together = evaluate_together(OPEN_FIGURES, query)
            alone = [evaluate(name, query) for name in OPEN_FIGURES]
            assert [f.rows for f in together] == [f.rows for f in alone]
            assert [f.excluded for f in together] == [f.excluded for f in alone]
        with pytest.raises(ValueError, match="same rows"):
            evaluate_together(("crm.open_count", "crm.won_count"), MetricQuery())


def test_another_company_is_never_counted(one, two) -> None:
    with two:
        make_deal()
    with one:
        assert all(row.n == 0 for name in FIGURES for row in figure(name).rows)


def test_figures_do_not_change_when_asked_again(one, people) -> None:
    with one as session:
        make_crowd(session, 50)
        assert all_figures() == all_figures()
        assert session.scalars(select(Deal.id)).all()
