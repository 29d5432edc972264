"""What units, directions, bases and grains of metrics are called."""

from __future__ import annotations

from typing import Any

from app.core.i18n import _, _l
from app.core.metrics import Metric

UNITS = {"money": _l("Money"), "count": _l("Number"), "ratio": _l("Share (%)"), "days": _l("Days"), "hours": _l("Hours")}
WAYS = {"up": _l("More is better"), "down": _l("Less is better"), "none": _l("Neither")}
ARROWS = {"up": "arrow-up", "down": "arrow-down", "none": "minus"}
BASES = {
    "event": _l("What happened in a period"),
    "snapshot": _l("What is so at a moment"),
    "cohort": _l("What became of those that began together"),
}
BASES_SHORT = {"event": _l("Event"), "snapshot": _l("Snapshot"), "cohort": _l("Cohort")}
GRAINS = {
    "deal": _l("Deal"), "account": _l("Account"), "activity": _l("Activity"), "lead": _l("Lead"), "value": _l("Told value"),
    "figure": _l("Other figures"), "person": _l("Person"), "goal": _l("Goal"),
}  # fmt: skip
SHAPES = {
    "sum": _l("A sum"), "ratio": _l("A ratio: numerator by denominator, never a mean of ratios"), "median": _l("A median"),
    "quantile": _l("A quantile"), "formula": _l("Worked out"),
}  # fmt: skip


def grain_of(metric: Metric) -> Any:
    """What one row counted is."""
    return GRAINS.get(metric.grain, metric.grain)


def shape_of(metric: Metric) -> str:
    """How a figure is put together from what is counted."""
    return _("A formula over other metrics") if metric.inputs else str(SHAPES[metric.shape])
