"""Files on a record: adding them, downloading and deleting them."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, request, url_for

from app.core import attachments
from app.core.errors import BusinessError
from app.core.i18n import _, _n
from app.core.ids import whole
from app.core.resource import Resource
from app.core.surfaces.notes import ask, back_to_stream, there
from app.core.surfaces.record import fetch
from app.core.web import as_attachment, redirect_to, toast

# Whatever is in it, no page of ours becomes of it, and nothing in it runs or loads.
POLICY = "default-src 'none'; sandbox"


def add(resource: Resource, row_id: int) -> Any:
    """Keep the files sent with a record; of several, those that may be kept are, and the others named. By GET: to the
    record, where they are chosen."""
    if request.method == "GET":
        fetch(resource, row_id)
        return redirect_to(url_for(resource.endpoint("history"), row_id=row_id, show="files"))
    there(resource, row_id)
    uploads = [u for u in request.files.getlist("file") if u.filename]
    if not uploads:
        raise BusinessError(_("Choose a file first."), field="file")
    kept, refused = [], []
    for upload in uploads:
        try:
            kept.append(attachments.add(resource, row_id, upload))
        except BusinessError as error:
            refused.append(error.message)
        finally:
            upload.close()
    if not kept:
        raise BusinessError(" ".join(dict.fromkeys(refused[:5])), field="file")
    for sentence in list(dict.fromkeys(refused))[:5]:
        toast(sentence, "bad")
    toast(_n("%(num)d file was added.", "%(num)d files were added.", len(kept)))
    return back_to_stream(resource, row_id, f"file-{kept[-1].id}")


def download(resource: Resource, row_id: int, file_id: str) -> Any:
    """The bytes of a file, to be saved and never shown by the browser."""
    fetch(resource, row_id)
    file = attachments.get(resource, row_id, whole(file_id))
    response = Response(attachments.content(file), content_type=file.kind)
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return as_attachment(response, file.name)


def remove(resource: Resource, row_id: int, file_id: str) -> Any:
    """Ask whether a file is to be deleted, or delete it."""
    row = there(resource, row_id)
    file = attachments.get(resource, row_id, whole(file_id))
    if request.method == "GET":
        if not attachments.may_remove(file):
            abort(403)
        url = url_for(resource.endpoint("file_remove"), row_id=row_id, file_id=file.id)
        return ask(resource, row, _("Delete this file?"), file.name, url)
    name = attachments.remove(resource, row_id, file.id)
    toast(_("“%(name)s” was deleted.", name=name))
    return back_to_stream(resource, row_id)
