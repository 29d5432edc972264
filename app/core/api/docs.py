"""The description of the API: as a document for programs, and as a page for people."""

from __future__ import annotations

import json
from typing import Any

from flask import g, request

from app.core.api import rows, values
from app.core.api.body import answer
from app.core.api.document import document, sort_names
from app.core.fields import Boolean, Field, MoneyField
from app.core.i18n import _
from app.core.lifecycle import enabled_modules
from app.core.lookups import Lookup
from app.core.metrics import metrics
from app.core.registry import Module
from app.core.resource import Resource
from app.core.web import render

SAMPLES = {"id": 17, "integer": 7, "decimal": "1250.00", "date": "2026-03-31", "boolean": True, "text": "…"}


def openapi() -> Any:
    """OpenAPI 3.1 of what the company has on."""
    return answer(document(enabled_modules()))


def page() -> Any:
    """The same, to read."""
    modules = sorted(enabled_modules(), key=lambda m: (m.manifest.order, m.name))  # as the menu has them
    context = {
        "company": g.company,
        "base": f"{request.host_url.rstrip('/')}/api/v1",
        "modules": [_module(m) for m in modules if m.hooks.resources],
        "metrics": list(metrics().values()),
    }
    return render("site/api_docs.html", **context)


def _module(module: Module) -> dict[str, Any]:
    return {"name": module.name, "label": module.manifest.label, "resources": [_resource(r) for r in module.hooks.resources]}


def _resource(resource: Resource) -> dict[str, Any]:
    path = f"/{resource.module}/{resource.plural}"
    calls = [
        ("GET", path, _("List"), "view"),
        ("POST", path, _("Create"), "create"),
        ("GET", f"{path}/17", _("Get one"), "view"),
        ("PATCH", f"{path}/17", _("Change fields"), "edit"),
    ]
    if resource.removable:
        calls += [
            ("DELETE", f"{path}/17", _("Throw into the trash"), "delete"),
            ("POST", f"{path}/17/restore", _("Bring back from the trash"), "delete"),
        ]
    return {
        "key": resource.key,
        "path": path,
        "label": resource.label_plural,
        "icon": resource.icon,
        "calls": [{"method": m, "path": p, "label": text, "permission": resource.permission(verb)} for m, p, text, verb in calls],
        "fields": [row for f in resource.fields if f.exportable or f.editable for row in _fields(f)],
        "filters": list(rows.filter_names(resource)),
        "sorts": sort_names(resource),
        "views": [view.name for view in resource.views],
        "sample": json.dumps(_sample(resource), ensure_ascii=False),
    }


def _fields(typed: Field) -> list[dict[str, Any]]:
    shape = values.shape(typed)
    writing = _("read only")
    if typed.editable:
        writing = _("needed") if typed.required and not typed.default else _("may be set")
        if not typed.creatable:
            writing = _("may be changed")
    found = {
        "name": typed.name,
        "label": typed.label,
        "type": _("id of %(resource)s", resource=typed.target) if isinstance(typed, Lookup) else _types()[shape],
        "writing": writing,
        "hint": typed.hint,
        "choices": [value for value, _label in getattr(typed, "choices", ())],
    }
    if not isinstance(typed, MoneyField):
        return [found]
    currency = {"name": typed.currency, "label": _("Currency"), "type": _("text"), "writing": writing,
                "hint": _("Of %(field)s; three letters.", field=typed.name), "choices": []}
    return [found, currency]


def _types() -> dict[str, str]:
    return {"id": _("id"), "integer": _("whole number"), "decimal": _("decimal as text"), "date": _("date as text"),
            "boolean": _("true or false"), "text": _("text")}


def _sample(resource: Resource) -> dict[str, Any]:
    """What a POST needs, and the amount where there is one, to show how it is sent."""
    found: dict[str, Any] = {}
    for typed in resource.fields:
        if not (typed.editable and typed.creatable):
            continue
        if isinstance(typed, MoneyField):
            found |= {typed.name: SAMPLES["decimal"], typed.currency: g.company.currency}
        elif typed.required and not isinstance(typed, Boolean):
            choices = [value for value, _label in getattr(typed, "choices", ())]
            found[typed.name] = choices[0] if choices else typed.example or SAMPLES[values.shape(typed)]
    return found
