"""The rows of a list as a file: the same filters, the same order, all fields, one row at a time."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from flask import Response, request, stream_with_context

from app.core import lookups
from app.core.clock import today
from app.core.db import db
from app.core.errors import BusinessError
from app.core.fields import Field
from app.core.i18n import _
from app.core.importing.files import guard
from app.core.resource import Resource
from app.core.tables import Listing

BOM = "\ufeff"  # without it, Excel takes UTF-8 for something else
CHUNK = 500
TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


def export_file(resource: Resource) -> Any:
    """Every row that the list of this address shows, streamed as CSV or, with `format=json`, as JSON."""
    kind = request.args.get("format") or "csv"
    if kind not in TYPES:
        raise BusinessError(_("Files are made in csv and json, not in “%(given)s”.", given=kind), field="format")
    pieces = export(Listing(resource, request.args), kind)
    if kind == "csv":
        pieces = _with_bom(pieces)
    name = f"{resource.module}-{resource.plural}-{today().isoformat()}.{kind}"
    response = Response(stream_with_context(pieces), content_type=TYPES[kind])
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def export(listing: Listing, kind: str) -> Iterator[str]:
    """The text of the file in pieces; values are neutral and look-ups are names, so that an import reads them back."""
    fields = [f for f in listing.resource.fields if f.exportable]
    rows = _rows(listing, fields)
    return _csv(fields, rows) if kind == "csv" else _json(fields, rows)


def template(resource: Resource) -> str:
    """An empty CSV file with the headings that an import reads."""
    return _line([f.name for f in resource.fields if f.importable])


def _with_bom(pieces: Iterable[str]) -> Iterator[str]:
    yield BOM
    yield from pieces


def _rows(listing: Listing, fields: list[Field]) -> Iterator[list[Any]]:
    """Id and values of each row. A chunk is read at a time, so memory does not grow with the list."""
    model: Any = listing.resource.model
    names = dict.fromkeys(a for f in fields for a in f.attributes)
    columns = [getattr(model, name) for name in names if name != "id"]
    found = db.session.execute(listing.select(model.id, *columns), execution_options={"yield_per": CHUNK})
    for chunk in found.partitions():
        values = {f.name: [f.of(row) for row in chunk] for f in fields}
        for typed in fields:
            if isinstance(typed, lookups.Lookup):
                known = lookups.labels(typed.target, values[typed.name])
                values[typed.name] = [None if v is None else known.get(v) for v in values[typed.name]]
        for place, row in enumerate(chunk):
            yield [row.id, *(values[f.name][place] for f in fields)]


def _csv(fields: list[Field], rows: Iterable[list[Any]]) -> Iterator[str]:
    yield _line(["id", *(f.name for f in fields)])
    for row_id, *values in rows:
        yield _line([str(row_id), *(guard(_text(f, v)) for f, v in zip(fields, values, strict=True))])


def _json(fields: list[Field], rows: Iterable[list[Any]]) -> Iterator[str]:
    opening = "[\n"
    for row_id, *values in rows:
        plain = {f.name: _plain(f, v) for f, v in zip(fields, values, strict=True)}
        yield opening + json.dumps({"id": row_id, **plain}, ensure_ascii=False)
        opening = ",\n"
    yield "[]\n" if opening == "[\n" else "\n]\n"


def _text(typed: Field, value: Any) -> str:
    if isinstance(typed, lookups.Lookup):
        return value or ""
    return typed.plain(value)


def _plain(typed: Field, value: Any) -> Any:
    if value is None or isinstance(value, (bool, int)):
        return value
    return _text(typed, value)


def _line(cells: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()
