"""Checked rows become rows of the resource: set-based, through its own write functions, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from flask import g
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.core.access import can
from app.core.changelog import actor_id
from app.core.chunks import chunks
from app.core.db import db, fold
from app.core.errors import BusinessError, Refusal
from app.core.fields import Field, FieldError, neutral
from app.core.i18n import _
from app.core.importing.checking import GoodRow
from app.core.importing.effects import Effects
from app.core.importing.mapping import SKIP, Column, Plan
from app.core.importing.matching import New, SameFile, attributes_of, in_order
from app.core.importing.report import Report, RowError
from app.core.lookups import Lookup
from app.core.models import Company
from app.core.resource import Resource
from app.core.writes import roomy

CHUNK = 500
PIECE = 5000  # new rows that are written at once
ENOUGH = 100  # errors after which a refused file is not searched for more


class Publisher:
    """Publishes the good rows of a plan; errors that only the module's rules find go into the report.

    With `skip_errors` the others go in, else the caller has to roll back when the report has errors. Rows are created and
    changed as far as the person may. `effects` remembers what was done, `progress` is told how many rows were.
    """

    def __init__(
        self,
        plan: Plan,
        rows: Sequence[GoodRow],
        report: Report,
        *,
        skip_errors: bool = False,
        effects: Effects | None = None,
        progress: Callable[[int], None] = lambda _rows: None,
    ) -> None:
        self.plan, self.rows, self.report = plan, rows, report
        self.resource = plan.resource
        self.skip_errors = skip_errors
        self.may_change, self.may_create = (can(plan.resource.permission(verb)) for verb in ("edit", "create"))
        self.effects, self._progress, self._handled = effects, progress, 0
        self._made: dict[tuple[str, str, Any], int] = {}
        self._ids: dict[int, int] = {}  # line in the file -> id
        self._errors: list[RowError] = []
        self._money = [c.name for c in plan.columns if c.field.kind == "money"]
        # Only a look-up can mean a row that is still to be created, or one of the same file.
        self._lookups = [c.name for c in plan.columns if isinstance(c.field, Lookup)]
        self._defaults = {f.name: f.default() for f in self.resource.fields if f.default}
        if self.resource.owned and not self.resource.create and any(f.name == "owner_id" for f in self.resource.fields):
            self._defaults["owner_id"] = actor_id()

    def publish(self) -> None:
        """Create and change rows, and count them."""
        g.write_source = "import"
        # Of two imports into one company the second waits, and then finds what the first created.
        db.session.execute(select(Company.id).where(Company.id == g.company.id).with_for_update(key_share=True))
        with roomy():
            self._publish()
        self.report.refuse(self._errors)
        if self.effects:
            self.effects.write()

    def _publish(self) -> None:
        self._create_lookups()
        found = self._existing() if self.plan.match_key else {}
        fresh = [row for row in self.rows if row.line not in found]
        known = [row for row in self.rows if row.line in found]
        self._ids = {line: row.id for line, row in found.items()}
        if not self.may_create:
            for row in fresh:
                self._refuse(row, _("This row would be new, and you may not create any."))
            fresh = []
        self._create(fresh)
        if self.plan.on_match == SKIP:
            self.report.skipped += len(known)
        else:
            self._change(known, found)

    # Look-ups that a mapping lets be created

    def _create_lookups(self) -> None:
        for column in self.plan.columns:
            if column.name not in self._lookups:
                continue
            wanted = dict.fromkeys(v for row in self.rows if isinstance(v := row.values.get(column.name), New))
            for new in in_order(column, wanted):
                if _key_of(new) not in self._made:
                    self._made[_key_of(new)] = self._create_lookup(column, new)

    def _create_lookup(self, column: Column, new: New) -> int:
        target: Resource = column.field.resource  # type: ignore[attr-defined]  # Lookup
        name = new.name
        values = {f.name: f.default() for f in target.fields if f.default}
        values[column.by or target.title] = values[target.title] = name
        if new.within is not None:
            values[column.within] = self._resolved(new.within)
        try:
            for key, given in attributes_of(column, name).items():
                values[key] = target.field(key).parse(None if given is None else str(given), neutral())
        except KeyError as error:
            raise BusinessError(_("%(resource)s has no field %(name)s.", resource=target.address, name=error)) from None
        except FieldError as error:
            raise BusinessError(f"{target.address} “{name}”: {error}") from None
        if missing := [f for f in target.fields if f.required and values.get(f.name) is None]:
            raise BusinessError(
                _("To create “%(name)s” in %(resource)s, the mapping must say its “%(field)s”.",
                  name=name, resource=target.address, field=missing[0].name)
            )
        self.report.made.append({"resource": target.address, "name": name})
        made: int = target.add(values).id
        if self.effects:
            self.effects.lookup(target, made)
        return made

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, New):
            return self._made[_key_of(value)]
        return self._ids[value.line] if isinstance(value, SameFile) else value

    # Rows that exist

    def _existing(self) -> dict[int, Any]:
        """Line -> the row that it matches, as columns; what matches twice or may not be touched is an error."""
        keys = {row.line: key for row in self.rows if (key := self._key(row)) is not None}
        stored: dict[Any, list[Any]] = {}
        for chunk in chunks(sorted(set(keys.values()), key=str), CHUNK):
            for found in self._stored(chunk):
                stored.setdefault(found.match_key, []).append(found)
        hidden = self._hidden([row.id for rows in stored.values() for row in rows])
        matched = {}
        for row in self.rows:
            rows = stored.get(keys.get(row.line), [])
            if len(rows) > 1:
                self._refuse(row, _("Several rows match; it cannot be told which one is meant."), self.plan.match_key)
            elif rows and (rows[0].id in hidden or (not self.may_change and self.plan.on_match != SKIP)):
                self._refuse(row, _("This row exists already, and you may not change it."), self.plan.match_key)
            elif not rows and row.row_id is not None:
                self._refuse(row, _("There is no row with this id."), "id")
            elif rows:
                matched[row.line] = rows[0]
        refused = {error.line for error in self._errors}
        self.rows = [row for row in self.rows if row.line not in refused]
        return matched

    def _key(self, row: GoodRow) -> Any:
        if self.plan.match_key == "id":
            return row.row_id
        value = self._resolved(row.values.get(self.plan.match_key))
        return fold(value) if self._by_title and isinstance(value, str) else value

    @property
    def _by_title(self) -> bool:
        folded = hasattr(self.resource.model, f"{self.resource.title}_key")
        return folded and self.plan.match_key == self.resource.title

    def _stored(self, keys: Sequence[Any]) -> Iterable[Any]:
        model: Any = self.resource.model
        key = self.resource.name_column if self._by_title else self._key_column()
        names = dict.fromkeys(a for c in self.plan.columns for a in c.field.attributes if hasattr(model, a))
        columns = [getattr(model, name) for name in names if name != "id"]
        rows = select(model.id, key.label("match_key"), *columns).where(key.in_(keys))
        return db.session.execute(rows, execution_options={"all_rows": True})

    def _key_column(self) -> Any:
        if self.plan.match_key == "id":
            return self.resource.model.id
        return getattr(self.resource.model, self.resource.field(self.plan.match_key).attributes[0])

    def _hidden(self, ids: Sequence[int]) -> set[int]:
        """Those of the rows that record rules hide from whoever imports."""
        if not g.get("row_rules"):
            return set()
        model: Any = self.resource.model
        seen: set[int] = set()
        for chunk in chunks(ids, CHUNK):
            seen.update(db.session.scalars(select(model.id).where(model.id.in_(chunk))))
        return set(ids) - seen

    # Creating

    def _create(self, rows: list[GoodRow]) -> None:
        """Create rows, those that others of the file refer to first."""
        rows = [row for row in rows if self._complete(row)]
        while rows:
            ready = [row for row in rows if all(line in self._ids for line in self._refers_to(row))]
            waiting = {row.line for row in rows}
            if not ready:
                self._refuse_waiting(rows, waiting)
                return
            for group in self._groups(ready):
                for start in range(0, len(group), PIECE):
                    self._add(group[start : start + PIECE])
                    self._tell(len(group[start : start + PIECE]))
            done = {row.line for row in ready}
            rows = [row for row in rows if row.line not in done]

    def _refers_to(self, row: GoodRow) -> list[int]:
        """Lines of the file that a row refers to."""
        return [value.line for name in self._lookups if isinstance(value := row.values.get(name), SameFile)]

    def _tell(self, rows: int) -> None:
        self._handled += rows
        self._progress(self._handled)

    def _complete(self, row: GoodRow) -> bool:
        for typed in self.resource.fields:
            if typed.required and not typed.default and typed.name not in row.values:
                self._refuse(row, _("A new row needs “%(field)s”.", field=typed.label), typed.name)
                return False
        return True

    def _refuse_waiting(self, rows: list[GoodRow], waiting: set[int]) -> None:
        for row in rows:
            lines = [line for line in self._refers_to(row) if line not in self._ids]
            name = next(n for n, v in row.values.items() if isinstance(v, SameFile) and v.line in lines)
            if waiting.issuperset(lines):
                self._refuse(row, _("This row refers to itself by way of line %(line)s.", line=lines[0]), name)
            else:
                self._refuse(row, _("The row it refers to, on line %(line)s, is not imported.", line=lines[0]), name)

    def _groups(self, rows: list[GoodRow]) -> Iterable[list[GoodRow]]:
        """Rows that write the same columns: an amount that is empty writes no currency."""
        groups: dict[tuple[bool, ...], list[GoodRow]] = {}
        for row in rows:
            groups.setdefault(tuple(row.values.get(name) is None for name in self._money), []).append(row)
        return groups.values()

    def _add(self, rows: list[GoodRow]) -> None:
        """Create rows; when the module refuses, halve until the refused ones are found."""
        try:
            with db.session.begin_nested():
                made = self._insert([self._values(row) for row in rows])
        except (BusinessError, IntegrityError) as error:
            if len(rows) == 1:
                self._refuse_for(rows[0], error)
            elif self.skip_errors or len(self._errors) < ENOUGH:
                middle = len(rows) // 2
                self._add(rows[:middle])
                self._add(rows[middle:])
            return
        ids: Sequence[int] = getattr(made, "ids", made)
        self._ids.update({row.line: row_id for row, row_id in zip(rows, ids, strict=True)})
        for index, message in getattr(made, "warnings", ()):
            self.report.warn(rows[index].line, message)
        self.report.created += len(rows)
        if self.effects:
            self.effects.created(self.resource, list(ids))

    def _insert(self, rows: list[dict[str, Any]]) -> Any:
        if self.resource.bulk or not self.resource.create:
            return self.resource.add_many(rows)
        return [self.resource.add(row).id for row in rows]

    def _values(self, row: GoodRow) -> dict[str, Any]:
        """What a new row is made of; what the file says nothing of gets its default."""
        given = dict(row.values)
        for name in self._lookups:
            given[name] = self._resolved(given.get(name))
        for name, value in self._defaults.items():
            if given.get(name) is None:
                given[name] = value
        return given

    # Changing

    def _change(self, rows: list[GoodRow], found: dict[int, Any]) -> None:
        """Change the rows that differ; the others are not touched."""
        changes = {}
        for row in rows:
            if missing := [line for line in self._refers_to(row) if line not in self._ids]:
                self._refuse(row, _("The row it refers to, on line %(line)s, is not imported.", line=missing[0]))
            else:
                changes[row.line] = self._differences(row, found[row.line])
        self.report.unchanged += sum(not change for change in changes.values())
        model: Any = self.resource.model
        for chunk in chunks([row for row in rows if changes.get(row.line)], CHUNK):
            ids = [found[row.line].id for row in chunk]
            stored = {e.id: e for e in db.session.scalars(select(model).where(model.id.in_(ids)).with_for_update())}
            for row in chunk:
                self._change_one(row, stored[found[row.line].id], changes[row.line])
            self._tell(len(chunk))

    def _differences(self, row: GoodRow, stored: Any) -> dict[str, Any]:
        """Field name -> new value, of those that differ.

        An empty cell empties what people can edit; of a field that only files have it says nothing. Fields without a
        column of their own (a team by name) are told together. An instruction ("create what is missing", why it is
        changed) goes with what differs: no row ever holds it, so no row differs by it.
        """
        changes: dict[str, Any] = {}
        together: dict[str, Any] = {}
        instructions: dict[str, Any] = {}
        differs = False
        for column in self.plan.columns:
            value = self._resolved(row.values[column.name])
            if value is None and not column.field.editable:
                continue
            differing = _differs(column.field, value, stored)
            if not column.field.exportable:
                instructions[column.name] = value
            elif not column.field.attributes:
                together[column.name] = value
                differs = differs or (differing and column.constant is None)
            elif differing:
                changes[column.name] = value
        changes |= together if differs else {}
        return {**changes, **instructions} if changes else {}

    def _change_one(self, row: GoodRow, entity: Any, changes: dict[str, Any]) -> None:
        before = self.resource.values_of(entity) if self.effects else {}
        try:
            with db.session.begin_nested():
                self.resource.change(entity, changes)
        except (Refusal, IntegrityError) as error:
            self._refuse_for(row, error)
            return
        left = [n for n, v in changes.items() if (f := self.resource.field(n)).attributes and _differs(f, v, entity)]
        for name in left:
            label = self.resource.field(name).label
            self.report.warn(row.line, _("“%(field)s” of a row that exists cannot be changed; it was left.", field=label))
        if len(left) < len(changes):
            self.report.updated += 1
            if self.effects:
                after = self.resource.values_of(entity)
                self.effects.changed(self.resource, entity.id, {n: v for n, v in before.items() if after[n] != v})
        else:
            self.report.unchanged += 1

    # Refusing

    def _refuse_for(self, row: GoodRow, error: Exception) -> None:
        if isinstance(error, Refusal):
            self._refuse(row, error.message, error.field or "")
        else:
            self._refuse(row, _("This clashes with what is stored: it exists already, or what it refers to is gone."))

    def _refuse(self, row: GoodRow, message: str, name: str = "") -> None:
        column = self.plan.column(name)
        value = row.values.get(name)
        shown = "" if value is None or isinstance(value, (New, SameFile)) or column is None else column.field.plain(value)
        self._errors.append(RowError(row.line, message, column.heading if column else "", name, shown))


def _key_of(new: New) -> tuple[str, str, Any]:
    """Names that differ in case or accents only are created once."""
    return new.target, fold(new.name), _key_of(new.within) if isinstance(new.within, New) else new.within


def _differs(typed: Field, value: Any, stored: Any) -> bool:
    current = typed.of(stored)
    # A text column that may not be null holds "" for nothing.
    return value != current and not (value is None and current == "")
