"""The page of one metric: its definition, what it is made of, how it stands this quarter, and the goals on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import current_app, url_for
from sqlalchemy import or_, select

from app.core import lookups
from app.core.access import can
from app.core.charts import HALF, NARROW, Bar, Chart, horizontal
from app.core.clock import today
from app.core.db import db
from app.core.dimensions import dimensions
from app.core.errors import BusinessError, NotFound
from app.core.figures import REASONS, Figure
from app.core.i18n import _
from app.core.lifecycle import enabled_modules
from app.core.metrics import Metric, MetricQuery, evaluate, metric, metrics
from app.core.registry import registry
from app.core.relative_dates import around
from app.core.reports.blocks import Cell
from app.core.reports.drilling import argument
from app.core.reports.periods import Period
from app.core.reports.wording import cell, height, text_of
from app.modules.kpi.catalog import words
from app.modules.kpi.catalog.registry import why_asleep
from app.modules.kpi.goals.telling import Told, tell
from app.modules.kpi.models import CLOSED, DROPPED, Goal
from app.modules.kpi.own.formula import read
from app.modules.kpi.own.made import own_id, own_metrics
from app.modules.kpi.own.models import FORMULA, OwnMetric
from app.modules.kpi.own.uses import uses

MOST_BARS = 15
MOST_GOALS = 50
RECORDS = "admin.figure_records"


@dataclass(frozen=True)
class Line:
    """The figure of one owner; `cell` is empty where it is undefined."""

    name: str
    cell: Cell
    n: int


@dataclass(frozen=True)
class Present:
    """A figure as it stands: as a whole and by owner, with the sentences on what it leaves out."""

    period: str
    total: Cell
    n: int
    lines: Sequence[Line]
    charts: Sequence[Chart]  # at each width a page may have room for, the broadest first
    notes: Sequence[str]


@dataclass(frozen=True)
class Sheet:
    """What the page of a metric shows; `metric` is None while an own one gives no figures, and `asleep` says why."""

    id: str
    name: str
    describe: str
    metric: Metric | None
    own: OwnMetric | None
    facts: Sequence[tuple[str, str]]
    pieces: Sequence[tuple[str, str, str]]  # of the formula: text, address, name of the metric it is
    inputs: Sequence[tuple[str, str, str]]  # name, address, value this quarter
    formulas: Sequence[tuple[str, str]]
    dashboards: int
    present: Present | None
    goals: Sequence[tuple[Goal, Told]]
    more_goals: int
    asleep: str

    @property
    def keeper(self) -> str:
        """Who answers for an own metric."""
        return lookups.labels(lookups.MEMBER, [self.own.keeper_id]).get(self.own.keeper_id or 0, "") if self.own else ""


def sheet(metric_id: str) -> Sheet:
    """The page of a metric by its id. Raises `NotFound`, or `Forbidden` when the reader may not see it."""
    own = next((row for row in own_metrics() if own_id(row) == metric_id), None)
    if metric_id not in metrics():
        if own is None:
            raise NotFound(_("There is no metric %(id)s.", id=metric_id))
        return _asleep(metric_id, own)
    found = metric(metric_id)
    used, present = uses(), _present(found)
    goals = _goals(metric_id)
    told = tell(goals[:MOST_GOALS])
    return Sheet(
        metric_id, str(found.label), str(found.describe), found, own, _facts(found), _pieces(own), _inputs(own),
        [(row.name, _page(own_id(row))) for row in used.formulas.get(metric_id, ())], used.dashboards.get(metric_id, 0), present,
        [(goal, told[goal.id]) for goal in goals[:MOST_GOALS]], max(0, len(goals) - MOST_GOALS), "",
    )  # fmt: skip


def _asleep(metric_id: str, own: OwnMetric) -> Sheet:
    facts = [(_("Id"), metric_id), (_("Unit"), str(words.UNITS[own.unit])), (_("Version"), str(own.definition))]
    return Sheet(metric_id, own.name, own.describe, None, own, facts, _pieces(own), (), (), 0, None, (), 0, why_asleep(own))


def _page(metric_id: str) -> str:
    return url_for("kpi.metric_page", metric_key=metric_id)


def _facts(found: Metric) -> list[tuple[str, str]]:
    """What the definition says besides its words, as name and text."""
    known = dimensions()
    modules = {m.name: str(m.manifest.label) for m in enabled_modules()}
    by = [str(known[name].label) for name in found.dimensions]
    sums = [str(known[name].label) for name in found.dimensions if name in found.additive]
    return [
        (_("Id"), found.id),
        (_("Unit"), str(words.UNITS[found.unit])),
        (_("Direction"), str(words.WAYS[found.direction])),
        (_("Counts"), str(words.grain_of(found))),
        (_("Put together"), words.shape_of(found)),
        (_("Basis"), str(words.BASES[found.basis])),
        (_("Source"), modules.get(found.module, found.module)),
        (_("Definition"), _("%(row)s, version %(version)s", row=found.row, version=found.version)),
        (_("Can be split by"), ", ".join(by) or "–"),
        (_("Adds up over"), ", ".join(sums) or _("nothing: it is asked anew for each split")),
    ]


def _pieces(own: OwnMetric | None) -> list[tuple[str, str, str]]:
    """The formula, with the address and name of each metric in it."""
    if own is None or own.kind != FORMULA:
        return []
    try:
        pieces = read(own.formula).pieces()
    except BusinessError:
        return [(own.formula, "", "")]
    known = metrics()
    return [(text, _page(i) if i in known else "", str(known[i].label) if i in known else "") for text, i in pieces]


def _inputs(own: OwnMetric | None) -> list[tuple[str, str, str]]:
    """The parts of a formula and what each is this quarter, as far as the reader may see it."""
    if own is None or own.kind != FORMULA:
        return []
    known, query = metrics(), _query()
    parts = [known[i] for i in read(own.formula).inputs if i in known]
    return [
        (str(m.label), _page(m.id), text_of(m, evaluate(m.id, query).total.value) if can(m.permission) else _("not yours to see"))
        for m in parts
    ]


def _query(*by: str) -> MetricQuery:
    first, last = around(today(), "quarter")
    return MetricQuery(start=first, end=last, by=by)


def _present(found: Metric) -> Present | None:
    """The figure of this quarter; None where the reader may not see a part of it."""
    known = metrics()
    if not all(can(known[each].permission) for each in found.inputs):
        return None
    query = _query()
    whole = evaluate(found.id, query)
    split = evaluate(found.id, replace(query, by=("owner",))) if "owner" in found.dimensions else None
    lines = _lines(found, split) if split else []
    bars = [bar for bar in _bars(found, split)[:MOST_BARS] if bar.value is not None] if split else []
    label = _("%(metric)s by owner", metric=found.label)
    drawn = any(bar.value for bar in bars)
    charts = [horizontal(label, bars, width=width) for width in (HALF, NARROW)] if drawn else []
    period = Period(*around(today(), "quarter"), name="this-quarter").label if found.period else _("Now")
    total = cell(found, whole.total, _records(found, query))
    return Present(period, total, whole.total.n, lines, charts, [f"{n} {REASONS[reason]}" for reason, n in whole.excluded.items() if n])


def _sorted(split: Figure) -> list[Any]:
    return sorted(split.rows, key=lambda row: (row.value is None, -(height(row.value) or 0)))


def _lines(found: Metric, split: Figure) -> list[Line]:
    address = _records(found, replace(split.query, by=()))
    return [
        Line(row.by["owner"] or _("Nobody"), cell(found, row, f"{address}&owner={argument(row.keys['owner'])}" if address else ""), row.n)
        for row in _sorted(split)
    ]


def _bars(found: Metric, split: Figure) -> list[Bar]:
    texts = [(row.by["owner"] or _("Nobody"), row.value, text_of(found, row.value, short=True)) for row in _sorted(split)]
    return [Bar(name, None if value is None else height(value), (text,), f"{name}: {text}") for name, value, text in texts]


def _records(found: Metric, query: MetricQuery) -> str:
    """The address of the records behind a figure; empty where the reader may not see such records."""
    if found.resource and not can(registry.resource(found.resource).permission("view")):
        return ""
    if RECORDS not in current_app.view_functions or not (found.resource or found.inputs):
        return ""
    days: dict[str, Any] = {"from": query.start, "to": query.end} if found.period else {}
    return url_for(RECORDS, metric=found.id, **days)


def _goals(metric_id: str) -> list[Goal]:
    """The goals on a metric that are not over, as far as the reader sees them, the next to end first."""
    mine = select(Goal).where(Goal.metric == metric_id, Goal.state.not_in((CLOSED, DROPPED)), or_(Goal.last_day >= today(), Goal.state == "active"))
    return list(db.session.scalars(mine.order_by(Goal.last_day, Goal.name_key, Goal.id).limit(MOST_GOALS * 4)))
