"""The rules of a company's own metrics and of their values, and the only writes to them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP
from keyword import iskeyword
from typing import Any

from flask import g
from sqlalchemy import select

from app.core import writes
from app.core.changelog import actor_id
from app.core.clock import today
from app.core.db import db, fold
from app.core.errors import BusinessError
from app.core.fields import LARGEST_MINOR
from app.core.i18n import _, _n
from app.core.lifecycle import enabled_modules
from app.core.metrics import Metric, forget_company_metrics, metrics
from app.core.models import TeamMember
from app.core.money import exponent
from app.modules.kpi.own import formula
from app.modules.kpi.own.made import formulas, own_id, own_metrics, trial
from app.modules.kpi.own.models import FORMULA, MANUAL, MEAN, SCALE, SUM, OwnMetric, Value
from app.modules.kpi.own.uses import uses
from app.modules.kpi.quantities import Given, given

LONGEST_KEY, LONGEST_EVIDENCE = 40, 500
MEANING = ("kind", "unit", "direction", "gathered", "formula")


def create_metric(values: Mapping[str, Any]) -> OwnMetric:
    """A new metric; its id is made of its name. Raises `BusinessError` when the formula is wrong or the name is taken."""
    columns = {"kind": MANUAL, "unit": "count", "direction": "up", "gathered": SUM, "describe": "", "formula": "", **_texts(values)}
    columns["key"] = _key(columns.get("key") or columns.get("name") or "")
    if columns["unit"] == "ratio" and "gathered" not in values:
        columns["gathered"] = MEAN
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
    if row.active and columns.get("active") is False:
        refuse_used([row.id])
    if any(name in columns and columns[name] != getattr(row, name) for name in MEANING):
        for name, sentence in (("unit", _("There are values in the old unit. Make another metric instead.")),
                               ("kind", _("There are values of it. Make another metric instead."))):  # fmt: skip
            if getattr(row, name) != whole[name] and row.kind == MANUAL and _has_values(row.id):
                raise BusinessError(sentence, field=name)
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


def is_value(row: Value, amount: Given) -> bool:
    """Whether a value is the one that somebody wrote."""
    return row.amount == _amount(db.session.get_one(OwnMetric, row.metric_id), amount)


def add_values(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Many values at once, as an import brings them. Raises `BusinessError`."""
    teams = _Teams({row.get("owner_id", actor_id()) for row in rows})
    return writes.bulk_insert(Value, [_value_columns({**row, "source": "import"}, teams=teams) for row in rows])


def refuse_used(ids: Sequence[int]) -> None:
    """Raise `BusinessError` while a formula or a goal that is not over rests on one of these metrics."""
    for row in db.session.scalars(select(OwnMetric).where(OwnMetric.id.in_(ids))):
        used = uses()
        formulas, goals = used.formulas.get(own_id(row), []), used.goals.get(own_id(row), 0)
        if formulas:
            names = ", ".join(_("“%(text)s”", text=each.name) for each in formulas)
            raise BusinessError(_("“%(name)s” is part of %(formulas)s.", name=row.name, formulas=names), field="active")
        if goals:
            said = _n("%(num)d goal rests on “%(name)s”.", "%(num)d goals rest on “%(name)s”.", goals, name=row.name)
            raise BusinessError(said, field="active")


def _texts(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: "" if name in ("describe", "formula", "evidence") and value is None else value for name, value in values.items()}


def _key(name: str) -> str:
    """What the id of a metric ends with: a word that a formula can name."""
    found = re.sub(r"[^a-z0-9]+", "_", fold(name)).strip("_")[:LONGEST_KEY].strip("_")
    if not found:
        raise BusinessError(_("A metric needs a name with letters in it."), field="name")
    return f"m_{found}"[:LONGEST_KEY] if iskeyword(found) or not found[0].isalpha() else found


def _check(columns: Mapping[str, Any], key: str, row_id: int | None) -> None:
    same = select(OwnMetric.id).where(
        (OwnMetric.key == key) | (OwnMetric.name_key == fold(columns["name"])), OwnMetric.id != (row_id or 0)
    )
    taken = any(m.id == f"kpi.{key}" for module in enabled_modules() for m in module.hooks.metrics)
    if taken or db.session.scalar(same.limit(1), execution_options={"with_trash": True}) is not None:
        raise BusinessError(_("There is a metric of that name already."), field="name")
    if columns["kind"] != FORMULA:
        if columns["unit"] == "ratio" and columns["gathered"] == SUM:
            raise BusinessError(_("Shares do not add up: take their mean, or the last one."), field="gathered")
        return
    check_formula(columns["formula"], columns["unit"], key)


def check_formula(text: str, unit: str, key: str = "") -> Metric:
    """The metric that a formula makes, where it can be read, names metrics that are there, does not lead back to itself and
    gives the unit. Raises `BusinessError` with a sentence else."""
    read, own = formula.read(text), f"kpi.{key}"
    others = {each: found.inputs for each, found in formulas({own_id(row): row for row in own_metrics()}).items()}
    if way := formula.circle(own, lambda at: read.inputs if at == own else others.get(at, ())):
        raise BusinessError(_("The formula goes in a circle: %(way)s.", way=" → ".join(way)), field="formula")
    made = trial(read, OwnMetric(key=key, name=key, describe="", unit=unit, direction="none", definition=1))
    if len(made.inputs) > formula.MOST_BELOW:
        raise BusinessError(_("A formula that rests on at most %(n)s figures, please.", n=formula.MOST_BELOW), field="formula")
    known = metrics()
    read.check_units({each: known[each].unit for each in read.inputs}, unit)
    return made


def _has_values(metric_id: int) -> bool:
    return db.session.scalar(select(Value.id).where(Value.metric_id == metric_id).limit(1), execution_options={"all_rows": True}) is not None


def _value_columns(values: Mapping[str, Any], row: Value | None = None, teams: _Teams | None = None) -> dict[str, Any]:
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
    found["team_id"] = (teams or _Teams({owner_id})).on(owner_id, day)
    return found


def _amount(metric: OwnMetric, amount: Any) -> int:
    value, currency = given(amount).in_unit(metric.unit, "amount")
    if currency not in (None, g.company.currency):
        raise BusinessError(_("In the currency of the company, please."), field="amount")
    scaled = value.scaleb(exponent(g.company.currency)) if metric.unit == "money" else value * SCALE
    if abs(scaled) > LARGEST_MINOR:
        raise BusinessError(_("A number of a sensible size, please."), field="amount")
    return int(scaled.to_integral_value(ROUND_HALF_UP))


class _Teams:
    """The teams of members, day by day, read once for all of them."""

    def __init__(self, member_ids: set[int | None]) -> None:
        known = select(TeamMember).where(TeamMember.member_id.in_({each for each in member_ids if each is not None}))
        self.spans = list(db.session.scalars(known.order_by(TeamMember.id), execution_options={"all_rows": True}))

    def on(self, member_id: int | None, day: date) -> int | None:
        """The team of a member on a day."""
        of_theirs = (each for each in self.spans if each.member_id == member_id)
        return next((each.team_id for each in of_theirs if each.valid_from <= day and (each.valid_to is None or day <= each.valid_to)), None)
