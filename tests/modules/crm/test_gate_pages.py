"""What the addresses answer where a stage asks for more: the dialog, the checklist, the quick form, the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.core.db import db
from app.core.models import Role
from app.modules.contacts.models import Account, Contact
from app.modules.crm import services
from app.modules.crm.gates.models import DealCheck, StageCheck
from app.modules.crm.models import Deal, Stage
from app.modules.crm.recording import history
from tests.core.api_client import asking
from tests.modules.crm.making import euros, reason

BOARD = "/c/one/crm/board"
HTMX = {"HX-Request": "true", "HX-Current-URL": f"http://localhost{BOARD}"}


@pytest.fixture
def stages(one: Any) -> dict[str, int]:
    """Stage name -> id."""
    with one:
        return {s.name: s.id for s in db.session.scalars(select(Stage))}


@pytest.fixture
def check(one: Any, stages: dict[str, int]) -> int:
    """Proposal asks for a product and one check, whose id this is."""
    with one:
        db.session.get_one(Stage, stages["Proposal"]).needs = "product"
        row = StageCheck(stage_id=stages["Proposal"], text="Drawing approved", position=1)
        db.session.add(row)
        db.session.flush()
        return row.id


@pytest.fixture
def deal(one: Any, people: dict, stages: dict[str, int]) -> int:
    with one:
        return services.create_deal({"name": "Pump", "owner_id": people["bob"].member_id, "amount": euros(1000)}).id


@pytest.fixture
def bob(client_of: Callable[[str], FlaskClient]) -> FlaskClient:
    return client_of("bob")


def now(one: Any, deal_id: int) -> Deal:
    with one:
        return db.session.scalar(select(Deal).where(Deal.id == deal_id))


def drop(client: FlaskClient, deal_id: int, stage_id: int, **more: Any) -> Any:
    return client.post(f"/c/one/crm/deals/{deal_id}/move", data={"stage_id": stage_id, "version": 1, **more}, headers=HTMX)


def test_a_card_dropped_before_a_closed_gate_is_answered_by_the_dialog_that_asks_what_is_missing(one, bob, deal, check, stages) -> None:
    refused = drop(bob, deal, stages["Proposal"])
    assert refused.status_code == 422
    assert 'name="product"' in refused.text and f'name="check_{check}"' in refused.text and "Drawing approved" in refused.text
    assert 'name="amount"' not in refused.text
    assert now(one, deal).stage_id == stages["Contact"]


def test_the_dialog_moves_the_deal_in_one_request(one, bob, deal, check, stages) -> None:
    moved = drop(bob, deal, stages["Proposal"], dialog=1, product="Press", **{f"check_{check}": "true"})
    assert moved.status_code == 200 and f'hx-target="#col-{stages["Proposal"]}-cards"' in moved.text
    found = now(one, deal)
    assert (found.stage_id, found.product) == (stages["Proposal"], "Press")
    undo = bob.post(f"/c/one/crm/deals/{deal}/undo?event={_last_event(one, deal)}", headers=HTMX)
    assert undo.status_code == 200 and now(one, deal).stage_id == stages["Contact"]


def _last_event(one: Any, deal_id: int) -> int:
    with one:
        return max(e.id for e in history(db.session.scalar(select(Deal).where(Deal.id == deal_id))))


def test_a_dialog_that_still_lacks_something_keeps_what_was_typed(one, bob, deal, check, stages) -> None:
    refused = drop(bob, deal, stages["Proposal"], dialog=1, product="Press")
    assert refused.status_code == 422 and "Drawing approved" in refused.text and 'value="Press"' in refused.text
    assert now(one, deal).product is None


def test_without_scripts_the_dialog_is_a_page(bob, deal, check, stages) -> None:
    page = bob.post(f"/c/one/crm/deals/{deal}/move", data={"stage_id": stages["Proposal"], "version": 1})
    assert page.status_code == 422 and "<html" in page.text and "Drawing approved" in page.text


def test_the_card_says_what_the_next_stage_misses(one, bob, deal, check, stages) -> None:
    drop(bob, deal, stages["Qualified"])
    page = bob.get(BOARD).text
    assert "0/2</span>" in page and "Missing for “Proposal”: Product, Drawing approved" in page
    ticked = bob.post(f"/c/one/crm/deals/{deal}/checks", data={"check": check, "done": 1}, headers=HTMX)
    assert 'aria-checked="true"' in ticked.text
    assert "1/2</span>" in bob.get(BOARD).text
    bob.post(f"/c/one/crm/deals/{deal}/checks", data={"check": check})
    with one:
        assert db.session.scalar(select(DealCheck.id)) is None


def test_a_deal_that_misses_nothing_has_no_mark(bob, deal, stages) -> None:
    assert "v-gate-mark" not in bob.get(BOARD).text


def test_the_api_names_each_field_and_check(one, people, deal, check, stages) -> None:
    program = asking(one.app, people["bob"])
    answer = program.patch(f"/api/v1/crm/deals/{deal}", json={"stage_id": stages["Proposal"], "version": 1})
    assert answer.status_code == 422
    assert {(e["field"], e.get("id")) for e in answer.json["errors"]} == {("product", None), ("checks", check)}


def test_the_quick_form_asks_what_the_gate_asks(one, bob, check, stages) -> None:
    form = bob.get(f"{BOARD}/quick?stage={stages['Proposal']}", headers=HTMX).text
    assert 'name="product"' in form and f'name="check_{check}"' in form
    data = {"stage": stages["Proposal"], "name": "New", "product": "Press"}
    assert bob.post(f"{BOARD}/quick", data=data, headers=HTMX).status_code == 422
    assert bob.post(f"{BOARD}/quick", data={**data, f"check_{check}": "true"}, headers=HTMX).status_code == 200
    with one:
        assert db.session.scalar(select(Deal).where(Deal.name == "New")).product == "Press"


def test_an_account_and_a_person_are_made_with_the_deal(one, bob) -> None:
    data = {"name": "First order", "new_account": "Nueva Conserva", "new_contact": "Rosa Sanchis", "amount": "5000"}
    made = bob.post("/c/one/crm/deals/new", data=data)
    assert made.status_code == 303
    with one:
        deal = db.session.scalar(select(Deal).where(Deal.name == "First order"))
        account = db.session.scalar(select(Account).where(Account.id == deal.account_id))
        person = db.session.scalar(select(Contact).where(Contact.id == deal.contact_id))
        assert (account.name, person.name, person.account_id) == ("Nueva Conserva", "Rosa Sanchis", account.id)


def test_a_new_account_that_exists_is_not_made_twice(one, bob) -> None:
    for name in ("One", "Two"):
        bob.post("/c/one/crm/deals/new", data={"name": name, "new_account": "Nueva Conserva"})
    with one:
        assert len(db.session.scalars(select(Account).where(Account.name == "Nueva Conserva")).all()) == 1


def test_a_refused_deal_leaves_no_account_behind(one, bob, check, stages) -> None:
    data = {"name": "X", "new_account": "Nueva Conserva", "stage_id": stages["Proposal"]}
    refused = bob.post("/c/one/crm/deals/new", data=data)
    assert refused.status_code == 422 and "Nueva Conserva" in refused.text
    with one:
        assert db.session.scalar(select(Account).where(Account.name == "Nueva Conserva")) is None


def test_who_may_make_no_accounts_is_not_asked_for_one(one, bob) -> None:
    with one:
        role = db.session.scalars(select(Role).where(Role.key == "rep")).one()
        role.permissions = [name for name in role.permissions if name != "contacts.account.create"]
    assert 'name="new_account"' not in bob.get("/c/one/crm/deals/new").text
    bob.post("/c/one/crm/deals/new", data={"name": "X", "new_account": "Nueva Conserva"})
    with one:
        assert db.session.scalar(select(Account).where(Account.name == "Nueva Conserva")) is None


def test_a_checklist_is_written_ordered_and_put_out_of_use(one, client_of, stages) -> None:
    admin, url = client_of("alice"), f"/c/one/crm/stages/{stages['Proposal']}/checks"
    for text in ("First", "Second"):
        assert admin.post(url, data={"text": text}, headers=HTMX).status_code == 200
    assert admin.post(url, data={"text": ""}, headers=HTMX).status_code == 422
    with one:
        first, second = db.session.scalars(select(StageCheck).order_by(StageCheck.position))
    assert admin.post(url, data={"check": second.id, "version": 1, "do": "up"}, headers=HTMX).status_code == 200
    assert admin.post(url, data={"check": first.id, "version": 1, "do": "off"}, headers=HTMX).status_code == 409
    assert admin.post(url, data={"check": first.id, "version": 2, "do": "off"}, headers=HTMX).status_code == 200
    with one:
        rows = db.session.execute(select(StageCheck.text, StageCheck.active).order_by(StageCheck.position)).all()
        assert [tuple(row) for row in rows] == [("Second", True), ("First", False)]


def test_a_reopened_deal_says_so_and_keeps_why_it_was_lost(one, bob, deal, stages) -> None:
    with one:
        reason_id = reason("lost").id
    bob.post(f"/c/one/crm/deals/{deal}/move", data={"stage_id": stages["Lost"], "version": 1, "reason_id": reason_id, "dialog": 1})
    page = bob.get(f"/c/one/crm/deals/{deal}").text
    assert f'value="{stages["Contact"]}"' in page and "Reopen" in page
    bob.post(f"/c/one/crm/deals/{deal}/move", data={"stage_id": stages["Contact"], "version": 2})
    page = bob.get(f"/c/one/crm/deals/{deal}").text
    assert "Reopened once" in page and "Price" in page and "reopened it in Contact" in page

