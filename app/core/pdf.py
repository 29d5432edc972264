"""Documents as PDF, set by typst from a template of ours and data: data goes in as JSON and is never markup.

The same template and data give the same bytes. Fonts are those of typst alone, whatever the machine has.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typst
from flask import current_app

from app.core.charts import Chart

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "pdf"
FONT = "Libertinus Serif"  # the one with tabular figures and bold that typst brings along


def document(name: str, data: dict[str, Any]) -> bytes:
    """The PDF that `templates/pdf/<name>.typ` makes of data that JSON can hold; about 20 ms a document.

    The template finds the data by `json(bytes(sys.inputs.data))`; the font's name is in it as `font`.
    """
    source = (TEMPLATES / f"{name}.typ").read_bytes()
    given = json.dumps({**data, "font": FONT}, ensure_ascii=False, sort_keys=True)
    made = typst.compile(source, format="pdf", sys_inputs={"data": given}, ignore_system_fonts=True)
    assert isinstance(made, bytes)  # one format, one document
    return made


def drawing(chart: Chart) -> str:
    """A chart as an SVG document of its own, for a template's `image(bytes(…))`."""
    macros: Any = current_app.jinja_env.get_template("macros/charts.html").module
    return str(macros.drawing(chart, FONT))
