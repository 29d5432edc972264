"""The rows of a list as a file: the same filters, the same order, streamed; and the page that asks which file."""

from __future__ import annotations

from itertools import chain
from typing import Any

import wtforms
from flask import Response, request, stream_with_context, url_for

from app.core.clock import today
from app.core.exporting import (
    ALL,
    BOM,
    CHOICES,
    CSV,
    JSON,
    LABELS,
    LOCAL,
    NAMES,
    NEUTRAL,
    SEEN,
    XLSX,
    Wish,
    pieces,
    template,
)
from app.core.formats import number
from app.core.i18n import _, _n
from app.core.resource import Resource
from app.core.tables import Listing
from app.core.web import render

__all__ = ["answer", "export_file", "template"]

TYPES = {
    CSV: "text/csv; charset=utf-8",
    XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    JSON: "application/json",
}


class Form(wtforms.Form):
    """What is asked about a file; its names are those of `Wish`."""

    format = wtforms.RadioField()
    extent = wtforms.RadioField()
    headings = wtforms.SelectField()
    style = wtforms.SelectField()


def export_file(resource: Resource) -> Any:
    """Every row that the list of this address shows, as the file that the address asks for; without `format` it is
    asked which one is wanted."""
    listing = Listing(resource, request.args)
    if not request.args.get("format"):
        return _ask(resource, listing)
    return answer(listing, Wish(**{name: request.args[name] for name in CHOICES if request.args.get(name)}))


def answer(listing: Listing, wish: Wish) -> Response:
    """The file of a list as a download. Raises `BusinessError` when its rows do not fit."""
    found = pieces(listing, wish)
    if wish.format == CSV:
        found = chain([BOM.encode()], found)
    resource = listing.resource
    name = f"{resource.module}-{resource.plural}-{today().isoformat()}.{wish.format}"
    response = Response(stream_with_context(found), content_type=TYPES[wish.format])
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _ask(resource: Resource, listing: Listing) -> Response:
    args = listing.query_args(**dict.fromkeys(CHOICES))
    return render(
        "core/export.html",
        "core/_export.html",
        title=_("Export: %(label)s", label=str(resource.label_plural).lower()),
        form=_form(),
        action=url_for(resource.endpoint("export")),
        kept=list(args.items()),
        filtered=listing.filtered,
        rows=_rows(listing.count()),
        cancel_url=url_for(resource.endpoint("list"), **args),
    )


def _rows(count: int) -> str:
    return _n("%(count)s row", "%(count)s rows", count, count=number(count))


def _form() -> Form:
    local = _("As your spreadsheet program writes them")
    choices = {
        "format": (_("File"), [(XLSX, _("Excel (XLSX)")), (CSV, _("CSV")), (JSON, _("JSON"))]),
        "extent": (_("Columns"), [(SEEN, _("Those of the list, as they stand")), (ALL, _("All fields with the id, to bring the file back in"))]),
        "headings": (_("Headings"), [(LABELS, _("As on the pages")), (NAMES, _("Names of the fields"))]),
        "style": (_("Values"), [(LOCAL, local), (NEUTRAL, _("Neutral, for any program"))]),
    }
    chosen = {"format": XLSX, "extent": SEEN, "headings": LABELS, "style": LOCAL}
    form = Form(data=chosen)
    for name, (label, offered) in choices.items():
        form[name].label.text = label
        form[name].choices = offered
    form.headings.description = _("An import understands both, in every language.")
    form.style.description = _("Dates are always 2026-03-31. JSON is always the same.")
    return form
