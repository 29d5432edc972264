"""Throwing a record away, the trash of a resource, and bringing rows back from it."""

from __future__ import annotations

from typing import Any

from flask import request, url_for
from sqlalchemy import func, select

from app.core import lookups, merging, trash
from app.core.access import can
from app.core.db import db, fold
from app.core.errors import BusinessError, Forbidden
from app.core.formats import moment, number
from app.core.i18n import _, _l, _n
from app.core.ids import whole
from app.core.lifecycle import enabled_modules
from app.core.models import Trash
from app.core.resource import Resource
from app.core.surfaces.form import needed_version
from app.core.surfaces.record import fetch
from app.core.web import redirect_to, render, toast
from app.core.writes import check_version

PAGE = 50
MOST = 5_000  # rows brought back in one request
REASONS = {trash.DELETED: _l("Thrown away"), trash.MERGED: _l("Merged"), trash.REVERTED: _l("Import undone")}
HIDDEN = {"with_trash": True}  # what lies in the trash is to be found; record rules hold all the same


def remove(resource: Resource, row_id: int) -> Any:
    """Ask whether a record is to be thrown away, saying what refers to it; or do it."""
    row = fetch(resource, row_id, for_update=request.method == "POST")
    if request.method == "GET":
        return _ask(resource, row)
    check_version(row, needed_version())
    title = resource.called(row)
    try:
        group = resource.remove([row_id])
    except BusinessError as error:
        return _ask(resource, row, error.message)
    toast(_("“%(name)s” was thrown away.", name=title), undo_url=url_for(resource.endpoint("trash"), group=group))
    return redirect_to(url_for(resource.endpoint("list")))


def _ask(resource: Resource, row: Any, refusal: str = "") -> Any:
    why_not = refusal or _why_not(resource, row.id)
    return render(
        "core/remove.html",
        "core/_remove.html",
        status=422 if refusal else 200,
        resource=resource,
        record={"id": row.id, "version": row.version, "title": resource.called(row)},
        references="" if why_not else references(resource, [row.id]),
        why_not=why_not,
        action=url_for(resource.endpoint("remove"), row_id=row.id),
        cancel_url=url_for(resource.endpoint("record"), row_id=row.id),
    )


def _why_not(resource: Resource, row_id: int) -> str:
    """Why a row cannot be thrown away, as far as it can be told before."""
    if not resource.removable:
        return _("Rows of this kind cannot be thrown away.")
    try:
        if not resource.owned:
            trash.refuse_in_use(resource.model, [row_id])
    except BusinessError as error:
        return error.message
    return ""


def references(resource: Resource, ids: list[int]) -> str:
    """What refers to rows, as far as the person may see it: "3 people, 12 deals"; empty for nothing."""
    others = {r.model: r for m in enabled_modules() for r in m.hooks.resources if can(r.permission("view"))}
    counts = trash.counts_of_references(resource.model, ids, others)
    return ", ".join(_counted(others[model], count) for model, count in counts.items())


def _counted(resource: Resource, count: int) -> str:
    label = str(resource.label if count == 1 else resource.label_plural)
    return f"{number(count)} {label[:1].lower()}{label[1:]}"


# The trash


def trash_page(resource: Resource) -> Any:
    """What was thrown away, newest first; or bring rows back."""
    if request.method == "POST":
        return _restore(resource)
    q = request.args.get("q", "").strip()[:100]
    before = whole(request.args.get("before"))
    lines = _lines(resource, q, before)
    more = len(lines) > PAGE
    lines = lines[:PAGE]
    address = resource.endpoint("trash")
    return render(
        "core/trash.html",
        "core/_trash.html",
        resource=resource,
        q=q,
        rows=_shown(resource, lines),
        list_url=url_for(resource.endpoint("list")),
        action=url_for(address),
        next_url=url_for(address, q=q or None, before=lines[-1].id) if more else None,
        first_url=url_for(address, q=q or None) if before is not None else None,
    )


def _lines(resource: Resource, q: str, before: int | None) -> list[Any]:
    """One page of the trash and one more: only rows that the person would see if they were not there."""
    columns = (Trash.id, Trash.row_id, Trash.title, Trash.at, Trash.member_id, Trash.why, Trash.group_id)
    found = _mine(resource, *columns).order_by(Trash.id.desc()).limit(PAGE + 1)
    for word in fold(q).split():
        found = found.where(_searched(resource).contains(word, autoescape=True))
    if before is not None:
        found = found.where(Trash.id < before)
    return list(db.session.execute(found, execution_options=HIDDEN))


def _mine(resource: Resource, *columns: Any) -> Any:
    model = resource.model
    joined = (Trash.row_id == model.id) & (Trash.table_name == model.__tablename__)
    return select(*columns).select_from(Trash).join(model, joined)


def _searched(resource: Resource) -> Any:
    """The folded text of a row; what was to be unique was given up, and is searched for as it was noted."""
    column = getattr(resource.model, "search_key", None)
    return func.lower(Trash.title) if column is None else column


def _shown(resource: Resource, lines: list[Any]) -> list[dict[str, Any]]:
    names = lookups.labels(lookups.MEMBER, (line.member_id for line in lines))
    together = _groups(resource, {line.group_id for line in lines})
    nobody, nameless = _("The system"), _("(no name)")
    record_url = url_for(resource.endpoint("record"), row_id=0).removesuffix("0")
    return [
        {
            "id": line.row_id,
            "title": line.title or nameless,
            "url": f"{record_url}{line.row_id}",
            "who": names.get(line.member_id, nobody),
            "when": moment(line.at),
            "why": str(REASONS.get(line.why, "")),
            "group": line.group_id,
            "together": together.get(line.group_id, 1),
        }
        for line in lines
    ]


def _groups(resource: Resource, groups: set[str]) -> dict[str, int]:
    """How many rows that the person may see went together."""
    counted = _mine(resource, Trash.group_id, func.count()).where(Trash.group_id.in_(groups)).group_by(Trash.group_id)
    return dict(db.session.execute(counted, execution_options=HIDDEN).all())


def _restore(resource: Resource) -> Any:
    """Bring back rows, or all that went together; the address names a group where "undo" was pressed."""
    group = request.args.get("group") or request.form.get("group")
    given = request.form.getlist("only") or request.form.getlist("row")
    ids = [n for text in given if (n := whole(text)) is not None]
    chosen = Trash.group_id == group if group else Trash.row_id.in_(ids[:MOST])
    lines = db.session.execute(
        _mine(resource, Trash.row_id, Trash.title, Trash.why).where(chosen).limit(MOST), execution_options=HIDDEN
    ).all()
    if not lines:
        raise BusinessError(_("This is not in the trash any more.") if group or ids else _("Tick some rows first."))
    if any(line.why == trash.MERGED for line in lines) and not can(resource.permission("edit")):
        raise Forbidden(_("What was merged comes back by changing the record it was merged into, which you may not do."))
    back, left = merging.bring_back(resource, [line.row_id for line in lines])
    if not back and not left:
        raise BusinessError(_("This is not in the trash any more."))
    for sentence in left:
        toast(sentence, "bad")
    if len(back) == 1:
        toast(_("“%(name)s” is back.", name=lines[0].title))
        return redirect_to(url_for(resource.endpoint("record"), row_id=back[0]))
    toast(_n("%(count)s row is back.", "%(count)s rows are back.", len(back), count=number(len(back))))
    return redirect_to(url_for(resource.endpoint("list")))
