"""Likely duplicates of a resource, by name, mail address, telephone or web site, with the way to merge them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import abort, request, url_for
from sqlalchemy import select

from app.core import duplicate_groups, duplicates, lookups, merging
from app.core.access import can
from app.core.db import db
from app.core.fields import Field
from app.core.resource import Resource
from app.core.web import render

MOST_FACTS = 4


def duplicates_page(resource: Resource) -> Any:
    """Groups of rows that have `by` in common, page by page."""
    ways = duplicate_groups.ways(resource)
    chosen = request.args.get("by", "") or ways[0].name
    way = next((f for f in ways if f.name == chosen), None) or abort(404)
    found = duplicate_groups.groups(resource, way, request.args.get("after", "")[:200])
    here = resource.endpoint("duplicates")
    return render(
        "core/duplicates.html",
        "core/_duplicate_groups.html",
        resource=resource,
        ways=[{"label": f.label, "url": url_for(here, by=f.name), "current": f is way} for f in ways],
        way=way,
        groups=_shown(resource, found.groups),
        first_url=url_for(here, by=way.name) if request.args.get("after") else None,
        next_url=url_for(here, by=way.name, after=found.following) if found.following else None,
        list_url=url_for(resource.endpoint("list")),
    )


def _shown(resource: Resource, groups: Sequence[Sequence[int]]) -> list[dict[str, Any]]:
    """The groups for the page; one statement for all rows, one per look-up shown."""
    ids = [row_id for group in groups for row_id in group]
    rows = {row.id: row for row in db.session.scalars(select(resource.model).where(resource.model.id.in_(ids)))} if ids else {}
    facts = _facts(resource)
    for typed in facts:
        if isinstance(typed, lookups.Lookup):
            lookups.labels(typed.target, (typed.of(row) for row in rows.values()))
    may_merge = can(resource.permission("edit")) and can(resource.permission("delete"))
    merge_url, record_url = url_for(resource.endpoint("merge")), url_for(resource.endpoint("record"), row_id=0)[:-1]
    return [
        {
            "rows": [_row(resource, rows[row_id], facts, record_url) for row_id in group if row_id in rows],
            "merge_url": f"{merge_url}?ids={','.join(map(str, group[: merging.MOST]))}" if may_merge else None,
        }
        for group in groups
    ]


def _facts(resource: Resource) -> list[Field]:
    """What tells rows of one name apart: how to reach them first, then the columns of the list."""
    names = dict.fromkeys([*(f.name for f in resource.fields if f.kind in duplicates.CONTACT), *resource.columns])
    fields = [resource.field(name) for name in names if name != resource.title]
    return [f for f in fields if f.kind != "longtext"][:MOST_FACTS]


def _row(resource: Resource, row: Any, facts: Sequence[Field], record_url: str) -> dict[str, Any]:
    return {
        "title": resource.called(row),
        "url": f"{record_url}{row.id}",
        "facts": [text for typed in facts if (text := typed.show(typed.of(row)))],
    }
