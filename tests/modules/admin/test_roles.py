"""Roles of a company: what they are given, and that nobody gives more than they have."""

import re

import pytest

from app.core.models import Membership, Role
from app.modules.admin import services
from tests.modules.admin.test_company import role


def test_a_role_is_made_and_given_what_is_ticked(one, client_of):
    alice = client_of("alice")
    given = {
        "name": "Back office",
        "permissions": ["contacts.account.view", "contacts.account.edit", "no.such.thing"],
        "scope.contacts.account": "all",
        "scope.no.such": "all",
    }
    assert alice.post("/c/one/admin/roles/new", data=given).status_code == 303
    with one as session:
        made = role(session, "back-office")
        assert made.permissions == ["contacts.account.edit", "contacts.account.view"]
        assert made.scopes["contacts.account"] == "all"
        assert "no.such" not in made.scopes
        role_id, version = made.id, made.version
    page = alice.get(f"/c/one/admin/roles/{role_id}")
    assert re.search(r'value="contacts.account.edit"[^>]* checked', page.text)
    late = {"name": "Back office", "version": version + 5}
    assert alice.post(f"/c/one/admin/roles/{role_id}/edit", data=late).status_code == 409
    assert (
        alice.post(f"/c/one/admin/roles/{role_id}/edit", data={"name": "", "version": version}).status_code
        == 422
    )


def test_the_administrators_role_keeps_everything(one, client_of):
    with one as session:
        role_id, version = role(session, "admin").id, role(session, "admin").version
    given = {"name": "Boss", "version": version, "permissions": ["contacts.account.view"]}
    assert client_of("alice").post(f"/c/one/admin/roles/{role_id}/edit", data=given).status_code == 303
    with one as session:
        assert (role(session, "admin").name, role(session, "admin").permissions) == ("Boss", ["*"])


def test_nobody_grants_what_they_do_not_have(one, client_of):
    with one as session:
        reps = role(session, "rep")
        reps.permissions = [*reps.permissions, "admin.role.view", "admin.role.edit"]
        role_id, given = (
            reps.id,
            {"name": reps.name, "permissions": [*reps.permissions, "admin.settings.edit"]},
        )
    answer = client_of("bob").post(f"/c/one/admin/roles/{role_id}/edit", data=given)
    assert answer.status_code == 403
    with one as session:
        assert "admin.settings.edit" not in role(session, "rep").permissions


LEAD = ["admin.member.edit", "admin.member.view", "admin.role.edit", "admin.role.view", "crm.deal.view"]


@pytest.fixture
def lead(one, people):
    """The role of bob, who edits roles and members, and sees deals of his teams and accounts of his own."""
    with one as session:
        made = services.create_role({"name": "Lead"})
        made.permissions, made.scopes = LEAD, {"crm.deal": "team"}
        session.get_one(Membership, people["bob"].member_id).role_id = made.id
        return made.id


@pytest.mark.parametrize(
    ("key", "scope", "status"),
    [
        ("crm.deal", "all", 403),
        ("contacts.account", "team", 403),
        ("crm.deal", "team", 303),
        ("crm.deal", "own", 303),
    ],
)
def test_nobody_lets_a_role_see_more_than_they_see(one, client_of, lead, key, scope, status):
    with one as session:
        before = dict(session.get_one(Role, lead).scopes)
    given = {"name": "Lead", "permissions": LEAD, f"scope.{key}": scope}
    assert client_of("bob").post(f"/c/one/admin/roles/{lead}/edit", data=given).status_code == status
    with one as session:
        wanted = before if status == 403 else {**before, key: scope}
        assert session.get_one(Role, lead).scopes == wanted


def test_nobody_narrows_a_role_that_sees_more_than_they_see(one, client_of, lead):
    with one:
        wide = services.create_role({"name": "Wide"})
        wide.scopes = {"crm.deal": "all"}
        wide_id = wide.id
    bob = client_of("bob")
    given = {"name": "Wide", "permissions": ["crm.deal.view"]}
    narrowed = bob.post(f"/c/one/admin/roles/{wide_id}/edit", data={**given, "scope.crm.deal": "own"})
    assert narrowed.status_code == 403
    kept = bob.post(f"/c/one/admin/roles/{wide_id}/edit", data={**given, "scope.crm.deal": "all"})
    assert kept.status_code == 303


def test_nobody_moves_members_to_a_role_that_sees_more_than_they_see(one, client_of, people, lead):
    with one as session:
        wide = services.create_role({"name": "Wide"})
        wide.permissions, wide.scopes = LEAD, {"crm.deal": "all"}
        same = services.create_role({"name": "Same"})
        same.permissions, same.scopes = LEAD, {"crm.deal": "team"}
        session.get_one(Membership, people["dave"].member_id).role_id = lead
        wide_id, same_id = wide.id, same.id
    bob = client_of("bob")
    for name in ("bob", "dave"):
        url = f"/c/one/admin/members/{people[name].member_id}/fields/role_id"
        with one as session:
            version = session.get_one(Membership, people[name].member_id).version
        answer = bob.post(url, data={"role_id": wide_id, "version": version})
        assert answer.status_code == 422
        assert "may do more than yours" in answer.text
        assert bob.post(url, data={"role_id": same_id, "version": version}).status_code in (200, 303)


def test_a_role_takes_effect_with_the_next_request(one, client_of):
    bob = client_of("bob")
    assert bob.get("/c/one/admin/settings").status_code == 403
    with one as session:
        reps = role(session, "rep")
        given = {*reps.permissions, "admin.settings.view"}
        services.save_role(reps, reps.name, given, {})
    assert bob.get("/c/one/admin/settings").status_code == 200
