"""Reading a CSV file as it comes: encoding and delimiter found out, structure checked strictly."""

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

DELIMITERS = ",;\t|"
SAMPLE = 30  # records by which a delimiter is judged
GUARDED = re.compile(r"'*[=+\-@\t\r]")
NUMBER = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True)
class FileRow:
    """A record of a file: the line it begins on and its cells; `fault` says what is wrong with its shape."""

    line: int
    cells: list[str]
    fault: str = ""


@dataclass(frozen=True)
class FileTable:
    """A file as headings and rows."""

    headings: list[str]
    rows: list[FileRow] = field(default_factory=list)
    delimiter: str = ","
    digest: str = ""


def guard(text: str) -> str:
    """A cell that no spreadsheet takes for a formula; `unguard` undoes it exactly."""
    return f"'{text}" if GUARDED.match(text) and not NUMBER.fullmatch(text) else text


def unguard(text: str) -> str:
    return text[1:] if text.startswith("'") and GUARDED.match(text) else text


def read_table(data: bytes) -> FileTable:
    """The headings and rows of a CSV file. Raises `BusinessError` with what makes it unreadable."""
    text = _decode(data)
    delimiter = _delimiter(text)
    records = _records(text, delimiter)
    first = next(records, None)
    if first is None:
        raise BusinessError(_("The file is empty."), field="file")
    headings = _headings(first[1])
    rows = [_row(line, cells, len(headings)) for line, cells in records if any(c.strip() for c in cells)]
    if not rows:
        raise BusinessError(_("The file has a heading line, but no rows."), field="file")
    return FileTable(headings, rows, delimiter, sha256(data).hexdigest())


def _decode(data: bytes) -> str:
    if not data.strip():
        raise BusinessError(_("The file is empty."), field="file")
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise BusinessError(_("This is a spreadsheet or an archive. Save it as CSV first."), field="file")
    if b"\x00" in data:
        raise BusinessError(_("This is not a text file. Save it as CSV in UTF-8 first."), field="file")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BusinessError(_("The file is neither in UTF-8 nor in Windows-1252. Save it as CSV in UTF-8."), field="file")


def _delimiter(text: str) -> str:
    """The delimiter that cuts the first records into most columns, as many in each as in the first."""
    best, most = DELIMITERS[0], 1
    for candidate in DELIMITERS:
        try:
            widths = [len(cells) for _line, cells in islice(_records(text, candidate), SAMPLE) if any(cells)]
        except BusinessError:
            continue
        if widths and widths[0] > most and sum(w == widths[0] for w in widths) * 2 >= len(widths):
            best, most = candidate, widths[0]
    return best


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise BusinessError(
            _("Line %(line)s cannot be read (%(why)s). Is a quotation mark left open?", line=line, why=error), field="file"
        ) from None


def _headings(cells: list[str]) -> list[str]:
    headings = [" ".join(cell.split()) for cell in cells]
    while headings and not headings[-1]:
        headings.pop()
    if "" in headings:
        raise BusinessError(_("Column %(number)s has no heading.", number=headings.index("") + 1), field="file")
    seen: set[str] = set()
    for heading in headings:
        if heading.casefold() in seen:
            raise BusinessError(_("The heading “%(name)s” stands there twice.", name=heading), field="file")
        seen.add(heading.casefold())
    if not headings:
        raise BusinessError(_("The first line must hold the headings of the columns."), field="file")
    return headings


def _row(line: int, cells: list[str], width: int) -> FileRow:
    while len(cells) > width and not cells[-1].strip():
        cells.pop()
    if len(cells) != width:
        fault = _("This row has %(given)s columns, the heading line has %(wanted)s.", given=len(cells), wanted=width)
        return FileRow(line, cells, fault)
    return FileRow(line, [unguard(cell) for cell in cells])
