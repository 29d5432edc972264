"""The metric registry: what every number shown anywhere means, and the one way to compute it.

A metric builds one select; `evaluate` runs it and puts the parts together. Definitions and conventions: docs/metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from operator import itemgetter
from typing import Any, Protocol

from flask import g
from sqlalchemy import Select

from app.core.access import can, team_mates
from app.core.clock import local_date, quarter_bounds
from app.core.composites import combined
from app.core.db import db, utcnow
from app.core.errors import BusinessError, Forbidden, NotFound
from app.core.figure_parts import merged
from app.core.figures import Figure, Lines, figure_of, in_order
from app.core.i18n import _
from app.core.lifecycle import enabled_modules


@dataclass(frozen=True, kw_only=True)
class MetricQuery:
    """What is asked of a metric.

    `start` and `end` are local dates, both inclusive, None for unlimited. `as_of` asks what was so, `known_at` what we
    knew; both None for the present. `scope` are the members whose facts count, None for everybody's. `filters` map a
    dimension (or a filter the metric knows) to a key, to None for "has none", or to several keys. `visible_rows`: only
    the records that the person may open count, which the rules of rows see to.
    """

    start: date | None = None
    end: date | None = None
    by: tuple[str, ...] = ()
    as_of: datetime | None = None
    known_at: datetime | None = None
    scope: frozenset[int] | None = None
    filters: Mapping[str, Any] = field(default_factory=dict)
    visible_rows: bool = False


class Facts(Protocol):
    """The rows that a metric counts and what it takes of them, in pieces that `evaluate_together` can join."""

    @property
    def by_record(self) -> bool: ...  # whether each record is one of the rows
    def rows_key(self, query: MetricQuery) -> Any: ...
    def beside(self, others: Sequence[Any]) -> Facts: ...  # such that its rows have what the parts of these need, too
    def rows(self, query: MetricQuery) -> Select: ...
    def keys(self, query: MetricQuery) -> Sequence[Any]: ...
    def groups_of(self, query: MetricQuery) -> Sequence[Any]: ...
    def parts_of(self, query: MetricQuery) -> Sequence[Any]: ...


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number with one definition.

    `build(query)` gives one select with a column `d_<dimension>` for each of `query.by`, `n` (rows counted), and by
    `shape`: "sum" `value`; "ratio" `numerator` and `denominator`; "median" and "quantile" `bucket` (so many `per` unit)
    and, where some rows still run and have got that far only, `running` (how many of the n); "formula" the columns
    `terms`, of whose sums `formula` makes the value. Optional: `missing`, `unvalued` and `unsaid` (rows left out for
    want of a rate, an amount, an outcome), `currency` (then money is in minor units of it and is converted at the day
    asked for, or at the day in the column `on`, row by row where `each` has the amount of one; else it is in minor
    units of company currency), `weight` (percent). A select that serves several metrics has names of its own for these:
    `columns` maps ours to its. Where a row counts in several lines, `spread` makes these of what the select gives. A
    column `again` is false in lines that, all together, count each row once, whatever the dimensions outside `parted`.
    `drill(query)` gives the ids of exactly the rows of `resource` that are counted. A composite has no select: `combine`
    makes its value of those of its `inputs`, metrics asked the same question; its records are theirs.
    """

    id: str
    label: Any
    describe: Any
    row: str  # of the table of definitions
    unit: str  # money, count, ratio, days, hours
    build: Callable[[MetricQuery], Select]
    drill: Callable[[MetricQuery], Select]
    permission: str
    inputs: tuple[str, ...] = ()
    combine: Callable[[Mapping[str, Decimal | None]], Decimal | None] | None = None  # money in whole units
    resource: str = ""  # whose ids a drill-down gives: "crm.deal"
    version: int = 1
    shape: str = "sum"  # sum, ratio, median, quantile, formula
    quantile: Decimal = Decimal("0.5")
    per: int = 1  # buckets in one unit
    columns: Mapping[str, str] = field(default_factory=dict)
    spread: Callable[[MetricQuery, Lines], Lines] | None = None
    terms: tuple[str, ...] = ()
    formula: Callable[[Mapping[str, int]], Decimal | None] | None = None
    share: bool = True  # of a ratio of numbers: whether its numerator is a part of its denominator
    direction: str = "up"  # which way is good: up, down, none
    grain: str = "deal"
    basis: str = "event"  # event, snapshot, cohort
    period: bool = True  # False: a state of the moment, to which no period applies
    quarter: bool = False  # needs a period: without one, the fiscal quarter that is running
    currency_basis: str | None = None  # event, snapshot
    dimensions: tuple[str, ...] = ()
    additive: frozenset[str] = frozenset()  # dimensions over which the rows add up to the total
    parted: frozenset[str] = frozenset()  # those in which each row counted has one key: what is asked by more tells the less
    repeats: bool = False  # whether a record may be several of the n rows, and of the ids of a drill-down; else these are n ids
    newest: str = ""  # the date by which records are listed, the latest first; else they are in the order of their list
    facts: Facts | None = None  # for figures that are asked for together; equal `rows_key`, equal rows

    @property
    def module(self) -> str:
        return self.id.split(".")[0]


def metrics() -> dict[str, Metric]:
    """The metrics of the modules that are on, and those the company made itself, by id."""
    modules = enabled_modules()
    if g.get("metrics_of") is not modules:  # another list as soon as one is switched on or off
        g.metrics_of = modules
        g.company_metrics = {m.id: m for module in modules for m in module.hooks.company_metrics() or ()}
        g.metrics = {m.id: m for module in modules for m in module.hooks.metrics} | g.company_metrics
    return g.metrics


def forget_company_metrics() -> None:
    """Ask the modules again what the company made: it has changed something."""
    g.pop("metrics_of", None)


def metric(metric_id: str) -> Metric:
    """A metric by id. Raises `NotFound`, or `Forbidden` when the person may not see it."""
    found = metrics().get(metric_id)
    if found is None:
        raise NotFound(_("There is no metric %(id)s.", id=metric_id))
    if not can(found.permission):
        raise Forbidden(_("You may not see this figure."))
    return found


def evaluate(metric_id: str, query: MetricQuery, *, visible_rows: bool = False) -> Figure:
    """The figure of a metric, confined to what the person may see of figures.

    With `visible_rows` it is confined to the records the person may open instead, as a list or board shows them.
    Raises `NotFound`, `Forbidden`, `BusinessError` (unknown dimension or filter, dates the wrong way round).
    """
    asked = metric(metric_id)
    query = _checked(asked, query, visible_rows)
    if asked.inputs:
        told = [evaluate(each, query, visible_rows=visible_rows) for each in asked.inputs]
        rows, excluded = combined(asked, query.by, told)
        return Figure(asked, query, moment(query), in_order(rows, query.by), excluded)
    lines = _lines(_ask(asked.build(query), query), _columns_of(asked))
    return figure_of(asked, query, asked.spread(query, lines) if asked.spread else lines, moment(query))


def evaluate_together(
    ids: Sequence[str], query: MetricQuery, *, bys: Sequence[tuple[str, ...]] = (), visible_rows: bool = False, named: bool = True
) -> list[Figure]:
    """The figures of several metrics that count the same rows, in one statement; each is what `evaluate` gives.

    They have equal `facts.rows_key`, or one `build` that is the same for all. `bys` are the dimensions of each, where they
    differ. Without `named` no names are looked up: rows have keys alone.
    Raises `ValueError` when they do not count the same rows, else as `evaluate`.
    """
    asked = [metric(metric_id) for metric_id in ids]
    if not bys and all(a.build == asked[0].build for a in asked):
        query = _checked(asked[0], query, visible_rows)
        told = _ask(asked[0].build(query), query)
        return [figure_of(a, query, _lines(told, _columns_of(a)), moment(query), named=named) for a in asked]
    each = [replace(query, by=by) for by in bys] or [query] * len(asked)
    queries = [_checked(a, q, visible_rows) for a, q in zip(asked, each, strict=True)]
    told_by = zip(asked, queries, _told_together(asked, queries), strict=True)
    return [figure_of(a, q, lines, moment(q), named=named) for a, q, lines in told_by]


def _told_together(asked: Sequence[Metric], queries: Sequence[MetricQuery]) -> list[Lines]:
    """The lines of each of several figures, of one statement. Raises `ValueError`."""
    whole = replace(queries[0], by=tuple(dict.fromkeys(name for query in queries for name in query.by)))
    facts = [a.facts for a in asked if a.facts is not None]
    if len(facts) < len(asked) or any(f.rows_key(whole) != facts[0].rows_key(whole) for f in facts):
        raise ValueError(f"{', '.join(a.id for a in asked)} do not count the same rows")
    keys = [{c.name: c for c in f.keys(query)} for f, query in zip(facts, queries, strict=True)]
    split = {name.removeprefix("d_") for some in keys for name in some}
    if any(split - set(query.by) - a.parted for a, query in zip(asked, queries, strict=True)):
        raise ValueError(f"{', '.join(sorted(split))} do not part what is counted")
    groups = [{c.name: c for c in f.groups_of(query)} for f, query in zip(facts, queries, strict=True)]
    parts = [{c.name: c for c in f.parts_of(query)} for f, query in zip(facts, queries, strict=True)]
    by = {name: c for some in (*keys, *groups) for name, c in some.items()}
    counted = [c.label(f"{name}_{place}") for place, some in enumerate(parts) for name, c in some.items()]
    found = facts[0].beside(facts).rows(whole).with_only_columns(*by.values(), *counted)
    told = _ask(found.group_by(*(name if name.startswith("d_") else c for name, c in by.items())), whole)
    lines = []
    for place, (a, query) in enumerate(zip(asked, queries, strict=True)):
        own = [*keys[place], *groups[place]]
        mine = _lines(told, {name: name for name in own} | {name: f"{name}_{place}" for name in parts[place]})
        # Other figures may have parted what is one line here: it is added up before it is converted and rounded.
        mine = mine if len(set(own)) == len(by) else merged(mine, a.terms)
        lines.append(a.spread(query, mine) if a.spread else mine)
    return lines


@dataclass(frozen=True)
class _Told:
    """What a statement answered. Rows stay tuples until they are wanted: a median has thousands of them."""

    names: Sequence[str]
    rows: Sequence[Sequence[Any]]

    @cached_property
    def lines(self) -> list[dict[str, Any]]:
        """All of it, once for all metrics that are told by it."""
        return [dict(zip(self.names, row, strict=True)) for row in self.rows]


def _ask(statement: Select, query: MetricQuery) -> _Told:
    found = db.session.execute(statement, execution_options={"all_rows": not query.visible_rows})
    return _Told(tuple(found.keys()), found.all())


def _columns_of(asked: Metric) -> Mapping[str, str] | None:
    """What the parts of a metric are called in its statement; None where all that it has is its own."""
    return {**{f"d_{name}": f"d_{name}" for name in asked.dimensions}, **asked.columns} if asked.columns else None


def _lines(told: _Told, columns: Mapping[str, str] | None) -> Lines:
    """The lines of a figure, under the names that its shape has for them."""
    if columns is None:
        return told.lines
    place = {name: at for at, name in enumerate(told.names)}
    known = {name: place[column] for name, column in columns.items() if column in place}
    names, take = tuple(known), itemgetter(*known.values())
    return [dict(zip(names, take(row), strict=True)) for row in told.rows]


def drill(metric_id: str, query: MetricQuery, *, visible_rows: bool = False) -> Select:
    """The select of the ids of the rows in a figure: `query.by` is ignored, one row's keys go into `query.filters`.

    Raises `BusinessError` for a composite, whose records are those of its inputs.
    """
    asked = metric(metric_id)
    if asked.inputs:
        raise BusinessError(_("This figure is made of other figures: the records are behind those."))
    return asked.drill(replace(_checked(asked, query, visible_rows), by=())).execution_options(
        all_rows=not visible_rows
    )


def reader_scope(module: str) -> frozenset[int] | None:
    """Whose figures of a module the person may see: None for the company's, else members.

    By the permissions `<module>.figures.company` and `<module>.figures.team`; without either, their own.
    """
    if "me" not in g or can(f"{module}.figures.company"):
        return None
    mine = g.me.member_id
    return frozenset(team_mates(mine)) if can(f"{module}.figures.team") else frozenset({mine})


def _checked(asked: Metric, query: MetricQuery, visible_rows: bool) -> MetricQuery:
    if query.start and query.end and query.start > query.end:
        raise BusinessError(_("The period ends before it begins."), field="to")
    for name in query.by:
        if name not in asked.dimensions:
            known = ", ".join(asked.dimensions)
            raise BusinessError(_("“%(given)s” is not one of: %(known)s.", given=name, known=known), field="by")
    if not asked.period:
        query = replace(query, start=None, end=None)
    elif asked.quarter and not (query.start and query.end):
        day = query.start or query.end or local_date(moment(query))
        first, last = quarter_bounds(day, g.company.fiscal_year_start)
        query = replace(query, start=query.start or first, end=query.end or last)
    if visible_rows:
        return replace(query, visible_rows=True)
    allowed = reader_scope(asked.module)
    if allowed is None:
        return query
    return replace(query, scope=allowed if query.scope is None else query.scope & allowed)


def moment(query: MetricQuery) -> datetime:
    """The instant that a query is about: now, or the earlier one of what it asks for."""
    now = utcnow()
    return min(query.as_of or now, query.known_at or now)
