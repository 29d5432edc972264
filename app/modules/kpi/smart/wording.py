"""Values of goals in the sentences of the check."""

from __future__ import annotations

from decimal import Decimal

from app.core.metrics import Metric
from app.modules.kpi.models import Goal
from app.modules.kpi.quantities import shown

WHOLE_FROM = 1000  # amounts of money, whose cents say nothing


def given(goal: Goal, value: Decimal, metric: Metric) -> str:
    """A value of a goal as people read it, in the currency it was given in."""
    return shown(value, metric.unit, goal.currency)


def ours(value: Decimal, metric: Metric) -> str:
    """A value of a metric as people read it, in company currency."""
    cents = metric.unit == "money" and abs(value) >= WHOLE_FROM
    return shown(Decimal(round(value)) if cents else value, metric.unit)
