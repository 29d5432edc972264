"""Personal data: everything held about a person is handed out, and forgotten, and no figure changes."""

from __future__ import annotations

import io
import json
import threading
from zipfile import ZipFile

import pytest
from sqlalchemy import select, text
from werkzeug.datastructures import FileStorage

from app.core import attachments, merging, notes, personal
from app.core.clock import today
from app.core.db import db, utcnow
from app.core.metrics import MetricQuery, evaluate
from app.core.models import Change, Role, Trash
from app.core.note_models import Notice
from app.core.notices import notify
from app.core.registry import registry
from app.modules.contacts.models import Contact
from app.modules.crm.activities import services as activities
from app.modules.crm.activities.models import Activity, ActivityType
from app.modules.crm.leads.models import Lead
from app.modules.crm.mail.models import Mail
from app.modules.crm.models import Deal
from app.modules.crm.parts.models import DealPerson
from tests.core.importer import Import
from tests.modules.crm.making import all_figures, make_deal, move

SECRETS = ("Rosa", "Sanchis", "rosa@", "600 123", "likes figs")


def contact():
    return registry.resource("contacts.contact")


@pytest.fixture
def rosa(one, people):
    """A person with all that can be known of one: changes, notes, mails, activities, a deal, a lead, a merged twin."""
    with one as session:
        bob = people["bob"].member_id
        values = {"name": "Rosa Sanchis", "email": "rosa@one.example", "phone": "+34 600 123 123", "note": "likes figs", "owner_id": bob}
        row = contact().add(values)
        contact().change(row, {"job_title": "Rosa's job", "phone": "+34 600 123 999"})
        twin = contact().add({"name": "Rosa Sanchis Twin", "email": "rosa@two.example", "external_id": "rosa@ext", "owner_id": bob})
        merging.merge(contact(), row.id, [twin.id], {"note": "likes figs a lot"}, {row.id: row.version, twin.id: twin.version})
        notes.add(contact(), row.id, "Rosa likes figs")
        attachments.add(contact(), row.id, FileStorage(io.BytesIO(b"Rosa likes figs"), "Rosa Sanchis.txt"))
        notify([bob], "Rosa likes figs", f"contacts/contacts/{row.id}")
        deal = make_deal(name="Press", owner_id=bob, contact_id=row.id)
        move(deal, "won")
        session.add(DealPerson(deal_id=deal.id, contact_id=row.id, role="champion", note="Rosa likes figs"))
        kind = session.scalars(select(ActivityType.id).where(ActivityType.kind == "call")).first()
        done = activities.log({"type_id": kind, "subject": "Rosa Sanchis", "note": "likes figs", "contact_id": row.id, "owner_id": bob})
        activities.change(done, {"note": "Rosa likes figs"})
        session.add(Mail(contact_id=row.id, sender_id=bob, to_name="Rosa", to_address="rosa@one.example", subject="Rosa", body="likes figs",
                         message_id="<1@x>"))
        session.add(Mail(deal_id=deal.id, sender_id=bob, to_address="x@x.example", cc="y@y.example, rosa@one.example", subject="Rosa",
                         body="likes figs", message_id="<2@x>"))
        session.add(Lead(name="Rosa Sanchis", email="rosa@one.example", note="likes figs", state="converted", contact_id=row.id,
                         owner_id=bob, opened_at=utcnow(), opened_on=today()))
        session.flush()
        return row.id


def page_of(row_id, what=""):
    return f"/c/one/contacts/contacts/{row_id}/personal{what}"


def version(one, row_id):
    with one as session:
        return session.get_one(Contact, row_id).version


def figures(**when):
    """Every figure there is, by month; those that want other questions aside."""
    ids = [m.id for module in registry.modules.values() for m in module.hooks.metrics]
    return {name: str(evaluate(name, MetricQuery(**when)).plain()["rows"]) for name in ids}


def erase(client, one, row_id, name="rosa sanchis"):
    return client.post(page_of(row_id, "/erase"), data={"name": name, "version": version(one, row_id)})


def everything(app):
    """All text of all tables, as the owner of the database finds it."""
    with app.app_context(), db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("select set_config('app.company_id', '1', false)"))
        return {
            t.name: " ".join(str(cell) for row in connection.execute(text(f"SELECT * FROM {t.name}")) for cell in row)  # our own names
            for t in db.metadata.sorted_tables
            if t.name.split("_")[0] in ("core", "contacts", "crm")
        }


def test_everything_is_handed_out(rosa, client_of):
    alice = client_of("alice")
    assert page_of(rosa) in alice.get(f"/c/one/contacts/contacts/{rosa}").text
    page = alice.get(page_of(rosa)).text
    for heading in ("Notes", "Changes", "E-mails", "Activities", "Deals", "Leads"):
        assert heading in page
    answer = alice.get(page_of(rosa, "/export"))
    assert answer.mimetype == "application/zip"
    assert "rosa-sanchis.zip" in answer.headers["Content-Disposition"]
    with ZipFile(io.BytesIO(answer.data)) as archive:
        data = json.loads(archive.read("data.json"))["data"]
        html = archive.read("index.html").decode()
    told = json.dumps(data, ensure_ascii=False)
    for known in ("Rosa Sanchis", "rosa@one.example", "+34 600 123 123", "+34 600 123 999", "likes figs", "Rosa Sanchis Twin", "Press", "champion"):
        assert known in told
        assert known in html
    assert len(data["E-mails"]) == 2
    assert "<script" not in html


def test_nothing_of_the_person_is_left_and_no_figure_changes(app, rosa, one, client_of):
    with one:
        instant = utcnow()
        before, every = all_figures(), figures()
        as_of, every_as_of = all_figures(as_of=instant, known_at=instant), figures(as_of=instant, known_at=instant)
    answer = erase(client_of("alice"), one, rosa)
    assert answer.status_code == 303
    left = {name: [s for s in SECRETS if s in said] for name, said in everything(app).items()}
    assert {name: found for name, found in left.items() if found} == {}
    with one as session:
        assert all_figures() == before
        assert figures() == every
        assert all_figures(as_of=instant, known_at=instant) == as_of
        assert figures(as_of=instant, known_at=instant) == every_as_of
        row = session.get_one(Contact, rosa)
        assert (row.name, row.email, row.phone, row.note) == (f"Erased person {rosa}", None, None, None)
        assert session.scalar(select(Deal.contact_id)) == rosa
        assert session.scalars(select(Activity.state)).all() == ["done"]
        assert {m.state for m in session.scalars(select(Mail))} == {"failed"}
        assert session.scalars(select(Notice)).all() == []
        (erased,) = session.scalars(select(Change).where(Change.action == "erased", Change.row_id == rosa, Change.table_name == "contacts_contact"))
        assert erased.actor_id is not None


def test_the_page_afterwards_says_who_erased_it(rosa, one, client_of):
    alice = client_of("alice")
    erase(alice, one, rosa)
    page = alice.get(f"/c/one/contacts/contacts/{rosa}").text
    assert "erased the personal data" in page
    assert "Rosa" not in page
    assert "Rosa" not in alice.get("/c/one/contacts/contacts?q=rosa").text.replace("rosa", "")
    assert "figs" not in alice.get(f"/c/one/contacts/contacts/{rosa}/history").text


def test_twice_does_no_harm(rosa, one, client_of):
    alice = client_of("alice")
    erase(alice, one, rosa)
    assert erase(alice, one, rosa, f"Erased person {rosa}").status_code == 303
    with one as session:
        assert session.get_one(Contact, rosa).name == f"Erased person {rosa}"


def test_another_name_erases_nothing(rosa, one, client_of):
    answer = erase(client_of("alice"), one, rosa, "Rosa")
    assert answer.status_code == 422
    assert "not the name" in answer.text
    with one as session:
        assert session.get_one(Contact, rosa).name == "Rosa Sanchis"


def test_a_late_save_does_not_bring_it_back(rosa, one, client_of):
    alice, seen = client_of("alice"), version(one, rosa)
    erase(alice, one, rosa)
    late = {"name": "Rosa Sanchis", "email": "rosa@one.example", "version": seen}
    assert alice.post(f"/c/one/contacts/contacts/{rosa}/edit", data=late).status_code == 409
    cell = alice.post(f"/c/one/contacts/contacts/{rosa}/fields/email", data={"email": "rosa@one.example", "version": seen})
    assert cell.status_code == 409
    with one as session:
        assert session.get_one(Contact, rosa).email is None


def test_erasing_what_somebody_changed_meanwhile_is_refused(rosa, one, client_of):
    alice, seen = client_of("alice"), version(one, rosa)
    with one as session:
        contact().change(session.get_one(Contact, rosa), {"job_title": "Director"})
    answer = alice.post(page_of(rosa, "/erase"), data={"name": "Rosa Sanchis", "version": seen})
    assert answer.status_code == 409
    assert version(one, rosa) > seen


def test_taking_a_merge_back_brings_nothing_back(rosa, one, client_of):
    erase(client_of("alice"), one, rosa)
    with one as session:
        group = session.scalar(select(Trash.group_id).where(Trash.why == "merged"))
        back = merging.unmerge(group)
        names = session.scalars(select(Contact.name)).all()
    assert len(back.ids) == 1
    assert all(name.startswith("Erased person") for name in names)


def test_the_file_that_brought_the_person_goes(app, one, client_of):
    alice = client_of("alice")
    brought = Import(app, alice, "Name,E-mail\nRosa Sanchis,rosa@one.example\nPau Mas,pau@one.example\n", "/c/one/contacts/contacts", "people.csv")
    brought.check()
    brought.publish()
    with one as session:
        row_id = session.scalar(select(Contact.id).where(Contact.name == "Rosa Sanchis"))
    assert "Imports" in alice.get(page_of(row_id)).text
    assert erase(alice, one, row_id).status_code == 303
    left = {name: [s for s in SECRETS if s in said] for name, said in everything(app).items()}
    assert {name: found for name, found in left.items() if found} == {}
    with one as session:
        assert session.scalars(select(Contact.name).order_by(Contact.id)).all() == [f"Erased person {row_id}", "Pau Mas"]
    assert alice.get(brought.page).status_code == 200


def test_who_may_not_is_not_offered_it(rosa, one, client_of, people):
    """What is handed out holds what colleagues wrote, so a list that one may export is not enough."""
    bob = client_of("bob")
    assert erase(bob, one, rosa).status_code == 403
    assert bob.get(page_of(rosa, "/export")).status_code == 403
    assert bob.get(page_of(rosa)).status_code == 403
    assert "/personal" not in bob.get(f"/c/one/contacts/contacts/{rosa}").text


def test_a_person_of_others_does_not_exist(rosa, one, client_of, people):
    with one as session:
        role = session.scalars(select(Role).filter_by(key="manager")).one()
        role.scopes = {**role.scopes, "contacts.contact": "own"}
    mona = client_of("mona")
    assert mona.get(page_of(rosa)).status_code == 404
    assert erase(mona, one, rosa).status_code == 404


def test_a_lead_is_forgotten_too(app, one, people, client_of):
    with one as session:
        row = registry.resource("crm.lead").add({"name": "Rosa Sanchis", "email": "rosa@one.example", "owner_id": people["bob"].member_id})
        session.add(Mail(lead_id=row.id, sender_id=people["bob"].member_id, to_address="rosa@one.example", subject="Rosa", body="likes figs",
                         message_id="<1@x>"))
        row_id, seen = row.id, row.version
    answer = client_of("alice").post(f"/c/one/crm/leads/{row_id}/personal/erase", data={"name": "Rosa Sanchis", "version": seen})
    assert answer.status_code == 303
    left = {name: [s for s in SECRETS if s in said] for name, said in everything(app).items()}
    assert {name: found for name, found in left.items() if found} == {}


def test_two_who_erase_at_once_do_it_once_after_the_other(rosa, one, client_of):
    alice, seen = [client_of("alice"), client_of("alice")], version(one, rosa)
    answers = []
    form = {"name": "Rosa Sanchis", "version": seen}
    threads = [threading.Thread(target=lambda c=c: answers.append(c.post(page_of(rosa, "/erase"), data=form).status_code)) for c in alice]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(answers) == [303, 409]


def test_hooks_of_modules_that_are_off_are_asked_as_well(one):
    with one:
        assert {hook.resource for hook in personal.hooks_of(contact())} == {"contacts.contact"}


def test_what_modules_hold_is_about_resources_that_say_so(app):
    with app.app_context():
        told = {hook.resource for module in registry.modules.values() for hook in module.hooks.personal}
        assert told
        assert [key for key in told if not registry.resource(key).personal] == []
