"""The records behind a figure: which they are, what each adds to it, and how many of them the reader may not open.

An address names a metric and the arguments of a `MetricQuery`, nothing else: the metric's own select says which rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any

from flask import g
from sqlalchemy import Select, func, select
from werkzeug.datastructures import MultiDict

from app.core.access import can, sees_every_row
from app.core.clock import local_date, read_instant
from app.core.db import db, utcnow
from app.core.dimensions import dimensions
from app.core.errors import BusinessError, Forbidden
from app.core.fields import Date
from app.core.figure_parts import Parts, value_of
from app.core.figures import Figure
from app.core.formats import day
from app.core.i18n import _
from app.core.ids import whole
from app.core.metrics import Metric, MetricQuery, drill, evaluate, metric, reader_scope
from app.core.models import Trash
from app.core.rates import RateTable
from app.core.registry import registry
from app.core.resource import Resource
from app.core.tables import NONE, Listing

OWN = ("metric", "from", "to", "as_of", "known_at", "cursor", "sort", "format")
LONGEST = 200
MOST_KEYS = 500


def argument(value: Any) -> Any:
    """A key of a dimension as an address carries it. Text that would read as a number or as nothing gets a colon."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return [argument(each) for each in value]
    if value is None:
        return NONE
    if isinstance(value, bool):
        return f"!{int(value)}"
    text = str(value)
    return f":{text}" if isinstance(value, str) and (whole(text) is not None or text == NONE or text[:1] in ":!") else text


def key(text: str) -> Any:
    """The key that `argument` wrote."""
    if text == NONE:
        return None
    if text in ("!0", "!1"):
        return text == "!1"
    number = whole(text)
    return text.removeprefix(":") if number is None else number


@dataclass(frozen=True)
class Drill:
    """A figure and its records, as far as the reader may see them."""

    metric: Metric
    query: MetricQuery

    @classmethod
    def of(cls, args: MultiDict) -> Drill:
        """From an address. Raises `NotFound`, `Forbidden` and `BusinessError`."""
        asked = metric(args.get("metric", "")[:LONGEST])
        query = MetricQuery(
            start=_date(args.get("from")),
            end=_date(args.get("to")),
            as_of=_instant(args.get("as_of")),
            known_at=_instant(args.get("known_at")),
            filters=_filters(asked, args),
        )
        return cls(asked, query)

    @cached_property
    def resource(self) -> Resource:
        """What the records are. Raises `Forbidden` where the reader may not see such records at all."""
        found = registry.resource(self.metric.resource)
        if not can(found.permission("view")):
            raise Forbidden(_("You may not see these records."))
        return found

    @cached_property
    def chosen(self) -> Select:
        """The ids of the records in the figure, whoever may open them."""
        return drill(self.metric.id, self.query)

    @cached_property
    def figure(self) -> Figure:
        return evaluate(self.metric.id, self.query)

    @property
    def _row_id(self) -> Any:
        """The column of `chosen`."""
        return self.chosen.column_descriptions[0]["expr"]

    @cached_property
    def everything(self) -> int:
        """How many records are in the figure. The figure tells it, unless a record may be several of its rows."""
        several = any(isinstance(wanted, list) for wanted in self.query.filters.values())
        if self.metric.repeats or several or reader_scope(self.metric.module) is not None:
            return self._count(self.chosen)
        return self.figure.total.n

    def seen(self, listing: Listing) -> int:
        """How many of them the reader may open: of whom no record rule confines, all but what lies in the trash by now."""
        if not sees_every_row():
            return listing.count()
        thrown = select(Trash.row_id).where(Trash.table_name == self.resource.model.__tablename__)
        if db.session.scalar(thrown.limit(1)) is None:
            return self.everything
        return self.everything - self._count(self.chosen.where(self._row_id.in_(thrown)))

    def _count(self, chosen: Select) -> int:
        counted = chosen.with_only_columns(func.count(self._row_id.distinct()))
        return db.session.scalar(counted, execution_options={"all_rows": True}) or 0

    def listing(self, cursor: str = "") -> Listing:
        """The records that the reader may open, as a list that no view narrows; a page of it."""
        views, newest = self.resource.views, self.metric.newest
        open_view = next((view for view in views if not view.args), None)
        said = {"view": open_view.name} if open_view else dict.fromkeys(views[0].args, "") if views else {}
        said |= {"sort": f"-{newest}"} if newest else {}
        args = MultiDict(said | ({"cursor": cursor} if cursor else {}))
        return Listing(self.resource, args, criteria=[self._among()], filled=bool(newest))

    def _among(self) -> Any:
        """Criterion of the rows of the resource that are in the figure. Where these are told by their own columns it asks just
        that, and not for their ids among others: a database then finds the first of many by the index of their order."""
        model, inner = self.resource.model, self.chosen.execution_options(all_rows=False)
        return inner.whereclause if inner.get_final_froms() == [model.__table__] else model.id.in_(inner)

    # What each record adds

    @property
    def countable(self) -> bool:
        """Whether the select of the figure can be read record by record: it counts records, and nothing but their rows."""
        facts = self.metric.facts
        return facts is not None and facts.by_record and self.metric.spread is None and self.metric.shape != "formula"

    def shares(self, ids: list[int]) -> dict[int, Any]:
        """Record id -> what it adds to the figure, in one statement; of a ratio, its numerator where it has one."""
        if not self.countable or not ids:
            return {}
        return {row_id: self._value(rows) for row_id, rows in self._parts(ids).items()}

    def visible_sum(self) -> Any:
        """The figure over the records that the reader may open; None where it cannot be told."""
        if not self.countable:
            return None
        found = [row for rows in self._parts(None).values() for row in rows]
        return self._value(found, whole=True)

    def _parts(self, ids: list[int] | None) -> dict[Any, list[dict[str, Any]]]:
        facts = self.metric.facts
        assert facts is not None  # asked by `countable`
        query = self._confined
        row_id = self._row_id
        groups = [*([row_id.label("record_id")] if ids is not None else []), *facts.groups_of(query)]
        found = self.chosen.with_only_columns(*groups, *facts.parts_of(query)).group_by(*groups)
        if ids is not None:
            found = found.where(row_id.in_(ids))
        # Without "all_rows" the record rules hold: only what the reader may open adds up here.
        rows = db.session.execute(found.execution_options(all_rows=False)).mappings()
        parts: dict[Any, list[dict[str, Any]]] = {}
        for row in rows:
            parts.setdefault(row.get("record_id"), []).append(dict(row))
        return parts

    @cached_property
    def _confined(self) -> MetricQuery:
        """The question as the registry confined it: without a period where none applies."""
        return self.query if self.metric.period else replace(self.query, start=None, end=None)

    def _value(self, rows: list[dict[str, Any]], whole: bool = False) -> Any:
        """A figure of some rows. Of a single record a ratio is not a share: what it adds is one hit, or none."""
        rates = RateTable({row["currency"] for row in rows if "currency" in row})
        parts = Parts()
        for row in rows:
            parts.add(self.metric, row, rates, local_date(self.figure.as_of))
        if self.metric.shape == "ratio" and self.metric.unit == "ratio" and not whole:
            return parts.numerator > 0
        return value_of(self.metric, parts, g.company.currency)

    # In words

    def conditions(self) -> list[tuple[str, str]]:
        """Name and value of everything that narrows the figure down."""
        found = []
        if self.metric.period and (self.query.start or self.query.end):
            first, last = (day(d) if d else "…" for d in (self.query.start, self.query.end))
            found.append((_("Period"), f"{first} – {last}" if first != last else first))
        known = dimensions()
        for name, wanted in self.query.filters.items():
            keys = list(wanted) if isinstance(wanted, list) else [wanted]
            labels = known[name].labels
            named = labels({k for k in keys if k is not None}) if labels else {}
            texts = [_("None") if k is None else str(named.get(k, k)) for k in keys]
            found.append((str(known[name].label), ", ".join(texts)))
        if self.query.as_of:
            found.append((_("As of"), day(local_date(min(self.query.as_of, utcnow())))))
        return found


def _filters(asked: Metric, args: MultiDict) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in dict.fromkeys(args):
        if name in OWN:
            continue
        if name not in asked.dimensions:
            known = ", ".join(asked.dimensions)
            raise BusinessError(_("“%(given)s” is not one of: %(known)s.", given=name[:40], known=known), field=name)
        texts = args.getlist(name)
        if len(texts) > MOST_KEYS or any(len(text) > LONGEST or "\x00" in text for text in texts):
            raise BusinessError(_("“%(given)s” is not a valid filter.", given=name), field=name)
        keys = [key(text) for text in texts]
        kind = str if dimensions()[name].worded else int
        if any(type(each) is not kind for each in keys if each is not None):
            raise BusinessError(_("“%(given)s” is not a valid filter.", given=name), field=name)
        found[name] = keys if len(keys) > 1 else keys[0]
    return found


def _date(text: str | None) -> date | None:
    try:
        return _sensible(date.fromisoformat(text)) if text else None
    except ValueError:
        raise BusinessError(_("“%(given)s” is not a date.", given=(text or "")[:40])) from None


def _instant(text: str | None) -> datetime | None:
    try:
        found = read_instant(text) if text else None
        if found is not None:
            _sensible(found.date())
        return found
    except ValueError:
        raise BusinessError(_("“%(given)s” is not a date.", given=(text or "")[:40])) from None


def _sensible(day: date) -> date:
    if not Date.EARLIEST <= day < Date.LATEST:
        raise ValueError(day)
    return day


