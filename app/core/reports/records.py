"""The page and the file of the records behind a figure."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Response, url_for
from werkzeug.datastructures import MultiDict

from app.core.access import can
from app.core.errors import Forbidden
from app.core.exporting import LABELS, SEEN, Wish
from app.core.formats import money, number
from app.core.i18n import _
from app.core.metrics import evaluate, metric
from app.core.reports.drilling import Drill
from app.core.reports.wording import text_of
from app.core.surfaces import export
from app.core.surfaces.listing import table


def context(found: Drill, args: MultiDict) -> dict[str, Any]:
    """What the page shows: the figure, the records of one page with what each adds, and what is not shown."""
    resource, listing = found.resource, found.listing(args.get("cursor", ""))
    shown = table(resource, listing)
    shares = found.shares([row["id"] for row in shown["rows"]])
    hidden = found.everything - (seen := found.seen(listing))
    value = text_of(found.metric, found.figure.total.value)
    for row in shown["rows"]:
        row["adds"] = _adds(found, shares.get(row["id"]))
        for cell in row["cells"]:
            cell.pop("edit_url", None)
    return {
        "metric": found.metric,
        "resource": resource,
        "conditions": found.conditions(),
        "table": shown,
        "countable": found.countable,
        "value": value,
        "parts": _parts(found),
        "seen": seen,
        "hidden": hidden,
        "sums": _sums(found, value, hidden),
        "places": _places(found, shown) if shown["rows"] else [],
        "next_url": _page_url(args, shown["next_url"]),
        "prev_url": _page_url(args, shown["prev_url"]),
        "file_url": url_for("admin.figure_records", **{**_said(args), "format": "csv"}) if can(resource.permission("export")) else None,
    }


def inputs(found: Drill, args: MultiDict) -> dict[str, Any]:
    """What the page of a figure made of others shows: each of them with its value and the address of its records."""
    told = []
    for each in (metric(metric_id) for metric_id in found.metric.inputs):
        value = evaluate(each.id, found.query).total.value
        said: dict[str, Any] = {**args.to_dict(flat=False), "metric": each.id}
        told.append({"label": each.label, "describe": each.describe, "value": text_of(each, value),
                     "url": url_for("admin.figure_records", **said)})  # fmt: skip
    return {"metric": found.metric, "conditions": found.conditions(), "value": text_of(found.metric, found.figure.total.value),
            "inputs": told}  # fmt: skip


def file(found: Drill, kind: str) -> Response:
    """The records that the reader may open, as they are listed. Raises `Forbidden` without the permission to export."""
    if not can(found.resource.permission("export")):
        raise Forbidden(_("You may not export these records."))
    listing = found.listing()
    return export.answer(listing, Wish(format=kind, extent=SEEN, headings=LABELS))


def _adds(found: Drill, share: Any) -> str:
    if isinstance(share, bool):
        return _("Yes") if share else _("No")
    return text_of(found.metric, share)


def _parts(found: Drill) -> str:
    """Of a ratio, what is divided by what."""
    total = found.figure.total
    if total.denominator is None or found.metric.unit != "ratio":
        return ""
    return f"{_part(total.numerator)} ÷ {_part(total.denominator)}"


def _sums(found: Drill, value: str, hidden: int) -> tuple[str, str] | None:
    """The figure, and what the records listed add up to; None where it is nothing but their number."""
    if value == number(found.everything):
        return None
    listed = text_of(found.metric, found.visible_sum()) if hidden and found.countable else value
    return value, listed if found.countable else ""


def _places(found: Drill, shown: dict[str, Any]) -> list[str]:
    """The classes of cells: a phone shows of each row its title, what it adds or its day, and the next two texts."""
    others, places = iter("ab"), []
    for column, cell in zip(shown["columns"], shown["rows"][0]["cells"], strict=True):
        if cell.get("main"):
            place = "title"
        elif column["name"] == found.metric.newest:
            place = "num"
        else:
            place = "" if cell["numeric"] else next(others, "")
        places.append(f" p-{place}" if place else "")
    return places


def _part(value: Any) -> str:
    return number(value) if isinstance(value, int) else money(value)


def _said(args: MultiDict) -> dict[str, Any]:
    return {name: values for name, values in args.to_dict(flat=False).items() if name != "cursor"}


def _page_url(args: MultiDict, list_url: str | None) -> str | None:
    """A page of these records: the cursor is that of the list, the address is this one's."""
    if not list_url:
        return None
    cursor = parse_qs(urlsplit(list_url).query)["cursor"][0]
    return url_for("admin.figure_records", **_said(args), cursor=cursor)
