"""A mapping of columns while somebody works on it: read from what a batch remembers or from the form, told to the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import MultiDict

from app.core.access import can
from app.core.db import fold
from app.core.fields import Field
from app.core.importing import runs
from app.core.importing.mapping import UPDATE
from app.core.lookups import Lookup
from app.core.resource import Resource

MOST_VALUES = 40  # distinct cells that are listed to be replaced
TOLD = frozenset({"field", "date_format", "number_format", "factor", "map", "known", "near", "create", "within"})

Form = MultiDict[str, str]


@dataclass
class Extra:
    """A field that no column gives: the same value for each row, or, with {heading} in it, a template."""

    field: str
    value: str = ""
    create: bool = False

    @property
    def is_template(self) -> bool:
        return "{" in self.value


@dataclass
class Draft:
    """A mapping on its way: heading -> options as mapping files have them, and the choices for the whole file."""

    columns: dict[str, dict[str, Any]] = field(default_factory=dict)
    extra: list[Extra] = field(default_factory=list)
    match_key: str = ""
    on_match: str = UPDATE
    accept_near: bool = False
    create_missing: bool = False
    mapping_name: str = ""
    errors: dict[str, str] = field(default_factory=dict)  # heading, field or control -> sentence

    def names(self) -> list[str]:
        """Fields that get a value, with repetitions."""
        return [c["field"] for c in self.columns.values()] + [e.field for e in self.extra if e.value]

    def plain(self, resource: Resource) -> dict[str, Any]:
        """The mapping as the engine reads it."""
        names = set(self.names())
        columns = {h: {**o, **_within(resource, o["field"], names)} for h, o in self.columns.items()}
        constants = {
            e.field: {"value": e.value, **({"create": True} if e.create else {}), **_within(resource, e.field, names)}
            for e in self.extra
            if e.value and not e.is_template
        }
        templates = {e.field: e.value for e in self.extra if e.is_template}
        return {"columns": columns, "constants": constants, "templates": templates,
                "match_key": self.match_key, "on_match": self.on_match}


def of_plan(resource: Resource, plan: Mapping[str, Any]) -> Draft:
    """What a batch remembers."""
    columns = {h: {"field": o} if isinstance(o, str) else dict(o) for h, o in plan.get("columns", {}).items()}
    extra = []
    for name, said in plan.get("constants", {}).items():
        options = said if isinstance(said, dict) else {"value": said}
        extra.append(Extra(name, _text(options.get("value")), bool(options.get("create"))))
    extra += [Extra(name, text) for name, text in plan.get("templates", {}).items()]
    finders = [c for c in columns.values() if isinstance(field_of(resource, c["field"]), Lookup)]
    return Draft(
        columns,
        extra,
        plan.get("match_key", ""),
        plan.get("on_match", UPDATE),
        accept_near=bool(finders) and all(c.get("near") for c in finders),
        create_missing=any(c.get("create") is True for c in finders),
    )


def of_form(resource: Resource, form: Form, headings: Sequence[runs.Heading], before: Draft) -> Draft:
    """What the form says; of what it does not ask for, what stood there before."""
    draft = Draft(match_key=form.get("match_key", ""), on_match=form.get("on_match", UPDATE))
    draft.mapping_name = " ".join(form.get("mapping_name", "").split())
    asked = "names" in form
    draft.accept_near = "accept_near" in form if asked else before.accept_near
    draft.create_missing = "create_missing" in form if asked else before.create_missing
    for heading in headings:
        if name := form.get(f"field-{heading.index}"):
            old = before.columns.get(heading.heading, {})
            draft.columns[heading.heading] = _column(resource, form, heading, name, old if old.get("field") == name else {}, draft)
    place = 0
    while f"extra-field-{place}" in form:
        if name := form[f"extra-field-{place}"]:
            draft.extra.append(Extra(name, form.get(f"extra-value-{place}", "").strip(), f"extra-create-{place}" in form))
        place += 1
    return draft


def field_of(resource: Resource, name: str) -> Field | None:
    return next((f for f in resource.fields if f.name == name), None)


def may_create(typed: Field) -> bool:
    """Whether who asks may create rows of a look-up's target."""
    return isinstance(typed, Lookup) and can(typed.resource.permission("create"))


def _column(
    resource: Resource, form: Form, heading: runs.Heading, name: str, old: Mapping[str, Any], draft: Draft
) -> dict[str, Any]:
    typed, index = field_of(resource, name), heading.index
    said: dict[str, Any] = {"field": name, **{k: v for k, v in old.items() if k not in TOLD}}
    if typed is None:
        return said  # the engine has a sentence for it
    if typed.kind == "date":
        said["date_format"] = _format(form.get(f"date-{index}"), form.get("dates"), heading.date_formats, old.get("date_format"))
    if typed.numeric:
        own = form.get(f"number-{index}")
        said["number_format"] = _format(own, form.get("numbers"), heading.number_formats, old.get("number_format"))
        said["factor"] = form.get(f"factor-{index}", old.get("factor"))
    said["map"] = _replaced(form, index, old.get("map", {}))
    known = form.get(f"known-{index}")
    said["known"] = old.get("known") if known is None else [line.strip() for line in known.splitlines() if line.strip()]
    if isinstance(typed, Lookup):
        created = old.get("create")
        said["near"] = draft.accept_near
        said["create"] = created if isinstance(created, dict) else draft.create_missing and may_create(typed)
    return {key: value for key, value in said.items() if value}


def _format(own: str | None, of_file: str | None, offered: Sequence[tuple[str, str, str]], old: Any) -> str:
    """The column's own choice, else that of the file where it fits the column, else what stood there or fits best."""
    fits = [value for value, _label, _example in offered]
    if own:
        return own
    if of_file and (of_file in fits or not fits):
        return of_file
    return str(old or (fits[0] if fits else ""))


def _replaced(form: Form, index: int, old: Mapping[str, str]) -> dict[str, str]:
    """Cells and what stands in their place. What the form does not list stays as it was."""
    found = dict(old)
    for place in range(MOST_VALUES):
        given = form.get(f"given-{index}-{place}")
        if given is None:
            break
        for key in [key for key in found if fold(key) == fold(given)]:
            del found[key]
        if (to := form.get(f"value-{index}-{place}", "").strip()) and to != given:
            found[given] = to
    return found


def _within(resource: Resource, name: str, names: set[str]) -> dict[str, str]:
    """Rows of a look-up that belong to a row the file names too (a stage to its pipeline) are found within it."""
    typed = field_of(resource, name)
    if not isinstance(typed, Lookup):
        return {}
    for outer in typed.resource.fields:
        mine = field_of(resource, outer.name) if isinstance(outer, Lookup) and outer.required else None
        if isinstance(mine, Lookup) and outer.name in names and mine.target == outer.target != typed.target:
            return {"within": outer.name}
    return {}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
