"""Which column of a file is which field, and how its cells are to be read.

A mapping file is JSON:

    {"resource": "crm.deals",
     "columns": {"opportunity_id": "external_id",
                 "product": {"field": "product", "near": true, "known_file": {"file": "products.csv", "column": "product"}},
                 "deal_stage": {"field": "stage_id", "within": "pipeline_id", "create": {"Won": {"type": "won"}}},
                 "engage_date": {"field": "opened_on", "date_format": "%m/%d/%Y"},
                 "revenue": {"field": "annual_revenue", "factor": 1000000},
                 "sector": {"field": "sector", "map": {"technolgy": "technology"}}},
     "constants": {"pipeline_id": {"value": "Hardware", "create": true}},
     "templates": {"name": "{product} – {account}"},
     "match_key": "external_id", "on_match": "update"}

A template is filled with the cells of the row, by heading, as they are understood. `known_file` lies beside the file
that is imported; a mapping from a browser lists what is `known`. `by` finds a look-up's rows by another field than
their name. `date_format` is an order (dmy, mdy, ymd) or a pattern of strptime, `number_format` the decimal sign.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from flask_babel import force_locale

from app.core.db import fold
from app.core.errors import BusinessError
from app.core.fields import Field
from app.core.i18n import LANGUAGES, _
from app.core.importing.detecting import COMMA, ORDERS, POINT
from app.core.importing.files import read_table
from app.core.lookups import Lookup
from app.core.resource import Resource

UPDATE, SKIP = "update", "skip"
TOP = {"resource", "columns", "constants", "templates", "match_key", "on_match"}
OPTIONS = {
    *("field", "map", "near", "create", "known", "known_file", "date_format", "number_format", "factor", "within", "by"),
    "value",
}


@dataclass(frozen=True, kw_only=True)
class Column:
    """One source of values for a field: a column of the file, a constant, or a template."""

    field: Field
    heading: str = ""
    index: int | None = None  # place in the row
    constant: str | None = None
    template: str | None = None
    map: Mapping[str, str] = dataclasses.field(default_factory=dict)  # folded cell -> what is meant
    near: bool = False
    create: bool | Mapping[str, Mapping[str, Any]] = False  # True for any name, else by name its attributes
    known: Sequence[str] = ()
    date_format: str | None = None
    number_format: str = ""  # decimal sign; without one numbers are neutral
    factor: Decimal | None = None
    within: str = ""
    by: str = ""

    @property
    def name(self) -> str:
        return self.field.name


@dataclass(kw_only=True)
class Plan:
    """How a file is read into a resource."""

    resource: Resource
    columns: list[Column]
    match_key: str = ""
    on_match: str = UPDATE
    ignored: list[str] = dataclasses.field(default_factory=list)

    def column(self, name: str) -> Column | None:
        return next((c for c in self.columns if c.name == name), None)


def plan_by_heading(resource: Resource, headings: Sequence[str], match_key: str | None = "") -> Plan:
    """Columns recognised by the name or the label of a field, in any language. Raises `BusinessError` when none is."""
    known = _fields_by_label(resource)
    columns: list[Column] = []
    ignored: list[str] = []
    for index, heading in enumerate(headings):
        typed = known.get(fold(heading))
        if typed is None or any(c.field is typed for c in columns):
            if not (fold(heading) == "id" and match_key == "id"):
                ignored.append(heading)
            continue
        columns.append(Column(field=typed, heading=heading, index=index))
    if not columns:
        labels = ", ".join(str(f.label) for f in resource.fields if f.importable)
        raise BusinessError(_("No heading is known here. Known are: %(labels)s.", labels=labels), field="file")
    plan = Plan(resource=resource, columns=nested(columns), ignored=ignored, match_key=match_key or "")
    if match_key is None:
        plan.match_key = next((key for key in resource.match_keys if plan.column(key)), "")
    return checked(plan)


def nested(columns: list[Column]) -> list[Column]:
    """Look-ups whose rows belong to a row that the file names too (a stage to its pipeline) are found within it."""
    outer = {c.name: c.field.target for c in columns if isinstance(c.field, Lookup)}

    def within(column: Column) -> str:
        if not isinstance(column.field, Lookup):
            return ""
        fields = (f for f in column.field.resource.fields if isinstance(f, Lookup) and f.target != column.field.target)
        return next((f.name for f in fields if f.required and outer.get(f.name) == f.target), "")

    return [replace(column, within=column.within or within(column)) for column in columns]


def plan_by_mapping(
    resource: Resource, headings: Sequence[str], given: Mapping[str, Any], folder: Path | None = None
) -> Plan:
    """The plan that a mapping describes. `folder` is where `known_file` lies, where one may be named at all.
    Raises `BusinessError`, whose field is the heading."""
    _only(given, TOP, _("the mapping"))
    if (named := given.get("resource")) and named not in (resource.key, resource.address):
        raise BusinessError(_("The mapping is for %(name)s.", name=named))
    places = {heading.casefold(): index for index, heading in enumerate(headings)}
    columns = []
    for heading, options in _object(given, "columns").items():
        if heading.casefold() not in places:
            raise BusinessError(
                _("The mapping names a column “%(name)s” that the file does not have.", name=heading), field=heading
            )
        made = _column(resource, options, folder, heading)
        columns.append(replace(made, heading=heading, index=places[heading.casefold()]))
    for name, options in _object(given, "constants").items():
        said = options if isinstance(options, dict) else {"value": options}
        made = _column(resource, {**said, "field": name}, folder, name)
        columns.append(replace(made, constant=_cell(said.get("value"))))
    for name, template in _object(given, "templates").items():
        for part in re.findall(r"{(.*?)}", str(template)):
            if part.casefold() not in places:
                raise BusinessError(_("The template of “%(field)s” names a column “%(name)s” that the file does not have.",
                                      field=name, name=part))
        columns.append(replace(_column(resource, {"field": name}, folder, name), heading=name, template=str(template)))
    used = {c.heading.casefold() for c in columns if c.index is not None}
    plan = Plan(
        resource=resource,
        columns=nested(columns),
        match_key=str(given.get("match_key") or ""),
        on_match=given.get("on_match", UPDATE),
        ignored=[h for h in headings if h.casefold() not in used],
    )
    return checked(plan)


def checked(plan: Plan) -> Plan:
    """Refuse what cannot be meant: one field twice, an unknown match key. Look-ups of constants come first."""
    names = [c.name for c in plan.columns]
    if twice := next((n for n in names if names.count(n) > 1), None):
        raise BusinessError(_("The field “%(name)s” is filled twice.", name=twice))
    if plan.on_match not in (UPDATE, SKIP):
        raise BusinessError(_("“on_match” must be update or skip, not “%(given)s”.", given=plan.on_match))
    if plan.match_key and plan.match_key != "id" and not plan.column(plan.match_key):
        raise BusinessError(
            _("Rows are to be found by “%(name)s”, but no column of the file gives it.", name=plan.match_key), field="match_key"
        )
    for column in plan.columns:
        outer = plan.column(column.within)
        if column.within and (outer is None or outer.within or not hasattr(column.field.resource.model, outer.name)):  # type: ignore[attr-defined]  # Lookup
            raise BusinessError(_("“within” of “%(name)s” must name a field that its rows have too.", name=column.name))
    plan.columns.sort(key=lambda c: (c.constant is None, bool(c.within)))
    return plan


def with_options(
    plan: Plan, *, accept_near: bool = False, create_missing: bool = False, on_match: str | None = None
) -> Plan:
    """The plan with what whoever imports says on top of the mapping."""
    plan.columns = [
        replace(
            column,
            near=column.near or accept_near,
            create=column.create or (create_missing and isinstance(column.field, Lookup)),
        )
        for column in plan.columns
    ]
    plan.on_match = on_match or plan.on_match
    return checked(plan)


def described(plan: Plan) -> dict[str, Any]:
    """The mapping that `plan_by_mapping` reads back to the same plan."""
    given: dict[str, Any] = {"resource": plan.resource.key, "columns": {}, "constants": {}, "templates": {},
                             "match_key": plan.match_key, "on_match": plan.on_match}
    for column in plan.columns:
        options = _options(column)
        if column.template is not None:
            given["templates"][column.name] = column.template
        elif column.constant is not None or column.index is None:
            given["constants"][column.name] = {**options, "value": column.constant}
        else:
            given["columns"][column.heading] = {"field": column.name, **options}
    return given


def _options(column: Column) -> dict[str, Any]:
    """What is said of a column, without what is usual."""
    options = {
        "map": dict(column.map), "near": column.near, "create": column.create, "known": list(column.known),
        "date_format": column.date_format, "number_format": column.number_format,
        "factor": None if column.factor is None else str(column.factor), "within": column.within, "by": column.by,
    }  # fmt: skip
    return {name: value for name, value in options.items() if value}


def read_mapping(path: Path) -> Mapping[str, Any]:
    """The JSON object of a mapping file. Raises `BusinessError`."""
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise BusinessError(_("%(file)s is not valid JSON: %(why)s.", file=path.name, why=error)) from None
    if not isinstance(given, dict):
        raise BusinessError(_("%(file)s must hold a JSON object.", file=path.name))
    return given


def _column(resource: Resource, options: Any, folder: Path | None, where: str) -> Column:
    try:
        return _read_column(resource, options, folder, where)
    except BusinessError as error:
        error.field = error.field or where
        raise


def _read_column(resource: Resource, options: Any, folder: Path | None, where: str) -> Column:
    options = {"field": options} if isinstance(options, str) else options
    if not isinstance(options, dict):
        raise BusinessError(_("What the mapping says of “%(name)s” is neither a field nor an object.", name=where))
    _only(options, OPTIONS, where)
    typed = _field(resource, options.get("field"))
    create = options.get("create", False)
    if isinstance(create, dict) and not all(isinstance(v, dict) or v is None for v in create.values()):
        raise BusinessError(_("“create” of “%(name)s” must say of each name which fields it gets.", name=where))
    for option in ("create", "within", "by"):
        if options.get(option) and not isinstance(typed, Lookup):
            raise BusinessError(_("“%(option)s” is for look-ups; “%(name)s” is none.", option=option, name=typed.name))
    return Column(
        field=typed,
        map={fold(k): _cell(v) or "" for k, v in _object(options, "map").items()},
        near=bool(options.get("near")),
        create={k: v or {} for k, v in create.items()} if isinstance(create, dict) else bool(create),
        known=_known(options, folder),
        date_format=_date_format(options.get("date_format")),
        number_format=_number_format(options.get("number_format")),
        factor=_factor(options.get("factor"), where),
        within=str(options.get("within") or ""),
        by=_by(typed, str(options.get("by") or "")),
    )


def _field(resource: Resource, name: Any) -> Field:
    for typed in resource.fields:
        if typed.name == name and typed.importable:
            return typed
    known = ", ".join(f.name for f in resource.fields if f.importable)
    raise BusinessError(
        _("%(resource)s has no field “%(name)s” to import into. It has: %(known)s.",
          resource=resource.address, name=name, known=known)
    )


def _fields_by_label(resource: Resource) -> dict[str, Field]:
    """Every name and label, folded, to its field; what two fields share belongs to the first."""
    found: dict[str, Field] = {}
    for language in LANGUAGES:
        with force_locale(language):
            for typed in resource.fields:
                if typed.importable:
                    found.setdefault(fold(str(typed.label)), typed)
    return {**found, **{fold(f.name): f for f in resource.fields if f.importable}}


def _date_format(given: Any) -> str | None:
    if not given:
        return None
    if given in ORDERS or (isinstance(given, str) and "%" in given and len(given) <= 40):
        return str(given)
    raise BusinessError(_("“%(given)s” is no way to write dates: it is dmy, mdy, ymd or a pattern such as %%d.%%m.%%Y.", given=given))


def _number_format(given: Any) -> str:
    if given in (None, "", POINT, COMMA):
        return given or ""
    raise BusinessError(_("The decimal sign is a point or a comma, not “%(given)s”.", given=given))


def _by(typed: Field, name: str) -> str:
    if name and isinstance(typed, Lookup) and name not in typed.resource.model.__table__.columns:
        raise BusinessError(_("%(resource)s cannot be found by “%(name)s”.", resource=typed.resource.address, name=name))
    return name


def _known(options: Mapping[str, Any], folder: Path | None) -> tuple[str, ...]:
    if "known_file" not in options:
        given = options.get("known") or ()
        if not isinstance(given, (list, tuple)):
            raise BusinessError(_("“known” must be a list of names."))
        return tuple(str(name) for name in given)
    if folder is None:
        raise BusinessError(_("“known_file” is for the command line; here “known” lists the names."))
    source = options["known_file"]
    if not isinstance(source, dict) or not {"file", "column"} <= source.keys():
        raise BusinessError(_("“known_file” needs “file” and “column”."))
    table = read_table((folder / str(source["file"])).read_bytes())
    if source["column"] not in table.headings:
        raise BusinessError(_("%(file)s has no column “%(name)s”.", file=source["file"], name=source["column"]))
    place = table.headings.index(source["column"])
    return tuple(dict.fromkeys(row.cells[place].strip() for row in table.rows if not row.fault))


def _factor(given: Any, where: str) -> Decimal | None:
    if given is None:
        return None
    try:
        return Decimal(str(given))
    except InvalidOperation:
        raise BusinessError(_("The factor of “%(name)s” is not a number.", name=where)) from None


def _object(given: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = given.get(key, {})
    if not isinstance(value, dict):
        raise BusinessError(_("“%(key)s” must be a JSON object.", key=key))
    return value


def _only(given: Mapping[str, Any], allowed: set[str], where: Any) -> None:
    if unknown := sorted(set(given) - allowed):
        raise BusinessError(_("%(where)s: nothing is known of “%(name)s”.", where=where, name=unknown[0]))


def _cell(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)
