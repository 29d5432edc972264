"""The record page of a resource: head, facts in groups, tabs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, abort, current_app, render_template, request, url_for
from markupsafe import Markup
from sqlalchemy import select

from app.core import lookups, merging, stream, tags, trash
from app.core.access import can
from app.core.db import db
from app.core.fields import Field
from app.core.formats import colour, initials, moment
from app.core.hx import wants_fragment
from app.core.i18n import _
from app.core.resource import Resource
from app.core.slots import slot
from app.core.web import render


def fetch(resource: Resource, row_id: int, for_update: bool = False) -> Any:
    """The row, or 404: what tenancy and record rules hide does not exist. The page of a record that lies in the trash
    says so instead, to those who would see the record."""
    statement = select(resource.model).where(resource.model.id == row_id)
    row = db.session.scalar(statement.with_for_update() if for_update else statement)
    if row is None and request and request.endpoint == resource.endpoint("record"):
        abort(_thrown_away(resource, row_id))
    return abort(404) if row is None else row


def _thrown_away(resource: Resource, row_id: int) -> Any:
    """The page of a record in the trash: who threw it away and when; 404 when it is not there."""
    rows = select(resource.model.id).where(resource.model.id == row_id)
    if db.session.scalar(rows, execution_options={"with_trash": True}) is None:
        return 404
    line = trash.lies(resource.model, row_id)
    if line is None:
        return 404
    who = lookups.labels(lookups.MEMBER, [line.member_id]).get(line.member_id or 0, _("The system"))
    told = _("%(who)s threw it away on %(when)s.", who=who, when=moment(line.at))
    if line.why == trash.MERGED:
        told = _("%(who)s merged it into another one on %(when)s.", who=who, when=moment(line.at))
    may_restore = can(resource.permission("delete")) and (line.why != trash.MERGED or can(resource.permission("edit")))
    winner = merging.winner_of(resource.model, row_id)
    return render(
        "core/trash_record.html",
        status=410,
        resource=resource,
        row_id=row_id,
        title=line.title or _("(no name)"),
        told=told,
        winner_url=url_for(resource.endpoint("record"), row_id=winner) if winner else None,
        trash_url=url_for(resource.endpoint("trash")) if may_restore else None,
        list_url=url_for(resource.endpoint("list")),
    )


def record_page(resource: Resource, row_id: int) -> Any:
    """A record with its facts; the stream of what happened is its first tab."""
    row = fetch(resource, row_id)
    return render(resource.page.template, resource.page.fragment, **page_of(resource, row))


def history(resource: Resource, row_id: int) -> Any:
    """The stream of a record, as a tab of its page."""
    row = fetch(resource, row_id)
    return tab_of(resource, row, "core/_history.html", stream=_stream(resource, row))


def tab_of(resource: Resource, row: Any, fragment: str, *, status: int = 200, **context: Any) -> Response:
    """A tab of a record, made from a template of its own: alone for htmx, within the page of the record otherwise."""
    context = {"resource": resource, "title": resource.called(row), **context}
    if wants_fragment():
        return render(fragment, status=status, **context)
    part = Markup(render_template(fragment, **context))  # noqa: S704  # a template of ours has escaped what it was given
    return render(resource.page.template, status=status, **frame_of(resource, row), tab=part)


def page_of(resource: Resource, row: Any) -> dict[str, Any]:
    """What the templates of a record's page need when the stream is the tab that is shown."""
    return {**frame_of(resource, row), "stream": _stream(resource, row)}


def frame_of(resource: Resource, row: Any) -> dict[str, Any]:
    """What the templates of a record's page need beside the tab that is shown."""
    own = resource.page.context
    return {"resource": resource, **(own(row) if own else {"record": describe(resource, row)})}


def _stream(resource: Resource, row: Any) -> Mapping[str, Any]:
    own = resource.page.stream
    return own(row) if own else stream.of(resource, row.id)


def describe(resource: Resource, row: Any) -> dict[str, Any]:
    """Everything the record template needs."""
    editable = can(resource.permission("edit"))
    field_url = url_for(resource.endpoint("field"), row_id=row.id, field="_")[:-1] if editable else None
    return {
        "id": row.id,
        "title": resource.called(row),
        "subtitle": resource.field(resource.subtitle).show(getattr(row, resource.subtitle)) if resource.subtitle else "",
        "version": getattr(row, "version", 1),
        "tags": [],
        "crumbs": [{"label": resource.label_plural, "url": url_for(resource.endpoint("list"))}],
        "head": [fact(resource.field(name), row, None) for name in resource.head],
        "groups": [
            {"label": label, "facts": [fact(resource.field(name), row, field_url) for name in names]}
            for label, names in resource.groups
        ],
        "tabs": tabs(resource, row.id),
        "panels": slot(f"{resource.key}.panels", **{f"{resource.name}_id": row.id}),
        "edit_url": url_for(resource.endpoint("edit"), row_id=row.id) if editable else None,
        "actions": actions(resource, row.id),
    }


def actions(resource: Resource, row_id: int) -> list[dict[str, Any]]:
    """What the menu of the head offers besides: what modules add, merging, personal data, throwing it away."""
    found = [{**item, "drawer": True} for item in slot(f"{resource.key}.actions", **{f"{resource.name}_id": row_id})]
    if may_merge(resource):
        found.append({"label": _("Merge…"), "url": url_for(resource.endpoint("merge"), ids=row_id), "icon": "arrows-exchange"})
    if resource.personal and can(resource.permission("delete")):
        url = url_for(resource.endpoint("personal"), row_id=row_id)
        found.append({"label": _("Personal data…"), "url": url, "icon": "user-off"})
    if resource.removable and can(resource.permission("delete")):
        url = url_for(resource.endpoint("remove"), row_id=row_id)
        found.append({"label": _("Throw away…"), "url": url, "icon": "trash", "dialog": True})
    return found


def may_merge(resource: Resource) -> bool:
    """Whether the person may merge rows of a resource."""
    there = resource.endpoint("merge") in current_app.view_functions and merging.mergeable(resource)
    return there and can(resource.permission("delete")) and can(resource.permission("edit"))


def tabs(resource: Resource, row_id: int) -> list[dict[str, Any]]:
    """The stream, and the tabs other modules contribute."""
    url = url_for(resource.endpoint("history"), row_id=row_id)
    others = [{**tab, "current": tab["url"] == request.path} for tab in slot(f"{resource.key}.tabs", **{f"{resource.name}_id": row_id})]
    alone = not any(tab["current"] for tab in others)
    return [{"key": "history", "label": _("Timeline"), "url": url, "icon": "timeline", "current": alone}, *others]


def fact(typed: Field, row: Any, field_url: str | None) -> dict[str, Any]:
    """One field of a record as the page shows it; `field_url` is where it can be edited in place."""
    value = typed.of(row)
    text = typed.show(value)
    shown: dict[str, Any] = {
        "name": typed.name,
        "label": typed.label,
        "text": text,
        "empty": text == "",
        "numeric": typed.numeric,
        "kind": typed.kind,
        "tags": tags.split(value) if typed.kind == "tags" else [],
        "url": None,
        "edit_url": f"{field_url}{typed.name}" if field_url and typed.editable else None,
    }
    if isinstance(typed, lookups.Lookup) and value is not None:
        target = typed.resource
        if typed.linked and can(target.permission("view")):
            shown["url"] = url_for(target.endpoint("record"), row_id=value)
        if typed.is_person:
            shown["avatar"] = {"initials": initials(text), "colour": colour(value), "name": text}
    elif value and typed.kind in ("email", "phone", "url"):
        shown["url"] = {"email": f"mailto:{value}", "phone": f"tel:{value}", "url": value}[typed.kind]
        shown["external"] = typed.kind == "url"
    return shown
