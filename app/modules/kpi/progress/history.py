"""What owners of goals did before: the same figure, month by month and by whole periods.

One statement per figure for everybody who has a goal on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from app.core.clock import today
from app.core.figure_rollup import rolled_up
from app.core.figures import Figure, FigureRow
from app.core.metrics import Metric, evaluate, metrics
from app.core.relative_dates import around
from app.modules.kpi.models import MEMBER, Goal
from app.modules.kpi.progress.measure import (
    Question,
    answers,
    fraction,
    plain,
    query_of,
    question,
    refusal,
)

MONTHS_BACK = 24
STEP = {"month": 1, "quarter": 3, "year": 12}
ONE_DAY = timedelta(days=1)
Span = tuple[date, date]
Rows = Mapping[int | None, FigureRow]  # by owner; None of all
Rolled = Mapping[Span, Rows]


@dataclass(frozen=True)
class Past:
    """A period of the past and what the figure was; `value` in whole units, None where undefined. `parts` are numerator and
    denominator of a ratio."""

    first: date
    last: date
    value: Decimal | None
    n: int
    parts: tuple[Decimal, Decimal] | None = None


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
    goals, day = list(goals), on or today()
    found = {goal.id: History() for goal in goals}
    for what, figure, same in _told(goals, lambda goal: min(goal.first_day, day)):
        months = _periods(what, 1)
        spans = {*months, *(span for goal in same for span in _periods(what, _step(goal)))}
        rolled = {span: _over(figure, what, span) for span in spans}
        for goal in same:
            found[goal.id] = History(_of(goal, _periods(what, _step(goal)), rolled), _of(goal, months, rolled))
    return found


def lately(goals: Iterable[Goal]) -> dict[int, list[Past]]:
    """The whole months before today, those of the goals' own periods among them: goal id -> months, oldest first.

    As many as two years hold, as in `history`. Goals whose figure has no past, or not for the reader, are not in it.
    """
    found: dict[int, list[Past]] = {}
    for what, figure, same in _told(list(goals), lambda _goal: today()):
        months = _periods(what, 1)
        rolled = {span: _over(figure, what, span) for span in months}
        found |= {goal.id: _of(goal, months, rolled) for goal in same}
    return found


def tells_the_past(metric: Metric) -> bool:
    """Whether the months of a figure are what it was in them. A figure of the moment, such as the open pipeline, is split by
    months that its records are due in; a value that people tell of a day is of that day."""
    return "month" in metric.dimensions and (metric.basis != "snapshot" or metric.grain == "value")


def months_before(first: date, months: int) -> date:
    """The first day of the month so many months before the one that begins on `first`."""
    count = first.year * 12 + first.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)


def _step(goal: Goal) -> int:
    return STEP.get(goal.period, 1)


def _told(goals: Sequence[Goal], before: Callable[[Goal], date]) -> list[tuple[Question, Figure, list[Goal]]]:
    """The figures of goals in the two years before a day's month, by month: each with its question and whose goals ask it."""
    known = metrics()
    asked: dict[Question, list[Goal]] = {}
    for goal in goals:
        if not refusal(goal, known.get(goal.metric)) and tells_the_past(known[goal.metric]):
            last = around(before(goal), "month")[0] - ONE_DAY
            asked.setdefault(question(goal, last, months_before(last + ONE_DAY, MONTHS_BACK)), []).append(goal)
    asked = {_of_owners(what, same): same for what, same in asked.items()}
    return [(what, told, asked[what]) for what, told in answers(asked, "month").items() if isinstance(told, Figure)]


def _of_owners(what: Question, goals: Sequence[Goal]) -> Question:
    """A question about people, of those alone whose goals ask it: two years of everybody are much to read."""
    owners = tuple(sorted({goal.owner_id for goal in goals if goal.owner_id is not None}))
    return replace(what, filters=(*what.filters, ("owner", owners))) if what.scope == MEMBER else what


def _periods(what: Question, months: int) -> list[Span]:
    """The whole periods of so many months that end with the question's last day, oldest first."""
    found = []
    last = what.end
    while (first := months_before((last + ONE_DAY), months)) >= what.start:
        found.append((first, last))
        last = first - ONE_DAY
    return found[::-1]


def _over(figure: Figure, what: Question, span: Span) -> Rows:
    """The figure over a period, by owner (None of all): put together from its months, or asked anew where they do not tell."""
    by = ("owner",) if what.scope == MEMBER else ()
    if around(span[0], "month") == span:
        month = span[0].year * 12 + span[0].month - 1
        return {row.keys.get("owner"): row for row in figure.rows if row.keys["month"] == month}
    whole = rolled_up(figure, *by, start=span[0], end=span[1])
    if whole is None:
        whole = evaluate(what.metric, query_of(replace(what, start=span[0], end=span[1]), *by))
    return {row.keys.get("owner"): row for row in whole.rows}


def _of(goal: Goal, spans: Sequence[Span], rolled: Rolled) -> list[Past]:
    key = goal.owner_id if goal.scope == MEMBER else None
    sums = metrics()[goal.metric].shape == "sum"
    found: list[Past] = []
    for first, last in spans:
        row = rolled[first, last].get(key)
        value = plain(row.value) if row else None
        if value is None and sums:
            value = Decimal(0)
        if found or (row and row.n):  # before anything was done there is no history
            found.append(Past(first, last, value, row.n if row else 0, fraction(row)))
    return found
