"""A list in groups: a line per group with count and sums; its rows are asked for when it is opened."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from flask import url_for

from app.core import grouping
from app.core.fields import Field
from app.core.formats import money, number
from app.core.surfaces.list_controls import wider
from app.core.tables import PAGE, Listing

KEY = "__key__"


def table(listing: Listing, columns: list[dict[str, Any]]) -> dict[str, Any]:
    """Heads, groups and the sums of all rows. Statements do not depend on how many groups there are."""
    resource = listing.resource
    found, more = grouping.groups(listing)
    whole = _whole(found) if not more else grouping.totals(listing)
    base = url_for(resource.endpoint("list"), **listing.query_args(within=KEY))
    fields = {f.name: f for f in grouping.summed(listing.columns)}
    return {
        "columns": columns,
        "rows": [],
        "groups": [
            {
                "label": row.label,
                "count": number(row.sums.count),
                "sums": _cells(listing, fields, row.sums),
                "url": base.replace(KEY, quote(row.key, safe="")),
                "more": row.sums.count > PAGE,
            }
            for row in found
        ],
        "too_many": more,
        "totals": {"number": whole.count, "count": number(whole.count), "sums": _cells(listing, fields, whole)},
        "next_url": None,
        "prev_url": None,
        "count_url": None,
        "filtered": listing.filtered,
        "clear_url": url_for(resource.endpoint("list"), **listing.cleared_args()),
        "wider": wider(resource, listing),
        "note": "",
    }


def _whole(found: list[grouping.GroupRow]) -> grouping.Sums:
    """All groups together, where none is left out."""
    sums = grouping.Sums()
    for row in found:
        sums.count += row.sums.count
        for name, value in row.sums.numbers.items():
            sums.numbers[name] = sums.numbers.get(name, 0) + value
        for name, amounts in row.sums.amounts.items():
            whole = sums.amounts.setdefault(name, {})
            for currency, minor in amounts.items():
                whole[currency] = whole.get(currency, 0) + minor
    return sums


def _cells(listing: Listing, fields: dict[str, Field], sums: grouping.Sums) -> list[dict[str, Any]]:
    """One cell for each column after the first, which names the group: lines of sums, one per currency."""
    cells = []
    for column in listing.shown[1:]:
        name = column.name if isinstance(column, Field) else ""
        if name not in fields:
            cells.append({"lines": [], "numeric": False})
        elif fields[name].kind == "money":
            cells.append({"lines": [money(each) for each in sums.money(name)], "numeric": True})
        else:
            cells.append({"lines": [number(sums.numbers.get(name, 0))], "numeric": True})
    return cells
