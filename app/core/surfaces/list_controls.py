"""What stands above a list: views as tabs, filter chips, and the menus for group and columns."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import url_for
from sqlalchemy import select

from app.core import filtering, grouping, lookups, relative_dates, saved_views, tags
from app.core.access import can
from app.core.db import db
from app.core.fields import Field
from app.core.i18n import _
from app.core.ids import whole
from app.core.models import Team
from app.core.operators import ME, MY_TEAM, NONE
from app.core.resource import Resource, View
from app.core.tables import Listing
from app.core.words import Words

AT_HAND = 3  # chips of filters that are not in use


def controls(resource: Resource, listing: Listing) -> dict[str, Any]:
    """Tabs, chips and menus for the template."""
    words = Words([listing.tree, *(condition for _name, condition in listing.simple)])
    return {
        "tabs": tabs(resource, listing),
        "view_menu": view_menu(resource, listing),
        "conditions": [*_simple_chips(resource, listing, words), *_tree_chips(resource, listing, words)],
        "filter_url": url_for(resource.endpoint("filter"), **listing.query_args()),
        "filter_count": sum(1 for _each in filtering.conditions(listing.tree)),
        "group_menu": group_menu(resource, listing),
        "opened": _opened(resource, listing),
        "column_menu": column_menu(resource, listing),
    }


# Views


def tabs(resource: Resource, listing: Listing) -> list[dict[str, Any]]:
    """The resource's own views, then the saved ones that the person may use."""
    own = [_tab(resource, listing, view) for view in resource.views]
    kept = [
        {**_tab(resource, listing, k.view), "shared": k.shared, "default": k.my_default or k.company_default}
        for k in saved_views.of(resource)
    ]
    if kept and not own:
        own = [_tab(resource, listing, View("all", _("All")))]
    return [*own, *kept]


def _tab(resource: Resource, listing: Listing, view: View) -> dict[str, Any]:
    url = url_for(resource.endpoint("list"), view=view.name, q=listing.q or None)
    return {"label": view.label, "url": url, "current": view.name == listing.view.name}


def view_menu(resource: Resource, listing: Listing) -> dict[str, Any] | None:
    """What can be done with what the list shows: saved as a view, or kept in the present one."""
    kept = listing.kept
    changed = listing.overrides
    return {
        "save_url": url_for(resource.endpoint("views")),
        "change_url": url_for(resource.endpoint("view"), view_id=kept.id) if kept else None,
        "kept": kept,
        "changed": changed,
        "args": urlencode(saved_views.merged(listing.view, listing.args)),
        "may_share": saved_views.may_share(resource),
        "is_admin": saved_views.is_admin(),
        "what": resource.label_plural,
    }


# Chips


def _simple_chips(resource: Resource, listing: Listing, words: Words) -> list[dict[str, Any]]:
    """Conditions by field name that no chip of the resource's own filters shows."""
    own = {*resource.filters, *(f"{n}__{end}" for n in resource.filters for end in ("gte", "lte"))}
    base = resource.endpoint("list")
    return [
        {"text": words.of(condition), "clear_url": url_for(base, **listing.query_args(**{name: None}))}
        for name, condition in listing.simple
        if name not in own or (name in resource.filters and "," in listing.value_of(name))
    ]


def _tree_chips(resource: Resource, listing: Listing, words: Words) -> list[dict[str, Any]]:
    """One chip for each part that must hold; a tree of which any part must hold is one chip."""
    tree = listing.tree
    if not tree.parts:
        return []
    base = resource.endpoint("list")
    if tree.joiner == "or" and len(tree.parts) > 1:
        return [{"text": words.of(tree), "clear_url": url_for(base, **listing.query_args(filter=None))}]
    return [
        {"text": words.of(part),
         "clear_url": url_for(base, **listing.query_args(filter=filtering.write(tree.without(place)) or None))}
        for place, part in enumerate(tree.parts)
    ]  # fmt: skip


def filters(resource: Resource, listing: Listing) -> list[dict[str, Any]]:
    """The chips of the resource's own filters: those in use, and the first few others."""
    found = [_chip(resource, listing, resource.field(name)) for name in resource.filters
             if _in_use(listing, name) or name in resource.filters[:AT_HAND]]
    if resource.owned and "owner_id" in resource.filters:
        found.insert(1, _team_chip(resource, listing))
    spare = max(0, AT_HAND - len(listing.tree.parts) - (1 if listing.within else 0))  # all in one line
    shown = []
    for chip in found:
        spare -= not chip["on"]
        if chip["on"] or spare >= 0:
            shown.append(chip)
    return shown


def _in_use(listing: Listing, name: str) -> bool:
    return any(listing.value_of(n) for n in (name, f"{name}__gte", f"{name}__lte"))


def _chip(resource: Resource, listing: Listing, typed: Field) -> dict[str, Any]:
    value = listing.value_of(typed.name)
    chip: dict[str, Any] = {"name": typed.name, "label": typed.label, "value": value, "kind": "choice", "options": []}
    args: dict[str, Any] = {typed.name: None}
    if typed.kind == "date":
        first, last = listing.value_of(f"{typed.name}__gte"), listing.value_of(f"{typed.name}__lte")
        args |= {f"{typed.name}__gte": None, f"{typed.name}__lte": None}
        chip |= {"kind": "dates", "period": value, "first": _as_day(first), "last": _as_day(last), "text": _period(value, first, last)}
        chip |= {"options": [(name, relative_dates.label(name)) for name in relative_dates.OFFERED]}
        chip["value"] = value or first or last
    elif typed.kind == "lookup":
        chip |= {"kind": "lookup", **_offered(typed, whole(value))}
    elif typed.kind == "boolean":
        chip["options"] = [("true", _("Yes")), ("false", _("No"))]
    elif typed.kind == "tags":
        chip["options"] = [*((tag, tag) for tag in tags.used()), (NONE, _("None"))]
    else:
        chip["options"] = [(v, str(label)) for v, label in getattr(typed, "choices", ())]
    if typed.kind != "date":
        chip["text"] = ", ".join(next((label for v, label in chip["options"] if v == each), each) for each in value.split(","))
    return _finish(resource, listing, chip, args)


def _offered(typed: Any, chosen: int | None) -> dict[str, Any]:
    """What a look-up can be filtered by: the first rows by name, and where there are more, a search among all."""
    options = typed.options(chosen)
    more = len(options) >= lookups.MOST_OPTIONS and can(typed.resource.permission("view"))
    people = [(ME, _("Me")), (MY_TEAM, _("My team"))] if typed.is_person else []
    return {
        "options": [*people, *options, (NONE, _("None"))],
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


def _as_day(text: str) -> str:
    """What a control for dates can hold: nothing for a period by name."""
    return text if text[:1].isdigit() and len(text) == 10 else ""


def _period(value: str, first: str, last: str) -> str:
    """All ends were read when the list was made."""
    if value:
        return _("None") if value == NONE else relative_dates.label(value)
    ends = [relative_dates.label(text) if text else "…" for text in (first, last)]
    return " – ".join(ends) if first or last else ""


# Group and columns


def group_menu(resource: Resource, listing: Listing) -> dict[str, Any] | None:
    """What the list can be grouped by."""
    offered = grouping.groupable(resource)
    if not offered:
        return None
    base = url_for(resource.endpoint("list"), **listing.query_args(group="__group__", within=None))
    current = listing.grouping
    return {
        "options": [
            {"label": g.label, "url": base.replace("__group__", g.argument.replace(":", "%3A")), "current": g == current}
            for g in offered
        ],
        "current": current,
        "clear_url": url_for(resource.endpoint("list"), **listing.query_args(group=None, within=None)),
    }


def _opened(resource: Resource, listing: Listing) -> dict[str, Any] | None:
    """The chip of the one group that is shown."""
    if not listing.grouping or not listing.within:
        return None
    condition = filtering.Condition(listing.grouping.typed, "is", (listing.within.removeprefix("="),))
    unit = listing.grouping.unit
    if listing.within == grouping.EMPTY:
        text = _("(empty)")
    elif unit:
        text = relative_dates.names_of(relative_dates.around(relative_dates.period(listing.within)[0], unit)[0], unit)
    else:
        text = Words([condition]).value(condition.typed, condition.values[0])
    back = url_for(resource.endpoint("list"), **listing.query_args(within=None))
    return {"label": listing.grouping.label, "text": text, "clear_url": back}


def column_menu(resource: Resource, listing: Listing) -> dict[str, Any]:
    """All columns: those shown in their order, then the others."""
    known = listing.choosable()
    shown = [c.name if isinstance(c, Field) else c[0] for c in listing.shown]
    names = [*shown, *(n for n in known if n not in shown)]
    kept = listing.query_args(columns=None)
    kept.pop("columns", None)
    return {
        "columns": [
            {"name": n, "label": _label(known[n]), "on": n in shown, "fixed": n == resource.title} for n in names
        ],
        "kept": kept,
        "reset_url": url_for(resource.endpoint("list"), **listing.query_args(columns=None)),
        "chosen": bool(listing.value_of("columns")),
        "url": url_for(resource.endpoint("list")),
    }


def _label(column: Any) -> str:
    return str(column.label if isinstance(column, Field) else column[1].label)


def wider(resource: Resource, listing: Listing) -> dict[str, Any] | None:
    """Where everything is, of a view that has less: what an empty one leads to."""
    view = listing.wider
    return {"label": view.label, "url": url_for(resource.endpoint("list"), view=view.name)} if view else None
