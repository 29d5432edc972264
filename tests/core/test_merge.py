"""Duplicates become one row, with all that refers to them, and come apart again."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import create_engine, select, text

from app.core import merging
from app.core.access import acting_as
from app.core.db import db
from app.core.errors import BusinessError, Conflict, NotFound
from app.core.models import Change, Trash
from app.core.registry import registry
from app.core.tenancy import acting_for
from app.core.writes import create
from app.modules.contacts.models import Account, Contact
from app.modules.crm.models import Deal
from tests.dummy_module.hooks import seen
from tests.dummy_module.models import Thing
from tests.modules.crm.making import make_deal

STILL = {"with_trash": True, "all_rows": True}


def accounts(*names: str, **columns) -> list[Account]:
    return [create(Account, {"name": name, **columns}) for name in names]


def merge(winner, *losers, versions=None, **values) -> str:
    """Merge accounts as they are now."""
    rows = [winner, *losers]
    versions = {row.id: row.version for row in rows} if versions is None else versions
    return merging.merge(registry.resource("contacts.account"), winner.id, [r.id for r in losers], values, versions)


def accounts_of(model) -> dict[str, int]:
    return dict(db.session.execute(select(model.name, model.account_id), execution_options=STILL).all())


def parents() -> dict[str, str | None]:
    names = dict(db.session.execute(select(Account.id, Account.name), execution_options=STILL).all())
    return {name: names.get(parent) for name, parent in db.session.execute(select(Account.name, Account.parent_id))}


def state() -> list:
    """All that a merge might touch, versions aside."""
    found = []
    for model in (Account, Contact, Thing, Deal):
        columns = [c for c in model.__table__.columns if c.name not in ("version", "updated_at")]
        rows = select(*(getattr(model, c.name) for c in columns)).order_by(model.id)
        found.append([tuple(row) for row in db.session.execute(rows, execution_options=STILL)])
    return [*found, [tuple(row) for row in db.session.execute(select(Trash.table_name, Trash.row_id))]]


def test_people_deals_and_rows_of_other_modules_follow_and_come_back(one):
    with one:
        good, bad, other = accounts("Acme", "ACME S.L.", "Other")
        for account in (good, bad, other):
            create(Contact, {"name": f"Of {account.name}", "account_id": account.id})
            create(Thing, {"name": f"Of {account.name}", "account_id": account.id})
            make_deal(name=f"Of {account.name}", account_id=account.id)
        before, ids = state(), (good.id, bad.id, other.id)
        group = merge(good, bad)
        for model in (Contact, Thing, Deal):
            assert accounts_of(model) == {"Of Acme": ids[0], "Of ACME S.L.": ids[0], "Of Other": ids[2]}
        assert [a.name for a in db.session.scalars(select(Account).order_by(Account.id))] == ["Acme", "Other"]
        assert db.session.scalar(select(Trash.why)) == "merged"
        done = merging.unmerge(group)
        assert (done.ids, done.left) == ([ids[1]], [])
        assert state() == before


def test_the_change_log_tells_of_every_row_that_follows(one):
    with one:
        good, bad = accounts("Acme", "ACME S.L.")
        person = create(Contact, {"name": "Rosa", "account_id": bad.id})
        version = person.version
        merge(good, bad)
        lines = select(Change.field, Change.old, Change.new).filter_by(table_name="contacts_contact", row_id=person.id, action="changed")
        assert db.session.execute(lines).all() == [("account_id", str(bad.id), str(good.id))]
        assert db.session.get_one(Contact, person.id).version == version + 1


def test_fields_are_chosen_one_by_one_even_unique_ones(one):
    with one:
        good, bad = create(Account, {"name": "Acme", "city": "Alcoy"}), create(Account, {"name": "Acme", "phone": "961 11", "external_id": "A-7"})
        before = state()
        group = merge(good, bad, phone="961 11", external_id="A-7", city="Alcoy")
        kept = db.session.get_one(Account, good.id)
        assert (kept.city, kept.phone, kept.external_id) == ("Alcoy", "961 11", "A-7")
        merging.unmerge(group)
        assert state() == before


def test_what_was_changed_since_stays_and_is_listed(one):
    with one:
        good, bad, third = accounts("Acme", "ACME S.L.", "Third")
        rosa, _enric = (create(Contact, {"name": name, "account_id": bad.id}) for name in ("Rosa", "Enric"))
        group = merge(good, bad, city="Alcoy", phone="961 11")
        db.session.get_one(Account, good.id).city = "Elche"
        db.session.get_one(Contact, rosa.id).account_id = third.id
        create(Contact, {"name": "New", "account_id": good.id})
        db.session.flush()
        done = merging.unmerge(group)
        assert done.left == ["People that have been given to others since, and stay there: 1.", "City has been changed since and stays."]
        assert accounts_of(Contact) == {"Rosa": third.id, "Enric": bad.id, "New": good.id}
        kept = db.session.get_one(Account, good.id)
        assert (kept.city, kept.phone) == ("Elche", None)


def test_rows_in_the_trash_follow_too(one):
    with one:
        good, bad = accounts("Acme", "ACME S.L.")
        rosa = create(Contact, {"name": "Rosa", "account_id": bad.id})
        contact = registry.resource("contacts.contact")
        contact.remove([rosa.id])
        merge(good, bad)
        contact.bring_back([rosa.id])
        assert accounts_of(Contact) == {"Rosa": good.id}


def test_several_at_once(one):
    with one:
        good, *others = accounts("Acme", "Acme 2", "Acme 3", "Acme 4")
        for account in others:
            create(Contact, {"name": f"Of {account.name}", "account_id": account.id})
        before = state()
        group = merge(good, *others)
        assert set(accounts_of(Contact).values()) == {good.id}
        assert merging.unmerge(group).ids == [a.id for a in others]
        assert state() == before
        with pytest.raises(BusinessError):
            merge(good)
        with pytest.raises(BusinessError):
            merge(good, *others, *accounts("5", "6"))


def test_a_late_merge_changes_nothing_and_says_what_is_stored(one):
    with one:
        good, bad = accounts("Acme", "ACME S.L.")
        create(Contact, {"name": "Rosa", "account_id": bad.id})
        versions = {good.id: good.version, bad.id: bad.version}
        bad.city = "Elche"
        db.session.flush()
        before = state()
        with pytest.raises(Conflict) as refused:
            merge(good, bad, versions=versions, city="Alcoy")
        assert refused.value.theirs["city"] == "Elche"
        assert state() == before


def test_merged_twice_is_refused(one):
    with one:
        good, bad, third = accounts("Acme", "ACME S.L.", "Third")
        merge(good, bad)
        with pytest.raises(Conflict):
            merge(third, bad, versions={})
        with pytest.raises(NotFound):
            merging.unmerge("no-such-group")


def test_one_merge_after_another_leads_to_the_last_winner(one):
    with one:
        good, bad, third = accounts("Acme", "ACME S.L.", "Third")
        rosa = create(Contact, {"name": "Rosa", "account_id": bad.id})
        before = state()
        first, second = merge(good, bad), merge(third, good)
        assert merging.winner_of(Account, bad.id) == merging.winner_of(Account, good.id) == third.id
        assert merging.winner_of(Account, third.id) is None
        assert accounts_of(Contact) == {"Rosa": third.id}
        with pytest.raises(BusinessError, match="Acme"):
            merging.unmerge(first)
        merging.unmerge(second)
        merging.unmerge(first)
        assert state() == before
        assert accounts_of(Contact) == {"Rosa": bad.id}
        registry.resource("contacts.contact").remove([rosa.id])
        assert merging.winner_of(Contact, rosa.id) is None


def test_a_tree_of_subsidiaries_has_no_circle_whoever_wins(one):
    with one:
        top, middle, low, under = accounts("Top", "Middle", "Low", "Under")
        middle.parent_id, low.parent_id, under.parent_id = top.id, middle.id, low.id
        db.session.flush()
        before, tree = state(), parents()
        for winner, loser, expected in (
            (top, low, {"Top": None, "Middle": "Top", "Under": "Top"}),
            (low, top, {"Low": None, "Middle": "Low", "Under": "Low"}),
            (low, middle, {"Top": None, "Low": "Top", "Under": "Low"}),
            (middle, low, {"Top": None, "Middle": "Top", "Under": "Middle"}),
        ):
            rows = [db.session.get_one(Account, row.id) for row in (winner, loser)]
            group = merge(*rows)
            assert parents() == expected
            assert merging.unmerge(group).left == []
            assert parents() == tree
        assert state() == before


def test_a_chosen_place_below_the_loser_becomes_the_losers_own_place(one):
    with one:
        top, low, twin = accounts("Top", "Low", "Twin")
        low.parent_id = top.id
        db.session.flush()
        merge(twin, low, parent_id=low.id)
        assert parents() == {"Top": None, "Twin": "Top"}


def test_another_companys_rows_are_not_there(one, two):
    with two:
        (foreign,) = accounts("Acme")
        foreign_id = foreign.id
    with one:
        (mine,) = accounts("Acme")
        with pytest.raises(NotFound):
            merging.merge(registry.resource("contacts.account"), mine.id, [foreign_id], {}, {})
    with two:
        assert db.session.scalar(select(Account.name)) == "Acme"


def test_rows_the_person_does_not_see_are_not_there(one, people):
    with one:
        mine = create(Thing, {"name": "Mine", "owner_id": people["bob"].member_id})
        theirs = create(Thing, {"name": "Theirs", "owner_id": people["dave"].member_id})
        ids = (mine.id, theirs.id)
    thing = "dummy.thing"
    with one.app.app_context(), acting_as(one.id, people["bob"].member_id):
        with pytest.raises(NotFound):
            merging.merge(registry.resource(thing), ids[0], [ids[1]], {}, {})
        db.session.rollback()
    with one:
        group = merging.merge(registry.resource(thing), ids[0], [ids[1]], {}, {})
    with one.app.app_context(), acting_as(one.id, people["bob"].member_id):
        with pytest.raises(NotFound):
            merging.unmerge(group)
        db.session.rollback()


def test_a_clash_among_what_follows_is_said_and_changes_nothing(one, database):
    engine = create_engine(database.owner_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE UNIQUE INDEX one_of_each ON dummy_thing (company_id, account_id, name)"))
    engine.dispose()
    with one:
        good, bad = accounts("Acme", "ACME S.L.")
        for account in (good, bad):
            create(Thing, {"name": "Badge", "account_id": account.id})
        before = state()
        with pytest.raises(BusinessError, match="only one"):
            merge(good, bad, city="Alcoy")
        assert state() == before


def test_settings_cannot_be_merged(one):
    with one:
        stage = registry.resource("crm.stage")
        ids = db.session.scalars(select(stage.model.id)).all()
        with pytest.raises(BusinessError):
            merging.merge(stage, ids[0], [ids[1]], {}, {})


def test_modules_are_told(one):
    with one:
        good, bad = accounts("Acme", "ACME S.L.")
        rosa = create(Contact, {"name": "Rosa", "account_id": bad.id})
        seen.clear()
        group = merge(good, bad)
        merging.unmerge(group)
        moved = {"contacts_contact.account_id": {bad.id: [rosa.id]}}
        assert [(what, said[0]) for what, said in seen] == [("merged", good.id), ("unmerged", good.id)]
        assert [dict(said[1]) for _what, said in seen] == [moved, moved]


def test_the_trash_brings_merged_and_deleted_rows_back_in_one_go(one):
    with one:
        good, bad, gone = accounts("Acme", "ACME S.L.", "Gone")
        account = registry.resource("contacts.account")
        rosa = create(Contact, {"name": "Rosa", "account_id": bad.id})
        merge(good, bad)
        account.remove([gone.id])
        back, left = merging.bring_back(account, [bad.id, gone.id])
        assert (sorted(back), left) == ([bad.id, gone.id], [])
        assert db.session.get_one(Contact, rosa.id).account_id == bad.id


def test_of_two_merges_of_the_same_rows_at_once_one_wins_and_none_is_half_done(app, one):
    with one:
        first, second = accounts("Acme", "ACME S.L.")
        for account in (first, second):
            create(Contact, {"name": f"Of {account.name}", "account_id": account.id})
        ids = (first.id, second.id)
    together, outcomes = threading.Barrier(2), []

    def work(winner: int, loser: int) -> None:
        together.wait()
        with app.app_context(), acting_for(one.id):
            try:
                merging.merge(registry.resource("contacts.account"), winner, [loser], {}, {})
                db.session.commit()
                outcomes.append(winner)
            except (Conflict, NotFound):
                db.session.rollback()
                outcomes.append(None)

    threads = [threading.Thread(target=work, args=pair) for pair in (ids, ids[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [o for o in outcomes if o]
    with one:
        assert set(accounts_of(Contact).values()) == {winner}
        assert len(db.session.scalars(select(Trash)).all()) == 1
