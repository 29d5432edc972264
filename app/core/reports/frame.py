"""What a report is asked: its period and the one to compare with, the filters, the split; all of it in the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any

from flask import g, url_for

from app.core import lookups, relative_dates
from app.core.access import can, subtree
from app.core.changelog import actor_id
from app.core.clock import end_of, today
from app.core.db import utcnow
from app.core.dimensions import dimensions
from app.core.errors import BusinessError
from app.core.formats import day, moment
from app.core.i18n import _
from app.core.ids import whole
from app.core.metrics import MetricQuery, reader_scope
from app.core.reports import periods
from app.core.reports.periods import COMPARISONS, PREVIOUS, Period
from app.core.surfaces.listing import teams
from app.core.tables import ME, NONE

ARGS = ("period", "period__gte", "period__lte", "compare", "as_of", "by", "basis", "days")
PEOPLE = ("owner", "team")
LONGEST = 100


@dataclass(frozen=True)
class Frame:
    """The arguments of a report's address, read; `splits` are the dimensions it may be split by, the first its own."""

    endpoint: str
    args: Mapping[str, str]
    period: Period
    before: Period | None
    as_of: datetime | None
    filters: Mapping[str, Any]
    split: str
    basis: str
    splits: tuple[str, ...] = field(default=())
    module: str = "crm"  # whose figures they are: what the reader may see of them

    @classmethod
    def of(
        cls, endpoint: str, given: Mapping[str, str], usual: str, splits: tuple[str, ...], bases: tuple[str, ...] = (),
        module: str = "crm",
    ) -> Frame:  # fmt: skip
        """From an address; what a report does not know is left out. Raises `BusinessError` for what cannot be read."""
        filters = [*PEOPLE, *(d.name for d in dimensions().values() if d.options and not d.special)]
        args = {name: text[:LONGEST] for name in (*ARGS, *filters) if (text := (given.get(name) or "").strip())}
        if any("\x00" in text for text in args.values()):
            raise BusinessError(_("This page address is damaged. Open the list again from the menu."))
        period = periods.read(args, usual)
        known = tuple(name for name in splits if name in dimensions())
        return cls(
            endpoint=endpoint,
            args=args,
            period=period,
            before=period.before(_one_of(args.get("compare"), tuple(COMPARISONS), "compare")),
            as_of=_as_of(args.get("as_of")),
            filters={name: _key(name, args[name]) for name in filters if name in args},
            split=_one_of(args.get("by"), known, "by") if known else "",
            basis=_one_of(args.get("basis"), bases, "basis") if bases else "",
            splits=known,
            module=module,
        )

    def query(self, *by: str, during: Period | None = None, **filters: Any) -> MetricQuery:
        """The question of this report to a metric, about its period or another one."""
        asked = during or self.period
        return MetricQuery(start=asked.first, end=asked.last, by=by, as_of=self.as_of, filters={**self.filters, **filters})

    def url(self, endpoint: str = "", /, **changes: Any) -> str:
        """The address with changes; None leaves an argument out."""
        kept = {name: value for name, value in {**self.args, **changes}.items() if value is not None}
        return url_for(endpoint or self.endpoint, **kept)

    @property
    def told(self) -> str:
        """As of when the figures are."""
        return day(date.fromisoformat(self.args["as_of"])) if self.as_of else moment(utcnow())

    @property
    def whose(self) -> str:
        """Whose figures they are: the reader's, their teams' or the company's."""
        if reader_scope(self.module) is None:
            return _("Figures of the whole company")
        return _("Figures of my teams") if can(f"{self.module}.figures.team") else _("My own figures")

    # The chips

    @cached_property
    def chips(self) -> list[dict[str, Any]]:
        """The filters of the address, as the filter row shows them."""
        found = [self._period_chip(), self._compare_chip()]
        if reader_scope(self.module) is None or can(f"{self.module}.figures.team"):
            found.append(self._chip("owner", _("Owner"), lookups.options("admin.member"), kind="lookup"))
            found.append(self._chip("team", _("Team"), [(str(t.id), t.name) for t in teams()]))
        for each in dimensions().values():
            options = list(each.options()) if each.options and not each.special else []
            if len(options) > (0 if each.may_lack else 1):
                none = [(NONE, _("None"))] if each.may_lack else []
                found.append(self._chip(each.name, str(each.label), [*none, *options]))
        return found

    def _chip(self, name: str, label: str, options: list[tuple[str, str]], kind: str = "choice") -> dict[str, Any]:
        value = self.args.get(name, "")
        value = str(actor_id()) if value == ME and name == "owner" else value
        text = _("None") if value == NONE else dict(options).get(value, value)
        return {"name": name, "label": label, "kind": kind, "value": value, "text": text, "options": options,
                "on": bool(value), "clear_url": self.url("", **{name: None})}  # fmt: skip

    def _period_chip(self) -> dict[str, Any]:
        options = [(name, _label(name)) for name in periods.OFFERED]
        if self.period.name and self.period.name not in periods.OFFERED:
            options.append((self.period.name, _label(self.period.name)))
        return {"name": "period", "label": _("Period"), "kind": "dates", "on": True, "options": options,
                "period": self.period.name, "text": _label(self.period.name) if self.period.name else self.period.dates,
                "first": self.args.get("period__gte", ""), "last": self.args.get("period__lte", ""),
                "fixed": True}  # fmt: skip

    def _compare_chip(self) -> dict[str, Any]:
        chosen = self.args.get("compare", PREVIOUS)
        options = [(name, str(label)) for name, label in COMPARISONS.items()]
        return {"name": "compare", "label": _("Compared with"), "kind": "choice", "value": chosen, "on": True,
                "text": str(COMPARISONS[chosen]), "options": options, "fixed": True}  # fmt: skip

    @property
    def file_name(self) -> str:
        """Of a file with this report: "acme-sales-2026-01-01-2026-03-31"."""
        name = self.endpoint.partition(".")[2].removeprefix("report_")
        return f"{g.company.slug}-{name}-{self.period.first}-{self.period.last}"


def _label(name: str) -> str:
    return relative_dates.label(name)


def _as_of(text: str | None) -> datetime | None:
    """The end of the day that is given; None for the present."""
    if not text:
        return None
    found = periods.read({"period__gte": text, "period__lte": text}, "").first
    return end_of(found) if found < today() else None


def _one_of(text: str | None, known: tuple[str, ...], name: str) -> str:
    if not text:
        return known[0]
    if text not in known:
        raise BusinessError(_("“%(given)s” is not one of: %(known)s.", given=text[:40], known=", ".join(known)), field=name)
    return text


def _key(name: str, text: str) -> Any:
    """The key of a dimension that a filter's text stands for."""
    if text == NONE:
        return None
    if dimensions()[name].worded:
        return text
    if text == ME and name == "owner":
        return actor_id()
    found = whole(text)
    if found is None:
        raise BusinessError(_("“%(given)s” is not a valid filter.", given=text[:40]), field=name)
    return sorted(subtree({found})) if name == "team" else found


