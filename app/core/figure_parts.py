"""What a figure is put together from: counts, sums and buckets of the rows that belong together, added up exactly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import TYPE_CHECKING, Any

from app.core.money import Money
from app.core.rates import RateTable

if TYPE_CHECKING:
    from app.core.metrics import Metric

QUANTILES = ("median", "quantile")
# What lines have that adds up; the rest tells them apart.
ADDED = frozenset({"n", "value", "numerator", "denominator", "missing", "unvalued", "unsaid", "running"})
PRECISION, EXACT = 60, Decimal("1e-40")


class Parts:
    """What one line of a figure is put together from. `value` is whole until an amount of another currency comes in."""

    __slots__ = ("buckets", "denominator", "missing", "n", "numerator", "running", "terms", "unsaid", "unvalued", "value")

    def __init__(self) -> None:
        self.n = self.missing = self.unvalued = self.unsaid = 0
        self.value: int | Decimal = 0
        self.numerator = self.denominator = 0
        self.terms: dict[str, int] = {}
        self.buckets: dict[int, int] = {}
        self.running: dict[int, int] = {}

    def add(self, asked: Metric, row: Mapping[str, Any], rates: RateTable, day: date) -> None:
        n = int(row["n"])  # PostgreSQL sums whole numbers into decimals
        if asked.shape in QUANTILES:
            # Of these there are thousands: nothing more is asked of a line than it has to say.
            if row["bucket"] is not None:
                bucket, running = int(row["bucket"]), int(row.get("running") or 0)
                self.buckets[bucket] = self.buckets.get(bucket, 0) + n - running
                self.running[bucket] = self.running.get(bucket, 0) + running
                self.n += n
            return
        if "missing" in row:
            self.missing += int(row["missing"] or 0)
        if "unvalued" in row:
            self.unvalued += int(row["unvalued"] or 0)
        if "unsaid" in row:
            self.unsaid += int(row["unsaid"] or 0)
        if asked.shape == "ratio":
            self.numerator += int(row["numerator"] or 0)
            self.denominator += int(row["denominator"] or 0)
        elif asked.shape == "formula":
            for name in asked.terms:
                self.terms[name] = self.terms.get(name, 0) + int(row[name] or 0)
        elif "currency" in row:
            value = _in_company_currency(row, rates, day)
            if value is None:
                self.missing += n
                return
            self.value += value
        else:
            self.value += int(row["value"] or 0)
        self.n += n


def _in_company_currency(row: Mapping[str, Any], rates: RateTable, day: date) -> Decimal | None:
    """What a row of money is worth on the day asked for, or on its own; None where nobody knows."""
    each, day = row.get("each"), row.get("on") or day
    amount, times = (int(row["value"] or 0), 1) if each is None else (each, row["n"])
    value = rates.to_company(amount, row["currency"], day)
    return None if value is None else Decimal(value) * times * row.get("weight", 100) / 100


def merged(lines: Iterable[Mapping[str, Any]], terms: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Lines of which those that differ in nothing but what adds up (`ADDED`, and the `terms` of a formula) are one, as a
    statement would give them that had not told them apart."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    parts: list[str] = []
    keys: list[str] = []
    for line in lines:
        if not found:
            parts = [name for name in line if name in ADDED or name in terms]
            keys = [name for name in line if name not in parts]
        key = tuple([line[name] for name in keys])
        if (sums := found.get(key)) is None:
            found[key] = dict(line)
            continue
        for name in parts:
            if (more := line[name]) is not None:
                sums[name] = more if sums[name] is None else sums[name] + more
    return list(found.values())


def value_of(asked: Metric, parts: Parts, currency: str) -> int | Decimal | Money | None:
    """The value of a figure, money in the `currency` of the company; None where it is undefined."""
    if asked.shape in QUANTILES:
        found = quantile(parts.buckets, parts.running, asked.quantile)
        return None if found is None else found / asked.per
    if asked.shape == "formula":
        made = asked.formula(parts.terms) if asked.formula and parts.terms else None
        return Money(_rounded(made), currency) if made is not None and asked.unit == "money" else made
    if asked.shape == "ratio":
        if not parts.denominator:
            return None
        quotient = Decimal(parts.numerator) / Decimal(parts.denominator)
        return Money(_rounded(quotient), currency) if asked.unit == "money" else quotient
    return Money(_rounded(parts.value), currency) if asked.unit == "money" else int(parts.value)


def median(buckets: Mapping[int, int]) -> Decimal | None:
    """The median of a histogram value -> how often; None of nothing."""
    return quantile(buckets, {}, Decimal("0.5"))


def quantile(buckets: Mapping[int, int], running: Mapping[int, int], share: Decimal) -> Decimal | None:
    """The value by which `share` of the cases are over; None where it is not known yet.

    `buckets` and `running` map a value to how many ended at it, and to how many have got that far and still run: those
    are neither dropped nor taken for ended (Kaplan and Meier's estimate). Where exactly that share is over between two
    values, it is their mean; of cases that all ended it is the usual median.
    """
    with localcontext(prec=PRECISION):
        return _quantile(buckets, running, share)


def _quantile(buckets: Mapping[int, int], running: Mapping[int, int], share: Decimal) -> Decimal | None:
    at_risk = sum(buckets.values()) + sum(running.values())
    left, wanted = Decimal(1), 1 - share
    level: int | None = None
    for value in sorted(set(buckets) | set(running)):
        ended = buckets.get(value, 0)
        if ended:
            if level is not None:
                return Decimal(level + value) / 2
            left *= Decimal(at_risk - ended) / at_risk
            if abs(left - wanted) < EXACT:
                level = value
            elif left < wanted:
                return Decimal(value)
        at_risk -= ended + running.get(value, 0)
    return None if level is None else Decimal(level)


def _rounded(value: int | Decimal) -> int:
    return value if isinstance(value, int) else int(value.to_integral_value(ROUND_HALF_UP))
