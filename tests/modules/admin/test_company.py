"""A company: founding it, its applications, settings and rates."""

import re
from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest
from sqlalchemy import select

from app.core import lifecycle
from app.core.companies import create_company, create_user
from app.core.db import db
from app.core.errors import BusinessError, NotFound, Refusal
from app.core.models import Change, Company, Membership, Rate, Role, User
from app.core.registry import registry
from app.core.tenancy import acting_for
from app.modules.admin import apps_map, queries, services


def role(session, key):
    return session.scalars(select(Role).filter_by(key=key)).one()


# Founding


def test_a_new_company_has_its_roles_and_what_is_always_on(app):
    with app.app_context():
        company_id = create_company("three", "Three", "America/Mexico_City", "MXN", "es")
        with acting_for(company_id) as session:
            assert {r.key: r.permissions == ["*"] for r in session.scalars(select(Role))} == {
                "admin": True,
                "manager": False,
                "rep": False,
            }
            assert role(session, "rep").name == "Sales rep" or role(session, "rep").name == "Comercial"
            on = {m.name for m in lifecycle.enabled_modules()}
            assert on == {m.name for m in registry.modules.values() if m.manifest.always_on}
            assert "contacts.account.view" in role(session, "rep").permissions


@pytest.mark.parametrize(
    "slug", ["", "a", "1st", "Upper", "with space", "ñandú", "-x", "x" * 40, "admin", "login", "api"]
)
def test_an_address_that_cannot_be_is_refused(app, slug):
    with app.app_context(), pytest.raises(BusinessError):
        create_company(slug, "Name")


@pytest.mark.parametrize(
    "wrong",
    [{"timezone": "Mars/Olympus"}, {"currency": "XXQ"}, {"language": "tlh"}, {"name": "  "}, {"slug": "one"}],
)
def test_a_company_that_cannot_be_leaves_nothing_behind(app, wrong):
    with app.app_context():
        with pytest.raises(Refusal):
            create_company(**{"slug": "three", "name": "Three", **wrong})
        assert db.session.scalars(select(Company.slug).order_by(Company.slug)).all() == ["one", "two"]


def test_a_user_is_made_once_and_keeps_what_is_theirs(app):
    with app.app_context():
        first = create_user("Eve@Two.example", "two", "rep", "Eve")
        assert create_user("eve@two.example", "one", "manager", "Another name") == first
        assert create_user("eve@two.example", "two", "admin") == first
        user = db.session.get_one(User, first)
        assert (user.email, user.name, user.password_hash) == ("eve@two.example", "Eve", None)
        places = db.session.scalars(
            select(Membership).filter_by(user_id=first).execution_options(all_companies=True)
        )
        assert len(places.all()) == 2


def test_a_user_takes_over_the_membership_that_waits_for_their_address(app, one):
    with one as session:
        values = {"name": "Eve E.", "email": "eve@one.example", "role_id": role(session, "rep").id}
        member_id = services.create_member(values).id
    with app.app_context():
        user_id = create_user("eve@one.example", "one", "rep")
    with one as session:
        assert session.get_one(Membership, member_id).user_id == user_id


@pytest.mark.parametrize(
    ("email", "company", "key", "error"),
    [
        ("nonsense", "one", "rep", BusinessError),
        ("eve@one.example", "nowhere", "rep", NotFound),
        ("eve@one.example", "one", "emperor", BusinessError),
    ],
)
def test_a_user_that_cannot_be_leaves_nothing_behind(app, email, company, key, error):
    with app.app_context():
        with pytest.raises(error):
            create_user(email, company, key)
        assert db.session.scalar(select(User).filter_by(email=email)) is None


# Applications


def switch(client, name, on):
    return client.post(f"/c/one/admin/apps/{name}", data={"enabled": "true" if on else "false"})


def test_the_apps_page_shows_every_module_and_the_map(client_of):
    page = client_of("alice").get("/c/one/admin/apps?app=crm")
    assert page.status_code == 200
    for module in registry_labels():
        assert module in page.text
    assert "<svg" in page.text
    assert "style=" not in page.text


def registry_labels():
    return ("Contacts", "CRM")


def test_switching_off_hides_and_switching_on_brings_back(one, client_of):
    alice = client_of("alice")
    assert alice.get("/c/one/crm/deals").status_code == 200
    assert switch(alice, "crm", False).status_code == 303
    assert alice.get("/c/one/crm/deals").status_code == 404
    assert "/crm/" not in alice.get("/c/one/admin/apps").text
    assert switch(alice, "crm", True).status_code == 303
    assert alice.get("/c/one/crm/deals").status_code == 200


def test_a_switch_in_one_company_leaves_the_other_alone(client_of):
    switch(client_of("alice"), "crm", False)
    assert client_of("carol").get("/c/two/crm/deals").status_code == 200


def test_what_is_always_on_cannot_be_switched_off(client_of):
    answer = switch(client_of("alice"), "contacts", False)
    assert answer.status_code == 422
    assert "always on" in answer.text


def test_an_unknown_application_does_not_exist(client_of):
    alice = client_of("alice")
    assert switch(alice, "nonsense", True).status_code == 404
    assert switch(alice, "nonsense", False).status_code in (404, 422)
    assert alice.get("/c/one/admin/apps?app=nonsense&ask=nonsense").status_code == 200


def test_a_rep_neither_sees_nor_switches_applications(client_of):
    bob = client_of("bob")
    assert bob.get("/c/one/admin/apps").status_code == 403
    assert switch(bob, "crm", False).status_code == 403


def test_switching_off_asks_first(client_of):
    page = client_of("alice").get("/c/one/admin/apps?ask=crm", headers={"HX-Request": "true"})
    assert "<html" not in page.text
    assert 'name="enabled" value="false"' in page.text


def test_every_box_of_the_map_stands_below_what_it_needs(app):
    with app.app_context():
        drawn = apps_map.draw(registry.modules, {"contacts"}, "crm")
        at = {n["name"]: n for n in drawn["nodes"]}
        for module in registry.modules.values():
            for needed in module.manifest.depends:
                assert at[needed]["y"] + at[needed]["h"] < at[module.name]["y"]
    assert at["crm"]["state"] == "off selected"
    for node in drawn["nodes"]:
        assert node["x"] >= 0
        assert node["x"] + node["w"] <= drawn["width"]
        assert node["y"] + node["h"] <= drawn["height"]
    boxes = sorted((n["y"], n["x"], n["w"]) for n in drawn["nodes"])
    assert all(a[0] != b[0] or a[1] + a[2] <= b[1] for a, b in pairwise(boxes))


# Settings

SETTINGS = {
    "name": "One & Sons",
    "language": "es",
    "timezone": "Atlantic/Canary",
    "currency": "EUR",
    "fiscal_year_start": "4",
}


def save(client, version=None, **changes):
    page = client.get("/c/one/admin/settings").text
    given = {
        **SETTINGS,
        "version": version or re.search(r'name="version"[^>]* value="(\d+)"', page)[1],
        **changes,
    }
    return client.post("/c/one/admin/settings", data=given)


def company(app):
    with app.app_context():
        return db.session.scalars(select(Company).filter_by(slug="one")).one()


def test_settings_are_changed_and_logged(app, one, client_of):
    assert save(client_of("alice")).status_code == 303
    now = company(app)
    assert (now.name, now.language, now.timezone, now.fiscal_year_start) == (
        "One & Sons",
        "es",
        "Atlantic/Canary",
        4,
    )
    with one as session:
        lines = session.execute(select(Change.field, Change.new).where(Change.table_name == "core_company"))
        assert {row.field: row.new for row in lines}["timezone"] == "Atlantic/Canary"


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"timezone": "Mars/Olympus"},
        {"currency": "XXQ"},
        {"language": "tlh"},
        {"fiscal_year_start": "13"},
    ],
)
def test_settings_that_cannot_be_change_nothing(app, client_of, wrong):
    assert save(client_of("alice"), **wrong).status_code == 422
    assert company(app).name == "One"


def test_a_late_save_of_the_settings_is_noticed(app, client_of):
    alice = client_of("alice")
    assert save(alice).status_code == 303
    assert save(alice, version="1", name="Late").status_code == 409
    assert company(app).name == "One & Sons"


def test_the_currency_changes_only_while_no_money_is_stored(app, one, client_of):
    alice = client_of("alice")
    assert save(alice, currency="USD").status_code == 303
    assert company(app).currency == "USD"
    with one:
        services.create_rate({"currency": "GBP", "valid_from": date(2026, 1, 1), "rate": Decimal("1.3")})
    assert save(alice, currency="EUR").status_code == 303
    assert company(app).currency == "USD"
    with one:
        assert queries.stores_money()
        changed = {**SETTINGS, "currency": "EUR", "fiscal_year_start": 1}
        with pytest.raises(BusinessError, match="USD"):
            services.change_settings(changed, None)


def test_a_rep_cannot_open_the_settings(client_of):
    assert client_of("bob").get("/c/one/admin/settings").status_code == 403
    assert client_of("bob").post("/c/one/admin/settings", data=SETTINGS).status_code == 403


def test_blanks_are_no_name(app, one, client_of):
    alice = client_of("alice")
    assert alice.post("/c/one/admin/roles/new", data={"name": "   "}).status_code == 422
    assert save(alice, name=" \t ").status_code == 422
    assert company(app).name == "One"
    assert alice.post("/c/one/admin/roles/new", data={"name": "  Back   office "}).status_code == 303
    assert save(alice, name="  One   Two ").status_code == 303
    assert company(app).name == "One Two"
    with one as session:
        assert role(session, "back-office").name == "Back office"
        assert session.scalar(select(Role.id).filter_by(name="   ")) is None


# Rates


def test_a_rate_is_entered_once_a_day(one, client_of):
    alice = client_of("alice")
    given = {"currency": "usd", "valid_from": "2026-01-01", "rate": "0.92"}
    assert alice.post("/c/one/admin/rates/new", data=given).status_code == 303
    assert alice.post("/c/one/admin/rates/new", data=given).status_code == 422
    with one as session:
        assert session.scalars(select(Rate)).one().rate == Decimal("0.92")


@pytest.mark.parametrize(
    "wrong", [{"currency": "EUR"}, {"currency": "XXQ"}, {"rate": "0"}, {"rate": "much"}, {"valid_from": "x"}]
)
def test_a_rate_that_cannot_be_is_refused(client_of, wrong):
    given = {"currency": "USD", "valid_from": "2026-01-01", "rate": "0.92", **wrong}
    assert client_of("alice").post("/c/one/admin/rates/new", data=given).status_code == 422
