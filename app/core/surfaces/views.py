"""Saved views of a list: made, changed, deleted. Every address here is posted to; the list itself shows them."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from flask import request, url_for
from werkzeug.datastructures import MultiDict

from app.core import saved_views
from app.core.errors import BusinessError, NotFound
from app.core.i18n import _
from app.core.ids import whole
from app.core.resource import Resource
from app.core.tables import Listing
from app.core.web import redirect_to, toast


def save(resource: Resource) -> Any:
    """Keep what the list shows under a name: `name`, `args` (a query string), `shared`, `default`."""
    args = _arguments(resource)
    row = saved_views.save(resource, request.form.get("name", ""), args, shared=_ticked("shared"))
    if _ticked("default"):
        saved_views.open_with(resource, row.id, on=True)
    toast(_("The view “%(name)s” was saved.", name=row.name))
    return _to_list(resource, row.id)


def change(resource: Resource, view_id: str) -> Any:
    """Change a saved view; `do` says what: "rename", "overwrite", "delete"; "default" alone is open to all who see it."""
    number, version, asked = whole(view_id), whole(request.form.get("version")), request.form.get("do")
    if number is None:
        raise NotFound(_("This view does not exist, or it is not yours to see."))
    kept = saved_views.named(resource, number)
    if asked == "default":
        saved_views.open_with(resource, number, on=_ticked("on"), everybody=_ticked("everybody"))
        toast(_("The list opens with “%(name)s” from now on.", name=kept.view.label) if _ticked("on")
              else _("The list no longer opens with “%(name)s”.", name=kept.view.label))
        return _to_list(resource, number)
    if version is None:
        raise BusinessError(_("Say which version of the view you changed."), field="version")
    if asked == "delete":
        saved_views.forget(resource, number, version)
        toast(_("The view “%(name)s” was deleted.", name=kept.view.label))
        first = resource.views[0].name if resource.views else "all"
        return redirect_to(url_for(resource.endpoint("list"), view=first))
    if asked == "overwrite":
        row = saved_views.overwrite(resource, number, version, _arguments(resource))
    elif asked == "rename":
        row = saved_views.change(resource, number, version, name=request.form.get("name", ""), shared=_ticked("shared"))
    else:
        raise BusinessError(_("This cannot be done with a view."), field="do")
    toast(_("The view “%(name)s” was saved.", name=row.name))
    return _to_list(resource, row.id)


def _ticked(name: str) -> bool:
    return request.form.get(name) in ("1", "true", "on")


def _arguments(resource: Resource) -> dict[str, str]:
    """The arguments to keep: only such as the list understands. Raises `BusinessError`."""
    pairs = parse_qsl(request.form.get("args", "")[: saved_views.LONGEST_ARGS * 4].replace("%00", ""))
    # The first of the resource's own views would add what it says: emptied, it adds nothing.
    own = dict.fromkeys(resource.views[0].args, "") if resource.views else {}
    known = Listing(resource, MultiDict(own)).filter_names | {"sort", "group", "columns"}
    given = saved_views.arguments({name: value for name, value in pairs if name in known})
    Listing(resource, MultiDict({**own, **given}))
    return given


def _to_list(resource: Resource, view_id: int) -> Any:
    return redirect_to(url_for(resource.endpoint("list"), view=view_id))
