"""Rows of a list in groups, with sums of the rows listed: the one place where a list adds up.

These are sums of rows that can be seen one by one, not figures of the business: those are metrics (`app.core.metrics`).
Money is summed per currency and never mixed; percentages and years are not summed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, extract, func, select

from app.core import lookups, operators, relative_dates
from app.core.db import db, fold
from app.core.errors import BusinessError
from app.core.fields import Field, Integer, MoneyField, Percent
from app.core.i18n import _, _l
from app.core.money import Money
from app.core.resource import Resource

if TYPE_CHECKING:
    from app.core.tables import Listing

MOST = 200  # groups of one list; the largest where there are more
UNITS = {"month": _l("%(field)s by month"), "quarter": _l("%(field)s by quarter"), "year": _l("%(field)s by year")}
EMPTY = "none"


@dataclass(frozen=True)
class Grouping:
    """By what a list is grouped; dates by "month", "quarter" or "year" of the company's fiscal year."""

    typed: Field
    unit: str = ""

    @property
    def argument(self) -> str:
        return f"{self.typed.name}:{self.unit}" if self.unit else self.typed.name

    @property
    def label(self) -> str:
        return UNITS[self.unit] % {"field": self.typed.label} if self.unit else str(self.typed.label)


@dataclass
class Sums:
    """How many rows, and what their numbers and amounts add up to by field name."""

    count: int = 0
    numbers: dict[str, int] = field(default_factory=dict)
    amounts: dict[str, dict[str, int]] = field(default_factory=dict)  # field -> currency -> minor units

    def money(self, name: str) -> list[Money]:
        """The sums of an amount, one per currency, the largest first."""
        found = [Money(minor, currency) for currency, minor in self.amounts.get(name, {}).items() if minor]
        return sorted(found, key=lambda m: (-m.amount, m.currency))


@dataclass
class GroupRow:
    """One group: its value as addresses have it, its name, its sums."""

    key: str
    label: str
    sums: Sums
    value: Any = None


def groupable(resource: Resource) -> list[Grouping]:
    """By what the rows of a resource can be grouped."""
    found = []
    for typed in resource.fields:
        sort = operators.sort_of(typed) if typed.attributes and typed.compared else ""
        if sort == "date":
            found += [Grouping(typed, unit) for unit in UNITS]
        elif sort in ("choice", "lookup", "boolean") or (sort == "text" and typed.kind == "text" and typed.name != resource.title):
            found.append(Grouping(typed))
    return found


def read(resource: Resource, text: str) -> Grouping:
    """What the argument `group` says: a field, or "<date field>:quarter". Raises `BusinessError`."""
    for grouping in groupable(resource):
        if text in (grouping.argument, grouping.typed.name):
            return grouping
    raise BusinessError(_("This list cannot be grouped by “%(name)s”.", name=text[:40]), field="group")


def within(resource: Resource, grouping: Grouping, key: str) -> Any:
    """The criterion of one group. Raises `BusinessError`."""
    typed = grouping.typed
    column = getattr(resource.model, typed.attributes[0])
    if key == EMPTY:
        return column.is_(None)
    sort = operators.sort_of(typed)
    if sort == "text":
        return column == key.removeprefix("=")
    if sort != "date":
        return operators.criterion(resource.model, typed, "is", [key])
    try:
        first, last = relative_dates.around(relative_dates.period(key)[0], grouping.unit)
    except (ValueError, OverflowError):
        raise BusinessError(_("“%(given)s” is not a date.", given=key[:40]), field="within") from None
    return and_(column >= first, column <= last)


def summed(fields: Iterable[Field]) -> list[Field]:
    """Those of some fields that add up to something: amounts and numbers, but no percentages and no years."""
    return [
        f for f in fields
        if isinstance(f, MoneyField) or (isinstance(f, Integer) and not isinstance(f, Percent) and f.grouped)
    ]  # fmt: skip


def totals(listing: Listing) -> Sums:
    """Count and sums of all rows of a list, in one statement."""
    rows = _sums_of(listing, [], [])
    found = Sums()
    for row in rows:
        _add(found, listing, row)
    return found


def groups(listing: Listing) -> tuple[list[GroupRow], bool]:
    """The groups of a list in the order of their names, and whether there are more than are shown."""
    grouping = listing.grouping
    assert grouping is not None
    keys = _keys(listing.resource.model, grouping)
    largest, more = _largest(listing, keys, grouping)
    found: dict[Any, GroupRow] = {}
    for row in _sums_of(listing, keys, largest):
        value = _value(grouping, row)
        group = found.setdefault(value, GroupRow(_key(grouping, value), "", Sums(), value))
        _add(group.sums, listing, row)
    return _named(grouping, list(found.values())), more


def _keys(model: Any, grouping: Grouping) -> list[Any]:
    column = getattr(model, grouping.typed.attributes[0])
    if grouping.unit:
        # Months on every database; quarters and fiscal years are put together of them.
        return [extract("year", column).label("k0"), extract("month", column).label("k1")]
    return [column.label("k0")]


def _largest(listing: Listing, keys: Sequence[Any], grouping: Grouping) -> tuple[list[Any], bool]:
    """Where there may be many groups: a criterion for the largest, and whether others are left out."""
    if operators.sort_of(grouping.typed) not in ("text", "lookup"):
        return [], False
    column = getattr(listing.resource.model, grouping.typed.attributes[0])
    counted = select(*keys).where(*listing.criteria, column.is_not(None)).group_by(*keys)
    top = db.session.scalars(counted.order_by(func.count(listing.resource.model.id).desc(), column).limit(MOST + 1)).all()
    if len(top) <= MOST:
        return [], False
    return [column.in_(top[:MOST]) | column.is_(None)], True


def _sums_of(listing: Listing, keys: Sequence[Any], more: Sequence[Any]) -> list[Any]:
    model = listing.resource.model
    fields = summed(listing.columns)
    sums = [func.sum(getattr(model, f.attributes[0])).label(f"s_{f.name}") for f in fields]
    currencies = {f.currency for f in fields if isinstance(f, MoneyField)}
    by = [*keys, *(getattr(model, name).label(f"c_{name}") for name in sorted(currencies))]
    statement = select(*by, func.count(model.id).label("n"), *sums).where(*listing.criteria, *more)
    return list(db.session.execute(statement.group_by(*by) if by else statement))


def _add(sums: Sums, listing: Listing, row: Any) -> None:
    sums.count += row.n
    for typed in summed(listing.columns):
        value = int(getattr(row, f"s_{typed.name}") or 0)
        if isinstance(typed, MoneyField):
            by_currency = sums.amounts.setdefault(typed.name, {})
            currency = getattr(row, f"c_{typed.currency}")
            if currency is not None and value:
                by_currency[currency] = by_currency.get(currency, 0) + value
        else:
            sums.numbers[typed.name] = sums.numbers.get(typed.name, 0) + value


def _value(grouping: Grouping, row: Any) -> Any:
    if not grouping.unit:
        return row.k0
    return None if row.k0 is None else relative_dates.around(date(int(row.k0), int(row.k1), 1), grouping.unit)[0]


def _key(grouping: Grouping, value: Any) -> str:
    if value is None:
        return EMPTY
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    return f"={value}" if operators.sort_of(grouping.typed) == "text" else str(value)


def _named(grouping: Grouping, rows: list[GroupRow]) -> list[GroupRow]:
    """Groups with their names, in an order that people expect; the empty one comes last."""
    typed, values = grouping.typed, [row.value for row in rows]
    if isinstance(typed, lookups.Lookup):
        known = lookups.labels(typed.target, values)
        places = _places(typed, [v for v in values if v is not None])
        labels = {v: known.get(v, "") for v in values}
        order = {v: (places.get(v, 0), fold(labels[v])) for v in values}
    elif grouping.unit:
        labels = {v: relative_dates.names_of(v, grouping.unit) for v in values if v is not None}
        order = {v: v for v in labels}
    else:
        labels = {v: typed.show(v) for v in values}
        choices = [v for v, _label in getattr(typed, "choices", ())]
        order = {v: (choices.index(v) if v in choices else len(choices), fold(labels[v])) for v in labels}
    for row in rows:
        row.label = _("(empty)") if row.value in (None, "") else labels[row.value]
    return sorted(rows, key=lambda row: (row.value is None, order[row.value] if row.value is not None else ()))


def _places(typed: lookups.Lookup, ids: list[int]) -> dict[int, int]:
    """Where rows stand that have an order of their own, as stages have."""
    target = typed.resource
    column = getattr(target.model, target.sort.lstrip("-"), None)
    if not ids or column is None or target.sort in (target.title, f"{target.title}_key"):
        return {}
    rows = select(target.model.id).where(target.model.id.in_(ids)).order_by(column, target.model.id)
    options = {"all_rows": True, "with_trash": True}
    return {row_id: place for place, row_id in enumerate(db.session.scalars(rows, execution_options=options))}
