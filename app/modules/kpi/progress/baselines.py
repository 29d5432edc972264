"""The baseline of a goal: what the figure was in the period before, kept with the question that it answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from app.core.clock import today
from app.core.db import utcnow
from app.core.figures import Figure, FigureRow
from app.core.metrics import Metric, metrics
from app.modules.kpi.models import MEMBER, MONTH, QUARTER, YEAR, Goal
from app.modules.kpi.progress.history import months_before
from app.modules.kpi.progress.measure import Question, answers, plain, question, refusal

MONTHS = {MONTH: 1, QUARTER: 3, YEAR: 12}
ONE_DAY = timedelta(days=1)


def period_before(period: str, first: date, last: date, now: date) -> tuple[date, date]:
    """The last whole period of that length that is over: right before the goal's, or before today where that lies ahead."""
    if period not in MONTHS:
        length = (last - first) + ONE_DAY
        while first > now:
            first -= length
        return first - length, first - ONE_DAY
    months = MONTHS[period]
    while first > now:
        first = months_before(first, months)
    return months_before(first, months), first - ONE_DAY


NONE: Mapping[str, Any] = {"baseline": None, "baseline_query": None, "baseline_hash": "", "baseline_at": None}


def baseline_of(goal: Goal) -> dict[str, Any]:
    """Columns of the baseline: value (None where the figure is undefined or not the reader's to see), question and hash."""
    return baselines_of([goal])[0]


def baselines_of(goals: Sequence[Goal]) -> list[dict[str, Any]]:
    """The same for many goals, in their order: one statement for all that ask the same figure of the same days.

    A figure of the moment, such as the open pipeline, is that of the last day of the period before.
    """
    known, now = metrics(), today()
    found: dict[int, dict[str, Any]] = {}
    asked: dict[Question, list[int]] = {}
    for place, goal in enumerate(goals):
        if not refusal(goal, known.get(goal.metric)):
            first, last = period_before(goal.period, goal.first_day, goal.last_day, now)
            asked.setdefault(question(goal, last, first), []).append(place)
    for what, figure in answers(asked, at_end=True).items():
        if isinstance(figure, Figure):
            found |= {place: _kept(figure.metric, what, goals[place], _rows(figure)) for place in asked[what]}
    return [found.get(place) or dict(NONE) for place in range(len(goals))]


def told(what: Question) -> dict[int | None, FigureRow] | None:
    """The rows that answer a question about days that are over: owner (None of all) -> row. None when it has no answer."""
    figure = answers([what], at_end=True)[what]
    return _rows(figure) if isinstance(figure, Figure) else None


def _rows(figure: Figure) -> dict[int | None, FigureRow]:
    return {row.keys.get("owner"): row for row in figure.rows}


def _kept(metric: Metric, what: Question, goal: Goal, rows: Mapping[int | None, FigureRow]) -> dict[str, Any]:
    owner = goal.owner_id if what.scope == MEMBER else None
    row = rows.get(owner)
    value = (Decimal(0) if metric.shape == "sum" else None) if row is None else plain(row.value)
    asked = {
        "metric": metric.id, "version": metric.version, "from": what.start.isoformat(), "to": what.end.isoformat(),
        "scope": what.scope, "owner": owner,
        "filters": {name: list(each) if isinstance(each, tuple) else each for name, each in what.filters},
        "n": row.n if row else 0,
    }  # fmt: skip
    return {"baseline": value, "baseline_query": asked, "baseline_hash": hashed(asked, value), "baseline_at": utcnow()}


def hashed(asked: dict[str, Any], value: Decimal | None) -> str:
    """SHA-256 of question and answer: whether a baseline is still what it was."""
    said = json.dumps([asked, None if value is None else format(value.normalize(), "f")], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()
