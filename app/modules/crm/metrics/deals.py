"""Figures of deals by what has become of them: won, lost, open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select

from app.core.access import valid_on
from app.core.i18n import _l
from app.core.metrics import MetricQuery, moment
from app.core.models import TeamMember
from app.core.sql_dates import days_between
from app.modules.crm.metrics.facts import UNTRACKED, Deals, Fact, between, deal_id
from app.modules.crm.metrics.making import (
    CLOSED_SPLITS,
    FLOW,
    SNAPSHOT,
    count,
    currency,
    deal_metric,
    has_company_amount,
    has_own_amount,
    money_n,
    own_amount,
)
from app.modules.crm.models import DISCARDED, LOST, OPEN, WON, Deal, Stage
from app.modules.crm.parts.models import DealCredit

CLOSED = {"dimensions": CLOSED_SPLITS}
LASTING = frozenset({"month", "quarter", "product", *UNTRACKED})  # of the day on which a deal began, and what is told as of today


def _amount(fact: Fact) -> tuple[ColumnElement, ...]:
    return (func.sum(fact.company_minor).label("value"), *money_n(fact))


def _chance(fact: Fact) -> tuple[ColumnElement, ...]:
    return (*currency(fact), fact.stage_id.label("weighed"), fact.probability.label("chance"))


def _weighed_amount(fact: Fact) -> tuple[ColumnElement, ...]:
    """Amounts with the probability set by hand, else that of their stage, looked up per group and not per deal."""
    usual = select(Stage.probability).where(Stage.id == fact.stage_id).scalar_subquery()
    return (*own_amount(fact), func.coalesce(fact.probability, usual).label("weight"))


def _win_rate(fact: Fact) -> tuple[ColumnElement, ...]:
    won = func.sum(case((fact.state == WON, 1), else_=0))
    return (won.label("numerator"), func.count().label("denominator"), func.count().label("n"))


def _win_rate_value(fact: Fact) -> tuple[ColumnElement, ...]:
    won = func.sum(case((fact.state == WON, fact.company_minor), else_=0))
    return (won.label("numerator"), func.sum(fact.company_minor).label("denominator"), *money_n(fact))


def _average(fact: Fact) -> tuple[ColumnElement, ...]:
    parts = (func.sum(fact.company_minor).label("numerator"), func.count(fact.company_minor).label("denominator"))
    return (*parts, *money_n(fact))


def _cycle(fact: Fact) -> ColumnElement[int]:
    return days_between(fact.closed_on, fact.opened_on)


def _cycle_mean(fact: Fact) -> tuple[ColumnElement, ...]:
    return (func.sum(_cycle(fact)).label("numerator"), func.count().label("denominator"), func.count().label("n"))


def _closed(*states: str, **more: Any) -> Deals:
    return Deals(states=states, dated="closed_on", **more)


def _open(**more: Any) -> Deals:
    return Deals(states=(OPEN,), dated="expected_close", **more)


class _Velocity(Deals):
    """Qualified deals that are open, whatever the period, and those decided in it."""

    def in_period(self, fact: Fact, query: MetricQuery) -> Iterable[ColumnElement[bool]]:
        qualified = fact.stage_id.in_(select(Stage.id).where(Stage.qualified))
        return [or_(and_(fact.state == OPEN, qualified), and_(fact.state != OPEN, *between(fact.closed_on, query.start, query.end)))]


class _Began(Deals):
    """Deals by when they began, whatever became of them. Which had begun by a past day is told by the deals of today, each
    of which has many spans, unless what has changed since is asked as well."""

    def rows(self, query: MetricQuery) -> Select:
        now = _without_day(query)
        return super().rows(now) if now is query else super().rows(now).where(Deal.opened_at <= moment(query))

    def keys(self, query: MetricQuery) -> Sequence[ColumnElement]:
        return super().keys(_without_day(query))

    def parts_of(self, query: MetricQuery) -> Sequence[ColumnElement]:
        return super().parts_of(_without_day(query))

    def drill(self, query: MetricQuery) -> Select:
        now = _without_day(query)
        return super().drill(now) if now is query else super().drill(now).where(Deal.opened_at <= moment(query))


def _without_day(query: MetricQuery) -> MetricQuery:
    """A query about today in place of one about a past day, as far as is known today, if it asks only what never changes."""
    lasting = query.scope is None and {*query.by, *query.filters} <= LASTING
    return replace(query, as_of=None) if query.as_of and query.known_at is None and lasting else query


NO_SPLITS_OF_RATES = ("month", "quarter", "stage", "category", "state", "last_stage", "reason")  # either open or closed deals have them
VELOCITY = ("open_deals", "won", "decided", "amount", "sized", "days")


def _velocity_parts(fact: Fact) -> tuple[ColumnElement, ...]:
    is_won = fact.state == WON
    found = {
        "open_deals": func.sum(case((fact.state == OPEN, 1), else_=0)),
        "won": func.sum(case((is_won, 1), else_=0)),
        "decided": func.sum(case((fact.state != OPEN, 1), else_=0)),
        "amount": func.sum(case((is_won, fact.company_minor))),
        "sized": func.count(case((is_won, fact.company_minor))),
        "days": func.sum(case((is_won, _cycle(fact)))),
        "missing": func.count(case((and_(is_won, fact.company_minor.is_(None)), fact.amount_minor))),
        "unvalued": func.sum(case((and_(is_won, fact.amount_minor.is_(None)), 1), else_=0)),
        "n": func.count(),
    }
    return tuple(column.label(name) for name, column in found.items())


def _velocity(of: Mapping[str, int]) -> Decimal | None:
    """Open deals × win rate × average size ÷ mean cycle, in minor units a day; the number of wins cancels out."""
    if not (of["decided"] and of["sized"] and of["days"]):
        return None
    size, rate = Decimal(of["amount"]) / of["sized"], Decimal(of["won"]) / of["decided"]
    return of["open_deals"] * rate * size * of["won"] / of["days"]


class _Credited(Deals):
    """Won deals, each once for everybody who has a share of the credit."""

    def selected(self, fact: Fact, query: MetricQuery) -> Select:
        return super().selected(fact, query).join(DealCredit, DealCredit.deal_id == deal_id(fact), isouter=True)

    def key(self, fact: Fact, name: str) -> ColumnElement:
        if name == "owner":
            return func.coalesce(DealCredit.member_id, fact.credit_owner_id)
        if name == "team":
            team = select(TeamMember.team_id).where(TeamMember.member_id == DealCredit.member_id, valid_on(TeamMember, fact.closed_on))  # type: ignore[arg-type]  # a column does as well
            own = team.order_by(TeamMember.valid_from.desc()).limit(1).correlate_except(TeamMember).scalar_subquery()
            return case((DealCredit.id.is_(None), fact.credit_team_id), else_=own)
        return super().key(fact, name)

    def drill(self, query: MetricQuery) -> Select:
        return super().drill(query).distinct()


def _credited_amount(fact: Fact) -> tuple[ColumnElement, ...]:
    """A share is the difference of two whole numbers: what is due up to it, and up to the one before."""
    amount = fact.company_minor
    upto = amount * DealCredit.upto // 100 - amount * (DealCredit.upto - DealCredit.percent) // 100
    deal = deal_id(fact)

    def deals(criterion: Any) -> ColumnElement[int]:
        return func.count(case((criterion, deal)).distinct())

    return (
        func.sum(case((DealCredit.id.is_(None), amount), else_=upto)).label("value"),
        deals(amount.is_not(None)).label("n"),
        deals(and_(amount.is_(None), fact.amount_minor.is_not(None))).label("missing"),
        deals(fact.amount_minor.is_(None)).label("unvalued"),
    )


METRICS = (
    deal_metric(
        "deal_count",
        _l("Deals"),
        _l("Deals that began in the period, whatever became of them."),
        "4.1.7",
        "count",
        _Began(states=(OPEN, WON, LOST, DISCARDED), dated="opened_on", parts=count),
        basis="cohort",
        direction="none",
    ),
    deal_metric(
        "won_count",
        _l("Deals won"),
        _l("Deals whose last outcome is won, by the date of the win; won again counts once."),
        "m01",
        "count",
        _closed(WON, parts=count),
        **CLOSED,
    ),
    deal_metric(
        "won_amount",
        _l("Amount won"),
        _l("Amounts of deals won, in company currency at the rate of the day of the win."),
        "m08",
        "money",
        _closed(WON, parts=_amount, counted=has_company_amount),
        **FLOW,
        **CLOSED,
    ),
    deal_metric(
        "credited_amount",
        _l("Amount won by credit"),
        _l("Amount won, to whom it is credited: by the shares of the deal, else to its owner. Shares are those of today."),
        "4.1.9",
        "money",
        _Credited(states=(WON,), dated="closed_on", parts=_credited_amount, counted=has_company_amount),
        parted=frozenset(),  # a deal counts once for each of those who share it
        **FLOW,
        **CLOSED,
    ),
    deal_metric(
        "lost_count",
        _l("Deals lost"),
        _l("Deals whose last outcome is lost, by the date of the loss; discarded ones are not lost."),
        "m01",
        "count",
        _closed(LOST, parts=count),
        direction="down",
        **CLOSED,
    ),
    deal_metric(
        "discarded_count",
        _l("Deals discarded"),
        _l("Duplicates, tests and the like, which count neither as won nor as lost, by the date they were discarded."),
        "m61",
        "count",
        _closed(DISCARDED, parts=count),
        direction="down",
        **CLOSED,
    ),
    deal_metric(
        "open_count",
        _l("Open deals"),
        _l("Deals that are neither won nor lost nor discarded at the moment asked for."),
        "m10",
        "count",
        _open(parts=count),
        basis="snapshot",
        period=False,
    ),
    deal_metric(
        "open_amount",
        _l("Open amount"),
        _l("Amounts of all open deals, qualified or not, converted at the rate of the moment asked for."),
        "m10",
        "money",
        _open(parts=own_amount, groups=currency, counted=has_own_amount),
        period=False,
        **SNAPSHOT,
    ),
    deal_metric(
        "open_pipeline",
        _l("Open pipeline"),
        _l("Amounts of open deals in qualified stages; with a period, of those expected to close in it."),
        "m10",
        "money",
        _open(parts=own_amount, groups=currency, counted=has_own_amount, qualified=True),
        **SNAPSHOT,
    ),
    deal_metric(
        "weighted_pipeline",
        _l("Weighted pipeline"),
        _l("Amounts of open deals times their probability, or that of their stage; with a period, of those expected to "
           "close in it."),
        "m13",
        "money",
        _open(parts=_weighed_amount, groups=_chance, counted=has_own_amount),
        version=2,
        **SNAPSHOT,
    ),
    deal_metric(
        "win_rate",
        _l("Win rate (period)"),
        _l("Deals won divided by deals won or lost in the period, whenever they began."),
        "m01",
        "ratio",
        _closed(WON, LOST, parts=_win_rate),
        shape="ratio",
        **CLOSED,
    ),
    deal_metric(
        "win_rate_value",
        _l("Win rate by value (period)"),
        _l("Amount won divided by amount won or lost in the period, in company currency."),
        "m02",
        "ratio",
        _closed(WON, LOST, parts=_win_rate_value, counted=has_company_amount),
        shape="ratio",
        **FLOW,
        **CLOSED,
    ),
    deal_metric(
        "average_deal_size",
        _l("Average deal size"),
        _l("Amount won divided by the number of deals won that have an amount."),
        "m08",
        "money",
        _closed(WON, parts=_average, counted=has_company_amount),
        shape="ratio",
        **FLOW,
        **CLOSED,
    ),
    deal_metric(
        "sales_cycle_days",
        _l("Sales cycle"),
        _l("Median number of days from the beginning of a deal to its win."),
        "m07",
        "days",
        _closed(WON, parts=lambda _fact: (func.count().label("n"),), groups=lambda fact: (_cycle(fact).label("bucket"),)),
        shape="median",
        direction="down",
        **CLOSED,
    ),
    deal_metric(
        "sales_cycle_days_p90",
        _l("Sales cycle (nine of ten)"),
        _l("Number of days from its beginning within which nine of ten deals won were won."),
        "m07",
        "days",
        _closed(WON, parts=lambda _fact: (func.count().label("n"),), groups=lambda fact: (_cycle(fact).label("bucket"),)),
        shape="quantile",
        quantile=Decimal("0.9"),
        direction="down",
        **CLOSED,
    ),
    deal_metric(
        "sales_cycle_days_mean",
        _l("Sales cycle (mean)"),
        _l("Mean number of days from the beginning of a deal to its win."),
        "m07",
        "days",
        _closed(WON, parts=_cycle_mean),
        shape="ratio",
        direction="down",
        **CLOSED,
    ),
    deal_metric(
        "sales_velocity",
        _l("Sales velocity (per day)"),
        _l("Qualified open deals × win rate of the period × average size ÷ mean sales cycle: what the pipeline yields a day."),
        "m09",
        "money",
        _Velocity(states=(OPEN, WON, LOST), dated="closed_on", parts=_velocity_parts),
        shape="formula",
        terms=VELOCITY,
        formula=_velocity,
        dimensions=tuple(name for name in CLOSED_SPLITS if name not in NO_SPLITS_OF_RATES),
        basis="snapshot",
        currency_basis="event",
    ),
)
