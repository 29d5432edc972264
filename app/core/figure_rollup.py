"""Figures put together from those that were asked by more dimensions: exact, and without a statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from app.core.figure_parts import merged
from app.core.figures import Figure, figure_of


def rolled_up(
    figure: Figure, *by: str, only: Mapping[str, Any] | None = None, start: date | None = None, end: date | None = None
) -> Figure | None:
    """A figure by fewer dimensions, put together from its lines: to the cent what `evaluate` gives, without a statement.

    `only` narrows it down to one key of a dimension or several, as filters do. With `start` and `end` it is about these days alone,
    which have to be whole months of a figure by month. None where the lines do not tell: where a row may have several keys
    in a dimension left out that is not narrowed down to one, and no column `again` says which lines count it once.
    """
    asked, lines, only = figure.query, figure.lines, only or {}
    if not {*by, *only} <= set(asked.by):
        return None
    one_key = {name for name, wanted in only.items() if not isinstance(wanted, tuple) or len(wanted) == 1}
    if not {*asked.by, *only} - set(by) - one_key <= figure.metric.parted:
        if not {*by, *only} <= figure.metric.parted or not lines or "again" not in lines[0]:
            return None
        lines = [line for line in lines if not line["again"]]  # of all dimensions in which a row has several keys, one of each
    if only:
        some = {f"d_{name}": wanted if isinstance(wanted, tuple) else (wanted,) for name, wanted in only.items()}
        lines = [line for line in lines if all(line[name] in wanted for name, wanted in some.items())]
        asked = replace(asked, filters={**asked.filters, **only})
    if (start, end) not in ((None, None), (asked.start, asked.end)):
        months = _months_within(figure, start, end)
        if months is None:
            return None
        lines = [line for line in lines if line["d_month"] in months]
        asked = replace(asked, start=start, end=end)
    if lines and "currency" in lines[0]:  # to be added up before it is converted and rounded
        left = {f"d_{name}" for name in asked.by if name not in by}
        lines = merged({name: part for name, part in line.items() if name not in left} for line in lines)
    return figure_of(figure.metric, replace(asked, by=by), lines, figure.as_of)


def _months_within(figure: Figure, start: date | None, end: date | None) -> range | None:
    """The keys of the months from one day to another; None where the figure does not tell them apart."""
    asked = figure.query
    if "month" not in asked.by or "month" not in figure.metric.parted or not (start and end and asked.start and asked.end):
        return None
    if figure.metric.quarter:  # what counts in such a figure hangs on the end of the period
        return None
    if start.day > 1 or (end + timedelta(days=1)).day > 1 or start < asked.start or end > asked.end:
        return None
    return range(start.year * 12 + start.month - 1, end.year * 12 + end.month)
