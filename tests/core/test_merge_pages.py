"""The page that compares records and merges them, and what it refuses."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, select, text

from app.core.db import db
from app.core.models import Membership, Role, Trash
from app.core.writes import create
from app.modules.contacts.models import Account, Contact
from app.modules.crm.models import Deal, Stage
from tests.dummy_module.models import Thing
from tests.modules.crm.making import euros, make_deal, move
from tools.bench_measure import recording

MERGE = "/c/one/contacts/accounts/merge"


@pytest.fixture
def twins(one) -> tuple[int, int]:
    """Two accounts that are one; the second has a person."""
    with one:
        good = create(Account, {"name": "Acme", "city": "Alcoy", "note": "First", "sector": "Metal"})
        bad = create(Account, {"name": "ACME S.L.", "phone": "961 11 22 33", "note": "Second", "sector": "Metal"})
        create(Contact, {"name": "Rosa", "account_id": bad.id})
        return good.id, bad.id


def post(client, ids, winner, **more):
    versions = {f"version-{row_id}": "1" for row_id in ids}
    return client.post(MERGE, data={"ids": ",".join(map(str, ids)), "winner": winner, **versions, **more})


def test_the_page_shows_what_differs_first_and_what_would_move(twins, client_of):
    page = client_of("alice").get(f"{MERGE}?ids={twins[0]},{twins[1]}").text
    assert "961 11 22 33" in page and "Alcoy" in page and "1 person" in page
    assert page.index('id="take-city"') < page.index("fields are the same")
    assert 'id="take-sector"' not in page
    assert page.count(" checked") == 1 + page.count('id="take-')


def test_values_are_chosen_and_the_toast_offers_to_take_it_back(twins, one, client_of):
    alice = client_of("alice")
    good, bad = twins
    answer = post(alice, twins, good, **{"take-name": good, "take-phone": bad, "take-city": good, "take-note": "both"})
    assert answer.status_code == 303 and answer.location.endswith(f"/contacts/accounts/{good}")
    page = alice.get(answer.location).text
    assert "Merged into" in page and "/accounts/merge/undo?group=" in page
    with one:
        kept = db.session.get_one(Account, good)
        assert (kept.name, kept.phone, kept.city, kept.note) == ("Acme", "961 11 22 33", "Alcoy", "First\n\nSecond")
        assert db.session.scalar(select(Contact.account_id)) == good
        group = db.session.scalar(select(Trash.group_id))
    taken_back = alice.post(f"{MERGE}/undo?group={group}")
    assert taken_back.status_code == 303
    assert "taken back" in alice.get(taken_back.location).text
    with one:
        assert db.session.scalar(select(Contact.account_id)) == bad
        assert db.session.get_one(Account, good).phone is None
    assert alice.post(f"{MERGE}/undo?group={group}").status_code == 404


def test_a_late_merge_shows_what_was_saved_meanwhile(twins, one, client_of):
    with one:
        db.session.get_one(Account, twins[1]).phone = "961 99 99 99"
    answer = post(client_of("alice"), twins, twins[0], **{f"seen-{twins[1]}-phone": "961 11 22 33", "take-phone": twins[1]})
    assert answer.status_code == 409
    assert "961 99 99 99" in answer.text and "961 11 22 33" in answer.text
    with one:
        assert db.session.scalars(select(Trash)).all() == []


def test_who_comes_second_is_told_what_happened(twins, client_of):
    alice = client_of("alice")
    assert post(alice, twins, twins[0]).status_code == 303
    answer = post(alice, twins, twins[1])
    assert answer.status_code == 409 and "merged or deleted one of these" in answer.text


def test_the_page_asks_as_often_however_much_refers_to_the_rows(app, twins, one, client_of):
    alice = client_of("alice")
    address = f"{MERGE}?ids={twins[0]},{twins[1]}"
    asked = []
    for _round in range(2):
        with recording(app) as sent:
            assert alice.get(address).status_code == 200
        asked.append(len(sent))
        with one:
            for number in range(20):
                create(Contact, {"name": f"Person {number}", "account_id": twins[number % 2]})
    assert asked[0] == asked[1]


def test_addresses_that_make_no_sense_are_refused(twins, one, client_of):
    with one:
        stages = db.session.scalars(select(Stage.id)).all()
    assert client_of("alice").get(f"/c/one/crm/stages/merge?ids={stages[0]},{stages[1]}").status_code == 404
    six = ",".join(str(n) for n in range(1, 7))
    assert client_of("alice").get(f"{MERGE}?ids={six}").status_code == 422
    assert client_of("alice").get(f"{MERGE}?ids=a,b").status_code == 404
    assert client_of("alice").post(MERGE, data={"ids": f"{twins[0]},{twins[1]}", "winner": twins[0]}).status_code == 400


def test_one_is_chosen_with_the_likely_ones_first(twins, client_of):
    alice = client_of("alice")
    page = alice.get(f"{MERGE}?ids={twins[0]}").text
    assert "Probably the same" in page and f"ids={twins[0]},{twins[1]}" in page.replace("%2C", ",")
    assert alice.get(f"{MERGE}?row={twins[0]}&with={twins[1]}").status_code == 200
    assert alice.get(MERGE).status_code == 200


def test_it_needs_both_permissions_and_rows_one_may_see(twins, one, two, people, client_of):
    with two:
        foreign = create(Account, {"name": "Acme"}).id
    assert client_of("alice").get(f"{MERGE}?ids={twins[0]},{foreign}").status_code == 404
    assert client_of("bob").get(f"{MERGE}?ids={twins[0]},{twins[1]}").status_code == 403
    with one as session:
        role = session.scalars(select(Role).filter_by(key="rep")).one()
        role.permissions = [*role.permissions, "dummy.thing.delete", "dummy.thing.edit", "contacts.account.delete"]
        role.permissions = [p for p in role.permissions if p != "contacts.account.edit"]
        assert session.get_one(Membership, people["bob"].member_id).role_id == role.id
        mine = create(Thing, {"name": "Mine", "owner_id": people["bob"].member_id}).id
        also = create(Thing, {"name": "Also mine", "owner_id": people["bob"].member_id}).id
        theirs = create(Thing, {"name": "Theirs", "owner_id": people["dave"].member_id}).id
    bob = client_of("bob")
    assert bob.get(f"{MERGE}?ids={twins[0]},{twins[1]}").status_code == 403
    things = "/c/one/dummy/things/merge"
    assert bob.get(f"{things}?ids={mine},{theirs}").status_code == 404
    values = {"ids": f"{mine},{theirs}", "winner": mine, f"version-{mine}": 1, f"version-{theirs}": 1}
    assert bob.post(things, data=values).status_code == 404
    values = {"ids": f"{mine},{also}", "winner": mine, f"version-{mine}": 1, f"version-{also}": 1}
    assert bob.post(things, data=values).status_code == 303


def test_a_rule_that_is_broken_is_said_on_the_page_and_nothing_is_lost(twins, one, client_of, database):
    engine = create_engine(database.owner_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE UNIQUE INDEX one_of_each ON dummy_thing (company_id, account_id, name)"))
    engine.dispose()
    with one:
        for account_id in twins:
            create(Thing, {"name": "Badge", "account_id": account_id})
    answer = post(client_of("alice"), twins, twins[1], **{"take-name": twins[0], "take-city": twins[0]})
    assert answer.status_code == 422 and "only one" in answer.text
    assert f'name="winner" value="{twins[1]}" required checked' in answer.text
    with one:
        assert db.session.scalars(select(Trash)).all() == []


def test_a_deal_takes_over_the_outcome_of_the_other(one, client_of):
    with one:
        first, second = make_deal(name="Press", amount=euros(100)), make_deal(name="Press again", amount=euros(250))
        move(second, "won")
        ids, versions = (first.id, second.id), (first.version, second.version)
    alice, address = client_of("alice"), "/c/one/crm/deals/merge"
    page = alice.get(f"{address}?ids={ids[0]},{ids[1]}").text
    takes = {part.split('"')[0]: ids[1] for part in page.split('name="take-')[1:]}
    values = {"ids": f"{ids[0]},{ids[1]}", "winner": ids[0], **{f"take-{name}": taken for name, taken in takes.items()}}
    answer = alice.post(address, data={**values, f"version-{ids[0]}": versions[0], f"version-{ids[1]}": versions[1]})
    assert answer.status_code == 303, answer.text
    with one:
        (left,) = db.session.scalars(select(Deal)).all()
        assert (left.id, left.name, left.state, left.amount_minor) == (ids[0], "Press again", "won", 250_00)
        group = db.session.scalar(select(Trash.group_id))
    assert alice.post(f"{address}/undo?group={group}").status_code == 303
    with one:
        assert [(d.name, d.state) for d in db.session.scalars(select(Deal).order_by(Deal.id))] == [("Press", "open"), ("Press again", "won")]
