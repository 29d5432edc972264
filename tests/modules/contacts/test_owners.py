"""Who looked after which account and when: kept through every way of giving an account to somebody else."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from app.core import merging
from app.core.clock import end_of, today
from app.core.db import db
from app.core.metrics import MetricQuery, drill, evaluate
from app.core.registry import registry
from app.modules.contacts.models import Account, AccountOwner


def account_resource() -> Any:
    return registry.resource("contacts.account")


def held(account_id: int) -> list[tuple[int, date, date | None]]:
    rows = select(AccountOwner).where(AccountOwner.account_id == account_id).order_by(AccountOwner.valid_from)
    return [(row.member_id, row.valid_from, row.valid_to) for row in db.session.scalars(rows)]


@pytest.fixture
def bob(people: dict) -> int:
    return people["bob"].member_id


@pytest.fixture
def dave(people: dict) -> int:
    return people["dave"].member_id


def make(owner_id: int | None, name: str = "Mill") -> Account:
    return account_resource().add({"name": name, "owner_id": owner_id})


def give(account: Account, owner_id: int | None) -> None:
    account_resource().change(account, {"owner_id": owner_id})


def test_a_hand_over_ends_one_stretch_and_begins_the_next(one, bob, dave):
    with one, time_machine.travel("2026-03-02T09:00Z", tick=False) as clock:
        account = make(bob)
        clock.move_to("2026-03-20T09:00Z")
        give(account, dave)
        assert held(account.id) == [(bob, date(2026, 3, 2), date(2026, 3, 19)), (dave, date(2026, 3, 20), None)]


def test_of_several_hand_overs_on_one_day_the_last_counts(one, bob, dave):
    with one, time_machine.travel("2026-03-02T09:00Z", tick=False) as clock:
        account = make(bob)
        clock.move_to("2026-03-20T09:00Z")
        give(account, dave)
        give(account, None)
        assert held(account.id) == [(bob, date(2026, 3, 2), date(2026, 3, 19))]


def test_another_name_is_no_hand_over(one, bob):
    with one:
        account = make(bob)
        account_resource().change(account, {"name": "Mill & Sons"})
        assert held(account.id) == [(bob, today(), None)]


def test_accounts_of_an_import_have_an_owner_from_that_day_on(one, bob):
    with one:
        names = {f.name: None for f in account_resource().fields if f.editable}
        ids = account_resource().add_many([{**names, "name": "A", "owner_id": bob, "target": False},
                                           {**names, "name": "B", "owner_id": None, "target": False}])
        assert [held(i) for i in ids] == [[(bob, today(), None)], []]


@pytest.fixture
def year(one, bob, dave) -> dict[str, int]:
    """Mill: bob's from 2 March, dave's from 20 March. Forge: bob's from 10 March. Dairy: dave's in March until the 25th."""
    with one, time_machine.travel("2026-03-02T09:00Z", tick=False) as clock:
        mill, dairy = make(bob, "Mill"), make(dave, "Dairy")
        clock.move_to("2026-03-10T09:00Z")
        forge = make(bob, "Forge")
        clock.move_to("2026-03-20T09:00Z")
        give(mill, dave)
        clock.move_to("2026-03-26T09:00Z")
        give(dairy, None)
        return {"mill": mill.id, "forge": forge.id, "dairy": dairy.id}


def owned(day: date, by: tuple[str, ...] = ("owner",)) -> dict[Any, Any]:
    figure = evaluate("contacts.portfolio_accounts", MetricQuery(as_of=end_of(day), by=by))
    return {row.keys.get("owner"): row.value for row in figure.rows}


def moved(name: str, start: date, end: date) -> dict[int, Any]:
    rows = evaluate(f"contacts.{name}", MetricQuery(start=start, end=end, by=("owner",))).rows
    return {row.keys["owner"]: row.value for row in rows}


def test_portfolios_are_those_of_the_day_asked_for(one, bob, dave, year):
    with one:
        assert owned(date(2026, 3, 1)) == {}
        assert owned(date(2026, 3, 19)) == {bob: 2, dave: 1}
        assert owned(date(2026, 3, 20)) == {bob: 1, dave: 2}
        assert owned(date(2026, 4, 1)) == {bob: 1, dave: 1}
        assert owned(date(2026, 4, 1), by=()) == {None: 2}


def test_what_came_and_went_is_the_difference_between_two_portfolios(one, bob, dave, year):
    start, end = date(2026, 3, 15), date(2026, 3, 31)
    with one:
        taken, given = moved("accounts_taken_over", start, end), moved("accounts_handed_over", start, end)
        assert (taken, given) == ({dave: 1}, {bob: 1, dave: 1})
        before, after = owned(date(2026, 3, 14)), owned(end)
        for member in (bob, dave):
            assert before[member] + taken.get(member, 0) - given.get(member, 0) == after[member]


def test_a_figure_of_portfolios_opens_the_accounts_behind_it(one, bob, year):
    with one:
        found = drill("contacts.portfolio_accounts", MetricQuery(as_of=end_of(date(2026, 3, 12)), filters={"owner": bob}))
        assert set(db.session.scalars(found)) == {year["mill"], year["forge"]}


def test_the_page_shows_all_portfolios_to_those_who_may_see_them(year, client_of):
    page = client_of("alice").get("/c/one/contacts/portfolios?from=2026-03-15&to=2026-03-31").text
    assert "Bob" in page
    assert "Dave" in page
    own = client_of("bob").get("/c/one/contacts/portfolios?from=2026-03-15&to=2026-03-31").text
    assert "Dave" not in own.partition("<main")[2]


def test_a_date_that_is_none_is_a_sentence(client_of):
    answer = client_of("alice").get("/c/one/contacts/portfolios?from=soon")
    assert answer.status_code == 422
    assert "is not a date" in answer.text


def test_the_account_tells_who_has_looked_after_it(year, client_of):
    page = client_of("alice").get(f"/c/one/contacts/accounts/{year['mill']}/owners").text
    assert page.index("Dave") < page.rindex("Bob")
    assert "18 days" in page


def test_of_accounts_that_are_merged_the_one_that_stays_keeps_its_owner_alone(one, bob, dave):
    with one, time_machine.travel("2026-03-02T09:00Z", tick=False) as clock:
        stays, goes = make(bob), make(dave, "Mill Ltd")
        clock.move_to("2026-03-20T09:00Z")
        group = merging.merge(account_resource(), stays.id, [goes.id], {}, {})
        assert held(stays.id) == [(bob, date(2026, 3, 2), None)]
        assert evaluate("contacts.portfolio_accounts", MetricQuery()).total.value == 1
        merging.unmerge(group)
        assert held(goes.id) == [(dave, date(2026, 3, 2), None)]


@pytest.mark.parametrize("period", ["from=0001-01-01", "to=9999-12-31", "from=2026-04-01&to=2026-03-01", "from=x"])
def test_a_period_that_is_none_is_refused_with_a_sentence(one, client_of, period):
    assert client_of("alice").get(f"/c/one/contacts/portfolios?{period}").status_code == 422
