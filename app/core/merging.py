"""Several rows that are one thing become one row, and apart again: all that refers to them follows, nothing is lost.

The rows that go lie in the trash as "merged"; what was done is kept on their lines there (`Trash.kept[RECORD]`), to the
row: `winner`, `moved` ("table.column" -> ids of the rows that pointed here) and, on the first line, `fields` (name ->
columns of the winner before and after).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.core import changelog, repointing, trash
from app.core.db import Owned, Versioned, db
from app.core.errors import BusinessError, Conflict, NotFound
from app.core.fields import Field
from app.core.i18n import _
from app.core.lookups import Lookup
from app.core.models import Trash
from app.core.registry import registry
from app.core.repointing import Moved, encoded
from app.core.resource import Resource
from app.core.writes import check_version, update

RECORD = "_merge"
MOST = 5  # rows that can be merged at once


@dataclass(frozen=True)
class Unmerged:
    """The rows that are back, and sentences on what others have changed since and therefore stays as it is."""

    resource: Resource
    winner_id: int
    ids: list[int]
    left: list[str]


def mergeable(resource: Resource) -> bool:
    """Whether rows of a resource can be merged: those that belong to people, not settings."""
    return resource.removable and issubclass(resource.model, Owned) and issubclass(resource.model, Versioned)


def merge(
    resource: Resource,
    winner_id: int,
    loser_ids: Iterable[int],
    values: Mapping[str, Any],
    versions: Mapping[int, int | None],
) -> str:
    """Merge rows into one and return the group under which the others lie in the trash.

    `values` (field name -> value) is what the row that stays gets, `versions` (row id -> version) what was looked at.
    Whoever calls has asked for the permissions "edit" and "delete". Nothing is changed when it is refused: `NotFound`
    for rows the person does not see, `Conflict` for those that somebody has changed, merged or thrown away since,
    `BusinessError` where a rule is broken.
    """
    losers = sorted({*loser_ids} - {winner_id})
    if not mergeable(resource):
        raise BusinessError(_("Rows of this kind cannot be merged."))
    if not 1 <= len(losers) < MOST:
        raise BusinessError(_("Choose from two to %(most)s to merge.", most=MOST))
    with _all_or_nothing():
        rows = _locked(resource, [winner_id, *losers])
        for row_id, row in sorted(rows.items()):
            check_version(row, versions.get(row_id), resource.values_of(row))
        winner = rows[winner_id]
        before = _columns(resource, winner)
        chosen = {**values, **_places(resource, winner, [rows[i] for i in losers], values)}
        moved = repointing.point_at(resource, winner_id, losers)
        group = resource.remove(losers, why=trash.MERGED)
        _take_over(resource, winner, chosen)
        _remember(resource, winner, group, before, moved)
        names = ", ".join(str(getattr(rows[i], resource.title) or i) for i in losers)
        changelog.note(resource.model, [winner_id], changelog.MERGED, names)
        for hook in repointing.hooks_of(resource):
            hook.merged(winner_id, moved)
    db.session.expire_all()
    return group


def unmerge(group: str) -> Unmerged:
    """Take a merge back: its rows return, with all that pointed at them and points at the winner still; the winner's
    fields go back where nobody has changed them since.

    Whoever calls has asked for the permissions. Raises `NotFound` when there is no such merge (any more) or it is not
    the person's to see, `BusinessError` when the winner is gone itself, `Conflict` when a value is taken meanwhile.
    """
    with _all_or_nothing():
        resource, records = _locked_merge(group)
        first = next(iter(records.values()))
        winner = db.session.get_one(resource.model, first["winner"])
        left: list[str] = []
        moved = _by_column(records)
        for column, by_loser in moved.items():
            left += repointing.point_back(column, winner.id, by_loser)
        db.session.expire_all()
        left += _give_back(resource, winner, first.get("fields", {}))
        ids = resource.bring_back(sorted(records))
        for hook in repointing.hooks_of(resource):
            hook.unmerged(first["winner"], moved)
        left += repointing.cut_circles(resource, [first["winner"], *ids])
    db.session.expire_all()
    return Unmerged(resource, first["winner"], ids, left)


def bring_back(resource: Resource, ids: Sequence[int]) -> tuple[list[int], list[str]]:
    """Take rows out of the trash however they came there: those that were merged come apart. Returns the ids of all
    that are back, and sentences on what could not be taken back. Raises as `unmerge` and `Resource.bring_back` do."""
    mine = (Trash.table_name == resource.model.__tablename__, Trash.row_id.in_(list(ids)))
    groups: dict[str, list[int]] = {}
    for line in db.session.scalars(select(Trash).where(*mine).order_by(Trash.id)):
        groups.setdefault(line.group_id if RECORD in line.kept else "", []).append(line.row_id)
    back = resource.bring_back(plain) if (plain := groups.pop("", [])) else []
    left: list[str] = []
    for group in groups:
        done = unmerge(group)
        back, left = [*back, *done.ids], [*left, *done.left]
    return back, left


def winner_of(model: Any, row_id: int) -> int | None:
    """The row into which this one was merged, at the end of the chain; None when it was not, or that one is gone."""
    asked: set[int] = set()
    while row_id not in asked:
        asked.add(row_id)
        line = trash.lies(model, row_id)
        if line is None:
            return row_id if len(asked) > 1 else None
        if RECORD not in line.kept:
            return None
        row_id = line.kept[RECORD]["winner"]
    return None


def refuse_thrown(resource: Resource, ids: Sequence[int]) -> None:
    """Raise `Conflict` when a row that the person would see lies in the trash."""
    model = resource.model
    lies = (Trash.row_id == model.id) & (Trash.company_id == model.company_id)
    thrown = select(model.id).join(Trash, lies).where(model.id.in_(ids), Trash.table_name == model.__tablename__)
    if db.session.scalars(thrown, execution_options={"with_trash": True}).first() is not None:
        raise Conflict(_("Somebody else has merged or deleted one of these in the meantime."))


# Rows and their lines in the trash


@contextmanager
def _all_or_nothing() -> Iterator[None]:
    try:
        with db.session.begin_nested():
            yield
    except IntegrityError:
        raise BusinessError(
            _("Both of these have something of which there can be only one. Change or delete one of the two first.")
        ) from None


def _locked(resource: Resource, ids: Sequence[int]) -> dict[int, Any]:
    """The rows by id, nobody else's until the end of the transaction. Raises `NotFound`, `Conflict`."""
    model = resource.model
    asked = select(model).where(model.id.in_(ids)).order_by(model.id).with_for_update()
    rows = {row.id: row for row in db.session.scalars(asked, execution_options={"populate_existing": True})}
    # A statement of its own: while the first one waited for the rows, somebody may have thrown them away.
    refuse_thrown(resource, ids)
    if len(rows) < len(ids):
        raise NotFound(_("One of these does not exist, or it is not yours to see."))
    return rows


def _locked_merge(group: str) -> tuple[Resource, dict[int, dict[str, Any]]]:
    """The resource and what was kept of a merge by loser, with winner and losers locked. Raises `NotFound`."""
    kept = _records(group)
    tables = {table for table, _row_id in kept}
    resource = next((r for r in registry.resources() if {r.model.__tablename__} == tables), None)
    if resource is None:
        raise NotFound(_("There is no such merge, or it has been taken back already."))
    records = {row_id: record for (_table, row_id), record in kept.items()}
    model, winner_id = resource.model, next(iter(records.values()))["winner"]
    seen = select(model.id).where(model.id.in_([winner_id, *records])).order_by(model.id).with_for_update()
    found = db.session.scalars(seen, execution_options={"with_trash": True}).all()
    if len(found) <= len(records) or _records(group).keys() != kept.keys():
        raise NotFound(_("There is no such merge, or it has been taken back already."))
    if line := trash.lies(model, winner_id):
        raise BusinessError(_("“%(name)s” is in the trash itself; bring that back first.", name=line.title))
    return resource, records


def _records(group: str) -> dict[tuple[str, int], dict[str, Any]]:
    lines = select(Trash.table_name, Trash.row_id, Trash.kept).where(Trash.group_id == group).order_by(Trash.id)
    rows = db.session.execute(lines).all() if group else []
    return {(row.table_name, row.row_id): row.kept[RECORD] for row in rows if RECORD in row.kept}


def _remember(resource: Resource, winner: Any, group: str, before: Mapping[str, Any], moved: Moved) -> None:
    """Keep what was done on the lines of the trash, to the row."""
    after = _columns(resource, winner)
    fields = {name: [was, after[name]] for name, was in before.items() if was != after[name]}
    mine = (Trash.group_id == group, Trash.table_name == resource.model.__tablename__)
    for number, line in enumerate(db.session.scalars(select(Trash).where(*mine).order_by(Trash.id))):
        theirs = {column: by_loser[line.row_id] for column, by_loser in moved.items() if line.row_id in by_loser}
        record = {"winner": winner.id, "moved": theirs, **({} if number else {"fields": fields})}
        line.kept = {**line.kept, RECORD: record}
    db.session.flush()


def _by_column(records: Mapping[int, Mapping[str, Any]]) -> Moved:
    moved: dict[str, dict[int, list[int]]] = {}
    for loser_id, record in records.items():
        for column, ids in record["moved"].items():
            moved.setdefault(column, {})[loser_id] = ids
    return moved


# The winner's fields


def _take_over(resource: Resource, winner: Any, values: Mapping[str, Any]) -> None:
    changed = {name: value for name, value in values.items() if value != resource.field(name).of(winner)}
    if changed:
        resource.change(winner, changed)


def _columns(resource: Resource, row: Any) -> dict[str, dict[str, Any]]:
    """What a row's fields hold, column by column, as JSON keeps it."""
    return {f.name: {a: encoded(getattr(row, a)) for a in f.attributes} for f in resource.fields if f.editable}


def _give_back(resource: Resource, winner: Any, fields: Mapping[str, Sequence[dict[str, Any]]]) -> list[str]:
    """Put the winner's fields back as they were before; returns sentences on those that others have changed since."""
    now = _columns(resource, winner)
    known = {f.name: f for f in resource.fields}
    changed = [name for name, (_was, became) in fields.items() if name in known and now.get(name) != became]
    back = {name: _value(resource, known[name], was) for name, (was, _became) in fields.items()
            if name in known and name not in changed}
    left = [_("%(field)s has been changed since and stays.", field=known[name].label) for name in changed]
    try:
        with db.session.begin_nested():
            _take_over(resource, winner, back)
    except BusinessError as error:
        left.append(error.message)
    return left


def _value(resource: Resource, typed: Field, columns: Mapping[str, Any]) -> Any:
    return typed.of(SimpleNamespace(**{c: repointing.decoded(resource.model, c, v) for c, v in columns.items()}))


# Trees


def _places(resource: Resource, winner: Any, losers: Sequence[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Where the winner hangs in the trees of its own kind (field name -> row id): as chosen, unless that is one of the
    rows merged or lies below them; then where one of them hung."""
    found: dict[str, Any] = {}
    together = {winner.id, *(row.id for row in losers)}
    for column in repointing.own_trees(resource):
        typed = next((f for f in resource.fields if isinstance(f, Lookup) and f.attributes == (column,)), None)
        wanted = values.get(typed.name, getattr(winner, column)) if typed else getattr(winner, column)
        others = [place for row in (winner, *losers) if (place := getattr(row, column)) is not None]
        place = repointing.free_place(resource.model, column, [wanted, *others], together)
        if typed and typed.editable:
            found[typed.name] = place
        else:
            update(winner, {column: place})
    return found
