"""The surfaces of a resource, one file each, and how they are mounted."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

from flask import Blueprint, Flask

from app.core.access import require
from app.core.duplicates import watched
from app.core.mentions import linked
from app.core.merging import mergeable
from app.core.resource import Resource
from app.core.surfaces import (
    cell,
    duplicates,
    export,
    files,
    form,
    import_batch,
    import_file,
    list_builder,
    listing,
    mass,
    merge,
    notes,
    options,
    personal,
    record,
    trash,
    views,
)

# surface -> (address below the resource's, methods, verb, view)
SURFACES: dict[str, tuple[str, tuple[str, ...], str, Callable[..., Any]]] = {
    "list": ("", ("GET",), "view", listing.list_page),
    "count": ("/count", ("GET",), "view", listing.count),
    "filter": ("/filter", ("GET",), "view", list_builder.filter_page),
    "views": ("/views", ("POST",), "view", views.save),
    "view": ("/views/<string:view_id>", ("POST",), "view", views.change),
    "options": ("/options", ("GET",), "view", options.options),
    "new": ("/new", ("GET", "POST"), "create", form.new),
    "export": ("/export", ("GET",), "export", export.export_file),
    "import": ("/import", ("GET", "POST"), "import", import_file.import_page),
    "import_batch": ("/import/<string:batch_id>", ("GET",), "import", import_batch.batch_page),
    "import_mapping": ("/import/<string:batch_id>/mapping", ("POST",), "import", import_batch.mapping),
    "import_check": ("/import/<string:batch_id>/check", ("POST",), "import", import_batch.check),
    "import_decide": ("/import/<string:batch_id>/decide", ("POST",), "import", import_batch.decide),
    "import_publish": ("/import/<string:batch_id>/publish", ("POST",), "import", import_batch.publish),
    "import_cancel": ("/import/<string:batch_id>/cancel", ("POST",), "import", import_batch.cancel),
    "import_revert": ("/import/<string:batch_id>/revert", ("GET", "POST"), "import", import_batch.revert),
    "import_errors": ("/import/<string:batch_id>/errors", ("GET",), "import", import_batch.error_file),
    "record": ("/<int:row_id>", ("GET",), "view", record.record_page),
    "history": ("/<int:row_id>/history", ("GET",), "view", record.history),
    "edit": ("/<int:row_id>/edit", ("GET", "POST"), "edit", form.edit),
    "field": ("/<int:row_id>/fields/<field>", ("GET", "POST"), "edit", cell.field),
    "cell": ("/<int:row_id>/cells/<field>", ("GET", "POST"), "edit", cell.cell),
    "remove": ("/<int:row_id>/remove", ("GET", "POST"), "delete", trash.remove),
    "trash": ("/trash", ("GET", "POST"), "delete", trash.trash_page),
    "mass": ("/mass", ("POST",), "edit", mass.change),
    "mass_remove": ("/mass/remove", ("POST",), "delete", mass.remove),
    "mass_undo": ("/mass/undo", ("POST",), "edit", mass.undo),
    "mass_export": ("/mass/export", ("POST",), "export", mass.export),
    "merge": ("/merge", ("GET", "POST"), "delete", merge.merge_page),
    "merge_undo": ("/merge/undo", ("POST",), "delete", merge.undo),
    "duplicates": ("/duplicates", ("GET",), "view", duplicates.duplicates_page),
    "notes": ("/<int:row_id>/notes", ("GET", "POST"), "edit", notes.add),
    "note": ("/<int:row_id>/notes/<string:note_id>", ("GET", "POST"), "edit", notes.change),
    "note_remove": ("/<int:row_id>/notes/<string:note_id>/remove", ("GET", "POST"), "edit", notes.remove),
    "mentions": ("/<int:row_id>/mentions", ("GET",), "edit", notes.colleagues),
    "files": ("/<int:row_id>/files", ("GET", "POST"), "edit", files.add),
    "file": ("/<int:row_id>/files/<string:file_id>", ("GET",), "view", files.download),
    "file_remove": ("/<int:row_id>/files/<string:file_id>/remove", ("GET", "POST"), "edit", files.remove),
    "personal": ("/<int:row_id>/personal", ("GET",), "view", personal.personal_page),
    "personal_export": ("/<int:row_id>/personal/export", ("GET",), "delete", personal.export),
    "personal_erase": ("/<int:row_id>/personal/erase", ("POST",), "delete", personal.erase),
    "fact": ("/<int:row_id>/fields/<field>/shown", ("GET",), "view", cell.shown),
}

# Surfaces that make sense for some resources alone.
SOME: dict[str, Callable[[Resource], bool]] = {
    "merge": mergeable,
    "merge_undo": mergeable,
    "duplicates": watched,
    "personal": lambda resource: resource.personal,
    "personal_export": lambda resource: resource.personal,
    "personal_erase": lambda resource: resource.personal,
}


def mount(resource: Resource, blueprint: Blueprint) -> None:
    """Add the surfaces of a resource to its module's blueprint; the module's own views take precedence."""
    for surface, (address, methods, verb, view) in SURFACES.items():
        if surface in SOME and not SOME[surface](resource):
            continue
        own = resource.surfaces.get(surface)
        blueprint.add_url_rule(
            f"/{resource.plural}{address}",
            endpoint=f"{resource.name}_{surface}",
            view_func=own or _bound(view, resource, resource.permission(verb)),
            methods=list(methods),
        )


def _bound(view: Callable[..., Any], resource: Resource, permission: str) -> Callable[..., Any]:
    def bound(**arguments: Any) -> Any:
        return view(resource, **arguments)

    return require(permission)(update_wrapper(bound, view))


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(mass_actions=mass.actions)
    app.jinja_env.filters["linked"] = linked
