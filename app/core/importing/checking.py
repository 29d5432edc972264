"""From cells to values: every row is read by the typed fields and its names are looked up, without a statement per row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import g

from app.core.db import fold
from app.core.errors import BusinessError
from app.core.fields import FieldError, Reading
from app.core.i18n import _
from app.core.ids import whole
from app.core.importing.detecting import ORDERS, neutral_date, neutral_number
from app.core.importing.files import FileRow, FileTable
from app.core.importing.mapping import Column, Plan
from app.core.importing.matching import Directory, add_names_of_file, directory_of, is_self_reference
from app.core.importing.report import NearMatch, Report, RowError, Unknown
from app.core.lookups import pointed

EDGES = re.compile(r"^[\s–—\-,;:/|·]+|[\s–—\-,;:/|·]+$")
PARTS = re.compile(r"{(.*?)}")
LONGEST_SHOWN = 200
CHUNK = 1000  # rows of the file between two looks at who is waiting


@dataclass
class GoodRow:
    """A row that was understood: line in the file, values by field name, its id when rows are matched by it."""

    line: int
    values: dict[str, Any] = field(default_factory=dict)
    row_id: int | None = None


@dataclass(slots=True)
class _Cell:
    """What a text means in a column; `known` is its proper form, for templates."""

    value: Any = None
    known: str = ""
    error: str = ""
    near: str = ""
    taken: bool = False
    unknown: bool = False


@dataclass
class _Reader:
    """How one column's cells become values; each distinct text is read once, for each value of `within`."""

    column: Column
    reading: Reading
    directory: Directory | None
    cells: dict[Any, dict[str, _Cell]] = field(default_factory=dict)

    def cell(self, text: str, within: Any) -> _Cell:
        """Read a text that was not read before."""
        meant = self.column.map.get(fold(text), text) if self.column.map else text
        try:
            found = self._read(meant, within)
        except FieldError as error:
            found = _Cell(error=str(error))
        self.cells.setdefault(within, {})[text] = found
        return found

    def _read(self, text: str, within: Any) -> _Cell:
        typed = self.column.field
        if not text:
            return _Cell(typed.parse(None, self.reading))
        if typed.kind == "date" and self.column.date_format in ORDERS:
            text = neutral_date(text, self.column.date_format or "")
        elif self.column.number_format and typed.numeric:
            text = neutral_number(text, self.column.number_format)
        if self.column.factor is not None:
            text = _times(text, self.column.factor)
        if self.directory is None:
            return _Cell(typed.parse(text, self.reading), text)
        return self._meant(self.directory, text, within)

    def _meant(self, directory: Directory, text: str, within: Any) -> _Cell:
        meaning = directory.names(within).find(text)
        if meaning.error:
            return _Cell(error=meaning.error, near=meaning.near, unknown=meaning.unknown)
        taken = bool(meaning.near) and meaning.name == meaning.near
        value = self.column.field.parse(meaning.name, self.reading) if self.column.known else meaning.value
        return _Cell(value, meaning.name, near=meaning.near, taken=taken)


class Checker:
    """Reads the rows of a file by a plan; `report` gathers what it finds."""

    def __init__(self, plan: Plan, table: FileTable, reading: Callable[[Column], Reading]) -> None:
        self.plan = plan
        self.table = table
        self.report = Report(resource=plan.resource.address, rows=len(table.rows), ignored=plan.ignored)
        self._fixed: dict[str, Any] = {}
        self._readers: list[tuple[_Reader, str, int, str, dict[str, _Cell]]] = []
        self._near: dict[tuple[str, str], NearMatch] = {}
        self._unknown: dict[tuple[str, str], Unknown] = {}
        self._keys: dict[Any, int] = {}
        self._id_place = next((i for i, h in enumerate(table.headings) if fold(h) == "id"), None)
        for column in plan.columns:
            self._prepare(column, reading(column))
        self._templates = [_Template(c, table.headings, plan) for c in plan.columns if c.template is not None]

    def _prepare(self, column: Column, reading: Reading) -> None:
        directory = directory_of(column) if column.template is None else None
        reader = _Reader(column, reading, directory)
        if column.constant is not None:
            cell = reader.cell(column.constant, self._fixed.get(column.within))
            if cell.error:
                raise BusinessError(f"{column.name}: {cell.error}", field=column.name)
            self._fixed[column.name] = cell.value
        elif column.template is None:
            if directory is not None and is_self_reference(column, self.plan.resource):
                add_names_of_file(directory.names(), self._names_in_file(column))
            whatever = reader.cells.setdefault(None, {})
            self._readers.append((reader, column.name, column.index or 0, column.within, whatever))

    def _names_in_file(self, column: Column) -> Iterator[tuple[int, str]]:
        """Lines and names, and where the file has ids the names that point to a row by it."""
        title = self.plan.column(column.by or self.plan.resource.title)
        if title is None or title.index is None:
            return
        for row in self.table.rows:
            if not row.fault:
                name = " ".join(row.cells[title.index].split())
                yield row.line, name
                if self._id_place is not None and (row_id := whole(row.cells[self._id_place])) is not None:
                    yield row.line, pointed(name, row_id)

    def good_rows(self) -> Iterator[GoodRow]:
        """The rows that were understood, one by one; the errors of the others are in the report."""
        for good, errors, _read in self.chunks():
            self.report.errors += errors
            yield from good

    def chunks(self) -> Iterator[tuple[list[GoodRow], list[RowError], int]]:
        """Rows that were understood, what is wrong with the others, and how many were read so far, chunk by chunk."""
        for start in range(0, len(self.table.rows), CHUNK):
            rows = self.table.rows[start : start + CHUNK]
            good: list[GoodRow] = []
            wrong: list[RowError] = []
            for row in rows:
                before = len(wrong)
                understood = self._row(row, wrong)
                if len(wrong) == before:
                    good.append(understood)
            self.report.ok += len(good)
            self.report.near = sorted(self._near.values(), key=lambda near: near.line)
            self.report.unknown = sorted(self._unknown.values(), key=lambda unknown: unknown.line)
            yield good, wrong, start + len(rows)

    def _row(self, row: FileRow, errors: list[RowError]) -> GoodRow:
        values = dict(self._fixed)
        good = GoodRow(row.line, values)
        if row.fault:
            errors.append(RowError(row.line, row.fault))
            return good
        understood: dict[str, str] = {}
        for reader, name, place, outer, whatever in self._readers:
            text = row.cells[place].strip()
            within = values.get(outer) if outer else None
            known = whatever if within is None else reader.cells.get(within)
            cell = known.get(text) if known is not None else None
            if cell is None:
                cell = reader.cell(text, within)
            if cell.error:
                errors.append(_error(row.line, reader.column, cell.error, text))
            else:
                values[name] = cell.value
                understood[name] = cell.known
            if cell.near or cell.unknown:
                self._note(row.line, reader.column, text, cell)
        for template in self._templates:
            template.fill(values, row, understood, errors)
        self._check_key(good, row, errors)
        return good

    def _note(self, line: int, column: Column, text: str, cell: _Cell) -> None:
        """Count a name that is not there, with the one it is near to."""
        key = (column.name, text)
        if cell.near:
            near = self._near.setdefault(key, NearMatch(line, column.name, text, cell.near, cell.taken, 0, column.heading))
            near.count += 1
        else:
            unknown = self._unknown.setdefault(key, Unknown(line, column.name, text, 0, column.heading))
            unknown.count += 1

    def _check_key(self, good: GoodRow, row: FileRow, errors: list[RowError]) -> None:
        """A key may be empty (a new row) but not twice in one file."""
        if not self.plan.match_key:
            return
        if self.plan.match_key == "id":
            key: Any = self._id(good, row, errors)
        else:
            key = good.values.get(self.plan.match_key)
            key = fold(key) if isinstance(key, str) and self.plan.match_key == self.plan.resource.title else key
        if key is None:
            return
        if key in self._keys:
            message = _("The same row stands on line %(line)s already.", line=self._keys[key])
            column = self.plan.column(self.plan.match_key)
            errors.append(RowError(row.line, message, column.heading if column else "", self.plan.match_key, str(key)))
        self._keys.setdefault(key, row.line)

    def _id(self, good: GoodRow, row: FileRow, errors: list[RowError]) -> int | None:
        text = row.cells[self._id_place].strip() if self._id_place is not None else ""
        if not text:
            return None
        good.row_id = whole(text)
        if good.row_id is None:
            errors.append(RowError(row.line, _("“%(given)s” is not an id.", given=text), "id", "id", text))
        return good.row_id


class _Template:
    """A field filled from the text of others; what stands between empty parts goes."""

    def __init__(self, column: Column, headings: list[str], plan: Plan) -> None:
        self.column = column
        self._reading = Reading(currency=g.company.currency)
        self._texts = PARTS.split(column.template or "")  # text, heading, text, heading, …
        places = {heading.casefold(): index for index, heading in enumerate(headings)}
        by_heading = {c.heading.casefold(): c.name for c in plan.columns if c.index is not None}
        named = [heading.casefold() for heading in self._texts[1::2]]
        self._parts = [(by_heading.get(heading, ""), places.get(heading, 0)) for heading in named]
        self._read: dict[str, tuple[Any, str]] = {}

    def fill(self, values: dict[str, Any], row: FileRow, understood: dict[str, str], errors: list[RowError]) -> None:
        texts = list(self._texts)
        for number, (name, place) in enumerate(self._parts):
            known = understood.get(name)
            texts[2 * number + 1] = row.cells[place].strip() if known is None else known
        text = EDGES.sub("", "".join(texts))
        if text not in self._read:
            self._read[text] = self._value(text)
        value, error = self._read[text]
        if error:
            errors.append(_error(row.line, self.column, error, text))
        else:
            values[self.column.name] = value

    def _value(self, text: str) -> tuple[Any, str]:
        try:
            return self.column.field.parse(text, self._reading), ""
        except FieldError as error:
            return None, str(error)


def _error(line: int, column: Column, message: str, text: str) -> RowError:
    return RowError(line, message, column.heading, column.name, text[:LONGEST_SHOWN])


def _times(text: str, factor: Decimal) -> str:
    try:
        return format(Decimal(text) * factor, "f")
    except InvalidOperation:
        return text  # the field says that it is no number
