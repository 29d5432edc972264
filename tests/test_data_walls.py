"""The same rows by every way out, and no other way in: list, export, search, look-ups, trash, API, merge, mass changes, import.

What each person may see is worked out here, from who owns a row and who is in which team, not asked of the product.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.core import lifecycle, tokens
from app.core.db import db
from app.core.fields import neutral
from app.core.models import Role
from app.core.resource import Resource
from app.core.testing import Walk
from tests.cast import Person
from tests.conftest import Office
from tests.core.importer import Import

OWNERS = ("bob", "dave", "mona", "alice")
# North is mona's team, and bob's; South is dave's. An admin sees everything.
SEES = {"bob": {"bob"}, "dave": {"dave"}, "mona": {"mona", "bob"}, "alice": set(OWNERS)}
TAG = "Wallflower"


@dataclass
class House:
    """Company One with a row of every resource for each of four owners, and what each person may see of them."""

    app: Flask
    people: dict[str, Person]
    ids: dict[str, dict[str, int]] = field(default_factory=dict)  # owner -> resource key -> id

    @property
    def owned(self) -> list[Resource]:
        registry = self.app.extensions["registry"]
        return [r for r in registry.resources() if r.owned]

    def visible(self, person: str, resource: Resource) -> set[int]:
        return {self.ids[owner][resource.key] for owner in SEES[person]}

    def all_of(self, resource: Resource) -> set[int]:
        return {self.ids[owner][resource.key] for owner in OWNERS}

    def token(self, person: str) -> dict[str, str]:
        with self.app.test_request_context():
            key = tokens.issue(self.people[person].user_id, "one", "walls")
            db.session.commit()
        return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def house(app: Flask, one: Office, people: dict[str, Person]) -> House:
    built = House(app, people)
    walk = Walk(app)
    with one as session:
        for key, scope in (("rep", "own"), ("manager", "team")):
            role = session.scalars(select(Role).filter_by(key=key)).one()
            role.permissions = [p for m in lifecycle.enabled_modules() for p in m.permissions]
            role.scopes = {r.key: scope for r in built.owned}
        for owner in OWNERS:
            built.ids[owner] = walk.make_rows(people[owner].member_id, f"{TAG} {owner}", owned=True)
    return built


def address(resource: Resource, rest: str = "") -> str:
    return f"/c/one/{resource.module}/{resource.plural}{rest}"


def linked(html: str, resource: Resource) -> set[int]:
    """Ids of the records that a page links to."""
    return {int(n) for n in re.findall(rf"{re.escape(address(resource))}/(\d+)[\"/?#]", html)}


def by_list(client: FlaskClient, house: House, resource: Resource, _person: str) -> set[int]:
    return linked(client.get(address(resource), query_string={"view": _whole_view(resource)}).text, resource)


def _whole_view(resource: Resource) -> str:
    """The name of a view that leaves nothing out."""
    return next((v.name for v in resource.views if not v.args), "")


def by_json(client: FlaskClient, house: House, resource: Resource, _person: str) -> set[int]:
    answer = client.get(address(resource, "/export"), query_string={"format": "json", "view": _whole_view(resource)})
    return {row["id"] for row in json.loads(answer.text)}


def by_csv(client: FlaskClient, house: House, resource: Resource, _person: str) -> set[int]:
    answer = client.get(address(resource, "/export"), query_string={"format": "csv", "view": _whole_view(resource)})
    return {int(row["id"]) for row in csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")))}


def by_search(client: FlaskClient, house: House, resource: Resource, _person: str) -> set[int]:
    return linked(client.get("/c/one/admin/search", query_string={"q": called(resource)}).text, resource)


def by_picker(client: FlaskClient, house: House, resource: Resource, _person: str) -> set[int]:
    return {int(row["value"]) for row in client.get(address(resource, "/options"), query_string={"q": called(resource)}).json}


def called(resource: Resource) -> str:
    """What somebody looks for who wants the rows of the house: all of them go by it."""
    typed = resource.field(resource.title)
    return TAG if typed.kind == "text" else typed.example


def by_api(client: FlaskClient, house: House, resource: Resource, person: str) -> set[int]:
    """Page by page, two rows at a time."""
    headers, found = house.token(person), set()
    following: str | None = f"/api/v1/{resource.module}/{resource.plural}?per_page=2&view={_whole_view(resource)}"
    while following:
        answer = house.app.test_client().get(following, headers=headers)
        assert answer.status_code == 200, (resource.key, answer.text[:300])
        found |= {row["id"] for row in answer.json["items"]}
        following = answer.json["next"]
    return found


WAYS_OUT = {f.__name__: f for f in (by_list, by_json, by_csv, by_search, by_picker, by_api)}


@pytest.mark.parametrize("way", WAYS_OUT)
def test_every_way_out_shows_the_same_rows(house: House, client_of, way: str) -> None:
    ask: Callable[..., set[int]] = WAYS_OUT[way]
    wrong = []
    for person in SEES:
        client = client_of(person)
        for resource in house.owned:
            mine = ask(client, house, resource, person) & house.all_of(resource)
            visible = house.visible(person, resource) if way != "by_search" or resource.searchable else set()
            if mine != visible:
                wrong.append((person, resource.key, sorted(mine), sorted(visible)))
    assert wrong == []
    assert len(house.owned) >= 3


def test_the_trash_hides_what_its_rows_hid(house: House, one: Office, client_of) -> None:
    with one:
        for resource in [r for r in house.owned if r.removable]:
            resource.remove(sorted(house.all_of(resource)))
    wrong = []
    for person, seen in SEES.items():
        client = client_of(person)
        for resource in [r for r in house.owned if r.removable]:
            page = client.get(address(resource, "/trash")).text
            ids = {int(n) for n in re.findall(r'name="only" value="(\d+)"', page)}
            listed = {owner for owner in OWNERS if house.ids[owner][resource.key] in ids}
            named = {owner for owner in OWNERS if f"{TAG} {owner}" in page} if called(resource) == TAG else seen
            left = {name: way(client, house, resource, person) & house.all_of(resource) for name, way in WAYS_OUT.items()}
            if listed != seen or named != seen or any(left.values()):
                wrong.append((person, resource.key, listed, named, left))
    assert wrong == []


def test_nobody_brings_back_what_they_may_not_see(house: House, one: Office, client_of) -> None:
    resources = [r for r in house.owned if r.removable]
    with one:
        for resource in resources:
            resource.remove([house.ids["dave"][resource.key]])
    bob, headers = client_of("bob"), house.token("bob")
    for resource in resources:
        row_id = house.ids["dave"][resource.key]
        bob.post(address(resource, "/trash"), data={"row": row_id, "only": row_id})
        answer = house.app.test_client().post(
            f"/api/v1/{resource.module}/{resource.plural}/{row_id}/restore", headers=headers
        )
        assert answer.status_code == 404, resource.key
        with one as session:
            assert session.scalar(select(resource.model.id).where(resource.model.id == row_id)) is None, resource.key


def test_nobody_merges_with_a_row_they_may_not_see(house: House, one: Office, client_of) -> None:
    bob, alice = client_of("bob"), client_of("alice")
    asked = 0
    for resource in house.owned:
        if f"{resource.module}.{resource.name}_merge" not in house.app.view_functions:
            continue
        asked += 1
        mine, theirs = house.ids["bob"][resource.key], house.ids["dave"][resource.key]
        with one as session:
            versions = {i: session.get_one(resource.model, i).version for i in (mine, theirs)}
        data = {"winner": mine, "ids": f"{mine},{theirs}", **{f"version-{i}": v for i, v in versions.items()}}
        assert bob.get(address(resource, "/merge"), query_string={"ids": f"{mine},{theirs}"}).status_code == 404
        assert bob.post(address(resource, "/merge"), data=data).status_code == 404, resource.key
        with one as session:
            assert session.get(resource.model, theirs) is not None, resource.key
        # It was the wall that refused and not the form: the same one merges for whoever sees both.
        assert alice.post(address(resource, "/merge"), data=data).status_code == 303, resource.key
        with one as session:
            assert session.scalar(select(resource.model.id).where(resource.model.id == theirs)) is None, resource.key
    assert asked >= 3


def test_a_change_of_many_leaves_the_rows_of_others_alone(house: House, one: Office, client_of) -> None:
    bob = client_of("bob")
    for resource in house.owned:
        theirs = house.ids["dave"][resource.key]
        with one as session:
            before = session.get_one(resource.model, theirs).version
        typed = resource.field(resource.title)
        data = {"mass-row": theirs, "mass-rows": f"{theirs}.{before}", "mass-field": typed.name, typed.name: "Taken over"}
        for ways in ("mass-row", "mass-rows"):
            ticked = {name: value for name, value in data.items() if name != ways}
            assert bob.post(address(resource, "/mass"), data={**ticked, "mass-go": "apply"}).status_code < 500
            assert bob.post(address(resource, "/mass/remove"), data={**ticked, "mass-go": "remove"}).status_code < 500
        with one as session:
            row = session.get(resource.model, theirs)
            assert row is not None, resource.key
            assert row.version == before, resource.key


def test_an_import_does_not_reach_the_rows_of_others(house: House, one: Office, client_of) -> None:
    """By id, the surest of match keys: of two rows one's own is changed and the other is left out."""
    bob = client_of("bob")
    for resource in [r for r in house.owned if r.field(r.title).importable]:
        typed = resource.field(resource.title)
        new, taken = ("Mine now", "Taken over") if typed.kind == "text" else ("2026-05-05", "2026-05-06")
        mine, theirs = house.ids["bob"][resource.key], house.ids["dave"][resource.key]
        with one as session:
            before = {i: getattr(session.get_one(resource.model, i), resource.title) for i in (mine, theirs)}
        text = f"id,{resource.title}\n{mine},{new}\n{theirs},{taken}\n"
        file = Import(house.app, bob, text, address(resource))
        file.check(match_key="id")
        file.publish()
        with one as session:
            after = {i: getattr(session.get_one(resource.model, i), resource.title) for i in (mine, theirs)}
            assert after == {**before, mine: typed.parse(new, neutral())}, resource.key


def test_what_is_off_leaves_no_way_out(house: House, one: Office, client_of) -> None:
    registry = house.app.extensions["registry"]
    optional = [m for m in registry.modules.values() if not m.manifest.always_on]
    with one:
        for module in reversed(optional):
            lifecycle.disable(module.name)
    alice, headers = client_of("alice"), house.token("alice")
    off = [r for m in optional for r in m.hooks.resources]
    assert off
    page = alice.get("/c/one/admin/search", query_string={"q": TAG}).text
    for resource in off:
        assert linked(page, resource) == set()
        assert alice.get(address(resource, "/export")).status_code == 404
        answer = house.app.test_client().get(f"/api/v1/{resource.module}/{resource.plural}", headers=headers)
        assert answer.status_code == 404
