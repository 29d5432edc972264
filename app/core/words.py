"""Conditions in words: what a filter chip says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation

from sqlalchemy import select

from app.core import lookups, operators, relative_dates
from app.core.db import db
from app.core.fields import Field, FieldError, neutral
from app.core.filtering import Condition, Group, conditions
from app.core.formats import number
from app.core.i18n import _
from app.core.ids import whole
from app.core.operators import ME, MY_TEAM, NONE
from app.core.registry import registry

SHOWN = 3  # values of one condition that are named


class Words:
    """Says trees of conditions. The names of all rows that they refer to are asked for once per resource."""

    def __init__(self, nodes: Iterable[Condition | Group]) -> None:
        self._names = _names(condition for node in nodes for condition in conditions(node))

    def of(self, node: Condition | Group, inside: bool = False) -> str:
        """A condition or group as people say it."""
        if isinstance(node, Condition):
            return self._condition(node)
        glue = _(" and ") if node.joiner == "and" else _(" or ")
        text = glue.join(self.of(part, inside=True) for part in node.parts)
        return f"({text})" if inside and len(node.parts) > 1 else text

    def _condition(self, condition: Condition) -> str:
        operator = operators.OPERATORS[condition.op]
        said = [self.value(condition.typed, value) for value in condition.values]
        text = _("%(first)s and %(last)s", first=said[0], last=said[-1]) if condition.op == "between" else ", ".join(said[:SHOWN])
        if len(said) > SHOWN:
            text = _("%(some)s and %(num)s more", some=text, num=len(said) - SHOWN)
        return f"{condition.typed.label} {operator.label} {text}".strip()

    def value(self, typed: Field, value: str) -> str:
        """A value of an address as people read it."""
        if value == NONE and typed.kind in ("lookup", "choice"):
            return _("(empty)")
        if value == ME and typed.kind == "lookup":
            return _("Me")
        if value == MY_TEAM and typed.kind == "lookup":
            return _("My team")
        if isinstance(typed, lookups.Lookup):
            return self._names.get((typed.target, whole(value) or 0), f"#{value}")
        return _plain(typed, value)


def _plain(typed: Field, value: str) -> str:
    sort = operators.sort_of(typed)
    try:
        if sort == "date":
            return relative_dates.label(value.strip())
        if sort == "money":
            return typed.show(typed.read(value, neutral()))
        if sort == "number":
            return number(Decimal(value))
        if sort == "boolean":
            return _("Yes") if value in ("1", "true") else _("No")
    except (FieldError, ValueError, InvalidOperation):
        return value
    return typed.show(value) if sort == "choice" else _("“%(text)s”", text=value)


def _names(found: Iterator[Condition]) -> dict[tuple[str, int], str]:
    """Names of the rows that conditions refer to, of those that the person may see: an address may name any id."""
    wanted: dict[str, set[int]] = {}
    for condition in found:
        if isinstance(condition.typed, lookups.Lookup):
            ids = {row_id for value in condition.values if (row_id := whole(value)) is not None}
            wanted.setdefault(condition.typed.target, set()).update(ids)
    return {(target, row_id): name for target, ids in wanted.items() for row_id, name in _visible(target, ids)}


def _visible(target: str, ids: set[int]) -> Iterator[tuple[int, str]]:
    resource = registry.resource(target)
    if not ids or not lookups.may_choose(resource):
        return
    model = resource.model
    for row in db.session.execute(select(model.id, getattr(model, resource.title)).where(model.id.in_(ids))):
        yield row[0], row[1]
