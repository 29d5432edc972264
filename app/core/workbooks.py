"""Writing an XLSX file row by row: typed cells, text that stays text, memory that does not grow with the rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from app.core.errors import BusinessError
from app.core.i18n import _

MOST_ROWS = 1_048_575  # below the headings
IN_MEMORY = 4 * 1024 * 1024
DIGITS = 15  # as many of a number as a spreadsheet keeps
FIRST_DAY = date(1900, 3, 1)  # before it, programs disagree about dates: 1900 was no leap year
DAY = "mm-dd-yy"  # the format that every program shows in the order of its own country
UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
NAMELESS = re.compile(r"[\[\]:*?/\\']")
WIDEST, NARROWEST = 40, 10


def write(title: str, headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> IO[bytes]:
    """A workbook with one sheet, at its beginning; whoever takes it closes it.

    Cells are None, text, bool, int, Decimal or date. Raises `BusinessError` when there are more rows than fit.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet(NAMELESS.sub(" ", title).strip()[:31] or "1")
    sheet.freeze_panes = "A2"
    for place, heading in enumerate(headings, 1):
        sheet.column_dimensions[get_column_letter(place)].width = max(NARROWEST, min(WIDEST, len(heading) + 4))
    sheet.append([_text(sheet, heading, Font(bold=True)) for heading in headings])
    for number, row in enumerate(rows):
        if number == MOST_ROWS:
            raise too_many()
        sheet.append([_cell(sheet, value) for value in row])
    file = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  # whoever streams it closes it
    book.save(file)
    file.seek(0)
    return file


def too_many() -> BusinessError:
    return BusinessError(
        _("An XLSX file holds at most %(most)s rows. Choose CSV, or filter the list first.", most=MOST_ROWS), field="format"
    )


def _cell(sheet: Any, value: Any) -> Any:
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        # Only what openpyxl would take for a formula or an error needs a cell of its own: those are dear.
        return _text(sheet, value) if value.startswith(("=", "#")) else fit(value)
    if isinstance(value, date):
        return _day(sheet, value) if value >= FIRST_DAY else value.isoformat()
    return value if len(value.as_tuple().digits) <= DIGITS else format(value, "f")


def _text(sheet: Any, text: str, font: Font | None = None) -> Any:
    cell = WriteOnlyCell(sheet, fit(text))
    cell.data_type = "s"
    if font:
        cell.font = font
    return cell


def _day(sheet: Any, value: date) -> Any:
    cell = WriteOnlyCell(sheet, value)
    cell.number_format = DAY
    return cell


def fit(text: str) -> str:
    """Text that an XLSX file can hold: what looks like one of its escapes is escaped, what XML cannot hold is replaced."""
    return ESCAPED.sub("_x005F_", UNFIT.sub("\ufffd", text))
