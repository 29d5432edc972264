"""The baseline of a goal: what the figure was in the period before, kept with the question that it answers."""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from app.core.clock import today
from app.core.db import utcnow
from app.core.errors import BusinessError
from app.core.metrics import evaluate, metrics
from app.modules.kpi.models import MEMBER, MONTH, QUARTER, YEAR, Goal
from app.modules.kpi.progress.history import months_before
from app.modules.kpi.progress.measure import plain, query_of, question, refusal

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


def baseline_of(goal: Goal) -> dict[str, Any]:
    """Columns of the baseline: value (None where the figure is undefined or not the reader's to see), question and hash."""
    metric = metrics().get(goal.metric)
    if metric is None or refusal(goal, metric):
        return {"baseline": None, "baseline_query": None, "baseline_hash": "", "baseline_at": None}
    first, last = period_before(goal.period, goal.first_day, goal.last_day, today())
    what = question(goal, last, first)
    query = query_of(what, *(("owner",) if goal.scope == MEMBER else ()))
    try:
        figure = evaluate(goal.metric, query)
    except BusinessError:
        return {"baseline": None, "baseline_query": None, "baseline_hash": "", "baseline_at": None}
    row = next((row for row in figure.rows if row.keys.get("owner") == (goal.owner_id if query.by else None)), None)
    value = (Decimal(0) if metric.shape == "sum" else None) if row is None else plain(row.value)
    asked = {
        "metric": metric.id, "version": metric.version, "from": first.isoformat(), "to": last.isoformat(),
        "scope": goal.scope, "owner": goal.owner_id if goal.scope == MEMBER else None,
        "filters": {name: list(each) if isinstance(each, tuple) else each for name, each in what.filters},
        "n": row.n if row else 0,
    }  # fmt: skip
    return {"baseline": value, "baseline_query": asked, "baseline_hash": hashed(asked, value), "baseline_at": utcnow()}


def hashed(asked: dict[str, Any], value: Decimal | None) -> str:
    """SHA-256 of question and answer: whether a baseline is still what it was."""
    said = json.dumps([asked, None if value is None else format(value.normalize(), "f")], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()
