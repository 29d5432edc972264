"""The stream of a record: everything that happened on it, from every source, page by page, the newest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from flask import request, url_for

from app.core import attachments, history, lookups, notes
from app.core.access import can
from app.core.clock import local_date
from app.core.history import Entry
from app.core.i18n import _
from app.core.ids import whole
from app.core.resource import Resource

PAGE = 30
MOST = 500  # entries of one instant that are shown together
ROUNDS = 5  # times that a source of several kinds is asked for one page of one kind
# What `show` in the address means.
SHOWN = {"notes": "note", "activities": "activity", "mail": "mail", "files": "file", "changes": "change"}
LIST, MORE = "stream", "stream-earlier"  # ids of what htmx replaces

Source = Callable[[datetime | None, int], Sequence[Entry]]


def of(resource: Resource, row_id: int, *, without: Sequence[Any] = (), more: Source | None = None) -> dict[str, Any]:
    """What core/_history.html shows of a record that was fetched, as the address asks: `show`, a kind, and `before`, an
    instant. `without` names columns of the change log that `more`, a source of the caller's own, tells better.

    Bounded: a statement or few for each source, however long the history.
    """
    shown = request.args.get("show", "")
    kind = SHOWN.get(shown, "")
    before = _instant(request.args.get("before", ""))
    found, earlier = page(_sources(resource, row_id, without, more), kind, before)
    url = url_for(resource.endpoint("history"), row_id=row_id)
    days = history.days(found)
    target = request.headers.get("HX-Target", "")
    only = "more" if before and target.endswith(f"#{MORE}") else "list" if target.endswith(f"#{LIST}") else ""
    if only == "more" and days and local_date(found[0].at) == local_date(before):  # type: ignore[arg-type]  # it is one
        days[0]["label"] = ""  # stands above already
    return {
        "days": days,
        "only": only,
        "show": shown if kind else "",
        "chips": _chips(url, shown if kind else ""),
        "url": _with(url, show=shown if kind else None),
        "earlier_url": _with(url, show=shown if kind else None, before=_stamp(found[-1].at)) if earlier else None,
        "newest_url": _with(url, show=shown if kind else None) if before else None,
        "compose": composer(resource, row_id) if not only and can(resource.permission("edit")) else None,
    }


def composer(resource: Resource, row_id: int, text: str = "", error: str = "") -> dict[str, Any]:
    """What the box for notes and files needs."""
    return {
        "note_url": url_for(resource.endpoint("notes"), row_id=row_id),
        "file_url": url_for(resource.endpoint("files"), row_id=row_id),
        "people_url": url_for(resource.endpoint("mentions"), row_id=row_id),
        "largest": attachments.LARGEST,
        "largest_mb": attachments.LARGEST // attachments.MEGABYTE,
        "longest": notes.LONGEST,
        "text": text,
        "error": error,
    }


def page(sources: Sequence[tuple[tuple[str, ...], Source]], kind: str, before: datetime | None) -> tuple[list[Entry], bool]:
    """The newest entries of one kind ("": all) before an instant, and whether there are earlier ones.

    What happened at one instant is never torn apart, for the next page begins before it.
    """
    asked = [source for kinds, source in sources if not kind or not kinds or kind in kinds]
    limit = PAGE
    while True:
        given = [_newest(source, kind, before, limit + 1) for source in asked]
        entries = sorted((e for part in given for e in part), key=lambda e: e.at, reverse=True)
        if len(entries) <= limit:
            return entries, False
        last = entries[PAGE - 1].at
        shown = [e for e in entries if e.at >= last]
        torn = any(len(part) > limit and part[-1].at >= last for part in given)
        if not torn or limit >= MOST:
            return shown, torn or len(shown) < len(entries)
        limit = min(limit * 4, MOST)


def _newest(source: Source, kind: str, before: datetime | None, limit: int) -> list[Entry]:
    """The newest entries of a kind; a source of several kinds is asked again while it gives others."""
    found: list[Entry] = []
    for _round in range(ROUNDS):
        part = sorted(source(before, limit), key=lambda e: e.at, reverse=True)
        found += [e for e in part if not kind or e.kind == kind]
        if len(found) >= limit or len(part) < limit:
            break
        before = part[-1].at
    return found


def _sources(resource: Resource, row_id: int, without: Sequence[Any], more: Source | None) -> list[tuple[tuple[str, ...], Source]]:
    """Every source with the kinds it gives; () for any."""
    found: list[tuple[tuple[str, ...], Source]] = [
        (("change",), partial(history.change_entries, resource, row_id, without=without)),
        (("note",), partial(note_entries, resource, row_id)),
        (("file",), partial(file_entries, resource, row_id)),
    ]
    found += [(source.kinds, partial(source.newest, row_id)) for source in history.sources(resource)]
    return [*found, ((), more)] if more else found


def note_entries(resource: Resource, row_id: int, before: datetime | None, limit: int) -> list[Entry]:
    """Notes as entries, with what the reader may do to them. Two statements."""
    rows = notes.of(resource, row_id, before, limit)
    names = lookups.labels(lookups.MEMBER, {i for row in rows for i in row.mentions})
    edits = can(resource.permission("edit"))
    change_url = url_for(resource.endpoint("note"), row_id=row_id, note_id="_")[:-1]
    remove_url = url_for(resource.endpoint("note_remove"), row_id=row_id, note_id="_")
    words = {"wrote": _("wrote"), "nobody": _("The system"), "edit": _("Change this note"), "remove": _("Delete this note")}
    return [
        Entry(
            at=row.created_at, who=row.name or words["nobody"], text=words["wrote"], icon="note", kind="note", body=row.text,
            named=[names[i] for i in row.mentions if i in names],
            edited=row.edited_at is not None, key=f"note-{row.id}",
            actions=_note_actions(row, words, change_url, remove_url) if edits else (),
        )
        for row in rows
    ]  # fmt: skip


def _note_actions(row: Any, words: Mapping[str, str], change_url: str, remove_url: str) -> list[dict[str, str]]:
    found = []
    if notes.may_change(row):
        found.append({"label": words["edit"], "icon": "pencil", "url": f"{change_url}{row.id}", "target": f"#note-{row.id}"})
    if notes.may_remove(row):
        found.append({"label": words["remove"], "icon": "trash", "url": remove_url.replace("/_/", f"/{row.id}/"), "target": "#dialog"})
    return found


def file_entries(resource: Resource, row_id: int, before: datetime | None, limit: int) -> list[Entry]:
    """Files as entries. One statement."""
    edits = can(resource.permission("edit"))
    url = url_for(resource.endpoint("file"), row_id=row_id, file_id="_")[:-1]
    remove_url = url_for(resource.endpoint("file_remove"), row_id=row_id, file_id="_")
    added, nobody, remove = _("added a file"), _("The system"), _("Delete this file")
    return [
        Entry(
            at=row.created_at, who=row.who or nobody, text=added, icon="paperclip", kind="file", url=f"{url}{row.id}",
            link=row.name, meta=(("", attachments.size(row.size)),), key=f"file-{row.id}",
            actions=[{"label": remove, "icon": "trash", "url": remove_url.replace("/_/", f"/{row.id}/"), "target": "#dialog"}]
            if edits and attachments.may_remove(row) else (),
        )
        for row in attachments.of(resource, row_id, before, limit)
    ]  # fmt: skip


# The address


def _chips(url: str, shown: str) -> list[dict[str, Any]]:
    labels = {"": _("Everything"), "notes": _("Notes"), "activities": _("Activities"), "mail": _("E-mail"), "files": _("Files"),
              "changes": _("Changes")}
    return [{"label": label, "url": _with(url, show=name or None), "on": name == shown} for name, label in labels.items()]


def _with(url: str, **args: str | None) -> str:
    given = "&".join(f"{name}={value}" for name, value in args.items() if value)
    return f"{url}?{given}" if given else url


def _stamp(at: datetime) -> str:
    """An instant as microseconds since 1970, which no zone and no sign in an address can spoil."""
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return str((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def _instant(text: str) -> datetime | None:
    """The instant of a stamp; None for what is none."""
    given = whole(text)
    try:
        if given is None:
            return None
        return datetime.fromtimestamp(given // 1_000_000, UTC).replace(microsecond=given % 1_000_000)
    except (ValueError, OverflowError, OSError):
        return None
