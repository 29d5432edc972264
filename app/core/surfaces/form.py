"""Creating and editing a whole record; in a side drawer when htmx asks, else as a page."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import abort, request, url_for

from app.core import duplicates, lookups
from app.core.access import visible_members
from app.core.errors import BusinessError, Conflict
from app.core.fields import Field, FieldError, neutral
from app.core.forms import Form, TypedInput, form_of
from app.core.hx import is_htmx
from app.core.i18n import _
from app.core.ids import whole
from app.core.resource import Resource
from app.core.surfaces.record import fetch
from app.core.web import redirect_to, render, toast
from app.core.writes import check_version


def new(resource: Resource) -> Any:
    """Ask for a new record, or create it; what is probably there already is created when the person says so."""
    fields = [f for f in resource.fields if f.editable and f.creatable]
    defaults = {f.name: f.default() for f in fields if f.default}
    if request.method == "GET":
        begun = {**defaults, **prefilled(fields)}
        return _page(resource, form_of(fields, None, begun), str(resource.label_new))
    form = form_of(fields, request.form, defaults)
    if form.validate():
        look = resource.similar or partial(duplicates.likely, resource)
        found = None if request.form.get("confirmed") else look(form.values())
        if found:
            return _page(resource, form, str(resource.label_new), status=422, found=found)
        try:
            row = resource.add(form.values())
        except BusinessError as error:
            form.refuse(error.field, error.message)
        else:
            toast(_("“%(name)s” was created.", name=resource.called(row)))
            return _go_on(resource, url_for(resource.endpoint("record"), row_id=row.id))
    return _page(resource, form, str(resource.label_new), status=422)


def edit(resource: Resource, row_id: int) -> Any:
    """Ask for the changes to a record, or save them; a late save shows both values and loses nothing typed."""
    fields = [f for f in resource.fields if f.editable]
    row = fetch(resource, row_id, for_update=request.method == "POST")
    form = form_of(fields, request.form or None, resource.values_of(row))
    title = _("Change “%(name)s”", name=resource.called(row))
    if request.method == "GET":
        return _page(resource, form, title, row)
    version = needed_version()
    if not form.validate():
        return _page(resource, form, title, row, status=422, version=version)
    try:
        check_version(row, version)
        resource.change(row, form.values())
    except Conflict:
        return _page(resource, form, title, row, status=409, conflict=differences(row, form))
    except BusinessError as error:
        form.refuse(error.field, error.message)
        return _page(resource, form, title, row, status=422, version=version)
    return _go_on(resource, after_saving(resource, row))


def _go_on(resource: Resource, following: str) -> Any:
    """To the page of the record; but a page that opened the form with `stay=1` stays, and hears "deals:changed"."""
    if is_htmx() and request.args.get("stay"):
        return render("core/_stayed.html", events=f"{resource.plural}:changed")
    return redirect_to(following)


def after_saving(resource: Resource, row: Any) -> str:
    """Where to go once a row is saved: to its page, or to the list when it was given out of the person's sight."""
    members = visible_members(resource.key)
    if resource.owned and members is not None and row.owner_id not in members:
        toast(_("Saved. It is in other hands now."))
        return url_for(resource.endpoint("list"))
    toast(_("Saved."))
    return url_for(resource.endpoint("record"), row_id=row.id)


def given_version() -> int | None:
    """The version the form was opened with; a button without fields has it in its address."""
    return whole(request.form.get("version") or request.args.get("version"))


def needed_version() -> int:
    """The same, refused when it is missing: without it a late save would overwrite what others saved."""
    version = given_version()
    return abort(400) if version is None else version


def differences(row: Any, form: Form) -> list[dict[str, str]]:
    """Fields where what was typed differs from what is stored now, both as people read them."""
    found = []
    for control in form:
        if isinstance(control, TypedInput):
            mine, theirs = control.typed.show(control.value), control.typed.show(control.typed.of(row))
            if mine != theirs:
                found.append({"label": str(control.typed.label), "mine": mine, "theirs": theirs})
    return found


def prefilled(fields: list[Field]) -> dict[str, Any]:
    """Rows, days and times named in the address, so that "new deal for this account" opens with the account."""
    told = ((f, text) for f in fields if (text := request.args.get(f.name)))
    given = {f.name: _told(f, text) for f, text in told if isinstance(f, lookups.Lookup) or f.kind in ("date", "time")}
    return {name: value for name, value in given.items() if value is not None}


def _told(typed: Field, text: str) -> Any:
    """What an address says of a field; None when it is nothing that could be chosen."""
    if isinstance(typed, lookups.Lookup):
        return lookups.find(typed.target, text)
    try:
        return typed.parse(text, neutral())
    except FieldError:
        return None


def _page(resource: Resource, form: Form, title: str, row: Any = None, *, status: int = 200,
          conflict: list | None = None, version: int | None = None, found: duplicates.Found | None = None) -> Any:
    sections = [
        {"label": label, "fields": [form[name] for name in names if name in form]} for label, names in resource.groups
    ]
    where = {"row_id": row.id} if row is not None else {}
    stay = request.args.get("stay") and 1
    return render(
        "core/form.html",
        "core/_form.html",
        status=status,
        resource=resource,
        form=form,
        title=title,
        sections=[s for s in sections if s["fields"]],
        conflict=conflict,
        found=found,
        record_url=url_for(resource.endpoint("record"), row_id=0)[:-1] if found else "",
        version=version or (getattr(row, "version", 1) if row is not None else None),
        action=url_for(resource.endpoint("edit" if where else "new"), **where, stay=stay),
        cancel_url=url_for(resource.endpoint("record" if where else "list"), **where),
        submit_label=_("Save") if where else _("Create"),
    )
