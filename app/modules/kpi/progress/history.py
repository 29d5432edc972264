"""What owners of goals did before: the same figure, month by month and by whole periods.

One statement per figure for everybody who has a goal on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from app.core.clock import today
from app.core.errors import BusinessError
from app.core.figure_rollup import rolled_up
from app.core.metrics import Figure, Metric, evaluate, metrics
from app.core.relative_dates import around
from app.modules.kpi.models import MEMBER, Goal
from app.modules.kpi.progress.measure import Question, plain, query_of, question, refusal

MONTHS_BACK = 24
STEP = {"month": 1, "quarter": 3, "year": 12}
ONE_DAY = timedelta(days=1)
Span = tuple[date, date]
Rolled = dict[Span, dict[int | None, tuple[Decimal | None, int]]]


@dataclass(frozen=True)
class Past:
    """A period of the past and what the figure was; `value` in whole units, None where undefined."""

    first: date
    last: date
    value: Decimal | None
    n: int


@dataclass(frozen=True)
class History:
    """The past of a goal's figure, oldest first: by periods as long as the goal's (months for weeks and odd days), and by months."""

    periods: Sequence[Past] = ()
    months: Sequence[Past] = ()


def history(goals: Iterable[Goal], on: date | None = None) -> dict[int, History]:
    """What was before goals began and before today, in whole periods: goal id -> `History`.

    As many periods as two years hold, counted from the first in which the owner did anything. A goal whose figure the reader
    may not see has none.
    """
    known = metrics()
    day = on or today()
    asked: dict[Question, list[Goal]] = {}
    found: dict[int, History] = {}
    for goal in goals:
        if refusal(goal, known.get(goal.metric)) or not tells_the_past(known[goal.metric]):
            found[goal.id] = History()
            continue
        last = around(min(goal.first_day, day), "month")[0] - ONE_DAY
        first = months_before(last + ONE_DAY, MONTHS_BACK)
        asked.setdefault(question(goal, last, first), []).append(goal)
    for what, same in asked.items():
        found |= _told(what, same)
    return found


def tells_the_past(metric: Metric) -> bool:
    """Whether the months of a figure are what it was in them. A figure of the moment, such as the open pipeline, is split by
    months that its records are due in; a value that people tell of a day is of that day."""
    return "month" in metric.dimensions and (metric.basis != "snapshot" or metric.grain == "value")


def months_before(first: date, months: int) -> date:
    """The first day of the month so many months before the one that begins on `first`."""
    count = first.year * 12 + first.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)


def _told(what: Question, goals: Sequence[Goal]) -> Mapping[int, History]:
    by = ("owner", "month") if what.scope == MEMBER else ("month",)
    try:
        figure = evaluate(what.metric, query_of(what, *by))
    except BusinessError:
        return {goal.id: History() for goal in goals}
    rolled: Rolled = {}
    months = _periods(what, 1)
    for span in {*months, *(span for goal in goals for span in _periods(what, STEP.get(goal.period, 1)))}:
        rolled[span] = _over(figure, what, span)
    return {
        goal.id: History(_of(goal, what, _periods(what, STEP.get(goal.period, 1)), rolled), _of(goal, what, months, rolled))
        for goal in goals
    }


def _periods(what: Question, months: int) -> list[Span]:
    """The whole periods of so many months that end with the question's last day, oldest first."""
    found = []
    last = what.end
    while (first := months_before((last + ONE_DAY), months)) >= what.start:
        found.append((first, last))
        last = first - ONE_DAY
    return found[::-1]


def _over(figure: Figure, what: Question, span: Span) -> dict[int | None, tuple[Decimal | None, int]]:
    """The figure over a period, by owner (None of all): put together from its months, or asked anew where they do not tell."""
    by = ("owner",) if what.scope == MEMBER else ()
    if around(span[0], "month") == span:
        month = span[0].year * 12 + span[0].month - 1
        return {row.keys.get("owner"): (plain(row.value), row.n) for row in figure.rows if row.keys["month"] == month}
    whole = rolled_up(figure, *by, start=span[0], end=span[1])
    if whole is None:
        shorter = Question(what.metric, what.scope, span[0], span[1], what.filters)
        whole = evaluate(what.metric, query_of(shorter, *by))
    return {row.keys.get("owner"): (plain(row.value), row.n) for row in whole.rows}


def _of(goal: Goal, what: Question, spans: Sequence[Span], rolled: Rolled) -> list[Past]:
    key = goal.owner_id if what.scope == MEMBER else None
    sums = metrics()[goal.metric].shape == "sum"
    found: list[Past] = []
    for first, last in spans:
        value, n = rolled[first, last].get(key, (None, 0))
        if value is None and sums:
            value = Decimal(0)
        if found or n:  # before anything was done there is no history
            found.append(Past(first, last, value, n))
    return found
