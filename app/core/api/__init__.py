"""The JSON API: every resource of every module, figures, and the document that describes them.

Made from `Resource`: the same write functions, permissions, record rules and checks as the pages. A request is made by a
token (`app.core.tokens`); `app.core.gate` lets it in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import update_wrapper
from typing import Any

from flask import Blueprint, Flask, Response
from werkzeug.routing import BaseConverter

from app.core.access import require
from app.core.api import docs, figures, problems, rows
from app.core.gate import by_reader, by_token
from app.core.ids import whole
from app.core.resource import Resource

NAME, PREFIX = "api", "/api/v1"

# view -> (address below the resource's, method, verb, function)
VIEWS: dict[str, tuple[str, str, str, Callable[..., Any]]] = {
    "list": ("", "GET", "view", rows.list_rows),
    "create": ("", "POST", "create", rows.create),
    "get": ("/<row:row_id>", "GET", "view", rows.get),
    "change": ("/<row:row_id>", "PATCH", "edit", rows.change),
    "remove": ("/<row:row_id>", "DELETE", "delete", rows.remove),
    "restore": ("/<row:row_id>/restore", "POST", "delete", rows.restore),
}
OF_THE_TRASH = ("remove", "restore")


class RowConverter(BaseConverter):
    """An id in an address; a number no row can have is the id of none. A converter that refused it would be answered
    with 405, since the same address has rules of its own for each method."""

    regex = r"[0-9]+"

    def to_python(self, value: str) -> int:
        return whole(value) or 0


def blueprint(resources: Iterable[Resource]) -> Blueprint:
    """The API of these resources, to be mounted as it is."""
    api = Blueprint(NAME, __name__, url_prefix=PREFIX)
    for resource in resources:
        for name, (address, method, verb, view) in VIEWS.items():
            if resource.removable or name not in OF_THE_TRASH:
                api.add_url_rule(
                    f"/{resource.module}/{resource.plural}{address}",
                    endpoint=f"{resource.module}_{resource.name}_{name}",
                    view_func=_bound(view, resource, resource.permission(verb)),
                    methods=[method],
                )
    api.add_url_rule("/me", "me", by_token(figures.me), methods=["GET"])
    api.add_url_rule("/metrics", "metrics", by_token(figures.metrics_list), methods=["GET"])
    api.add_url_rule("/metrics/<metric_id>", "metric", by_token(figures.metric), methods=["GET"])
    api.add_url_rule("/openapi.json", "openapi", by_reader(docs.openapi), methods=["GET"])
    api.add_url_rule("/docs", "docs", by_reader(docs.page), methods=["GET"])
    api.after_request(_uncached)
    return api


def init_app(app: Flask, resources: Iterable[Resource]) -> Blueprint:
    """Mount the API; returns its blueprint, which carries no cookie and so needs no protection from forged forms."""
    app.url_map.converters["row"] = RowConverter
    api = blueprint(resources)
    app.register_blueprint(api)
    problems.init_app(app)
    return api


def _bound(view: Callable[..., Any], resource: Resource, permission: str) -> Callable[..., Any]:
    def bound(**arguments: Any) -> Any:
        return view(resource, **arguments)

    return require(permission)(update_wrapper(bound, view))


def _uncached(response: Response) -> Response:
    response.headers["Cache-Control"] = "private, no-store"
    response.vary.add("Authorization")
    return response
