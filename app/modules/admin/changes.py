"""The change log of the whole company: which lines the reader may see, filtered, page by page, as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from flask import url_for
from sqlalchemy import false, or_, select

from app.core import changelog, lookups
from app.core.access import can, scope_of
from app.core.clock import company_zone
from app.core.db import Base, db
from app.core.errors import BusinessError
from app.core.fields import Field
from app.core.formats import moment
from app.core.history import FILE_GONE, NOTE_GONE, sides, turns
from app.core.history import logged_as_shown as as_shown
from app.core.i18n import _, _l
from app.core.ids import whole
from app.core.lifecycle import enabled_modules
from app.core.models import Change, Membership, Trash
from app.core.resource import Resource

PAGE = 50
NOBODY = "none"  # as a value of the filter by person: what no person did
ACTIONS = {
    "created": _l("Was created"),
    "changed": _l("Was changed"),
    "deleted": _l("Was thrown away"),
    "restored": _l("Was restored"),
    "merged": _l("Was merged"),
    NOTE_GONE: _l("Note deleted"),
    FILE_GONE: _l("File deleted"),
}
Row = tuple[str, int]  # table and id


@dataclass(frozen=True)
class Kind:
    """What a table of the log holds, as people call it."""

    key: str
    table: str
    label: str
    model: Any
    icon: str = "file-text"
    resource: Resource | None = None
    settings: Sequence[Field] = ()

    @cached_property
    def fields(self) -> dict[str, Field]:
        """Column -> field that shows it."""
        return self.resource.by_column if self.resource else {f.name: f for f in self.settings}


@dataclass(frozen=True)
class Part:
    """What is known of a row that is no record of its own: its name, "" without one, and the records it belongs to."""

    name: str
    of: Sequence[Row]


def kinds() -> dict[str, Kind]:
    """Table -> what it holds, for what the reader may see: record types by their permission, in the menu's order."""
    modules = sorted(enabled_modules(), key=lambda m: (m.manifest.order, m.name))
    resources = [r for m in modules for r in m.hooks.resources]
    found = {r.model.__tablename__: _of_resource(r) for r in resources if can(r.permission("view"))}
    known = {r.model.__tablename__ for r in resources}
    decided = {model: fields for m in modules for model, fields in m.hooks.settings.items()}
    on = {"core", *(m.name for m in modules)}
    for mapper in sorted(Base.registry.mappers, key=lambda m: m.local_table.name):  # type: ignore[attr-defined]  # a table
        name = mapper.local_table.name  # type: ignore[attr-defined]  # a table
        if changelog.is_logged(mapper.class_) and name not in known and name.split("_")[0] in on:
            label = str(getattr(mapper.class_, "__called__", name))
            found[name] = Kind(name, name, label, mapper.class_, settings=decided.get(mapper.class_, ()))
    return found


def _of_resource(resource: Resource) -> Kind:
    return Kind(resource.key, resource.model.__tablename__, str(resource.label), resource.model, resource.icon, resource)


@dataclass
class Log:
    """Lines of the change log as an address describes them: `who`, `kind`, `field`, `action`, `day__gte`, `day__lte`,
    `record` (an id, with `kind`), `before` (the id of the last line of the page before)."""

    args: Mapping[str, str]
    kinds: dict[str, Kind] = field(default_factory=kinds)
    amounts: dict[Row, Any] = field(default_factory=dict, init=False)  # of the records that were named: columns of their amounts

    def __post_init__(self) -> None:
        chosen = self.value("kind")
        self.kind = next((k for k in self.kinds.values() if k.key == chosen), None)
        if chosen and self.kind is None:
            raise BusinessError(_("“%(given)s” is not a valid filter.", given=chosen[:40]), field="kind")
        self.criteria = [self._visible(), *self._chosen()]

    def value(self, name: str) -> str:
        return self.args.get(name, "").strip()

    def _visible(self) -> Any:
        """Lines of record types whose rows the reader sees only in part are shown for those rows alone."""
        whole_tables: list[str] = []
        parts: list[Any] = [false()]
        for kind in [self.kind] if self.kind else self.kinds.values():
            if kind.resource and kind.resource.owned and scope_of(kind.resource.key) != "all":
                parts.append((Change.table_name == kind.table) & Change.row_id.in_(select(kind.resource.model.id)))
            else:
                whole_tables.append(kind.table)
        return or_(Change.table_name.in_(whole_tables), *parts)

    def _chosen(self) -> list[Any]:
        found: list[Any] = []
        if who := self.value("who"):
            found.append(Change.actor_id.is_(None) if who == NOBODY else Change.actor_id == _whole(who, "who"))
        if self.kind and (record := self.value("record")):
            found.append(Change.row_id == _whole(record, "record"))
        if self.kind and (name := self.value("field")):
            found.append(Change.field == name[:60])
        if action := self.value("action"):
            found.append(Change.action == action[:10])
        if first := _day(self.value("day__gte"), "day"):
            found.append(Change.at >= _midnight(first))
        if last := _day(self.value("day__lte"), "day"):
            found.append(Change.at < _midnight(last + timedelta(days=1)))
        return found

    def page(self) -> tuple[list[dict[str, Any]], int | None]:
        """The lines of a page, newest first, and the id to go on from; None at the end.

        Statements: one for the lines, one for what is in the trash, one for each record type named on the page and one
        for each that their values refer to.
        """
        rows = (
            select(Change.id, Change.at, Change.request_id, Change.action, Change.table_name, Change.row_id, Change.field,
                   Change.old, Change.new, Change.actor_id, Membership.name)
            .outerjoin(Membership, (Membership.id == Change.actor_id) & (Membership.company_id == Change.company_id))
            .where(*self.criteria)
        )  # fmt: skip
        if before := self.value("before"):
            rows = rows.where(Change.id < _whole(before, "before"))
        lines = list(db.session.execute(rows.order_by(Change.id.desc()).limit(PAGE + 1), execution_options={"with_trash": True}))
        following = lines[PAGE - 1].id if len(lines) > PAGE else None
        return self._shown(lines[:PAGE]), following

    def _shown(self, lines: Sequence[Any]) -> list[dict[str, Any]]:
        rows = {(line.table_name, line.row_id) for line in lines}
        parts = self._parts(rows)
        known = rows.union(*(part.of for part in parts.values()))
        titles, thrown = self._titles(known), _thrown(known)
        turned = self._turned(lines)
        self._know_labels(lines)
        nobody = _("The system")
        shown = []
        for line in lines:
            kind, at = self.kinds[line.table_name], (line.table_name, line.row_id)
            typed = kind.fields.get(line.field)
            old, new = sides(typed, line, turned.get(at, ()), self.amounts.get(at))
            title, opened = self._called(at, parts.get(at), titles)
            shown.append({
                "at": moment(line.at), "who": line.name or nobody, "kind": kind, "row_id": line.row_id,
                "action": str(ACTIONS.get(line.action, line.action)), "title": title, "plain": at in titles,
                "url": self._record_url(opened) if opened and opened not in thrown else None,
                "field": str(typed.label) if typed else line.field or "",
                "old": as_shown(typed, line.old, old), "new": as_shown(typed, line.new, new),
            })  # fmt: skip
        return shown

    def _called(self, at: Row, part: Part | None, titles: Mapping[Row, str]) -> tuple[str, Row | None]:
        """What people call a row, "" where its sort says all, and the record to open for it.

        What is no record of its own goes by the records it belongs to, as far as the reader may see these.
        """
        if at in titles:
            return titles[at], at
        seen = [each for each in part.of if each in titles] if part else []
        if part is None or (part.of and not seen):
            return f"#{at[1]}", None
        return " · ".join([titles[each] for each in seen] + ([part.name] if part.name else [])), next(iter(seen), None)

    def _parts(self, rows: Iterable[Row]) -> dict[Row, Part]:
        """Of the rows that are no records of their own: their name, if they have one, and the records they belong to."""
        found = {}
        for kind, ids in self._by_kind(rows):
            if kind.resource is None:
                for row in db.session.scalars(select(kind.model).where(kind.model.id.in_(ids))):
                    found[kind.table, row.id] = Part(str(getattr(row, "name", None) or ""), _belongs_to(row))
        return found

    def _titles(self, rows: Iterable[Row]) -> dict[Row, str]:
        """Names of the records that the reader may see, those in the trash included."""
        found = {}
        for kind, ids in self._by_kind(rows):
            if kind.resource:
                # An amount is told with what says its currency or unit.
                columns = {name for typed in kind.fields.values() if typed.kind in ("money", "number") for name in typed.attributes}
                asked = [getattr(kind.model, name) for name in {"id", kind.resource.title, *columns}]
                for row in db.session.execute(select(*asked).where(kind.model.id.in_(ids)), execution_options={"with_trash": True}):
                    found[kind.table, row.id] = kind.resource.called(row)
                    self.amounts[kind.table, row.id] = row
        return found

    def _turned(self, lines: Sequence[Any]) -> dict[Row, list[Any]]:
        """When the units and currencies of what changed on the page changed themselves."""
        found = {}
        for kind, ids in self._by_kind((line.table_name, line.row_id) for line in lines):
            fields = (kind.fields.get(line.field) for line in lines if line.table_name == kind.table)
            found.update({(kind.table, row_id): told for row_id, told in turns(kind.table, ids, fields).items()})
        return found

    def _by_kind(self, rows: Iterable[Row]) -> list[tuple[Kind, set[int]]]:
        ids: dict[str, set[int]] = {}
        for table, row_id in rows:
            ids.setdefault(table, set()).add(row_id)
        return [(self.kinds[table], wanted) for table, wanted in ids.items() if table in self.kinds]

    def _know_labels(self, lines: Sequence[Any]) -> None:
        """Ask once for the names that the values refer to."""
        ids: dict[str, set[int]] = {}
        for line in lines:
            typed = self.kinds[line.table_name].fields.get(line.field)
            if isinstance(typed, lookups.Lookup):
                given = (whole(line.old), whole(line.new))
                ids.setdefault(typed.target, set()).update(i for i in given if i is not None)
        for target, wanted in ids.items():
            lookups.labels(target, wanted)

    def _record_url(self, at: Row) -> str | None:
        resource = self.kinds[at[0]].resource
        if resource is None:
            return None
        prefixes: dict[str, str] = self.__dict__.setdefault("_prefixes", {})
        if resource.key not in prefixes:
            prefixes[resource.key] = url_for(resource.endpoint("record"), row_id=0).removesuffix("0")
        return f"{prefixes[resource.key]}{at[1]}"

    # Filters

    def url(self, **changes: Any) -> str:
        """The address with changes; None leaves an argument out. The page is begun anew."""
        kept: dict[str, Any] = {k: v for k, v in self.args.items() if k not in ("before", *changes) and v}
        return url_for("admin.changes_page", **kept, **{k: v for k, v in changes.items() if v is not None})

    def filters(self) -> list[dict[str, Any]]:
        """The chips, as the macro `chip` takes them."""
        fields = [(name, str(f.label)) for name, f in self.kind.fields.items()] if self.kind else []
        found = [
            self._chip("who", _("Who"), [*_people(), (NOBODY, _("The system"))]),
            self._chip("kind", _("What"), [(k.key, k.label) for k in self.kinds.values()], clears=("field", "record")),
            self._chip("action", _("Action"), [(name, str(label)) for name, label in ACTIONS.items()]),
            {"name": "day", "label": _("Period"), "kind": "dates", "on": bool(self._period()), "text": self._period(),
             "clear_url": self.url(day__gte=None, day__lte=None)},
        ]  # fmt: skip
        if fields:
            found.insert(2, self._chip("field", _("Field"), sorted(dict(fields).items(), key=lambda pair: pair[1])))
        if self.kind and (record := self.value("record")):
            text = lookups.labels(self.kind.key, [whole(record)]).get(whole(record) or 0) if self.kind.resource else None
            found.append({**self._chip("record", _("Record"), [(record, text or f"#{record}")])})
        return found

    def _chip(self, name: str, label: str, options: list[tuple[str, str]], clears: Sequence[str] = ()) -> dict[str, Any]:
        value = self.value(name)
        return {
            "name": name, "label": label, "kind": "lookup" if name == "who" else "choice", "options": options, "value": value,
            "text": dict(options).get(value, value), "on": bool(value),
            "clear_url": self.url(**{name: None, **dict.fromkeys(clears)}),
        }  # fmt: skip

    def _period(self) -> str:
        ends = [self.value("day__gte"), self.value("day__lte")]
        return " – ".join(end or "…" for end in ends) if any(ends) else ""


def _people() -> list[tuple[str, str]]:
    rows = db.session.execute(select(Membership.id, Membership.name).order_by(Membership.name_key))
    return [(str(row.id), row.name) for row in rows]


def _belongs_to(row: Any) -> list[Row]:
    """The rows that a row refers to, in the order of its columns: what it is put on, as notes are, or by foreign key."""
    if hasattr(row, "table_name"):
        return [(row.table_name, row.row_id)]
    return [(key.column.table.name, row_id)
            for column in row.__table__.columns if (row_id := getattr(row, column.name)) is not None
            for key in column.foreign_keys if key.column.name == "id" and column.name != "company_id"]  # fmt: skip


def _thrown(wanted: Iterable[Row]) -> set[Row]:
    """Which of the rows lie in the trash."""
    ids = {row_id for _table, row_id in wanted}
    rows = db.session.execute(select(Trash.table_name, Trash.row_id).where(Trash.row_id.in_(ids)))
    return {(row.table_name, row.row_id) for row in rows}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=company_zone())


def _day(text: str, name: str) -> date | None:
    try:
        found = date.fromisoformat(text) if text else None
    except ValueError:
        found = date.min
    if found and not 1900 <= found.year < 2200:
        raise BusinessError(_("“%(given)s” is not a date.", given=text[:40]), field=name)
    return found


def _whole(text: str, name: str) -> int:
    found = whole(text)
    if found is None:
        raise BusinessError(_("“%(given)s” is not a valid filter.", given=text[:40]), field=name)
    return found
