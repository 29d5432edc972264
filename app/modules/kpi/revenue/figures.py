"""Quotas as figures of the registry: what people were to sell, and what share of it they sold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from types import SimpleNamespace
from typing import Any

from flask import g
from sqlalchemy import Select, select

from app.core.db import db
from app.core.errors import BusinessError
from app.core.figures import Lines
from app.core.i18n import _, _l
from app.core.lifecycle import enabled_modules
from app.core.metrics import Metric, MetricQuery
from app.core.money import exponent
from app.core.relative_dates import around
from app.modules.kpi.models import MEMBER, Goal
from app.modules.kpi.revenue.quotas import WON, Days, Quota, asked, plan, read

QUOTA, ATTAINMENT = "kpi.quota", "kpi.quota_attainment"
DIMENSIONS = ("owner", "team", "month", "quarter")
VIEW = "kpi.goal.view"


def company_metrics() -> Sequence[Metric]:
    """The figures of quotas, where there is something to sell: they are about the amount won."""
    return METRICS if any(m.id == WON for module in enabled_modules() for m in module.hooks.metrics) else ()


def _build(query: MetricQuery) -> Select:
    found = asked(MEMBER)
    if query.start:
        found = found.where(Goal.last_day >= query.start)
    if query.end:
        found = found.where(Goal.first_day <= query.end)
    if query.known_at:
        found = found.where(Goal.created_at <= query.known_at)
    if query.scope is not None:
        found = found.where(Goal.owner_id.in_(sorted(query.scope)))
    return found


def _spread(query: MetricQuery, rows: Lines) -> Lines:
    """A line for each quota and each month or quarter in which it counts."""
    return [line for _id, line in _counted(query, rows)]


def _drill(query: MetricQuery) -> Select:
    """The goals that are counted. Which they are hangs on their days, which people have chosen freely: they are read."""
    rows = [dict(row) for row in db.session.execute(_build(query), execution_options={"all_rows": True}).mappings()]
    by = tuple(name for name in ("month", "quarter") if name in query.filters)
    ids = {goal_id for goal_id, line in _counted(query, rows, by) if line["n"]}
    return select(Goal.id).where(Goal.id.in_(sorted(ids)))


def _counted(query: MetricQuery, rows: Lines, more: tuple[str, ...] = ()) -> Iterator[tuple[int, dict[str, Any]]]:
    for name in query.filters:
        if name not in DIMENSIONS:
            raise BusinessError(_("“%(given)s” is not one of: %(known)s.", given=name, known=", ".join(DIMENSIONS)), field=name)
    held: dict[int | None, list[Quota]] = {}
    for quota in read(SimpleNamespace(**row) for row in rows):
        if not quota.filters and _wanted(query, "owner", quota.owner_id):
            held.setdefault(quota.owner_id, []).append(quota)
    by = {*query.by, *more, *(name for name in ("month", "quarter") if name in query.filters)}
    for owner, quotas in held.items():
        for keys, days in _spans(query, quotas, by):
            for quota, stretches in plan(quotas, *days).parts:
                keyed = {"owner": owner, "team": quota.team_id, **keys}
                if all(_wanted(query, name, key) for name, key in keyed.items()):
                    yield quota.id, _line(query, keyed, quota, stretches)


def _line(query: MetricQuery, keys: Mapping[str, Any], quota: Quota, stretches: Sequence[Days]) -> dict[str, Any]:
    found: dict[str, Any] = {f"d_{name}": keys[name] for name in query.by}
    if quota.target is None:
        return {**found, "value": 0, "n": 0, "missing": 1}
    amount = (quota.target * quota.share(stretches)).scaleb(exponent(g.company.currency))
    return {**found, "value": int(amount.to_integral_value(ROUND_HALF_UP)), "n": 1, "missing": 0}


def _spans(query: MetricQuery, quotas: Sequence[Quota], by: set[str]) -> Iterator[tuple[dict[str, int], Days]]:
    """The stretches of days that are told apart, with their keys: each month or quarter is asked as if for itself."""
    first = query.start or min(quota.first_day for quota in quotas)
    last = query.end or max(quota.last_day for quota in quotas)
    unit = "month" if "month" in by else "quarter" if "quarter" in by else ""
    start = g.company.fiscal_year_start
    while first <= last:
        end = min(around(first, unit)[1], last) if unit else last
        months = first.year * 12 + first.month
        yield {"month": months - 1, "quarter": (months - start) // 3} if unit else {}, (first, end)
        first = end + timedelta(days=1)


def _wanted(query: MetricQuery, name: str, key: Any) -> bool:
    if name not in query.filters:
        return True
    wanted = query.filters[name]
    return key in wanted if isinstance(wanted, (list, tuple, set, frozenset)) else key == wanted


def _no_select(_query: MetricQuery) -> Select:
    raise BusinessError(_("This figure is made of other figures: the records are behind those."))


def _attainment(values: Mapping[str, Decimal | None]) -> Decimal | None:
    won, quota = values[WON], values[QUOTA]
    return won / quota if quota and won is not None else None


METRICS = (
    Metric(
        id=QUOTA,
        label=_l("Quota"),
        describe=_l("What people have to sell: the quotas of people on the amount won that lie in the period, and of longer ones the "
                    "share of its days, by working days or as their months were weighted. No day counts twice."),
        row="Q2",
        unit="money",
        build=_build,
        drill=_drill,
        spread=_spread,
        permission=VIEW,
        resource="kpi.goal",
        direction="none",
        grain="goal",
        currency_basis="event",
        dimensions=DIMENSIONS,
        additive=frozenset({"owner", "team"}),
        repeats=True,
    ),
    Metric(
        id=ATTAINMENT,
        label=_l("Quota attainment"),
        describe=_l("Amount won divided by the quotas of people for the same days. Undefined without a quota."),
        row="m18",
        unit="ratio",
        build=_no_select,
        drill=_no_select,
        inputs=(WON, QUOTA),
        combine=_attainment,
        shape="formula",
        permission=VIEW,
        grain="figure",
        dimensions=DIMENSIONS,
    ),
)
