"""Targets for many by a rule: rounded as people plan, and shares that come to their total."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.modules.kpi.planning.targets import risen, rounded, shared


def test_five_percent_more_than_before_is_rounded_as_people_plan() -> None:
    assert risen([Decimal("142300"), None, Decimal("0")], Decimal(5), "money") == [Decimal(149000), None, None]
    assert risen([Decimal(40), Decimal(13)], Decimal(5), "count") == [Decimal(42), Decimal(14)]
    assert risen([Decimal("0.333")], Decimal(10), "ratio") == [Decimal("0.366")]


def test_money_has_three_digits_and_no_cents() -> None:
    assert [rounded(Decimal(each), "money") for each in ("7.4", "999.6", "12345", "-12345")] == [Decimal(7), Decimal(1000), Decimal(12300), Decimal(-12300)]


def test_a_total_is_shared_by_weight_and_comes_to_itself() -> None:
    assert shared(Decimal(100), [Decimal(1), Decimal(1), Decimal(1)], "count") == [Decimal(34), Decimal(33), Decimal(33)]
    assert shared(Decimal(100000), [Decimal(50), Decimal(30), None], "money") == [Decimal(62500), Decimal(37500), Decimal(0)]


def test_who_has_no_history_shares_evenly_where_nobody_has() -> None:
    assert shared(Decimal(9), [None, Decimal(0), None], "count") == [Decimal(3), Decimal(3), Decimal(3)]


def test_a_share_below_zero_counts_as_none() -> None:
    assert shared(Decimal(10), [Decimal(-5), Decimal(5)], "count") == [Decimal(0), Decimal(10)]


def test_nobody_shares_nothing() -> None:
    assert shared(Decimal(10), [], "count") == []


@given(
    cents=st.integers(0, 10**11),
    weights=st.lists(st.none() | st.integers(0, 10**9), min_size=1, max_size=12),
    unit=st.sampled_from(["money", "count", "ratio", "days", "hours"]),
)
def test_shares_always_come_to_their_total(cents: int, weights: list[int | None], unit: str) -> None:
    total, weights_ = Decimal(cents) / 100, [None if each is None else Decimal(each) / 100 for each in weights]
    found = shared(total, weights_, unit)
    assert sum(found) == total
    assert all(each >= 0 for each in found)


@pytest.mark.parametrize("unit", ["money", "count", "ratio"])
def test_equal_weights_differ_by_a_step_at_most(unit: str) -> None:
    found = shared(Decimal(1000), [Decimal(1)] * 7, unit)
    assert max(found) - min(found) <= 1
