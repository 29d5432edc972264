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
from app.modules.kpi import aims
from app.modules.kpi.aims import metric_of
from app.modules.kpi.models import GoalRule
from app.modules.kpi.quantities import Given

WHOM = ("teams", "roles", "members")
COMPANY, TEAMS, MEMBERS = "company", "teams", "members"
NEEDED = {COMPANY: (), TEAMS: ("team",), MEMBERS: ("owner",)}


def create_rule(values: Mapping[str, Any]) -> GoalRule:
    """A new rule; it makes its goals when the job runs next. `teams`, `roles` and `members` are ids and keys, "3,7".
    Raises `BusinessError`."""
    columns = {"starts_on": today(), "audience": MEMBERS, "whom": {}, **_columns(values)}
    for name, value in aims.usual(metric_of(columns.get("metric"))).items():
        columns[name] = columns.get(name) or value
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
    metric, found = metric_of(row.metric), dict(row.targets)
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
    found = aims.plain({name: value for name, value in values.items() if name not in WHOM})
    if "starts_on" in found and found["starts_on"] is None:
        found["starts_on"] = today()
    if named := [name for name in WHOM if name in values]:
        whom = dict(row.whom) if row is not None else {}
        for name in named:
            chosen = names_of(values[name])
            whom[name] = chosen if name == "roles" else [int(each) for each in chosen]
        found["whom"] = {name: each for name, each in whom.items() if each}
    metric = metrics().get(found.get("metric") or (row.metric if row is not None else "") or "")
    return found | (aims.amounts(metric, values) if metric else {})


def _check(row: GoalRule) -> None:
    """What no rule may be without. Raises `BusinessError`."""
    if not (row.name or "").strip():
        raise BusinessError(_("A rule needs a name."), field="name")
    aims.check(row, metric_of(row.metric), NEEDED[row.audience], "audience")
    if row.ends_on is not None and row.ends_on < row.starts_on:
        raise BusinessError(_("It ends before it begins."), field="ends_on")
