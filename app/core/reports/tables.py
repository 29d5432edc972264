"""Tables of several figures side by side: a line for each key of a dimension, a last line for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.core.dimensions import dimensions, places_of
from app.core.figures import FigureRow
from app.core.i18n import _
from app.core.reports.asking import Desk, by_key, label_of
from app.core.reports.blocks import Cell, Column
from app.core.reports.wording import cell, height


@dataclass(frozen=True)
class Split:
    """Figures by the keys of one dimension: `order` are the keys, `names` what they are called."""

    by: str
    ids: tuple[str, ...]
    rows: Mapping[str, Mapping[Any, FigureRow]]
    order: Sequence[Any]
    names: Mapping[Any, str]

    def row(self, metric_id: str, key: Any) -> FigureRow | None:
        return self.rows[metric_id].get(key)

    def value(self, metric_id: str, key: Any) -> Any:
        """What a chart draws: money in minor units; 0 where nothing was counted."""
        row = self.row(metric_id, key)
        return height(row.value) if row and row.value is not None else 0


def split(desk: Desk, ids: Sequence[str], by: str, **filters: Any) -> Split:
    """Figures by a dimension, in one statement for all that count the same rows; in the order of its keys, else the largest
    of the first one first."""
    found = {i: by_key(f, by) for i, f in zip(ids, desk.figures(ids, by, **filters), strict=True)}
    labels = {k: label_of(row, by) for rows in found.values() for k, row in rows.items()}

    places = places_of(by, labels.keys() - {None})

    def place(key: Any) -> tuple[Any, ...]:
        if key in places:
            return (False, places[key])
        sizes = (height(row.value) if (row := found[i].get(key)) and row.value is not None else 0 for i in ids[:2])
        return (key is None, *(-size for size in sizes), labels[key].casefold())

    return Split(by, tuple(ids), found, sorted(labels, key=place), labels)


def lines(desk: Desk, of: Split, **filters: Any) -> list[list[Cell]]:
    """The lines of a split: its name, then each figure with the address of its records."""
    addresses = {i: desk.behind(i, **filters) for i in of.ids}
    return [
        [Cell(of.names[k]), *(cell(desk.metric(i), row, addresses[i](**{of.by: k})) if (row := of.row(i, k)) else cell(desk.metric(i), None)
                              for i in of.ids)]
        for k in of.order
    ]  # fmt: skip


def total(desk: Desk, ids: Iterable[str], **filters: Any) -> list[Cell]:
    """The last line: asked of the registry, since shares and medians do not add up."""
    ids = list(ids)
    figures = desk.figures(ids, **filters)
    return [Cell(_("Total")), *(cell(f.metric, f.total, desk.behind(f.metric.id, **filters)()) for f in figures)]


def heads(desk: Desk, *ids: str) -> list[Column]:
    return [Column(str(desk.metric(i).label), hint=str(desk.metric(i).describe)) for i in ids]


def first(by: str) -> Column:
    return Column(str(dimensions()[by].label), numeric=False)


def named(by: str) -> str:
    """What a split is called within a title."""
    words: dict[str, Callable[[], str]] = {
        "owner": lambda: _("rep"),
        "team": lambda: _("team"),
    }
    return words[by]() if by in words else str(dimensions()[by].label).lower()
