"""Lists: which rows, in which order, which columns, page by page. One query for page, fragment, count and export."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Select, false, func, select
from werkzeug.datastructures import MultiDict

from app.core import filtering, grouping, saved_views, search
from app.core.access import can, subtree
from app.core.db import db
from app.core.errors import BusinessError
from app.core.fields import Field
from app.core.hooks import Column
from app.core.i18n import _
from app.core.ids import whole
from app.core.lifecycle import enabled_modules
from app.core.models import TeamMember
from app.core.operators import ME, NONE
from app.core.paging import Order, read_cursor, write_cursor
from app.core.resource import Resource, View

__all__ = ["ME", "NONE", "PAGE", "Listing", "team_member_ids"]

PAGE = 50
ALL = View("all", "")
Found = TypeVar("Found")
Other = TypeVar("Other")


@dataclass
class Listing:
    """A resource's rows as an address describes them; the arguments are told in docs/modules.md.

    What a saved view says is taken as far as it still can be: `notices` are sentences about what was left out.
    `filled`: by `criteria`, no row is without a value in the column that sorts them.
    """

    resource: Resource
    args: MultiDict
    per_page: int = PAGE
    criteria: list[Any] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    filled: bool = False

    def __post_init__(self) -> None:
        self.kept: saved_views.Kept | None = None
        if any("\x00" in value for _name, value in self.args.items(multi=True)):
            raise BusinessError(_("This page address is damaged. Open the list again from the menu."))
        self.view = self._view()
        self.q = self.args.get("q", "").strip()[:100]
        self.sort, self.column = self._taken("sort", self._sort_column, None) or self._sort_column(self.resource.sort)
        self.tree: filtering.Group = self._tree()
        self.grouping: grouping.Grouping | None = self._taken("group", lambda text: grouping.read(self.resource, text), None)
        self.within = self.args.get("within", "") if self.grouping else ""
        chosen = self._taken("columns", self._columns, None)
        self.shown = chosen or self._columns("")
        self.simple = self._simple()
        self.criteria = [*self.criteria, *self._search(), *self._rest()]

    # What is chosen

    def _view(self) -> View:
        chosen = self.args.get("view", "")
        views = self.resource.views or (ALL,)
        if (view_id := whole(chosen)) is not None:
            self.kept = saved_views.named(self.resource, view_id)
            return self.kept.view
        for view in views:
            if view.name == chosen:
                return view
        if chosen:
            raise BusinessError(_("This list has no view “%(name)s”.", name=chosen[:40]), field="view")
        return views[0]

    def value_of(self, name: str) -> str:
        """What the address says of an argument, else what the view says; the address can also say "nothing"."""
        return self.args.get(name, self.view.args.get(name, "")).strip()

    def _taken(self, name: str, read: Callable[[str], Found], otherwise: Other) -> Found | Other:
        """What `read` makes of an argument. What is wrong in a saved view becomes a notice, in an address a refusal."""
        text = self.value_of(name)
        if not text:
            return otherwise
        try:
            return read(text)
        except BusinessError as error:
            if name in self.args or self.kept is None:
                raise
            self._notice(error)
            return otherwise

    def _notice(self, error: BusinessError) -> None:
        self.notices.append(_("Left out of this view: %(problem)s", problem=error.message))

    @property
    def filtered(self) -> bool:
        """Whether the address narrows the list beyond the resource's own views."""
        said = {**self.kept.view.args, **self.args} if self.kept else self.args
        return bool(self.q or self.within) or any(said.get(name) for name in self.filter_names)

    def cleared_args(self) -> dict[str, Any]:
        """The arguments that show the list without anything that narrows it beyond the resource's own views."""
        own = (self.resource.views or (ALL,))[0] if self.kept else self.view
        return {"view": own.name, **{k: v for k, v in self.args.items() if k in ("sort", "columns", "group")}}

    @property
    def wider(self) -> View | None:
        """The view with everything, where this one has less."""
        return next((view for view in self.resource.views if not view.args), None) if self.view.args else None

    @property
    def filter_names(self) -> set[str]:
        """Arguments that narrow the list."""
        names = {f.name for f in filtering.filterable(self.resource)} - filtering.RESERVED
        return names | {f"{n}__{end}" for n in names for end in ("gte", "lte")} | {"team", "filter"}

    @property
    def overrides(self) -> bool:
        """Whether the address says something else than its view."""
        said = {k: v for k, v in self.args.items() if k not in saved_views.NOT_KEPT}
        return any(value != self.view.args.get(name, "") for name, value in said.items())

    def query_args(self, **changes: Any) -> dict[str, Any]:
        """The arguments of the address, with changes; None leaves one out. The cursor never survives.

        An argument of the view is not left out but emptied: else the view would bring it back.
        """
        emptied = {k: "" for k, v in changes.items() if v in (None, "") and k in self.view.args}
        kept = {k: v for k, v in self.args.items() if k not in ("cursor", *changes) and (v or k in self.view.args)}
        found = {**kept, **emptied, **{k: str(v) for k, v in changes.items() if v not in (None, "")}}
        if not found and saved_views.default_of(self.resource):
            return {"view": self.view.name}  # the bare address would lead to the default
        return found

    # Columns

    @property
    def columns(self) -> tuple[Field, ...]:
        """The fields that are shown, in their order."""
        return tuple(c for c in self.shown if isinstance(c, Field))

    @property
    def extra(self) -> tuple[tuple[str, Column], ...]:
        """The columns of other modules that are shown, with their names in an address."""
        return tuple(c for c in self.shown if not isinstance(c, Field))

    def choosable(self) -> dict[str, Field | tuple[str, Column]]:
        """Everything that can be a column, by its name in an address: fields, and `<module>.<name>` of other modules."""
        own: dict[str, Field | tuple[str, Column]] = {f.name: f for f in self.resource.fields if f.attributes}
        for module in enabled_modules():
            for column in module.hooks.columns:
                if column.resource == self.resource.key and can(column.permission):
                    own[f"{module.name}.{column.name}"] = (f"{module.name}.{column.name}", column)
        return own

    def _columns(self, text: str) -> tuple[Field | tuple[str, Column], ...]:
        """Columns by name; all that the resource and the modules show where none are named. The title is always there."""
        known = self.choosable()
        names = list(dict.fromkeys(n for n in text.split(",") if n))
        if not names:
            names = [n for n in (*self.resource.columns, *(n for n in known if "." in n)) if n in known]
        elif unknown := [n for n in names if n not in known]:
            problem = BusinessError(_("There is no column “%(name)s”.", name=unknown[0][:40]), field="columns")
            if "columns" in self.args or self.kept is None:
                raise problem
            self._notice(problem)
        title = [self.resource.title] if self.resource.title in known and self.resource.title not in names else []
        return tuple(known[n] for n in (*title, *names) if n in known)

    # Building the query

    @property
    def descending(self) -> bool:
        return self.sort.startswith("-")

    @property
    def order(self) -> Order:
        return Order(self.column, self.resource.model.id, self.descending, self.filled)

    def _sort_column(self, text: str) -> tuple[str, Any]:
        name = text.lstrip("-")
        known = {self.resource.sort.lstrip("-"), "id", "created_at", "updated_at"}
        known |= {f.attributes[0] for f in self.resource.fields if f.sortable}
        for candidate in (f"{name}_key", f"{name}_minor", name):
            if (name in known or candidate in known) and hasattr(self.resource.model, candidate):
                return text, getattr(self.resource.model, candidate)
        raise BusinessError(_("This list cannot be sorted by “%(name)s”.", name=name[:40]), field="sort")

    def _search(self) -> list[Any]:
        """Rows that have a word that begins with each word of `q`; nothing has a word that is none, such as "%"."""
        if not self.q:
            return []
        found = search.matching(self.resource.model, self.q)
        return [false() if found is None else found]

    def _tree(self) -> filtering.Group:
        forgiving = self.kept is not None and "filter" not in self.args
        read = filtering.read
        return self._taken(
            "filter", lambda text: read(self.resource, text, self._notice if forgiving else None), filtering.Group()
        )

    def _simple(self) -> list[tuple[str, filtering.Condition]]:
        """The conditions that arguments named like fields make, with those names. Raises `BusinessError`."""
        said = {*self.args, *self.view.args}
        known = ((name, read) for name, read in self._readers() if name in said)
        found = [(name, self._taken(name, partial(self._valid, read), None)) for name, read in known]
        return [(name, condition) for name, condition in found if condition is not None]

    def _readers(self) -> Iterator[tuple[str, Callable[[str], filtering.Condition | None]]]:
        """Arguments that name a field, and how each is read."""
        for typed in filtering.filterable(self.resource):
            if typed.name not in filtering.RESERVED:
                yield typed.name, partial(filtering.of_argument, typed)
            for end in ("gte", "lte"):
                yield f"{typed.name}__{end}", partial(filtering.of_range, typed, end)

    def _valid(self, read: Callable[[str], filtering.Condition | None], text: str) -> filtering.Condition | None:
        condition = read(text)
        if condition is not None:
            condition.criterion(self.resource.model)
        return condition

    def _rest(self) -> list[Any]:
        """What single fields, a team, the tree of conditions and the group that was opened narrow the list to."""
        model = self.resource.model
        found = [condition.criterion(model) for _name, condition in self.simple]
        if self.resource.owned and (team := self.value_of("team")):
            found.append(self._of_team(_whole(team, "team")))
        if self.tree.parts:
            found.append(self.tree.criterion(model))
        if self.grouping and self.within:
            found.append(grouping.within(self.resource, self.grouping, self.within))
        return found

    def _of_team(self, team_id: int) -> Any:
        """Rows of a team and of the teams below it."""
        model = self.resource.model
        if self.resource.team_column:
            return getattr(model, self.resource.team_column).in_(subtree({team_id}))
        return model.owner_id.in_(team_member_ids(team_id))

    def select(self, *columns: Any) -> Select:
        """These columns (or the entities) of the rows chosen, in order."""
        chosen = select(*columns) if columns else select(self.resource.model)
        return chosen.where(*self.criteria).order_by(*self.order.clauses())

    # Pages

    def page(self, *columns: Any) -> tuple[list[Any], str | None, str | None]:
        """Rows of one page as column rows, with the cursors of the next and the previous page."""
        cursor = self.args.get("cursor", "")
        back, after = read_cursor(cursor) if cursor else (False, None)
        rows = select(self.resource.model.id, self.column.label("sort_value"), *columns).where(*self.criteria)
        if after is not None:
            rows = rows.where(self.order.beyond(after, back))
        found = list(db.session.execute(rows.order_by(*self.order.clauses(back)).limit(self.per_page + 1)))
        more = len(found) > self.per_page
        found = found[: self.per_page]
        if back:
            found.reverse()
        has_next = bool(found) and (more if not back else True)
        has_previous = bool(found) and (bool(cursor) if not back else more)
        return (
            found,
            write_cursor(False, found[-1]) if has_next else None,
            write_cursor(True, found[0]) if has_previous else None,
        )

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
