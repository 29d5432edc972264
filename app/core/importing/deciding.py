"""Names in a file that nothing bears: taken for the near one, mapped to another, created, or left."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.core.access import can
from app.core.db import fold
from app.core.errors import BusinessError
from app.core.fields import Choice
from app.core.i18n import _
from app.core.importing import running
from app.core.importing.models import ImportBatch
from app.core.importing.report import NearMatch, Report
from app.core.importing.uploads import plan_of, resource_of, set_mapping
from app.core.lookups import Lookup
from app.core.resource import Resource

TAKE, MAP, CREATE, LEAVE = "take", "map", "create", "leave"


@dataclass(frozen=True)
class Missing:
    """A name that nothing in the company bears, in `count` rows. `needs` are fields that must be told to create it:
    (name, label, choices as pairs of value and label)."""

    field: str
    heading: str
    name: str
    count: int
    may_create: bool
    needs: list[tuple[str, str, list[tuple[str, str]]]] = dataclasses.field(default_factory=list)


@dataclass(frozen=True)
class Decision:
    """What to do with a name: take the near match, map it to another, create it with `values`, or leave it."""

    heading: str
    given: str
    action: str  # take, map, create, leave
    to: str = ""
    values: Mapping[str, str] = dataclasses.field(default_factory=dict)


def near(batch: ImportBatch) -> list[NearMatch]:
    """The near matches that the last check found, taken or not."""
    return Report.read(batch.report).near


def missing(batch: ImportBatch) -> list[Missing]:
    """The names that the last check did not find; those with a near match are in `near`."""
    resource, plan = resource_of(batch), plan_of(batch)
    needs: dict[str, tuple[bool, list[tuple[str, str, list[tuple[str, str]]]]]] = {}
    found = []
    for unknown in Report.read(batch.report).unknown:
        if unknown.field not in needs:
            column = plan.column(unknown.field)
            needs[unknown.field] = _creating(resource, unknown.field, column.within if column else "")
        may, fields = needs[unknown.field]
        found.append(Missing(unknown.field, unknown.column, unknown.name, unknown.count, may, fields))
    return found


def decide(batch: ImportBatch, decisions: Sequence[Decision]) -> None:
    """Write decisions into the mapping and check the file again. Commits. Raises `BusinessError` and `Conflict`."""
    matches = {(n.column.casefold(), n.given): n.match for n in near(batch)}
    mapping = {**batch.plan, "columns": {h: _options(o) for h, o in batch.plan.get("columns", {}).items()}}
    by_heading = {heading.casefold(): options for heading, options in mapping["columns"].items()}
    for decision in decisions:
        options = by_heading.get(decision.heading.casefold())
        if options is None:
            raise BusinessError(_("The file has no column “%(name)s” that is imported.", name=decision.heading), field=decision.heading)
        _apply(options, decision, matches.get((decision.heading.casefold(), decision.given), ""))
    set_mapping(batch, mapping)
    running.start_check(batch)


def _apply(options: dict[str, Any], decision: Decision, match: str) -> None:
    if decision.action in (TAKE, MAP):
        to = match if decision.action == TAKE else decision.to.strip()
        if not to:
            raise BusinessError(_("Which name is meant by “%(name)s”?", name=decision.given), field=decision.heading)
        options["map"] = {**options.get("map", {}), decision.given: to}
    elif decision.action == CREATE:
        create = options.get("create") or {}
        # Where everything that is missing is created already, nothing is to be said of a name without values.
        if create is not True or decision.values:
            named = create if isinstance(create, dict) else {}
            others = {name: values for name, values in named.items() if fold(name) != fold(decision.given)}
            options["create"] = {**others, decision.given: {k: v for k, v in decision.values.items() if v}}
    elif decision.action != LEAVE:
        raise BusinessError(_("“%(action)s” is nothing that can be decided.", action=decision.action), field=decision.heading)


def _options(given: Any) -> dict[str, Any]:
    """What a mapping says of a column, as an object of its own."""
    return {"field": given} if isinstance(given, str) else dict(given)


def _creating(resource: Resource, name: str, within: str) -> tuple[bool, list[tuple[str, str, list[tuple[str, str]]]]]:
    """Whether the person may create what a column does not find, and what must be told for it."""
    typed = resource.field(name)
    if not isinstance(typed, Lookup):
        return False, []
    target: Resource = typed.resource
    needed = [f for f in target.fields if f.required and not f.default and f.name not in (target.title, within)]
    told = [(f.name, str(f.label), _choices(f)) for f in needed]
    return can(target.permission("create")), told


def _choices(typed: Any) -> list[tuple[str, str]]:
    if isinstance(typed, Choice):
        return [(value, str(label)) for value, label in typed.choices]
    # Files name rows, so what is chosen here is a name, too.
    return [(label, label) for _id, label in typed.options()] if isinstance(typed, Lookup) else []
