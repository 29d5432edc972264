"""What the figures of the pipeline mean. Each is one select over facts: the deals, or the spans when asked for the past."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from flask import g
from sqlalchemy import ColumnElement, Select, case, func, or_, select, true

from app.core import lookups, search
from app.core.clock import local_date
from app.core.db import utcnow
from app.core.errors import BusinessError
from app.core.i18n import _, _l
from app.core.metrics import (
    Dimension,
    Metric,
    MetricQuery,
    days_between,
    month_key,
    names_of,
    quarter_key,
)
from app.core.models import Rate
from app.modules.crm.models import DISCARDED, LOST, OPEN, WON, Deal, DealSpan, Pipeline, Reason, Stage
from app.modules.crm.spans import holds

# Both hold the columns of `models.Outcome`: a fact is a deal as it is, or a span that held at the time asked for.
Fact = type[Deal] | type[DealSpan]

DIMENSIONS = (
    Dimension(name="account", label=_l("Account"), labels=lambda keys: lookups.labels("contacts.account", keys)),
    Dimension(name="stage", label=_l("Stage"), labels=names_of(Stage)),
    Dimension(name="pipeline", label=_l("Pipeline"), labels=names_of(Pipeline)),
    Dimension(name="reason", label=_l("Reason"), labels=names_of(Reason)),
    Dimension(name="product", label=_l("Product")),
)
SPLITS = ("owner", "team", "account", "product", "stage", "pipeline", "month", "quarter")
COLUMNS = {
    "owner": "credit_owner_id",
    "team": "credit_team_id",
    "account": "account_id",
    "stage": "stage_id",
    "pipeline": "pipeline_id",
    "reason": "reason_id",
}


@dataclass(frozen=True, kw_only=True)
class _Definition:
    """Which facts a figure counts, by which date, and what is taken of them."""

    states: tuple[str, ...]
    dated: str  # the column that a period, a month and a quarter refer to
    parts: Callable[[Fact], tuple[ColumnElement, ...]]
    groups: Callable[[Fact], tuple[ColumnElement, ...]] = lambda _fact: ()
    counted: Callable[[Fact, MetricQuery], tuple[ColumnElement[bool], ...]] = lambda _fact, _query: ()
    qualified: bool = False

    def build(self, query: MetricQuery) -> Select:
        """The one select of the figure."""
        groups = [*self.keys(query), *self.groups_of(query)]
        return self.rows(query).with_only_columns(*groups, *self.parts_of(query)).group_by(*groups)

    @property
    def rows_key(self) -> tuple[Any, ...]:
        return (self.states, self.dated, self.qualified)

    def rows(self, query: MetricQuery) -> Select:
        return self._from(_fact(query), query)

    def keys(self, query: MetricQuery) -> Sequence[ColumnElement]:
        return [self._key(_fact(query), name).label(f"d_{name}") for name in query.by]

    def groups_of(self, query: MetricQuery) -> Sequence[ColumnElement]:
        return self.groups(_fact(query))

    def parts_of(self, query: MetricQuery) -> Sequence[ColumnElement]:
        return self.parts(_fact(query))

    def drill(self, query: MetricQuery) -> Select:
        """The ids of the deals that the figure counts."""
        fact = _fact(query)
        deal_id = Deal.id if fact is Deal else DealSpan.deal_id
        return self._from(fact, query).with_only_columns(deal_id).where(*self.counted(fact, query))

    def _from(self, fact: Fact, query: MetricQuery) -> Select:
        found = select(fact.id).select_from(fact)
        if fact is DealSpan:
            found = found.join(Deal, Deal.id == DealSpan.deal_id).where(holds(query.as_of, query.known_at, utcnow()))
            # What lies in the trash now was believed once: its spans say until when.
            found = found.execution_options(with_trash=True)
        # One state as an equality: SQLite walks an index further down behind one than behind IN.
        one_state = len(self.states) == 1
        found = found.where(fact.state == self.states[0] if one_state else fact.state.in_(self.states))
        if self.qualified:
            found = found.where(fact.stage_id.in_(select(Stage.id).where(Stage.qualified)))
        dated = getattr(fact, self.dated)
        if query.start:
            found = found.where(dated >= query.start)
        if query.end:
            found = found.where(dated <= query.end)
        if query.scope is not None:
            found = found.where(fact.credit_owner_id.in_(sorted(query.scope)))
        return found.where(*(self._filter(fact, name, wanted) for name, wanted in query.filters.items()))

    def _key(self, fact: Fact, name: str) -> ColumnElement:
        if name == "product":
            return Deal.product.expression
        if name == "month":
            return month_key(getattr(fact, self.dated))
        if name == "quarter":
            return quarter_key(getattr(fact, self.dated), g.company.fiscal_year_start)
        return getattr(fact, COLUMNS[name])

    def _filter(self, fact: Fact, name: str, wanted: Any) -> ColumnElement[bool]:
        if name == "text":
            found = search.matching(Deal, wanted)  # as the search of a list does
            return true() if found is None else found
        if name == "expected_from":
            return fact.expected_close >= wanted
        if name == "expected_to":
            return fact.expected_close <= wanted
        if name not in COLUMNS and name not in ("product", "month", "quarter"):
            known = ", ".join([*SPLITS, "reason", "text", "expected_from", "expected_to"])
            raise BusinessError(_("“%(given)s” is not one of: %(known)s.", given=name, known=known), field=name)
        key = self._key(fact, name)
        if wanted is None:
            return key.is_(None)
        if isinstance(wanted, Collection) and not isinstance(wanted, str):
            some = key.in_([w for w in wanted if w is not None])
            return or_(some, key.is_(None)) if None in wanted else some
        return key == wanted


def _fact(query: MetricQuery) -> Fact:
    return Deal if query.as_of is None and query.known_at is None else DealSpan


def _count(_fact: Fact) -> tuple[ColumnElement, ...]:
    return (func.count().label("value"), func.count().label("n"))


def _money_n(fact: Fact) -> tuple[ColumnElement, ...]:
    """Of flows in company currency: how many count, have no rate, have no amount."""
    return (
        func.count(fact.company_minor).label("n"),
        (func.count(fact.amount_minor) - func.count(fact.company_minor)).label("missing"),
        (func.count() - func.count(fact.amount_minor)).label("unvalued"),
    )


def _amount(fact: Fact) -> tuple[ColumnElement, ...]:
    return (func.sum(fact.company_minor).label("value"), *_money_n(fact))


def _own_amount(fact: Fact) -> tuple[ColumnElement, ...]:
    return (
        func.sum(fact.amount_minor).label("value"),
        func.count(fact.amount_minor).label("n"),
        (func.count() - func.count(fact.amount_minor)).label("unvalued"),
    )


def _currency(fact: Fact) -> tuple[ColumnElement, ...]:
    return (fact.currency.label("currency"),)


def _currency_and_stage(fact: Fact) -> tuple[ColumnElement, ...]:
    return (fact.currency.label("currency"), fact.stage_id.label("weighed"))


def _weighed_amount(fact: Fact) -> tuple[ColumnElement, ...]:
    """Amounts with the probability of their stage, which is looked up per group and not per deal."""
    weight = select(Stage.probability).where(Stage.id == fact.stage_id).scalar_subquery()
    return (*_own_amount(fact), weight.label("weight"))


def _win_rate(fact: Fact) -> tuple[ColumnElement, ...]:
    won = func.sum(case((fact.state == WON, 1), else_=0))
    return (won.label("numerator"), func.count().label("denominator"), func.count().label("n"))


def _win_rate_value(fact: Fact) -> tuple[ColumnElement, ...]:
    won = func.sum(case((fact.state == WON, fact.company_minor), else_=0))
    return (won.label("numerator"), func.sum(fact.company_minor).label("denominator"), *_money_n(fact))


def _average(fact: Fact) -> tuple[ColumnElement, ...]:
    parts = (func.sum(fact.company_minor).label("numerator"), func.count(fact.company_minor).label("denominator"))
    return (*parts, *_money_n(fact))


def _cycle(fact: Fact) -> ColumnElement[int]:
    return days_between(fact.closed_on, fact.opened_on)


def _cycle_mean(fact: Fact) -> tuple[ColumnElement, ...]:
    return (func.sum(_cycle(fact)).label("numerator"), func.count().label("denominator"), func.count().label("n"))


def _has_company_amount(fact: Fact, _query: MetricQuery) -> tuple[ColumnElement[bool], ...]:
    return (fact.company_minor.is_not(None),)


def _has_own_amount(fact: Fact, query: MetricQuery) -> tuple[ColumnElement[bool], ...]:
    day = local_date(min(query.as_of or utcnow(), query.known_at or utcnow()))
    rated = select(Rate.currency).where(Rate.valid_from <= day)
    has_rate = or_(fact.currency == g.company.currency, fact.currency.in_(rated))
    return (fact.amount_minor.is_not(None), has_rate)


def _metric(name: str, label: Any, describe: Any, row: str, unit: str, definition: _Definition, **more: Any) -> Metric:
    splits = more.pop("dimensions", SPLITS)
    additive = frozenset(splits) if more.get("shape", "sum") == "sum" else frozenset()
    return Metric(
        id=f"crm.{name}",
        label=label,
        describe=describe,
        row=row,
        unit=unit,
        build=definition.build,
        drill=definition.drill,
        facts=definition,
        permission="crm.deal.view",
        dimensions=splits,
        additive=additive,
        **more,
    )


def _closed(*states: str, **more: Any) -> _Definition:
    return _Definition(states=states, dated="closed_on", **more)


def _open(**more: Any) -> _Definition:
    return _Definition(states=(OPEN,), dated="expected_close", **more)


_SNAPSHOT = {"basis": "snapshot", "currency_basis": "snapshot"}
_FLOW = {"currency_basis": "event"}
_WITH_REASON = {"dimensions": (*SPLITS, "reason"), "direction": "down"}

METRICS = (
    _metric(
        "deal_count",
        _l("Deals"),
        _l("Deals that began in the period, whatever became of them."),
        "4.1.7",
        "count",
        _Definition(states=(OPEN, WON, LOST, DISCARDED), dated="opened_on", parts=_count),
        basis="cohort",
        direction="none",
    ),
    _metric(
        "won_count",
        _l("Deals won"),
        _l("Deals whose last outcome is won, by the date of the win; won again counts once."),
        "m01",
        "count",
        _closed(WON, parts=_count),
    ),
    _metric(
        "won_amount",
        _l("Amount won"),
        _l("Amounts of deals won, in company currency at the rate of the day of the win."),
        "m08",
        "money",
        _closed(WON, parts=_amount, counted=_has_company_amount),
        **_FLOW,
    ),
    _metric(
        "lost_count",
        _l("Deals lost"),
        _l("Deals whose last outcome is lost, by the date of the loss; discarded ones are not lost."),
        "m01",
        "count",
        _closed(LOST, parts=_count),
        **_WITH_REASON,
    ),
    _metric(
        "discarded_count",
        _l("Deals discarded"),
        _l("Duplicates, tests and the like, which count neither as won nor as lost, by the date they were discarded."),
        "m61",
        "count",
        _closed(DISCARDED, parts=_count),
        **_WITH_REASON,
    ),
    _metric(
        "open_count",
        _l("Open deals"),
        _l("Deals that are neither won nor lost nor discarded at the moment asked for."),
        "m10",
        "count",
        _open(parts=_count),
        basis="snapshot",
        period=False,
    ),
    _metric(
        "open_amount",
        _l("Open amount"),
        _l("Amounts of all open deals, qualified or not, converted at the rate of the moment asked for."),
        "m10",
        "money",
        _open(parts=_own_amount, groups=_currency, counted=_has_own_amount),
        period=False,
        **_SNAPSHOT,
    ),
    _metric(
        "open_pipeline",
        _l("Open pipeline"),
        _l("Amounts of open deals in qualified stages; with a period, of those expected to close in it."),
        "m10",
        "money",
        _open(parts=_own_amount, groups=_currency, counted=_has_own_amount, qualified=True),
        **_SNAPSHOT,
    ),
    _metric(
        "weighted_pipeline",
        _l("Weighted pipeline"),
        _l("Amounts of open deals times the probability of their stage; with a period, of those expected to close in it."),
        "m13",
        "money",
        _open(parts=_weighed_amount, groups=_currency_and_stage, counted=_has_own_amount),
        **_SNAPSHOT,
    ),
    _metric(
        "win_rate",
        _l("Win rate"),
        _l("Deals won divided by deals won or lost in the period, whenever they began."),
        "m01",
        "ratio",
        _closed(WON, LOST, parts=_win_rate),
        shape="ratio",
    ),
    _metric(
        "win_rate_value",
        _l("Win rate by value"),
        _l("Amount won divided by amount won or lost in the period, in company currency."),
        "m02",
        "ratio",
        _closed(WON, LOST, parts=_win_rate_value, counted=_has_company_amount),
        shape="ratio",
        **_FLOW,
    ),
    _metric(
        "average_deal_size",
        _l("Average deal size"),
        _l("Amount won divided by the number of deals won that have an amount."),
        "m08",
        "money",
        _closed(WON, parts=_average, counted=_has_company_amount),
        shape="ratio",
        **_FLOW,
    ),
    _metric(
        "sales_cycle_days",
        _l("Sales cycle"),
        _l("Median number of days from the beginning of a deal to its win."),
        "m07",
        "days",
        _closed(
            WON, parts=lambda _fact: (func.count().label("n"),), groups=lambda fact: (_cycle(fact).label("bucket"),)
        ),
        shape="median",
        direction="down",
    ),
    _metric(
        "sales_cycle_days_mean",
        _l("Sales cycle (mean)"),
        _l("Mean number of days from the beginning of a deal to its win."),
        "m07",
        "days",
        _closed(WON, parts=_cycle_mean),
        shape="ratio",
        direction="down",
    ),
)
