"""The metrics of the registry that a company made itself, from its rows."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import g
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import aliased

from app.core.clock import local_date
from app.core.db import db
from app.core.errors import BusinessError
from app.core.i18n import _, _l
from app.core.lifecycle import enabled_modules
from app.core.metrics import Metric, MetricQuery, metrics, moment
from app.core.sql_dates import month_key, quarter_key
from app.modules.kpi.own import formula
from app.modules.kpi.own.models import FORMULA, LAST, MEAN, SCALE, OwnMetric, Value

DIMENSIONS = ("owner", "team", "month", "quarter")
VIEW = "kpi.metric.view"


def company_metrics() -> list[Metric]:
    """The company's own metrics that are in use, each valid by itself; a formula with a part that is gone is left out."""
    rows = {own_id(row): row for row in own_metrics() if row.active}
    known = {m.id: m for module in enabled_modules() for m in module.hooks.metrics}
    known |= {metric_id: _manual(row) for metric_id, row in rows.items() if row.kind != FORMULA}
    made = formula.plans(formulas(rows), known)
    return [known[i] for i in rows if i in known] + [_composite(rows[i], plan, known) for i, plan in made.items()]


def own_id(row: OwnMetric) -> str:
    """The id of an own metric in the registry."""
    return f"kpi.{row.key}"


def own_metrics() -> list[OwnMetric]:
    """All own metrics, in use or not, by name."""
    return list(db.session.scalars(select(OwnMetric).order_by(OwnMetric.name_key), execution_options={"all_rows": True}))


def formulas(rows: Mapping[str, OwnMetric]) -> dict[str, formula.Formula]:
    """Id -> formula of those metrics that have one that can be read."""
    found = {}
    for metric_id, row in rows.items():
        if row.kind == FORMULA:
            with suppress(BusinessError):
                found[metric_id] = formula.read(row.formula)
    return found


def trial(read: formula.Formula, row: OwnMetric) -> Metric:
    """The metric that a row with this formula would be, which need not be stored. Raises `BusinessError` when a part of it
    is not there."""
    known, own = metrics(), own_id(row)
    if unknown := next((each for each in read.inputs if each not in known), None):
        raise BusinessError(_("There is no metric %(id)s.", id=unknown), field="formula")
    others = {own_id(each): each for each in own_metrics() if each.active}
    bottom = {metric_id for metric_id, metric in known.items() if not metric.inputs}
    return _composite(row, formula.plans({**formulas(others), own: read}, bottom)[own], known)


def _manual(row: OwnMetric) -> Metric:
    values, mean = _Values(row.id, row.gathered), row.gathered == MEAN or row.unit == "ratio"  # shares do not add up
    money = row.unit == "money"
    return Metric(
        id=own_id(row),
        label=row.name,
        describe=row.describe or _l("Told by people, with the evidence for it."),
        row="G3",
        unit=row.unit,
        build=values.build,
        drill=values.drill,
        permission=VIEW,
        resource="kpi.value",
        version=row.definition,
        direction=row.direction,
        shape="formula",
        terms=("total", "n"),
        formula=(_mean if mean else _total) if money else _scaled_mean if mean else _scaled,
        grain="value",
        basis="snapshot" if row.gathered == LAST else "event",
        dimensions=DIMENSIONS,
        additive=frozenset(() if mean else ("owner", "team") if row.gathered == LAST else DIMENSIONS),
        parted=frozenset(() if row.gathered == LAST else DIMENSIONS),
        newest="on_day",
    )


def _composite(row: OwnMetric, plan: formula.Plan, known: Mapping[str, Metric]) -> Metric:
    parts = [known[each] for each in plan.inputs]
    return Metric(
        id=own_id(row),
        label=row.name,
        describe=row.describe or plan.steps[-1][1].text,
        row="G40",
        unit=row.unit,
        build=_no_select,
        drill=_no_select,
        inputs=plan.inputs,
        combine=plan.value,
        permission=VIEW,
        version=row.definition,
        direction=row.direction,
        shape="formula",
        grain="figure",
        basis="event" if all(m.basis == "event" for m in parts) else "snapshot",
        period=any(m.period for m in parts),
        quarter=any(m.quarter for m in parts),
        dimensions=tuple(name for name in parts[0].dimensions if all(name in m.dimensions for m in parts)),
    )


def _no_select(_query: MetricQuery) -> Select:
    raise BusinessError(_("This figure is made of other figures: the records are behind those."))


def _total(terms: Mapping[str, int]) -> Decimal | None:
    """Nothing told is not nothing: without a value there is no figure."""
    return Decimal(terms["total"]) if terms["n"] else None


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
        found = select(*keys, total.label("total"), n.label("n"))
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
            found.append(self._is_last(query))
        return found

    def _is_last(self, query: MetricQuery) -> ColumnElement[bool]:
        """That a person has told nothing later in the time asked for; by month, in the month."""
        later = aliased(Value)
        apart = [name for name in ("month", "quarter") if name in (*query.by, *query.filters)]
        known = [later.created_at <= query.known_at] if query.known_at else []
        return ~select(later.id).where(
            later.metric_id == self.metric_id, later.owner_id.is_not_distinct_from(Value.owner_id), *_days(later, query), *known,
            *(self._key(name, later) == self._key(name) for name in apart),
            (later.on_day > Value.on_day) | ((later.on_day == Value.on_day) & (later.id > Value.id)),
        ).correlate(Value).exists()  # fmt: skip

    def _key(self, name: str, values: Any = Value) -> Any:
        return {"owner": values.owner_id, "team": values.team_id, "month": month_key(values.on_day),
                "quarter": quarter_key(values.on_day, g.company.fiscal_year_start)}[name]  # fmt: skip


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
