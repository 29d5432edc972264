"""Lists: which rows, in which order, page by page by key. One query for page, fragment, count and export."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Select, and_, false, func, or_, select
from werkzeug.datastructures import MultiDict

from app.core.access import subtree
from app.core.changelog import actor_id
from app.core.db import UtcDateTime, db, fold
from app.core.errors import BusinessError
from app.core.fields import Field
from app.core.i18n import _
from app.core.ids import whole
from app.core.models import TeamMember
from app.core.resource import Resource, View

PAGE = 50
LONGEST_CURSOR = 2_000
FIRST_YEAR, LAST_YEAR = 1900, 2200
NONE = "none"  # as a filter value: rows where the field is empty
ME = "me"  # as a value of an owner filter: the person who asks


@dataclass
class Listing:
    """A resource's rows as an address describes them: `q`, `sort`, `cursor` and filters by field name."""

    resource: Resource
    args: MultiDict
    per_page: int = PAGE
    criteria: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.view = self._view()
        self.q = self.args.get("q", "").strip()[:100]
        self.sort = self.args.get("sort", "") or self.resource.sort
        self.column = self._sort_column()
        self.criteria = [*self.criteria, *self._search(), *self._filters()]

    # What is chosen

    def _view(self) -> View:
        chosen = self.args.get("view", "")
        views = self.resource.views or (View("all", ""),)
        for view in views:
            if view.name == chosen:
                return view
        if chosen:
            raise BusinessError(_("This list has no view “%(name)s”.", name=chosen[:40]), field="view")
        return views[0]

    def value_of(self, name: str) -> str:
        """What the address says of a filter, else what the view says; the address can also say "nothing"."""
        return self.args.get(name, self.view.args.get(name, "")).strip()

    @property
    def filtered(self) -> bool:
        """Whether the address narrows the list beyond its view."""
        return bool(self.q) or any(k in self.args for k in self._filter_names)

    @property
    def _filter_names(self) -> set[str]:
        names = {*self.resource.filters, "team"}
        return names | {f"{n}__{end}" for n in names for end in ("gte", "lte")}

    def query_args(self, **changes: Any) -> dict[str, Any]:
        """The arguments of the address, with changes; None leaves one out. The cursor never survives.

        An argument of the view is not left out but emptied: else the view would bring it back.
        """
        emptied = {k: "" for k, v in changes.items() if v in (None, "") and k in self.view.args}
        kept = {k: v for k, v in self.args.items() if k not in ("cursor", *changes) and (v or k in self.view.args)}
        return {**kept, **emptied, **{k: str(v) for k, v in changes.items() if v not in (None, "")}}

    # Building the query

    @property
    def descending(self) -> bool:
        return self.sort.startswith("-")

    def _sort_column(self) -> Any:
        name = self.sort.lstrip("-")
        known = {self.resource.sort.lstrip("-"), "id", "created_at", "updated_at"}
        known |= {f.attributes[0] for f in self.resource.fields if f.sortable}
        for candidate in (f"{name}_key", f"{name}_minor", name):
            if (name in known or candidate in known) and hasattr(self.resource.model, candidate):
                return getattr(self.resource.model, candidate)
        raise BusinessError(_("This list cannot be sorted by “%(name)s”.", name=name), field="sort")

    def _search(self) -> list[Any]:
        if not self.q:
            return []
        column = getattr(self.resource.model, "search_key", None)
        column = self.resource.name_column if column is None else column
        return [column.contains(word, autoescape=True) for word in fold(self.q).split()]

    def _filters(self) -> list[Any]:
        found = []
        for name in self.resource.filters:
            typed = self.resource.field(name)
            if typed.kind == "date":
                found += self._dates(typed)
            elif value := self.value_of(name):
                found.append(self._equals(typed, value))
        if self.resource.owned and (team := self.value_of("team")):
            found.append(self._of_team(_whole(team, "team")))
        return found

    def _of_team(self, team_id: int) -> Any:
        """Rows of a team and of the teams below it."""
        model = self.resource.model
        if self.resource.team_column:
            return getattr(model, self.resource.team_column).in_(subtree({team_id}))
        return model.owner_id.in_(team_member_ids(team_id))

    def _equals(self, typed: Field, value: str) -> Any:
        column = getattr(self.resource.model, typed.attributes[0])
        if value == NONE:
            return column.is_(None)
        if value == ME and typed.kind == "lookup":
            return column == actor_id()
        if typed.kind == "lookup":
            return column == _whole(value, typed.name)
        if typed.kind == "boolean":
            return column.is_(value in ("1", "true"))
        return column == value

    def _dates(self, typed: Field) -> list[Any]:
        column = getattr(self.resource.model, typed.attributes[0])
        found = []
        if self.value_of(typed.name) == NONE:
            found.append(column.is_(None))
        for suffix, compare in (("gte", column.__ge__), ("lte", column.__le__)):
            if text := self.value_of(f"{typed.name}__{suffix}"):
                try:
                    found.append(compare(date.fromisoformat(text)))
                except ValueError:
                    raise BusinessError(_("“%(given)s” is not a date.", given=text), field=typed.name) from None
        return found

    def select(self, *columns: Any) -> Select:
        """These columns (or the entities) of the rows chosen, in order."""
        chosen = select(*columns) if columns else select(self.resource.model)
        return chosen.where(*self.criteria).order_by(*self._order(self.descending))

    def _order(self, descending: bool) -> list[Any]:
        row_id = self.resource.model.id
        order = self.column.desc() if descending else self.column.asc()
        if self._nullable:
            # Rows without a value come last, whichever way the list is sorted and whichever database sorts it.
            order = order.nulls_last() if descending == self.descending else order.nulls_first()
        return [order, row_id.desc() if descending else row_id.asc()]

    @property
    def _nullable(self) -> bool:
        return bool(self.column.property.columns[0].nullable)

    # Pages

    def page(self, *columns: Any) -> tuple[list[Any], str | None, str | None]:
        """Rows of one page as column rows, with the cursors of the next and the previous page."""
        cursor = self.args.get("cursor", "")
        back, after = _read_cursor(cursor) if cursor else (False, None)
        descending = self.descending != back
        model = self.resource.model
        rows = select(model.id, self.column.label("sort_value"), *columns).where(*self.criteria)
        if after is not None:
            rows = rows.where(self._beyond(after, descending))
        found = list(db.session.execute(rows.order_by(*self._order(descending)).limit(self.per_page + 1)))
        more = len(found) > self.per_page
        found = found[: self.per_page]
        if back:
            found.reverse()
        has_next = bool(found) and (more if not back else True)
        has_previous = bool(found) and (bool(cursor) if not back else more)
        return (
            found,
            _write_cursor(False, found[-1]) if has_next else None,
            _write_cursor(True, found[0]) if has_previous else None,
        )

    def _beyond(self, after: tuple[Any, int], descending: bool) -> Any:
        value, row_id = self._typed(after[0]), after[1]
        ids = self.resource.model.id
        past = ids < row_id if descending else ids > row_id
        nulls_ahead = descending == self.descending
        if value is None:
            rest = false() if nulls_ahead else self.column.is_not(None)
            return or_(and_(self.column.is_(None), past), rest)
        further = self.column < value if descending else self.column > value
        beyond = or_(further, and_(self.column == value, past))
        return or_(beyond, self.column.is_(None)) if nulls_ahead and self._nullable else beyond

    def _typed(self, value: Any) -> Any:
        if value is None:
            return None
        try:
            if isinstance(self.column.type, UtcDateTime):
                at = datetime.fromisoformat(value)
                if at.tzinfo is None or not FIRST_YEAR < at.year < LAST_YEAR:
                    raise _forged()
                return at.astimezone(UTC)
            kind = self.column.type.python_type
            return date.fromisoformat(value) if kind is date else kind(value)
        except (ValueError, TypeError, AttributeError, OverflowError):
            raise _forged() from None

    def count(self) -> int:
        """How many rows are chosen."""
        model = self.resource.model
        return db.session.scalar(select(func.count(model.id)).where(*self.criteria)) or 0


def team_member_ids(team_id: int) -> Select:
    """Members who are, or were last, in a team or one below it."""
    return select(TeamMember.member_id).where(TeamMember.team_id.in_(subtree({team_id})))


def _whole(text: str, field_name: str) -> int:
    found = whole(text)
    if found is None:
        raise BusinessError(_("“%(given)s” is not a valid filter.", given=text[:40]), field=field_name)
    return found


def _forged() -> BusinessError:
    return BusinessError(_("This page address is damaged. Open the list again from the menu."), field="cursor")


def _write_cursor(back: bool, row: Any) -> str:
    value = row.sort_value
    value = value if value is None or isinstance(value, (int, str)) else value.isoformat()
    text = json.dumps([int(back), value, row.id], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(text: str) -> tuple[bool, tuple[Any, int]]:
    if len(text) > LONGEST_CURSOR:
        raise _forged()
    try:
        back, value, row_id = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        str(value).encode()
    except (ValueError, TypeError, RecursionError, binascii.Error):
        raise _forged() from None
    numbers = [n for n in (row_id, value) if not isinstance(n, str) and n is not None]
    if back not in (0, 1) or row_id is None or any(type(n) is not int or abs(n) >= 2**63 for n in numbers):
        raise _forged()
    return bool(back), (value, row_id)
