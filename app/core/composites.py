"""Figures made of other figures: their rows are put together key by key."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from flask import g

from app.core.figures import Figure, FigureRow
from app.core.money import Money, exponent

if TYPE_CHECKING:
    from app.core.metrics import Metric


def combined(asked: Metric, by: Sequence[str], told: Sequence[Figure]) -> tuple[list[FigureRow], dict[str, int]]:
    """The rows of a composite, and how many records its inputs left out for each reason (of the one that left out most).

    A row counts as many records as the input that has fewest of them. What has no row adds up to nothing; a ratio without
    one is undefined, and so is what is made of it.
    """
    assert asked.combine is not None  # told with `inputs`
    rows = [{tuple(row.keys[name] for name in by): row for row in figure.rows} for figure in told]
    order = {key: row for each in reversed(rows) for key, row in each.items()}
    found = []
    for key, like in order.items():
        values = {f.metric.id: _plain(f.metric, each.get(key)) for f, each in zip(told, rows, strict=True)}
        value = None if None in values.values() else asked.combine(values)
        n = min((each[key].n if key in each else 0) for each in rows)
        found.append(FigureRow(like.keys, like.by, _valued(asked, value), n))
    reasons = {reason for figure in told for reason in figure.excluded}
    return found, {reason: max(figure.excluded.get(reason, 0) for figure in told) for reason in sorted(reasons)}


def _plain(metric: Metric, row: FigureRow | None) -> Decimal | None:
    """A value as a formula takes it: money in whole units of company currency, a ratio between 0 and 1."""
    if row is None:
        return Decimal(0) if metric.shape == "sum" else None
    return row.value.amount if isinstance(row.value, Money) else None if row.value is None else Decimal(row.value)


def _valued(asked: Metric, value: Decimal | None) -> Any:
    if value is None or asked.unit != "money":
        return value
    currency = g.company.currency
    return Money(int(value.scaleb(exponent(currency)).to_integral_value(ROUND_HALF_UP)), currency)

