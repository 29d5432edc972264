"""Where the records behind a goal's figure are listed."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import current_app, url_for

from app.core.access import can
from app.core.clock import today
from app.core.metrics import metrics
from app.core.registry import registry
from app.core.reports.drilling import argument
from app.modules.kpi.models import MEMBER, Goal
from app.modules.kpi.progress.measure import question, refusal

RECORDS = "admin.figure_records"


def records_url(goal: Goal, first: date | None = None, last: date | None = None) -> str | None:
    """The page of the records in a goal's figure, over its own days up to today or others; None where there is none, or
    where the reader may not see them."""
    metric = metrics().get(goal.metric)
    if metric is None or RECORDS not in current_app.view_functions or not metric.resource or refusal(goal, metric):
        return None
    if not can(registry.resource(metric.resource).permission("view")):
        return None
    what = question(goal, last or min(goal.last_day, today()), first)
    narrowed: dict[str, Any] = dict(what.filters)
    if goal.scope == MEMBER:
        narrowed["owner"] = goal.owner_id
    said: dict[str, Any] = {"from": what.start, "to": what.end} if metric.period else {}
    return url_for(RECORDS, metric=metric.id, **said, **{name: argument(value) for name, value in narrowed.items()})
