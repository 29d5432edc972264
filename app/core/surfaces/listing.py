"""The list page of a resource, and its count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import current_app, request, url_for

from app.core import grouping, lookups, saved_views, tags
from app.core.access import can
from app.core.db import Versioned
from app.core.errors import BusinessError
from app.core.fields import Field
from app.core.formats import colour, initials, money, number
from app.core.i18n import _, _n
from app.core.resource import Resource
from app.core.surfaces import list_controls, list_groups
from app.core.surfaces.list_builder import plain_args, said_by_form
from app.core.surfaces.list_controls import filters, teams, wider
from app.core.tables import Listing
from app.core.web import redirect_to, render

__all__ = ["context", "count", "filters", "list_page", "table", "teams"]

ZERO = "/0"  # url_for once per list with a sentinel id; one call per row is the dearest thing on a page


def list_page(resource: Resource) -> Any:
    """The rows of a resource, filtered, grouped and sorted by the address.

    An address that says nothing leads to the view with which the list opens for the person, if there is one; what plain
    forms send leads to the address that says the same.
    """
    if not request.args and (kept := saved_views.default_of(resource)) is not None:
        return redirect_to(url_for(resource.endpoint("list"), view=kept.id))
    if said_by_form(request.args):
        return redirect_to(url_for(resource.endpoint("list"), **plain_args(resource, request.args)))
    listing = Listing(resource, request.args)
    return render("core/list.html", "core/_list.html", **context(resource, listing))


def count(resource: Resource) -> Any:
    """How many rows the address chooses and what they add up to; loads by itself so that it never holds up the rows."""
    try:
        listing = Listing(resource, plain_args(resource, request.args))
    except BusinessError as error:
        if not said_by_form(request.args):
            raise
        return render("core/count.html", text=error.message, sums=[])
    found = grouping.totals(listing)
    text = _n("%(count)s row", "%(count)s rows", found.count, count=number(found.count))
    return render("core/count.html", text=text, sums=[] if said_by_form(request.args) else sums_of(listing, found))


def sums_of(listing: Listing, found: grouping.Sums) -> list[dict[str, str]]:
    """Label and text of the sums of the columns shown, money one by one per currency."""
    shown = []
    for typed in grouping.summed(listing.columns):
        if typed.kind == "money":
            text = " + ".join(money(each) for each in found.money(typed.name))
        else:
            text = number(found.numbers.get(typed.name, 0))
        if text:
            shown.append({"label": str(typed.label), "text": text})
    return shown


def context(resource: Resource, listing: Listing) -> dict[str, Any]:
    """Everything the list template needs."""
    grouped = listing.grouping is not None and not listing.within
    return {
        "resource": resource,
        "table": list_groups.table(listing, heads(resource, listing)) if grouped else table(resource, listing),
        "grouped": grouped,
        "filters": filters(resource, listing),
        "q": listing.q,
        "search_args": listing.query_args(q=None),
        "new_url": _url(resource, "new", "create"),
        "export_url": _url(resource, "export", "export", **listing.query_args()),
        "import_url": _url(resource, "import", "import"),
        "duplicates_url": _url(resource, "duplicates", "delete"),
        "trash_url": _url(resource, "trash", "delete") if resource.removable else None,
        "notices": listing.notices,
        **list_controls.controls(resource, listing),
    }


def _url(resource: Resource, surface: str, verb: str, **args: Any) -> str | None:
    endpoint = resource.endpoint(surface)
    if endpoint not in current_app.view_functions or not can(resource.permission(verb)):
        return None
    return url_for(endpoint, **args)


def table(resource: Resource, listing: Listing) -> dict[str, Any]:
    """Columns and rows of one page. Statements: one for the rows, one per look-up column, one per foreign column."""
    fields = listing.columns
    versioned = ["version"] if issubclass(resource.model, Versioned) else []
    names = dict.fromkeys([resource.title, *versioned, *(a for f in fields for a in f.attributes)])
    rows, following, previous = listing.page(*(getattr(resource.model, n) for n in names if n != "id"))
    ids = [row.id for row in rows]
    extra = {name: column.values(ids) for name, column in listing.extra} if ids else {}
    shown = _rows(listing, rows, extra)
    return {
        "columns": heads(resource, listing),
        "rows": shown,
        "next_url": _page_url(resource, listing, following),
        "prev_url": _page_url(resource, listing, previous),
        "count_url": url_for(resource.endpoint("count"), **listing.query_args(sort=None)),
        "filtered": listing.filtered,
        "clear_url": url_for(resource.endpoint("list"), **listing.cleared_args()),
        "wider": wider(resource, listing),
        "note": _note(listing, rows),
    }


def _note(listing: Listing, rows: Sequence[Any]) -> str:
    """A sentence where the order needs one: amounts of several currencies are not converted to be sorted."""
    name = listing.column.key.removesuffix("_minor")
    typed = next((f for f in listing.columns if f.kind == "money" and f.name == name), None)
    if typed is None or len({value.currency for row in rows if (value := typed.of(row)) is not None}) < 2:
        return ""
    return _("Amounts in different currencies are sorted by their figure, without converting them.")


def _page_url(resource: Resource, listing: Listing, cursor: str | None) -> str | None:
    return url_for(resource.endpoint("list"), **listing.query_args(), cursor=cursor) if cursor else None


def heads(resource: Resource, listing: Listing) -> list[dict[str, Any]]:
    """The heads of the columns shown, in their order."""
    base = url_for(resource.endpoint("list"), **listing.query_args(sort="__sort__"))
    return [
        _head(column, listing, base)
        if isinstance(column, Field)
        else {"name": column[1].name, "label": column[1].label, "numeric": column[1].numeric, "sort_url": None, "sorted": None}
        for column in listing.shown
    ]


def _head(typed: Field, listing: Listing, base: str) -> dict[str, Any]:
    name, sort = next(iter(typed.attributes), typed.name), listing.sort.lstrip("-")
    sorted_by = sort in (name, typed.name, f"{name}_key")
    down = sorted_by and listing.descending
    following = typed.name if not sorted_by or down else f"-{typed.name}"
    return {
        "name": typed.name,
        "label": typed.label,
        "numeric": typed.numeric,
        "sort_url": base.replace("__sort__", following) if typed.sortable else None,
        "sorted": ("desc" if down else "asc") if sorted_by else None,
    }


def _rows(listing: Listing, rows: Sequence[Any], extra: dict[str, Any]) -> list[dict[str, Any]]:
    before, after = url_for(listing.resource.endpoint("record"), row_id=0).rsplit(ZERO, 1)
    cells, title, unnamed = _Cells(listing, rows, extra), listing.resource.title, _("(no name)")
    shown = []
    for row in rows:
        url = f"{before}/{row.id}{after}"
        line = {"id": row.id, "url": url, "title": getattr(row, title) or unnamed, "cells": cells.of(row, url)}
        shown.append(line | ({"version": row.version} if hasattr(row, "version") else {}))
    return shown


class _Cells:
    """Makes the cells of rows; what is the same for all rows is worked out once."""

    def __init__(self, listing: Listing, rows: Sequence[Any], extra: dict[str, Any]) -> None:
        found = [f for f in listing.columns if isinstance(f, lookups.Lookup)]
        self.names = {f.name: lookups.labels(f.target, (f.of(row) for row in rows)) for f in found}
        self.links = {f.name: _link(f) for f in found}
        self.title, self.shown, self.extra = listing.resource.title, listing.shown, extra
        self.edit = _cell_url(listing.resource).rsplit("/0/", 1)

    def of(self, row: Any, url: str) -> list[dict[str, Any]]:
        return [
            self._cell(column, row, url)
            if isinstance(column, Field)
            else {"text": self.extra[column[0]].get(row.id, ""), "numeric": column[1].numeric}
            for column in self.shown
        ]

    def _cell(self, typed: Field, row: Any, url: str) -> dict[str, Any]:
        value = typed.of(row)
        if typed.name in self.names:
            cell = _lookup_cell(typed, value, self.names[typed.name].get(value, ""), self.links[typed.name])
        else:
            main = typed.name == self.title
            cell = {"text": typed.show(value), "url": url if main else None, "main": main, "numeric": typed.numeric}
            if typed.kind == "tags":
                cell["tags"] = tags.split(value)
        if typed.editable and len(self.edit) == 2:
            cell["edit_url"] = f"{self.edit[0]}/{row.id}/{self.edit[1][:-1]}{typed.name}"
        return cell


def _cell_url(resource: Resource) -> str:
    """Address of the cell "_" of row 0, where cells can be edited; "" where not."""
    endpoint = resource.endpoint("cell")
    if endpoint not in current_app.view_functions or not can(resource.permission("edit")):
        return ""
    return url_for(endpoint, row_id=0, field="_")


def _link(typed: Field) -> tuple[str, str] | None:
    target = typed.resource  # type: ignore[attr-defined]  # Lookup
    if not typed.linked or not can(target.permission("view")):  # type: ignore[attr-defined]  # Lookup
        return None
    before, after = url_for(target.endpoint("record"), row_id=0).rsplit(ZERO, 1)
    return before, after


def _lookup_cell(typed: Field, value: Any, label: str, link: tuple[str, str] | None) -> dict[str, Any]:
    cell: dict[str, Any] = {"text": label, "numeric": False}
    if value is not None and link:
        cell["url"] = f"{link[0]}/{value}{link[1]}"
    if label and typed.is_person:  # type: ignore[attr-defined]  # Lookup
        cell["avatar"] = {"initials": initials(label), "colour": colour(value), "name": label}
    return cell
