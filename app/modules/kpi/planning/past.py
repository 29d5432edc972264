"""What was reached before, by whoever is planned for: in the period before, and in the same period a year ago."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from app.core.clock import today
from app.core.figures import FigureRow
from app.core.metrics import Metric
from app.core.relative_dates import around
from app.modules.kpi.models import MEMBER, MONTH, QUARTER, YEAR, Goal
from app.modules.kpi.progress.baselines import period_before, told
from app.modules.kpi.progress.history import months_before
from app.modules.kpi.progress.measure import Question, plain, question, refusal

MONTHS_OF_YEAR = 12
YEAR_OF_WEEKS = timedelta(weeks=52)


@dataclass(frozen=True)
class Past:
    """A figure of the period before and of a year ago, in whole units; None where there is none, or it is not to be seen."""

    last: Decimal | None = None
    year: Decimal | None = None


def spans(period: str, first: date, last: date) -> tuple[tuple[date, date], tuple[date, date]]:
    """The days of the last whole period before a goal's that is over, and those of the same period a year before it.

    A year before a week, or before days that are no period, are the same days of the week 52 weeks earlier.
    """
    before = period_before(period, first, last, today())
    if period not in (MONTH, QUARTER, YEAR):
        return before, (first - YEAR_OF_WEEKS, last - YEAR_OF_WEEKS)
    begins = months_before(first, MONTHS_OF_YEAR)
    return before, (begins, around(begins, period)[1])


def pasts(metric: Metric, goals: Sequence[Goal]) -> list[Past]:
    """What goals on one metric and the same days go by, in their order; two statements for each kind of scope and team."""
    if not goals:
        return []
    columns = []
    for first, last in spans(goals[0].period, goals[0].first_day, goals[0].last_day):
        asked: dict[Question, list[int]] = {}
        for place, goal in enumerate(goals):
            if refusal(goal, metric):
                continue
            asked.setdefault(question(goal, last, first), []).append(place)
        values: list[Decimal | None] = [None] * len(goals)
        for what, places in asked.items() if last < today() else ():
            rows = told(what)
            for place in places if rows is not None else ():
                values[place] = _value(metric, goals[place], rows or {})
        columns.append(values)
    return [Past(*pair) for pair in zip(*columns, strict=True)]


def _value(metric: Metric, goal: Goal, rows: dict[int | None, FigureRow]) -> Decimal | None:
    row = rows.get(goal.owner_id if goal.scope == MEMBER else None)
    return plain(row.value) if row else Decimal(0) if metric.shape == "sum" else None

