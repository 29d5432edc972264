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
from app.core.importing.files import FileRow, FileTable
from app.core.importing.mapping import Column, Plan
from app.core.importing.matching import Directory, Meaning, add_names_of_file, directory_of, is_self_reference
from app.core.importing.report import NearMatch, Report, RowError

EDGES = re.compile(r"^[\s–—\-,;:/|·]+|[\s–—\-,;:/|·]+$")
LONGEST_SHOWN = 200


@dataclass
class GoodRow:
    """A row that was understood: line in the file, values by field name, its id when rows are matched by it."""

    line: int
    values: dict[str, Any] = field(default_factory=dict)
    row_id: int | None = None


@dataclass
class _Reader:
    """How one column's cells become values; each distinct text is read once."""

    column: Column
    reading: Reading
    directory: Directory | None
    _read: dict[tuple[str, Any], tuple[Any, str]] = field(default_factory=dict)

    def value(self, text: str, within: Any = None) -> tuple[Any, str]:
        """The value of a cell and its text as understood (for templates). Raises `FieldError`."""
        if (text, within) not in self._read:
            self._read[text, within] = self._value(self.mapped(text), within)
        return self._read[text, within]

    def mapped(self, text: str) -> str:
        return self.column.map.get(fold(text), text) if self.column.map else text

    def meaning(self, text: str, within: Any) -> Meaning | None:
        """What a name stands for; None for cells that are no names."""
        return self.directory.names(within).find(self.mapped(text)) if self.directory and text else None

    def _value(self, text: str, within: Any) -> tuple[Any, str]:
        if not text:
            return self.column.field.parse(None, self.reading), ""
        if self.column.factor is not None:
            text = _times(text, self.column.factor)
        if self.directory is None:
            return self.column.field.parse(text, self.reading), text
        meaning = self.directory.names(within).find(text)
        if meaning.error:
            raise FieldError(meaning.error)
        if self.column.known:
            return self.column.field.parse(meaning.name, self.reading), meaning.name
        return meaning.value, meaning.name


class Checker:
    """Reads the rows of a file by a plan; `report` gathers what it finds."""

    def __init__(self, plan: Plan, table: FileTable, reading: Callable[[Column], Reading]) -> None:
        self.plan = plan
        self.table = table
        self.report = Report(resource=plan.resource.address, rows=len(table.rows), ignored=plan.ignored)
        self._fixed: dict[str, Any] = {}
        self._readers: list[_Reader] = []
        self._templates = [c for c in plan.columns if c.template is not None]
        self._near: dict[tuple[str, str], NearMatch] = {}
        self._keys: dict[Any, int] = {}
        self._id_place = next((i for i, h in enumerate(table.headings) if fold(h) == "id"), None)
        for column in plan.columns:
            self._prepare(column, reading(column))

    def _prepare(self, column: Column, reading: Reading) -> None:
        directory = directory_of(column) if column.template is None else None
        reader = _Reader(column, reading, directory)
        if column.constant is not None:
            try:
                self._fixed[column.name] = reader.value(column.constant, self._fixed.get(column.within))[0]
            except FieldError as error:
                raise BusinessError(f"{column.name}: {error}") from None
        elif column.template is None:
            if directory is not None and is_self_reference(column, self.plan.resource):
                add_names_of_file(directory.names(), self._names_in_file(column))
            self._readers.append(reader)

    def _names_in_file(self, column: Column) -> Iterator[tuple[int, str]]:
        title = self.plan.column(column.by or self.plan.resource.title)
        if title is not None and title.index is not None:
            for row in self.table.rows:
                if not row.fault:
                    yield row.line, " ".join(row.cells[title.index].split())

    def good_rows(self) -> Iterator[GoodRow]:
        """The rows that were understood, one by one; the errors of the others are in the report."""
        for row in self.table.rows:
            errors: list[RowError] = []
            good = self._row(row, errors)
            if errors:
                self.report.errors += errors
            else:
                self.report.ok += 1
                yield good
        self.report.near = sorted(self._near.values(), key=lambda near: near.line)

    def _row(self, row: FileRow, errors: list[RowError]) -> GoodRow:
        good = GoodRow(row.line, dict(self._fixed))
        if row.fault:
            errors.append(RowError(row.line, row.fault))
            return good
        understood: dict[str, str] = {}
        for reader in self._readers:
            text = row.cells[reader.column.index or 0].strip()
            try:
                within = good.values.get(reader.column.within)
                good.values[reader.column.name], known = reader.value(text, within)
                understood[reader.column.heading.casefold()] = known
            except FieldError as error:
                errors.append(_error(row.line, reader.column, str(error), text))
            self._note_near(row.line, reader, text, good.values.get(reader.column.within))
        for column in self._templates:
            self._fill(good, column, row, understood, errors)
        self._check_key(good, row, errors)
        return good

    def _fill(
        self, good: GoodRow, column: Column, row: FileRow, understood: dict[str, str], errors: list[RowError]
    ) -> None:
        """Give a field the text of its template; what stands between empty parts goes."""
        cells = {h.casefold(): row.cells[i].strip() for i, h in enumerate(self.table.headings)} | understood
        text = re.sub(r"{(.*?)}", lambda part: cells.get(part[1].casefold(), ""), column.template or "")
        text = EDGES.sub("", text)
        try:
            good.values[column.name] = column.field.parse(text, Reading(currency=g.company.currency))
        except FieldError as error:
            errors.append(_error(row.line, column, str(error), text))

    def _note_near(self, line: int, reader: _Reader, text: str, within: Any) -> None:
        meaning = reader.meaning(text, within)
        if meaning is None or not meaning.near:
            return
        given = self._near.get((reader.column.name, text))
        if given is None:
            taken = not meaning.error and meaning.name == meaning.near
            given = NearMatch(line, reader.column.name, text, meaning.near, taken)
            self._near[reader.column.name, text] = given
        given.count += 1

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
            errors.append(RowError(row.line, message, field=self.plan.match_key, value=str(key)))
        self._keys.setdefault(key, row.line)

    def _id(self, good: GoodRow, row: FileRow, errors: list[RowError]) -> int | None:
        text = row.cells[self._id_place].strip() if self._id_place is not None else ""
        if not text:
            return None
        good.row_id = whole(text)
        if good.row_id is None:
            errors.append(RowError(row.line, _("“%(given)s” is not an id.", given=text), "id", "id", text))
        return good.row_id


def _error(line: int, column: Column, message: str, text: str) -> RowError:
    return RowError(line, message, column.heading, column.name, text[:LONGEST_SHOWN])


def _times(text: str, factor: Decimal) -> str:
    try:
        return format(Decimal(text) * factor, "f")
    except InvalidOperation:
        return text  # the field says that it is no number
