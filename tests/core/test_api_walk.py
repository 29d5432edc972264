"""Every address of the API × everybody who may not ask it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.core import lifecycle
from app.core.models import Membership, Role
from app.core.resource import Resource
from app.core.testing import Walk
from app.core.testing.walk import MISSING
from tests.cast import Person
from tests.conftest import Office
from tests.core.api_client import asking, asking_with, token_for

UNSAFE = ("POST", "PATCH", "DELETE")


@dataclass(frozen=True)
class Call:
    """One address with one method; `resource` is whose rows it is about, None for the rest."""

    endpoint: str
    method: str
    rule: str
    resource: Resource | None

    @property
    def name(self) -> str:
        return f"{self.method} {self.endpoint}"

    @property
    def of_a_row(self) -> bool:
        return "<row:row_id>" in self.rule

    def ask(self, client: FlaskClient, ids: Mapping[str, int]) -> int:
        row_id = ids.get(self.resource.key, MISSING) if self.resource else MISSING
        address = self.rule.replace("<row:row_id>", str(row_id)).replace("<metric_id>", "crm.won_amount")
        answer = client.open(address, method=self.method, json={} if self.method in UNSAFE else None)
        if answer.status_code >= 400:
            assert answer.content_type == "application/problem+json", (self.name, answer.text)
        return answer.status_code


@pytest.fixture
def walk(app: Flask) -> Walk:
    return Walk(app)


@pytest.fixture
def calls(walk: Walk) -> list[Call]:
    """Everything there is below /api, by its rules: nothing can be left out by forgetting it here."""
    return list(_calls(walk))


def _calls(walk: Walk) -> Iterator[Call]:
    by_name = {f"{r.module}_{r.name}": r for r in walk.registry.resources()}
    for rule in walk.app.url_map.iter_rules():
        if rule.rule.startswith("/api/"):
            resource = by_name.get(rule.endpoint.partition(".")[2].rpartition("_")[0])
            for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
                yield Call(rule.endpoint, method, rule.rule, resource)


@pytest.fixture
def rows(walk: Walk, one: Office, people: dict[str, Person]) -> dict[str, int]:
    """A row of every resource in One, owned by dave of team South."""
    with one:
        return walk.make_rows(people["dave"].member_id, "of dave")


def _wrong(calls: list[Call], client: FlaskClient, ids: Mapping[str, int], expected: int) -> dict[str, int]:
    found = {call.name: call.ask(client, ids) for call in calls}
    assert found
    return {name: status for name, status in found.items() if status != expected}


def test_every_resource_has_its_calls(walk: Walk, calls: list[Call]) -> None:
    made = {(c.resource.key, c.method, c.of_a_row) for c in calls if c.resource}
    for resource in walk.registry.resources():
        always = {("GET", False), ("POST", False), ("GET", True), ("PATCH", True)}
        of_the_trash = {("DELETE", True), ("POST", True)} if resource.removable else set()
        assert {(m, row) for key, m, row in made if key == resource.key} == always | of_the_trash
    assert {c.endpoint for c in calls if not c.resource} == {"api.me", "api.metrics", "api.metric", "api.openapi", "api.docs"}


def test_without_a_token_that_works_it_is_401(app: Flask, people, client_of, calls: list[Call], rows) -> None:
    revoked = token_for(app, people["alice"])
    client_of("alice").post("/account/tokens/end")
    asked = [c for c in calls if c.endpoint != "api.docs"]  # a page: it sends people to the log-in
    for client in (app.test_client(), asking_with(app, "vnd_" + "x" * 43), asking_with(app, revoked)):
        assert _wrong(asked, client, rows, 401) == {}
    docs = [c for c in calls if c.endpoint == "api.docs"]
    assert _wrong(docs, app.test_client(), rows, 302) == {}


def test_a_cookie_is_no_token(client_of, calls: list[Call], rows) -> None:
    readers = ("api.docs", "api.openapi")
    assert _wrong([c for c in calls if c.endpoint not in readers], client_of("alice"), rows, 401) == {}


def test_a_token_that_may_only_read_writes_nothing(app: Flask, people, calls: list[Call], rows) -> None:
    reader = asking(app, people["alice"], read_only=True)
    assert _wrong([c for c in calls if c.method in UNSAFE], reader, rows, 403) == {}
    assert _wrong([c for c in calls if c.method == "GET"], reader, rows, 200) == {}


def test_without_permission_it_is_forbidden(app: Flask, one: Office, people, calls: list[Call], rows) -> None:
    with one as session:
        nothing = Role(key="nothing", name="Nothing", permissions=[], scopes={})
        session.add(nothing)
        session.flush()
        session.get_one(Membership, people["bob"].member_id).role_id = nothing.id
    bob = asking(app, people["bob"])
    assert _wrong([c for c in calls if c.resource or c.endpoint == "api.metric"], bob, rows, 403) == {}


def test_a_module_that_is_off_does_not_exist(app: Flask, one: Office, people, walk: Walk, calls: list[Call], rows) -> None:
    optional = [m.name for m in walk.registry.modules.values() if not m.manifest.always_on]
    with one:
        for name in reversed(optional):
            lifecycle.disable(name)
    off = [c for c in calls if (c.resource and c.resource.module in optional) or c.endpoint == "api.metric"]
    assert _wrong(off, asking(app, people["alice"]), rows, 404) == {}


def test_a_row_of_another_company_does_not_exist(app: Flask, two: Office, people, walk: Walk, calls: list[Call]) -> None:
    with two:
        theirs = walk.make_rows(people["carol"].member_id, "of carol")
    assert _wrong([c for c in calls if c.of_a_row], asking(app, people["alice"]), theirs, 404) == {}


def test_a_row_of_another_team_does_not_exist(app: Flask, one: Office, people, walk: Walk, calls: list[Call], rows) -> None:
    """Whatever scope a role has by default: here every owned resource is set to the own team's rows."""
    with one as session:
        role = session.scalars(select(Role).filter_by(key="manager")).one()
        role.permissions = [p for m in lifecycle.enabled_modules() for p in m.permissions]
        role.scopes = {r.key: "team" for r in walk.registry.resources()}
    mona = asking(app, people["mona"])
    owned = [c for c in calls if c.of_a_row and c.resource.owned]
    assert _wrong(owned, mona, rows, 404) == {}
    for call in calls:
        if call.resource and call.resource.owned and call.method == "GET" and not call.of_a_row:
            assert mona.get(call.rule).json["items"] == []


def test_the_owner_is_not_refused(app: Flask, people, calls: list[Call], rows) -> None:
    """The other tests would pass if everything were 404: here the same addresses answer those who may."""
    alice = asking(app, people["alice"])
    expected: dict[str, Any] = {"list": 200, "get": 200, "create": 422, "change": 428, "restore": 409}
    for call in calls:
        last = call.endpoint.rpartition("_")[2]
        if call.resource and last in expected:
            assert call.ask(alice, rows) == expected[last], call.name
