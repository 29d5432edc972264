"""Figures: what a metric answers, put together from the lines that its statement gave."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from flask import g

from app.core.clock import local_date
from app.core.dimensions import TIME_DIMENSIONS, labels_of, places_of
from app.core.figure_parts import Parts, value_of
from app.core.i18n import _l
from app.core.intervals import wilson
from app.core.money import Money
from app.core.rates import RateTable

if TYPE_CHECKING:
    from app.core.metrics import Metric, MetricQuery

NO_RATE, NO_AMOUNT, NO_OUTCOME = "no_rate", "no_amount", "no_outcome"
REASONS = {
    NO_RATE: _l("without an exchange rate"),
    NO_AMOUNT: _l("without an amount"),
    NO_OUTCOME: _l("without an outcome"),
}
Lines = Sequence[Mapping[str, Any]]
SMALL = 10  # of fewer rows a ratio says little: it comes with an interval, and nobody is ranked by it


class FigureRow(NamedTuple):
    """One line of a figure. `keys` and `by` map dimension to key and to label; `value` is None where undefined.

    A ratio of fewer than `SMALL` rows is `small`; where it is one of numbers, `low` and `high` are the bounds within
    which its true value lies, 95 times of 100.
    """

    keys: dict[str, Any]
    by: dict[str, str | None]
    value: int | Decimal | Money | None
    n: int
    numerator: int | Money | None = None
    denominator: int | Money | None = None
    small: bool = False
    low: Decimal | None = None
    high: Decimal | None = None

    def valued(self, value: int | Decimal | Money | None) -> FigureRow:
        """The same line with another value."""
        return self._replace(value=value)


@dataclass(frozen=True)
class Figure:
    """The answer to a query; `excluded` maps a reason of `REASONS` to how many rows were left out for it."""

    metric: Metric
    query: MetricQuery
    as_of: datetime
    rows: list[FigureRow]
    excluded: dict[str, int]
    lines: Lines = field(default=(), repr=False, compare=False)  # what it was put together from

    @property
    def total(self) -> FigureRow:
        """The only row of a figure that was not split."""
        return self.rows[0]

    def plain(self) -> dict[str, Any]:
        """For JSON: money as decimal string with its currency, ratios with their parts, undefined as null."""
        return {
            "metric": self.metric.id,
            "version": self.metric.version,
            "unit": self.metric.unit,
            "from": _iso(self.query.start),
            "to": _iso(self.query.end),
            "as_of": _iso(self.as_of),
            "known_at": _iso(self.query.known_at),
            "excluded": [{"reason": reason, "n": n} for reason, n in self.excluded.items() if n],
            "rows": [_plain_row(row) for row in self.rows],
        }


def figure_of(asked: Metric, query: MetricQuery, lines: Lines, as_of: datetime, *, named: bool = True) -> Figure:
    """A figure of a moment, put together from the lines that its statement gave; without `named`, by keys alone."""
    rates = RateTable({row["currency"] for row in lines} if lines and "currency" in lines[0] else ())
    groups: dict[tuple, Parts] = {} if query.by else {(): Parts()}
    day = local_date(as_of)
    by = [f"d_{name}" for name in query.by]
    key_of: Callable[[Mapping[str, Any]], Any] = itemgetter(*by) if len(by) > 1 else lambda line: tuple([line[name] for name in by])
    for row in lines:
        key = key_of(row)
        parts = groups.get(key)
        if parts is None:
            parts = groups[key] = Parts()
        parts.add(asked, row, rates, day)
    excluded = {
        NO_RATE: sum(p.missing for p in groups.values()),
        NO_AMOUNT: sum(p.unvalued for p in groups.values()),
    }
    if unsaid := sum(p.unsaid for p in groups.values()):
        excluded[NO_OUTCOME] = unsaid
    # A group of which every row was left out is no figure.
    counted = {k: p for k, p in groups.items() if p.n or not k}
    return Figure(asked, query, as_of, _rows(asked, query, counted, named), excluded, lines)


def _rows(asked: Metric, query: MetricQuery, groups: Mapping[tuple, Parts], named: bool) -> list[FigureRow]:
    nameless: Mapping[Any, str] = {}
    names, labels = query.by, [nameless] * len(query.by)
    if named:
        labels = [labels_of(name, {k[i] for k in groups} - {None}) for i, name in enumerate(names)]
    currency, is_ratio = g.company.currency, asked.shape == "ratio"
    rows = []
    for key, parts in groups.items():
        by = {name: None if k is None else known.get(k) for name, k, known in zip(names, key, labels, strict=True)}
        value = value_of(asked, parts, currency)
        keys = dict(zip(names, key, strict=True))
        if is_ratio:
            rows.append(_ratio(asked, FigureRow(keys, by, value, parts.n), parts, currency))
        else:
            rows.append(FigureRow(keys, by, value, parts.n, None, None, asked.unit == "ratio" and value is not None and parts.n < SMALL))
    return in_order(rows, names)


def _ratio(asked: Metric, row: FigureRow, parts: Parts, currency: str) -> FigureRow:
    """A row with what it is the quotient of, and with the bounds of a small share of numbers."""
    ratio: tuple[Any, Any] = (parts.numerator, parts.denominator)
    if asked.currency_basis:
        money = [Money(part, currency) for part in ratio if part is not None]
        ratio = (money[0], money[1] if asked.unit == "ratio" else parts.denominator)
    small = asked.unit == "ratio" and row.value is not None and parts.n < SMALL
    counted = small and asked.share and not asked.currency_basis
    bounds = wilson(parts.numerator, parts.denominator) if counted else (None, None)
    return FigureRow(row.keys, row.by, row.value, row.n, *ratio, small, *bounds)


def in_order(rows: Sequence[FigureRow], by: Sequence[str]) -> list[FigureRow]:
    """Rows in the order of their dimensions, else by their labels; what has none last. Of each key its place is told once."""
    places: list[tuple[str, dict[Any, Any]]] = [(name, {row.keys[name]: row for row in rows}) for name in by]
    for name, known in places:
        placed = places_of(name, known.keys() - {None})
        for key, row in known.items():
            known[key] = (key is None, key not in placed, placed[key] if key in placed else (row.by[name] or "").casefold())
    return sorted(rows, key=lambda row: [known[row.keys[name]] for name, known in places])


def _iso(value: date | datetime | None) -> str | None:
    return None if value is None else value.isoformat()


def _plain_row(row: FigureRow) -> dict[str, Any]:
    by: dict[str, Any] = {}
    for name, label in row.by.items():
        by[name] = label
        if label != row.keys[name] and name not in TIME_DIMENSIONS:
            by[f"{name}_id"] = row.keys[name]
    plain: dict[str, Any] = {"by": by, "value": _plain_value(row.value), "n": row.n}
    if isinstance(row.value, Money):
        plain["currency"] = row.value.currency
    if row.denominator is not None:
        plain |= {"numerator": _plain_value(row.numerator), "denominator": _plain_value(row.denominator)}
    if row.small:
        plain["small"] = True
    if row.low is not None:
        plain["interval"] = [_plain_value(row.low), _plain_value(row.high)]
    return plain


def _plain_value(value: int | Decimal | Money | None) -> int | float | str | None:
    if isinstance(value, Money):
        return format(value.amount, "f")
    return round(float(value), 6) if isinstance(value, Decimal) else value
