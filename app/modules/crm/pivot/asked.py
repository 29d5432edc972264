"""What the address of a pivot asks for: a measure, rows, columns; period and filters as every report has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from flask import url_for

from app.core.access import can
from app.core.dimensions import Dimension, dimensions
from app.core.errors import BusinessError
from app.core.i18n import _, _l
from app.core.metrics import Metric, metrics
from app.core.reports.frame import Frame

USUAL = "this-year"
VALUE, OF_ROW, OF_COLUMN, OF_ALL = "value", "row", "column", "all"
SHARES = {VALUE: _l("Values"), OF_ROW: _l("Share of the row"), OF_COLUMN: _l("Share of the column"), OF_ALL: _l("Share of everything")}
SORTS = {"label": _l("By name"), "value": _l("Largest first")}
OWN = ("measure", "rows", "rows2", "columns", "show", "sort")
FIRST = {"measure": "crm.won_amount", "rows": "owner", "columns": "quarter"}


@dataclass(frozen=True)
class PivotFrame(Frame):
    """The frame of a report, with what a pivot asks besides in its addresses."""

    own: Mapping[str, str] = field(default_factory=dict)

    def url(self, endpoint: str = "", **changes: Any) -> str:
        given = {**self.own, **self.args, **changes}
        return url_for(endpoint or self.endpoint, **{name: value for name, value in given.items() if value is not None})


@dataclass(frozen=True)
class Asked:
    """A pivot as it was asked for."""

    metric: Metric
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    show: str
    sort: str
    frame: PivotFrame

    @property
    def additive(self) -> bool:
        """Whether a cell is a part of the totals, so that shares of them mean something."""
        return {*self.rows, *self.columns} <= self.metric.additive

    @property
    def args(self) -> dict[str, str]:
        """All that the address says."""
        return {**self.frame.own, **self.frame.args}


def measures() -> dict[str, Metric]:
    """The measures the person may see, by id, in the order of the registry: those that can be split."""
    return {m.id: m for m in metrics().values() if m.module == "crm" and splits(m) and can(m.permission)}


def splits(metric: Metric) -> dict[str, Dimension]:
    """The dimensions of a measure that the modules of the company know, by name."""
    known = dimensions()
    return {name: known[name] for name in metric.dimensions if name in known}


def asked(given: Mapping[str, str]) -> Asked:
    """Read an address. Raises `BusinessError` naming the argument at fault."""
    own = {name: text for name in OWN if (text := given.get(name, "").strip()[:60])}
    own = own if "measure" in own else {**FIRST, **own}
    known = measures()
    measure = known.get(own["measure"])
    if measure is None:
        raise BusinessError(_("There is no metric %(id)s.", id=own["measure"]), field="measure")
    rows = tuple(dict.fromkeys(own[name] for name in ("rows", "rows2") if name in own))
    columns = tuple(name for name in (own.get("columns", ""),) if name and name not in rows)
    if not rows:
        raise BusinessError(_("What should the rows be?"), field="rows")
    _check(measure, (*rows, *columns))
    frame = replace(cast("PivotFrame", PivotFrame.of("crm.pivot", given, USUAL, ())), own=own)
    found = Asked(measure, rows, columns, _one_of(SHARES, own, "show"), _one_of(SORTS, own, "sort"), frame)
    if found.show != VALUE and not found.additive:
        raise BusinessError(_("Shares need a measure whose parts add up to the whole; those of this one do not."), field="show")
    return found


def _one_of(known: Mapping[str, Any], own: Mapping[str, str], name: str) -> str:
    chosen = own.get(name, next(iter(known)))
    if chosen not in known:
        raise BusinessError(_("This page address is damaged. Open the list again from the menu."), field=name)
    return chosen


def _check(measure: Metric, names: tuple[str, ...]) -> None:
    known = splits(measure)
    if any(name not in known for name in names):
        listed = ", ".join(str(dimension.label) for dimension in known.values())
        raise BusinessError(_("“%(measure)s” cannot be split like this, only by: %(known)s.", measure=measure.label, known=listed),
                            field="rows")
