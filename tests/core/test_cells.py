"""Editing one cell of a list: the answer is that cell; what goes wrong is said beside the control."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.core import writes
from app.core.db import db
from app.modules.crm.services import create_deal
from tests.conftest import Office
from tests.dummy_module.models import Thing
from tests.modules.crm.making import stage

URL = "/c/one/dummy/things"
HX = {"HX-Request": "true"}


@pytest.fixture
def row_id(one: Office, people) -> int:
    with one:
        return writes.bulk_insert(Thing, [{"name": "Nut", "pieces": 3, "owner_id": people["bob"].member_id}])[0]


def test_a_cell_is_asked_for_and_saved_alone(one: Office, row_id: int, client_of) -> None:
    bob, url = client_of("bob"), f"{URL}/{row_id}/cells/pieces"
    asked = bob.get(url, headers=HX).text
    assert asked.lstrip().startswith("<td")
    assert 'name="version" value="1"' in asked
    assert 'value="3"' in asked
    saved = bob.post(url, data={"pieces": "1200", "version": "1"}, headers=HX)
    assert saved.status_code == 200
    assert saved.text.lstrip().startswith("<td")
    assert "1,200" in saved.text
    assert f'data-edit="{url}"' in saved.text
    assert "hx-partial" not in saved.text
    with one:
        assert db.session.scalars(select(Thing.pieces)).one() == 1200


def test_an_error_stands_beside_the_control_with_what_was_typed(row_id: int, client_of) -> None:
    answer = client_of("bob").post(f"{URL}/{row_id}/cells/pieces", data={"pieces": "lots", "version": "1"}, headers=HX)
    assert answer.status_code == 422
    assert "is not a number" in answer.text
    assert 'value="lots"' in answer.text
    assert answer.text.lstrip().startswith("<td")


def test_a_late_save_shows_both_values_and_a_second_one_wins(one: Office, row_id: int, client_of) -> None:
    bob, url = client_of("bob"), f"{URL}/{row_id}/cells/pieces"
    with one:
        writes.update(db.session.get_one(Thing, row_id), {"pieces": 44})
    late = bob.post(url, data={"pieces": "55", "version": "1"}, headers=HX)
    assert late.status_code == 409
    assert "Saved meanwhile: 44" in late.text
    assert "Yours: 55" in late.text
    assert 'name="version" value="2"' in late.text
    assert bob.post(url, data={"pieces": "55", "version": "2"}, headers=HX).status_code == 200


def test_a_row_given_out_of_sight_says_so_and_is_edited_no_more(row_id: int, people, client_of) -> None:
    answer = client_of("bob").post(
        f"{URL}/{row_id}/cells/owner_id", data={"owner_id": people["dave"].member_id, "version": "1"}, headers=HX
    )
    assert answer.status_code == 200
    assert "Dave" in answer.text
    assert "in other hands" in answer.text
    assert "data-edit=" not in answer.text


def test_rules_of_the_module_hold(one: Office, client_of) -> None:
    with one:
        deal_id, won = create_deal({"name": "Deal"}).id, stage("won").id
    url = f"/c/one/crm/deals/{deal_id}/cells/stage_id"
    answer = client_of("alice").post(url, data={"stage_id": won, "version": "1"}, headers=HX)
    assert answer.status_code == 422
    assert "amount" in answer.text


def test_without_javascript_it_is_a_page_that_leads_to_the_record(row_id: int, client_of) -> None:
    bob, url = client_of("bob"), f"{URL}/{row_id}/cells/pieces"
    assert "<html" in bob.get(url).text
    assert bob.post(url, data={"pieces": "5", "version": "1"}).location.endswith(f"/things/{row_id}")
    assert bob.post(url, data={"pieces": "5"}, headers=HX).status_code == 400


def test_what_is_not_to_be_edited_or_seen_is_not_there(row_id: int, client_of) -> None:
    assert client_of("bob").get(f"{URL}/{row_id}/cells/created_at").status_code == 404
    assert client_of("dave").get(f"{URL}/{row_id}/cells/pieces").status_code == 404
