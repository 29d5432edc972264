"""The rules that make goals, and the only writes to them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.core import writes
from app.core.clock import today
from app.core.db import db
from app.core.errors import BusinessError
from app.core.i18n import _
from app.core.metrics import metrics
from app.core.several import names_of
from app.modules.kpi import quantities
from app.modules.kpi.models import BAND, DOWN, LAGGING, LEADING, UP, GoalRule
from app.modules.kpi.quantities import Given

AMOUNTS = ("target", "low", "high")
WHOM = ("teams", "roles", "members")
COMPANY, TEAMS, MEMBERS = "company", "teams", "members"
NEEDED = {COMPANY: (), TEAMS: ("team",), MEMBERS: ("owner",)}


def create_rule(values: Mapping[str, Any]) -> GoalRule:
    """A new rule; it makes its goals when the job runs next. `teams`, `roles` and `members` are ids and keys, "3,7".
    Raises `BusinessError`."""
    columns = {"starts_on": today(), "audience": MEMBERS, "whom": {}, **_columns(values)}
    metric = metrics().get(columns.get("metric") or "")
    if metric is not None:
        columns["direction"] = columns.get("direction") or (DOWN if metric.direction == "down" else UP)
        columns["grade"] = columns.get("grade") or (LEADING if metric.grain == "activity" else LAGGING)
    row = GoalRule(**columns)
    _check(row)
    db.session.add(row)
    db.session.flush()
    return row


def change_rule(row: GoalRule, values: Mapping[str, Any]) -> GoalRule:
    """Change fields of a rule, only those that are named. Goals that it has made stay as they are. Raises `BusinessError`."""
    columns = _columns(values, row)
    with db.session.no_autoflush:
        for name, value in columns.items():
            if getattr(row, name) != value:
                setattr(row, name, value)
        _check(row)
    db.session.flush()
    return row


def set_targets(row: GoalRule, targets: Mapping[int, Given | None], version: int | None) -> GoalRule:
    """Targets of single members or teams, by id, where they differ from the rule's; None is the rule's. Others keep theirs.
    Raises `BusinessError`, `Conflict`."""
    writes.check_version(row, version)
    metric = metrics().get(row.metric)
    if metric is None:
        raise BusinessError(_("Which figure? There is none of this name, or its application is off."))
    found = dict(row.targets)
    for who, given in targets.items():
        if given is None:
            found.pop(str(who), None)
            continue
        value, currency = given.in_unit(metric.unit)
        if currency and row.currency and currency != row.currency:
            raise BusinessError(_("All targets of a rule are in one currency, %(currency)s.", currency=row.currency))
        found[str(who)] = format(value.normalize(), "f")
    return writes.update(row, {"targets": found})


def target_for(row: GoalRule, who: int | None) -> Decimal | None:
    """The target of a member or team by a rule."""
    own = row.targets.get(str(who))
    return row.target if own is None else Decimal(own)


def _columns(values: Mapping[str, Any], row: GoalRule | None = None) -> dict[str, Any]:
    """Columns for field values: who is meant goes into one, amounts are in the unit of the figure."""
    found = {name: value for name, value in values.items() if name not in (*WHOM, *AMOUNTS)}
    if "weight" in found and found["weight"] is None:
        found["weight"] = 0
    if "starts_on" in found and found["starts_on"] is None:
        found["starts_on"] = today()
    if named := [name for name in WHOM if name in values]:
        whom = dict(row.whom) if row is not None else {}
        for name in named:
            chosen = names_of(values[name])
            whom[name] = chosen if name == "roles" else [int(each) for each in chosen]
        found["whom"] = {name: each for name, each in whom.items() if each}
    metric = metrics().get(found.get("metric") or (row.metric if row is not None else "") or "")
    for name in AMOUNTS:
        if name in values:
            found |= _amount(name, values[name], metric.unit if metric else "count")
    return found


def _amount(name: str, given: Any, unit: str) -> dict[str, Any]:
    if given is None:
        return {name: None}
    value, currency = quantities.given(given).in_unit(unit, name)
    return {name: value, **({"currency": currency} if currency else {})}


def _check(row: GoalRule) -> None:
    """What no rule may be without. Raises `BusinessError`."""
    if not (row.name or "").strip():
        raise BusinessError(_("A rule needs a name."), field="name")
    metric = metrics().get(row.metric or "")
    if metric is None:
        raise BusinessError(_("Which figure? There is none of this name, or its application is off."), field="metric")
    if lacking := [name for name in NEEDED[row.audience] if name not in metric.dimensions]:
        raise BusinessError(_("“%(metric)s” cannot be told by %(by)s.", metric=metric.label, by=", ".join(lacking)), field="audience")
    if row.direction == BAND:
        if row.low is None or row.high is None or row.low >= row.high:
            raise BusinessError(_("A band needs a lower and a higher end."), field="low")
        row.target = None
    else:
        row.low = row.high = None
    if metric.unit != "money":
        row.currency = None
    if row.ends_on is not None and row.ends_on < row.starts_on:
        raise BusinessError(_("It ends before it begins."), field="ends_on")
