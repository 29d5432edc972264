"""A figure split by rows and columns, as a table. Totals are figures of their own: they are asked for, never added up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pandas as pd

from app.core.figures import Figure, FigureRow
from app.core.money import Money
from app.core.reports.asking import Desk
from app.modules.crm.pivot.asked import OF_ALL, OF_COLUMN, OF_ROW, VALUE, Asked

MOST_ROWS, MOST_COLUMNS = 500, 60
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Heading:
    """A row or a column: the keys of its dimensions and what they are called (None: without one)."""

    keys: Key
    labels: tuple[str | None, ...]


@dataclass(frozen=True)
class Table:
    """A pivot. `cells[i][j]` belongs to `rows[i]` and `columns[j]`; None where there is nothing.

    `right[i]` and `below[j]` are the totals of rows and columns, `corner` that of everything. `cut` rows and
    `cut_columns` columns are left out of the table, never out of the totals.
    """

    rows: list[Heading]
    columns: list[Heading]
    cells: list[list[FigureRow | None]]
    right: list[FigureRow]
    below: list[FigureRow | None]
    corner: FigureRow
    excluded: dict[str, int]
    cut: int = 0
    cut_columns: int = 0


def table_of(asked: Asked, desk: Desk) -> Table:
    """The table of a pivot. Four figures at most, whatever its size. Raises `Forbidden`, `BusinessError`."""
    measure = asked.metric.id
    cells = desk.figure(measure, *asked.rows, *asked.columns)  # tells the others, where its parts add up
    right = desk.figure(measure, *asked.rows)
    below = desk.figure(measure, *asked.columns) if asked.columns else None
    whole = desk.figure(measure)
    ordered = sorted(right.rows, key=_size, reverse=True) if asked.sort == "value" else right.rows
    shown = ordered[:MOST_ROWS]
    rows = [_heading(row, asked.rows) for row in shown]
    if below is None:
        return Table(rows, [], [[] for _row in rows], shown, [], whole.total, whole.excluded, len(ordered) - len(shown))
    columns = [_heading(row, asked.columns) for row in below.rows[:MOST_COLUMNS]]
    grid = _grid(cells, asked, rows, columns)
    totals: list[FigureRow | None] = [*below.rows[:MOST_COLUMNS]]
    return Table(rows, columns, grid, shown, totals, whole.total, whole.excluded, len(ordered) - len(shown),
                 len(below.rows) - len(columns))


def _heading(row: FigureRow, names: Sequence[str]) -> Heading:
    return Heading(tuple(row.keys[n] for n in names), tuple(row.by[n] for n in names))


def _grid(figure: Figure, asked: Asked, rows: list[Heading], columns: list[Heading]) -> list[list[FigureRow | None]]:
    """The cells in the order of the headings."""
    frame = pd.DataFrame(
        {
            "row": [tuple(line.keys[n] for n in asked.rows) for line in figure.rows],
            "column": [tuple(line.keys[n] for n in asked.columns) for line in figure.rows],
            "cell": figure.rows,
        },
        dtype=object,
    )
    wide = frame.pivot(index="row", columns="column", values="cell")
    placed = wide.reindex(index=pd.Index([h.keys for h in rows], tupleize_cols=False),
                          columns=pd.Index([h.keys for h in columns], tupleize_cols=False))  # fmt: skip
    return [[cell if isinstance(cell, FigureRow) else None for cell in line] for line in placed.to_numpy(dtype=object)]


def _size(row: FigureRow) -> Decimal:
    return amount(row) if row.value is not None else Decimal("-Infinity")


def amount(row: FigureRow | None) -> Decimal:
    """The value of a cell as a number, money in units of its currency; 0 of nothing."""
    value = row.value if row else None
    if isinstance(value, Money):
        return value.amount
    return Decimal(value or 0)


def shares(table: Table, show: str) -> Table:
    """The table with each cell as its share, from 0 to 1, of its row, its column or everything; None of nothing."""
    if show == VALUE:
        return table
    cells = [
        [_share(cell, {OF_ROW: right, OF_COLUMN: below, OF_ALL: table.corner}[show])
         for cell, below in zip(line, table.below, strict=True)]
        for line, right in zip(table.cells, table.right, strict=True)
    ]  # fmt: skip
    wholes = {OF_ROW: None, OF_COLUMN: table.corner, OF_ALL: table.corner}[show]
    foot = {OF_ROW: table.corner, OF_COLUMN: None, OF_ALL: table.corner}[show]
    return replace(
        table,
        cells=cells,
        right=[_share(row, wholes or row) or row for row in table.right],
        below=[_share(row, foot or row) for row in table.below],
        corner=_share(table.corner, table.corner) or table.corner,
    )


def _share(part: FigureRow | None, whole: FigureRow | None) -> FigureRow | None:
    if part is None:
        return None
    size = amount(whole)
    return part.valued(amount(part) / size if size else None)
