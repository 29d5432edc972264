"""One field of a record, edited in place: on its page, or in a row of the list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import abort, g, request, url_for

from app.core.access import can
from app.core.errors import BusinessError, Conflict
from app.core.fields import Field
from app.core.forms import form_of
from app.core.hx import is_htmx
from app.core.i18n import _
from app.core.resource import Resource
from app.core.surfaces.form import after_saving, differences, given_version, needed_version
from app.core.surfaces.record import fact, fetch
from app.core.web import redirect_to, render
from app.core.writes import check_version


def shown(resource: Resource, row_id: int, field: str) -> Any:
    """A field as the page shows it; asked for when an edit is cancelled."""
    return _shown(resource, fetch(resource, row_id), _named(resource, field))


def field(resource: Resource, row_id: int, field: str) -> Any:
    """Ask for a new value of one field on the record's page, or save it."""
    return _edited(resource, row_id, field, _asked, _fact_saved)


def cell(resource: Resource, row_id: int, field: str) -> Any:
    """The same in a row of the list: the answer is the one cell."""
    return _edited(resource, row_id, field, _cell_asked, _cell_saved)


def _edited(resource: Resource, row_id: int, name: str, ask: Callable[..., Any], saved: Callable[..., Any]) -> Any:
    typed = _named(resource, name)
    row = fetch(resource, row_id, for_update=request.method == "POST")
    form = form_of([typed], request.form or None, {typed.name: typed.of(row)})
    if request.method == "GET":
        return ask(resource, row, typed, form)
    version = needed_version()
    if not form.validate():
        return ask(resource, row, typed, form, status=422)
    try:
        check_version(row, version)
        resource.change(row, form.values())
    except Conflict:
        return ask(resource, row, typed, form, status=409, conflict=differences(row, form))
    except BusinessError as error:
        form.refuse(typed.name, error.message)
        return ask(resource, row, typed, form, status=422)
    following = after_saving(resource, row)
    return saved(resource, row, typed, following) if is_htmx() else redirect_to(following)


def _fact_saved(resource: Resource, row: Any, typed: Field, following: str) -> Any:
    if not following.endswith(f"/{row.id}"):
        return redirect_to(following)
    g.pop("toasts", None)  # the new value in its place says enough
    return _shown(resource, row, typed)


def _cell_saved(resource: Resource, row: Any, typed: Field, following: str) -> Any:
    kept = following.endswith(f"/{row.id}")
    if kept:
        g.pop("toasts", None)
    base = url_for(resource.endpoint("cell"), row_id=row.id, field="_")[:-1] if kept else None
    url = url_for(resource.endpoint("record"), row_id=row.id)
    shown = fact(typed, row, base) | {"main": typed.name == resource.title}
    return render("core/_cell_shown.html", cell=shown, name=typed.name, place="",
                  row={"id": row.id, "url": url, "title": shown["text"] or _("(no name)")})


def _named(resource: Resource, name: str) -> Field:
    """The field, if it may be edited at all: others are not there."""
    typed = next((f for f in resource.fields if f.name == name and f.editable), None)
    return abort(404) if typed is None else typed


def _shown(resource: Resource, row: Any, typed: Field) -> Any:
    base = url_for(resource.endpoint("field"), row_id=row.id, field="_")[:-1]
    found = fact(typed, row, base if can(resource.permission("edit")) else None)
    record = {"id": row.id, "version": row.version}
    return render("core/_fact.html", fact=found, record=record)


def _cell_asked(resource: Resource, row: Any, typed: Field, form: Any, status: int = 200, conflict: Any = None) -> Any:
    address = url_for(resource.endpoint("cell"), row_id=row.id, field=typed.name)
    return _asked(resource, row, typed, form, status, conflict, fragment="core/_cell_edit.html", address=address)


def _asked(resource: Resource, row: Any, typed: Field, form: Any, status: int = 200, conflict: Any = None, *,
           fragment: str = "core/_fact_edit.html", address: str = "") -> Any:
    return render(
        "core/fact_edit.html",
        fragment,
        status=status,
        resource=resource,
        record={"id": row.id, "version": row.version, "title": resource.called(row)},
        fact=fact(typed, row, None),
        form=form,
        field=form[typed.name],
        version=row.version if status in (200, 409) else given_version(),
        conflict=conflict,
        action=address or url_for(resource.endpoint("field"), row_id=row.id, field=typed.name),
        cancel_url=url_for(resource.endpoint("fact"), row_id=row.id, field=typed.name),
    )
