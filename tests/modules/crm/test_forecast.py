"""The forecast: deals by expected month, moved from one to the other, and what a period brings by how sure it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from app.core.db import db
from app.core.money import Money
from app.modules.crm import services
from app.modules.crm.forecast.columns import column_of, target_day
from app.modules.crm.forecast.slips import Slips, slips_of
from app.modules.crm.models import Deal
from tests.modules.crm.making import euros, make_deal, move, stage, statements

PAGE = "/c/one/crm/forecast"
NOW = "2026-11-22T09:00Z"
HTMX = {"HX-Request": "true", "HX-Current-URL": f"http://localhost{PAGE}"}


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def make(one: Any, people: dict, clock: Any) -> Callable[..., int]:
    def create(name: str, expected: date | None, amount: int = 1000, position: int = 1, owner: str = "bob", **more: Any) -> int:
        with one:
            given = {"name": name, "amount": euros(amount), "expected_close": expected, "stage_id": stage(position).id,
                     "owner_id": people[owner].member_id}  # fmt: skip
            return make_deal(**given, **more).id

    return create


def column(page: str, key: str) -> str:
    """The html of a column."""
    return page.partition(f'id="month-{key}"')[2].partition("</section>")[0]


def now(one: Any, deal_id: int) -> Deal:
    with one:
        return db.session.scalar(select(Deal).where(Deal.id == deal_id))


def test_a_deal_stands_in_the_month_in_which_it_is_expected(make, client_of):
    for name, expected in (("Late", date(2026, 10, 30)), ("Now", date(2026, 11, 3)), ("Next", date(2026, 12, 31)), ("Far", date(2027, 5, 1)), ("Open", None)):
        make(name, expected)
    page = client_of("bob").get(PAGE).text
    for name, key in (("Late", "late"), ("Now", "2026-11"), ("Next", "2026-12"), ("Far", "later"), ("Open", "none")):
        assert f">{name}</a>" in column(page, key), name


def test_a_month_says_how_much_how_much_of_it_is_likely_and_what_is_committed(make, client_of):
    make("A", date(2026, 12, 5), 2000, position=1)  # 10 %
    make("B", date(2026, 12, 9), 1000, position=4, category="commit")  # 70 %
    head = column(client_of("bob").get(PAGE).text, "2026-12").partition("</header>")[0]
    assert "€3,000" in head
    assert "€900" in head
    assert "€1,000" in head


def test_a_deal_without_amount_is_counted_and_said_to_be_in_no_sum(make, one, people, client_of):
    with one:
        make_deal(name="Blank", amount=None, expected_close=date(2026, 12, 5), owner_id=people["bob"].member_id)
    head = column(client_of("bob").get(PAGE).text, "2026-12").partition("</header>")[0]
    assert "1 without amount or rate" in head


def post(client: Any, deal_id: int, month: str, version: int = 1) -> Any:
    return client.post(f"/c/one/crm/deals/{deal_id}/month", data={"month": month, "version": version}, headers=HTMX)


def test_moving_a_deal_to_another_month_puts_it_off_and_says_so(make, one, client_of):
    deal_id = make("Press", date(2026, 11, 28))
    answer = post(client_of("bob"), deal_id, "2027-01")
    assert answer.status_code == 200
    assert "Put off 1 time" in answer.text
    assert 'hx-target="#month-2027-01-cards"' in answer.text
    assert now(one, deal_id).expected_close == date(2027, 1, 28)


def test_the_heads_of_both_months_and_the_outlook_come_with_the_answer(make, client_of):
    deal_id = make("Press", date(2026, 11, 28), 1000)
    make("Other", date(2026, 12, 28), 500)
    text = post(client_of("bob"), deal_id, "2026-12").text
    assert "€1,500" in text.partition("month-2026-12-head")[2].partition("</hx-partial>")[0]
    assert "€0" in text.partition("month-2026-11-head")[2].partition("</hx-partial>")[0]
    assert 'hx-target="#outlook"' in text


def test_a_short_month_takes_its_last_day_and_a_day_that_is_over_the_last_of_the_month(one, clock):
    with one:
        assert target_day("2027-02", date(2026, 12, 31)) == date(2027, 2, 28)
        assert target_day("2026-11", date(2027, 1, 5)) == date(2026, 11, 30)
        assert target_day("2026-12", None) == date(2026, 12, 31)
        assert target_day("none", date(2026, 12, 31)) is None


@pytest.mark.parametrize("month", ["2026-10", "late", "later", "2026-13", "", "soon", "9999-12"])
def test_what_is_no_month_to_come_is_refused_in_a_sentence(make, one, client_of, month):
    deal_id = make("Press", date(2026, 11, 28))
    answer = post(client_of("bob"), deal_id, month)
    assert answer.status_code == 422
    assert now(one, deal_id).expected_close == date(2026, 11, 28)


def test_a_late_save_changes_nothing_and_brings_the_page_as_it_is(make, one, client_of):
    deal_id = make("Press", date(2026, 11, 28))
    post(client_of("bob"), deal_id, "2026-12")
    answer = post(client_of("bob"), deal_id, "2027-01", version=1)
    assert answer.status_code == 409
    assert 'id="forecast"' in answer.text
    assert now(one, deal_id).expected_close == date(2026, 12, 28)


def test_undo_takes_it_back_and_it_was_never_put_off(make, one, client_of):
    client, deal_id = client_of("bob"), make("Press", date(2026, 11, 28))
    said = post(client, deal_id, "2026-12").text
    undo = said.partition("/month/undo?event=")[2].partition('"')[0]
    answer = client.post(f"/c/one/crm/deals/{deal_id}/month/undo?event={undo}", headers=HTMX)
    assert answer.status_code == 200
    assert now(one, deal_id).expected_close == date(2026, 11, 28)
    with one:
        assert slips_of([deal_id]) == {}


def test_without_javascript_it_leads_back_to_the_page(make, client_of):
    deal_id = make("Press", date(2026, 11, 28))
    answer = client_of("bob").post(f"/c/one/crm/deals/{deal_id}/month", data={"month": "2026-12", "version": 1})
    assert answer.status_code == 303
    assert answer.location.endswith("/crm/forecast")


def test_a_rep_neither_sees_nor_moves_deals_of_others(make, client_of):
    deal_id = make("Secret", date(2026, 12, 28))
    assert "Secret" not in client_of("dave").get(PAGE).text
    assert post(client_of("dave"), deal_id, "2027-01").status_code == 404


def test_only_later_dates_are_slips(make, one, clock):
    deal_id = make("Press", date(2026, 12, 1))
    for wanted in (date(2026, 12, 31), date(2026, 12, 15), None, date(2027, 1, 15)):
        clock.shift(60)
        with one:
            services.change_deal(db.session.get_one(Deal, deal_id), {"expected_close": wanted})
    with one:
        assert slips_of([deal_id]) == {deal_id: Slips(2, 30 + 31)}


def test_what_the_period_brings_is_closed_first_and_then_by_how_sure_it_is(make, one, client_of, people):
    with one:
        move(make_deal(amount=euros(5000), owner_id=people["bob"].member_id), "won")
    make("A", date(2026, 12, 5), 1000, category="commit")
    make("B", date(2026, 12, 6), 2000, category="best_case")
    make("C", date(2026, 12, 7), 4000, category="pipeline")
    make("D", date(2026, 12, 8), 8000, category="omitted")
    make("E", date(2027, 1, 8), 16000, category="commit")
    page = client_of("bob").get(PAGE).text.partition('id="outlook"')[2].partition("</section>")[0]
    for text in ("Won already", "€5,000", "€1,000", "together €6,000", "€2,000", "together €8,000", "€4,000", "together €12,000"):
        assert text in page, text
    assert "€8,000" in page
    assert "together €20,000" not in page


def test_the_page_of_a_month_that_ends_the_year(clock, one):
    with one:
        assert column_of(date(2026, 12, 31)) == "2026-12"
        assert column_of(date(2027, 1, 1)) == "2027-01"
        assert column_of(date(2027, 4, 30)) == "2027-04"
        assert column_of(date(2027, 5, 1)) == "later"


def test_the_statements_do_not_grow_with_the_deals(make, one, client_of):
    client = client_of("bob")

    def asked() -> int:
        with one, statements() as sent:
            client.get(PAGE)
        return len(sent)

    make("First", date(2026, 12, 1))
    asked()
    few = asked()
    for number in range(20):
        make(f"Deal {number}", date(2026, 11 + number % 2, 25))
    assert asked() == few


def test_sums_are_in_company_currency_and_a_missing_rate_is_said(make, one, people, client_of):
    with one:
        make_deal(name="Yen", amount=Money(100_000, "JPY"), expected_close=date(2026, 12, 5), owner_id=people["bob"].member_id)
    head = column(client_of("bob").get(PAGE).text, "2026-12").partition("</header>")[0]
    assert "1 without amount or rate" in head
