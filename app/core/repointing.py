"""All that refers to a row, pointed at another one and back: set by set, logged, and to the row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, insert, select, update

from app.core import changelog, trash
from app.core.db import Base, ExactDecimal, Versioned, db
from app.core.hooks import Merge
from app.core.i18n import _
from app.core.lifecycle import enabled_modules
from app.core.models import Change
from app.core.note_models import Attachment, Note
from app.core.registry import registry
from app.core.resource import Resource
from app.core.tenancy import current_company_id

ON_RECORDS = (Note, Attachment)  # refer to a row of any table by its name and the row's id

Moved = Mapping[str, Mapping[int, Sequence[int]]]  # "table.column" -> row they pointed at -> ids of the rows


def hooks_of(resource: Resource) -> list[Merge]:
    """What modules add to the merging of a resource; those that are off keep their rows in order as well."""
    return [hook for module in registry.modules.values() for hook in module.hooks.merges if hook.resource == resource.key]


def references(resource: Resource) -> list[tuple[Any, str]]:
    """Mapped classes and their columns that follow when rows of a resource are merged; what is a row's own stays."""
    own = {table for hook in hooks_of(resource) for table in hook.own}
    return [(cls, column) for cls, column in trash.references_to(resource.model) if cls.__tablename__ not in own]


def own_trees(resource: Resource) -> list[str]:
    """Columns in which a row refers to another one of its kind."""
    return [column for cls, column in references(resource) if cls is resource.model]


def point_at(resource: Resource, winner_id: int, losers: Sequence[int]) -> Moved:
    """Let everything that refers to the losers refer to the winner, rows in the trash too; the rows merged themselves
    excepted. Returns what was moved."""
    moved: dict[str, dict[int, list[int]]] = {}
    for cls, column in references(resource):
        attribute = getattr(cls, column)
        rows = select(cls.id, attribute).where(attribute.in_(losers)).order_by(cls.id)
        if cls is resource.model:
            rows = rows.where(cls.id.not_in([winner_id, *losers]))
        by_loser: dict[int, list[int]] = {}
        for row_id, loser_id in db.session.execute(rows.with_for_update(of=cls), execution_options=trash.UNSEEN):
            by_loser.setdefault(loser_id, []).append(row_id)
        for loser_id, ids in by_loser.items():
            _point(cls, column, ids, loser_id, winner_id)
        if by_loser:
            moved[f"{cls.__tablename__}.{column}"] = by_loser
    for cls in ON_RECORDS:
        if by_loser := _lying_on(cls, resource, losers):
            for loser_id, ids in by_loser.items():
                _point(cls, "row_id", ids, loser_id, winner_id)
            moved[f"{cls.__tablename__}.row_id"] = by_loser
    return moved


def _lying_on(cls: Any, resource: Resource, ids: Sequence[int]) -> dict[int, list[int]]:
    """Notes or files on rows of a resource: row -> their ids."""
    mine = (cls.table_name == resource.model.__tablename__, cls.row_id.in_(ids))
    found: dict[int, list[int]] = {}
    for each_id, row_id in db.session.execute(select(cls.id, cls.row_id).where(*mine).order_by(cls.id)):
        found.setdefault(row_id, []).append(each_id)
    return found


def point_back(name: str, winner_id: int, by_loser: Mapping[int, Sequence[int]]) -> list[str]:
    """Let rows that point at the winner still refer to the losers again; returns sentences on the others."""
    table, _dot, column = name.partition(".")
    cls = next((m.class_ for m in Base.registry.mappers if m.local_table.name == table), None)  # type: ignore[attr-defined]  # a table
    if cls is None:
        return []  # its module is not installed any more
    attribute, gone = getattr(cls, column), 0
    for loser_id, wanted in by_loser.items():
        for start in range(0, len(wanted), trash.CHUNK):
            chunk = list(wanted[start : start + trash.CHUNK])
            rows = select(cls.id, attribute).where(cls.id.in_(chunk)).order_by(cls.id).with_for_update(of=cls)
            found = db.session.execute(rows, execution_options=trash.UNSEEN).all()
            still = [row.id for row in found if row[1] == winner_id]
            gone += len(found) - len(still)
            _point(cls, column, still, winner_id, loser_id)
    label = next((r.label_plural for r in registry.resources() if r.model is cls), None)
    if not gone or label is None:
        return []
    return [_("%(what)s that have been given to others since, and stay there: %(count)s.", what=label, count=gone)]


def counts(resource: Resource, ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """What refers to each row: key of a resource -> how many; a statement for each reference, whatever the rows."""
    labels = {r.model: r.key for m in enabled_modules() for r in m.hooks.resources}
    found: dict[int, dict[str, int]] = {row_id: {} for row_id in ids}
    for cls, column in references(resource):
        if cls in labels:
            attribute = getattr(cls, column)
            rows = select(attribute, func.count(cls.id)).where(attribute.in_(ids)).group_by(attribute)
            for row_id, count in db.session.execute(rows, execution_options={"all_rows": True}):
                found[row_id][labels[cls]] = found[row_id].get(labels[cls], 0) + count
    return found


def free_place(model: Any, column: str, wanted: Sequence[int | None], together: set[int]) -> int | None:
    """The first of these places in a tree that neither is one of the rows `together` nor lies below them."""
    for place in wanted:
        if place is None or not _reaches(model, column, place, together):
            return place
    return None


def cut_circles(resource: Resource, ids: Sequence[int]) -> list[str]:
    """Take rows off the place in a tree that lies below themselves by now; returns sentences on those it concerns."""
    cut = []
    for column in own_trees(resource):
        title = getattr(resource.model, resource.title)
        rows = select(resource.model.id, getattr(resource.model, column), title).where(resource.model.id.in_(ids))
        for row_id, place, name in db.session.execute(rows, execution_options=trash.UNSEEN).all():
            if _reaches(resource.model, column, place, {row_id}):
                _point(resource.model, column, [row_id], place, None)
                cut.append(_("“%(name)s” would be below itself now; it stands at the top.", name=name))
    return cut


def _reaches(model: Any, column: str, place: int | None, together: set[int]) -> bool:
    seen: set[int] = set()
    while place is not None and place not in seen:
        if place in together:
            return True
        seen.add(place)
        above = select(getattr(model, column)).where(model.id == place)
        place = db.session.scalar(above, execution_options=trash.UNSEEN)
    return False


def _point(cls: Any, column: str, ids: Sequence[int], old: int | None, new: int | None) -> None:
    values: dict[str, Any] = {column: new}
    if issubclass(cls, Versioned):
        values["version"] = cls.version + 1
    for start in range(0, len(ids), trash.CHUNK):
        chunk = ids[start : start + trash.CHUNK]
        db.session.execute(update(cls).where(cls.id.in_(chunk)).values(values), execution_options=trash.QUIET)
        _log(cls, column, chunk, old, new)


def _log(cls: Any, column: str, ids: Iterable[int], old: int | None, new: int | None) -> None:
    if not changelog.is_logged(cls) or column in changelog.silent_columns(cls):
        return
    line = {"company_id": current_company_id(), "actor_id": changelog.actor_id(), "request_id": changelog.request_id(),
            "table_name": cls.__tablename__, "action": "changed", "field": column, "old": changelog.as_text(old), "new": changelog.as_text(new)}
    db.session.connection().execute(insert(Change.__table__), [{**line, "row_id": row_id} for row_id in ids])


def encoded(value: Any) -> Any:
    """A column's value as JSON keeps it."""
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else value


def decoded(model: Any, column: str, value: Any) -> Any:
    """The same, back."""
    kind = model.__table__.c[column].type
    if value is None:
        return None
    if isinstance(kind, ExactDecimal):
        return Decimal(value)
    return kind.python_type.fromisoformat(value) if kind.python_type in (date, datetime) else value
