"""The security walk: every route, asked by those who may not.

Anonymous people are sent to the log-in, a role without permissions gets 403, and what is not there for a company (the
module is off, the row is another company's or another team's) is 404.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app.core import attachments, notes
from app.core.db import db
from app.core.fields import Field, Reading
from app.core.ids import IdConverter
from app.core.importing import runs
from app.core.lookups import Lookup
from app.core.registry import Registry
from app.core.resource import Resource

# Every route that anybody may open, by name. A new one is added here with care.
PUBLIC = frozenset(
    {
        "health.healthz",
        "health.readyz",
        "site.home",
        "site.login",
        "site.login_save",
        "site.reset_request",
        "site.reset_request_save",
        "site.reset",
        "site.reset_save",
        "site.invite",
        "site.invite_save",
        "crm_calendar.feed",  # by a secret address
    }
)
FILES = frozenset({"static", "assets.static"})
MISSING = 999_999_999
SAMPLES = {
    "text": "Sample",
    "tags": "Sample",
    "longtext": "Sample",
    "email": "sample@example.com",
    "phone": "+34 600 000 000",
    "url": "https://sample.example",
    "number": "7",
    "money": "100",
    "date": "2026-01-15",
    "boolean": "true",
}


@dataclass(frozen=True)
class Route:
    """One rule with one method, and the resources that its row arguments are ids of."""

    rule: Rule
    method: str
    rows: Mapping[str, Resource]  # argument -> resource

    @property
    def name(self) -> str:
        return f"{self.method} {self.rule.endpoint}"


@dataclass
class Walk:
    """Routes of an application and rows to ask for. `others` gives values for arguments that are no rows."""

    app: Flask
    others: Mapping[str, str] = field(default_factory=dict)
    batches: dict[str, int] = field(default_factory=dict)  # imports under way, by resource; `make_rows` starts them
    notes: dict[str, int] = field(default_factory=dict)  # a note on each row, and a file; `make_rows` puts them there
    files: dict[str, int] = field(default_factory=dict)

    @property
    def registry(self) -> Registry:
        return self.app.extensions["registry"]

    def routes(self) -> Iterator[Route]:
        """Every route below a company, method by method."""
        for rule in self.app.url_map.iter_rules():
            if "company" in rule.arguments:
                for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                    yield Route(rule, method, self._rows(rule))

    def site_routes(self) -> Iterator[Rule]:
        """Every route outside companies, files aside."""
        return (r for r in self.app.url_map.iter_rules() if "company" not in r.arguments and r.endpoint not in FILES)

    def _rows(self, rule: Rule) -> dict[str, Resource]:
        found = {}
        for argument in rule.arguments - {"company"}:
            converter = rule._converters.get(argument)  # noqa: SLF001  # werkzeug has no public way to ask
            if isinstance(converter, IdConverter):
                found[argument] = self._resource_of(rule.endpoint, argument)
        return found

    def _resource_of(self, endpoint: str, argument: str) -> Resource:
        """`row_id` is of the resource that the endpoint's name begins with, `stage_id` of the one it names."""
        module, _, name = endpoint.partition(".")
        candidates = self.registry.resources()
        if argument != "row_id":
            wanted = argument.removesuffix("_id")
            mine = [r for r in candidates if r.name == wanted]
            mine.sort(key=lambda r: r.module != module)
        else:
            mine = [r for r in candidates if r.module == module and name.startswith(r.name)]
            mine.sort(key=lambda r: -len(r.name))
        if not mine:
            raise AssertionError(f"{endpoint}: which resource is {argument} an id of? Name it <resource>_id or row_id.")
        return mine[0]

    def address(self, route: Route, company: str, ids: Mapping[str, int]) -> str:
        """The address of a route for rows by resource key."""
        values = {a: ids.get(r.key, MISSING) for a, r in route.rows.items()}
        for argument in route.rule.arguments - {"company"} - values.keys():
            values[argument] = self._other(route, argument)
        with self.app.test_request_context():
            adapter = self.app.create_url_adapter(None) or self.app.url_map.bind("localhost")
            return adapter.build(route.rule.endpoint, {"company": company, **values}, method=route.method)

    def _other(self, route: Route, argument: str) -> Any:
        if argument in self.others:
            return self.others[argument]
        if argument in ("view_id", "notice_id", "mail_id", "dashboard_id", "widget_id"):
            return str(MISSING)
        if argument in ("note_id", "file_id"):
            made = self.notes if argument == "note_id" else self.files
            return str(made.get(self._resource_of(route.rule.endpoint, "row_id").key, MISSING))
        if argument == "batch_id":
            return str(self.batches.get(self._resource_of(route.rule.endpoint, "row_id").key, MISSING))
        if argument == "field" and (resource := next(iter(route.rows.values()), None)):
            return next(f.name for f in resource.fields if f.editable)
        raise AssertionError(f"{route.name}: give Walk a value for {argument!r}")

    def ask(self, client: FlaskClient, route: Route, company: str, ids: Mapping[str, int]) -> TestResponse:
        return client.open(self.address(route, company, ids), method=route.method)

    # Rows to ask for

    def make_rows(self, owner_id: int | None, tag: str, owned: bool = False) -> dict[str, int]:
        """One row of every resource in the current company, owned by `owner_id` where it can be: key -> id.

        With `owned` only of those that can be.
        """
        made: dict[str, int] = {}
        for resource in self.registry.resources():
            if resource.owned or not owned:
                self._make(resource, owner_id, tag, made)
                self._put_something_on(resource, made[resource.key])
                self.batches[resource.key] = runs.begin(resource, "walk.csv", b"one,two\n1,2\n").id
        return made

    def _put_something_on(self, resource: Resource, row_id: int) -> None:
        self.notes[resource.key] = notes.add(resource, row_id, "A note")[0].id
        upload = FileStorage(BytesIO(b"A file"), "walk.txt")
        self.files[resource.key] = attachments.add(resource, row_id, upload).id

    def _make(self, resource: Resource, owner_id: int | None, tag: str, made: dict[str, int]) -> int:
        if resource.key not in made:
            values = sample(resource, lambda f: self._target(f, owner_id, tag, made), tag)
            if "owner_id" in values or resource.owned:
                values["owner_id"] = owner_id
            made[resource.key] = resource.add(values).id
        return made[resource.key]

    def _target(self, typed: Lookup, owner_id: int | None, tag: str, made: dict[str, int]) -> int | None:
        target = typed.resource
        existing = db.session.scalar(select(target.model.id).order_by(target.model.id).limit(1))
        return existing if existing is not None else self._make(target, owner_id, tag, made)


def sample(resource: Resource, target: Callable[[Lookup], int | None], tag: str) -> dict[str, Any]:
    """Valid values for the required fields of a resource and its title, and for nothing else."""
    values = {}
    for typed in resource.fields:
        if typed.editable and (typed.required or typed.name == resource.title):
            values[typed.name] = _sample(typed, target, f"{resource.label} {tag}")
    return values


def _sample(typed: Field, target: Callable[[Lookup], int | None], text: str) -> Any:
    if isinstance(typed, Lookup):
        return target(typed)
    if typed.example:
        return typed.parse(typed.example, Reading())
    if typed.kind == "choice":
        return typed.choices[0][0]  # type: ignore[attr-defined]  # Choice
    if typed.kind == "text":
        return typed.parse(text, Reading()) if len(text) > 3 else text
    return typed.parse(SAMPLES[typed.kind], Reading(currency="EUR"))
