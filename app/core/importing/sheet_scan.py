"""A sheet's XML looked through before its values are read: how large it is, and cells that have no value to take.

Readers of spreadsheets lay a sheet out as a rectangle and repeat what the file says is repeated. A few bytes can so ask
for all the memory there is; and they pass over a formula without a result as if the cell were empty.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import IO
from xml.parsers import expat

from app.core.errors import BusinessError
from app.core.i18n import _
from app.core.importing.archives import damaged

MOST_COLUMNS = 500
MOST_ROWS = 1_000_000
MOST_CELLS = 12_000_000
MOST_REPEATED = 50_000  # rows that an ODS file only says are repeated, and that hold something
MOST_TEXT = 256 * 1024 * 1024  # characters of all cells of a sheet together
LONGEST_CELL = 131_072  # characters; four times what Excel holds
PIECE = 1 << 18
PLACE = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})")


@dataclass
class Scan:
    """What a sheet holds: its extent and, by row number from 1, what is wrong with a cell of it."""

    rows: int = 0
    columns: int = 0
    texts: int = 0
    faults: dict[int, str] = field(default_factory=dict)

    def cell(self, row: int, column: int, length: int = 0) -> None:
        """Take note of a cell that holds something. Raises `BusinessError` when the sheet is larger than can be read."""
        self.rows, self.columns = max(self.rows, row), max(self.columns, column)
        self.texts += length
        if self.columns > MOST_COLUMNS:
            raise too_wide(self.columns)
        if self.rows > MOST_ROWS + 1:
            raise too_long()
        if self.rows * self.columns > MOST_CELLS or self.texts > MOST_TEXT:
            raise BusinessError(_("The sheet is too large. Save it as CSV, or in several files."), field="file")

    def fault(self, row: int, sentence: str) -> None:
        self.faults.setdefault(row, sentence)


def too_wide(columns: int) -> BusinessError:
    return BusinessError(
        _("The file has %(given)s columns; at most %(most)s can be read.", given=columns, most=MOST_COLUMNS), field="file"
    )


def too_long() -> BusinessError:
    return BusinessError(_("The file has more than %(most)s rows. Bring it in several files.", most=MOST_ROWS), field="file")


def too_much(row: int) -> BusinessError:
    return BusinessError(
        _("A cell on line %(line)s holds more than %(most)s characters.", line=row, most=LONGEST_CELL), field="file"
    )


def parse(stream: IO[bytes], handler: _Handler) -> None:
    """Feed a stream of XML to a handler, a piece at a time. Raises `BusinessError` for what is no plain XML."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_definitions
    parser.StartElementHandler = lambda tag, attributes: handler.start(tag.rpartition(":")[2], attributes)
    parser.EndElementHandler = lambda tag: handler.end(tag.rpartition(":")[2])
    parser.CharacterDataHandler = handler.text
    try:
        while piece := stream.read(PIECE):
            parser.Parse(piece, False)
        parser.Parse(b"", True)
    except (expat.ExpatError, LookupError):
        raise damaged() from None


def _refuse_definitions(*_args: object) -> None:
    raise BusinessError(_("The file contains XML definitions, which no spreadsheet program writes."), field="file")


class _Handler:
    """What is told of a stream of XML; names come without their prefix."""

    def start(self, tag: str, attributes: dict[str, str]) -> None: ...

    def end(self, tag: str) -> None: ...

    def text(self, text: str) -> None: ...


class Lengths(_Handler):
    """How long the shared texts of a workbook are, in their order."""

    def __init__(self) -> None:
        self.found: list[int] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "si":
            self.found.append(0)

    def text(self, text: str) -> None:
        if self.found:
            self.found[-1] += len(text)
            if self.found[-1] > LONGEST_CELL:
                raise BusinessError(_("A cell holds more than %(most)s characters.", most=LONGEST_CELL), field="file")


class Listed(_Handler):
    """Attributes of all elements of a name, in their order."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.found: list[dict[str, str]] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == self.tag:
            self.found.append({name.rpartition(":")[2]: value for name, value in attributes.items()})


class OfficeOpen(_Handler):
    """A worksheet of an XLSX file. `lengths` are those of the workbook's shared texts."""

    def __init__(self, lengths: list[int]) -> None:
        self.scan = Scan()
        self._lengths = lengths
        self._row = self._column = 0
        self._kind, self._formula, self._value, self._inside = "", False, "", False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "c":
            self._row, self._column = self._place(attributes.get("r"), self._column + 1)
            self._kind, self._formula, self._value = attributes.get("t", ""), False, ""
        elif tag in ("v", "t"):
            self._inside = True
        elif tag == "f":
            self._formula = True
        elif tag == "row":
            self._row = _number(attributes.get("r", ""), self._row + 1)
            self._column = 0

    def text(self, text: str) -> None:
        if self._inside:
            self._value += text
            if len(self._value) > LONGEST_CELL:
                raise too_much(self._row)

    def end(self, tag: str) -> None:
        if tag in ("v", "t"):
            self._inside = False
        elif tag == "c":
            self._note()

    def _place(self, reference: str | None, column: int) -> tuple[int, int]:
        if reference is None:
            return self._row, column
        if (found := PLACE.fullmatch(reference)) is None:
            raise damaged()
        letters = 0
        for letter in found[1].upper():
            letters = letters * 26 + ord(letter) - 64
        return int(found[2]), letters

    def _note(self) -> None:
        length = len(self._value)
        if self._kind == "s":
            index = _number(self._value, -1)
            length = self._lengths[index] if 0 <= index < len(self._lengths) else 0
        if length or self._formula:
            self.scan.cell(self._row, self._column, length)
        if self._kind == "e":
            self.scan.fault(self._row, _error(self._value))
        elif self._formula and not self._value and self._kind != "str":
            self.scan.fault(self._row, _no_result())


class OpenDocument(_Handler):
    """The sheets of an ODS file, one `Scan` each, in their order; rows and cells may be repeated."""

    def __init__(self) -> None:
        self.scans: list[Scan] = []
        self._row = self._column = self._rows = self._columns = 0
        self._inside, self._formula, self._kind, self._value = False, False, "", ""
        self._notes = self._again = 0
        self._cells: list[tuple[int, int, str]] = []  # last column, length of all, fault; of cells that hold something

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "table":
            self.scans.append(Scan())
            self._row = 0
        elif tag == "table-row":
            self._rows, self._column, self._cells = _repeated(attributes, "table:number-rows-repeated"), 0, []
        elif tag in ("table-cell", "covered-table-cell"):
            self._inside, self._value = True, attributes.get("office:string-value", "")
            self._columns = _repeated(attributes, "table:number-columns-repeated")
            self._formula, self._kind = "table:formula" in attributes, attributes.get("office:value-type", "")
        elif tag == "s" and self._inside and not self._notes:
            # So many spaces; as many as the cell may be long say enough.
            self.text(" " * min(_repeated(attributes, "text:c"), LONGEST_CELL + 1))
        elif tag == "annotation":
            self._notes += 1

    def text(self, text: str) -> None:
        if self._inside and not self._notes:
            self._value += text
            if len(self._value) > LONGEST_CELL:
                raise too_much(self._row + 1)

    def end(self, tag: str) -> None:
        if tag in ("table-cell", "covered-table-cell"):
            self._inside = False
            self._note()
        elif tag == "table-row" and self.scans:
            self._note_row(self.scans[-1])
        elif tag == "annotation":
            self._notes -= 1

    def _note(self) -> None:
        text = self._value.strip()
        self._column += self._columns
        if not (self._kind or self._formula or text):
            return
        fault = ""
        if self._formula and not self._kind:
            fault = _no_result()
        elif self._formula and self._kind == "string" and re.fullmatch(r"#[A-Z/0!]+[!?]?|Err:\d+", text):
            fault = _error(text)
        self._cells.append((self._column, max(1, len(self._value)) * self._columns, fault))

    def _note_row(self, scan: Scan) -> None:
        if self._cells:
            length = sum(length for _column, length, _fault in self._cells) * self._rows
            scan.cell(self._row + self._rows, max(column for column, *_rest in self._cells), length)
            self._again += self._rows - 1
            if self._again > MOST_REPEATED:
                raise BusinessError(_("The sheet is too large. Save it as CSV, or in several files."), field="file")
            fault = next((fault for *_rest, fault in self._cells if fault), "")
            if fault:
                for row in range(self._row + 1, self._row + self._rows + 1):
                    scan.fault(row, fault)
        self._row += self._rows


def _no_result() -> str:
    return _("A formula in this row has no result. Open the file in your spreadsheet program and save it again.")


def _error(text: str) -> str:
    return _("A cell of this row holds the error “%(error)s”.", error=text.strip()[:40])


def _number(text: str, otherwise: int) -> int:
    # What is longer than any sheet is that, and no longer a number to work out.
    return int(text[:12]) if text.isascii() and text.isdigit() else otherwise


def _repeated(attributes: dict[str, str], name: str) -> int:
    return max(1, _number(attributes.get(name, ""), 1))
