"""What a formula would give, while somebody writes it: a sentence, its parts, and its value for this quarter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.access import can
from app.core.clock import today
from app.core.composites import combined
from app.core.errors import BusinessError
from app.core.i18n import _
from app.core.lifecycle import enabled_modules
from app.core.metrics import Metric, MetricQuery, evaluate, metrics
from app.core.relative_dates import around
from app.core.reports.wording import text_of
from app.modules.kpi.models import UNITS
from app.modules.kpi.own.formula import read
from app.modules.kpi.own.made import own_id
from app.modules.kpi.own.models import OwnMetric
from app.modules.kpi.own.services import check_formula


@dataclass(frozen=True)
class Checked:
    """Whether a formula is good, in a sentence; its parts with their values, and what it comes to this quarter."""

    good: bool
    sentence: str
    parts: Sequence[tuple[str, str]] = ()
    value: str = ""


def checked(text: str, unit: str, metric_id: str = "") -> Checked:
    """A formula as it stands for a metric of a unit; `metric_id` where it is to be that of one there is."""
    try:
        made = check_formula(text, unit if unit in UNITS else "count", metric_id.removeprefix("kpi."))
    except BusinessError as wrong:
        return Checked(False, wrong.message)
    known = metrics()
    if not all(can(known[each].permission) for each in made.inputs):
        return Checked(True, _("The formula is good. What it gives you may not see: a part of it is not yours."))
    first, last = around(today(), "quarter")
    query = MetricQuery(start=first, end=last)
    told = [evaluate(each, query) for each in made.inputs]
    rows, _excluded = combined(made, (), told)
    value = rows[0].value
    parts = [(str(known[i].label), text_of(known[i], evaluate(i, query).total.value)) for i in read(text).inputs]
    said = _("The formula is good.") if value is not None else _("The formula is good, but undefined this quarter: a part is missing or zero.")
    return Checked(True, said, parts, text_of(made, value))


def choices(row: OwnMetric | None = None) -> list[tuple[str, list[tuple[str, str]]]]:
    """The metrics that can stand in a formula, by module: module, and id and name of each; the metric itself is not one."""
    own = own_id(row) if row else ""
    found: dict[str, list[Metric]] = {}
    for metric in metrics().values():
        if can(metric.permission) and metric.id != own:
            found.setdefault(metric.module, []).append(metric)
    return [
        (str(module.manifest.label), sorted(((m.id, str(m.label)) for m in found[module.name]), key=lambda pair: pair[1].casefold()))
        for module in enabled_modules()
        if module.name in found
    ]
