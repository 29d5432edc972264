"""What goals and the rules that make them have alike: a figure, what it is narrowed down to, and a target or a band."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from app.core.errors import BusinessError
from app.core.i18n import _
from app.core.metrics import Metric, metrics
from app.modules.kpi import quantities
from app.modules.kpi.models import BAND, DOWN, LAGGING, LEADING, UP
from app.modules.kpi.narrowing import FILTERS, kept

AMOUNTS = ("target", "low", "high")


def metric_of(metric_id: str | None) -> Metric:
    """The metric of an id. Raises `BusinessError` where there is none, or its application is off."""
    found = metrics().get(metric_id or "")
    if found is None:
        raise BusinessError(_("Which figure? There is none of this name, or its application is off."), field="metric")
    return found


def usual(metric: Metric) -> dict[str, str]:
    """Direction and kind of a goal on a metric where nobody says otherwise."""
    return {"direction": DOWN if metric.direction == "down" else UP, "grade": LEADING if metric.grain == "activity" else LAGGING}


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Columns for field values, but for amounts, whose unit is the metric's."""
    found = {name: value for name, value in values.items() if name not in AMOUNTS}
    if "weight" in found and found["weight"] is None:
        found["weight"] = 0
    if FILTERS in found:
        found[FILTERS] = kept(found[FILTERS])
    return found


def amounts(metric: Metric, values: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of target, low and high. All of them are in one currency. Raises `BusinessError`."""
    found: dict[str, Any] = {}
    for name in AMOUNTS:
        if name not in values:
            continue
        if values[name] is None:
            found[name] = None
            continue
        found[name], currency = quantities.given(values[name]).in_unit(metric.unit, name)
        if currency and found.setdefault("currency", currency) != currency:
            raise BusinessError(_("Both ends in one currency, please."), field=name)
    return found


def check(row: Any, metric: Metric, told_by: Collection[str], field: str = "metric") -> None:
    """A band has two ends and no target, all else a target; and the metric can be told by whose goal it is (`told_by`, the
    `field` that says so) and by what it is narrowed down to. Raises `BusinessError`."""
    if row.direction == BAND:
        if row.low is None or row.high is None or row.low >= row.high:
            raise BusinessError(_("A band needs a lower and a higher end."), field="low")
        row.target = None
    else:
        row.low = row.high = None
    if metric.unit != "money":
        row.currency = None
    for names, named in ((told_by, field), (row.filters or {}, FILTERS)):
        if unknown := sorted(set(names) - set(metric.dimensions)):
            raise BusinessError(_("“%(metric)s” cannot be told by %(by)s.", metric=metric.label, by=", ".join(unknown)), field=named)
