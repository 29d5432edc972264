"""A record type, declared once: lists, pages, forms, import and export are made from it (`app.core.surfaces`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import String, cast

from app.core import letters, trash, writes
from app.core.db import Owned, fold
from app.core.errors import BusinessError
from app.core.fields import Field
from app.core.i18n import _, _l

VERBS = {
    "view": _l("See"),
    "create": _l("Create"),
    "edit": _l("Change"),
    "delete": _l("Delete"),
    "export": _l("Export"),
    "import": _l("Import"),
}
# What the stock roles start with; the admin role has everything.
STOCK = {"manager": tuple(VERBS), "rep": ("view", "create", "edit", "export")}
STOCK_SCOPES = {"manager": "team", "rep": "own"}


@dataclass(frozen=True)
class View:
    """A named view of a list: arguments its address stands for; what the address says itself takes precedence."""

    name: str
    label: Any
    args: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Page:
    """The page of a record, whatever tab is shown on it: its template, and that of its part without the shell.

    `context` makes of a row what they need beside the tab, in place of the facts alone; `stream` tells what happened to the
    row, in place of `app.core.stream.of`.
    """

    template: str = "core/record.html"
    fragment: str = "core/_record.html"
    context: Callable[[Any], Mapping[str, Any]] | None = None
    stream: Callable[[Any], Mapping[str, Any]] | None = None


@dataclass(kw_only=True, eq=False)
class Resource:
    """One record type of a module.

    `create(values) -> row`, `update(row, values) -> row` and `bulk(rows) -> ids` are the only ways a surface writes;
    values map field names to what the field's `parse` gives. Those left out are made from the model. `hide(ids)` and
    `show(ids)` are what the module does besides when rows are thrown away and brought back.
    `surfaces` replaces any surface by name ("list", "record", "new", …) with a view of the module's own.
    """

    name: str
    model: Any  # a mapped class that is CompanyScoped
    label: Any
    label_plural: Any
    fields: Sequence[Field]
    label_new: Any = ""
    plural: str = ""
    icon: str = "file-text"
    title: str = "name"
    subtitle: str = ""
    columns: Sequence[str] = ()  # fields shown in the list; all but long text by default
    head: Sequence[str] = ()  # fields repeated in the head of the record page
    groups: Sequence[tuple[Any, Sequence[str]]] = ()  # how the record page and the form arrange the fields
    filters: Sequence[str] = ()  # fields that can be filtered by
    views: Sequence[View] = ()  # tabs of the list; the first is what the bare address shows
    sort: str = ""  # default order: a column of the model, "-" for descending
    match_keys: Sequence[str] = ()  # fields by which an import may find existing rows
    create: Callable[[Mapping[str, Any]], Any] | None = None
    update: Callable[[Any, Mapping[str, Any]], Any] | None = None
    bulk: Callable[[Sequence[Mapping[str, Any]]], Sequence[int]] | None = None
    hide: Callable[[Sequence[int]], None] | None = None
    show: Callable[[Sequence[int]], None] | None = None
    searchable: bool = True  # whether the search over everything looks here
    removable: bool = True  # False: rows end in another way, as memberships do by their last day
    offered: Sequence[Callable[[], Any]] = ()  # criteria for rows that may be chosen in look-ups
    team_column: str = ""  # column of the row's own team; without it the team filter goes by the owner's teams
    open_names: bool = False  # True: whoever may fill in a look-up may choose among them, as among colleagues
    personal: bool = False  # rows are about people: what is known of one is handed out, and erased (`app.core.personal`)
    surfaces: Mapping[str, Any] = field(default_factory=dict)
    page: Page = Page()
    grants: Mapping[str, Sequence[str]] = field(default_factory=lambda: STOCK)  # role key -> verbs
    scopes: Mapping[str, str] = field(default_factory=lambda: STOCK_SCOPES)  # role key -> own, team or all
    similar: Callable[[Mapping[str, Any]], Any] | None = None  # `Found` for a new one, in place of rows of this kind alone
    available: Callable[[], bool] | None = None  # whether the company uses it at all; always where None
    module: str = ""

    def __post_init__(self) -> None:
        self.plural = self.plural or f"{self.name}s"
        self.label_new = self.label_new or _l("New: %(what)s", what=self.label)
        if not self.groups:
            self.groups = ((self.label, tuple(f.name for f in self.fields)),)
        if not self.columns:
            self.columns = tuple(f.name for f in self.fields if f.kind != "longtext")[:8]
        names = {f.name for f in self.fields}
        named = {*self.columns, *self.head, *self.filters, *(n for _label, ns in self.groups for n in ns)}
        if unknown := named - names:
            raise ValueError(f"{self.name}: no field named {', '.join(sorted(unknown))}")
        self.sort = self.sort or (self.title if hasattr(self.model, self.title) else "id")
        if hasattr(self.model, f"{self.sort}_key"):
            self.sort = f"{self.sort}_key"

    def belongs_to(self, module: str) -> None:
        """Told by the registry when the module is loaded."""
        self.module = module

    @property
    def key(self) -> str:
        """Such as "crm.deal"."""
        return f"{self.module}.{self.name}"

    @property
    def address(self) -> str:
        """Such as "crm.deals": how commands and the API call it."""
        return f"{self.module}.{self.plural}"

    @property
    def name_column(self) -> Any:
        """The folded column that look-ups by name compare; the title itself, as text, where the model has none."""
        folded = getattr(self.model, f"{self.title}_key", None)
        title = getattr(self.model, self.title)
        return folded or (title if isinstance(title.type, String) else cast(title, String))

    def goes_by(self, name: str, *, whole: bool = True) -> Any:
        """Criterion: a row's name is this, or holds it, case and accents aside."""
        key = self.name_column
        if not hasattr(self.model, f"{self.title}_key"):
            return letters.matches(key, name, whole=whole)
        return key == fold(name) if whole else key.contains(fold(name), autoescape=True)

    @property
    def owned(self) -> bool:
        return issubclass(self.model, Owned)

    def called(self, row: Any) -> str:
        """What people call a row: one that goes by a day is called by it as days are written."""
        name = getattr(row, self.title)
        return (name if name is None or isinstance(name, str) else self.field(self.title).show(name)) or _("(no name)")

    def field(self, name: str) -> Field:
        """The field of a name. Raises `KeyError`."""
        for found in self.fields:
            if found.name == name:
                return found
        raise KeyError(name)

    @property
    def by_column(self) -> dict[str, Field]:
        """Columns with the field that tells them: that of the same name, else the first that reads it."""
        found = {column: f for f in reversed(self.fields) for column in f.attributes}
        return found | {f.name: f for f in self.fields if f.name in f.attributes}

    def permission(self, verb: str) -> str:
        return f"{self.key}.{verb}"

    def permissions(self) -> dict[str, Any]:
        """Permission name -> label, for every verb."""
        return {self.permission(verb): _l("%(verb)s: %(what)s", verb=label, what=self.label_plural)
                for verb, label in VERBS.items()}

    def default_permissions(self, role: str) -> set[str]:
        return {self.permission(verb) for verb in self.grants.get(role, ())}

    def default_scope(self, role: str) -> str:
        return self.scopes.get(role, "own") if self.owned else "all"

    def endpoint(self, surface: str) -> str:
        """Endpoint of a surface: "crm.deal_list"."""
        return f"{self.module}.{self.name}_{surface}"

    def slots(self) -> tuple[str, ...]:
        """Places on the record page that modules may fill; their views get the row's id as `<name>_id`."""
        return (f"{self.key}.tabs", f"{self.key}.panels", f"{self.key}.actions")

    def values_of(self, row: Any) -> dict[str, Any]:
        """Field name -> value of a row."""
        return {f.name: f.of(row) for f in self.fields}

    def add(self, values: Mapping[str, Any]) -> Any:
        """Create a row from field values, through the module's own function where it brings one."""
        if self.create:
            return self.create(values)
        return writes.create(self.model, self.stored(values))

    def change(self, row: Any, values: Mapping[str, Any]) -> Any:
        """Change a row; only the fields that are named."""
        if self.update:
            return self.update(row, values)
        return writes.update(row, self.stored(values))

    def add_many(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[int]:
        """Create many rows at once; all name the same fields. Returns their ids in order."""
        if self.bulk:
            return self.bulk(rows)
        if self.create:
            return [self.create(row).id for row in rows]
        return writes.bulk_insert(self.model, [self.stored(row) for row in rows])

    def remove(self, ids: Sequence[int], *, why: str = trash.DELETED, group: str = "") -> str:
        """Throw rows away; returns the group under which they lie in the trash.

        Whoever calls has asked whether the person may and sees them. Raises `BusinessError`.
        """
        if not self.removable:
            raise BusinessError(_("Rows of this kind cannot be thrown away."))
        return trash.put(self.model, self.title, ids, why=why, group=group, hide=self.hide)

    def bring_back(self, ids: Sequence[int]) -> list[int]:
        """Take rows out of the trash; returns the ids of those that were there. Raises `BusinessError`, `Conflict`."""
        return trash.take_out(self.model, ids, show=self.show)

    def stored(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Columns and values for field values."""
        columns: dict[str, Any] = {}
        for name, value in values.items():
            columns.update(self.field(name).stored(value))
        return columns
