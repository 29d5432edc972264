"""Search over everything: what is found, by whom, in which order, with how many questions to the database."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from app.core import lifecycle, writes
from app.core.db import db
from app.core.models import Role
from app.core.registry import registry
from app.modules.contacts.models import Account, Contact
from app.modules.crm import services
from app.modules.crm.models import Deal
from tests.cast import Person
from tests.conftest import Office
from tools.bench_measure import recording

FRAGMENT = {"HX-Request": "true"}
SEARCH = "/c/one/admin/search"
FRAME = 14  # statements that any page costs, and the names of accounts


@pytest.fixture
def deal(one: Office, people: dict[str, Person]):
    """Make a deal: `deal("Pump", "bob")`; answers its id."""

    def make(name: str, owner: str = "alice", **values) -> int:
        with one:
            return services.create_deal({"name": name, "owner_id": people[owner].member_id, **values}).id

    return make


@pytest.fixture
def ask(client_of):
    """What somebody is shown for a question: the texts of records and commands, in order."""

    def answer(q: str, who: str = "alice", company: str = "one") -> list[str]:
        response = client_of(who).get(f"/c/{company}/admin/search", query_string={"q": q}, headers=FRAGMENT)
        assert response.status_code == 200
        assert "<html" not in response.text
        titles = re.findall(r'<span class="v-found-title[^"]*">(.*?)</span>', response.text)
        return [re.sub("<.*?>", "", title) for title in titles]

    return answer


def test_records_of_every_kind_are_found_with_what_tells_them_apart(one: Office, ask, client_of, deal) -> None:
    with one:
        account = writes.create(Account, {"name": "José Núñez, S.L."}).id
        writes.create(Contact, {"name": "Josefa Pérez", "account_id": account})
    deal("Bomba para José", account_id=account)
    assert ask("jose") == ["Bomba para José", "José Núñez, S.L.", "Josefa Pérez"]
    text = client_of("alice").get(SEARCH, query_string={"q": "jose"}).text
    assert "<mark>José</mark> Núñez" in text
    assert f'href="/c/one/contacts/accounts/{account}"' in text
    assert re.search(r"<mark>Jose</mark>fa.*v-found-sub[^>]*><mark>José</mark> Núñez, S\.L\.", text)


def test_the_same_name_comes_first_then_what_begins_so_then_the_newest(ask, deal) -> None:
    for name in ("Una bomba", "Bomba grande", "Bomba", "Otra bomba"):
        deal(name)
    assert ask("bomba") == ["Bomba", "Bomba grande", "Otra bomba", "Una bomba"]


def test_an_exact_name_is_found_among_very_many(one: Office, ask, deal) -> None:
    deal("Zumo")
    for number in range(70):
        deal(f"Zumo de {number}")
    assert ask("zumo")[0] == "Zumo"
    assert ask("zumo")[-1] == "All matches: Deals"


def test_each_sees_the_rows_of_their_own_scope(ask, deal) -> None:
    deal("Secreto de dave", "dave")
    deal("Secreto de bob", "bob")
    assert ask("secreto", "bob") == ["Secreto de bob"]
    assert ask("secreto", "mona") == ["Secreto de bob"]
    assert set(ask("secreto", "alice")) == {"Secreto de bob", "Secreto de dave"}


def test_a_rep_finds_their_own_row_behind_very_many_of_others(one: Office, people, ask, monkeypatch, deal) -> None:
    monkeypatch.setattr("app.core.surfaces.search.CANDIDATES", 5)
    for number in range(12):
        deal(f"Ajeno secreto {number}", "dave")
    deal("Propio y secreto", "bob")
    assert ask("secreto", "bob") == ["Propio y secreto"]


def test_what_lies_in_the_trash_is_not_found(one: Office, ask, monkeypatch, deal) -> None:
    monkeypatch.setattr("app.core.surfaces.search.CANDIDATES", 3)
    thrown = [deal(f"Perdido {number}") for number in range(5)]
    with one:
        account = writes.create(Account, {"name": "Perdida SA"}).id
        registry.resource("contacts.account").remove([account])
        registry.resource("crm.deal").remove(thrown)
    assert ask("perdid") == []
    deal("Perdido pero presente")
    assert ask("perdid") == ["Perdido pero presente"]
    with one:
        registry.resource("contacts.account").bring_back([account])
    assert "Perdida SA" in ask("perdid")


def test_a_module_that_is_off_is_not_searched(one: Office, ask, deal) -> None:
    deal("Solo aquí")
    with one:
        for name in ("dummy", "crm"):
            lifecycle.disable(name)
    assert ask("solo") == []


def test_a_record_type_the_person_may_not_see_is_not_searched(one: Office, ask, deal) -> None:
    deal("Solo aquí", "bob")
    assert ask("solo", "bob") == ["Solo aquí"]
    with one as session:
        role = session.scalars(select(Role).filter_by(key="rep")).one()
        role.permissions = [p for p in role.permissions if p != "crm.deal.view"]
    assert ask("solo", "bob") == []


def test_another_company_is_neither_searched_nor_to_be_searched_from(two: Office, ask, client_of, anonymous) -> None:
    with two:
        writes.create(Account, {"name": "Ajena SA"})
    assert ask("ajena") == []
    assert ask("ajena", "carol", "two") == ["Ajena SA"]
    assert client_of("alice").get("/c/two/admin/search?q=ajena").status_code == 404
    assert "/login" in anonymous.get(f"{SEARCH}?q=ajena").location


@pytest.mark.parametrize(
    "q",
    ['"', "'", 'a" OR "b', "NEAR(a b)", "*", "%", "_", "a:b", "'a':*", "\\", "🚀", "漢字", "ﬁ", "a" * 10_000, "a b " * 2_500, "\ud7ff\ue000", "--", "&|!()"],
)
def test_nothing_that_is_typed_is_an_error(ask, client_of, deal, q: str) -> None:
    deal("Alpha beta")
    ask(q)
    assert client_of("alice").get(SEARCH, query_string={"q": q}).status_code == 200


def test_a_nul_is_refused(client_of) -> None:
    assert client_of("alice").get(f"{SEARCH}?q=a%00b").status_code == 400


def test_what_is_found_is_written_as_text(ask, client_of, deal) -> None:
    deal("<script>alert(1)</script> & Co")
    text = client_of("alice").get(f"{SEARCH}?q=script").text
    assert "<script>alert" not in text
    assert "&lt;<mark>script</mark>&gt;" in text


def test_one_letter_is_not_searched_for(ask, client_of, deal) -> None:
    deal("Zeta")
    assert ask("z") == []
    assert "Type one more letter." in client_of("alice").get(f"{SEARCH}?q=z").text
    assert ask("z ze") == ["Zeta"]


def test_without_a_question_there_are_the_commands(ask) -> None:
    told = ask("")
    assert {"Deal", "Pipeline", "Members", "Log out", "Appearance: dark", "Keyboard shortcuts"} <= set(told)
    assert "Members" not in {*ask("", "bob")} - {*told}
    assert "Settings" not in ask("", "bob")


@pytest.mark.parametrize(("q", "label"), [("create dea", "Deal"), ("go to pip", "Pipeline"), ("dark", "Appearance: dark")])
def test_commands_are_found_by_their_words(ask, q: str, label: str) -> None:
    assert ask(q)[0] == label


def test_a_heading_that_says_nothing_finds_nothing(ask) -> None:
    assert ask("more") == []


def test_only_other_companies_of_the_person_are_offered(app, one: Office, two: Office, people, ask) -> None:
    assert "Two" not in ask("")
    with two as session:
        rep = session.scalars(select(Role).filter_by(key="rep")).one()
        session.add(_place(rep.id, people["alice"].user_id))
    assert ask("switch company") == ["Two"]


def _place(role_id: int, user_id: int):
    return registry.resource("admin.member").model(name="Alice", role_id=role_id, user_id=user_id)


def test_the_questions_to_the_database_do_not_grow_with_what_is_found(app, one: Office, client_of, deal) -> None:
    def asked(who: str) -> int:
        client = client_of(who)
        with recording(app) as sent:
            assert client.get(f"{SEARCH}?q=muchos", headers=FRAGMENT).status_code == 200
        return len([s for s in sent if s.counts])

    with one:
        account = writes.create(Account, {"name": "Muchos SA"}).id
    deal("Muchos", account_id=account)
    few = asked("alice")
    for number in range(30):
        deal(f"Muchos {number}", account_id=account)
    with one:
        assert len(db.session.scalars(select(Deal.id)).all()) == 31
    assert asked("alice") == few
    resources = len(app.extensions["registry"].resources())
    assert few <= resources + FRAME
