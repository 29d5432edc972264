"""Search over every record type the person may see: one statement each, whatever there is to be found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import url_for
from markupsafe import Markup
from sqlalchemy import literal, select, union_all

from app.core import lookups
from app.core.access import can, visible_members
from app.core.db import db, fold
from app.core.lifecycle import enabled_modules
from app.core.resource import Resource
from app.core.search import asked, hits, marked
from app.core.search_index import source_of

MOST = 5  # rows of one record type in the palette
BEST = 50  # of those found the newest, among which the best are chosen
CANDIDATES = 1_000  # at which PostgreSQL stops looking for more
LAST = "\U0010ffff"  # sorts after every other character


@dataclass
class Group:
    """What was found of one record type."""

    resource: Resource
    rows: list[dict[str, Any]] = field(default_factory=list)  # {url, title, subtitle}; the texts are marked
    more_url: str = ""  # the list with all of them, where there are more than shown


def groups(q: str, most: int = MOST) -> list[Group]:
    """What the person may open and `q` finds, by record type; settings after what belongs to somebody."""
    wanted = asked(q)
    if not wanted:
        return []
    searched = [(r, rows) for r in searchable() if (rows := _rows(r, q, wanted, most + 1))]
    _know_labels((r, rows[:most]) for r, rows in searched)
    return [_group(r, rows, q, wanted, most) for r, rows in searched]


def searchable() -> list[Resource]:
    """The record types of the enabled modules that the person may see."""
    modules = sorted(enabled_modules(), key=lambda m: (m.manifest.order, m.name))
    found = [r for m in modules for r in m.hooks.resources if r.searchable]
    return sorted((r for r in found if can(r.permission("view")) and source_of(r)), key=lambda r: not r.owned)


def _rows(resource: Resource, q: str, wanted: Sequence[str], most: int) -> list[Any]:
    """The best rows: named so, named something that begins so, then the newest that have all the words."""
    model, name = resource.model, resource.name_column
    names = dict.fromkeys([resource.title, *(a for f in _beside(resource) for a in f.attributes)])
    columns = (getattr(model, n) for n in names)
    rows = select(model.id, name.label("name_key"), *columns).where(model.id.in_(_candidates(resource, q, wanted, most)))
    whole = fold(q)
    found = db.session.execute(rows.order_by(model.id.desc()).limit(BEST + most))
    return sorted(found, key=lambda row: _rank(fold(row.name_key), whole))[:most]


def _rank(name: str, q: str) -> int:
    return 0 if name == q else 1 if name.startswith(q) else 2


def _candidates(resource: Resource, q: str, wanted: Sequence[str], most: int) -> Any:
    """Ids of rows worth a look: bounded, however many there are."""
    model, name, source = resource.model, resource.name_column, source_of(resource)
    assert source  # by `searchable`
    owners = visible_members(resource.key) if resource.owned else None
    found = hits(source, wanted, owners, CANDIDATES)
    worded = select(model.id).join(found, found.c.found == model.id).order_by(found.c.found.desc()).limit(BEST).subquery()
    begins = literal(fold(q))
    named = select(model.id).where(name >= begins, name < begins + LAST).order_by(name).limit(most).subquery()
    return union_all(select(worded.c.id), select(named.c.id))


def _beside(resource: Resource) -> list[Any]:
    """The fields that tell two rows of one name apart: the subtitle, and the first record the row belongs to."""
    names = dict.fromkeys((*resource.head, *resource.columns))
    belongs = (f for f in map(resource.field, names) if isinstance(f, lookups.Lookup) and not f.is_person and f.attributes)
    found = [resource.field(resource.subtitle)] if resource.subtitle else []
    return [*found, *[f for f in belongs if f not in found][:1]]


def _know_labels(searched: Iterable[tuple[Resource, Sequence[Any]]]) -> None:
    """Ask for the names that all rows refer to, once for each record type referred to."""
    ids: dict[str, set[Any]] = {}
    for resource, rows in searched:
        for typed in _beside(resource):
            if isinstance(typed, lookups.Lookup):
                ids.setdefault(typed.target, set()).update(typed.of(row) for row in rows)
    for target, wanted in ids.items():
        lookups.labels(target, wanted)


def _group(resource: Resource, rows: Sequence[Any], q: str, wanted: Sequence[str], most: int) -> Group:
    before, after = url_for(resource.endpoint("record"), row_id=0).rsplit("/0", 1)
    beside = _beside(resource)
    group = Group(resource)
    for row in rows[:most]:
        texts = (typed.show(typed.of(row)) for typed in beside)
        group.rows.append({
            "url": f"{before}/{row.id}{after}",
            "title": marked(resource.called(row), wanted),
            "subtitle": Markup(" · ").join(marked(text, wanted) for text in texts if text),
        })
    if len(rows) > most:
        everything = next((v.name for v in resource.views[1:] if not v.args), None)
        group.more_url = url_for(resource.endpoint("list"), q=q, view=everything)
    return group
