"""What the addresses of the board and the deal page answer, without a browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select

from app.core.db import db
from app.core.models import Rate
from app.modules.contacts.models import Account
from app.modules.crm import services
from app.modules.crm.models import Deal, Reason, Stage
from tests.modules.crm.making import euros

BOARD = "/c/one/crm/board"
HTMX = {"HX-Request": "true", "HX-Current-URL": f"http://localhost{BOARD}"}


@pytest.fixture
def stages(one: Any) -> dict[str, int]:
    """Stage name -> id."""
    with one:
        return {s.name: s.id for s in db.session.scalars(select(Stage))}


@pytest.fixture
def make(one: Any, people: dict, stages: dict[str, int]) -> Callable[..., int]:
    """Create a deal of bob's and answer its id."""

    def create(name: str = "Pump", stage: str = "Contact", owner: str = "bob", **values: Any) -> int:
        with one:
            given = {"owner_id": people[owner].member_id, "stage_id": stages[stage], "amount": euros(1000), **values}
            return services.create_deal({"name": name, **given}).id

    return create


@pytest.fixture
def bob(client_of: Callable[[str], FlaskClient]) -> FlaskClient:
    return client_of("bob")


def today() -> date:
    """The date in the company's zone."""
    return datetime.now(ZoneInfo("Europe/Madrid")).date()


def now(one: Any, deal_id: int) -> Deal:
    with one:
        return db.session.scalar(select(Deal).where(Deal.id == deal_id))


def move(client: FlaskClient, deal_id: int, stage_id: int, version: int = 1, **more: Any) -> Any:
    data = {"stage_id": stage_id, "version": version, **more}
    return client.post(f"/c/one/crm/deals/{deal_id}/move", data=data, headers=HTMX)


def test_the_board_is_a_page_and_a_fragment(bob, make) -> None:
    make()
    page, part = bob.get(BOARD).text, bob.get(BOARD, headers=HTMX).text
    assert "<html" in page and "Pump" in page
    assert "<html" not in part and "Pump" in part


def test_a_rep_sees_their_own_deals_and_sums(bob, make) -> None:
    make("Pump")
    make("Valve", owner="dave")
    page = bob.get(BOARD).text
    assert "Pump" in page and "Valve" not in page
    assert "€1,000</span> in 1 deal" in page


@pytest.mark.parametrize("path", ["", "/card", "/close/6", "/move", "/undo?event=1"])
def test_another_teams_deal_does_not_exist(bob, make, path: str) -> None:
    address = f"/c/one/crm/deals/{make(owner='dave')}{path}"
    answer = bob.post(address) if path[:5] in ("/move", "/undo") else bob.get(address)
    assert answer.status_code == 404


def test_what_people_type_is_never_markup(bob, make, one) -> None:
    nasty = "<script>alert(1)</script>\"'"
    with one as session:
        account = Account(name=nasty)
        session.add(account)
        session.flush()
        account_id = account.id
    deal_id = make(nasty, account_id=account_id)
    for address in (BOARD, f"/c/one/crm/deals/{deal_id}", f"/c/one/crm/deals/{deal_id}/card"):
        page = bob.get(address).text
        assert "<script>alert" not in page and "&lt;script&gt;alert" in page


def test_an_unchanged_board_answers_304_and_a_changed_one_does_not(bob, make, one, stages) -> None:
    deal_id = make()
    stamp = _stamp(bob.get(BOARD).text)
    assert bob.get(BOARD, headers={**HTMX, "HX-PTag": stamp}).status_code == 304
    with one as session:
        services.move_deal(session.get_one(Deal, deal_id), stages["Proposal"], version=1)
    answer = bob.get(BOARD, headers={**HTMX, "HX-PTag": stamp})
    assert answer.status_code == 200
    assert _stamp(answer.text) != stamp


def _stamp(html: str) -> str:
    return html.split('data-stamp="')[1].split('"', maxsplit=1)[0]


def test_a_move_answers_the_card_and_the_two_heads_it_touched(bob, make, stages, one) -> None:
    deal_id = make()
    answer = move(bob, deal_id, stages["Proposal"])
    assert answer.status_code == 200
    assert now(one, deal_id).stage_id == stages["Proposal"]
    for target in (f"#deal-{deal_id}", f"#col-{stages['Contact']}-head", f"#col-{stages['Proposal']}-head", "#board-total"):
        assert f'hx-target="{target}"' in answer.text
    assert f"#col-{stages['Qualified']}-head" not in answer.text
    assert "/undo?event=" in answer.text


def test_a_stale_move_answers_409_with_the_board_as_it_is(bob, make, stages, one) -> None:
    deal_id = make()
    move(bob, deal_id, stages["Negotiation"])
    answer = move(bob, deal_id, stages["Proposal"], version=1)
    assert answer.status_code == 409
    assert 'hx-target="#board"' in answer.text
    assert "Somebody else has changed this deal" in answer.text
    assert now(one, deal_id).stage_id == stages["Negotiation"]


@pytest.mark.parametrize("data", [{}, {"stage_id": "x", "version": 1}, {"stage_id": 3}])
def test_a_move_that_cannot_be_read_is_refused(bob, make, data: dict) -> None:
    assert bob.post(f"/c/one/crm/deals/{make()}/move", data=data, headers=HTMX).status_code == 400


def test_a_stage_that_is_not_there_is_refused_with_a_sentence(bob, make) -> None:
    answer = move(bob, make(), 9999)
    assert answer.status_code == 422
    assert "There is no such stage" in answer.text


def test_losing_without_a_reason_comes_back_with_what_was_typed(bob, make, stages, one) -> None:
    deal_id = make()
    answer = move(bob, deal_id, stages["Lost"], reason_id="", reason_note="too dear")
    assert answer.status_code == 422
    assert "too dear" in answer.text and "v-error" in answer.text
    with one:
        reason_id = db.session.scalar(select(Reason.id).where(Reason.kind == "lost"))
    assert move(bob, deal_id, stages["Lost"], reason_id=reason_id).status_code == 200
    assert now(one, deal_id).state == "lost"


def test_a_closing_date_in_the_future_is_refused_beside_its_field(bob, make, stages, one) -> None:
    deal_id = make()
    later = today() + timedelta(days=3)
    answer = move(bob, deal_id, stages["Won"], amount="900", closed_on=later.isoformat())
    assert answer.status_code == 422
    assert "cannot be in the future" in answer.text
    assert now(one, deal_id).state == "open"


def test_a_late_closing_keeps_the_dialog_and_its_values(bob, make, stages) -> None:
    deal_id = make()
    move(bob, deal_id, stages["Proposal"])
    answer = move(bob, deal_id, stages["Won"], version=1, amount="1,750", closed_on=today().isoformat())
    assert answer.status_code == 409
    assert 'value="1,750"' in answer.text and 'name="version" value="2"' in answer.text


def test_undo_brings_the_deal_back_once(bob, make, stages, one) -> None:
    deal_id = make()
    undo = move(bob, deal_id, stages["Proposal"]).text.split('action="')[-1].split('"')[0].replace("&amp;", "&")
    assert bob.post(undo, headers=HTMX).status_code == 200
    assert now(one, deal_id).stage_id == stages["Contact"]
    again = bob.post(undo, headers=HTMX)
    assert again.status_code == 409
    assert "undone already" in again.text


def save_card(client: FlaskClient, deal_id: int, headers: dict = HTMX, **values: Any) -> Any:
    given = {"amount": "1,000", "expected_close": "", **values}
    return client.post(f"/c/one/crm/deals/{deal_id}/card", data=given, headers=headers)


def test_a_card_saved_without_a_change_offers_no_undo(bob, make, stages, people) -> None:
    deal_id = make()
    move(bob, deal_id, stages["Proposal"])
    same = {"owner_id": people["bob"].member_id, "stage_id": stages["Proposal"]}
    saved = save_card(bob, deal_id, version=2, **same)
    assert saved.status_code == 200
    assert "Saved: Pump" in saved.text and "/undo" not in saved.text
    assert "/undo?event=" in save_card(bob, deal_id, version=2, **{**same, "amount": "1,200"}).text


@pytest.mark.parametrize("query", ["owner_id=abc", "team=-1", "pipeline=x", "expected_close__gte=soon"])
def test_a_move_is_answered_though_the_filters_behind_it_cannot_be_read(bob, make, stages, one, query: str) -> None:
    deal_id = make()
    headers = {**HTMX, "HX-Current-URL": f"http://localhost{BOARD}?{query}"}
    data = {"stage_id": stages["Proposal"], "version": 1}
    answer = bob.post(f"/c/one/crm/deals/{deal_id}/move", data=data, headers=headers)
    assert answer.status_code == 200
    assert f'hx-target="#deal-{deal_id}"' in answer.text
    assert now(one, deal_id).stage_id == stages["Proposal"]


def test_a_deal_given_out_of_sight_leaves_the_board_with_a_word_and_no_undo(bob, make, stages, people, one) -> None:
    deal_id, given = make(), {"owner_id": people["dave"].member_id, "stage_id": stages["Contact"], "version": 1}
    answer = save_card(bob, deal_id, **given)
    assert answer.status_code == 200
    assert f'hx-target="#deal-{deal_id}" hx-swap="delete"' in answer.text
    assert "“Pump” belongs to Dave now." in answer.text and "/undo" not in answer.text
    assert now(one, deal_id).owner_id == people["dave"].member_id


@pytest.mark.parametrize("headers", [{}, {**HTMX, "HX-Current-URL": "http://localhost/c/one/crm/deals/1"}])
def test_elsewhere_a_deal_given_out_of_sight_leads_to_the_list(bob, make, stages, people, headers: dict) -> None:
    given = {"owner_id": people["dave"].member_id, "stage_id": stages["Contact"], "version": 1}
    answer = save_card(bob, make(), headers, **given)
    address = answer.headers.get("HX-Redirect") or answer.location
    assert address.endswith("/crm/deals")
    page = bob.get(address)
    assert page.status_code == 200
    assert "“Pump” belongs to Dave now." in page.text and "/undo" not in page.text


def test_the_board_searches_words_in_any_order_as_the_list_does(bob, make) -> None:
    make("Old pump press")
    for query in ("press old", "pump"):
        assert "Old pump press" in bob.get(BOARD, query_string={"q": query}).text
        assert "Old pump press" in bob.get("/c/one/crm/deals", query_string={"q": query}).text
    assert "Old pump press" not in bob.get(BOARD, query_string={"q": "old valve"}).text


def test_the_board_knows_ones_own_deals_by_me(client_of, make) -> None:
    make("Pump", owner="alice")
    make("Valve")
    page = client_of("alice").get(BOARD, query_string={"owner_id": "me"})
    assert page.status_code == 200
    assert "Pump" in page.text and "Valve" not in page.text


def test_without_htmx_a_move_leads_to_the_deal(bob, make, stages) -> None:
    deal_id = make()
    answer = bob.post(f"/c/one/crm/deals/{deal_id}/move", data={"stage_id": stages["Proposal"], "version": 1})
    assert answer.status_code == 303
    assert answer.location.endswith(f"/crm/deals/{deal_id}")
    assert "moved it from Contact to Proposal" in bob.get(answer.location).text


def test_on_the_page_of_the_deal_a_move_answers_the_page(bob, make, stages) -> None:
    deal_id = make()
    headers = {**HTMX, "HX-Current-URL": f"http://localhost/c/one/crm/deals/{deal_id}"}
    data = {"stage_id": stages["Proposal"], "version": 1}
    answer = bob.post(f"/c/one/crm/deals/{deal_id}/move", data=data, headers=headers)
    assert 'hx-target="#record"' in answer.text
    assert "#board" not in answer.text


def test_a_new_deal_that_the_filters_hide_says_so(bob, make, stages) -> None:
    make()
    headers = {**HTMX, "HX-Current-URL": f"http://localhost{BOARD}?q=pump"}
    data = {"stage": stages["Contact"], "name": "Valve", "amount": ""}
    answer = bob.post("/c/one/crm/board/quick", data=data, headers=headers)
    assert answer.status_code == 200
    assert "the filters hide it" in answer.text
    assert "€1,000</span> in 1 deal" in answer.text


def test_an_account_is_chosen_from_those_there_are(bob, stages) -> None:
    data = {"stage": stages["Contact"], "name": "Valve", "account_id": "Nowhere Ltd"}
    answer = bob.post("/c/one/crm/board/quick", data=data, headers=HTMX)
    assert answer.status_code == 422
    assert "Nowhere Ltd" in answer.text and 'value="Valve"' in answer.text


@pytest.mark.parametrize("query", ["owner_id=x", "team=-1", "expected_close__gte=soon", "pipeline=abc"])
def test_a_filter_that_cannot_be_read_gets_a_sentence(bob, query: str) -> None:
    answer = bob.get(f"{BOARD}?{query}")
    assert answer.status_code == 422
    assert "not a" in answer.text


def test_a_damaged_place_in_a_column_gets_a_sentence(bob, stages) -> None:
    answer = bob.get(f"/c/one/crm/board/columns/{stages['Contact']}?after=nonsense", headers=HTMX)
    assert answer.status_code == 422
    assert "damaged" in answer.text


def test_a_currency_without_rate_is_left_out_and_said(client_of, make, one) -> None:
    alice = client_of("alice")
    make("Pump", owner="alice")
    make("Dollars", owner="alice", amount=services.Money(500_00, "USD"))
    page = alice.get(BOARD).text
    assert "€1,000</span> in 2 deals" in page
    assert "1 left out" in page
    with one as session:
        session.add(Rate(currency="USD", valid_from=date(2020, 1, 1), rate=2))
    assert "€2,000</span> in 2 deals" in alice.get(BOARD).text


@pytest.mark.parametrize("address", [BOARD, "/c/one/crm/deals/1"])
def test_the_number_of_statements_does_not_grow_with_the_deals(client_of, make, one, stages, address: str) -> None:
    alice = client_of("alice")
    first = make(expected_close=today())
    counts = []
    for more in (2, 60):
        for n in range(more):
            make(f"Deal {n}", stage=("Contact", "Proposal")[n % 2], owner=("bob", "dave")[n % 2])
        for stage in ("Proposal", "Contact"):
            with one as session:
                deal = session.get_one(Deal, first)
                services.move_deal(deal, stages[stage], version=deal.version)
        alice.get(address)
        counts.append(_statements_of(one, lambda: alice.get(address)))
    assert counts[0] == counts[1] <= 40


def _statements_of(one: Any, ask: Callable[[], Any]) -> int:
    """How many statements an answer takes."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        sent.append(statement)

    with one.app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    assert ask().status_code == 200
    event.remove(engine, "before_cursor_execute", note)
    return len(sent)
