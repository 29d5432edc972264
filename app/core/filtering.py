"""Conditions on the rows of a list, joined by and / or: read from the argument `filter`, written back, made a criterion.

    {"and": [["state", "is", "open"], {"or": [["amount", "at-least", "5000"], ["owner_id", "is", "me"]]}]}

A condition is a field, an operator (`app.core.operators`) and its values, all of them text as addresses have it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, or_, true

from app.core import operators
from app.core.errors import BusinessError
from app.core.fields import Field
from app.core.i18n import _
from app.core.resource import Resource

MOST_CONDITIONS = 50
DEEPEST = 4  # groups within groups
LONGEST = 8_000  # characters of the argument
# Arguments of a list that are no fields; a field of such a name is reached by `filter`.
RESERVED = frozenset({"q", "sort", "cursor", "view", "filter", "group", "within", "columns", "team", "format", "per_page", "lang"})
RANGES = {"date": {"gte": "from", "lte": "until"}, "number": {"gte": "at-least", "lte": "at-most"},
          "money": {"gte": "at-least", "lte": "at-most"}}


@dataclass(frozen=True)
class Condition:
    """One comparison of one field."""

    typed: Field
    op: str
    values: tuple[str, ...] = ()

    def criterion(self, model: Any) -> Any:
        """Raises `BusinessError` for what the field cannot be compared with."""
        return operators.criterion(model, self.typed, self.op, self.values)

    def plain(self) -> list[str]:
        return [self.typed.name, self.op, *self.values]


@dataclass(frozen=True)
class Group:
    """Conditions and groups, of which all ("and") or any ("or") must hold; an empty one always holds."""

    joiner: str = "and"
    parts: tuple[Condition | Group, ...] = ()

    def criterion(self, model: Any) -> Any:
        found = [part.criterion(model) for part in self.parts]
        if not found:
            return true()
        return and_(*found) if self.joiner == "and" else or_(*found)

    def plain(self) -> dict[str, Any]:
        return {self.joiner: [part.plain() for part in self.parts]}

    def without(self, place: int) -> Group:
        """The group without one of its parts."""
        return Group(self.joiner, (*self.parts[:place], *self.parts[place + 1 :]))


def filterable(resource: Resource) -> list[Field]:
    """The fields that a list can be filtered by: all that are columns of the model."""
    return [f for f in resource.fields if f.attributes and f.compared]


def conditions(node: Condition | Group) -> Iterator[Condition]:
    """All conditions of a tree."""
    if isinstance(node, Condition):
        yield node
        return
    for part in node.parts:
        yield from conditions(part)


def write(group: Group) -> str:
    """The tree as the argument `filter`; "" for one without conditions."""
    if not group.parts:
        return ""
    return json.dumps(group.plain(), ensure_ascii=False, separators=(",", ":"))


def read(resource: Resource, text: str, forgive: Callable[[BusinessError], None] | None = None) -> Group:
    """The tree that the argument `filter` says. Raises `BusinessError`.

    `forgive` is told what is wrong with single conditions, which are then left out: what a saved view names may be gone.
    """
    if not text:
        return Group()
    if len(text) > LONGEST:
        raise BusinessError(_("This filter is too long."), field="filter")
    try:
        plain = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        raise _damaged() from None
    reader = _Reader(resource, forgive)
    return reader.group(plain)


def _damaged() -> BusinessError:
    return BusinessError(_("This filter is damaged. Remove it and build it again."), field="filter")


@dataclass
class _Reader:
    resource: Resource
    forgive: Callable[[BusinessError], None] | None
    count: int = 0

    def group(self, plain: Any, depth: int = 1) -> Group:
        if not isinstance(plain, dict) or len(plain) != 1:
            raise _damaged()
        joiner, parts = next(iter(plain.items()))
        if joiner not in ("and", "or") or not isinstance(parts, list):
            raise _damaged()
        if depth > DEEPEST:
            raise BusinessError(_("This filter has too many groups within groups; at most %(n)s.", n=DEEPEST), field="filter")
        found = [self.part(part, depth) for part in parts]
        return Group(joiner, tuple(part for part in found if part is not None))

    def part(self, plain: Any, depth: int) -> Condition | Group | None:
        if isinstance(plain, dict):
            inner = self.group(plain, depth + 1)
            return inner if inner.parts else None
        self.count += 1
        if self.count > MOST_CONDITIONS:
            raise BusinessError(_("This filter has too many conditions; at most %(n)s.", n=MOST_CONDITIONS), field="filter")
        try:
            return self.condition(plain)
        except BusinessError as error:
            if self.forgive is None:
                raise
            self.forgive(error)
            return None

    def condition(self, plain: Any) -> Condition:
        if not isinstance(plain, list) or len(plain) < 2:
            raise _damaged()
        name, op, *values = (_clean(each) for each in plain)
        typed = next((f for f in filterable(self.resource) if f.name == name), None)
        if typed is None:
            raise BusinessError(_("There is no field “%(name)s” to filter by.", name=name[:40]), field="filter")
        condition = Condition(typed, op, tuple(values))
        condition.criterion(self.resource.model)
        return condition


def _clean(value: Any) -> str:
    """A value as text that a database can be asked for. Raises `BusinessError`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str) or "\x00" in value:
        raise _damaged()
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _damaged() from None
    return value


def of_argument(typed: Field, value: str) -> Condition:
    """What `<field>=value` in an address means: that value, or one of several after commas; `none` for empty."""
    sort = operators.sort_of(typed)
    choices = {v for v, _label in getattr(typed, "choices", ())}
    if value == operators.NONE and value not in choices:
        return Condition(typed, "empty")
    if sort in ("lookup", "choice") and "," in value and value not in choices:
        return Condition(typed, "one-of", tuple(value.split(",")[: operators.MOST_VALUES]))
    return Condition(typed, {"text": "exactly", "tags": "has"}.get(sort, "is"), (value,))


def of_range(typed: Field, end: str, value: str) -> Condition | None:
    """What `<field>__gte=value` (or `__lte`) means; None for a field without an order."""
    op = RANGES.get(operators.sort_of(typed), {}).get(end)
    return Condition(typed, op, (value,)) if op else None
