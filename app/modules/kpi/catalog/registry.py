"""The page of every metric: read from the registry, grouped by the module it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for

from app.core.access import can
from app.core.db import fold
from app.core.i18n import _
from app.core.lifecycle import enabled_modules
from app.core.metrics import Metric, metrics
from app.modules.kpi.catalog import words
from app.modules.kpi.own.made import own_id, own_metrics
from app.modules.kpi.own.models import FORMULA, OwnMetric
from app.modules.kpi.own.uses import Uses, uses

OWN = "own"


@dataclass(frozen=True)
class Entry:
    """A metric as the page shows it. `asleep` says why an own one gives no figures at the moment."""

    id: str
    name: str
    describe: str
    unit: Any
    way: Any
    arrow: str
    basis: Any
    grain: Any
    version: int
    row: str
    url: str
    goals: int = 0
    dashboards: int = 0
    formulas: Sequence[str] = ()
    asleep: str = ""
    edit_url: str = ""


@dataclass(frozen=True)
class Group:
    """The metrics of a module, or those the company made."""

    key: str
    label: Any
    entries: Sequence[Entry]


def groups(q: str = "", module: str = "") -> list[Group]:
    """The metrics that the reader may see: the company's own first, then module by module. `q` looks in names, ids and
    definitions, word by word. Four statements, however many metrics there are."""
    used, own = uses(), {own_id(row): row for row in own_metrics()}
    page = url_for("kpi.metric_page", metric_key="_")[:-1]
    edit = url_for("kpi.metric_edit", row_id=0) if can("kpi.metric.edit") else ""
    found: dict[str, list[Entry]] = {}
    for metric in metrics().values():
        if can(metric.permission):
            key = OWN if metric.id in own else metric.module
            found.setdefault(key, []).append(_entry(metric, used, page, _edit_url(edit, own.get(metric.id))))
    known = metrics()
    found.setdefault(OWN, []).extend(_asleep(row, used, page, edit) for i, row in own.items() if i not in known)
    wanted = fold(q).split()
    return [
        Group(key, label, sorted(entries, key=lambda e: fold(e.name)))
        for key, label in modules(found)
        if module in ("", key) and (entries := [e for e in found[key] if _matches(e, wanted)])
    ]


def modules(keys: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Key and name of the groups there are, in their order."""
    named = [(OWN, _("Our own metrics")), *((m.name, m.manifest.label) for m in enabled_modules())]
    return [(key, label) for key, label in named if key in keys]


def _matches(entry: Entry, wanted: Sequence[str]) -> bool:
    text = fold(f"{entry.name} {entry.id} {entry.describe} {entry.row}")
    return all(word in text for word in wanted)


def _edit_url(address: str, row: OwnMetric | None) -> str:
    return address.replace("/0/", f"/{row.id}/") if address and row else ""


def _entry(metric: Metric, used: Uses, page: str, edit_url: str) -> Entry:
    return Entry(
        metric.id, str(metric.label), str(metric.describe), words.UNITS[metric.unit], words.WAYS[metric.direction],
        words.ARROWS[metric.direction], words.BASES_SHORT[metric.basis], words.grain_of(metric), metric.version, metric.row,
        page + metric.id, **_used(metric.id, used), edit_url=edit_url,
    )  # fmt: skip


def _asleep(row: OwnMetric, used: Uses, page: str, edit: str) -> Entry:
    """A metric of the company's that the registry does not have at the moment."""
    metric_id, kind = own_id(row), "figure" if row.kind == FORMULA else "value"
    return Entry(
        metric_id, row.name, row.describe or row.formula, words.UNITS[row.unit], words.WAYS[row.direction],
        words.ARROWS[row.direction], words.BASES_SHORT["event"], words.GRAINS[kind], row.definition,
        "G40" if row.kind == FORMULA else "G3", page + metric_id, **_used(metric_id, used), asleep=why_asleep(row),
        edit_url=_edit_url(edit, row),
    )  # fmt: skip


def why_asleep(row: OwnMetric) -> str:
    """Why an own metric that is not in the registry is not there."""
    return _("A part of its formula is switched off") if row.active else _("Switched off")


def _used(metric_id: str, used: Uses) -> dict[str, Any]:
    return {
        "goals": used.goals.get(metric_id, 0),
        "dashboards": used.dashboards.get(metric_id, 0),
        "formulas": [row.name for row in used.formulas.get(metric_id, ())],
    }
