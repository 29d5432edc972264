"""The list page of a resource, and its count."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask import request, url_for
from sqlalchemy import select

from app.core import lookups
from app.core.access import can
from app.core.db import db
from app.core.fields import Field
from app.core.formats import colour, initials, number
from app.core.i18n import _, _n
from app.core.ids import whole
from app.core.lifecycle import enabled_modules
from app.core.models import Team
from app.core.resource import Resource, View
from app.core.tables import ME, NONE, Listing
from app.core.web import render

ZERO = "/0"  # url_for once per list with a sentinel id; one call per row is the dearest thing on a page


def list_page(resource: Resource) -> Any:
    """The rows of a resource, filtered and sorted by the address."""
    listing = Listing(resource, request.args)
    return render("core/list.html", "core/_list.html", **context(resource, listing))


def count(resource: Resource) -> Any:
    """How many rows the address chooses; loads by itself so that it never holds up the rows."""
    found = Listing(resource, request.args).count()
    return render("core/count.html", text=_n("%(count)s row", "%(count)s rows", found, count=number(found)))


def context(resource: Resource, listing: Listing) -> dict[str, Any]:
    """Everything the list template needs."""
    return {
        "resource": resource,
        "table": table(resource, listing),
        "filters": filters(resource, listing),
        "q": listing.q,
        "search_args": listing.query_args(q=None),
        "new_url": _url(resource, "new", "create"),
        "export_url": _url(resource, "export", "export", **listing.query_args()),
        "import_url": _url(resource, "import", "import"),
        "tabs": [_tab(resource, listing, view) for view in resource.views],
    }


def _tab(resource: Resource, listing: Listing, view: View) -> dict[str, Any]:
    name = None if view is resource.views[0] else view.name
    url = url_for(resource.endpoint("list"), view=name, q=listing.q or None)
    return {"label": view.label, "url": url, "current": view is listing.view}


def _url(resource: Resource, surface: str, verb: str, **args: Any) -> str | None:
    return url_for(resource.endpoint(surface), **args) if can(resource.permission(verb)) else None


def table(resource: Resource, listing: Listing) -> dict[str, Any]:
    """Columns and rows of one page. Statements: one for the rows, one per look-up column, one per foreign column."""
    fields = [resource.field(name) for name in resource.columns]
    names = dict.fromkeys([resource.title, *(a for f in fields for a in f.attributes)])
    rows, following, previous = listing.page(*(getattr(resource.model, n) for n in names))
    extra = _extra_columns(resource, [row.id for row in rows])
    record_url = url_for(resource.endpoint("record"), row_id=0)
    shown = _rows(resource, fields, rows, record_url)
    for row in shown:
        row["cells"] += [{"text": values.get(row["id"], ""), "numeric": c.numeric} for c, values in extra]
    return {
        "columns": [_head(f, listing) for f in fields]
        + [{"name": c.name, "label": c.label, "numeric": c.numeric, "sort_url": None, "sorted": None} for c, _v in extra],
        "rows": shown,
        "next_url": _page_url(resource, listing, following),
        "prev_url": _page_url(resource, listing, previous),
        "count_url": url_for(resource.endpoint("count"), **listing.query_args(sort=None)),
        "filtered": listing.filtered,
        "clear_url": url_for(resource.endpoint("list")),
    }


def _page_url(resource: Resource, listing: Listing, cursor: str | None) -> str | None:
    return url_for(resource.endpoint("list"), **listing.query_args(), cursor=cursor) if cursor else None


def _extra_columns(resource: Resource, ids: list[int]) -> list[tuple[Any, Any]]:
    """Columns of other modules, each asked once for the whole page."""
    columns = [c for m in enabled_modules() for c in m.hooks.columns if c.resource == resource.key and can(c.permission)]
    return [(c, c.values(ids)) for c in columns]


def _head(typed: Field, listing: Listing) -> dict[str, Any]:
    name, sort = next(iter(typed.attributes), typed.name), listing.sort.lstrip("-")
    sorted_by = sort in (name, typed.name, f"{name}_key")
    down = sorted_by and listing.descending
    following = typed.name if not sorted_by or down else f"-{typed.name}"
    return {
        "name": typed.name,
        "label": typed.label,
        "numeric": typed.numeric,
        "sort_url": url_for(listing.resource.endpoint("list"), **listing.query_args(sort=following)) if typed.sortable else None,
        "sorted": ("desc" if down else "asc") if sorted_by else None,
    }


def _rows(resource: Resource, fields: Sequence[Field], rows: Sequence[Any], record_url: str) -> list[dict[str, Any]]:
    before, after = record_url.rsplit(ZERO, 1)
    targets = {f.name: lookups.labels(f.target, (f.of(r) for r in rows)) for f in fields if isinstance(f, lookups.Lookup)}
    links = {name: _link(resource.field(name)) for name in targets}
    shown = []
    for row in rows:
        url = f"{before}/{row.id}{after}"
        cells = []
        for typed in fields:
            value = typed.of(row)
            if typed.name in targets:
                cells.append(_lookup_cell(typed, value, targets[typed.name].get(value, ""), links[typed.name]))
            else:
                main = typed.name == resource.title
                cells.append({"text": typed.show(value), "url": url if main else None, "main": main, "numeric": typed.numeric})
        shown.append({"id": row.id, "url": url, "title": getattr(row, resource.title) or _("(no name)"), "cells": cells})
    return shown


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


def filters(resource: Resource, listing: Listing) -> list[dict[str, Any]]:
    """The filter chips: what is chosen, what can be."""
    found = [_chip(resource, listing, resource.field(name)) for name in resource.filters]
    if resource.owned and "owner_id" in resource.filters:
        found.insert(1, _team_chip(resource, listing))
    return found


def _chip(resource: Resource, listing: Listing, typed: Field) -> dict[str, Any]:
    value = listing.value_of(typed.name)
    chip: dict[str, Any] = {"name": typed.name, "label": typed.label, "value": value, "kind": "choice", "options": []}
    args: dict[str, Any] = {typed.name: None}
    if typed.kind == "date":
        first, last = listing.value_of(f"{typed.name}__gte"), listing.value_of(f"{typed.name}__lte")
        args |= {f"{typed.name}__gte": None, f"{typed.name}__lte": None}
        chip |= {"kind": "dates", "first": first, "last": last, "text": _period(typed, first, last)}
        chip["value"] = value or first or last
    elif typed.kind == "lookup":
        chip |= {"kind": "lookup", **_offered(typed, whole(value))}
    elif typed.kind == "boolean":
        chip["options"] = [("true", _("Yes")), ("false", _("No"))]
    else:
        chip["options"] = [(v, str(label)) for v, label in getattr(typed, "choices", ())]
    if typed.kind != "date":
        chip["text"] = next((label for v, label in chip["options"] if v == value), value)
    return _finish(resource, listing, chip, args)


def _offered(typed: Any, chosen: int | None) -> dict[str, Any]:
    """What a look-up can be filtered by: the first rows by name, and where there are more, a search among all."""
    options = typed.options(chosen)
    more = len(options) >= lookups.MOST_OPTIONS and can(typed.resource.permission("view"))
    return {
        "options": [*([(ME, _("Me"))] if typed.is_person else []), *options, (NONE, _("None"))],
        "search_url": url_for(typed.resource.endpoint("options")) if more else None,
    }


def _team_chip(resource: Resource, listing: Listing) -> dict[str, Any]:
    options = [(str(t.id), t.name) for t in teams()]
    value = listing.value_of("team")
    text = next((label for v, label in options if v == value), value)
    chip = {"name": "team", "label": _("Team"), "kind": "choice", "value": value, "options": options, "text": text}
    return _finish(resource, listing, chip, {"team": None})


def teams() -> list[Any]:
    """All teams of the company by name: id and name."""
    return list(db.session.execute(select(Team.id, Team.name).order_by(Team.name_key)))


def _finish(resource: Resource, listing: Listing, chip: dict[str, Any], args: dict[str, Any]) -> dict[str, Any]:
    others = listing.query_args(**args)
    chip |= {"on": bool(chip["value"]), "others": others, "clear_url": url_for(resource.endpoint("list"), **others)}
    return chip


def _period(typed: Field, first: str, last: str) -> str:
    """Both ends were read as dates when the list was made."""
    ends = [typed.show(date.fromisoformat(text)) if text else "…" for text in (first, last)]
    return " – ".join(ends) if first or last else ""
