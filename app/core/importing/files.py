"""A file as it comes, CSV or spreadsheet, as headings and rows: what it is found out, its structure checked strictly."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice

from app.core.errors import BusinessError
from app.core.i18n import _
from app.core.importing.encodings import decode
from app.core.importing.sheet_scan import LONGEST_CELL, MOST_COLUMNS, MOST_ROWS, too_long, too_wide
from app.core.importing.spreadsheets import is_spreadsheet, read_sheet

CSV = "csv"
DELIMITERS = ",;\t|"
SAMPLE = 30  # records by which a delimiter is judged
LEADING = frozenset("'=+-@\t\r")
GUARDED = re.compile(r"'*[=+\-@\t\r]")
NUMBER = re.compile(r"-?\d+([.,]\d+)?")


@dataclass(frozen=True)
class FileRow:
    """A record of a file: the line it begins on and its cells; `fault` says what is wrong with its shape."""

    line: int
    cells: list[str]
    fault: str = ""


@dataclass(frozen=True)
class FileTable:
    """A file as headings and rows. `kind` is csv, xlsx or ods; delimiter and encoding are those of a CSV file, the sheet
    is that of a spreadsheet."""

    headings: list[str]
    rows: list[FileRow] = field(default_factory=list)
    delimiter: str = ","
    digest: str = ""
    kind: str = CSV
    encoding: str = ""
    sheet: str = ""


def guard(text: str) -> str:
    """A cell that no spreadsheet takes for a formula; `unguard` undoes it exactly."""
    # By its first character most text is told at once: an export asks this of every cell.
    return f"'{text}" if text[:1] in LEADING and GUARDED.match(text) and not NUMBER.fullmatch(text) else text


def unguard(text: str) -> str:
    return text[1:] if text.startswith("'") and GUARDED.match(text) else text


def read_table(data: bytes, file_name: str = "", sheet: str = "") -> FileTable:
    """The headings and rows of a CSV, XLSX or ODS file; what it is, its bytes say, whatever it is called.

    Dates of typed cells come as 2017-03-31, numbers as 1234.5. `sheet` names the one to read; else the first that holds
    something. Raises `BusinessError` with what makes the file unreadable.
    """
    digest = sha256(data).hexdigest()
    if is_spreadsheet(data):
        found = read_sheet(data, sheet)
        headings, rows = _table(found.rows, guarded=False)
        return FileTable(headings, rows, "", digest, found.kind, sheet=found.name)
    _refuse_known(data, file_name)
    text, encoding = decode(data)
    delimiter, start = _delimiter(text)
    headings, rows = _table(_csv_rows(text, delimiter, start), guarded=True)
    return FileTable(headings, rows, delimiter, digest, CSV, encoding)


def _refuse_known(data: bytes, file_name: str) -> None:
    """What often comes by mistake deserves a better sentence than one about columns."""
    start = data[:1000].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<table", b"<head")):
        raise BusinessError(
            _("This is a web page or XML, not a spreadsheet. Open it in your spreadsheet program and save it as XLSX."),
            field="file",
        )
    if start.startswith((b"%pdf-", b"{\\rtf")):
        raise BusinessError(_("This is a document, not a table. Choose a CSV, XLSX or ODS file."), field="file")
    if file_name.lower().endswith((".xlsx", ".ods")) and data.strip():
        raise BusinessError(_("“%(name)s” is not what its name says. Save it again as XLSX or CSV.", name=file_name[-80:]), field="file")


def _table(records: Iterator[tuple[int, list[str], str]], *, guarded: bool) -> tuple[list[str], list[FileRow]]:
    """Headings and rows of records, each with its line and what is wrong with it."""
    first = next((record for record in records if any(cell.strip() for cell in record[1]) or record[2]), None)
    if first is None:
        raise BusinessError(_("The file is empty."), field="file")
    if first[2]:
        raise BusinessError(_("The line of the headings, %(line)s: %(why)s", line=first[0], why=first[2]), field="file")
    headings = _headings(first[1])
    rows = []
    for line, cells, fault in records:
        if fault or any(cell.strip() for cell in cells):
            rows.append(_row(line, cells, fault, len(headings), guarded))
            if len(rows) > MOST_ROWS:
                raise too_long()
    if not rows:
        raise BusinessError(_("The file has a heading line, but no rows."), field="file")
    return headings, rows


def _delimiter(text: str) -> tuple[str, int]:
    """The delimiter, and how many characters come before the headings.

    It is the one that Excel's line `sep=` names, else the one that cuts the first records into most columns, as many in
    each as in the first.
    """
    if named := re.match(r"sep=(.)\r?\n", text, re.IGNORECASE):
        return named[1], named.end()
    best, most = DELIMITERS[0], 1
    for candidate in DELIMITERS:
        widths = _widths(text, candidate)
        if widths and widths[0] > most and sum(w == widths[0] for w in widths) * 2 >= len(widths):
            best, most = candidate, widths[0]
    return best, 0


def _widths(text: str, delimiter: str) -> list[int]:
    """How many columns the first records have with a delimiter; those before one that cannot be read."""
    try:
        return [len(cells) for _line, cells, _fault in islice(_csv_rows(text, delimiter), SAMPLE) if any(cells)]
    except BusinessError:
        return []


def _csv_rows(text: str, delimiter: str, start: int = 0) -> Iterator[tuple[int, list[str], str]]:
    stream = io.StringIO(text, newline="")
    stream.seek(start)
    reader = csv.reader(stream, delimiter=delimiter, strict=True)
    before = text.count("\n", 0, start)
    line = 1
    try:
        for cells in reader:
            yield before + line, cells, ""
            line = reader.line_num + 1
    except csv.Error as error:
        raise _unreadable(before + line, error) from None


def _unreadable(line: int, error: csv.Error) -> BusinessError:
    if "field limit" in str(error):
        return BusinessError(
            _("A cell on line %(line)s holds more than %(most)s characters. Is a quotation mark left open?",
              line=line, most=LONGEST_CELL), field="file",
        )
    return BusinessError(
        _("Line %(line)s cannot be read (%(why)s). Is a quotation mark left open?", line=line, why=error), field="file"
    )


def _headings(cells: list[str]) -> list[str]:
    headings = [" ".join(cell.split()) for cell in cells]
    while headings and not headings[-1]:
        headings.pop()
    if len(headings) > MOST_COLUMNS:
        raise too_wide(len(headings))
    if "" in headings:
        raise BusinessError(_("Column %(number)s has no heading.", number=headings.index("") + 1), field="file")
    seen: set[str] = set()
    for heading in headings:
        if heading.casefold() in seen:
            raise BusinessError(_("The heading “%(name)s” stands there twice.", name=heading), field="file")
        seen.add(heading.casefold())
    return headings


def _row(line: int, cells: list[str], fault: str, width: int, guarded: bool) -> FileRow:
    while len(cells) > width and not cells[-1].strip():
        cells.pop()
    if not fault and len(cells) != width:
        if not guarded and len(cells) < width:
            cells += [""] * (width - len(cells))
        else:
            fault = _("This row has %(given)s columns, the heading line has %(wanted)s.", given=len(cells), wanted=width)
    if fault:
        return FileRow(line, cells[:MOST_COLUMNS], fault)
    return FileRow(line, [unguard(cell) for cell in cells] if guarded else cells)
