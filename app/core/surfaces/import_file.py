"""Bringing in a file in the browser, first step: the file itself, and what was brought in before."""

from __future__ import annotations

from typing import Any

from flask import Response, g, request, url_for

from app.core import lookups
from app.core.errors import BusinessError
from app.core.exporting import template
from app.core.i18n import _, _l, _n
from app.core.importing import runs
from app.core.importing.models import ImportBatch
from app.core.resource import Resource
from app.core.web import redirect_to, render

MEGABYTE = 1024 * 1024
STATES = {  # state -> label, kind of tag, icon
    "uploaded": (_l("Not checked yet"), "", "clock"),
    "checking": (_l("Being checked"), "info", "progress"),
    "checked": (_l("Checked, not imported yet"), "warn", "hourglass-low"),
    "publishing": (_l("Being imported"), "info", "progress"),
    "done": (_l("Imported"), "ok", "circle-check"),
    "reverting": (_l("Being reverted"), "info", "progress"),
    "reverted": (_l("Reverted"), "", "arrow-back-up"),
    "cancelled": (_l("Cancelled"), "", "ban"),
    "failed": (_l("Has failed"), "bad", "alert-circle"),
}
STEPS = (_l("File"), _l("Columns"), _l("Check"), _l("Import"))


def import_page(resource: Resource) -> Any:
    """Ask for a file, or take it and go to the page of its import."""
    if request.args.get("template"):
        return _template(resource)
    if request.method == "GET":
        return _page(resource)
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        return _page(resource, _("Choose a file first."))
    try:
        batch = runs.begin(resource, upload.filename, upload.read())
    except BusinessError as error:
        return _page(resource, error.message)
    return redirect_to(url_for(resource.endpoint("import_batch"), batch_id=batch.id))


def steps(now: int, *, over: bool = False, urls: tuple[str | None, ...] = ()) -> list[dict[str, Any]]:
    """The steps of an import; `now` counts from 0, `over` says that the last one is done. `urls` lead to steps."""
    found = []
    for place, label in enumerate(STEPS):
        state = "done" if place < now or (over and place == now) else "now" if place == now else "todo"
        url = urls[place] if place < len(urls) and place != now else None
        found.append({"label": label, "state": state, "url": url})
    return found


def _page(resource: Resource, error: str = "") -> Any:
    most = request.max_content_length or 0
    return render(
        "core/import.html",
        "core/_import.html",
        status=422 if error else 200,
        resource=resource,
        action=url_for(resource.endpoint("import")),
        error=error,
        steps=steps(0),
        most_bytes=most,
        most_mb=most // MEGABYTE,
        recent=_recent(resource),
        columns=[f for f in resource.fields if f.importable],
        template_url=url_for(resource.endpoint("import"), template=1),
        cancel_url=url_for(resource.endpoint("list")),
    )


def _recent(resource: Resource) -> list[dict[str, Any]]:
    """Earlier imports, the last first. Statements: one for them, one for the names."""
    batches = runs.recent(resource)
    names = lookups.labels(lookups.MEMBER, {b.member_id for b in batches})
    page = url_for(resource.endpoint("import_batch"), batch_id="0")
    return [_line(batch, names.get(batch.member_id or 0, ""), page[:-1]) for batch in batches]


def _line(batch: ImportBatch, who: str, pages: str) -> dict[str, Any]:
    label, kind, symbol = STATES[batch.state]
    return {
        "url": f"{pages}{batch.id}",
        "file_name": batch.file_name or _("(without a name)"),
        "label": label,
        "kind": kind,
        "icon": symbol,
        "rows": batch.rows,
        "rows_word": _n("row", "rows", batch.rows),
        "who": who or _("command line"),
        "at": batch.created_at,
        "revert_url": f"{pages}{batch.id}/revert" if batch.state == "done" else None,
    }


def _template(resource: Resource) -> Response:
    response = Response(template(resource), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{g.company.slug}-{resource.plural}.csv"'
    return response
