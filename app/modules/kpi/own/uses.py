"""Who uses which metric: goals, dashboards and formulas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, select

from app.core.db import db
from app.modules.kpi.dashboards.models import Widget
from app.modules.kpi.models import CLOSED, DROPPED, Goal
from app.modules.kpi.own.made import formulas, own_id, own_metrics
from app.modules.kpi.own.models import OwnMetric

EVERYBODYS = {"all_rows": True}


@dataclass(frozen=True)
class Uses:
    """By id of a metric: how many goals that are not over, how many dashboards, and which formulas name it."""

    goals: Mapping[str, int]
    dashboards: Mapping[str, int]
    formulas: Mapping[str, Sequence[OwnMetric]]


def uses() -> Uses:
    """Who uses the metrics, whoever asks: how many, not which. Three statements."""
    goals = select(Goal.metric, func.count()).where(Goal.state.not_in((CLOSED, DROPPED))).group_by(Goal.metric)
    dashboards = select(Widget.metric, func.count(Widget.dashboard_id.distinct())).group_by(Widget.metric)
    rows = {own_id(row): row for row in own_metrics()}
    naming: dict[str, list[OwnMetric]] = {}
    for metric_id, read in formulas(rows).items():
        for each in read.inputs:
            naming.setdefault(each, []).append(rows[metric_id])
    return Uses(_counted(goals), _counted(dashboards), naming)


def _counted(asked: Select) -> dict[str, int]:
    return {row[0]: row[1] for row in db.session.execute(asked, execution_options=EVERYBODYS).all()}
