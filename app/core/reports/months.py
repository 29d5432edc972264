"""Figures month by month: which months a report shows, and a figure's value and records in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.core.clock import local_date, today
from app.core.figures import FigureRow
from app.core.metrics import Metric
from app.core.reports.asking import Address, Desk, by_key
from app.core.reports.blocks import Cell
from app.core.reports.periods import Period, moved
from app.core.reports.wording import cell, height

YEAR = 12


def months_of(desk: Desk) -> Period:
    """Whole months up to the end of the period, or the running one: those of the period, twelve at least, 36 at most."""
    now = local_date(desk.frame.as_of) if desk.frame.as_of else today()
    last = min(desk.frame.period.last, max(now, desk.frame.period.first)).replace(day=1)
    wanted = min(desk.frame.period.first.replace(day=1), moved(last, 1 - YEAR))
    return Period(max(moved(last, 1 - 3 * YEAR), wanted), moved(last, 1) - timedelta(days=1))


def reach_of(desk: Desk, months: Period) -> Period:
    """The months, and all of the period: what is asked by month tells the period, and those before it, as well."""
    return Period(months.first, max(months.last, desk.frame.period.last))


def keys_of(months: Period) -> list[int]:
    """The keys of dimension "month"."""
    first = months.first.year * YEAR + months.first.month - 1
    return list(range(first, months.last.year * YEAR + months.last.month))


def within(desk: Desk, keys: list[int]) -> list[bool]:
    """Which of the months lie in the period of the report, in part at least."""
    inside = set(keys_of(desk.frame.period))
    return [key in inside for key in keys]


@dataclass(frozen=True)
class Course:
    """A figure by month."""

    metric: Metric
    rows: Mapping[Any, FigureRow]
    address: Address

    def value(self, key: int) -> Any:
        """What a chart draws: money in minor units; of a sum 0 where nothing was counted, else None."""
        row = self.rows.get(key)
        if row is None or row.value is None:
            return 0 if self.metric.shape == "sum" else None
        return height(row.value)

    def url(self, key: int) -> str:
        return self.address(month=key)

    def cell(self, key: int) -> Cell:
        return cell(self.metric, self.rows.get(key), self.url(key) if key in self.rows else "")


def course(desk: Desk, metric_id: str, months: Period, **filters: Any) -> Course:
    """A figure month by month, with the addresses of its records."""
    found = by_key(desk.figure(metric_id, "month", during=reach_of(desk, months), **filters), "month")
    return Course(desk.metric(metric_id), found, desk.behind(metric_id, during=months, **filters))
