"""The goal that a form would make: not stored, and good or bad as it is."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from app.core.clock import today
from app.core.db import db
from app.core.errors import BusinessError
from app.core.fields import Field, FieldError, by_person
from app.core.ids import whole
from app.core.metrics import Metric, metrics
from app.core.models import Team
from app.core.registry import registry
from app.core.relative_dates import around
from app.core.surfaces.record import fetch
from app.modules.kpi.models import BAND, DOWN, DRAFT, MEMBER, MONTH, OTHER, QUARTER, TEAM, UP, Goal
from app.modules.kpi.narrowing import FILTERS, Narrowing, joined, kept
from app.modules.kpi.progress.baselines import baseline_of
from app.modules.kpi.quantities import Given

AMOUNTS = ("target", "low", "high")
# Another one of these is another baseline.
GROUNDS = ("metric", "filters", "scope", "owner_id", "team_id", "first_day", "period")
# What a goal has that is not stored yet, and no form asks for.
FRESH = {"filters": {}, "curve": [], "state": DRAFT, "weight": 0, "edition": 1, "retrospective": False, "excuse": "", "note": "",
         "name": "", "scope": MEMBER, "period": QUARTER, "cadence": MONTH, "baseline_hash": "", "is_quota": False}  # fmt: skip


def goal_of(form: MultiDict[str, str]) -> Goal | None:
    """The goal that a form describes so far, never stored; None while nobody can say of which figure.

    `goal_id` names the stored goal whose form it is: what the form does not ask for is as stored there. What cannot be
    read counts as left out, the form itself says why. Raises 404 for a goal that the reader does not see.
    """
    resource = registry.resource("kpi.goal")
    stored = fetch(resource, number) if (number := whole(form.get("goal_id"))) else None
    columns = {**FRESH, **({c.name: getattr(stored, c.name) for c in Goal.__table__.columns} if stored else {})}
    read = {f.name: _read(f, form) for f in resource.fields if f.editable and f.attributes and f.name in form}
    columns |= {name: value for name, value in read.items() if name not in AMOUNTS and (value is not None or name not in FRESH)}
    columns[FILTERS] = kept(columns[FILTERS])
    metric = metrics().get(columns.get("metric") or "")
    if metric is None:
        return None
    columns |= _amounts(metric, read) | _days(columns)
    columns["direction"] = columns.get("direction") or (DOWN if metric.direction == "down" else UP)
    columns |= {"team_id": columns.get("team_id") if columns["scope"] == TEAM else None} | _ends(columns)
    if columns["scope"] == TEAM and not columns.get("owner_id") and columns["team_id"]:
        columns["owner_id"] = db.session.scalar(select(Team.manager_id).where(Team.id == columns["team_id"]))
    if stored is None:
        columns["retrospective"] = columns["last_day"] < today()
    goal = Goal(**columns)
    if stored is None or any(getattr(stored, name) != columns[name] for name in GROUNDS):
        goal.metric_version = metric.version
        for name, value in baseline_of(goal).items():
            setattr(goal, name, value)
    return goal


def _read(field: Field, form: MultiDict[str, str]) -> Any:
    text = joined(form.getlist(field.name)) if isinstance(field, Narrowing) else form[field.name]
    try:
        return field.parse(text, by_person())
    except FieldError:
        return None


def _amounts(metric: Metric, read: Mapping[str, Any]) -> dict[str, Any]:
    """Target, low and high in whole units, as far as they can be read and fit the unit."""
    found: dict[str, Any] = {}
    for name in AMOUNTS:
        given = read.get(name)
        if name in read:
            found[name] = None
        if isinstance(given, Given):
            try:
                found[name], currency = given.in_unit(metric.unit, name)
            except BusinessError:
                continue
            found["currency"] = currency
    return found


def _ends(columns: Mapping[str, Any]) -> dict[str, Decimal | None]:
    """A band has two ends and no target, all else a target."""
    if columns["direction"] == BAND:
        return {"target": None}
    return {"low": None, "high": None}


def _days(columns: Mapping[str, Any]) -> dict[str, Any]:
    """First and last day: those of the period that holds the first one, unless they are other days."""
    period, first, last = columns["period"], columns.get("first_day") or today(), columns.get("last_day")
    if period == OTHER:
        last = last or around(first, QUARTER)[1]
        return {"period": OTHER, "first_day": min(first, last), "last_day": max(first, last)}
    first, last = around(first, period)
    return {"period": period, "first_day": first, "last_day": last}
