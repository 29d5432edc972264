"""What is wrong with the rows of a batch: page by page, and as a file to be mended and brought in again."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from sqlalchemy import func, or_, select

from app.core.db import db
from app.core.i18n import _
from app.core.importing.files import CSV, FileRow, guard
from app.core.importing.models import ImportBatch, ImportFault
from app.core.importing.report import RowError
from app.core.importing.uploads import table_of

PER_PAGE = 50
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True)
class Page:
    """Errors of one page; `fields` are (field, heading, count) over all pages of the batch."""

    items: list[RowError]
    total: int
    fields: list[tuple[str, str, int]]
    page: int = 1
    pages: int = 1


def errors(batch: ImportBatch, *, field: str = "", q: str = "", page: int = 1) -> Page:
    """Errors in the order of the file: of one field, and with these letters in sentence or cell. Pages begin at 1."""
    mine = [ImportFault.batch_id == batch.id]
    counted = func.count()
    by_field = select(ImportFault.field, func.min(ImportFault.heading), counted).where(*mine).group_by(ImportFault.field)
    fields = [(name, heading or name, n) for name, heading, n in db.session.execute(by_field.order_by(counted.desc()))]
    if field:
        mine.append(ImportFault.field == field)
    if q.strip():
        text = q.strip()
        mine.append(or_(*(c.icontains(text, autoescape=True) for c in (ImportFault.message, ImportFault.value))))
    total = db.session.scalar(select(counted).where(*mine)) or 0
    pages = max(1, -(-total // PER_PAGE))
    page = min(max(1, page), pages)
    rows = select(ImportFault).where(*mine).order_by(ImportFault.line, ImportFault.id)
    rows = rows.limit(PER_PAGE).offset((page - 1) * PER_PAGE)
    items = [RowError(r.line, r.message, r.heading, r.field, r.value) for r in db.session.scalars(rows)]
    return Page(items, total, fields, page, pages)


def error_file(batch: ImportBatch) -> tuple[str, str, Iterator[bytes]]:
    """The rows with errors as a file of the same kind, with a column that says why: name, content type, bytes.

    An ODS file comes back as XLSX. Raises `NotFound` when the file is kept no longer.
    """
    table = table_of(batch)
    reasons: dict[int, list[str]] = {}
    faults = select(ImportFault.line, ImportFault.heading, ImportFault.message).where(ImportFault.batch_id == batch.id)
    for line, heading, message in db.session.execute(faults.order_by(ImportFault.line, ImportFault.id)):
        reasons.setdefault(line, []).append(f"{heading}: {message}" if heading else message)
    headings = [*table.headings, _reason_heading(table.headings)]
    rows = [_told(row, len(table.headings), "; ".join(reasons[row.line])) for row in table.rows if row.line in reasons]
    stem, kept_back = batch.file_name.rsplit(".", 1)[0] or "import", _("errors")
    name = f"{stem}-{kept_back}"
    if table.kind == CSV:
        return f"{name}.csv", "text/csv; charset=utf-8", _csv(headings, rows, table.delimiter)
    return f"{name}.xlsx", XLSX_TYPE, _xlsx(headings, rows)


def _told(row: FileRow, width: int, reason: str) -> list[str]:
    """A row as wide as the headings, so that the reason stands in its own column."""
    cells = [*row.cells[:width], *[""] * (width - len(row.cells))]
    return [*cells, reason]


def _reason_heading(headings: list[str]) -> str:
    taken = {heading.casefold() for heading in headings}
    name = _("Reason for refusal")
    return next(n for n in (name, *(f"{name} {i}" for i in range(2, 1000))) if n.casefold() not in taken)


def _csv(headings: list[str], rows: list[list[str]], delimiter: str) -> Iterator[bytes]:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter)
    # The mark tells spreadsheet programs that this is UTF-8.
    yield b"\xef\xbb\xbf"
    for row in (headings, *rows):
        writer.writerow([guard(cell) for cell in row])
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()


def _xlsx(headings: list[str], rows: list[list[str]]) -> Iterator[bytes]:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in (headings, *rows):
        sheet.append([_cell(sheet, text) for text in row])
    stream = io.BytesIO()
    book.save(stream)
    yield stream.getvalue()


def _cell(sheet: object, text: str) -> object:
    """Text stays text: no formula, no number that was none."""
    cell = WriteOnlyCell(sheet, value=ILLEGAL_CHARACTERS_RE.sub("", text))
    cell.data_type = "s"
    return cell
