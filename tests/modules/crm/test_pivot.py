"""The pivot page: every cell and every total is the figure of the registry, also where parts do not add up."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
import time_machine
from openpyxl import load_workbook

from tests.modules.crm.making import euros, make_deal, move, statements

PIVOT = "/c/one/crm/pivot"
YEAR = "period__gte=2026-01-01&period__lte=2026-12-31"


@pytest.fixture
def year(one: Any, people: dict) -> None:
    """Won by bob 1,000 in January, 2,000 in May; by dave 500 in May. Lost by bob in May: 4,000."""
    bob, dave = people["bob"].member_id, people["dave"].member_id
    with one, time_machine.travel("2026-01-10T09:00Z", tick=False) as clock:
        move(make_deal(amount=euros(1000), owner_id=bob, product="Kiln"), "won")
        clock.move_to("2026-05-10T09:00Z")
        move(make_deal(amount=euros(2000), owner_id=bob, product="Press"), "won")
        move(make_deal(amount=euros(500), owner_id=dave, product="=1+1"), "won")
        move(make_deal(amount=euros(4000), owner_id=bob), "lost")


def rows(client: Any, query: str) -> list[list[str]]:
    answer = client.get(f"{PIVOT}/file?{YEAR}&{query}&format=csv")
    assert answer.status_code == 200, answer.text
    return list(csv.reader(io.StringIO(answer.text.lstrip("\ufeff"))))


def test_cells_and_totals_by_owner_and_quarter(year, client_of):
    table = rows(client_of("alice"), "measure=crm.won_amount&rows=owner&columns=quarter")
    assert table[0][1:] == ["Q1 2026", "Q2 2026", "Total"]
    assert [line[1:] for line in table[1:]] == [["1000.00", "2000.00", "3000.00"], ["", "500.00", "500.00"], ["1000.00", "2500.00", "3500.00"]]


def test_two_dimensions_in_the_rows(year, client_of):
    table = rows(client_of("alice"), "measure=crm.won_count&rows=owner&rows2=product&columns=")
    assert [line[1:] for line in table[1:]] == [["Kiln", "1"], ["Press", "1"], ["'=1+1", "1"], ["", "3"]]


def test_totals_of_ratios_are_worked_out_anew(year, client_of):
    table = rows(client_of("alice"), "measure=crm.win_rate&rows=owner&columns=quarter")
    assert [line[-1] for line in table[1:]] == ["0.666667", "1", "0.75"]


def test_shares_of_rows_columns_and_everything(year, client_of):
    ask = "measure=crm.won_amount&rows=owner&columns=quarter&show="
    assert rows(client_of("alice"), ask + "row")[1][1:] == ["0.333333", "0.666667", "1"]
    assert rows(client_of("alice"), ask + "column")[1][1:] == ["1", "0.8", "0.857143"]
    assert rows(client_of("alice"), ask + "all")[1][1:] == ["0.285714", "0.571429", "0.857143"]


def test_shares_of_a_ratio_are_refused_in_a_sentence(year, client_of):
    answer = client_of("alice").get(f"{PIVOT}?{YEAR}&measure=crm.win_rate&rows=owner&columns=quarter&show=row")
    assert answer.status_code == 422
    assert "add up to the whole" in answer.text


def test_a_split_that_a_measure_does_not_know_is_refused_in_a_sentence(client_of):
    answer = client_of("alice").get(f"{PIVOT}?measure=crm.won_amount&rows=colour")
    assert answer.status_code == 422
    assert "cannot be split like this" in answer.text


def test_largest_first(year, client_of):
    table = rows(client_of("alice"), "measure=crm.won_count&rows=product&columns=&sort=value")
    assert [line[1] for line in table[1:]] == ["1", "1", "1", "3"]
    by_owner = rows(client_of("alice"), "measure=crm.won_amount&rows=owner&columns=&sort=value")
    assert [line[1] for line in by_owner[1:-1]] == ["3000.00", "500.00"]


def test_stages_stand_in_the_order_of_their_pipeline(one, client_of):
    """Not in that of their names: Contact, Negotiation, Proposal, Qualified."""
    with one:
        for place in (4, 2, 3, 1):
            deal = make_deal()
            if place > 1:
                move(deal, place)
    table = rows(client_of("alice"), "measure=crm.open_count&rows=stage&columns=")
    assert [line[0] for line in table[1:5]] == ["Contact", "Qualified", "Proposal", "Negotiation"]


def test_a_rep_sees_own_figures_alone(year, client_of):
    assert [line[-1] for line in rows(client_of("dave"), "measure=crm.won_amount&rows=owner&columns=quarter")[1:]] == ["500.00", "500.00"]


def test_a_cell_leads_to_its_records(year, client_of):
    client = client_of("alice")
    page = client.get(f"{PIVOT}?{YEAR}&measure=crm.won_amount&rows=owner&columns=quarter").text
    address = page.partition("€500")[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    assert "/admin/figures?" in address
    found = client.get(address)
    assert found.status_code == 200
    assert "Press line" in found.text


def test_as_of_a_day_of_the_past(year, client_of):
    table = rows(client_of("alice"), "measure=crm.won_amount&rows=owner&columns=&as_of=2026-03-31")
    assert [line[-1] for line in table[1:]] == ["1000.00", "1000.00"]


def test_the_workbook_holds_numbers(year, client_of):
    body = client_of("alice").get(f"{PIVOT}/file?{YEAR}&measure=crm.won_amount&rows=owner&columns=quarter&format=xlsx").data
    sheet = load_workbook(io.BytesIO(body)).active
    assert [cell.value for cell in sheet[sheet.max_row]][1:] == [1000, 2500, 3500]


def test_an_unknown_kind_of_file_is_a_sentence(client_of):
    assert client_of("alice").get(f"{PIVOT}/file?format=doc").status_code == 422


def save(client: Any, name: str, **more: str) -> Any:
    return client.post(f"{PIVOT}/saved", data={"measure": "crm.won_count", "rows": "owner", "name": name, **more})


def test_a_saved_pivot_is_ones_own_until_it_is_shared(year, client_of):
    bob, dave = client_of("bob"), client_of("dave")
    assert save(bob, "Mine").status_code == 303
    save(bob, "For all", shared="1")
    assert ">Mine<" in bob.get(PIVOT).text
    page = dave.get(PIVOT).text
    assert ">For all<" in page
    assert ">Mine<" not in page


def test_saving_under_the_same_name_replaces(year, client_of):
    bob = client_of("bob")
    save(bob, "Mine")
    save(bob, "Mine", rows="product")
    page = bob.get(PIVOT).text
    assert page.count(">Mine<") == 1
    assert "rows=product" in page


def test_a_name_is_needed(client_of):
    answer = save(client_of("bob"), "  ")
    assert answer.status_code == 422


def test_only_who_saved_it_or_an_admin_deletes(year, client_of):
    bob, dave, alice = client_of("bob"), client_of("dave"), client_of("alice")
    save(bob, "For all", shared="1")
    assert dave.post(f"{PIVOT}/saved/1/delete").status_code == 403
    assert alice.post(f"{PIVOT}/saved/1/delete").status_code == 303
    assert bob.post(f"{PIVOT}/saved/1/delete").status_code == 404


def test_the_statements_do_not_grow_with_the_table(year, one, people, client_of):
    client = client_of("alice")

    def asked() -> int:
        with one, statements() as sent:
            assert client.get(f"{PIVOT}?{YEAR}&measure=crm.won_amount&rows=product&columns=month").status_code == 200
        return len(sent)

    asked()
    few = asked()
    with one, time_machine.travel("2026-07-10T09:00Z", tick=False):
        for number in range(30):
            move(make_deal(amount=euros(10), owner_id=people["bob"].member_id, product=f"P{number}"), "won")
    assert asked() == few
