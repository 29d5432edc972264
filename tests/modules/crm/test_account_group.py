"""What an account and its subsidiaries have bought and have open, each and together; and their deals on the timeline."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine

from app.core.money import Money
from app.core.registry import registry
from app.modules.crm import services
from app.modules.crm.accounts.group import below, group_of, top
from tests.modules.crm.making import euros, make_deal, move, statements

TREE = {1: None, 2: 1, 3: 1, 4: 2, 5: None, 6: 7, 7: 6}


def test_a_group_is_the_account_and_all_below_it():
    assert below(1, TREE) == {1: 0, 2: 1, 4: 2, 3: 1}
    assert list(below(1, TREE)) == [1, 2, 4, 3]
    assert below(5, TREE) == {5: 0}


def test_a_circle_ends_the_walk():
    assert below(6, TREE) == {6: 0, 7: 1}
    assert top(6, TREE) == 7


def test_the_head_of_a_group_is_the_account_without_parent():
    assert (top(4, TREE), top(1, TREE)) == (1, 1)


def account(name: str, parent: int | None = None, owner: int | None = None) -> int:
    return registry.resource("contacts.account").add({"name": name, "parent_id": parent, "owner_id": owner}).id


@pytest.fixture
def group(one: Any, people: dict) -> dict[str, int]:
    """Head (won 1,000 this year, 500 last year), its Daughter (open 2,000 at 10 %), her Grandchild (won 300); Other."""
    with one, time_machine.travel("2025-03-10T09:00Z", tick=False) as clock:
        ids = {"head": account("Head")}
        ids["daughter"] = account("Daughter", ids["head"])
        ids["grandchild"] = account("Grandchild", ids["daughter"])
        ids["other"] = account("Other")
        bob = people["bob"].member_id
        move(make_deal(account_id=ids["head"], amount=euros(500), owner_id=bob), "won")
        clock.move_to("2026-03-10T09:00Z")
        move(make_deal(account_id=ids["head"], amount=euros(1000), owner_id=bob), "won")
        make_deal(account_id=ids["daughter"], amount=euros(2000), owner_id=bob, name="Kiln")
        move(make_deal(account_id=ids["grandchild"], amount=euros(300), owner_id=bob), "won")
        move(make_deal(account_id=ids["other"], amount=euros(9000), owner_id=bob), "won")
    return ids


def test_revenue_and_pipeline_roll_up(one, group):
    with one, time_machine.travel("2026-04-01T09:00Z", tick=False):
        found = group_of(group["head"])
        assert [(line.name, line.depth) for line in found.lines] == [("Head", 0), ("Daughter", 1), ("Grandchild", 2)]
        assert [line.won for line in found.lines] == [euros(1000), Money(0, "EUR"), euros(300)]
        assert [line.won_before for line in found.lines] == [euros(500), Money(0, "EUR"), Money(0, "EUR")]
        assert [line.open for line in found.lines] == [Money(0, "EUR"), euros(2000), Money(0, "EUR")]
        assert (found.total.won, found.total.won_before) == (euros(1300), euros(500))
        assert (found.total.open, found.total.weighted, found.total.deals) == (euros(2000), euros(200), 1)


def test_an_account_in_the_middle_shows_what_is_below_it_and_names_the_head(one, group):
    with one, time_machine.travel("2026-04-01T09:00Z", tick=False):
        found = group_of(group["daughter"])
        assert (found.total.won, found.total.open) == (euros(300), euros(2000))
        assert found.head == (group["head"], "Head")


def test_the_statements_of_a_group_do_not_grow_with_it(one, group):
    with one:
        with statements() as few:
            group_of(group["grandchild"])
        with statements() as many:
            group_of(group["head"])
        assert len(many) <= len(few) + 1  # names of the accounts' dimension


def test_the_page_of_an_account_shows_its_group(group, client_of):
    page = client_of("alice").get(f"/c/one/crm/accounts/{group['head']}/group").text
    assert "Grandchild" in page
    assert "Other" not in page.partition("v-group-sums")[2].partition("</table>")[0]


def test_a_rep_sees_own_figures_of_a_group(group, client_of):
    page = client_of("dave").get(f"/c/one/crm/accounts/{group['head']}/group").text
    assert "1,300" not in page


def told(client: Any, path: str) -> str:
    return client.get(f"/c/one/contacts/{path}/history").text


def test_the_timeline_of_an_account_tells_of_its_deals(group, client_of):
    page = told(client_of("alice"), f"accounts/{group['head']}")
    assert page.count("began the deal “Press line”") == 2
    assert page.count("won “Press line”") == 2
    assert "1,000" in page


def test_what_was_taken_back_is_not_told(one, group, client_of):
    with one:
        deal = make_deal(account_id=group["other"], name="Oven")
        services.undo(deal, move(deal, "won").id)
    page = told(client_of("alice"), f"accounts/{group['other']}")
    assert "began the deal “Oven”" in page
    assert "won “Oven”" not in page


def test_deals_of_others_are_not_told(group, client_of):
    assert "Press line" not in told(client_of("dave"), f"accounts/{group['head']}")


def test_deals_with_a_person_are_told_on_their_page(one, group, client_of):
    with one:
        person = registry.resource("contacts.contact").add({"name": "Ada", "account_id": group["head"]})
        make_deal(contact_id=person.id, account_id=group["head"], name="Lathe")
    assert "began the deal “Lathe”" in told(client_of("alice"), f"contacts/{person.id}")
