"""The page of a report: as a page, one of its blocks alone, the whole of it, or a file, as its address asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import Response, request

from app.core.dimensions import dimensions
from app.core.reports import files
from app.core.reports.asking import Desk
from app.core.reports.blocks import Content, Later
from app.core.web import render


def answer(report: Any, desk: Desk, content: Callable[[Desk], Content], later: Sequence[Later], *,
           explained: Sequence[tuple[str, str]] = (), others: Sequence[Mapping[str, Any]] = ()) -> Response:  # fmt: skip
    """The answer to an address. `report` has a `label`; `later` are the blocks that load by themselves; `explained` are
    words besides the definitions of figures, `others` the reports to go on to: label, url, current."""
    part = request.args.get("part")
    if part and (found := next((each for each in later if each.key == part), None)):
        shown: dict[str, Any] = {"report": report, "block": found.make(), "notes": desk.notes(), "file_url": _file_urls(desk)}
        return render("core/reports/block.html", "core/reports/_block.html", **shown)
    made = content(desk)
    if kind := request.args.get("format"):
        return files.answer(str(report.label), desk, _whole(made, later), kind, request.args.get("table", ""))
    if "whole" in request.args:
        made, later = _whole(made, later), ()
    context = _context(desk, made, later)
    return render("core/reports/report.html", "core/reports/_report.html", report=report, reports=others,
                  definitions=[*desk.definitions(), *explained], **context)  # fmt: skip


def _whole(content: Content, later: Sequence[Later]) -> Content:
    """A report with all its blocks."""
    return replace(content, blocks=[*content.blocks, *(each.make() for each in later)])


def _file_urls(desk: Desk) -> dict[str, str]:
    return {kind: desk.frame.url(format=kind, table="_") for kind in (files.CSV, files.XLSX)}


def _context(desk: Desk, content: Content, later: Sequence[Later]) -> dict[str, Any]:
    frame, known = desk.frame, dimensions()
    for metric_id in (i for each in later for i in each.ids):
        desk.metric(metric_id)  # so that it is among the definitions
    return {
        "frame": frame,
        "content": content,
        "later": [{"title": each.title, "url": frame.url(part=each.key)} for each in later],
        "whole_url": frame.url(whole=1),
        "notes": [*content.notes, *desk.notes()],
        "splits": [{"label": str(known[s].label), "url": frame.url(by=s), "current": s == frame.split} for s in frame.splits],
        "pdf_url": frame.url(format=files.PDF),
        "file_url": _file_urls(desk),
    }
