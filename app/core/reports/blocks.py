"""What a report is made of: figures on top, then blocks of a chart with its table. Pages and files are made from these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from app.core.charts import HALF, NARROW, WIDE, Chart

Draw = Callable[[float], Chart]


@dataclass(frozen=True)
class Cell:
    """A place in a table: `text` for people, `value` for files (int, Decimal, date, text or None; else the text)."""

    text: str
    value: Any = None
    url: str = ""
    note: str = ""
    css: str = ""

    @property
    def plain(self) -> Any:
        return self.text if self.value is None and self.text not in ("", NIL) else self.value


NIL = "–"
PAPER = 640  # pixels across a page of A4, at a size that reads well
EMPTY = Cell(NIL)


@dataclass(frozen=True)
class Column:
    """A column of a table; `hint` says what it counts where the heading does not."""

    label: str
    numeric: bool = True
    hint: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of cells under columns; the first cell of a row names it."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    total: Sequence[Cell] = ()


@dataclass(frozen=True)
class Card:
    """A figure on top of a report: what it is, how it compares, where it comes from. `kind` ok, bad or none."""

    label: str
    value: str
    url: str = ""
    change: str = ""
    kind: str = "none"
    rising: bool | None = None
    note: str = ""
    spark: Chart | None = None
    exact: str = ""


@dataclass(frozen=True)
class Block:
    """A part of a report. `draw` makes its chart at a width. `foot` are sentences that belong to it."""

    key: str
    title: str
    table: Table
    note: str = ""
    draw: Draw | None = None
    foot: Sequence[str] = ()
    broad: bool = True  # takes the whole width of the page
    choices: Sequence[tuple[str, str, bool]] = ()  # of the block alone: label, address, whether it is the one shown

    @cached_property
    def empty(self) -> bool:
        """Whether it has nothing to tell: no row, or nothing but zeros and dashes in its rows."""
        return not any(cell.plain for row in self.table.rows for cell in row[1:])

    @cached_property
    def charts(self) -> Sequence[Chart]:
        """Its chart at each width a page may have room for, the broadest first; none where there is nothing to draw."""
        widths = (WIDE, HALF, NARROW) if self.broad else (HALF, NARROW)
        return [self.draw(width) for width in widths] if self.draw and not self.empty else []

    @cached_property
    def paper(self) -> Chart | None:
        return self.draw(PAPER) if self.draw and self.table.rows else None


@dataclass(frozen=True)
class Later:
    """A block that a page asks for by itself once it is there, since it takes as long as all others; files have it at once.

    `ids` are the metrics that it asks, whose definitions stand on the page.
    """

    key: str
    title: str
    make: Callable[[], Block]
    ids: Sequence[str] = ()


@dataclass(frozen=True)
class Content:
    """A report that was asked: its figures, its blocks, and sentences about what is left out or meant."""

    cards: Sequence[Card] = ()
    blocks: Sequence[Block] = ()
    notes: Sequence[str] = ()
    tabs: Sequence[tuple[str, str, bool]] = field(default=())  # label, address, whether it is the one shown
    heading: str = ""
