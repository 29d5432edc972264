"""Figures of the portfolio: which accounts buy, which are new, which are gone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Date, Integer, Select, and_, case, func, literal_column, not_, select

from app.core.clock import local_date
from app.core.i18n import _l
from app.core.metrics import Metric, MetricQuery, moment
from app.modules.contacts.public import Account
from app.modules.crm.metrics.activities import ACCOUNT_SPLITS
from app.modules.crm.metrics.facts import fact_of, matches, told, unknown_filter
from app.modules.crm.metrics.kept import kept
from app.modules.crm.models import WON
from app.modules.crm.settings.queries import settings

COLUMNS = {"owner": Account.owner_id, "account": Account.id, "segment": Account.segment}


class _Buyers(NamedTuple):
    """Criteria of accounts that have bought: at the beginning of the period and at its end, and whether it is news."""

    before: ColumnElement[bool]  # active on the day before the period
    after: ColumnElement[bool]  # active on its last day, or today while it lasts
    first: ColumnElement[bool]  # bought in the period for the first time


@dataclass(frozen=True, kw_only=True)
class Portfolio:
    """Accounts with won deals. One is active on a day when it has bought in the days before it, as many as the settings say.

    `counted` are the accounts of the figure; with `of`, the figure is a share of those, and `hits` what it counts of them.
    """

    counted: Callable[[_Buyers], ColumnElement[bool]]
    hits: Callable[[_Buyers], ColumnElement[int]] | None = None
    base: Callable[[_Buyers], ColumnElement[int]] | None = None
    by_record = False  # an account is several of the rows

    def build(self, query: MetricQuery) -> Select:
        keys = self.keys(query)
        return self.rows(query).with_only_columns(*keys, *self.parts_of(query)).group_by(*keys)

    def drill(self, query: MetricQuery) -> Select:
        bought = select(_bought(query).c.account_id).where(self.counted(_buyers(query)))
        return _chosen(query).where(Account.id.in_(bought))

    def rows_key(self, _query: MetricQuery) -> Any:
        return type(self)

    def beside(self, _others: Sequence[Portfolio]) -> Portfolio:
        return self

    def keys(self, query: MetricQuery) -> Sequence[Any]:
        return [COLUMNS[name].label(f"d_{name}") for name in query.by]

    def groups_of(self, _query: MetricQuery) -> Sequence[Any]:
        return ()

    def parts_of(self, query: MetricQuery) -> Sequence[Any]:
        buyers = _buyers(query)
        mine = self.counted(buyers)
        counted = func.coalesce(func.sum(_one(mine)), 0)
        if self.hits is None or self.base is None:
            return (counted.label("value"), counted.label("n"))
        hits, base = (func.sum(case((mine, part(buyers)), else_=0)) for part in (self.hits, self.base))
        return (hits.label("numerator"), base.label("denominator"), counted.label("n"))

    def rows(self, query: MetricQuery) -> Select:
        """All accounts that have bought; figures differ in which of them they count."""
        bought = _bought(query)
        return _chosen(query).join(bought, bought.c.account_id == Account.id)


def _chosen(query: MetricQuery) -> Select:
    """The accounts that a query is about, whether they have bought or not."""
    found = select(Account.id).where(kept(Account, query)).execution_options(with_trash=True)
    if query.scope is not None:
        found = found.where(Account.owner_id.in_(sorted(query.scope)))
    for name, wanted in query.filters.items():
        if name not in COLUMNS:
            raise unknown_filter(name, ACCOUNT_SPLITS)
        found = found.where(matches(COLUMNS[name], wanted))
    return found


def _days(query: MetricQuery) -> tuple[date, date]:
    """The first day of the period and its last one, or today while it lasts."""
    last = min(query.end or date.max, local_date(moment(query)))
    return query.start or last, last


def _buyers(query: MetricQuery) -> _Buyers:
    (start, last), days = _days(query), timedelta(days=settings().active_days)
    # By their names: several figures are made of the same rows, each by itself.
    first, latest, before = (literal_column(f"bought.{name}", Date) for name in ("first_on", "latest_on", "before_on"))
    return _Buyers(and_(before.is_not(None), before >= start - days), latest > last - days, first >= start)


def _bought(query: MetricQuery) -> Any:
    """By account the first day it bought, the latest one, and the latest before the period."""
    fact, (start, last) = fact_of(query), _days(query)
    day = fact.closed_on
    # A sum, or SQLite reads all deals by their accounts instead of the days of those won from an index.
    account = fact.account_id + literal_column("0", Integer)
    found = told(fact, query).where(fact.state == WON, fact.account_id.is_not(None), day <= last)
    dates = (func.min(day).label("first_on"), func.max(day).label("latest_on"), func.max(case((day < start, day))).label("before_on"))
    return found.with_only_columns(account.label("account_id"), *dates).group_by(account).subquery("bought")


def _one(criterion: ColumnElement[bool]) -> ColumnElement[int]:
    return case((criterion, 1), else_=0)


def _metric(name: str, label: Any, describe: Any, row: str, definition: Portfolio, **more: Any) -> Metric:
    return Metric(
        id=f"crm.{name}",
        label=label,
        describe=describe,
        row=row,
        unit=more.pop("unit", "count"),
        build=definition.build,
        drill=definition.drill,
        facts=definition,
        permission="crm.deal.view",
        resource="contacts.account",
        grain="account",
        basis="snapshot",
        quarter=True,
        dimensions=ACCOUNT_SPLITS,
        parted=frozenset(ACCOUNT_SPLITS),
        additive=frozenset(ACCOUNT_SPLITS) if more.get("shape", "sum") == "sum" else frozenset(),
        **more,
    )


METRICS = (
    _metric(
        "portfolio_active",
        _l("Active accounts"),
        _l("Accounts that are active on the last day of the period: they have bought in the days before it that the settings "
           "say. Without dates: of this fiscal quarter."),
        "m23",
        Portfolio(counted=lambda b: b.after),
    ),
    _metric(
        "portfolio_new",
        _l("New accounts"),
        _l("Active accounts that bought in the period for the first time."),
        "m23",
        Portfolio(counted=lambda b: and_(b.after, b.first)),
    ),
    _metric(
        "portfolio_reactivated",
        _l("Accounts won back"),
        _l("Active accounts that had bought before, but were not active any more when the period began."),
        "m23",
        Portfolio(counted=lambda b: and_(b.after, not_(b.before), not_(b.first))),
    ),
    _metric(
        "portfolio_lost",
        _l("Accounts gone quiet"),
        _l("Accounts that were active when the period began, and are so no more on its last day."),
        "m23",
        Portfolio(counted=lambda b: and_(b.before, not_(b.after))),
        direction="down",
    ),
    _metric(
        "portfolio_growth",
        _l("Portfolio growth (period)"),
        _l("Active accounts at the end of the period less those when it began, divided by those when it began: new and won "
           "back less gone quiet."),
        "m23",
        Portfolio(counted=lambda b: b.before | b.after, hits=lambda b: _one(b.after) - _one(b.before), base=lambda b: _one(b.before)),
        unit="ratio",
        shape="ratio",
        share=False,
    ),
    _metric(
        "customer_retention",
        _l("Customer retention (period)"),
        _l("Of the accounts that were active when the period began, the share that still is at its end."),
        "m24",
        Portfolio(counted=lambda b: b.before, hits=lambda b: _one(b.after), base=lambda b: _one(b.before)),
        unit="ratio",
        shape="ratio",
    ),
)
