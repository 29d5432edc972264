"""Personal data of a record: everything that is held as one ZIP, and erasing it."""

from __future__ import annotations

import io
import json
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from flask import Response, abort, g, render_template, request, url_for

from app.core import personal
from app.core.access import can
from app.core.db import fold, utcnow
from app.core.formats import moment, number
from app.core.i18n import _, language
from app.core.resource import Resource
from app.core.surfaces.form import needed_version
from app.core.surfaces.record import fetch
from app.core.web import as_attachment, redirect_to, render, settle, toast
from app.core.writes import check_version

# The verb of the permission, for both: what is handed out is whole, with what colleagues wrote where the person may not look.
ANSWERS = "delete"


def offered(resource: Resource) -> bool:
    """Whether the person may do any of it."""
    return resource.personal and can(resource.permission(ANSWERS))


def personal_page(resource: Resource, row_id: int) -> Any:
    """What is held about a person, by kind, with the ways to hand it out and to forget it."""
    if not offered(resource):
        abort(403)
    return _page(resource, fetch(resource, row_id))


def export(resource: Resource, row_id: int) -> Response:
    """Everything that is held about a person: `data.json` for programs, `index.html` for people."""
    row = fetch(resource, row_id)
    title = str(getattr(row, resource.title) or "")
    sections = personal.gathered(resource, row_id)
    at = utcnow()
    data = {"company": g.company.name, "record": f"{resource.key}/{row_id}", "exported_at": at.isoformat(timespec="seconds"), "data": sections}
    settle()
    page = render_template("core/personal_export.html", title=title, sections=sections, when=moment(at), company=g.company.name, language=language())
    file = io.BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        archive.writestr("data.json", json.dumps(data, ensure_ascii=False, indent=2))
        archive.writestr("index.html", page)
    return as_attachment(Response(file.getvalue(), content_type="application/zip"), f"{fold(title).replace(' ', '-') or row_id}.zip")


def erase(resource: Resource, row_id: int) -> Any:
    """Forget who a person is, when their name was typed."""
    row = fetch(resource, row_id, for_update=True)
    check_version(row, needed_version())
    if fold(request.form.get("name")) != fold(getattr(row, resource.title)):
        return _page(resource, row, error=_("This is not the name of the record."), status=422)
    personal.erase(resource, row_id)
    toast(_("The personal data was erased."))
    return redirect_to(url_for(resource.endpoint("record"), row_id=row_id))


def _page(resource: Resource, row: Any, *, error: str = "", status: int = 200) -> Response:
    sections = personal.gathered(resource, row.id)
    return render(
        "core/personal.html",
        "core/_personal.html",
        status=status,
        resource=resource,
        record={"id": row.id, "version": row.version, "title": resource.called(row)},
        held=[(heading, number(len(rows))) for heading, rows in sections.items()],
        stays=personal.what_stays(resource, row.id),
        error=error,
        typed=request.form.get("name", ""),
        export_url=url_for(resource.endpoint("personal_export"), row_id=row.id),
        erase_url=url_for(resource.endpoint("personal_erase"), row_id=row.id),
        record_url=url_for(resource.endpoint("record"), row_id=row.id),
    )
