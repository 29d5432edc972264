"""Throwing a record away, finding it in the trash, and bringing it back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.core import lifecycle, merging, trash, writes
from app.core.db import db
from app.core.errors import BusinessError
from app.core.models import Membership, Role, Trash
from app.core.registry import registry
from app.core.testing import Walk
from app.modules.crm.models import Deal, Pipeline, Stage
from app.modules.crm.services import create_deal
from tests.conftest import Office
from tests.dummy_module.hooks import thing
from tests.dummy_module.models import Thing

THINGS = "/c/one/dummy/things"
HX = {"HX-Request": "true"}


def make_things(people, count: int, owner: str = "alice") -> list[int]:
    return writes.bulk_insert(Thing, [{"name": f"Thing {n:03}", "owner_id": people[owner].member_id} for n in range(count)])


def account(name: str, **values: Any) -> int:
    return registry.resource("contacts.account").add({"name": name, **values}).id


def may(one: Office, person, *verbs: str, scope: str = "all") -> None:
    """Give somebody a role with these verbs for things and nothing else."""
    with one as session:
        role = Role(key="some", name="Some", permissions=[thing.permission(v) for v in verbs], scopes={thing.key: scope})
        session.add(role)
        session.flush()
        session.get_one(Membership, person.member_id).role_id = role.id


def throw_away(client: FlaskClient, url: str) -> Any:
    version = re.search(r'name="version" value="(\d+)"', client.get(f"{url}/remove").text)[1]
    return client.post(f"{url}/remove", data={"version": version})


# On the page of a record


def test_the_dialog_says_what_refers_to_it(one: Office, client_of) -> None:
    with one:
        acme = account("Acme")
        account("Acme Norte", parent_id=acme)
        for n in range(3):
            create_deal({"name": f"Deal {n}", "account_id": acme})
    url = f"/c/one/contacts/accounts/{acme}"
    alice = client_of("alice")
    asked = alice.get(f"{url}/remove").text
    assert "Throw “Acme” away?" in asked
    assert "3 deals" in asked
    assert "1 account" in asked
    assert throw_away(alice, url).location.endswith("/contacts/accounts")
    with one:
        assert {d.account_id for d in db.session.scalars(select(Deal))} == {acme}
    assert "Acme" in alice.get("/c/one/crm/deals").text


def test_the_dialog_counts_only_what_the_person_may_see(one: Office, people, client_of) -> None:
    with one as session:
        acme = account("Acme", owner_id=people["bob"].member_id)
        create_deal({"name": "Mine", "account_id": acme, "owner_id": people["bob"].member_id})
        create_deal({"name": "Not mine", "account_id": acme, "owner_id": people["dave"].member_id})
        rep = session.scalars(select(Role).filter_by(key="rep")).one()
        rep.permissions = [*rep.permissions, "contacts.account.delete"]
    assert "1 deal." in client_of("bob").get(f"/c/one/contacts/accounts/{acme}/remove").text


def test_a_setting_in_use_says_so_instead(one: Office, client_of) -> None:
    with one:
        used = create_deal({"name": "Deal"}).stage_id
    alice = client_of("alice")
    url = f"/c/one/crm/stages/{used}"
    assert "This is in use in 1 place and" in alice.get(f"{url}/remove").text
    assert "This is in use" in alice.post(f"{url}/remove", data={"version": "1"}).text
    with one:
        assert db.session.get(Stage, used) is not None


def test_members_are_not_thrown_away(one: Office, people, client_of) -> None:
    alice, url = client_of("alice"), f"/c/one/admin/members/{people['bob'].member_id}"
    assert "cannot be thrown away" in alice.get(f"{url}/remove").text
    assert alice.post(f"{url}/remove", data={"version": "1"}).status_code in (409, 422)
    with one:
        assert db.session.get(Membership, people["bob"].member_id) is not None


def test_a_late_removal_is_refused(one: Office, people, client_of) -> None:
    with one:
        (row_id,) = make_things(people, 1)
        writes.update(db.session.get_one(Thing, row_id), {"pieces": 3})
    alice = client_of("alice")
    assert alice.post(f"{THINGS}/{row_id}/remove", data={"version": "1"}).status_code == 409
    assert alice.post(f"{THINGS}/{row_id}/remove").status_code == 400
    with one:
        assert db.session.get(Thing, row_id) is not None


def test_thrown_away_and_undone_from_the_toast(one: Office, people, client_of) -> None:
    with one:
        (row_id,) = make_things(people, 1)
    alice = client_of("alice")
    throw_away(alice, f"{THINGS}/{row_id}")
    page = alice.get(THINGS).text
    assert "“Thing 000” was thrown away." in page
    back = alice.post(re.search(r'action="([^"]+/trash\?group=[^"]+)"', page)[1])
    assert back.location.endswith(f"/things/{row_id}")
    assert alice.get(back.location).status_code == 200


def test_the_address_of_a_record_in_the_trash_says_who_and_when(one: Office, people, client_of) -> None:
    with one:
        (row_id,) = make_things(people, 1, owner="bob")
    alice, bob, dave = client_of("alice"), client_of("bob"), client_of("dave")
    throw_away(alice, f"{THINGS}/{row_id}")
    gone = alice.get(f"{THINGS}/{row_id}")
    assert gone.status_code == 410
    assert "“Thing 000” lies in the trash" in gone.text
    assert "Alice threw it away on" in gone.text
    assert "Bring back" in gone.text
    seen = bob.get(f"{THINGS}/{row_id}")  # his own, but he may not delete
    assert seen.status_code == 410
    assert "Bring back" not in seen.text
    assert dave.get(f"{THINGS}/{row_id}").status_code == 404
    assert alice.get(f"{THINGS}/{row_id}/edit").status_code == 404
    assert alice.get(f"{THINGS}/999999").status_code == 404
    alice.post(f"{THINGS}/trash", data={"row": row_id})
    assert alice.get(f"{THINGS}/{row_id}").status_code == 200


def test_a_deal_in_the_trash_says_so_on_its_own_page_too(one: Office, client_of) -> None:
    with one:
        deal_id = create_deal({"name": "Pump"}).id
    alice, url = client_of("alice"), f"/c/one/crm/deals/{deal_id}"
    assert f"{url}/remove" in alice.get(url).text
    throw_away(alice, url)
    assert alice.get(url).status_code == 410
    alice.post("/c/one/crm/deals/trash", data={"row": deal_id})
    assert alice.get(url).status_code == 200


def test_the_menu_of_a_record_follows_the_permission(one: Office, people, client_of) -> None:
    with one:
        (row_id,) = make_things(people, 1, owner="bob")
    assert "Throw away…" in client_of("alice").get(f"{THINGS}/{row_id}").text
    assert "Throw away…" not in client_of("bob").get(f"{THINGS}/{row_id}").text


# The trash


def test_the_trash_tells_what_who_and_why_and_can_be_searched(one: Office, people, client_of) -> None:
    with one:
        first, second, third = make_things(people, 3)
    alice = client_of("alice")
    throw_away(alice, f"{THINGS}/{first}")
    with one:
        thing.remove([second], why=trash.REVERTED)
    page = alice.get(f"{THINGS}/trash").text
    assert "Thing 000" in page
    assert "Alice" in page
    assert "The system" in page
    assert "Import undone" in page
    assert f'value="{third}"' not in page
    found = alice.get(f"{THINGS}/trash?q=thíng 001").text
    assert "Thing 001" in found
    assert "Thing 000" not in found
    assert "Nothing here matches" in alice.get(f"{THINGS}/trash?q=nothing").text


def test_the_trash_is_read_page_by_page(one: Office, people, client_of) -> None:
    with one:
        ids = make_things(people, 120)
        thing.remove(ids)
    alice, seen, url = client_of("alice"), [], f"{THINGS}/trash"
    for _page in range(3):
        text = alice.get(url).text
        seen += [int(i) for i in re.findall(r'name="row" value="(\d+)"', text)]
        following = re.search(r'href="([^"]+before=\d+)" rel="next"', text)
        url = following[1].replace("&amp;", "&") if following else ""
    assert url == ""
    assert sorted(seen) == ids
    assert len(set(seen)) == 120


def test_what_went_together_comes_back_together_or_alone(one: Office, people, client_of) -> None:
    with one:
        ids = make_things(people, 4)
        thing.remove(ids[:3])
        thing.remove(ids[3:])
    alice = client_of("alice")
    page = alice.get(f"{THINGS}/trash").text
    assert page.count("Bring back all 3") == 1
    assert page.count('name="only"') == 4
    alice.post(f"{THINGS}/trash", data={"only": ids[0], "row": ids[:3]})
    with one:
        assert db.session.scalars(select(Thing.id)).all() == [ids[0]]
        group = db.session.scalars(select(Trash.group_id).where(Trash.row_id == ids[1])).one()
    alice.post(f"{THINGS}/trash", data={"group": group})
    with one:
        assert sorted(db.session.scalars(select(Thing.id))) == ids[:3]
    assert alice.post(f"{THINGS}/trash", data={"group": group}).status_code == 422
    assert alice.post(f"{THINGS}/trash").status_code == 422


@pytest.mark.parametrize("scope", ["own", "team"])
def test_record_rules_hold_in_the_trash(one: Office, two: Office, people, client_of, scope: str) -> None:
    with one:
        mine, theirs = make_things(people, 1, owner="bob"), make_things(people, 2, owner="dave")
        thing.remove(mine + theirs, group="together")
    with two:
        foreign = make_things(people, 1, owner="carol")
        thing.remove(foreign, group="together")
    may(one, people["bob"], "view", "delete", scope=scope)
    bob = client_of("bob")
    page = bob.get(f"{THINGS}/trash").text
    assert re.findall(r'name="row" value="(\d+)"', page) == [str(mine[0])]
    assert "Bring back all" not in page
    assert bob.post(f"{THINGS}/trash", data={"row": theirs + foreign}).status_code == 422
    bob.post(f"{THINGS}/trash?group=together")
    with one:
        assert db.session.scalars(select(Thing.id)).all() == mine
    with two:
        assert db.session.scalars(select(Thing.id)).all() == []


def test_the_trash_is_for_those_who_may_delete(one: Office, people, client_of) -> None:
    with one:
        ids = make_things(people, 1, owner="bob")
        thing.remove(ids)
    bob = client_of("bob")
    assert bob.get(f"{THINGS}/trash").status_code == 403
    assert bob.post(f"{THINGS}/trash", data={"row": ids}).status_code == 403


def test_a_taken_value_and_a_missing_setting_are_named(one: Office, client_of) -> None:
    with one:
        first = create_deal({"name": "First", "external_id": "X-1"}).id
        registry.resource("crm.deal").remove([first])
        second = create_deal({"name": "Second", "external_id": "X-1"}).id
    alice = client_of("alice")
    answer = alice.post("/c/one/crm/deals/trash", data={"row": first}, headers=HX)
    assert answer.status_code == 409
    assert "“X-1” has been given to another one meanwhile" in answer.text
    with one:
        assert db.session.scalars(select(Deal.id)).all() == [second]
        pipeline = registry.resource("crm.pipeline").add({"name": "Partners", "position": 9, "active": True})
        stage = registry.resource("crm.stage")
        where = {"pipeline_id": pipeline.id, "type": "open", "position": 1}
        pipeline_id, begun = pipeline.id, stage.add({"name": "Begun", **where}).id
        stage.remove([s.id for s in db.session.scalars(select(Stage).where(Stage.pipeline_id == pipeline_id))])
        registry.resource("crm.pipeline").remove([pipeline_id])
    answer = alice.post("/c/one/crm/stages/trash", data={"row": begun}, headers=HX)
    assert answer.status_code == 422
    assert "“Partners”, which this needs, lies in the trash" in answer.text
    with one:
        with pytest.raises(BusinessError, match="Partners"):
            registry.resource("crm.stage").bring_back([begun])
        registry.resource("crm.pipeline").bring_back([pipeline_id])
        registry.resource("crm.stage").bring_back([begun])
        assert db.session.get(Stage, begun) is not None
        assert db.session.get(Pipeline, pipeline_id) is not None


# Every resource


def test_every_resource_has_them(app, one: Office, people, client_of) -> None:
    walk = Walk(app)
    with one:
        rows = walk.make_rows(people["alice"].member_id, "of alice")
        addresses = {r.key: f"/c/one/{r.module}/{r.plural}" for r in registry.resources()}
        fields = {r.key: next(f.name for f in r.fields if f.editable) for r in registry.resources()}
        assert {m.name for m in lifecycle.enabled_modules()} >= {key.split(".")[0] for key in addresses}
    alice = client_of("alice")
    for key, url in addresses.items():
        assert alice.get(f"{url}/trash").status_code == 200, key
        assert alice.get(f"{url}/{rows[key]}/remove").status_code == 200, key
        assert alice.get(f"{url}/{rows[key]}/cells/{fields[key]}", headers=HX).status_code == 200, key
        asked = alice.post(f"{url}/mass", data={"mass-row": rows[key]}, headers=HX)
        assert asked.status_code == 200, key
        assert f'value="{rows[key]}.' in asked.text, key


def test_what_was_merged_leads_to_what_it_became_and_comes_apart(one: Office, people, client_of) -> None:
    with one:
        winner, loser = make_things(people, 2)
        merging.merge(thing, winner, [loser], {"pieces": 7}, {winner: 1, loser: 1})
    alice = client_of("alice")
    gone = alice.get(f"{THINGS}/{loser}")
    assert gone.status_code == 410
    assert "merged it into another one" in gone.text
    assert f'{THINGS}/{winner}"' in gone.text
    assert "Merged" in alice.get(f"{THINGS}/trash").text
    alice.post(f"{THINGS}/trash", data={"row": loser})
    with one:
        assert sorted(db.session.scalars(select(Thing.id))) == [winner, loser]
        assert db.session.get_one(Thing, winner).pieces is None
    may(one, people["bob"], "view", "delete")
    with one:
        merging.merge(thing, winner, [loser], {}, {winner: None, loser: None})
    assert client_of("bob").post(f"{THINGS}/trash", data={"row": loser}).status_code == 403
