"""Notices: the bell of each member, in their language, and never anybody else's."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from app.core import worker
from app.core.db import db
from app.core.i18n import _l
from app.core.models import Job, Membership, User
from app.core.note_models import Notice
from app.core.notices import Message, notify, notify_all
from tests.conftest import Office
from tests.modules.crm.making import statements


def mails(app) -> list[str]:
    return [p.read_text() for p in sorted((Path(app.config["VENDIMIA"].var_dir) / "mail").glob("*.eml"))]


def test_a_key_is_told_once_a_member(one: Office, people) -> None:
    bob, mona = people["bob"].member_id, people["mona"].member_id
    with one:
        assert notify([bob], "First", "/c/one/crm/deals", key="deal-1") == [bob]
    with one:
        assert notify([bob, mona], "Second", "/c/one/crm/deals", key="deal-1") == [mona]
        assert notify([bob, bob], "No key", "crm/deals") == [bob]
        assert notify([bob], "No key", "crm/deals") == [bob]
    with one:
        assert db.session.scalar(select(func.count(Notice.id))) == 4


def test_many_people_are_told_in_as_many_statements_as_few(one: Office, people) -> None:
    names = ("alice", "mona", "bob", "dave")

    def sent(said: list[str]) -> int:
        with one, statements() as found:
            assert notify([people[name].member_id for name in said], "Hello", "crm/deals", key=f"to-{len(said)}", mail=True)
        return len(found)

    assert sent(["bob"]) == sent([*names])
    with one:
        assert db.session.scalar(select(func.count(Notice.id))) == 1 + len(names)
        jobs = db.session.scalars(select(Job.payload).where(Job.name == "core.mail")).all()
    assert sorted(job["to"] for job in jobs) == sorted(f"{name}@one.example" for name in ("bob", *names))


def test_one_message_of_a_key_is_enough_for_whom_several_reach(one: Office, people) -> None:
    bob, mona = people["bob"].member_id, people["mona"].member_id
    with one:
        first, second = (Message(member_ids=ids, text=text, url="crm/deals", key="deal-2") for ids, text in (([bob], "First"), ([bob, mona], "Second")))
        assert notify_all([first, second]) == [bob, mona]
    with one:
        assert dict(db.session.execute(select(Notice.member_id, Notice.text)).all()) == {bob: "First", mona: "Second"}


def test_who_is_not_a_member_is_left_out(one: Office, people) -> None:
    with one:
        db.session.execute(update(Membership).where(Membership.id == people["bob"].member_id).values(valid_to=date(2020, 1, 1)))
    with one:
        assert notify([people["bob"].member_id, people["carol"].member_id, 999_999], "Hello", "crm/deals") == []


@pytest.mark.parametrize("url", ["", "https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/c/one\n/x"])
def test_a_notice_leads_nowhere_else(one: Office, people, url: str) -> None:
    with one, pytest.raises(ValueError, match="path of ours"):
        notify([people["bob"].member_id], "Hello", url)


def test_it_speaks_the_language_of_its_reader_and_comes_by_mail(app, one: Office, people) -> None:
    bob, mona = people["bob"], people["mona"]
    with one:
        db.session.execute(update(User).where(User.id == bob.user_id).values(language="es"))
        db.session.execute(update(User).where(User.id == mona.user_id).values(language="en"))
    with one:
        notify([bob.member_id, mona.member_id], _l("Today"), "crm/deals", mail=True)
    with one:
        said = dict(db.session.execute(select(Notice.member_id, Notice.text)).all())
    assert said == {bob.member_id: "Hoy", mona.member_id: "Today"}
    worker.run_pending(app)
    assert sorted(("Hoy" in m, "Today" in m, "/c/one/crm/deals" in m) for m in mails(app)) == [(False, True, True), (True, False, True)]


def test_what_rolls_back_was_never_told(one: Office, people) -> None:
    with one as session:
        notify([people["bob"].member_id], "Hello", "crm/deals", mail=True)
        session.rollback()
    with one:
        assert db.session.scalar(select(func.count(Notice.id))) == 0


# The bell


def tell(one: Office, member: int, *texts: str) -> None:
    with one:
        for text in texts:
            notify([member], text, "crm/deals")


def test_the_bell_counts_and_lists_ones_own(one: Office, two: Office, people, client_of) -> None:
    tell(one, people["bob"].member_id, "For bob <b>one</b>", "For bob two")
    tell(one, people["mona"].member_id, "For mona")
    tell(two, people["carol"].member_id, "For carol")
    bob = client_of("bob")
    assert "Notices: 2 unread" in bob.get("/c/one/contacts/accounts").text
    page = bob.get("/c/one/admin/notices").text
    assert "For bob &lt;b&gt;one&lt;/b&gt;" in page and "For bob two" in page and "For mona" not in page and "For carol" not in page
    assert 'href="/c/one/crm/deals"' in page
    part = bob.get("/c/one/admin/notices", headers={"HX-Request": "true", "HX-Target": "div#bell-list"}).text
    assert "<html" not in part and "For bob two" in part
    assert "For" not in client_of("dave").get("/c/one/admin/notices").text.partition('id="notices"')[2].partition("</main>")[0]
    assert bob.get("/c/two/admin/notices").status_code == 404
    assert bob.get("/c/two/admin/notices/bell").status_code == 404


def test_reading_is_a_post_and_ones_own(one: Office, people, client_of) -> None:
    tell(one, people["bob"].member_id, "One", "Two", "Three")
    bob, mona = client_of("bob"), client_of("mona")
    with one:
        first = db.session.scalars(select(Notice.id).order_by(Notice.id)).first()
    address = f"/c/one/admin/notices/{first}/read"
    assert bob.get(address).status_code == 405
    assert mona.post(address).status_code == 404
    bob.get("/c/one/admin/notices")
    assert "3 unread" in bob.get("/c/one/contacts/accounts").text
    assert bob.post(address).status_code == 303
    assert bob.post(address).status_code == 303
    assert "2 unread" in bob.get("/c/one/contacts/accounts").text
    assert bob.post("/c/one/admin/notices/x/read").status_code == 404
    answer = bob.post("/c/one/admin/notices/read", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Trigger"]) == (204, "notices:changed")
    assert "nothing new" in bob.get("/c/one/contacts/accounts").text


def test_polling_costs_nothing_while_nothing_changes(app, one: Office, people, client_of) -> None:
    bob = client_of("bob")
    answer = bob.get("/c/one/admin/notices/bell", headers={"HX-Request": "true"})
    tag = answer.headers["HX-PTag"]
    asked = {"HX-Request": "true", "HX-PTag": tag}
    assert bob.get("/c/one/admin/notices/bell", headers=asked).status_code == 304
    tell(one, people["mona"].member_id, "For mona")
    assert bob.get("/c/one/admin/notices/bell", headers=asked).status_code == 304
    tell(one, people["bob"].member_id, "For bob")
    fresh = bob.get("/c/one/admin/notices/bell", headers=asked)
    assert fresh.status_code == 200 and "1 unread" in fresh.text and fresh.headers["HX-PTag"] != tag


def test_a_long_list_goes_on(one: Office, people, client_of) -> None:
    tell(one, people["bob"].member_id, *(f"Notice {i}." for i in range(120)))
    bob = client_of("bob")
    assert "99+" in bob.get("/c/one/contacts/accounts").text
    address, seen = "/c/one/admin/notices", set()
    while address:
        page = bob.get(address).text
        seen |= set(re.findall(r"Notice \d+\.", page))
        found = re.search(r'href="([^"]+)" rel="next"', page)
        address = found[1] if found else ""
    assert len(seen) == 120
