"""Documents: the same data give the same bytes, and data is never markup."""

from __future__ import annotations

from flask import Flask

from app.core import pdf
from app.core.charts import Point, Series, bars

HEAD = {
    "title": "Pre-sale funnel (cohort)",
    "company": "Industrias Levante",
    "period": "This year (Jan 1, 2026 – Dec 31, 2026)",
    "lines": ["Figures of the whole company"],
    "made": "As of Nov 22, 2026",
    "page": "Page {0} of {1}",
    "language": "en",
    "figures": [{"label": "Amount won", "value": "€292,800", "note": "+12 %"}],
    "definitions_title": "What the figures mean",
    "definitions": [{"term": "Win rate", "text": "Won ÷ (won + lost)"}],
}


def section(rows: list[list[str]], chart: str = "") -> dict:
    return {"title": "By rep", "note": "", "chart": chart, "legend": [], "heads": ["Rep", "Won"], "aligns": ["start", "end"],
            "rows": rows, "total": ["Total", "3"], "foot": ""}  # fmt: skip


def test_the_same_data_give_the_same_bytes(app: Flask) -> None:
    with app.test_request_context():
        chart = pdf.drawing(bars("Sales", ["oct", "nov"], [Series("", [Point(1), Point(2)])], str))
        data = {**HEAD, "sections": [section([["Ana", "3"]], chart)]}
        first, second = pdf.document("report", data), pdf.document("report", data)
    assert first == second
    assert first.startswith(b"%PDF-")
    assert b"CreationDate" not in first


def test_data_is_never_markup(app: Flask) -> None:
    """What would be code in a template is set as it was written."""
    wild = ["#panic()", "*bold* _it_ $x$ @ref <label>", "= no heading", '"quotes" \\ back', "[#sys.inputs]"]
    with app.test_request_context():
        made = pdf.document("report", {**HEAD, "title": "#panic()", "sections": [section([[text, "1"] for text in wild])]})
    assert made.startswith(b"%PDF-")


def test_a_long_table_with_long_spanish_labels_goes_over_the_page(app: Flask) -> None:
    rows = [[f"Mantenimiento preventivo de instalaciones frigoríficas industriales {n}", "1.234.567,89 €"] for n in range(120)]
    with app.test_request_context():
        made = pdf.document("report", {**HEAD, "language": "es", "sections": [section(rows)]})
    assert made.count(b"/Type /Page") >= 3 or made.count(b"/Type/Page") >= 3
