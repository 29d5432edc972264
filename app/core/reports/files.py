"""A report as a file: its tables as CSV or XLSX, the whole of it as PDF."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from flask import Response, g

from app.core import pdf, workbooks
from app.core.charts import PAINT, Chart
from app.core.db import utcnow
from app.core.errors import BusinessError
from app.core.exporting import BOM
from app.core.formats import moment
from app.core.i18n import _, language
from app.core.importing.files import guard
from app.core.reports.asking import Desk
from app.core.reports.blocks import Block, Cell, Content, Table
from app.core.surfaces.export import TYPES
from app.core.web import as_attachment

CSV, XLSX, PDF = "csv", "xlsx", "pdf"
KINDS = {**TYPES, PDF: "application/pdf"}


def answer(label: str, desk: Desk, content: Content, kind: str, key: str) -> Response:
    """The file as a download. Raises `BusinessError` for a kind or a table that is not there."""
    if kind not in (CSV, XLSX, PDF):
        raise BusinessError(_("“%(given)s” is not one of: %(known)s.", given=kind[:40], known="csv, xlsx, pdf"), field="format")
    name = f"{desk.frame.file_name}.{kind}"
    if kind == PDF:
        return download(document(label, desk, content), kind, name)
    block = _block(content, key)
    body = csv_of(block.table) if kind == CSV else workbook_of(block.title, block.table)
    return download(body, kind, f"{desk.frame.file_name}-{block.key}.{kind}")


def download(body: bytes, kind: str, name: str) -> Response:
    return as_attachment(Response(body, content_type=KINDS[kind]), name)


def _block(content: Content, key: str) -> Block:
    found = next((b for b in content.blocks if b.key == key), None) if key else content.blocks[0]
    if found is None:
        known = ", ".join(b.key for b in content.blocks)
        raise BusinessError(_("“%(given)s” is not one of: %(known)s.", given=key[:40], known=known), field="table")
    return found


def csv_of(table: Table) -> bytes:
    """The table for any program: numbers with a point, shares between 0 and 1, nothing that reads as a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(guard(column.label) for column in table.columns)
    for row in _rows(table):
        writer.writerow(_text(cell.plain) for cell in row)
    return f"{BOM}{text.getvalue()}".encode("utf-8", "replace")


def _rows(table: Table) -> list[Sequence[Cell]]:
    return [*table.rows, *([table.total] if table.total else [])]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, date) else guard(str(value))


def workbook_of(title: str, table: Table) -> bytes:
    """The table with typed cells."""
    with workbooks.write(title, [c.label for c in table.columns], [[cell.plain for cell in row] for row in _rows(table)]) as file:
        return file.read()


def document(label: str, desk: Desk, content: Content) -> bytes:
    """The whole report on paper, with the definitions of its figures."""
    frame = desk.frame
    chips = [f"{chip['label']}: {chip['text']}" for chip in frame.chips if chip["on"] and not chip.get("fixed")]
    compared = _("Compared with %(dates)s", dates=frame.before.dates) if frame.before else ""
    return pdf.document(
        "report",
        {
            "title": content.heading or label,
            "company": g.company.name,
            "period": frame.period.label,
            "lines": [line for line in (frame.whose, compared, " · ".join(chips), *content.notes, *desk.notes()) if line],
            "made": _("As of %(time)s", time=frame.told if frame.as_of else moment(utcnow())),
            "page": _("Page %(page)s of %(pages)s", page="{0}", pages="{1}"),
            "language": language(),
            "figures": [{"label": c.label, "value": c.exact or c.value, "note": " · ".join(filter(None, (c.change, c.note)))} for c in content.cards],
            "sections": [_section(block) for block in content.blocks],
            "definitions_title": _("What the figures mean"),
            "definitions": [{"term": label, "text": text} for label, text in desk.definitions()],
        },
    )


def _section(block: Block) -> dict[str, Any]:
    table = block.table
    return {
        "title": block.title,
        "note": block.note,
        "chart": pdf.drawing(block.paper) if block.paper else "",
        "legend": _legend(block.paper) if block.paper else [],
        "heads": [c.label for c in table.columns] if table.rows else [],
        "aligns": ["end" if c.numeric else "start" for c in table.columns] if table.rows else [],
        "rows": [[_said(cell) for cell in row] for row in table.rows],
        "total": [_said(cell) for cell in table.total] if table.rows else [],
        "foot": " ".join(block.foot) if table.rows else _("Nothing to show for this period and these filters."),
    }


def _legend(chart: Chart) -> list[dict[str, Any]]:
    """The names of the series with the colour each is drawn in."""
    found = ((PAINT[css], name) for css, name in chart.legend)
    return [{"colour": paint["stroke"] if paint["fill"] == "none" else paint["fill"], "name": name} for paint, name in found]


def _said(cell: Cell) -> str:
    return f"{cell.text} ({cell.note})" if cell.note else cell.text
