"""What a name in a file means: a row of another resource, one of a known list, something to be created."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from app.core.db import db, fold
from app.core.i18n import _
from app.core.importing.mapping import Column
from app.core.lookups import Lookup
from app.core.resource import Resource

CLOSE = 0.84  # share of letters two names must have in common to be near
MOST_COMPARED = 5_000  # comparing letters takes time in proportion to the names there are


@dataclass(frozen=True)
class New:
    """A row of a look-up's target that will be created under this name when the file is published."""

    field: str
    name: str


@dataclass(frozen=True)
class SameFile:
    """The row that is on this line of the same file."""

    line: int


@dataclass(frozen=True)
class Meaning:
    """What a cell means: a value and its proper name, or an error; `near` names what it nearly matches."""

    value: Any = None
    name: str = ""
    error: str = ""
    near: str = ""


@dataclass
class Names:
    """The names that cells of one column may have. `values` maps folded names to proper name and what they stand for."""

    column: Column
    values: dict[str, list[tuple[str, Any]]] = field(default_factory=dict)
    _squeezed: dict[str, set[str]] = field(default_factory=dict)
    _asked: dict[str, Meaning] = field(default_factory=dict)

    def add(self, name: str, value: Any) -> None:
        self.values.setdefault(fold(name), []).append((name, value))

    def find(self, text: str) -> Meaning:
        """What a cell means; asked once per distinct text."""
        if text not in self._asked:
            self._asked[text] = self._find(text)
        return self._asked[text]

    def _find(self, text: str) -> Meaning:
        if found := self.values.get(fold(text)):
            if len(found) > 1:
                return Meaning(error=_("There are several “%(given)s”: it cannot be told which one is meant.", given=text))
            return Meaning(found[0][1], found[0][0])
        near = self._near(fold(text))
        if near and self.column.near:
            return Meaning(near[1], near[0], near=near[0])
        if self._may_create(text):
            return Meaning(New(self.column.name, text), text, near=near[0] if near else "")
        if near:
            error = _("There is no “%(given)s”. Did you mean “%(match)s”?", given=text, match=near[0])
            return Meaning(error=error, near=near[0])
        return Meaning(error=_("There is no “%(given)s”.", given=text))

    def _may_create(self, text: str) -> bool:
        create = self.column.create
        return create if isinstance(create, bool) else any(fold(name) == fold(text) for name in create)

    def _near(self, key: str) -> tuple[str, Any] | None:
        """The one name that is the same but for spaces and signs, else the closest by letters."""
        if not self._squeezed:
            for known in self.values:
                self._squeezed.setdefault(_squeeze(known), set()).add(known)
        candidates = self._squeezed.get(_squeeze(key), set())
        if not candidates and len(self.values) <= MOST_COMPARED:
            candidates = set(difflib.get_close_matches(key, self.values, n=1, cutoff=CLOSE))
        found = [self.values[known] for known in candidates]
        return found[0][0] if len(found) == 1 and len(found[0]) == 1 else None


def names_of_column(column: Column, within: Any = None) -> Names | None:
    """The names a column knows: rows of its look-up's target, or its list; None where any text will do.

    One statement. `within` is the value of the field that `Column.within` names.
    """
    names = Names(column)
    if column.known:
        for name in column.known:
            names.add(name, name)
        return names
    if not isinstance(column.field, Lookup):
        return None
    if isinstance(within, New):
        return names  # what is about to be created holds nothing yet
    target: Resource = column.field.resource
    title = getattr(target.model, column.by or target.title)
    rows = select(target.model.id, title).where(title.is_not(None))  # type: ignore[attr-defined]  # CompanyScoped
    if column.within and within is not None:
        rows = rows.where(getattr(target.model, column.within) == within)
    for row_id, name in db.session.execute(rows.order_by(target.model.id)):  # type: ignore[attr-defined]  # CompanyScoped
        names.add(str(name), row_id)
    return names


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


def in_order(column: Column, names: Sequence[str]) -> list[str]:
    """Names to be created in the order of the mapping."""
    places = {} if isinstance(column.create, bool) else {fold(key): i for i, key in enumerate(column.create)}
    return sorted(names, key=lambda name: (places.get(fold(name), len(places)), name))


def _squeeze(key: str) -> str:
    return re.sub(r"\W+", "", key)
