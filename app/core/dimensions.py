"""What figures can be split by, and what its keys are called."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import g
from sqlalchemy import select

from app.core.db import db
from app.core.i18n import _l
from app.core.lifecycle import enabled_modules
from app.core.models import Membership, Team


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """Something figures can be split by. `labels` names keys, all in one statement; without it keys name themselves.

    With `options`, pairs of key and name, figures can be narrowed down by it; those that `may_lack` it, too. Pages of
    reports offer it unless it is `special`: known to some figures only. Keys with an `order` of their own (key -> its
    place) stand in it wherever a figure is split; others by how much there is of each.
    """

    name: str
    label: Any
    labels: Callable[[Collection[Any]], Mapping[Any, str]] | None = None
    worded: bool = False  # its keys are words, not whole numbers: ids, months, quarters
    options: Callable[[], Sequence[tuple[str, str]]] | None = None
    may_lack: bool = True
    special: bool = False
    order: Callable[[Collection[Any]], Mapping[Any, Any]] | None = None


def names_of(model: Any) -> Callable[[Collection[Any]], Mapping[Any, str]]:
    """Labels of a dimension whose keys are ids of `model` and whose labels are its `name`; asked once per context."""

    def labels(keys: Collection[Any]) -> Mapping[Any, str]:
        known: dict[Any, str] = g.setdefault("dimension_labels", {}).setdefault(model, {})
        if missing := set(keys) - known.keys():
            names = select(model.id, model.name).where(model.id.in_(missing))
            rows = db.session.execute(names, execution_options={"all_rows": True, "with_trash": True})
            known.update({row.id: row.name for row in rows})
        return known

    return labels


def _month_labels(keys: Iterable[int]) -> dict[int, str]:
    return {key: f"{key // 12}-{key % 12 + 1:02}" for key in keys}


def _quarter_labels(keys: Iterable[int]) -> dict[int, str]:
    return {key: f"{key // 4}-Q{key % 4 + 1}" for key in keys}


def _as_numbered(keys: Iterable[int]) -> dict[int, int]:
    return {key: key for key in keys}


CORE_DIMENSIONS = (
    Dimension(name="owner", label=_l("Owner"), labels=names_of(Membership)),
    Dimension(name="team", label=_l("Team"), labels=names_of(Team)),
    Dimension(name="month", label=_l("Month"), labels=_month_labels, order=_as_numbered),
    Dimension(name="quarter", label=_l("Fiscal quarter"), labels=_quarter_labels, order=_as_numbered),
)
TIME_DIMENSIONS = ("month", "quarter")


def dimensions() -> dict[str, Dimension]:
    """All dimensions of the core and of the modules that are on, by name."""
    added = [d for module in enabled_modules() for d in module.hooks.dimensions]
    return {d.name: d for d in (*CORE_DIMENSIONS, *added)}


def places_of(name: str, keys: Collection[Any]) -> Mapping[Any, Any]:
    """The places of keys of a dimension in its own order; of none where it has no order."""
    order = dimensions()[name].order
    return order(keys) if order and keys else {}


def labels_of(name: str, keys: Collection[Any]) -> Mapping[Any, str]:
    """What keys of a dimension are called."""
    dimension = dimensions()[name]
    if not keys or dimension.labels is None:
        return {key: str(key) for key in keys}
    return dimension.labels(keys)
