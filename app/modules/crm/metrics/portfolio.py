"""Figures of the portfolio: which accounts buy, which are new, which are gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, func, not_, select

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

    def build(self, query: MetricQuery) -> Select:
        keys = [COLUMNS[name].label(f"d_{name}") for name in query.by]
        found, buyers = self._chosen(query)
        n = func.count().label("n")
        if self.hits is None or self.base is None:
            return found.with_only_columns(*keys, func.count().label("value"), n).group_by(*keys)
        hits, base = func.sum(self.hits(buyers)), func.sum(self.base(buyers))
        return found.with_only_columns(*keys, hits.label("numerator"), base.label("denominator"), n).group_by(*keys)

    def drill(self, query: MetricQuery) -> Select:
        return self._chosen(query)[0]

    def _chosen(self, query: MetricQuery) -> tuple[Select, _Buyers]:
        last = min(query.end or date.max, local_date(moment(query)))
        start, days = query.start or last, timedelta(days=settings().active_days)
        bought = _bought(query, start, last)
        buyers = _Buyers(
            before=and_(bought.c.before.is_not(None), bought.c.before >= start - days),
            after=bought.c.latest > last - days,
            first=bought.c.first >= start,
        )
        found = select(Account.id).join(bought, bought.c.account_id == Account.id)
        found = found.where(kept(Account, query), self.counted(buyers)).execution_options(with_trash=True)
        if query.scope is not None:
            found = found.where(Account.owner_id.in_(sorted(query.scope)))
        for name, wanted in query.filters.items():
            if name not in COLUMNS:
                raise unknown_filter(name, ACCOUNT_SPLITS)
            found = found.where(matches(COLUMNS[name], wanted))
        return found, buyers


def _bought(query: MetricQuery, start: date, last: date) -> Any:
    """By account the first day it bought, the latest one, and the latest before the period."""
    fact = fact_of(query)
    day = fact.closed_on
    found = told(fact, query).where(fact.state == WON, fact.account_id.is_not(None), day <= last)
    dates = (func.min(day).label("first"), func.max(day).label("latest"), func.max(case((day < start, day))).label("before"))
    return found.with_only_columns(fact.account_id.label("account_id"), *dates).group_by(fact.account_id).subquery("bought")


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
        permission="crm.deal.view",
        resource="contacts.account",
        grain="account",
        basis="snapshot",
        quarter=True,
        dimensions=ACCOUNT_SPLITS,
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
