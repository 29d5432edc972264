"""The rules of a company's own metrics and of their values, and the only writes to them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from flask import g
from sqlalchemy import select

from app.core import writes
from app.core.access import valid_on
from app.core.changelog import actor_id
from app.core.clock import today
from app.core.db import db, fold
from app.core.errors import BusinessError
from app.core.i18n import _
from app.core.metrics import forget_company_metrics, metrics
from app.core.models import TeamMember
from app.core.money import exponent
from app.modules.kpi.own import formula
from app.modules.kpi.own.models import FORMULA, MANUAL, SCALE, SUM, OwnMetric, Value
from app.modules.kpi.quantities import Given

MEANING = ("kind", "unit", "direction", "gathered", "formula")


def create_metric(values: Mapping[str, Any]) -> OwnMetric:
    """A new metric; its id is made of its name. Raises `BusinessError` when the formula is wrong or the name is taken."""
    columns = {"kind": MANUAL, "unit": "count", "direction": "up", "gathered": SUM, "describe": "", "formula": "", **_texts(values)}
    columns["key"] = _key(columns.get("key") or columns.get("name") or "")
    _check(columns, columns["key"], None)
    row = writes.create(OwnMetric, columns)
    forget_company_metrics()
    return row


def change_metric(row: OwnMetric, values: Mapping[str, Any]) -> OwnMetric:
    """Change fields of a metric; another meaning is another definition, which goals that rest on it can tell. Raises
    `BusinessError`."""
    columns = {name: value for name, value in _texts(values).items() if name != "key"}
    whole = {name: getattr(row, name) for name in ("name", *MEANING)} | columns
    _check(whole, row.key, row.id)
    if any(name in columns and columns[name] != getattr(row, name) for name in MEANING):
        if row.unit != whole["unit"] and row.kind == MANUAL and _has_values(row.id):
            raise BusinessError(_("There are values in the old unit. Make another metric instead."), field="unit")
        columns["definition"] = row.definition + 1
    writes.update(row, columns)
    forget_company_metrics()
    return row


def create_value(values: Mapping[str, Any]) -> Value:
    """A value of a manual metric on a day, with the evidence for it. Raises `BusinessError`."""
    return writes.create(Value, _value_columns(values))


def change_value(row: Value, values: Mapping[str, Any]) -> Value:
    """Correct a value; the change log keeps what it was. Raises `BusinessError`."""
    now = {"metric_id": row.metric_id, "on_day": row.on_day, "owner_id": row.owner_id, "evidence": row.evidence}
    columns = _value_columns({**now, "amount": None, **values}, row)
    return writes.update(row, columns)


def add_values(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Many values at once, as an import brings them. Raises `BusinessError`."""
    return writes.bulk_insert(Value, [_value_columns({**row, "source": "import"}) for row in rows])


def _texts(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: "" if name in ("describe", "formula", "evidence") and value is None else value for name, value in values.items()}


def _key(name: str) -> str:
    found = re.sub(r"[^a-z0-9]+", "_", fold(name)).strip("_")[:40].strip("_")
    if not found:
        raise BusinessError(_("A metric needs a name with letters in it."), field="name")
    return found if found[0].isalpha() else f"m_{found}"[:40]


def _check(columns: Mapping[str, Any], key: str, own_id: int | None) -> None:
    same = select(OwnMetric.id).where(
        (OwnMetric.key == key) | (OwnMetric.name_key == fold(columns["name"])), OwnMetric.id != (own_id or 0)
    )
    if db.session.scalar(same.limit(1), execution_options={"with_trash": True}) is not None:
        raise BusinessError(_("There is a metric of that name already."), field="name")
    if columns["kind"] != FORMULA:
        return
    read = formula.read(columns["formula"])
    known = metrics()
    own = f"kpi.{key}"
    if unknown := [each for each in read.inputs if each not in known and each != own]:
        raise BusinessError(_("There is no metric %(id)s.", id=unknown[0]), field="formula")
    way = formula.circle(own, lambda at: read.inputs if at == own else known[at].inputs if at in known else ())
    if way:
        raise BusinessError(_("The formula goes in a circle: %(way)s.", way=" → ".join(way)), field="formula")
    read.check_units({each: known[each].unit for each in read.inputs}, columns["unit"])


def _has_values(metric_id: int) -> bool:
    return db.session.scalar(select(Value.id).where(Value.metric_id == metric_id).limit(1), execution_options={"all_rows": True}) is not None


def _value_columns(values: Mapping[str, Any], row: Value | None = None) -> dict[str, Any]:
    metric = db.session.get(OwnMetric, values.get("metric_id") or 0)
    if metric is None or metric.kind == FORMULA:
        raise BusinessError(_("Of which metric? Only those told by people have values."), field="metric_id")
    day: date = values.get("on_day") or today()
    if day > today():
        raise BusinessError(_("This date is in the future."), field="on_day")
    found = {name: value for name, value in _texts(values).items() if name not in ("amount", "on_day")}
    found["on_day"] = day
    if values.get("amount") is not None:
        found["amount"] = _amount(metric, values["amount"])
    elif row is None:
        raise BusinessError(_("Which value?"), field="amount")
    owner_id = found.setdefault("owner_id", actor_id())
    found["team_id"] = _team_on(owner_id, day) if owner_id is not None else None
    return found


def _amount(metric: OwnMetric, given: Any) -> int:
    given = given if isinstance(given, Given) else Given(Decimal(given))
    value, currency = given.in_unit(metric.unit, "amount")
    if currency not in (None, g.company.currency):
        raise BusinessError(_("In the currency of the company, please."), field="amount")
    scaled = value.scaleb(exponent(g.company.currency)) if metric.unit == "money" else value * SCALE
    return int(scaled.to_integral_value(ROUND_HALF_UP))


def _team_on(member_id: int, day: date) -> int | None:
    asked = select(TeamMember.team_id).where(TeamMember.member_id == member_id, valid_on(TeamMember, day))
    return db.session.scalar(asked.order_by(TeamMember.id).limit(1), execution_options={"all_rows": True})
