"""Throwing rows away and bringing them back: the row stays where it is, and a line in the trash hides it.

What lies in the trash no statement sees unless it says `with_trash`. Rows that belong to somebody (accounts, deals) go
whatever refers to them, and come back to the same references; settings (stages, roles) only while nothing uses them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

from sqlalchemy import Table, UniqueConstraint, cast, delete, func, insert, literal, or_, select, update
from sqlalchemy.exc import IntegrityError

from app.core import changelog
from app.core.chunks import chunks
from app.core.db import Base, Owned, Versioned, db, utcnow
from app.core.errors import BusinessError, Conflict
from app.core.i18n import _, _n
from app.core.models import Trash
from app.core.registry import registry
from app.core.tenancy import current_company_id

CHUNK = 500
LONGEST_ID = 20  # digits, and the sign before them
DELETED, MERGED, REVERTED = "deleted", "merged", "reverted"
UNSEEN = {"with_trash": True, "all_rows": True}
QUIET = {**UNSEEN, "synchronize_session": False}


def put(
    model: Any,
    title: str,
    ids: Sequence[int],
    *,
    why: str = DELETED,
    group: str = "",
    hide: Callable[[Sequence[int]], None] | None = None,
) -> str:
    """Throw rows away, set-based, and return the group under which they lie together; what lies there already stays.

    `hide` is what the module does to rows of its own (a deal's ledger), before they are hidden.
    Raises `BusinessError` when a setting is in use.
    """
    group = group or str(uuid4())
    present = _present_ids(model, ids)
    if not issubclass(model, Owned):
        refuse_in_use(model, present)
    if hide:
        hide(present)
    for chunk in chunks(present, CHUNK):
        kept = _give_up_unique(model, chunk)
        named = select(model.id, getattr(model, title)).where(model.id.in_(chunk))
        line = {"company_id": current_company_id(), "table_name": model.__tablename__, "at": utcnow(),
                "member_id": changelog.actor_id(), "why": why, "group_id": group}
        lines = [{**line, "row_id": row_id, "title": str(name or "")[:200], "kept": kept.get(row_id, {})}
                 for row_id, name in db.session.execute(named, execution_options=UNSEEN)]
        db.session.connection().execute(insert(Trash.__table__), lines)
        db.session.execute(update(model).where(model.id.in_(chunk)).values(version=model.version + 1), execution_options=QUIET)
        changelog.note(model, chunk, changelog.DELETED)
    db.session.expire_all()
    return group


def take_out(model: Any, ids: Sequence[int], *, show: Callable[[Sequence[int]], None] | None = None) -> list[int]:
    """Bring rows back with their unique values; returns the ids of those that were in the trash.

    `show` is what the module does to rows of its own, after they are to be seen again. Raises `Conflict` when a unique
    value is taken by another row meanwhile, `BusinessError` when a setting that a row needs lies in the trash itself.
    """
    _refuse_without_settings(model, ids)
    found = []
    for chunk in chunks(sorted(set(ids)), CHUNK):
        lock_rows(model, chunk)
        mine = (Trash.table_name == model.__tablename__, Trash.row_id.in_(chunk))
        # What this statement takes away is what comes back: of two who restore the same row, the second finds nothing.
        taken = delete(Trash).where(*mine).returning(Trash.row_id, Trash.kept)
        lines = db.session.execute(taken, execution_options={"synchronize_session": False})
        kept = {line.row_id: line.kept for line in lines}
        _take_unique_back(model, kept)
        back = sorted(kept)
        db.session.execute(update(model).where(model.id.in_(back)).values(version=model.version + 1), execution_options=QUIET)
        changelog.note(model, back, changelog.RESTORED)
        found += back
    db.session.expire_all()
    if show:
        show(found)
    return found


def lies(model: Any, row_id: int) -> Trash | None:
    """The line of a row in the trash; None when it is not there."""
    return db.session.scalar(select(Trash).where(Trash.table_name == model.__tablename__, Trash.row_id == row_id))


def refuse_in_use(model: Any, ids: Sequence[int]) -> None:
    """Raise `BusinessError` while a row that is not itself thrown-away settings, or among these, refers to one of them."""
    for mapped, column in references_to(model):
        rows = select(func.count()).select_from(mapped).where(getattr(mapped, column).in_(list(ids)))
        if mapped is model:
            rows = rows.where(model.id.not_in(list(ids)))
        settings = issubclass(mapped, Versioned) and not issubclass(mapped, Owned)
        options = {"all_rows": True} if settings else UNSEEN
        if count := db.session.scalar(rows, execution_options=options):
            raise BusinessError(_n("This is in use in %(num)d place and cannot be thrown away.",
                                   "This is in use in %(num)d places and cannot be thrown away.", count))


def references_to(model: Any) -> list[tuple[Any, str]]:
    """Mapped classes and the columns in which they refer to rows of a model, the model itself included."""
    table: Table = model.__table__
    found = []
    for mapper in sorted(_installed(), key=lambda m: m.local_table.name):
        for key in mapper.local_table.foreign_key_constraints:
            if key.referred_table is table:
                columns = [c for c in key.column_keys if c != "company_id"]
                found += [(mapper.class_, column) for column in columns]
    return found


def _installed() -> Iterator[Any]:
    """Mappers of the core and of the installed modules: a process may know classes of others, whose tables are not there."""
    places = ("app.core.", *(f"{module.package}." for module in registry.modules.values()))
    return (mapper for mapper in Base.registry.mappers if mapper.class_.__module__.startswith(places))


def _refuse_without_settings(model: Any, ids: Sequence[int]) -> None:
    """Raise `BusinessError` while a setting (a stage's pipeline) that the rows refer to lies in the trash."""
    settings = {m.local_table: m.class_ for m in _installed()
                if issubclass(m.class_, Versioned) and not issubclass(m.class_, Owned)}
    for key in model.__table__.foreign_key_constraints:
        setting = settings.get(key.referred_table)
        for column in (c for c in key.column_keys if c != "company_id") if setting else ():
            needed = select(getattr(model, column)).where(model.id.in_(list(ids)))
            lying = select(Trash.title).where(Trash.table_name == key.referred_table.name, Trash.row_id.in_(needed))
            if key.referred_table is model.__table__:
                lying = lying.where(Trash.row_id.not_in(list(ids)))
            if (name := db.session.scalar(lying.limit(1), execution_options=UNSEEN)) is not None:
                raise BusinessError(_("“%(name)s”, which this needs, lies in the trash. Bring that back first.", name=name))


def counts_of_references(model: Any, ids: Sequence[int], models: Iterable[Any]) -> dict[Any, int]:
    """How many rows of each of the mapped classes refer to any of these rows and may be seen: one statement each."""
    columns: dict[Any, list[str]] = {}
    for mapped, column in references_to(model):
        columns.setdefault(mapped, []).append(column)
    found = {}
    for mapped in (m for m in models if m in columns):
        refers = or_(*(getattr(mapped, column).in_(list(ids)) for column in columns[mapped]))
        if count := db.session.scalar(select(func.count()).select_from(mapped).where(refers)):
            found[mapped] = count
    return found


def unique_columns(model: Any) -> dict[str, bool]:
    """Text columns that only one row of a company may have with one value -> whether they may be empty."""
    found = {}
    for constraint in model.__table__.constraints:
        if isinstance(constraint, UniqueConstraint):
            for column in constraint.columns:
                length = getattr(column.type, "length", None) or 0
                if (column.nullable and length) or length > LONGEST_ID:
                    found[column.name] = bool(column.nullable)
    return found


def _present_ids(model: Any, ids: Sequence[int]) -> list[int]:
    """Those of the rows that are not in the trash, locked: whoever edits one has saved before, or finds it gone."""
    rows: list[int] = []
    for chunk in chunks(sorted(set(ids)), CHUNK):
        lock_rows(model, chunk)
        rows += db.session.scalars(
            select(model.id).where(model.id.in_(chunk)).order_by(model.id), execution_options={"all_rows": True}
        )
    return rows


def lock_rows(model: Any, ids: Sequence[int]) -> None:
    """Hold rows until the transaction ends, always in the order of their ids; those in the trash as well."""
    locked = select(model.id).where(model.id.in_(ids)).order_by(model.id).with_for_update()
    db.session.execute(locked, execution_options=UNSEEN).all()


def _give_up_unique(model: Any, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """Free the unique values of rows for others; returns what they were, by row id."""
    kept: dict[int, dict[str, str]] = {}
    for name, empty in unique_columns(model).items():
        column = getattr(model, name)
        rows = select(model.id, column).where(model.id.in_(ids), column.is_not(None))
        for row_id, value in db.session.execute(rows, execution_options=UNSEEN):
            kept.setdefault(row_id, {})[name] = value
        # No folded text begins with this sign; the id keeps two of one name apart.
        freed = None if empty else literal("\x7f") + cast(model.id, column.type)
        db.session.execute(update(model).where(model.id.in_(ids)).values({name: freed}), execution_options=QUIET)
    return kept


def _take_unique_back(model: Any, kept: Mapping[int, Mapping[str, Any]]) -> None:
    for row_id, line in kept.items():
        values = {name: value for name, value in line.items() if not name.startswith("_")}  # the others are `merging`'s
        if not values:
            continue
        try:
            with db.session.begin_nested():
                db.session.execute(update(model).where(model.id == row_id).values(**values), execution_options=QUIET)
        except IntegrityError:
            raise Conflict(
                _("“%(value)s” has been given to another one meanwhile; change that one first.", value=next(iter(values.values())))
            ) from None
