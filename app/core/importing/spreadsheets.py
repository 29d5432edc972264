"""Reading XLSX and ODS: the first sheet that holds something, its typed cells as text that says the same everywhere."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError

from app.core.errors import BusinessError
from app.core.i18n import _
from app.core.importing.archives import damaged, measured, protected
from app.core.importing.sheet_scan import Lengths, Listed, OfficeOpen, OpenDocument, Scan, parse

ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
XLSX, ODS = "xlsx", "ods"
WORKBOOK = "xl/workbook.xml"
THOUSANDS = re.compile(r"-?\d{1,3}\.\d{3}")
DIGITS = 15  # as many as spreadsheets keep


@dataclass(frozen=True)
class Sheet:
    """A sheet of a file: its name, kind of file, and its rows as number from 1, cells and what is wrong with the row."""

    name: str
    kind: str
    rows: Iterator[tuple[int, list[str], str]]


def is_spreadsheet(data: bytes) -> bool:
    """Whether the bytes begin as those of a spreadsheet or another archive do."""
    return data.startswith((ZIP, OLE, b"PK\x05\x06"))


def read_sheet(data: bytes, wanted: str = "") -> Sheet:
    """The sheet of this name, else the first with a value in it. Raises `BusinessError` with what makes it unreadable."""
    if data.startswith(OLE):
        raise protected() if "EncryptedPackage".encode("utf-16-le") in data else _old()
    safe = measured(data)
    with zipfile.ZipFile(io.BytesIO(safe)) as archive:
        names = set(archive.namelist())
        if WORKBOOK in names:
            return _choose(safe, _OfficeOpenScans(archive, names), XLSX, wanted)
        if "content.xml" in names and _mimetype(archive).endswith("opendocument.spreadsheet"):
            return _choose(safe, _OpenDocumentScans(archive), ODS, wanted)
    raise BusinessError(_("This archive is no spreadsheet. Choose a CSV, XLSX or ODS file."), field="file")


def _old() -> BusinessError:
    return BusinessError(_("This is an old Excel file (.xls). Save it as XLSX or CSV first."), field="file")


def _mimetype(archive: zipfile.ZipFile) -> str:
    try:
        return archive.read("mimetype")[:100].decode("ascii", "replace").strip()
    except KeyError:
        return ""


class _OfficeOpenScans:
    """The sheets of an XLSX file, each looked through when it is asked for."""

    def __init__(self, archive: zipfile.ZipFile, names: set[str]) -> None:
        self._archive = archive
        self._members = {name.lower(): name for name in names}
        listed, related = Listed("sheet"), Listed("Relationship")
        self._parse(WORKBOOK, listed)
        self._parse("xl/_rels/workbook.xml.rels", related)
        targets = {r.get("Id"): r.get("Target", "") for r in related.found}
        self._targets = {s.get("name", ""): targets.get(s.get("id"), "") for s in listed.found}
        lengths = Lengths()
        shared = next((r.get("Target", "") for r in related.found if r.get("Type", "").endswith("/sharedStrings")), "")
        if shared:
            self._parse(_member(shared), lengths)
        self._lengths = lengths.found

    def scan(self, _index: int, name: str) -> Scan:
        target = self._targets.get(name)
        if not target:
            raise damaged()
        handler = OfficeOpen(self._lengths)
        self._parse(_member(target), handler)
        return handler.scan

    def _parse(self, member: str, handler: Any) -> None:
        if (name := self._members.get(member.lower())) is None:
            raise damaged()
        with self._archive.open(name) as stream:
            parse(stream, handler)


def _member(target: str) -> str:
    """Where a relationship of the workbook leads."""
    return posixpath.normpath(posixpath.join("xl", target)) if not target.startswith("/") else target[1:]


class _OpenDocumentScans:
    """The sheets of an ODS file, all looked through at once."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        handler = OpenDocument()
        with archive.open("content.xml") as stream:
            parse(stream, handler)
        self._scans = handler.scans

    def scan(self, index: int, _name: str) -> Scan:
        if index >= len(self._scans):
            raise damaged()
        return self._scans[index]


def _choose(data: bytes, scans: Any, kind: str, wanted: str) -> Sheet:
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        if wanted and wanted not in book.sheet_names:
            raise BusinessError(
                _("The file has no sheet “%(name)s”. It has: %(known)s.", name=wanted, known=", ".join(book.sheet_names)),
                field="file",
            )
        for index, name in enumerate(book.sheet_names):
            if wanted and name != wanted:
                continue
            scan = scans.scan(index, name)
            if scan.rows:
                return Sheet(name, kind, _rows(book.get_sheet_by_name(name), scan))
    except PasswordError:
        raise protected() from None
    except CalamineError:
        raise damaged() from None
    raise BusinessError(_("The file is empty."), field="file")


def _rows(sheet: CalamineSheet, scan: Scan) -> Iterator[tuple[int, list[str], str]]:
    """Every row; those that calamine passes over because all they hold is faulty come last."""
    faults = dict(scan.faults)
    try:
        # Rows are given from the top, columns from the first that holds something: those before it are none of the table's.
        for line, cells in enumerate(sheet.iter_rows(), 1):
            yield line, [_text(cell) for cell in cells], faults.pop(line, "")
    except CalamineError:
        raise damaged() from None
    for line in sorted(faults):
        yield line, [], faults[line]


def _text(cell: Any) -> str:
    """A typed cell as text: ISO dates, numbers with a point and no more digits than a spreadsheet keeps."""
    match cell:
        case str():
            return cell
        case bool():
            return "true" if cell else "false"
        case int():
            return str(cell)
        case float():
            return _number(cell)
        case datetime():
            whole = cell.time() == time()
            return cell.date().isoformat() if whole else cell.isoformat(" ", "seconds")
        case date():
            return cell.isoformat()
        case time():
            return cell.isoformat("minutes")
        case timedelta():
            return str(cell)
    return "" if cell is None else str(cell)


def _number(value: float) -> str:
    text = format(Decimal(f"{value:.{DIGITS}g}"), "f")
    # "1.234" could be taken for 1234 where a file is said to write decimals with a comma; "1.2340" cannot.
    return "0" if text == "-0" else f"{text}0" if THOUSANDS.fullmatch(text) else text
