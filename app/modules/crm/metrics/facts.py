"""Which deals a figure counts: as they are, or as their spans say they were when asked for the past."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import g
from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select, true
from sqlalchemy.orm import aliased

from app.core import search
from app.core.db import utcnow
from app.core.errors import BusinessError
from app.core.i18n import _
from app.core.metrics import MetricQuery
from app.core.sql_dates import month_key, quarter_key
from app.modules.contacts.public import Account
from app.modules.crm.metrics.dimensions import CLOSED
from app.modules.crm.models import OPEN, WON, Deal, DealSpan, Stage
from app.modules.crm.parts.models import DealCompetitor
from app.modules.crm.spans import holds

Open = aliased(DealSpan, name="open_stretch")
_ACCOUNTS = Account.__table__.alias("accounts")  # the bare table, to which no rule of rows applies
# Both hold the columns of `models.Outcome`: a fact is a deal as it is, or a span that held at the time asked for.
Fact = type[Deal] | type[DealSpan]

COLUMNS = {
    "owner": "credit_owner_id",
    "team": "credit_team_id",
    "account": "account_id",
    "stage": "stage_id",
    "pipeline": "pipeline_id",
    "reason": "reason_id",
    "state": "state",
}
# What the ledger does not track: it is that of today, whatever moment is asked for.
UNTRACKED = {"source": "source_id", "medium": "medium_id", "campaign": "campaign_id"}
SPLITS = (
    *("owner", "team", "account", "product", "stage", "pipeline", "month", "quarter"),
    *("source", "medium", "campaign", "segment", "category", "competitor", "state"),
)
# What a span says of itself, of its account or of its stage, without the deal of today.
TRACKED = frozenset({*COLUMNS, "month", "quarter", "segment", "category", "last_stage", "expected_from", "expected_to"})
OF_CLOSED = ("reason", "last_stage")  # what closed deals can be split by as well
OVERLAPPING = frozenset({"competitor"})  # a deal has several of these, so that rows do not add up
SEARCHES = ("text", "expected_from", "expected_to")


@dataclass(frozen=True, kw_only=True)
class Deals:
    """Which facts a figure counts, by which date, and what is taken of them."""

    states: tuple[str, ...]
    dated: str  # the column that a period, a month and a quarter refer to
    parts: Callable[[Fact], tuple[ColumnElement, ...]]
    groups: Callable[[Fact], tuple[ColumnElement, ...]] = lambda _fact: ()
    counted: Callable[[Fact, MetricQuery], tuple[ColumnElement[bool], ...]] = lambda _fact, _query: ()
    qualified: bool = False

    def build(self, query: MetricQuery) -> Select:
        """The one select of the figure."""
        groups = list({column.name: column for column in (*self.keys(query), *self.groups_of(query))}.values())
        return self.rows(query).with_only_columns(*groups, *self.parts_of(query)).group_by(*named(groups))

    @property
    def by_record(self) -> bool:
        """Whether each deal is one of the rows: not where the select is another one."""
        return type(self).build is Deals.build

    def rows_key(self, _query: MetricQuery) -> tuple[Any, ...]:
        return (type(self), self.states, self.dated, self.qualified)

    def beside(self, _others: Sequence[Deals]) -> Deals:
        return self

    def rows(self, query: MetricQuery) -> Select:
        fact = fact_of(query)
        found = self.selected(fact, query)
        if "competitor" in query.by:
            found = found.join(DealCompetitor, DealCompetitor.deal_id == deal_id(fact), isouter=True)
        if "segment" in query.by:
            # PostgreSQL reads the accounts once for a join; looked up deal by deal they took half of the statement.
            mine = and_(_ACCOUNTS.c.company_id == g.company.id, _ACCOUNTS.c.id == fact.account_id)
            found = found.join(_ACCOUNTS, mine, isouter=True)
        return found

    def keys(self, query: MetricQuery) -> Sequence[ColumnElement]:
        fact, joined = fact_of(query), {"segment": _ACCOUNTS.c.segment}
        return [joined.get(name, self.key(fact, name)).label(f"d_{name}") for name in query.by]

    def groups_of(self, query: MetricQuery) -> Sequence[ColumnElement]:
        return self.groups(fact_of(query))

    def parts_of(self, query: MetricQuery) -> Sequence[ColumnElement]:
        return self.parts(fact_of(query))

    def drill(self, query: MetricQuery) -> Select:
        """The ids of the deals that the figure counts."""
        fact = fact_of(query)
        return self.selected(fact, query).with_only_columns(deal_id(fact)).where(*self.counted(fact, query))

    def selected(self, fact: Fact, query: MetricQuery) -> Select:
        """The facts that count; a select of their ids."""
        found = told(fact, query)
        # One state as an equality: SQLite walks an index further down behind one than behind IN.
        one_state = len(self.states) == 1
        found = found.where(fact.state == self.states[0] if one_state else fact.state.in_(self.states))
        if self.qualified:
            found = found.where(fact.stage_id.in_(select(Stage.id).where(Stage.qualified)))
        found = found.where(*self.in_period(fact, query))
        if query.scope is not None:
            found = found.where(self.key(fact, "owner").in_(sorted(query.scope)))
        return found.where(*(self.filter(fact, name, wanted) for name, wanted in query.filters.items()))

    def in_period(self, fact: Fact, query: MetricQuery) -> Iterable[ColumnElement[bool]]:
        return between(getattr(fact, self.dated), query.start, query.end)

    def key(self, fact: Fact, name: str) -> ColumnElement:
        """The key of a fact in a dimension."""
        if name in ("month", "quarter"):
            return time_key(name, getattr(fact, self.dated))
        return fact_key(fact, name)

    def filter(self, fact: Fact, name: str, wanted: Any) -> ColumnElement[bool]:
        """What a filter of a query asks of facts. Raises `BusinessError`."""
        if name in SEARCHES:
            return searched(fact, name, wanted)
        if name == "competitor":
            return has_competitor(fact, wanted)
        if name not in (*SPLITS, *OF_CLOSED):
            raise unknown_filter(name, (*SPLITS, *OF_CLOSED, *SEARCHES))
        return matches(self.key(fact, name), wanted)


def named(columns: Iterable[Any]) -> list[Any]:
    """Columns for GROUP BY, those of dimensions by name: PostgreSQL knows a subquery that it groups by only so."""
    return [column.name if column.name.startswith("d_") else column for column in columns]


def fact_of(query: MetricQuery) -> Fact:
    return Deal if query.as_of is None and query.known_at is None else DealSpan


def deal_id(fact: Fact) -> Any:
    return Deal.id if fact is Deal else DealSpan.deal_id


def told(fact: Fact, query: MetricQuery) -> Select:
    """All facts of the moment that a query asks for; a select of their ids.

    Of the past the deals of today are looked up only where the ledger does not say what is asked: they are long rows.
    """
    found = select(fact.id).select_from(fact)
    if fact is DealSpan:
        if query.visible_rows or not {*query.by, *query.filters} <= TRACKED:
            found = found.join(Deal, Deal.id == DealSpan.deal_id)
        found = found.where(holds(query.as_of, query.known_at, utcnow()))
        # What lies in the trash now was believed once: its spans say until when.
        found = found.execution_options(with_trash=True)
    return found


def between(column: Any, start: date | None, end: date | None) -> list[ColumnElement[bool]]:
    """Criteria of local dates from `start` to `end`, both inclusive, None for unlimited."""
    return [*([column >= start] if start else []), *([column <= end] if end else [])]


def time_key(name: str, column: Any) -> ColumnElement[int]:
    """The key of a local date in dimension "month" or "quarter"."""
    return month_key(column) if name == "month" else quarter_key(column, g.company.fiscal_year_start)


def fact_key(fact: Fact, name: str) -> ColumnElement:
    """The key of a deal in a dimension that has nothing to do with time."""
    if name == "product":
        return Deal.product.expression
    if name in UNTRACKED:
        return getattr(Deal, UNTRACKED[name])
    if name == "segment":
        return segment_of(fact.account_id)
    if name == "category":
        return category_of(fact)
    if name == "last_stage":
        return last_stage_of(fact)
    if name == "competitor":
        return DealCompetitor.competitor_id.expression
    return getattr(fact, COLUMNS[name])


def segment_of(account_id: Any) -> ColumnElement[str | None]:
    """The segment of an account, which is that of today; also of one that lies in the trash, as its deals do count.

    Of the bare table, to which no rule of rows applies: it is looked up for each of many deals.
    """
    accounts = Account.__table__
    found = select(accounts.c.segment).where(accounts.c.id == account_id, accounts.c.company_id == g.company.id)
    return found.correlate_except(accounts).scalar_subquery()


def last_stage_of(fact: Fact) -> ColumnElement[int | None]:
    """The open stage that a deal was in last: where it was lost, or won, from. As far as is known today."""
    found = select(Open.stage_id).where(
        Open.company_id == fact.company_id, Open.deal_id == deal_id(fact), Open.known_to.is_(None), Open.state == OPEN,
        or_(fact.closed_at.is_(None), Open.valid_from <= fact.closed_at),
    )
    # In the order of an index, ix_crm_deal_span_of_deal: the first one that it finds is the one.
    return found.order_by(Open.entered_at.desc(), Open.id.desc()).limit(1).correlate_except(Open).scalar_subquery()


def category_of(fact: Fact) -> ColumnElement[str | None]:
    """How sure the forecast is of a deal: as set by hand, else as its stage says; None when it is lost or discarded."""
    usual = select(Stage.category).where(Stage.id == fact.stage_id).correlate_except(Stage).scalar_subquery()
    return case((fact.state == OPEN, func.coalesce(fact.category, usual)), (fact.state == WON, CLOSED))


def has_competitor(fact: Fact, wanted: Any) -> ColumnElement[bool]:
    """Whether one of these competes for a deal; None asks for deals for which nobody does."""
    some = exists().where(DealCompetitor.deal_id == deal_id(fact)).correlate_except(DealCompetitor)
    if wanted is None:
        return ~some
    ids = listed(wanted)
    named = some.where(DealCompetitor.competitor_id.in_([w for w in ids if w is not None]))
    return or_(named, ~some) if None in ids else named


def listed(wanted: Any) -> list[Any]:
    """The keys of a filter, which names one or several."""
    return list(wanted) if isinstance(wanted, Collection) and not isinstance(wanted, str) else [wanted]


def matches(key: Any, wanted: Any) -> ColumnElement[bool]:
    """Whether a key is the one wanted, or one of those; None is "has none"."""
    if wanted is None:
        return key.is_(None)
    if isinstance(wanted, Collection) and not isinstance(wanted, str):
        some = key.in_([w for w in wanted if w is not None])
        return or_(some, key.is_(None)) if None in wanted else some
    return key == wanted


def searched(fact: Fact, name: str, wanted: Any) -> ColumnElement[bool]:
    if name == "text":
        found = search.matching(Deal, wanted)  # as the search of a list does
        return true() if found is None else found
    return fact.expected_close >= wanted if name == "expected_from" else fact.expected_close <= wanted


def unknown_filter(name: str, known: Iterable[str]) -> BusinessError:
    return BusinessError(_("“%(given)s” is not one of: %(known)s.", given=name, known=", ".join(known)), field=name)


def is_qualifying() -> ColumnElement[bool]:
    """Criterion of stages by reaching which a deal is qualified; a win passes all of them."""
    return or_(and_(Stage.type == OPEN, Stage.qualified), Stage.type == WON)
