"""Errors that other products make in these figures, read in their sources; one test each that ours does not.

The numbers are those of the list they were collected in. These wait for what they are about: 9 to 12 (goals), 13 and 14
(orders and their discounts), 19 (invoices: repeat customers), 20 (targets and their variance), 23 (surveys).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.core.clock import end_of
from app.core.db import db
from app.core.metrics import metrics
from app.core.models import Company
from app.core.money import Money
from app.core.tenancy import acting_for
from app.modules.crm import services, trash
from app.modules.crm.models import Deal, Stage
from tests.modules.crm.making import clock, euros, figure, make_deal, move, rate, value


@contextmanager
def as_bob(one: Any, people: Any, now: str = "2026-03-10T11:00:00") -> Iterator[Any]:
    with clock(now) as traveller, one.app.app_context(), acting_for(one.id, people["bob"].member_id):
        yield traveller


def months(name: str, **asked: Any) -> dict[str, Any]:
    return {row.by["month"]: row.value for row in figure(name, by=("month",), **asked).rows}


def test_01_losing_a_deal_lowers_the_forecast(one, people) -> None:
    with as_bob(one, people) as time:
        deal, other = make_deal(expected_close=date(2026, 3, 20)), make_deal(expected_close=date(2026, 3, 21))
        move(deal, 3)
        move(other, 3)
        names = ("weighted_pipeline", "category_forecast", "open_amount")
        before = [value(name) for name in names]
        time.shift(60)
        move(deal, "lost")
        assert all(value(name).minor < was.minor for name, was in zip(names, before, strict=True))


def test_02_what_is_won_counts_in_the_month_it_was_won_not_in_the_one_expected(one, people) -> None:
    with as_bob(one, people):
        move(make_deal(on=date(2026, 1, 5), expected_close=date(2026, 5, 20)), "won")
        assert months("won_amount") == {"2026-03": euros(1000)}


def test_03_the_chart_and_the_card_have_one_definition(one, people) -> None:
    with as_bob(one, people):
        for begun, closed in ((date(2025, 12, 30), date(2026, 1, 10)), (date(2026, 1, 5), date(2026, 2, 10)), (date(2026, 2, 1), None)):
            deal = make_deal(on=begun)
            if closed:
                move(deal, "won", closed_on=closed)
        start = {"start": date(2026, 1, 1), "end": date(2026, 3, 31)}
        assert sum(months("won_count", **start).values()) == value("won_count", **start) == 2


def test_04_the_funnel_counts_deals_and_not_the_rows_of_a_log(one, people) -> None:
    with as_bob(one, people) as time:
        bouncing = make_deal()
        for where in (2, 3, 2, 3, 1, 3):
            time.shift(3600)
            move(bouncing, where)
        time.shift(60)
        move(bouncing, "lost")
        reached = {row.keys["stage"]: row.value for row in figure("funnel_reached", by=("stage",)).rows}
        first, second, third = (s.id for s in db.session.scalars(select(Stage).order_by(Stage.position).limit(3)))
        assert reached == {first: 1, second: 1, third: 1}


def test_05_a_won_stage_may_be_called_anything_and_reopening_clears_the_date(one, people) -> None:
    with as_bob(one, people) as time:
        for stage in db.session.scalars(select(Stage)):
            stage.name = f"Column {stage.position}"
        deal, lost = make_deal(), make_deal()
        move(deal, "won")
        move(lost, "lost")
        assert (value("won_count"), lost.closed_on) == (1, date(2026, 3, 10))
        time.shift(60)
        move(deal, 2)
        assert (value("won_count"), deal.closed_on) == (0, None)


def test_06_a_month_of_31_days_has_31_days(one, people) -> None:
    with as_bob(one, people):
        for day in range(31):
            move(make_deal(on=date(2025, 12, 1)), "won", closed_on=date(2025, 12, 1) + timedelta(days=day))
            move(make_deal(on=date(2026, 1, 1)), "won", closed_on=date(2026, 1, 1) + timedelta(days=day))
        assert months("won_count") == {"2025-12": 31, "2026-01": 31}
        assert value("won_count", start=date(2025, 12, 1), end=date(2025, 12, 31)) == 31


def test_07_more_deals_do_not_worsen_an_average(one, people) -> None:
    with as_bob(one, people):
        move(make_deal(on=date(2026, 2, 1)), "won", closed_on=date(2026, 2, 11))
        before = (value("sales_cycle_days"), value("sales_cycle_days_mean"))
        for _ in range(3):
            move(make_deal(on=date(2026, 2, 1)), "won", closed_on=date(2026, 2, 11))
        assert (value("sales_cycle_days"), value("sales_cycle_days_mean")) == before == (10, 10)


def test_08_money_is_money_and_a_count_is_a_count(one, people) -> None:
    with as_bob(one, people):
        move(make_deal(), "won")
        for metric in metrics().values():
            for row in figure(metric.id.removeprefix("crm.")).rows if metric.module == "crm" else ():
                wanted = {"money": Money, "count": int}.get(metric.unit, Decimal)
                assert row.value is None or isinstance(row.value, wanted), metric.id


def test_15_what_was_lost_last_quarter_stays_lost_when_it_is_taken_up_again(one, people) -> None:
    with as_bob(one, people) as time:
        deal = make_deal(on=date(2026, 1, 5))
        move(deal, "lost", closed_on=date(2026, 2, 1))
        time.shift(timedelta(days=30))
        services.change_deal(deal, {"stage_id": db.session.scalar(select(Stage.id).where(Stage.position == 2))})
        first = end_of(date(2026, 3, 31))
        assert figure("lost_count", by=("reason",), as_of=first).rows[0].value == 1
        assert figure("lost_count", by=("month",), as_of=first).rows[0].by["month"] == "2026-02"
        assert value("lost_count") == 0


def test_16_the_number_is_the_same_whoever_looks(one, people) -> None:
    with as_bob(one, people):
        rate("USD", date(2026, 1, 1), Decimal("0.9"))
        move(make_deal(amount=Money(10_000, "USD")), "won")
    for name in ("bob", "alice", "dave"):
        with clock("2026-03-11T11:00:00"), one.app.app_context(), acting_for(one.id, people[name].member_id):
            assert value("won_amount") == euros(90)


@pytest.mark.parametrize(("instant", "month"), [("2026-02-01T04:30:00", "2026-01"), ("2026-02-01T05:30:00", "2026-02")])
def test_17_a_win_at_half_past_eleven_at_night_counts_on_that_day(one, people, instant: str, month: str) -> None:
    with as_bob(one, people, instant):
        db.session.get_one(Company, one.id).timezone = "America/Bogota"
        move(make_deal(), "won")
        assert months("won_count") == {month: 1}


def test_18_the_date_expected_and_the_date_closed_are_two(one, people) -> None:
    with as_bob(one, people) as time:
        deal = make_deal(expected_close=date(2026, 6, 1))
        move(deal, "won")
        time.shift(60)
        services.change_deal(deal, {"expected_close": date(2026, 9, 1)})
        assert months("won_count") == {"2026-03": 1}


def test_21_a_company_without_deals_has_zero_or_nothing(one, people) -> None:
    with as_bob(one, people):
        for metric in metrics().values():
            if metric.module == "crm":
                row = figure(metric.id.removeprefix("crm.")).total
                zero = {"money": Money(0, "EUR"), "count": 0}.get(metric.unit) if metric.shape == "sum" else None
                assert (metric.id, row.value, row.n) == (metric.id, zero, 0)


def test_22_five_minutes_are_five_minutes_and_a_second_stay_is_added(one, people) -> None:
    with as_bob(one, people) as time:
        deal = make_deal()
        time.shift(timedelta(minutes=5))
        move(deal, 2)
        first = db.session.scalar(select(Stage.id).where(Stage.position == 1))

        def days() -> Decimal:
            return round(figure("time_in_stage_days", by=("stage",), filters={"stage": first}).total.value, 4)

        assert days() == Decimal("0.0035")
        time.shift(timedelta(hours=1))
        move(deal, 1)
        time.shift(timedelta(minutes=10))
        move(deal, 3)
        assert days() == Decimal("0.0104")


def test_a_deal_in_the_trash_is_in_no_figure_and_back_in_all(one, people) -> None:
    names = ("funnel_reached", "pipeline_created", "time_in_stage_days", "won_amount", "deal_count", "credited_amount")
    with as_bob(one, people) as time:
        kept, thrown = make_deal(on=date(2026, 1, 5)), make_deal(on=date(2026, 1, 6))
        for deal in (kept, thrown):
            move(deal, 2, at=end_of(date(2026, 1, 20)))
            move(deal, "won", closed_on=date(2026, 2, 1))
        before = [figure(name).rows for name in names]
        time.shift(60)
        trash.hide_deals([thrown.id])
        db.session.expire_all()
        assert [figure(name).total.n for name in ("funnel_reached", "pipeline_created", "won_amount")] == [1, 1, 1]
        time.shift(60)
        trash.show_deals([thrown.id])
        db.session.expire_all()
        assert [figure(name).rows for name in names] == before
        assert db.session.scalars(select(Deal.id)).all()
