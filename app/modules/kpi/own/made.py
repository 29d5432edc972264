"""The metrics of the registry that a company made itself, from its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import g
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import aliased

from app.core.clock import local_date
from app.core.db import db
from app.core.errors import BusinessError
from app.core.i18n import _
from app.core.lifecycle import enabled_modules
from app.core.metrics import Metric, MetricQuery, moment
from app.core.sql_dates import month_key, quarter_key
from app.modules.kpi.own import formula
from app.modules.kpi.own.models import FORMULA, LAST, MEAN, SCALE, OwnMetric, Value

DIMENSIONS = ("owner", "team", "month", "quarter")
VIEW = "kpi.metric.view"


def company_metrics() -> list[Metric]:
    """The company's own metrics that are in use, each valid by itself; a formula with a part that is gone is left out."""
    rows = list(db.session.scalars(select(OwnMetric).where(OwnMetric.active), execution_options={"all_rows": True}))
    known = {m.id: m for module in enabled_modules() for m in module.hooks.metrics}
    made = {f"kpi.{row.key}": _manual(row) for row in rows if row.kind != FORMULA}
    waiting = {f"kpi.{row.key}": row for row in rows if row.kind == FORMULA}
    while waiting:
        ready = {i: _composite(row, known | made) for i, row in waiting.items()}
        fresh = {i: metric for i, metric in ready.items() if metric is not None}
        if not fresh:  # what is left rests on something that is not there
            break
        made |= fresh
        waiting = {i: row for i, row in waiting.items() if i not in fresh}
    return list(made.values())


def _manual(row: OwnMetric) -> Metric:
    values = _Values(row.id, row.gathered)
    money = row.unit == "money"
    shape: dict[str, Any] = {"shape": "sum"} if money and row.gathered != MEAN else {
        "shape": "formula",
        "terms": ("total", "n"),
        "formula": _mean if money else _scaled_mean if row.gathered == MEAN else _scaled,
    }  # fmt: skip
    return Metric(
        id=f"kpi.{row.key}",
        label=row.name,
        describe=row.describe or _("Told by people, with the evidence for it."),
        row="G3",
        unit=row.unit,
        build=values.build,
        drill=values.drill,
        permission=VIEW,
        resource="kpi.value",
        version=row.definition,
        direction=row.direction,
        grain="value",
        basis="snapshot" if row.gathered == LAST else "event",
        dimensions=DIMENSIONS,
        additive=frozenset({"owner", "team"} if row.gathered == LAST else DIMENSIONS if row.gathered != MEAN else ()),
        parted=frozenset() if row.gathered == LAST else frozenset(DIMENSIONS),
        **shape,
    )


def _composite(row: OwnMetric, known: Mapping[str, Metric]) -> Metric | None:
    try:
        read = formula.read(row.formula)
    except BusinessError:
        return None
    if any(each not in known for each in read.inputs):
        return None
    parts = [known[each] for each in read.inputs]
    return Metric(
        id=f"kpi.{row.key}",
        label=row.name,
        describe=row.describe or row.formula,
        row="G40",
        unit=row.unit,
        build=_no_select,
        drill=_no_select,
        inputs=read.inputs,
        combine=read.value,
        permission=VIEW,
        version=row.definition,
        direction=row.direction,
        shape="formula",
        grain="figure",
        basis="event" if all(m.basis == "event" for m in parts) else "snapshot",
        period=any(m.period for m in parts),
        dimensions=tuple(name for name in parts[0].dimensions if all(name in m.dimensions for m in parts)),
    )


def _no_select(_query: MetricQuery) -> Select:
    raise BusinessError(_("This figure is made of other figures: the records are behind those."))


def _scaled(terms: Mapping[str, int]) -> Decimal | None:
    return Decimal(terms["total"]) / SCALE if terms["n"] else None


def _mean(terms: Mapping[str, int]) -> Decimal | None:
    return Decimal(terms["total"]) / terms["n"] if terms["n"] else None


def _scaled_mean(terms: Mapping[str, int]) -> Decimal | None:
    return Decimal(terms["total"]) / SCALE / terms["n"] if terms["n"] else None


@dataclass(frozen=True)
class _Values:
    """The values of one manual metric."""

    metric_id: int
    gathered: str

    def build(self, query: MetricQuery) -> Select:
        keys = [self._key(name).label(f"d_{name}") for name in query.by]
        total, n = func.coalesce(func.sum(Value.amount), 0), func.count(Value.id)
        found = select(*keys, total.label("value"), total.label("total"), n.label("n"))
        return found.where(*self._criteria(query)).group_by(*(key.name for key in keys))

    def drill(self, query: MetricQuery) -> Select:
        return select(Value.id).where(*self._criteria(query))

    def _criteria(self, query: MetricQuery) -> list[ColumnElement[bool]]:
        found = [Value.metric_id == self.metric_id, *_days(Value, query)]
        if query.known_at:
            found.append(Value.created_at <= query.known_at)
        if query.scope is not None:
            found.append(Value.owner_id.in_(sorted(query.scope)))
        for name, wanted in query.filters.items():
            if name not in DIMENSIONS:
                raise BusinessError(_("“%(given)s” is not one of: %(known)s.", given=name, known=", ".join(DIMENSIONS)), field=name)
            found.append(_matches(self._key(name), wanted))
        if self.gathered == LAST:
            later = aliased(Value)
            found.append(~select(later.id).where(
                later.metric_id == self.metric_id, later.owner_id.is_not_distinct_from(Value.owner_id), *_days(later, query),
                (later.on_day > Value.on_day) | ((later.on_day == Value.on_day) & (later.id > Value.id)),
            ).correlate(Value).exists())  # fmt: skip
        return found

    def _key(self, name: str) -> Any:
        return {"owner": Value.owner_id, "team": Value.team_id, "month": month_key(Value.on_day),
                "quarter": quarter_key(Value.on_day, g.company.fiscal_year_start)}[name]  # fmt: skip


def _days(values: Any, query: MetricQuery) -> list[ColumnElement[bool]]:
    found = []
    if query.start:
        found.append(values.on_day >= query.start)
    if query.end:
        found.append(values.on_day <= query.end)
    if query.as_of:
        found.append(values.on_day <= local_date(moment(query)))
    return found


def _matches(column: Any, wanted: Any) -> ColumnElement[bool]:
    if isinstance(wanted, (list, tuple, set, frozenset)):
        known = [each for each in wanted if each is not None]
        return column.in_(known) | column.is_(None) if None in wanted else column.in_(known)
    return column.is_(None) if wanted is None else column == wanted
