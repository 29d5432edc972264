"""The columns of the forecast: what is late, six months, what comes later, what has no date; their sums and cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from flask import g, url_for
from sqlalchemy import Row, Select, case, func, select, union_all

from app.core import lookups
from app.core.clock import today
from app.core.db import db
from app.core.errors import BusinessError
from app.core.figures import Figure
from app.core.formats import colour, day, initials
from app.core.i18n import _
from app.core.metrics import MetricQuery, drill, evaluate, evaluate_together
from app.core.money import Money
from app.core.relative_dates import LAST_YEAR
from app.core.reports.periods import moved
from app.core.reports.wording import month_names
from app.core.tables import NONE
from app.modules.crm.forecast.slips import Slips, slips_of
from app.modules.crm.models import COMMIT, Deal, Stage

MONTHS = 6
PAGE = 25  # cards of a column; the rest is in the list that its head leads to
SUMS = ("crm.open_amount", "crm.weighted_pipeline", "crm.open_count")
LATE, LATER, UNDATED = "late", "later", "none"
ONE = timedelta(days=1)


@dataclass(frozen=True)
class Card:
    """An open deal as the forecast shows it."""

    id: int
    version: int
    name: str
    account: str
    amount: Money | None
    close: str
    late: bool
    stage: str
    category: str
    owner: dict[str, Any] | None
    slips: Slips | None


@dataclass
class Column:
    """Open deals by expected close. `first` and `last` are local days, inclusive; None is without end."""

    key: str  # late, 2026-11, later, none
    label: str
    first: date | None
    last: date | None
    amount: Money
    weighted: Money
    count: int
    commit: Money
    excluded: int
    list_url: str
    cards: list[Card] = field(default_factory=list)

    @property
    def droppable(self) -> bool:
        """Whether a deal can be moved here: to a month, or to no date."""
        return self.key not in (LATE, LATER)

    @property
    def more(self) -> int:
        return max(0, self.count - len(self.cards))


@dataclass(frozen=True)
class Month:
    """A month to which deals can be moved."""

    key: str
    label: str
    first: date
    last: date

    @property
    def number(self) -> int:
        """The key of the dimension "month"."""
        return self.first.year * 12 + self.first.month - 1


def months() -> list[Month]:
    """This month and those that follow."""
    firsts = [moved(today().replace(day=1), n) for n in range(MONTHS + 1)]
    names = month_names([first.year * 12 + first.month - 1 for first in firsts[:-1]])
    return [Month(first.strftime("%Y-%m"), name, first, after - ONE)
            for first, after, name in zip(firsts, firsts[1:], names, strict=False)]


def columns(filters: Mapping[str, Any], only: Sequence[str] = ()) -> list[Column]:
    """The columns with their sums, those named by `only` or all; cards are filled in by `fill`."""
    shown = months()
    by_month = _figures(filters, by=("month",))
    early, late = shown[0].first - ONE, shown[-1].last + ONE
    ranges: list[tuple[str, str, date | None, date | None, list[Figure], Any]] = [
        (LATE, _("Overdue"), None, early, _figures({**filters, "expected_to": early}), None),
        *((month.key, month.label, month.first, month.last, by_month, month.number) for month in shown),
        (LATER, _("Later"), late, None, _figures({**filters, "expected_from": late}), None),
        (UNDATED, _("No date"), None, None, by_month, None),
    ]
    found = [_column(key, label, first, last, figures, month) for key, label, first, last, figures, month in ranges]
    return [column for column in found if not only or column.key in only]


def _figures(filters: Mapping[str, Any], by: tuple[str, ...] = ()) -> list[Figure]:
    query = MetricQuery(by=by, filters=filters)
    committed = evaluate("crm.category_forecast", MetricQuery(by=by, filters={**filters, "category": COMMIT}), visible_rows=True)
    return [*evaluate_together(SUMS, query, visible_rows=True, named=False), committed]


def _column(key: str, label: str, first: date | None, last: date | None, figures: list[Figure], month: int | None) -> Column:
    rows = [next((r for r in f.rows if r.keys.get("month") == month), None) for f in figures]
    nothing = Money(0, g.company.currency)
    values: list[Any] = [row.value if row else None for row in rows]
    amount, weighted, count, commit = values
    return Column(
        key=key, label=label, first=first, last=last,
        amount=amount or nothing, weighted=weighted or nothing, count=count or 0, commit=commit or nothing,
        excluded=(count or 0) - (rows[0].n if rows[0] else 0),
        list_url=_list_url(key, first, last),
    )  # fmt: skip


def _list_url(key: str, first: date | None, last: date | None) -> str:
    if key == UNDATED:
        return url_for("crm.deal_list", view="open", expected_close=NONE)
    days: dict[str, Any] = {"expected_close__gte": first, "expected_close__lte": last}
    return url_for("crm.deal_list", **{"view": "open", **{name: value.isoformat() for name, value in days.items() if value}})


def fill(found: Sequence[Column], filters: Mapping[str, Any]) -> None:
    """Give columns their first cards, those most sure first, all in one statement and three for names and slips."""
    parts = [_chosen(column, filters).limit(PAGE).subquery() for column in found]
    rows = _rows(union_all(*(select(part.c.id) for part in parts))) if parts else []
    cards = _cards(rows)
    for column in found:
        column.cards = [cards[row.id] for row in rows if _belongs(row, column)]


def card_of(deal_id: int, filters: Mapping[str, Any]) -> Card | None:
    """The card of one deal; None when the filters leave it out or it is closed."""
    chosen = drill("crm.open_count", MetricQuery(filters=filters), visible_rows=True).where(Deal.id == deal_id)
    return _cards(_rows(chosen.subquery().select())).get(deal_id)


def column_of(expected: date | None) -> str:
    """The key of the column that an expected close belongs to."""
    if expected is None:
        return UNDATED
    month, now = expected.replace(day=1), today().replace(day=1)
    if month < now:
        return LATE
    return month.strftime("%Y-%m") if month < moved(now, MONTHS) else LATER


def _belongs(row: Row[Any], column: Column) -> bool:
    return column_of(row.expected_close) == column.key


def _chosen(column: Column, filters: Mapping[str, Any]) -> Select:
    asked = dict(filters)
    if column.key == UNDATED:
        asked["month"] = None
    if column.first:
        asked["expected_from"] = column.first
    if column.last:
        asked["expected_to"] = column.last
    found = drill("crm.open_count", MetricQuery(filters=asked), visible_rows=True)
    return found.order_by(Deal.expected_close, Deal.id)


def _rows(ids: Any) -> list[Row[Any]]:
    columns_ = (Deal.id, Deal.version, Deal.name, Deal.account_id, Deal.owner_id, Deal.amount_minor, Deal.currency, Deal.expected_close)
    category = func.coalesce(Deal.category, Stage.category).label("category")
    sure = case({"commit": 0, "best_case": 1, "pipeline": 2}, value=category, else_=3)
    rows = (
        select(*columns_, Stage.name.label("stage"), category)
        .join(Stage, (Stage.id == Deal.stage_id) & (Stage.company_id == Deal.company_id))
        .where(Deal.id.in_(ids))
        .order_by(sure, Deal.expected_close, Deal.id)
    )
    return list(db.session.execute(rows))


def _cards(rows: Sequence[Row[Any]]) -> dict[int, Card]:
    accounts = lookups.labels("contacts.account", {row.account_id for row in rows})
    members = lookups.labels(lookups.MEMBER, {row.owner_id for row in rows})
    slips, now = slips_of([row.id for row in rows]), today()
    return {row.id: _card(row, accounts, members, slips, now) for row in rows}


def _card(row: Row[Any], accounts: Mapping[int, str], members: Mapping[int, str], slips: Mapping[int, Slips], now: date) -> Card:
    owner = members.get(row.owner_id)
    return Card(
        id=row.id,
        version=row.version,
        name=row.name,
        account=accounts.get(row.account_id, ""),
        amount=None if row.amount_minor is None else Money(row.amount_minor, row.currency),
        close=day(row.expected_close) if row.expected_close else _("No date"),
        late=row.expected_close is not None and row.expected_close < now,
        stage=row.stage,
        category=row.category,
        owner={"name": owner, "initials": initials(owner), "colour": colour(row.owner_id)} if owner else None,
        slips=slips.get(row.id),
    )


def target_day(key: str, expected: date | None) -> date | None:
    """The expected close of a deal moved to a column. Raises `BusinessError` for a column that takes none."""
    if key == UNDATED:
        return None
    try:
        month = date.fromisoformat(f"{key}-01")
    except ValueError:
        raise BusinessError(_("A deal can be moved to a month, or to no date.")) from None
    if month.year >= LAST_YEAR:
        raise BusinessError(_("A deal can be moved to a month, or to no date."))
    last = moved(month, 1) - ONE
    if last < today():
        raise BusinessError(_("This month is over; choose a later one."))
    wanted = last if expected is None else min(month.replace(day=1) + timedelta(days=expected.day - 1), last)
    return wanted if wanted >= today() else last
