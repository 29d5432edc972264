"""What a module plugs into the core and, through the core, into other modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask import Blueprint

if TYPE_CHECKING:
    from app.core.metrics import Dimension, Metric
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
    """Entries for the history of a record; `entries(row_id)` gives dicts of `app.core.history.Entry` fields."""

    resource: str
    permission: str
    entries: Callable[[int], Sequence[Any]]


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
    dimensions: tuple[Dimension, ...] = ()
    handlers: Mapping[str, Callable[..., None]] = field(default_factory=dict)  # event -> function
    timeline: tuple[Timeline, ...] = ()
    merges: tuple[Merge, ...] = ()
    jobs: Mapping[str, Callable[..., None]] = field(default_factory=dict)  # job name -> function(**payload)
    schedules: tuple[Schedule, ...] = ()
    demo: Callable[[Any], None] = nothing  # fills a demo company; gets an app.core.demo.DemoPlan
    on_enable: Callable[[], None] = nothing  # first-time data for the current company
    on_disable: Callable[[], None] = nothing
