"""Merging records: choose the others, compare them field by field, merge, and take it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import abort, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from app.core import duplicates, lookups, merging, repointing
from app.core.access import can
from app.core.db import db
from app.core.errors import BusinessError, Conflict, Forbidden
from app.core.fields import Field
from app.core.formats import day, number
from app.core.i18n import _
from app.core.ids import whole
from app.core.registry import registry
from app.core.resource import Resource
from app.core.surfaces.record import fetch
from app.core.web import redirect_to, render, toast

BOTH = "both"
SEEN = 200  # characters of a value that the page remembers, to tell what has changed since


def merge_page(resource: Resource) -> Any:
    """Compare the records named by `ids` and merge them; with `row` alone, choose another one to merge it with."""
    _allow(resource)
    ids = _ids()
    if len(ids) > merging.MOST:
        raise BusinessError(_("Choose from two to %(most)s to merge.", most=merging.MOST))
    if request.method == "POST":
        return _merge(resource, ids)
    return _compare(resource, _rows(resource, ids)) if len(ids) > 1 else _pick(resource, ids)


def undo(resource: Resource) -> Response:
    """Take a merge apart again."""
    _allow(resource)
    done = merging.unmerge(request.values.get("group", ""))
    if done.resource is not resource:
        abort(404)
    toast(_("The merge was taken back."))
    for sentence in done.left:
        toast(sentence, "bad")
    return redirect_to(_page_of(resource, done.winner_id))


def _allow(resource: Resource) -> None:
    if not (can(resource.permission("edit")) and can(resource.permission("delete"))):
        raise Forbidden(_("Your role does not include this. An admin of your company can change that."))


def _ids() -> list[int]:
    """The rows an address names: `ids=1,2` or `ids=1&ids=2`, and `row` and `with` of the form that chooses."""
    names = [part for text in request.values.getlist("ids") for part in text.split(",")]
    names += [request.values.get(name, "") for name in ("row", "with")]
    found = [whole(name) for name in names if name]
    return abort(404) if None in found else list(dict.fromkeys(found))  # type: ignore[arg-type]  # no None is left


def _rows(resource: Resource, ids: Sequence[int]) -> list[Any]:
    """The rows in the order they were named; 404 where one is not there for the person."""
    found = {row.id: row for row in db.session.scalars(select(resource.model).where(resource.model.id.in_(ids)))}
    return abort(404) if len(found) < len(ids) else [found[row_id] for row_id in ids]


def _page_of(resource: Resource, row_id: int) -> str:
    """A record's page, or the list when the person does not see it (any more)."""
    seen = db.session.scalar(select(resource.model.id).where(resource.model.id == row_id))
    return url_for(resource.endpoint("record"), row_id=row_id) if seen else url_for(resource.endpoint("list"))


# Choosing


def _pick(resource: Resource, ids: Sequence[int]) -> Any:
    row = fetch(resource, ids[0]) if ids else None
    found = duplicates.likely(resource, resource.values_of(row), but=row.id) if row else duplicates.Found()
    options = [pair for pair in lookups.options(resource.key) if row is None or pair[0] != str(row.id)]
    return render(
        "core/merge_pick.html",
        "core/_merge_pick.html",
        resource=resource,
        row=row,
        title=resource.called(row) if row else "",
        likely=[{"title": one.title, "why": one.why, "url": _merge_url(resource, *ids, one.id)} for one in found.rows],
        options=options,
        search_url=url_for(resource.endpoint("options")),
        action=url_for(resource.endpoint("merge")),
        cancel_url=_page_of(resource, row.id) if row else url_for(resource.endpoint("list")),
    )


def _merge_url(resource: Resource, *ids: int) -> str:
    return url_for(resource.endpoint("merge"), ids=",".join(map(str, ids)))


# Comparing


def _compare(resource: Resource, rows: Sequence[Any], *, status: int = 200, error: str = "", conflict: Any = None) -> Any:
    counts = repointing.counts(resource, [row.id for row in rows])
    winner = whole(request.form.get("winner")) or _likely_winner(resource, rows, counts)
    fields = _fields(resource)
    _know_names(fields, rows)
    differing = [f for f in fields if len({_comparable(f.of(row)) for row in rows}) > 1]
    same = [{"label": f.label, "text": f.show(f.of(rows[0]))} for f in fields if f not in differing]
    record_url = url_for(resource.endpoint("record"), row_id=0)[:-1]
    return render(
        "core/merge.html",
        "core/_merge.html",
        status=status,
        resource=resource,
        rows=[_described(resource, row, counts[row.id], row.id == winner, record_url) for row in rows],
        fields=[_choice(resource, f, rows, winner) for f in differing],
        same=[fact for fact in same if fact["text"]],
        seen=[(f"seen-{row.id}-{f.name}", f.show(f.of(row))[:SEEN]) for row in rows for f in fields],
        error=error,
        conflict=conflict,
        ids=",".join(str(row.id) for row in rows),
        action=url_for(resource.endpoint("merge")),
        cancel_url=_page_of(resource, rows[0].id),
    )


def _fields(resource: Resource) -> list[Field]:
    return [f for f in resource.fields if f.editable and f.attributes]


def _know_names(fields: Sequence[Field], rows: Sequence[Any]) -> None:
    """Ask for the names behind look-ups once per look-up."""
    for typed in fields:
        if isinstance(typed, lookups.Lookup):
            lookups.labels(typed.target, (typed.of(row) for row in rows))


def _comparable(value: Any) -> Any:
    """Nothing and an empty text are the same to people."""
    return None if value == "" else value


def _described(resource: Resource, row: Any, counts: Mapping[str, int], wins: bool, record_url: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "title": resource.called(row),
        "url": f"{record_url}{row.id}",
        "version": row.version,
        "created": day(row.created_at.date()),
        "counts": [_counted(registry.resource(key), count) for key, count in sorted(counts.items())],
        "wins": wins,
    }


def _counted(resource: Resource, count: int) -> str:
    label = str(resource.label if count == 1 else resource.label_plural)
    return f"{number(count)} {label[:1].lower()}{label[1:]}"


def _likely_winner(resource: Resource, rows: Sequence[Any], counts: Any) -> int:
    """The row that most refers to, then the fullest, then the oldest."""
    def weight(row: Any) -> tuple[int, int, int]:
        full = sum(1 for f in _fields(resource) if f.of(row) not in (None, "", False))
        return sum(counts[row.id].values()), full, -row.id

    return max(rows, key=weight).id


def _choice(resource: Resource, typed: Field, rows: Sequence[Any], winner: int) -> dict[str, Any]:
    """A field whose values differ: what each row has, and which is chosen."""
    joined = _joined(typed, rows)
    proposed = BOTH if joined else str(_proposed(resource, typed, rows, winner))
    chosen = request.form.get(f"take-{typed.name}") or proposed
    texts = [(row.id, typed.show(typed.of(row))) for row in rows]
    return {
        "name": f"take-{typed.name}",
        "label": typed.label,
        "numeric": typed.numeric,
        "long": typed.kind == "longtext",
        "titles": typed.name == resource.title,
        "options": [{"id": row_id, "text": text, "chosen": chosen == str(row_id)} for row_id, text in texts],
        "both": {"text": joined, "chosen": chosen == BOTH} if joined else None,
    }


def _proposed(resource: Resource, typed: Field, rows: Sequence[Any], winner: int) -> int:
    """The row whose value is taken unless the person says otherwise: the longest of long texts, else that of the row
    that stays, else what was saved last; an empty value only where all are."""
    full = [row for row in rows if _comparable(typed.of(row)) is not None] or list(rows)
    stays = next((row for row in full if row.id == winner), None)
    if typed.kind == "longtext":
        best = max(full, key=lambda row: len(typed.of(row) or ""))
        return stays.id if stays and typed.of(stays) == typed.of(best) else best.id
    return stays.id if stays else max(full, key=lambda row: (row.updated_at, -row.id)).id


def _joined(typed: Field, rows: Sequence[Any]) -> str:
    """All the long texts one after the other, where there is more than one and they fit."""
    texts = list(dict.fromkeys(text for row in rows if (text := typed.of(row))))
    joined = "\n\n".join(texts) if typed.kind == "longtext" and len(texts) > 1 else ""
    return joined if len(joined) <= getattr(typed, "longest", 0) else ""


# Merging


def _merge(resource: Resource, ids: Sequence[int]) -> Any:
    merging.refuse_thrown(resource, ids)
    rows = _rows(resource, ids)
    winner = whole(request.form.get("winner"))
    versions = {row.id: whole(request.form.get(f"version-{row.id}")) for row in rows}
    if winner is None or winner not in versions or None in versions.values():
        abort(400)
    losers = [row_id for row_id in ids if row_id != winner]
    try:
        group = merging.merge(resource, winner, losers, _values(resource, rows), versions)
    except Conflict:
        db.session.expire_all()
        merging.refuse_thrown(resource, ids)
        return _compare(resource, _rows(resource, ids), status=409, conflict=_changed(resource, _rows(resource, ids)))
    except BusinessError as refused:
        db.session.expire_all()
        return _compare(resource, _rows(resource, ids), status=422, error=refused.message)
    row = db.session.get_one(resource.model, winner)
    toast(_("Merged into “%(name)s”.", name=resource.called(row)), undo_url=url_for(resource.endpoint("merge_undo"), group=group))
    return redirect_to(_page_of(resource, winner))


def _values(resource: Resource, rows: Sequence[Any]) -> dict[str, Any]:
    """The values chosen, by field; a field that was not asked about stays the winner's."""
    by_id, values = {str(row.id): row for row in rows}, {}
    for typed in _fields(resource):
        taken = request.form.get(f"take-{typed.name}", "")
        if taken in by_id:
            values[typed.name] = typed.of(by_id[taken])
        elif taken == BOTH and (joined := _joined(typed, rows)):
            values[typed.name] = joined
    return values


def _changed(resource: Resource, rows: Sequence[Any]) -> list[dict[str, str]]:
    """What has another value now than when the page was opened."""
    found = []
    for row in rows:
        for typed in _fields(resource):
            seen, now = request.form.get(f"seen-{row.id}-{typed.name}"), typed.show(typed.of(row))
            if seen is not None and seen != now[:SEEN].replace("\n", "\r\n") and seen != now[:SEEN]:
                found.append({"label": f"{typed.label} · {resource.called(row)}", "mine": seen, "theirs": now})
    return found
