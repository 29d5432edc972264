"""What is probably there already is said before it is made a second time."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from app.core import duplicates
from app.core.db import db
from app.core.registry import registry
from app.core.writes import create
from app.modules.contacts.models import Account, Contact
from tests.dummy_module.models import Thing
from tests.modules.crm.making import statements

NEW = "/c/one/contacts/accounts/new"


def likely(what: str = "contacts.account", **values) -> list[tuple[str, str]]:
    return [(found.title, found.why) for found in duplicates.likely(registry.resource(what), values).rows]


@pytest.mark.on("sqlite")
@pytest.mark.parametrize("written", ["Acme", "ACME, S.L.", "acme s. l.", "Acmé S.A.U.", "Acme S. Coop.", "ACME Ltd.", "Acme Inc",
                                     "Acme GmbH", "A.C.M.E.", "Acme Sociedad Limitada"])
def test_a_name_is_the_same_whatever_its_legal_form_and_spelling(app, written):
    assert duplicates.bare_name(written) == "acme"


@pytest.mark.on("sqlite")
def test_what_is_only_a_legal_form_stays_a_name(app):
    assert duplicates.bare_name("SL") == "sl"
    assert duplicates.bare_name("Smith & Sons") == "smith and sons"
    assert duplicates.bare_name("Acme Norte") != duplicates.bare_name("Acme Sur")


def test_an_account_is_found_by_name_domain_and_telephone(one):
    with one:
        create(Account, {"name": "Conservas del Turia, S.L.", "website": "https://www.turia.example/es", "phone": "+34 961 234 567"})
        create(Account, {"name": "Other", "email": "hola@gmail.com"})
        assert likely(name="CONSERVAS DEL TURIA") == [("Conservas del Turia, S.L.", "same name")]
        assert likely(name="X", email="info@turia.example") == [("Conservas del Turia, S.L.", "same web or mail domain")]
        assert likely(name="X", phone="(961) 23.45.67") == [("Conservas del Turia, S.L.", "same telephone number")]
        assert likely(name="X", email="adios@gmail.com") == []
        assert likely(name="Conservas") == likely(name="X", website="https://uria.example") == []


def test_colleagues_with_one_switchboard_are_two_people(one):
    with one:
        create(Contact, {"name": "Rosa Sanchis", "phone": "961 234 567", "email": "rosa@turia.example"})
        person = "contacts.contact"
        assert likely(person, name="Enric Lluch", phone="961234567", email="enric@turia.example") == []
        assert likely(person, name="Rosa Sanchís Vila", phone="961234567") == [("Rosa Sanchis", "same telephone number")]
        assert likely(person, name="R. S.", email="ROSA@turia.example") == [("Rosa Sanchis", "same e-mail address")]


def test_what_has_no_way_to_be_reached_is_not_watched(one):
    with one:
        assert not duplicates.watched(registry.resource("crm.deal"))
        assert not duplicates.watched(registry.resource("admin.member"))
        assert duplicates.watched(registry.resource("dummy.thing"))


def test_the_form_warns_and_creates_when_told_to(one, client_of):
    alice = client_of("alice")
    assert alice.post(NEW, data={"name": "Acme, S.L.", "city": "Alcoy"}).status_code == 303
    warned = alice.post(NEW, data={"name": "ACME", "city": "Elche"})
    assert warned.status_code == 422
    assert "probably there already" in warned.text and "Acme, S.L." in warned.text and 'value="Elche"' in warned.text
    with one:
        assert db.session.scalar(select(func.count(Account.id))) == 1
    assert alice.post(NEW, data={"name": "ACME", "city": "Elche", "confirmed": "1"}).status_code == 303
    with one:
        assert db.session.scalar(select(func.count(Account.id))) == 2


def test_names_of_rows_that_one_may_not_see_are_not_told(one, people, client_of):
    with one:
        create(Thing, {"name": "Secret Acme", "mail": "x@acme.example", "owner_id": people["dave"].member_id})
    warned = client_of("bob").post("/c/one/dummy/things/new", data={"name": "Other", "mail": "y@acme.example"})
    assert warned.status_code == 422
    assert "Secret" not in warned.text and "A colleague has one like it" in warned.text


def test_what_lies_in_the_trash_or_elsewhere_is_no_duplicate(one, two):
    with one:
        gone = create(Account, {"name": "Acme"})
        registry.resource("contacts.account").remove([gone.id])
    with two:
        create(Account, {"name": "Acme"})
    with one:
        assert likely(name="Acme") == []


def test_looking_takes_as_many_statements_however_many_rows(one):
    with one:
        asked = {"name": "Acme 1", "phone": "961 234 567", "email": "a@acme.example"}
        create(Account, asked)
        with statements() as few:
            likely(**asked)
        for number in range(40):
            create(Account, {**asked, "name": f"Acme {number}"})
        with statements() as many:
            likely(**asked)
        assert len(few) == len(many) <= 3


def test_the_page_of_duplicates_groups_rows_by_what_they_share(one, client_of):
    with one:
        for name in ("Acme", "ACME S.L.", "Beta", "Beta Norte", "acme, s.a."):
            create(Account, {"name": name})
        create(Account, {"name": "Gamma", "phone": "961 234 567", "website": "https://www.gamma.example/"})
        create(Account, {"name": "Delta", "phone": "+34 961234567", "website": "http://gamma.example"})
        ids = dict(db.session.execute(select(Account.name, Account.id)).all())
    alice = client_of("alice")
    page = alice.get("/c/one/contacts/accounts/duplicates").text
    assert f"ids={ids['Acme']},{ids['ACME S.L.']},{ids['acme, s.a.']}" in page and "Beta" not in page
    for by in ("phone", "website"):
        page = alice.get(f"/c/one/contacts/accounts/duplicates?by={by}").text
        assert f"ids={ids['Gamma']},{ids['Delta']}" in page
    assert "No likely duplicates" in alice.get("/c/one/contacts/accounts/duplicates?by=email").text
    assert alice.get("/c/one/contacts/accounts/duplicates?by=nothing").status_code == 404
    assert alice.get("/c/one/crm/deals/duplicates").status_code == 404
    bob = client_of("bob").get("/c/one/contacts/accounts/duplicates").text
    assert "ACME S.L." in bob and "/merge?" not in bob


def test_the_page_of_duplicates_goes_on_where_it_ended(one, client_of):
    with one:
        for number in range(30):
            for form in ("S.L.", "S.A."):
                create(Account, {"name": f"Firma{number:02} {form}", "phone": f"961 000 0{number:02}"})
    alice = client_of("alice")
    for by in ("name", "phone"):
        seen, address = [], f"/c/one/contacts/accounts/duplicates?by={by}"
        while address:
            page = alice.get(address).text
            seen += [part.split('"')[0] for part in page.split("merge?ids=")[1:]]
            following = page.split('rel="next"')[0].rpartition('href="')[2].split('"')[0] if 'rel="next"' in page else ""
            address = following.replace("&amp;", "&")
        assert len(seen) == len(set(seen)) == 30


@pytest.mark.on("sqlite")
def test_the_list_leads_to_likely_duplicates_where_they_are_looked_for(client_of):
    alice = client_of("alice")
    assert "/c/one/contacts/accounts/duplicates" in alice.get("/c/one/contacts/accounts").text
    assert "/duplicates" not in alice.get("/c/one/crm/stages").text
    assert "/duplicates" not in client_of("bob").get("/c/one/contacts/accounts").text
