"""What a name in a file means: a row of another resource, one of a known list, something to be created."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import null, select

from app.core.access import can
from app.core.db import db, fold
from app.core.i18n import _
from app.core.importing.mapping import Column
from app.core.lookups import Lookup, may_choose, read_pointed, reads_otherwise
from app.core.resource import Resource

CLOSE = 0.84  # share of letters two names must have in common to be near
MOST_UNKNOWN = 50  # a file with more unknown names has another fault than spelling
MOST_COMPARED = 5_000  # comparing letters takes time in proportion to the names there are


@dataclass(frozen=True)
class New:
    """A row of a look-up's target that will be created under this name when the file is published."""

    target: str  # key of the resource, so that two columns that name the same row create it once
    name: str
    within: Any = None


@dataclass(frozen=True)
class SameFile:
    """The row that is on this line of the same file."""

    line: int


@dataclass(frozen=True)
class Meaning:
    """What a cell means: a value and its proper name, or an error; `near` names what it nearly matches, `unknown` says
    that nothing bears the name."""

    value: Any = None
    name: str = ""
    error: str = ""
    near: str = ""
    unknown: bool = False


@dataclass
class Names:
    """The names that cells of one column may have. `values` maps folded names to proper name and what they stand for."""

    column: Column
    within: Any = None
    values: dict[str, list[tuple[str, Any]]] = field(default_factory=dict)
    _squeezed: dict[str, set[str]] = field(default_factory=dict)
    _asked: dict[str, Meaning] = field(default_factory=dict)
    _compared: int = 0

    def add(self, name: str, value: Any) -> None:
        self.values.setdefault(fold(name), []).append((name, value))

    def find(self, text: str) -> Meaning:
        """What a cell means; asked once per distinct text."""
        if text not in self._asked:
            self._asked[text] = self._find(text)
        return self._asked[text]

    def _find(self, text: str) -> Meaning:
        if found := self._pointed(text) or self.values.get(fold(text)):
            if len(found) > 1:
                return Meaning(error=_("There are several “%(given)s”: it cannot be told which one is meant.", given=text))
            return Meaning(found[0][1], found[0][0])
        near = self._near(fold(text))
        if near and self.column.near:
            return Meaning(near[1], near[0], near=near[0])
        if self._may_create(text):
            target = self.column.field.target  # type: ignore[attr-defined]  # Lookup
            return Meaning(New(target, text, self.within), text, near=near[0] if near else "")
        if near:
            error = _("There is no “%(given)s”. Did you mean “%(match)s”?", given=text, match=near[0])
            return Meaning(error=error, near=near[0], unknown=True)
        return Meaning(error=_("There is no “%(given)s”.", given=text), unknown=True)

    def _pointed(self, text: str) -> list[tuple[str, Any]]:
        """The row that “Acme [#12]” points to; in another company, what is so called if the name alone says it."""
        name, row_id = read_pointed(text)
        if row_id is None:
            return []
        called = self.values.get(fold(name), [])
        return [each for each in called if each[1] == row_id] or (called if reads_otherwise(name) else [])

    def _may_create(self, text: str) -> bool:
        create = self.column.create
        if read_pointed(text)[1] is not None or create is False or not may_create(self.column):
            return False
        return create if isinstance(create, bool) else any(fold(name) == fold(text) for name in create)

    def _near(self, key: str) -> tuple[str, Any] | None:
        """The one name that is the same but for spaces and signs, else the closest by letters."""
        if not self._squeezed:
            for known in self.values:
                self._squeezed.setdefault(_squeeze(known), set()).add(known)
        candidates = self._squeezed.get(_squeeze(key), set())
        if not candidates and len(self.values) <= MOST_COMPARED and self._compared < MOST_UNKNOWN:
            self._compared += 1
            candidates = set(difflib.get_close_matches(key, self.values, n=1, cutoff=CLOSE))
        found = [self.values[known] for known in candidates]
        return found[0][0] if len(found) == 1 and len(found[0]) == 1 else None


class Directory:
    """The names a column knows: rows of its look-up's target, read in one statement, or its list.

    Where the column has a `within` (a stage within its pipeline), each value of that field has names of its own.
    """

    def __init__(self, column: Column) -> None:
        self.column = column
        self._all = Names(column)
        self._within: dict[Any, Names] = {}
        if column.known:
            for name in column.known:
                self._all.add(name, name)
        elif may_choose(column.field.resource):  # type: ignore[attr-defined]  # Lookup
            self._load(column)

    def _load(self, column: Column) -> None:
        target: Resource = column.field.resource  # type: ignore[attr-defined]  # Lookup
        model: Any = target.model
        title = getattr(model, column.by or target.title)
        outer = getattr(model, column.within) if column.within else null()
        rows = select(model.id, title, outer).where(title.is_not(None)).order_by(model.id)
        for row_id, name, within in db.session.execute(rows):
            self._all.add(str(name), row_id)
            if column.within:
                self.names(within).add(str(name), row_id)

    def names(self, within: Any = None) -> Names:
        """The names that count where the field of `Column.within` has this value."""
        if within is None:
            return self._all
        if within not in self._within:
            self._within[within] = Names(self.column, within)
        return self._within[within]


def may_create(column: Column) -> bool:
    """Whether what a column does not find may be created by whoever imports."""
    return isinstance(column.field, Lookup) and can(column.field.resource.permission("create"))


def directory_of(column: Column) -> Directory | None:
    """The names of a column; None where any text will do."""
    return Directory(column) if column.known or isinstance(column.field, Lookup) else None


def is_self_reference(column: Column, resource: Resource) -> bool:
    return isinstance(column.field, Lookup) and column.field.resource is resource


def add_names_of_file(names: Names, in_file: Iterable[tuple[int, str]]) -> None:
    """Let a column also mean rows of the same file: pairs of line and name. Rows that exist come first."""
    existing = set(names.values)
    for line, name in in_file:
        if name and fold(name) not in existing:
            names.add(name, SameFile(line))


def attributes_of(column: Column, name: str) -> Mapping[str, Any]:
    """What a mapping says of a row to be created under a name."""
    if isinstance(column.create, bool):
        return {}
    return next((attributes for key, attributes in column.create.items() if fold(key) == fold(name)), {})


def in_order(column: Column, wanted: Iterable[New]) -> list[New]:
    """What is to be created: in the order of the mapping, then of the file."""
    places = {} if isinstance(column.create, bool) else {fold(key): i for i, key in enumerate(column.create)}
    return sorted(wanted, key=lambda new: places.get(fold(new.name), len(places)))


def _squeeze(key: str) -> str:
    return re.sub(r"\W+", "", key)
