"""A pivot as people read it: texts, addresses of the records behind each cell, and how dark a cell is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from app.core.dimensions import dimensions
from app.core.figures import FigureRow
from app.core.i18n import _
from app.core.reports import blocks
from app.core.reports.asking import Desk
from app.core.reports.blocks import Cell, Column
from app.core.reports.wording import cell, month_names, quarter_names
from app.modules.crm.pivot.asked import VALUE, Asked
from app.modules.crm.pivot.table import Heading, Table, amount, shares

SHADES = 5  # steps of the ground of a cell; colour is not the only sign, the figure stands in it


@dataclass(frozen=True)
class Shown:
    """A pivot ready for a page or a file; the first `heads` columns name a row."""

    table: blocks.Table
    heads: int
    cut: int
    cut_columns: int


def shown(asked: Asked, table: Table, desk: Desk | None = None) -> Shown:
    """The table in words. Without a desk no addresses are made."""
    writer = _Writer(asked, table, desk)
    valued, known = shares(table, asked.show), dimensions()
    rows = [
        [*(Cell(name) for name in _names(row, asked.rows)),
         *(writer.cell(said, row.keys, column.keys, held) for said, held, column in zip(line, here, table.columns, strict=True)),
         writer.cell(total, row.keys, ())]
        for row, line, here, total in zip(table.rows, valued.cells, table.cells, valued.right, strict=True)
    ]  # fmt: skip
    below = [writer.cell(total, (), column.keys) for total, column in zip(valued.below, table.columns, strict=True)]
    names = [Cell(_("Total")), *(Cell("") for _name in asked.rows[1:])]
    return Shown(
        table=blocks.Table(
            columns=[*(Column(str(known[name].label), numeric=False) for name in asked.rows),
                     *(Column(name) for name in _column_names(table.columns, asked.columns)),
                     Column(_("Total") if asked.columns else str(asked.metric.label))],
            rows=rows,
            total=[*names, *below, writer.cell(valued.corner, (), ())],
        ),
        heads=len(asked.rows),
        cut=table.cut,
        cut_columns=table.cut_columns,
    )  # fmt: skip


class _Writer:
    """Writes the cells of one pivot."""

    def __init__(self, asked: Asked, table: Table, desk: Desk | None) -> None:
        self._asked = asked
        self._behind = desk.behind(asked.metric.id) if desk else None
        share = replace(asked.metric, unit="ratio", shape="sum", direction="none")
        self._metric = asked.metric if asked.show == VALUE else share
        self._most = max((abs(amount(each)) for line in table.cells for each in line), default=Decimal(0))

    def cell(self, row: FigureRow | None, rows: tuple[Any, ...], columns: tuple[Any, ...], held: FigureRow | None = None) -> Cell:
        """A cell; `held` is its figure before it became a share, by which it is shaded."""
        if row is None:
            return Cell("")
        keys = {**dict(zip(self._asked.rows, rows, strict=False)), **dict(zip(self._asked.columns, columns, strict=False))}
        shade = int(abs(amount(held)) / self._most * SHADES + Decimal("0.5")) if self._most and held else 0
        return cell(self._metric, row, self._behind(**keys) if self._behind else "", f"shade-{shade}" if shade else "")


def _names(heading: Heading, names: tuple[str, ...]) -> list[str]:
    return [_name(name, key, label) for name, key, label in zip(names, heading.keys, heading.labels, strict=True)]


def _name(name: str, key: Any, label: str | None) -> str:
    if key is None:
        return _("None")
    if name == "month":
        return month_names([key])[0]
    return quarter_names([key])[0] if name == "quarter" else label or str(key)


def _column_names(columns: list[Heading], names: tuple[str, ...]) -> list[str]:
    if names != ("month",):
        return [_names(column, names)[0] for column in columns]
    keys = [column.keys[0] for column in columns if column.keys[0] is not None]
    said = dict(zip(keys, month_names(keys), strict=True))
    return [said.get(column.keys[0], _("None")) for column in columns]
