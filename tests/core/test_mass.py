"""One change to many rows: seen before it is done, by the rules of the module, only rows of one's own, and undone."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from app.core import mass, writes
from app.core.db import db, utcnow
from app.core.errors import BusinessError
from app.core.models import Change, Membership, Role
from app.core.money import Money
from app.modules.crm import ledger
from app.modules.crm.models import Deal, DealEvent
from app.modules.crm.services import create_deal
from tests.cast import Person
from tests.conftest import Office
from tests.dummy_module.hooks import thing
from tests.dummy_module.models import Thing
from tests.modules.crm.making import stage
from tools.bench_measure import recording

THINGS = "/c/one/dummy/things"
DEALS = "/c/one/crm/deals"
HX = {"HX-Request": "true"}
ROWS = re.compile(r'name="mass-rows" value="([\d.\-]+)"')
UNDO = re.compile(r"/[^\"\s]*/mass/undo\?request=[^\"\s]+")


def make_things(people: dict[str, Person], count: int, **values: Any) -> list[int]:
    row = {"note": None, "colour": "red", "pieces": 1, "owner_id": people["alice"].member_id, **values}
    return writes.bulk_insert(Thing, [{**row, "name": f"Thing {n:04}"} for n in range(count)])


@pytest.fixture
def things(one: Office, people: dict[str, Person]) -> list[int]:
    with one:
        return make_things(people, 6)


def stored(one: Office, column: Any) -> list[Any]:
    with one:
        return list(db.session.scalars(select(column).order_by(Thing.id)))


def step(client: FlaskClient, where: str = THINGS, status: int = 200, **values: Any) -> str:
    """Send a step of the dialog; names of its own inputs are written without their prefix."""
    data = {k.replace("mass_", "mass-"): v for k, v in values.items()}
    answer = client.post(f"{where}/mass", data=data, headers=HX)
    assert answer.status_code == status, answer.text[:800]
    return answer.text


def carried(text: str) -> str:
    return ROWS.search(text)[1]


def test_a_field_is_chosen_seen_and_changed_and_the_log_knows_who(things, one: Office, people, client_of) -> None:
    alice = client_of("alice")
    text = step(alice, mass_row=things[:4])
    assert '<option value="colour">Colour</option>' in text
    assert "Change 4 rows" in text
    text = step(alice, mass_rows=carried(text), mass_field="colour")
    assert 'name="colour"' in text
    text = step(alice, mass_rows=carried(text), mass_field="colour", colour="green", mass_go="preview")
    assert "Thing 0000" in text
    assert "<del>Red</del>" in text
    assert "<ins>Green</ins>" in text
    assert stored(one, Thing.colour) == ["red"] * 6
    step(alice, mass_rows=carried(text), mass_field="colour", colour="green", mass_go="apply", status=204)
    assert stored(one, Thing.colour) == ["green"] * 4 + ["red"] * 2
    with one:
        lines = db.session.scalars(select(Change).where(Change.field == "colour")).all()
        assert {(c.actor_id, c.old, c.new) for c in lines} == {(people["alice"].member_id, "red", "green")}
        assert len({c.request_id for c in lines}) == 1


def test_without_javascript_each_step_is_a_page(things, one: Office, client_of) -> None:
    alice = client_of("alice")
    page = alice.post(f"{THINGS}/mass", data={"mass-row": things[:2], "mass-query": "q=thing"})
    assert page.status_code == 200
    assert "<html" in page.text
    data = {"mass-rows": carried(page.text), "mass-query": "q=thing", "mass-field": "pieces", "pieces": "7"}
    assert "Will change" in alice.post(f"{THINGS}/mass", data={**data, "mass-go": "preview"}).text
    done = alice.post(f"{THINGS}/mass", data={**data, "mass-go": "apply"})
    assert done.status_code == 303
    assert done.location.endswith("/dummy/things?q=thing")
    assert stored(one, Thing.pieces) == [7, 7, 1, 1, 1, 1]
    assert "2 rows changed." in alice.get(THINGS).text


def test_set_to_empty_is_said_and_refused_where_the_field_is_needed(things, one: Office, client_of) -> None:
    alice = client_of("alice")
    rows = carried(step(alice, mass_row=things))
    text = step(alice, mass_rows=rows, mass_field="colour", mass_go="preview", colour="", status=422)
    assert "tick “Set to empty”" in text
    text = step(alice, mass_rows=rows, mass_field="name", mass_go="apply", mass_empty="1", status=422)
    assert "This field is needed." in text
    text = step(alice, mass_rows=rows, mass_field="pieces", mass_go="preview", pieces="many", status=422)
    assert "is not a number" in text
    assert 'value="many"' in text
    step(alice, mass_rows=rows, mass_field="colour", mass_go="apply", mass_empty="1", status=204)
    assert stored(one, Thing.colour) == [None] * 6


def test_what_is_the_same_already_is_not_written(things, one: Office, client_of) -> None:
    alice = client_of("alice")
    rows = carried(step(alice, mass_row=things))
    before = stored(one, Thing.version)
    text = step(alice, mass_rows=rows, mass_field="colour", colour="red", mass_go="preview")
    assert re.search(r"The same already</dt><dd>6", text)
    assert 'value="apply"' not in text
    step(alice, mass_rows=rows, mass_field="colour", colour="red", mass_go="apply", status=204)
    assert stored(one, Thing.version) == before


def test_rows_saved_since_the_preview_are_reported_and_left(things, one: Office, client_of) -> None:
    alice = client_of("alice")
    rows = carried(step(alice, mass_row=things[:3]))
    with one:
        writes.update(db.session.get_one(Thing, things[1]), {"pieces": 99})
    text = step(alice, mass_rows=rows, mass_field="pieces", pieces="5", mass_go="apply")
    assert "Somebody saved these meanwhile" in text
    assert "Thing 0001" in text
    assert stored(one, Thing.pieces) == [5, 99, 5, 1, 1, 1]


def test_rows_of_others_are_neither_seen_nor_changed(one: Office, two: Office, people, client_of) -> None:
    with one:
        mine = make_things(people, 2, owner_id=people["bob"].member_id)
        theirs = make_things(people, 2, owner_id=people["dave"].member_id)
    with two:
        foreign = make_things(people, 1, owner_id=people["carol"].member_id)
    bob = client_of("bob")
    assert "Change 2 rows" in step(bob, mass_row=mine + theirs + foreign)
    forged = mass.as_text(dict.fromkeys(mine + theirs + foreign, 1))
    text = step(bob, mass_rows=forged, mass_field="colour", colour="green", mass_go="preview")
    assert "No longer there, or not yours to see." in text
    step(bob, mass_rows=forged, mass_field="colour", colour="green", mass_go="apply")
    assert stored(one, Thing.colour) == ["green", "green", "red", "red"]
    with two:
        assert db.session.scalars(select(Thing.colour)).all() == ["red"]


def test_all_that_the_list_shows_and_not_more(one: Office, people, client_of) -> None:
    with one:
        make_things(people, 60)
        make_things(people, 5, colour="green")
    alice = client_of("alice")
    text = step(alice, mass_row=["1"], mass_all="1", mass_query="colour=red")
    assert "Change 60 rows" in text
    step(alice, mass_rows=carried(text), mass_field="pieces", pieces="3", mass_go="apply", status=204)
    assert sorted(stored(one, Thing.pieces)) == [1] * 5 + [3] * 60


def test_nothing_ticked_and_damaged_forms_are_refused(things, one: Office, client_of) -> None:
    alice = client_of("alice")
    assert "Tick some rows first." in step(alice, status=422)
    for damaged in ("1.1-x", "1", "9" * 40 + ".1", "-"):
        assert "damaged" in step(alice, mass_rows=damaged, status=422)
    rows = carried(step(alice, mass_row=things))
    for damaged in ("{}", "[1]", '[1,2,3,[0],{},[]]', "x"):
        text = step(alice, mass_rows=rows, mass_field="pieces", pieces="5", mass_go="on", mass_tally=damaged, status=422)
        assert "damaged" in text
    assert stored(one, Thing.pieces) == [1] * 6


def test_too_many_rows_are_refused_with_a_sentence(things, one: Office, client_of, monkeypatch) -> None:
    monkeypatch.setattr(mass, "MOST", 5)
    alice = client_of("alice")
    assert "At most 5 rows" in step(alice, mass_row=things, status=422)
    assert "At most 5 rows" in step(alice, mass_all="1", status=422)


def test_very_many_are_changed_part_by_part_with_progress(things, one: Office, client_of, monkeypatch) -> None:
    monkeypatch.setattr(mass, "CHUNK", 2)
    alice = client_of("alice")
    rows, tally, total, seen = carried(step(alice, mass_row=things)), "", "", []
    go = {"mass_field": "pieces", "pieces": "8"}
    for _part in range(2):
        text = step(alice, mass_rows=rows, mass_tally=tally, mass_total=total, mass_go="on", **go)
        rows, tally, total = carried(text), _hidden(text, "mass-tally"), _hidden(text, "mass-total")
        seen.append(re.search(r'<progress[^>]*max="(\d+)" value="(\d+)"', text).groups())
    assert seen == [("6", "2"), ("6", "4")]
    assert stored(one, Thing.pieces) == [8, 8, 8, 8, 1, 1]
    step(alice, mass_rows=rows, mass_tally=tally, mass_total=total, mass_go="on", status=204, **go)
    page = alice.get(THINGS).text
    assert "6 rows changed." in page
    alice.post(_undo_address(page))
    assert stored(one, Thing.pieces) == [1] * 6


def test_a_request_that_takes_long_leaves_the_rest_to_the_next(one: Office, client_of, monkeypatch) -> None:
    monkeypatch.setattr(mass, "TURN", -1)
    with one:
        ids = [create_deal({"name": f"Deal {n}"}).id for n in range(3)]
    alice = client_of("alice")
    rows = carried(step(alice, DEALS, mass_row=ids))
    text = step(alice, DEALS, mass_rows=rows, mass_field="product", product="Pump", mass_go="preview")
    assert re.search(r"Will change</dt><dd>3", text)
    assert "2 rows have not been checked against the rules yet" in text
    text = step(alice, DEALS, mass_rows=rows, mass_field="product", product="Pump", mass_go="apply")
    assert "1 of 3 done" in text
    assert carried(text).count(".") == 2


def _hidden(text: str, name: str) -> str:
    return re.search(rf'name="{name}" value="([^"]*)"', text)[1].replace("&#34;", '"')


def _undo_address(page: str) -> str:
    return UNDO.search(page)[0].replace("&amp;", "&")


def change(client: FlaskClient, ids: list[int], where: str = THINGS, **values: str) -> str:
    """Change one field of rows and return the page of the list with its toast."""
    (name,) = values
    rows = carried(step(client, where, mass_row=ids))
    client.post(f"{where}/mass", data={"mass-rows": rows, "mass-field": name, "mass-go": "apply", **values}, headers=HX)
    return client.get(where).text


def test_undo_puts_back_the_old_values_of_every_kind(one: Office, people, client_of) -> None:
    with one:
        ids = make_things(people, 2)
        first = db.session.get_one(Thing, ids[0])
        thing.change(first, {"price": Money(1250, "EUR"), "ready": True, "mail": "a@b.example"})
    alice = client_of("alice")
    for name, value in (("price", "99"), ("ready", ""), ("mail", "x@y.example"), ("day", "2026-03-01"), ("share", "5"),
                        ("owner_id", str(people["bob"].member_id))):
        with one:
            before = [thing.values_of(row) for row in db.session.scalars(select(Thing).order_by(Thing.id))]
        page = change(alice, ids, **{name: value})
        with one:
            assert [thing.values_of(row) for row in db.session.scalars(select(Thing).order_by(Thing.id))] != before
        alice.post(_undo_address(page))
        with one:
            assert [thing.values_of(row) for row in db.session.scalars(select(Thing).order_by(Thing.id))] == before


def test_undo_leaves_rows_that_were_changed_since(things, one: Office, client_of) -> None:
    alice = client_of("alice")
    page = change(alice, things, pieces="4")
    with one:
        writes.update(db.session.get_one(Thing, things[0]), {"share": 50})
    alice.post(_undo_address(page))
    assert stored(one, Thing.pieces) == [4, 1, 1, 1, 1, 1]
    assert "1 row was changed again since" in alice.get(THINGS).text


def test_undo_is_for_oneself_and_for_ten_minutes(things, one: Office, people, client_of) -> None:
    alice, mona = client_of("alice"), client_of("mona")
    address = _undo_address(change(alice, things, pieces="4"))
    assert mona.post(address, headers=HX).status_code == 409
    with one as session:
        session.execute(update(Change).values(at=utcnow() - timedelta(minutes=11)),
                        execution_options={"synchronize_session": False})
    assert alice.post(address, headers=HX).status_code == 409
    assert stored(one, Thing.pieces) == [4] * 6


def test_undo_is_not_offered_where_the_log_cut_the_text(one: Office, people, client_of) -> None:
    with one:
        ids = make_things(people, 2, note="n" * 600)
    assert not UNDO.search(change(client_of("alice"), ids, note="short"))


def test_deals_go_back_with_their_ledger_and_not_where_more_than_the_field_was_changed(one: Office, client_of) -> None:
    with one:
        ids = [create_deal({"name": f"Deal {n}", "amount": Money(1000 + n, "EUR")}).id for n in range(3)]
        first, second, won = stage(1).id, stage(2).id, stage("won").id
    alice = client_of("alice")
    assert not UNDO.search(change(alice, ids[:1], DEALS, stage_id=str(won)))
    for name, value in (("amount", "50"), ("stage_id", str(second))):
        alice.post(_undo_address(change(alice, ids[1:], DEALS, **{name: value})))
        with one:
            deals = db.session.scalars(select(Deal).order_by(Deal.id)).all()
            assert [(d.amount_minor, d.stage_id) for d in deals[1:]] == [(1001, first), (1002, first)]
            for deal in deals:
                events = db.session.scalars(select(DealEvent).where(DealEvent.deal_id == deal.id)).all()
                assert ledger.replay(events) == ledger.DealState.of(deal)


def test_what_was_given_out_of_sight_offers_no_undo(one: Office, people, client_of) -> None:
    with one:
        ids = make_things(people, 2, owner_id=people["bob"].member_id)
    page = change(client_of("bob"), ids, owner_id=str(people["dave"].member_id))
    assert "2 rows changed." in page
    assert not UNDO.search(page)


def test_assigning_is_a_change_of_the_owner(things, one: Office, people, client_of) -> None:
    alice = client_of("alice")
    text = step(alice, mass_row=things[:2], mass_assign="1")
    assert "Assign 2 rows" in text
    assert 'name="owner_id"' in text
    bob = people["bob"].member_id
    step(alice, mass_rows=carried(text), mass_field="owner_id", owner_id=bob, mass_go="apply", status=204)
    assert stored(one, Thing.owner_id) == [bob, bob, *[people["alice"].member_id] * 4]


def test_the_rules_of_deals_hold_for_each_and_are_told_before(one: Office, client_of) -> None:
    with one:
        ids = [create_deal({"name": f"Deal {n}", "amount": Money(1000, "EUR") if n else None}).id for n in range(3)]
        won, lost = stage("won").id, stage("lost").id
    alice = client_of("alice")
    rows = carried(step(alice, DEALS, mass_row=ids))
    text = step(alice, DEALS, mass_rows=rows, mass_field="stage_id", stage_id=won, mass_go="preview")
    assert re.search(r"Will change</dt><dd>2", text)
    assert re.search(r"Left as they are</dt><dd>1", text)
    assert "Deal 0" in text
    with one:
        assert {d.state for d in db.session.scalars(select(Deal))} == {"open"}
    text = step(alice, DEALS, mass_rows=rows, mass_field="stage_id", stage_id=lost, mass_go="preview")
    assert re.search(r"Will change</dt><dd>0", text)
    text = step(alice, DEALS, mass_rows=rows, mass_field="stage_id", stage_id=won, mass_go="apply")
    assert "2 rows changed." in text
    with one:
        assert [d.state for d in db.session.scalars(select(Deal).order_by(Deal.id))] == ["open", "won", "won"]


def test_a_value_that_is_to_be_unique_is_refused_for_all_but_one(one: Office, client_of) -> None:
    with one:
        ids = [create_deal({"name": f"Deal {n}"}).id for n in range(3)]
    alice = client_of("alice")
    rows = carried(step(alice, DEALS, mass_row=ids))
    text = step(alice, DEALS, mass_rows=rows, mass_field="external_id", external_id="X-1", mass_go="preview")
    assert re.search(r"Will change</dt><dd>1", text)
    step(alice, DEALS, mass_rows=rows, mass_field="external_id", external_id="X-1", mass_go="apply")
    with one:
        assert sorted(d.external_id or "" for d in db.session.scalars(select(Deal))) == ["", "", "X-1"]


def test_throwing_many_away_asks_first_and_is_undone(things, one: Office, client_of) -> None:
    alice = client_of("alice")
    asked = alice.post(f"{THINGS}/mass/remove", data={"mass-row": things[:3]}, headers=HX)
    assert "Throw 3 rows away?" in asked.text
    assert len(stored(one, Thing.id)) == 6
    data = {"mass-rows": carried(asked.text), "mass-go": "remove"}
    assert alice.post(f"{THINGS}/mass/remove", data=data, headers=HX).status_code == 204
    assert stored(one, Thing.id) == things[3:]
    page = alice.get(THINGS).text
    assert "3 rows were thrown away." in page
    alice.post(re.search(r'action="([^"]+/trash\?group=[^"]+)"', page)[1])
    assert stored(one, Thing.id) == things


def test_rows_of_others_are_not_thrown_away(one: Office, people, client_of) -> None:
    with one as session:
        theirs = make_things(people, 2, owner_id=people["dave"].member_id)
        session.scalars(select(Role).filter_by(key="rep")).one().permissions = [thing.permission(v) for v in ("view", "delete")]
    bob = client_of("bob")
    forged = mass.as_text(dict.fromkeys(theirs, 1))
    bob.post(f"{THINGS}/mass/remove", data={"mass-rows": forged, "mass-go": "remove"}, headers=HX)
    assert stored(one, Thing.id) == theirs
    assert bob.post(f"{THINGS}/mass", data={"mass-rows": forged}).status_code == 403


def test_the_bar_offers_what_the_person_may(things, one: Office, people, client_of) -> None:
    with one as session:
        role = Role(key="reader", name="Reader", permissions=[thing.permission("view")], scopes={thing.key: "all"})
        session.add(role)
        session.flush()
        session.get_one(Membership, people["dave"].member_id).role_id = role.id
    page = client_of("alice").get(THINGS).text
    assert page.count("data-tick ") == 6
    assert all(words in page for words in ("Change a field…", "Assign to…", "Throw away…", "data-mass-export"))
    page = client_of("dave").get(THINGS).text
    assert "Thing 0000" in page
    assert "data-tick" not in page
    assert "mass-form" not in page


def test_the_chosen_rows_as_a_file(things, client_of) -> None:
    answer = client_of("alice").post(f"{THINGS}/mass/export", data={"mass-row": things[:2], "mass-query": "sort=-name"})
    assert answer.status_code == 200
    assert "attachment" in answer.headers["Content-Disposition"]
    lines = answer.text.strip().splitlines()
    assert ["Thing 0001" in lines[1], "Thing 0000" in lines[2], len(lines)] == [True, True, 3]


def test_a_preview_asks_the_database_as_often_for_many_rows_as_for_few(one: Office, people, app: Flask) -> None:
    with one:
        few, many = make_things(people, 3), make_things(people, 300)
    counts = []
    for ids in (few, many):
        with one, recording(app) as sent:
            rows = dict.fromkeys(ids, 1)
            found = mass.preview(thing, thing.field("owner_id"), people["bob"].member_id, rows)
            assert found.tally.changed == len(ids)
            assert found.samples[0].after == "Bob"
        counts.append(len([s for s in sent if s.counts]))
    assert counts[0] == counts[1] <= 4


def test_rows_survive_their_way_through_a_form() -> None:
    rows = {7: 1, 12: 34}
    assert mass.from_text(mass.as_text(rows)) == rows
    assert mass.from_text("") == {}
    with pytest.raises(BusinessError):
        mass.from_text("7.1-")
