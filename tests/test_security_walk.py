"""Every route × everybody who may not: log-in for strangers, 403 without permission, 404 for what is not theirs."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from app.core import lifecycle
from app.core.access import acting_as
from app.core.db import db
from app.core.models import Membership, Role
from app.core.testing import PUBLIC, Walk
from app.core.testing.walk import Route
from app.modules.kpi.dashboards.models import FIGURE
from app.modules.kpi.dashboards.services import add_widget, create_dashboard
from tests.cast import Person
from tests.conftest import Office

OTHERS = {"module": "crm", "name": "crm", "pivot_id": "1", "metric_key": "crm.won_count"}
# Asked with the rows of the walk alone these have something to object to, and say so to those who may.
OBJECTIONS = {
    "GET admin.figure_records": 404,  # no metric is named
    "GET crm.deal_close": 404,  # the stage is an open one
    "GET crm.deal_quick": 400,  # no stage is named
    "GET crm.mail_record": 404,  # the walk writes no mail
}


@pytest.fixture
def walk(app: Flask) -> Walk:
    return Walk(app, OTHERS)


@pytest.fixture
def rows(walk: Walk, one: Office, people: dict[str, Person]) -> dict[str, int]:
    """A row of every resource in One, owned by dave of team South."""
    with one:
        return walk.make_rows(people["dave"].member_id, "of dave")


def put_up_a_dashboard(walk: Walk, owner: Person) -> None:
    """A dashboard that its owner alone sees, with one widget: what the walk asks for from then on."""
    with walk.app.app_context(), acting_as(owner.company_id, owner.member_id):
        found = create_dashboard({"name": f"Of {owner.name}"})
        widget = add_widget(found, {"shape": FIGURE, "metric": "crm.won_count"}, found.version)
        walk.others = {**walk.others, "dashboard_id": str(found.id), "widget_id": str(widget.id)}


def _wrong(found: dict[str, int], expected: int) -> dict[str, int]:
    return {name: status for name, status in found.items() if status != expected}


def test_strangers_are_sent_to_the_log_in(walk: Walk, rows: dict[str, int], anonymous) -> None:
    answers = {route.name: walk.ask(anonymous, route, "one", rows) for route in walk.routes()}
    # An unsafe request without a token of ours ends at the CSRF check, before anybody is asked who they are.
    assert {n for n, a in answers.items() if a.status_code not in (302, 400)} == set()
    assert {n for n, a in answers.items() if a.status_code == 302 and "/login" not in a.location} == set()
    assert {n for n, a in answers.items() if n.startswith("GET") and a.status_code != 302} == set()
    assert len(answers) > 100


def test_without_permission_it_is_forbidden(walk: Walk, rows: dict[str, int], one: Office, people, client_of) -> None:
    with one as session:
        nothing = Role(key="nothing", name="Nothing", permissions=[], scopes={})
        session.add(nothing)
        session.flush()
        session.get_one(Membership, people["bob"].member_id).role_id = nothing.id
    bob = client_of("bob")
    marked = [r for r in walk.routes() if walk.app.view_functions[r.rule.endpoint].access != "signed_in"]
    found = {route.name: walk.ask(bob, route, "one", rows).status_code for route in marked}
    assert _wrong(found, 403) == {}


def test_a_module_that_is_off_does_not_exist(walk: Walk, rows: dict[str, int], one: Office, client_of) -> None:
    optional = [m for m in walk.registry.modules.values() if not m.manifest.always_on]
    with one:
        for module in reversed(optional):
            lifecycle.disable(module.name)
    alice = client_of("alice")
    names = {m.name for m in optional}
    off = [r for r in walk.routes() if r.rule.endpoint.partition(".")[0] in names]
    found = {route.name: walk.ask(alice, route, "one", rows).status_code for route in off}
    assert _wrong(found, 404) == {}
    assert found


def test_a_row_of_another_company_does_not_exist(walk: Walk, two: Office, people, client_of) -> None:
    with two:
        theirs = walk.make_rows(people["carol"].member_id, "of carol")
    alice = client_of("alice")
    found = {route.name: walk.ask(alice, route, "one", theirs).status_code for route in walk.routes() if route.rows}
    assert _wrong(found, 404) == {}
    assert found


def test_another_company_does_not_exist(walk: Walk, two: Office, people, client_of) -> None:
    with two:
        theirs = walk.make_rows(people["carol"].member_id, "of carol")
    alice = client_of("alice")
    found = {route.name: walk.ask(alice, route, "two", theirs).status_code for route in walk.routes()}
    assert _wrong(found, 404) == {}


def _owned(walk: Walk) -> list[Route]:
    return [r for r in walk.routes() if any(resource.owned for resource in r.rows.values())]


def test_a_row_of_another_team_does_not_exist(walk: Walk, rows: dict[str, int], one: Office, client_of) -> None:
    """Whatever scope a role has by default: here every owned resource is set to the own team's rows."""
    with one as session:
        role = session.scalars(select(Role).filter_by(key="manager")).one()
        role.permissions = [p for m in lifecycle.enabled_modules() for p in m.permissions]
        role.scopes = {r.key: "team" for r in walk.registry.resources()}
    mona = client_of("mona")
    found = {route.name: walk.ask(mona, route, "one", rows).status_code for route in _owned(walk)}
    assert _wrong(found, 404) == {}
    assert found


@pytest.mark.parametrize("company", ["one", "two"])
def test_a_dashboard_of_somebody_else_does_not_exist(walk: Walk, rows: dict[str, int], people, client_of, company: str) -> None:
    """Nor does one of another company: an admin sees neither."""
    put_up_a_dashboard(walk, people["dave" if company == "one" else "carol"])
    alice = client_of("alice")
    about = [r for r in walk.routes() if "dashboard_id" in r.rule.arguments]
    found = {route.name: walk.ask(alice, route, "one", rows).status_code for route in about}
    assert _wrong(found, 404) == {}
    assert len(found) > 10


def test_the_owner_of_the_row_is_not_refused(walk: Walk, rows: dict[str, int], people, client_of) -> None:
    """The other tests would pass if everything were 404: here the same addresses answer those who may."""
    put_up_a_dashboard(walk, people["alice"])
    alice = client_of("alice")
    reading = [r for r in walk.routes() if r.method == "GET"]
    found = {route.name: walk.ask(alice, route, "one", rows).status_code for route in reading}
    assert {n: s for n, s in found.items() if s not in (200, 303)} == OBJECTIONS


def test_public_routes_are_listed_by_name(walk: Walk) -> None:
    marks = {r.endpoint: walk.app.view_functions[r.endpoint].access for r in walk.site_routes()}
    assert {e for e, mark in marks.items() if mark == "public"} - {"dummy_site.weather"} == PUBLIC
    assert not [r.name for r in walk.routes() if walk.app.view_functions[r.rule.endpoint].access == "public"]


def test_site_pages_want_a_log_in(walk: Walk, anonymous) -> None:
    marks = [r for r in walk.site_routes() if walk.app.view_functions[r.endpoint].access == "signed_in"]
    for rule in marks:
        address = rule.rule.replace("<int:session_id>", "1")
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            answer = anonymous.open(address, method=method)
            assert answer.status_code in (302, 400), (rule.endpoint, method, answer.status_code)


def test_the_database_connection_is_free_after_a_walk(walk: Walk, one: Office) -> None:
    with one:
        assert db.session.scalar(select(Role.id).limit(1))
