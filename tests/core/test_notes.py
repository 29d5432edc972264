"""Notes on records: who writes, changes and deletes them, whom they tell, and how they are shown."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from app.core import lifecycle, merging, notes, worker
from app.core.db import db
from app.core.mentions import linked
from app.core.models import Change, Membership, Role, User
from app.core.note_models import Note, Notice
from app.core.registry import registry
from app.core.writes import create
from app.modules.contacts.models import Account
from tests.conftest import Office
from tests.core.test_notices import mails
from tests.dummy_module.models import Thing

URL = "/c/one/dummy/things"
FRAGMENT = {"HX-Request": "true"}


@pytest.fixture
def thing(one: Office, people) -> int:
    """A thing of bob's."""
    with one:
        return create(Thing, {"name": "Bottling line", "owner_id": people["bob"].member_id}).id


def write(client: FlaskClient, thing: int, text: str, **more):
    return client.post(f"{URL}/{thing}/notes", data={"text": text, **more})


def change(client: FlaskClient, thing: int, note: int, text: str, version: int = 1):
    return client.post(f"{URL}/{thing}/notes/{note}", data={"text": text, "version": version})


def only_note(one: Office) -> Note:
    with one:
        return db.session.scalars(select(Note)).one()


def test_a_note_stands_in_the_stream(one: Office, thing: int, client_of) -> None:
    bob = client_of("bob")
    answer = write(bob, thing, "First line\r\nsecond <b>line</b>\n\n\n\nlast")
    note = only_note(one)
    assert (answer.status_code, answer.location) == (303, f"{URL}/{thing}/history#note-{note.id}")
    assert note.text == "First line\nsecond <b>line</b>\n\nlast"
    for address in (f"{URL}/{thing}", f"{URL}/{thing}/history", f"{URL}/{thing}/history?show=notes"):
        page = bob.get(address).text
        assert "First line\nsecond &lt;b&gt;line&lt;/b&gt;\n\nlast" in page
        assert "<b>Bob</b> wrote" in page
    assert "First line" not in bob.get(f"{URL}/{thing}/history?show=files").text


def test_htmx_gets_the_stream_with_an_empty_box(thing: int, client_of) -> None:
    answer = client_of("bob").post(f"{URL}/{thing}/notes", data={"text": "Hello"}, headers=FRAGMENT)
    assert answer.status_code == 200
    assert "Hello" in answer.text and "<html" not in answer.text
    assert answer.text.partition("<textarea")[2].partition(">")[2].startswith("</textarea>")


@pytest.mark.parametrize("text", ["", "   \n\t ", "x" * 100_000])
def test_what_is_no_note_is_refused_and_not_lost(one: Office, thing: int, client_of, text: str) -> None:
    for headers in ({}, FRAGMENT):
        answer = client_of("bob").post(f"{URL}/{thing}/notes", data={"text": text}, headers=headers)
        assert answer.status_code == 422
        assert 'aria-invalid="true"' in answer.text
        assert "x" * 100 not in text or "x" * 100 in answer.text
    with one:
        assert db.session.scalar(select(func.count(Note.id))) == 0


def test_one_changes_ones_own(one: Office, thing: int, client_of) -> None:
    bob, mona, alice = client_of("bob"), client_of("mona"), client_of("alice")
    write(bob, thing, "Frist")
    note = only_note(one).id
    assert change(mona, thing, note, "Mine now").status_code == 403
    assert change(alice, thing, note, "Mine now").status_code == 403
    assert bob.get(f"{URL}/{thing}/notes/{note}").status_code == 200
    assert mona.get(f"{URL}/{thing}/notes/{note}").status_code == 403
    assert change(bob, thing, note, "First").status_code == 303
    page = bob.get(f"{URL}/{thing}").text
    assert "First" in page and "v-ev-edited" in page
    late = change(bob, thing, note, "Fisrt", version=1)
    assert late.status_code == 409
    assert "Fisrt" in late.text and ">First<" in late.text
    assert change(bob, thing, note, "", version=2).status_code == 422
    assert bob.post(f"{URL}/{thing}/notes/{note}", data={"text": "No version"}).status_code == 400
    assert only_note(one).text == "First"


def test_ones_own_and_administrators_delete_and_the_log_says_so(one: Office, thing: int, client_of) -> None:
    bob, mona, alice = client_of("bob"), client_of("mona"), client_of("alice")
    write(bob, thing, "Another secret")
    note = only_note(one).id
    change(bob, thing, note, "A secret of bob's")
    assert mona.post(f"{URL}/{thing}/notes/{note}/remove").status_code == 403
    assert "A secret" in alice.get(f"{URL}/{thing}/notes/{note}/remove").text
    assert alice.post(f"{URL}/{thing}/notes/{note}/remove").status_code == 303
    assert bob.post(f"{URL}/{thing}/notes/{note}/remove").status_code == 404
    assert change(bob, thing, note, "Still here?").status_code == 404
    page = bob.get(f"{URL}/{thing}").text
    assert "deleted a note" in page and "A secret" not in page
    with one:
        assert not [c for c in db.session.scalars(select(Change)) if "secret" in f"{c.old}{c.new}"]


def test_a_note_of_one_record_is_none_of_another(one: Office, thing: int, people, client_of) -> None:
    bob = client_of("bob")
    write(bob, thing, "Here")
    note = only_note(one).id
    with one:
        other = create(Thing, {"name": "Other", "owner_id": people["bob"].member_id}).id
        account = create(Account, {"name": "Acme", "owner_id": people["bob"].member_id}).id
    assert change(bob, other, note, "There").status_code == 404
    assert bob.post(f"{URL}/{other}/notes/{note}/remove").status_code == 404
    assert bob.get(f"/c/one/contacts/accounts/{account}/notes/{note}").status_code == 404
    for odd in ("0", "x", "9" * 40, "-1"):
        assert bob.get(f"{URL}/{thing}/notes/{odd}").status_code == 404


def test_another_team_and_another_company_see_nothing(one: Office, thing: int, client_of) -> None:
    write(client_of("bob"), thing, "Between us")
    note = only_note(one).id
    for name, address in (("dave", URL), ("carol", URL), ("carol", URL.replace("/one/", "/two/"))):
        client = client_of(name)
        for path in ("", "/history", "/history?show=notes", "/notes", f"/notes/{note}", f"/notes/{note}/remove", "/mentions?q=b"):
            assert client.get(f"{address}/{thing}{path}").status_code == 404, (name, path)
        assert write(client, thing, "Me too").status_code == 404


def test_to_read_is_not_to_write(one: Office, thing: int, client_of) -> None:
    write(client_of("bob"), thing, "Read me")
    with one as session:
        role = session.scalars(select(Role).filter_by(key="manager")).one()
        role.permissions = [p for p in role.permissions if p != "dummy.thing.edit"]
    mona = client_of("mona")
    page = mona.get(f"{URL}/{thing}").text
    assert "Read me" in page and "note-box" not in page and "/remove" not in page.partition("v-line-list")[2].partition("</ol>")[0]
    assert write(mona, thing, "Hello").status_code == 403


def test_on_a_record_in_the_trash_nothing_is_written(one: Office, thing: int, client_of) -> None:
    bob = client_of("bob")
    write(bob, thing, "Before")
    with one:
        registry.resource("dummy.thing").remove([thing])
    answer = write(bob, thing, "After")
    assert answer.status_code == 409
    assert "trash" in answer.text
    assert write(client_of("dave"), thing, "After").status_code == 404
    with one:
        registry.resource("dummy.thing").bring_back([thing])
    assert "Before" in bob.get(f"{URL}/{thing}").text


def test_who_is_mentioned_is_told_where_they_may_see_it(app, one: Office, thing: int, people, client_of) -> None:
    with one:
        db.session.execute(update(User).where(User.id == people["mona"].user_id).values(language="es"))
    bob = client_of("bob")
    answer = write(bob, thing, "@Mona, please ask @dave. Not bob@mona.example, nor @Carol")
    assert answer.status_code == 303
    page = bob.get(answer.location).text
    assert "Dave" in page and "may not see" in page
    note = only_note(one).id
    with one:
        notice = db.session.scalars(select(Notice)).one()
        assert notice.member_id == people["mona"].member_id
        assert notice.url == f"dummy/things/{thing}#note-{note}"
        assert "Bottling line" in notice.text
    worker.run_pending(app)
    (mail,) = mails(app)
    assert "To: mona@one.example" in mail and "Content-Language: es" in mail
    page = client_of("mona").get(f"{URL}/{thing}").text
    assert '<b class="v-mention">@Mona</b>' in page
    assert '<b class="v-mention">@dave</b>' in page


def test_a_changed_note_tells_only_who_is_new_in_it(one: Office, thing: int, people, client_of) -> None:
    bob = client_of("bob")
    write(bob, thing, "@Mona look")
    note = only_note(one).id
    change(bob, thing, note, "@Mona and @Alice look at this")
    with one:
        told = dict(db.session.execute(select(Notice.member_id, Notice.text)).all())
    assert set(told) == {people["mona"].member_id, people["alice"].member_id}
    bob.post(f"{URL}/{thing}/notes/{note}/remove")
    with one:
        assert db.session.scalar(select(func.count(Notice.id))) == 0


def test_without_scripts_people_are_chosen_from_a_list(one: Office, thing: int, people, client_of) -> None:
    bob = client_of("bob")
    form = bob.get(f"{URL}/{thing}/notes").text
    assert '<select class="form-select" id="note-people" name="mention" multiple' in form and ">Mona<" in form and ">Carol<" not in form
    write(bob, thing, "No name in here", mention=[people["mona"].member_id, people["carol"].member_id, "x", "9" * 30])
    with one:
        assert db.session.scalars(select(Notice.member_id)).all() == [people["mona"].member_id]


def test_of_two_of_one_name_the_chosen_one_is_meant(one: Office, thing: int, people, client_of) -> None:
    with one:
        db.session.execute(update(Membership).where(Membership.id == people["alice"].member_id).values(name="Mona"))
    bob = client_of("bob")
    write(bob, thing, "@Mona?")
    with one:
        assert db.session.scalar(select(func.count(Notice.id))) == 0
    write(bob, thing, "@Mona!", mention=people["alice"].member_id)
    with one:
        assert db.session.scalars(select(Notice.member_id)).all() == [people["alice"].member_id]


def test_colleagues_are_suggested_by_the_beginnings_of_their_names(one: Office, thing: int, people, client_of) -> None:
    with one:
        member = db.session.get_one(Membership, people["mona"].member_id)
        member.name = "Mónica de la Peña"
    bob = client_of("bob")
    names = {q: [p["text"] for p in bob.get(f"{URL}/{thing}/mentions?q={q}").json] for q in ("", "pen", "monica la", "ena", "%", "carol")}
    assert names == {"": ["Alice", "Bob", "Dave", "Mónica de la Peña"], "pen": ["Mónica de la Peña"],
                     "monica la": ["Mónica de la Peña"], "ena": [], "%": [], "carol": []}


def test_notes_follow_a_merge_and_come_back(one: Office, people) -> None:
    with one:
        accounts = registry.resource("contacts.account")
        good, bad = (create(Account, {"name": name}) for name in ("Acme", "ACME S.L."))
        note, _unseen = notes.add(accounts, bad.id, "About the second")
        thing = create(Thing, {"name": "Same id"})
        notes.add(registry.resource("dummy.thing"), thing.id, "Of another table")
        group = merging.merge(accounts, good.id, [bad.id], {}, {})
        assert [n.id for n in notes.of(accounts, good.id)] == [note.id]
        later, _unseen = notes.add(accounts, good.id, "Written later")
        merging.unmerge(group)
        assert [n.id for n in notes.of(accounts, good.id)] == [later.id]
        assert [n.id for n in notes.of(accounts, bad.id)] == [note.id]
        assert len(notes.of(registry.resource("dummy.thing"), thing.id)) == 1


def test_a_module_that_is_off_has_no_notes(one: Office, thing: int, client_of) -> None:
    bob = client_of("bob")
    write(bob, thing, "Here")
    with one:
        lifecycle.disable("dummy")
    assert bob.get(f"{URL}/{thing}/notes").status_code == 404


@pytest.mark.parametrize(("text", "html"), [
    ("see https://x.example/a?b=1&c=2.", 'see <a class="v-link" href="https://x.example/a?b=1&amp;c=2" target="_blank"'),
    ("(http://x.example/a_(b))", 'href="http://x.example/a_(b)"'),
    ("javascript:alert(1)", "javascript:alert(1)"),
    ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
    ('https://x.example/"onmouseover="alert(1)', "&#34;onmouseover=&#34;alert(1)"),
    ("https://", "https://"),
])  # fmt: skip
def test_addresses_become_links_and_nothing_else_does(text: str, html: str) -> None:
    shown = str(linked(text))
    assert html in shown
    assert "<script" not in shown and 'href="javascript' not in shown and 'onmouseover="' not in shown
