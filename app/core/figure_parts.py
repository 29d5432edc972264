"""What a figure is put together from: counts, sums and buckets of the rows that belong together, added up exactly."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from flask import g

from app.core.money import Money
from app.core.rates import RateTable

if TYPE_CHECKING:
    from app.core.metrics import Metric


class Parts:
    """What one line of a figure is put together from."""

    def __init__(self) -> None:
        self.n = self.missing = self.unvalued = 0
        self.value = Decimal(0)
        self.numerator = self.denominator = 0
        self.buckets: dict[int, int] = {}

    def add(self, asked: Metric, row: Mapping[str, Any], rates: RateTable, day: date) -> None:
        n = row["n"]
        self.missing += row.get("missing") or 0
        self.unvalued += row.get("unvalued") or 0
        if asked.shape == "median":
            if row["bucket"] is not None:
                self.buckets[row["bucket"]] = self.buckets.get(row["bucket"], 0) + n
                self.n += n
            return
        if asked.shape == "ratio":
            self.numerator += int(row["numerator"] or 0)
            self.denominator += int(row["denominator"] or 0)
        elif "currency" in row:
            value = rates.to_company(int(row["value"] or 0), row["currency"], day)
            if value is None:
                self.missing += n
                return
            self.value += Decimal(value) * row.get("weight", 100) / 100
        else:
            self.value += int(row["value"] or 0)
        self.n += n


def value_of(asked: Metric, parts: Parts) -> int | Decimal | Money | None:
    """The value of a figure; None where it is undefined."""
    currency = g.company.currency
    if asked.shape == "median":
        return median(parts.buckets)
    if asked.shape == "ratio":
        if not parts.denominator:
            return None
        quotient = Decimal(parts.numerator) / Decimal(parts.denominator)
        return Money(_rounded(quotient), currency) if asked.unit == "money" else quotient
    return Money(_rounded(parts.value), currency) if asked.unit == "money" else int(parts.value)


def median(buckets: Mapping[int, int]) -> Decimal | None:
    """The median of a histogram value -> how often; None of nothing."""
    total = sum(buckets.values())
    if not total:
        return None
    middle: list[int] = []
    seen = 0
    for value in sorted(buckets):
        seen += buckets[value]
        middle += [value] * sum(1 for rank in {(total + 1) // 2, total // 2 + 1} if seen - buckets[value] < rank <= seen)
    return Decimal(sum(middle)) / len(middle)


def _rounded(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_HALF_UP))
