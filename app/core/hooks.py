"""What a module plugs into the core and, through the core, into other modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from inspect import signature
from typing import TYPE_CHECKING, Any

from flask import Blueprint

if TYPE_CHECKING:
    from app.core.dimensions import Dimension
    from app.core.fields import Field
    from app.core.metrics import Metric
    from app.core.resource import Resource

MODULE_API = "1"


@dataclass(frozen=True, kw_only=True)
class Item:
    """A link in a slot: a menu entry, a tab, a panel or a button; the slot decides the looks.

    Slots of the core: "nav" (menu), "nav.end" (menu, at its foot), "create" (quick create).
    """

    slot: str
    label: Any
    endpoint: str
    permission: str
    icon: str = "point"
    order: int = 100
    alone: bool = False  # a menu entry of its own, beside its module's
    under: str = ""  # the module below whose menu entry it stands; its own by default


@dataclass(frozen=True, kw_only=True)
class Column:
    """An extra column of another module's list; `values` is called once per page of row ids."""

    resource: str  # "contacts.account"
    name: str
    label: Any
    permission: str
    values: Callable[[Sequence[int]], Mapping[int, str]]
    numeric: bool = False


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """Entries for the stream of a record: `entries(row_id, before, limit)` gives `app.core.history.Entry` rows.

    They are the `limit` newest that happened before the instant `before` (None: of all), in a number of statements that
    does not grow with them. A function of `row_id` alone may give all it has, where that is little. `kinds` are those
    its entries can be of ("activity", "mail", …); a filter by another kind does not ask it.
    """

    resource: str
    permission: str
    entries: Callable[..., Sequence[Any]]
    kinds: tuple[str, ...] = ()
    paged: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "paged", len(signature(self.entries).parameters) > 1)

    def newest(self, row_id: int, before: datetime | None, limit: int) -> list[Any]:
        """The newest entries before an instant, the newest first."""
        if self.paged:
            return list(self.entries(row_id, before, limit))
        found = [e for e in self.entries(row_id) if before is None or e.at < before]
        return sorted(found, key=lambda e: e.at, reverse=True)


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A job that the worker starts by itself for every company that has the module on."""

    job: str
    every_minutes: int


def nothing(*_args: Any) -> None:
    """Default of the life-cycle hooks."""


@dataclass(frozen=True, kw_only=True)
class Merge:
    """What a module adds to the merging of rows of a resource, its own or another module's.

    Every reference to a row that goes is pointed at the one that stays, by itself; but what lies in the tables `own`
    is part of the row and stays with it. `merged(winner_id, moved)` is called when rows have been merged, `unmerged`
    when that was taken back; `moved` is what was pointed anew: "table.column" -> id of the row that went -> row ids.
    """

    resource: str  # "contacts.account"
    own: tuple[str, ...] = ()  # tables of the module
    merged: Callable[[int, Mapping[str, Mapping[int, Sequence[int]]]], None] = nothing
    unmerged: Callable[[int, Mapping[str, Mapping[int, Sequence[int]]]], None] = nothing


@dataclass(frozen=True, kw_only=True)
class Personal:
    """What a module holds about a person, for whoever asks what is known of them, or wants to be forgotten.

    `gather(row_id)` gives what is known: a heading -> rows, each a mapping of label to text. `scrub(row_id)` blanks the
    fields that say who it is, in rows, ledgers and mail alike; the rows stay, so that figures do not change. `stays` are
    sentences on what is kept all the same. The row itself, its log, notes, files and imports are the core's
    (`app.core.personal`, whose `scrub` and `forget_log` a module uses); the resource says `personal=True`.
    """

    resource: str  # "contacts.contact"
    gather: Callable[[int], Mapping[Any, Sequence[Mapping[Any, str]]]]
    scrub: Callable[[int], None]
    stays: Sequence[Any] = ()


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """Everything a module contributes; all names are checked at start-up."""

    blueprint: Blueprint | None = None  # mounted at /c/<company>/<module>
    site_blueprint: Blueprint | None = None  # pages outside any company, mounted at /
    resources: tuple[Resource, ...] = ()
    permissions: Mapping[str, Any] = field(default_factory=dict)  # name -> label; resources add theirs
    grants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # role key -> permissions it starts with
    slots: tuple[str, ...] = ()  # places offered to others
    events: tuple[str, ...] = ()  # facts published for others
    items: tuple[Item, ...] = ()
    columns: tuple[Column, ...] = ()
    metrics: tuple[Metric, ...] = ()
    company_metrics: Callable[[], Sequence[Metric] | None] = nothing  # those that the current company made itself
    dimensions: tuple[Dimension, ...] = ()
    handlers: Mapping[str, Callable[..., None]] = field(default_factory=dict)  # event -> function
    timeline: tuple[Timeline, ...] = ()
    merges: tuple[Merge, ...] = ()
    personal: tuple[Personal, ...] = ()
    settings: Mapping[Any, tuple[Field, ...]] = field(default_factory=dict)  # table of settings -> what tells its columns
    jobs: Mapping[str, Callable[..., None]] = field(default_factory=dict)  # job name -> function(**payload)
    schedules: tuple[Schedule, ...] = ()
    demo: Callable[[Any], None] = nothing  # fills a demo company; gets an app.core.demo.DemoPlan
    on_enable: Callable[[], None] = nothing  # first-time data for the current company
    on_disable: Callable[[], None] = nothing


def joined(*parts: Hooks) -> Hooks:
    """The hooks of a module that declares them part by part. Raises `ValueError` when two parts say one thing twice."""
    found: dict[str, Any] = {}
    for each in fields(Hooks):
        given = [value for part in parts if (value := getattr(part, each.name)) not in (None, nothing) and value]
        if not given:
            continue
        if isinstance(given[0], tuple):
            found[each.name] = tuple(entry for value in given for entry in value)
        elif each.name == "grants":
            roles = {role for value in given for role in value}
            found[each.name] = {role: tuple(p for value in given for p in value.get(role, ())) for role in roles}
        elif each.name == "handlers":
            names = {name for value in given for name in value}
            found[each.name] = {name: _all_told([value[name] for value in given if name in value]) for name in names}
        elif isinstance(given[0], Mapping):
            found[each.name] = {key: entry for value in given for key, entry in value.items()}
            if len(found[each.name]) < sum(map(len, given)):
                raise ValueError(f"{each.name}: two parts declare the same name")
        elif each.name == "company_metrics":
            found[each.name] = _all_made(given)
        elif each.name in ONE_AFTER_THE_OTHER:
            found[each.name] = _one_after_the_other(given)
        elif len(given) > 1:
            raise ValueError(f"{each.name}: two parts declare it")
        else:
            found[each.name] = given[0]
    return Hooks(**found)


ONE_AFTER_THE_OTHER = ("demo", "on_enable", "on_disable")


def _all_made(makers: Sequence[Callable[[], Sequence[Metric] | None]]) -> Callable[[], Sequence[Metric]]:
    """What several parts made, in their order."""
    return lambda: [metric for maker in makers for metric in maker() or ()]


def _all_told(handlers: Sequence[Callable[..., None]]) -> Callable[..., None]:
    """One handler for several parts that heed the same event, in their order."""
    if len(handlers) == 1:
        return handlers[0]

    def each(**facts: Any) -> None:
        for handler in handlers:
            handler(**facts)

    return each


def _one_after_the_other(functions: Sequence[Callable[..., None]]) -> Callable[..., None]:
    def each(*args: Any) -> None:
        for function in functions:
            function(*args)

    return each
