"""The OpenAPI 3.1 document of what a company has on: made from the same declarations as the API itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.core.api import figures, rows, values
from app.core.db import Versioned
from app.core.fields import Boolean, Field, MoneyField
from app.core.i18n import _, _l
from app.core.lookups import Lookup
from app.core.registry import Module
from app.core.resource import Resource
from app.core.tables import PAGE

VERSION = "1"
PROBLEM = "application/problem+json"
STATUSES = {
    400: _l("The request is damaged, or its body is not JSON."),
    401: _l("The token is missing, wrong, revoked or at its end."),
    403: _l("The person of the token may not do this, or the token may only read."),
    404: _l("There is nothing at this address, or it is not theirs to see."),
    409: _l("Somebody saved in the meantime, or it clashes with what is stored. With both values of every field that differs."),
    413: _l("The body is larger than 1 MB."),
    415: _l("The body is not declared as JSON."),
    422: _l("Something that was sent needs correcting; says which field and why."),
    428: _l("The version that is to be changed was not named."),
    429: _l("Too many requests; says after how many seconds to try again."),
    503: _l("The database is too busy; nothing was saved."),
}
ALWAYS = (400, 401, 403, 404, 422, 429, 503)
JSON_OF = {"id": "integer", "integer": "integer", "decimal": "string", "date": "string", "boolean": "boolean", "text": "string"}


def document(modules: Iterable[Module]) -> dict[str, Any]:
    """The whole document, in the reader's language."""
    resources = [(module, r) for module in modules for r in module.hooks.resources]
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {"problem": _problem(), "figure": _figure(), "metric": _metric(), "me": _me()}
    for _module, resource in resources:
        paths |= _paths(resource)
        schemas |= _schemas(resource)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Vendimia",
            "version": VERSION,
            "description": _("Everything a company keeps in Vendimia, as JSON. Make a token on the page of your account"
                             " and send it as “Authorization: Bearer vnd_…”; it may do what you may do."),
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "tags": [{"name": r.key, "description": str(r.label_plural)} for _module, r in resources]
        + [{"name": "figures", "description": _("Figures")}, {"name": "about", "description": _("About the API")}],
        "paths": {**paths, **_other_paths()},
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas,
            "responses": {f"{status}": _refusal(status) for status in STATUSES},
            "headers": {
                "ETag": {"description": _("The version, in quotes: what If-Match wants."), "schema": {"type": "string"}},
                "Location": {"description": _("Where the new row is."), "schema": {"type": "string"}},
                "Retry-After": {"description": _("In how many seconds to try again."), "schema": {"type": "string"}},
                "WWW-Authenticate": {"description": "Bearer", "schema": {"type": "string"}},
            },
        },
    }


def _paths(resource: Resource) -> dict[str, Any]:
    base = f"/{resource.module}/{resource.plural}"
    one: dict[str, Any] = {
        "parameters": [_row_id()],
        "get": _operation(resource, "get", _("Get one"), "view", {"200": _row(resource, etag=True)}),
        "patch": _operation(resource, "change", _("Change fields"), "edit", {"200": _row(resource, etag=True)},
                            body=_ref(f"{resource.key}.change"), parameters=[_if_match()] if _versioned(resource) else []),
    }
    found = {
        base: {
            "get": _operation(resource, "list", _("List"), "view", {"200": _json(_ref(f"{resource.key}.page"))},
                              parameters=_list_parameters(resource)),
            "post": _operation(resource, "create", _("Create"), "create",
                               {"201": {**_row(resource, etag=True, location=True)}}, body=_ref(f"{resource.key}.new")),
        },
        f"{base}/{{row_id}}": one,
    }
    if resource.removable:
        one["delete"] = _operation(resource, "remove", _("Throw into the trash"), "delete",
                                   {"204": {"description": _("Thrown away.")}}, also=(409,),
                                   parameters=[_if_match()] if _versioned(resource) else [])
        found[f"{base}/{{row_id}}/restore"] = {
            "parameters": [_row_id()],
            "post": _operation(resource, "restore", _("Bring back from the trash"), "delete",
                               {"200": _row(resource, etag=True)}, also=(409,)),
        }
    return found


def _operation(resource: Resource, view: str, summary: str, verb: str, good: dict[str, Any], *,
               body: dict[str, Any] | None = None, parameters: Iterable[Any] = (), also: Iterable[int] = ()) -> dict[str, Any]:
    statuses = {*ALWAYS, *also, *((409, 413, 415) if body else ()), *((428,) if view == "change" and _versioned(resource) else ())}
    found: dict[str, Any] = {
        "operationId": f"{resource.module}_{resource.name}_{view}",
        "tags": [resource.key],
        "summary": f"{resource.label_plural}: {summary}",
        "description": _("Needs the permission %(permission)s.", permission=resource.permission(verb)),
        "responses": {**good, **_refusals(statuses)},
    }
    if parameters := list(parameters):
        found["parameters"] = parameters
    if body:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return found


def _versioned(resource: Resource) -> bool:
    return issubclass(resource.model, Versioned)


def _refusals(statuses: Iterable[int]) -> dict[str, Any]:
    return {str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted(statuses)}


def _refusal(status: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "description": str(STATUSES[status]), "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/problem"}}}
    }
    header = {401: "WWW-Authenticate", 429: "Retry-After"}.get(status)
    if header:
        found["headers"] = {header: {"$ref": f"#/components/headers/{header}"}}
    return found


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": _("Done."), "content": {"application/json": {"schema": schema}}}


def _row(resource: Resource, *, etag: bool, location: bool = False) -> dict[str, Any]:
    names = [*(["ETag"] if etag and _versioned(resource) else []), *(["Location"] if location else [])]
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    return {**_json(_ref(resource.key)), **({"headers": headers} if headers else {})}


# Parameters


def _row_id() -> dict[str, Any]:
    return {"name": "row_id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}}


def _if_match() -> dict[str, Any]:
    return {"name": "If-Match", "in": "header", "schema": {"type": "string"}, "example": '"1"',
            "description": _("The version that is meant, in quotes; PATCH takes it from the body as well.")}


def _argument(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema or {"type": "string"}}


def _list_parameters(resource: Resource) -> list[dict[str, Any]]:
    sorts = sort_names(resource)
    found = [
        _argument("q", _("Words that the row must contain; case and accents do not matter.")),
        _argument("sort", _("In which order; “-” for descending."), type="string",
                  enum=[*sorts, *(f"-{name}" for name in sorts)]),
        _argument("cursor", _("Of another page: take the whole address from “next” or “previous”.")),
        _argument("per_page", _("Rows of a page."), type="integer", minimum=1, maximum=rows.MOST, default=PAGE),
        _argument("count", _("Whether to count all rows that are chosen."), type="boolean", default=False),
    ]
    if resource.views:
        found.append(_argument("view", _("A view of the list, with its filters."), type="string",
                               enum=["", *(view.name for view in resource.views)]))
    return found + [_argument(name, _filter_text(resource, name, about)) for name, about in rows.filter_names(resource).items()]


def _filter_text(resource: Resource, name: str, about: str) -> str:
    if name == "team":
        return _("Id of a team: its rows and those of the teams below.")
    if name == "filter":
        return _('Conditions joined by and / or, as JSON: {"or": [["field", "is", "value"], …]}.')
    label = resource.field(about).label
    if name.endswith("__gte"):
        return _("%(label)s: at least.", label=label)
    if name.endswith("__lte"):
        return _("%(label)s: at most.", label=label)
    if resource.field(about).kind == "lookup":
        return _("%(label)s: an id, “none”, or “me” for people; several with commas between.", label=label)
    if resource.field(about).kind == "date":
        return _("%(label)s: a day, a period such as “this-month”, or “none”.", label=label)
    return _("%(label)s: this value, or “none”.", label=label)


def sort_names(resource: Resource) -> list[str]:
    """Names that a list can be sorted by."""
    own = ["id", *(("created_at", "updated_at") if _versioned(resource) else ())]
    return [*(f.name for f in resource.fields if f.sortable), *own]


# Schemas


def _schemas(resource: Resource) -> dict[str, Any]:
    own: dict[str, Any] = {"id": {"type": "integer"}}
    if _versioned(resource):
        own["version"] = {"type": "integer", "description": _("Counts the saves; PATCH must name it.")}
    out = {**own, **_properties(resource, values.fields_of(resource), reading=True)}
    if _versioned(resource):
        out |= {name: {"type": "string", "format": "date-time"} for name in ("created_at", "updated_at")}
    new = [f for f in resource.fields if f.editable and f.creatable]
    changes = _properties(resource, [f for f in resource.fields if f.editable], reading=False)
    version = {"version": {"type": "integer"}} if _versioned(resource) else {}
    pages = {
        "items": {"type": "array", "items": _ref(resource.key)},
        "next": {"type": ["string", "null"], "description": _("Address of the next page.")},
        "previous": {"type": ["string", "null"], "description": _("Address of the page before.")},
        "count": {"type": "integer", "description": _("How many rows are chosen; only when asked for.")},
    }
    return {
        resource.key: _object(out),
        f"{resource.key}.new": _object(
            _properties(resource, new, reading=False), [f.name for f in new if f.required and not f.default]
        ),
        f"{resource.key}.change": _object({**version, **changes}, []),
        f"{resource.key}.page": _object(pages, ["items", "next", "previous"]),
    }


def _object(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    needed = list(properties) if required is None else required
    found = {"type": "object", "additionalProperties": False, "properties": properties}
    return {**found, **({"required": needed} if needed else {})}


def _properties(resource: Resource, fields: Iterable[Field], *, reading: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for typed in fields:
        found[typed.name] = schema(typed, reading=reading)
        if isinstance(typed, MoneyField):
            found.setdefault(typed.currency, _currency(reading=reading))
    return found


def _currency(*, reading: bool) -> dict[str, Any]:
    text = _("Three letters (ISO 4217).") if reading else _("Three letters (ISO 4217); the company's when it is left out.")
    return {"type": ["string", "null"] if reading else "string", "pattern": "^[A-Z]{3}$", "description": text}


def schema(typed: Field, *, reading: bool) -> dict[str, Any]:
    """The JSON schema of a field, as it is given or as it may be sent."""
    shape = values.shape(typed)
    kind = JSON_OF[shape]
    empty = not typed.required and (reading or not isinstance(typed, Boolean))
    found: dict[str, Any] = {"type": [kind, "null"] if empty else kind, "description": _about(typed)}
    if shape == "decimal":
        found["pattern"] = values.DECIMAL
    elif shape == "date":
        found |= {"format": "date", "pattern": values.DAY}
    elif typed.kind == "choice":
        found["enum"] = [value for value, _label in getattr(typed, "choices", ())] + ([None] if empty else [])
    elif shape == "integer" and hasattr(typed, "least"):
        found |= {"minimum": typed.least, "maximum": typed.most}  # type: ignore[attr-defined]  # Integer
    elif shape == "text" and not reading and hasattr(typed, "longest"):
        found["maxLength"] = typed.longest
    return found


def _about(typed: Field) -> str:
    parts = [str(typed.label)]
    if isinstance(typed, Lookup):
        parts.append(_("Id of %(resource)s.", resource=typed.target))
    if typed.hint:
        parts.append(str(typed.hint))
    return ". ".join(part.rstrip(".") for part in parts)


def _problem() -> dict[str, Any]:
    text = {"type": "string"}
    error = _object({"field": text, "detail": text, "stored": {}, "given": {}}, ["field", "detail"])
    members = {"type": text, "title": text, "status": {"type": "integer"}, "detail": text,
               "errors": {"type": "array", "items": error}, "version": {"type": "integer"}}
    return {**_object(members, ["type", "title", "status", "detail"]), "description": _("What went wrong (RFC 9457).")}


def _metric() -> dict[str, Any]:
    text = {"type": "string"}
    names = ("id", "label", "description", "row", "unit", "shape", "direction", "grain", "resource", "basis")
    several, nullable = {"type": "array", "items": text}, {"type": ["string", "null"]}
    return _object({**dict.fromkeys(names, text), "currency_basis": nullable, "version": {"type": "integer"},
                    "by": several, "additive": several})


def _figure() -> dict[str, Any]:
    day, whole = {"type": ["string", "null"]}, {"type": "integer"}
    value = {"type": ["string", "number", "null"], "description": _("Money as a decimal in text, a ratio between 0 and 1.")}
    by = {"type": "object", "description": _("Label by dimension, and the id as <dimension>_id.")}
    row = {"by": by, "value": value, "n": whole, "currency": {"type": "string"}, "numerator": value, "denominator": value,
           "small": {"type": "boolean", "description": _("A ratio of fewer than ten.")},
           "interval": {"type": "array", "items": {"type": "number"}, "description": _("Within which it lies, 95 times of 100.")}}
    excluded = _object({"reason": {"type": "string"}, "n": whole})
    return _object({
        "metric": {"type": "string"}, "version": whole, "unit": {"type": "string"}, "from": day, "to": day,
        "as_of": {"type": "string"}, "known_at": day, "excluded": {"type": "array", "items": excluded},
        "rows": {"type": "array", "items": _object(row, ["by", "value", "n"])},
    })


def _me() -> dict[str, Any]:
    text = {"type": "string"}
    company = _object(dict.fromkeys(("slug", "name", "timezone", "currency", "language"), text))
    token = _object({"name": text, "read_only": {"type": "boolean"}, "expires_at": {"type": ["string", "null"]}})
    return _object({"member_id": {"type": "integer"}, "name": text, "email": text, "role": text,
                    "permissions": {"type": "array", "items": text}, "company": company, "token": token})


def _other_paths() -> dict[str, Any]:
    asked = {
        "from": _("First day, in the company's zone."), "to": _("Last day, inclusive."),
        "by": _("Split by these dimensions, commas between them."),
        "as_of": _("What was so then: a day (its end) or an instant."), "known_at": _("As far as was known then."),
    }
    listed = _object({"items": {"type": "array", "items": _ref("metric")}})
    metric_id = {"name": "metric_id", "in": "path", "required": True, "schema": {"type": "string"}, "example": "crm.won_amount"}
    return {
        "/metrics": {"get": _simple("metrics", "figures", _("The figures there are"), _json(listed))},
        "/metrics/{metric_id}": {
            "get": {**_simple("metric", "figures", _("One figure"), _json(_ref("figure"))),
                    "parameters": [metric_id, *(_argument(name, asked[name]) for name in figures.ASKED)]},
        },
        "/me": {"get": _simple("me", "about", _("Who the token stands for"), _json(_ref("me")))},
        "/openapi.json": {"get": _simple("openapi", "about", _("This document"), _json({"type": "object"}))},
    }


def _simple(name: str, tag: str, summary: str, good: dict[str, Any]) -> dict[str, Any]:
    return {"operationId": name, "tags": [tag], "summary": summary, "responses": {"200": good, **_refusals(ALWAYS)}}
