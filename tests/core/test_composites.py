"""Figures made of other figures: rows by key, n, what is undefined, what is left out, money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask import g

from app.core.clock import noon
from app.core.composites import combined
from app.core.errors import BusinessError, Forbidden
from app.core.figures import Figure, FigureRow
from app.core.metrics import Metric, MetricQuery, drill, evaluate, metrics
from app.core.money import Money
from tests.modules.crm.making import clock, make_deal, move, statements

NOW = "2026-06-15T10:00:00"


def composite(inputs: tuple[str, ...], combine: Any, unit: str = "money", **more: Any) -> str:
    """A metric of others, as a module's `company_metrics` brings it; its id."""

    def nothing(_query: MetricQuery) -> Any:
        raise AssertionError("a composite has no select")

    made = Metric(id="crm.made", label="Made", describe="", row="G40", unit=unit, build=nothing, drill=nothing, inputs=inputs,
                  combine=combine, permission="crm.deal.view", shape="formula", dimensions=("owner", "month"), **more)  # fmt: skip
    g.metrics = {**metrics(), made.id: made}
    return made.id


def won(owner: int, euros: int, day: date) -> None:
    move(make_deal(owner_id=owner, amount=Money(euros * 100, "EUR"), on=day), "won", at=noon(day))


def test_rows_are_put_together_key_by_key(one, people) -> None:
    bob, dave = people["bob"].member_id, people["dave"].member_id
    with clock(NOW), one:
        won(bob, 100, date(2026, 5, 1))
        won(bob, 300, date(2026, 6, 1))
        won(dave, 50, date(2026, 6, 1))
        make_deal(owner_id=people["mona"].member_id)
        asked = composite(("crm.won_amount", "crm.deal_count"), lambda v: v["crm.won_amount"] / v["crm.deal_count"] if v["crm.deal_count"] else None)
        found = {row.keys["owner"]: (row.value, row.n) for row in evaluate(asked, MetricQuery(by=("owner",))).rows}
        assert found == {bob: (Money(20000, "EUR"), 2), dave: (Money(5000, "EUR"), 1), people["mona"].member_id: (Money(0, "EUR"), 0)}
        whole = evaluate(asked, MetricQuery()).total
        assert (whole.value, whole.n) == (Money(11250, "EUR"), 3)
        by = evaluate(asked, MetricQuery(by=("owner", "month"), filters={"owner": bob})).rows
        assert [row.by["owner"] for row in by] == ["Bob", "Bob"]
        plain = evaluate(asked, MetricQuery()).plain()
        assert plain["rows"] == [{"by": {}, "value": "112.50", "n": 3, "currency": "EUR"}]


def test_what_is_undefined_makes_it_undefined_and_money_is_rounded_at_the_end(one, people) -> None:
    bob = people["bob"].member_id
    with clock(NOW), one:
        won(bob, 100, date(2026, 6, 1))
        third = composite(("crm.won_amount",), lambda v: v["crm.won_amount"] / 3)
        assert evaluate(third, MetricQuery()).total.value == Money(3333, "EUR")
        seen: list[Mapping[str, Decimal | None]] = []
        cycle = composite(("crm.won_amount", "crm.sales_cycle_days"), lambda v: seen.append(v) or v["crm.won_amount"])
        assert evaluate(cycle, MetricQuery(start=date(2020, 1, 1), end=date(2020, 2, 1))).total.value is None
        assert seen == []  # it is not even asked


def test_what_inputs_leave_out_is_left_out(one, people) -> None:
    with clock(NOW), one:
        for currency in ("GBP", "GBP", "EUR"):
            move(make_deal(amount=Money(100, currency), on=date(2026, 6, 1)), "won", at=noon(date(2026, 6, 1)))
        asked = composite(("crm.won_amount", "crm.won_count"), lambda v: v["crm.won_amount"])
        assert evaluate(asked, MetricQuery()).excluded == {**evaluate("crm.won_amount", MetricQuery()).excluded}


def test_one_statement_for_each_input(one) -> None:
    with clock(NOW), one:
        asked = composite(("crm.won_amount", "crm.lost_count", "crm.win_rate"), lambda v: v["crm.won_amount"])
        metrics()
        with statements() as sent:
            evaluate(asked, MetricQuery())
        assert len(sent) == 3


def test_refusals(one, people) -> None:
    with clock(NOW), one:
        asked = composite(("crm.won_amount",), lambda v: v["crm.won_amount"])
        with pytest.raises(BusinessError):
            drill(asked, MetricQuery())
        with pytest.raises(BusinessError):
            evaluate(asked, MetricQuery(by=("stage",)))
        hidden = replace(metrics()["crm.won_amount"], id="crm.hidden", permission="crm.nobody.view")
        g.metrics = {**metrics(), "crm.hidden": hidden, asked: replace(metrics()[asked], inputs=("crm.hidden",))}
        g.me = type("Nobody", (), {"member_id": 1, "permissions": frozenset({"crm.deal.view", "crm.figures.company"}), "scopes": {}, "role_key": "rep"})()
        with pytest.raises(Forbidden):
            evaluate(asked, MetricQuery())
        g.pop("me")


def test_a_key_of_one_input_alone_is_nothing_for_a_sum_and_unknown_for_a_ratio(one) -> None:
    with one:
        known = metrics()
        amount, rate = known["crm.won_amount"], known["crm.win_rate"]
        query = MetricQuery(by=("owner",))

        def figure(metric: Metric, **rows: Any) -> Figure:
            lines = [FigureRow({"owner": key}, {"owner": key}, value, n) for key, (value, n) in rows.items()]
            return Figure(metric, query, noon(date(2026, 6, 1)), lines, {"no_rate": len(rows)})

        told = [figure(amount, a=(Money(500, "EUR"), 2)), figure(rate, a=(Decimal("0.5"), 4), b=(Decimal("0.25"), 1))]
        asked = replace(amount, id="crm.x", inputs=("crm.won_amount", "crm.win_rate"), combine=lambda v: v["crm.won_amount"] * v["crm.win_rate"])
        rows, excluded = combined(asked, ("owner",), told)
        assert {row.keys["owner"]: (row.value, row.n) for row in rows} == {"a": (Money(250, "EUR"), 2), "b": (Money(0, "EUR"), 0)}
        assert excluded == {"no_rate": 2}
        rows, _excluded = combined(asked, ("owner",), [told[0], figure(rate, b=(Decimal(1), 1))])
        assert {row.keys["owner"]: row.value for row in rows} == {"a": None, "b": Money(0, "EUR")}
