"""A company's own metrics, and their values, as resources."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from flask import g
from sqlalchemy import select

from app.core.changelog import actor_id
from app.core.clock import today
from app.core.db import db
from app.core.fields import Boolean, Choice, Date, FieldError, LongText, Reading, Text
from app.core.i18n import _, _l
from app.core.lookups import Lookup
from app.core.money import from_minor
from app.core.resource import VERBS, Resource
from app.modules.kpi.models import MONTH, QUARTER, WEEK
from app.modules.kpi.own import services
from app.modules.kpi.own.models import FORMULA, LAST, MANUAL, MEAN, SCALE, SUM, OwnMetric, Value
from app.modules.kpi.quantities import Amount, Quantity

KINDS = {MANUAL: _l("Told by people"), FORMULA: _l("Formula")}
UNITS = {"money": _l("Money"), "count": _l("Number"), "ratio": _l("Share (%)"), "days": _l("Days"), "hours": _l("Hours")}
WAYS = {"up": _l("More is better"), "down": _l("Less is better"), "none": _l("Neither")}
CADENCES = {WEEK: _l("Every week"), MONTH: _l("Every month"), QUARTER: _l("Every quarter")}
GATHERED = {SUM: _l("Values add up"), MEAN: _l("Their mean"), LAST: _l("The last of each person")}


@dataclass(frozen=True)
class Told(Amount):
    """The value of a metric that people tell."""

    @property
    def attributes(self) -> tuple[str, ...]:
        return ("amount", "metric_id")

    def of(self, row: Any) -> Quantity | None:
        if row.amount is None:
            return None
        unit = unit_of(row.metric_id)
        return Quantity(from_minor(row.amount, g.company.currency) if unit == "money" else from_scaled(row.amount), unit)


@dataclass(frozen=True)
class Past(Date):
    """A day that is not ahead."""

    def read(self, text: str, reading: Reading) -> date:
        found = super().read(text, reading)
        if found > today():
            raise FieldError(_("This date is in the future."))
        return found


def from_scaled(amount: int) -> Any:
    """The value that so many millionths are."""
    return (Decimal(amount) / SCALE).normalize() + 0


def unit_of(metric_id: int) -> str:
    """The unit of an own metric; all are read once per app context."""
    if "kpi_units" not in g:
        found = db.session.execute(select(OwnMetric.id, OwnMetric.unit), execution_options={"with_trash": True})
        g.kpi_units = {row.id: row.unit for row in found}
    return g.kpi_units.get(metric_id, "count")


own_metric: Resource = Resource(
    name="metric",
    plural="own_metrics",
    model=OwnMetric,
    label=_l("Own metric"),
    label_plural=_l("Own metrics"),
    label_new=_l("New metric"),
    icon="math-function",
    fields=(
        Text("name", _l("Name"), required=True, longest=80),
        Choice("kind", _l("Where it comes from"), choices=tuple(KINDS.items()), default=lambda: MANUAL),
        Choice("unit", _l("Unit"), choices=tuple(UNITS.items()), default=lambda: "count"),
        Choice("direction", _l("Direction"), choices=tuple(WAYS.items()), default=lambda: "up"),
        Choice("gathered", _l("Over a period"), choices=tuple(GATHERED.items()), default=lambda: SUM),
        LongText("formula", _l("Formula"), longest=500,
                 hint=_l("Of ids of metrics, numbers, + − × ÷ and brackets: crm.won_amount ÷ crm.won_count")),
        LongText("describe", _l("Definition"), longest=1000),
        Choice("cadence", _l("A value is due"), choices=tuple(CADENCES.items()), default=lambda: MONTH),
        Lookup("keeper_id", _l("Answers for it"), target="admin.member", default=actor_id),
        Boolean("active", _l("Active"), default=lambda: True),
    ),
    columns=("name", "kind", "unit", "direction", "cadence", "keeper_id", "active"),
    filters=("kind", "active"),
    match_keys=("name",),
    offered=(lambda: OwnMetric.kind == MANUAL, lambda: OwnMetric.active),  # for values: only of these there are any
    create=services.create_metric,
    update=services.change_metric,
    hide=services.refuse_used,
    open_names=True,
    grants={"manager": tuple(VERBS), "rep": ("view",)},
)

value: Resource = Resource(
    name="value",
    model=Value,
    label=_l("Value"),
    label_plural=_l("Values"),
    label_new=_l("New value"),
    icon="pencil-plus",
    title="on_day",
    fields=(
        Lookup("metric_id", _l("Metric"), target="kpi.metric", required=True),
        Past("on_day", _l("Day"), default=today, example="2026-06-30"),
        Told("amount", _l("Value"), required=True, example="12"),
        Lookup("owner_id", _l("Of"), target="admin.member", default=actor_id),
        Text("evidence", _l("Evidence"), longest=services.LONGEST_EVIDENCE, hint=_l("Where it can be looked up: a document, an address, who said it.")),
        Text("external_id", _l("Reference"), longest=120),
    ),
    filters=("metric_id", "owner_id", "on_day"),
    sort="-on_day",
    match_keys=("external_id",),
    searchable=False,
    create=services.create_value,
    update=services.change_value,
    bulk=services.add_values,
    grants={"manager": tuple(VERBS), "rep": ("view", "create", "edit")},
)
