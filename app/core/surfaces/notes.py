"""Notes on a record: the box they are written in, changing them in place, deleting them, whom an "@" can mean."""

from __future__ import annotations

from typing import Any

from flask import abort, current_app, jsonify, request, url_for
from sqlalchemy import select

from app.core import mentions, notes, stream
from app.core.db import db
from app.core.errors import BusinessError, Conflict
from app.core.formats import colour, initials
from app.core.hx import is_htmx
from app.core.i18n import _
from app.core.ids import whole
from app.core.resource import Resource
from app.core.surfaces.form import needed_version
from app.core.surfaces.record import fetch
from app.core.web import redirect_to, render, settle, toast


def there(resource: Resource, row_id: int) -> Any:
    """The record, or 404; 409 with a sentence when it was thrown away while something was being written for it."""
    lying = select(resource.model.id).where(resource.model.id == row_id)
    if request.method == "POST" and db.session.scalar(lying) is None and db.session.scalar(lying, execution_options={"with_trash": True}):
        raise Conflict(_("This was thrown away meanwhile. Bring it back from the trash first."))
    return fetch(resource, row_id)


def back_to_stream(resource: Resource, row_id: int, place: str = "") -> Any:
    """Save, and show the stream as it is now: the part of the page that asked, or the page."""
    if is_htmx():
        settle()
        return current_app.view_functions[resource.endpoint("history")](row_id=row_id)
    return redirect_to(url_for(resource.endpoint("history"), row_id=row_id, _anchor=place or None))


def add(resource: Resource, row_id: int) -> Any:
    """Put a note on a record; asked for by GET, the box on a page of its own, where people are chosen from a list."""
    row = there(resource, row_id)
    if request.method == "GET":
        return _box(resource, row)
    text = request.form.get("text", "")
    try:
        note, unseen = notes.add(resource, row_id, text, _chosen())
    except BusinessError as error:
        return _box(resource, row, text, error.message, status=422)
    _say_who_is_not_told(unseen)
    return back_to_stream(resource, row_id, f"note-{note.id}")


def _box(resource: Resource, row: Any, text: str = "", error: str = "", status: int = 200) -> Any:
    return render(
        "core/note.html",
        "core/_note_box.html",
        status=status,
        title=resource.called(row),
        compose=stream.composer(resource, row.id, text, error),
        people=[] if is_htmx() else mentions.everybody(),
        chosen=_chosen(),
        record_url=url_for(resource.endpoint("history"), row_id=row.id),
    )


def _chosen() -> list[int]:
    """Members picked from the suggestions, or from the list."""
    given = (whole(text) for text in request.form.getlist("mention")[: mentions.MOST])
    return [member_id for member_id in given if member_id]


def _say_who_is_not_told(names: list[str]) -> None:
    if names:
        toast(_("Not told, for they may not see this: %(names)s. The note is saved.", names=", ".join(names)), "bad")


def change(resource: Resource, row_id: int, note_id: str) -> Any:
    """A note in place as a form, or what was typed there saved; a late save shows both and loses nothing."""
    row = there(resource, row_id)
    note = notes.get(resource, row_id, whole(note_id))
    if request.method == "GET":
        return _form(resource, row, note.id, note.text, note.version) if notes.may_change(note) else abort(403)
    text, version = request.form.get("text", ""), needed_version()
    try:
        _note, unseen = notes.change(resource, row_id, note.id, text, version)
    except Conflict as conflict:
        return _form(resource, row, note.id, text, note.version, conflict.message, conflict.theirs["text"], status=409)
    except BusinessError as error:
        return _form(resource, row, note.id, text, version, error.message, status=422)
    _say_who_is_not_told(unseen)
    return back_to_stream(resource, row_id, f"note-{note.id}")


def _form(resource: Resource, row: Any, note_id: int, text: str, version: int, error: str = "", theirs: str = "", *, status: int = 200) -> Any:
    return render(
        "core/note_edit.html",
        "core/_note_edit.html",
        status=status,
        title=resource.called(row),
        note={"id": note_id, "text": text, "version": version, "error": error, "theirs": theirs},
        action=url_for(resource.endpoint("note"), row_id=row.id, note_id=note_id),
        compose=stream.composer(resource, row.id),
        record_url=url_for(resource.endpoint("history"), row_id=row.id),
    )


def remove(resource: Resource, row_id: int, note_id: str) -> Any:
    """Ask whether a note is to be deleted, or delete it."""
    row = there(resource, row_id)
    note = notes.get(resource, row_id, whole(note_id))
    if request.method == "GET":
        if not notes.may_remove(note):
            abort(403)
        url = url_for(resource.endpoint("note_remove"), row_id=row_id, note_id=note.id)
        return ask(resource, row, _("Delete this note?"), notes.excerpt(note.text), url)
    notes.remove(resource, row_id, note.id)
    toast(_("The note was deleted."))
    return back_to_stream(resource, row_id)


def ask(resource: Resource, row: Any, question: str, what: str, action: str) -> Any:
    """The dialog before something on a record is deleted for good."""
    record_url = url_for(resource.endpoint("history"), row_id=row.id)
    title = resource.called(row)
    return render("core/note_remove.html", "core/_note_remove.html", title=title, question=question, what=what, action=action,
                  record_url=record_url)


def colleagues(resource: Resource, row_id: int) -> Any:
    """JSON list of {"value", "text", "initials", "colour"} of members whose name begins like `q`."""
    fetch(resource, row_id)
    found = mentions.colleagues(request.args.get("q", "")[:100])
    return jsonify([{"value": i, "text": name, "initials": initials(name), "colour": colour(i)} for i, name in found])
