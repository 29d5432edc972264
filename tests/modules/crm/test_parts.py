"""What belongs to a deal: committee, competitors, credit and lines; their rules, panels, and what merging does to them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from app.core import merging
from app.core.db import db
from app.core.errors import BusinessError, Conflict
from app.core.models import Change
from app.core.registry import registry
from app.modules.crm.models import Deal
from app.modules.crm.parts import queries, services
from app.modules.crm.parts.models import DealCredit, DealLine, DealPerson
from tests.modules.crm.making import euros, make_deal, move

HTMX = {"HX-Request": "true"}


def contact(name: str = "Ana", **values: Any) -> Any:
    return registry.resource("contacts.contact").add({"name": name, **values})


def competitor(name: str = "Rival") -> Any:
    return registry.resource("crm.competitor").add({"name": name, "website": None, "strengths": None, "weaknesses": None, "active": True})


def line(name: str = "Press", quantity: str = "1", price: int = 100, discount: int = 0) -> dict[str, Any]:
    return {"name": name, "quantity": Decimal(quantity), "price": euros(price), "discount": discount}


def shares(deal: Deal) -> list[tuple[int, int, int]]:
    return [(row.member_id, row.percent, row.upto) for row in queries.credits_of(deal.id)]


def panel(deal_id: int, name: str) -> str:
    return f"/c/one/crm/deals/{deal_id}/{name}"


# The buying committee


def test_a_person_is_in_a_committee_once_with_a_part_and_a_stance(one):
    with one:
        deal, ana = make_deal(), contact()
        row = services.add_person(deal, ana.id, "decider", 1)
        with pytest.raises(BusinessError, match="already"):
            services.add_person(deal, ana.id, "user")
        with pytest.raises(BusinessError, match="part"):
            services.change_person(deal, row.id, "king", 0)
        with pytest.raises(BusinessError, match="neutral"):
            services.change_person(deal, row.id, "user", 2)
        services.change_person(deal, row.id, "blocker", -1, "hates us")
        assert [(p.name, p.role, p.stance) for p in queries.people_of(deal.id)] == [("Ana", "blocker", -1)]
        fields = db.session.scalars(select(Change.field).where(Change.table_name == "crm_deal_person", Change.row_id == row.id)).all()
        assert {"role", "stance", "note"} <= set(fields)
        services.remove_person(deal, row.id)
        with pytest.raises(Conflict, match="removed"):
            services.remove_person(deal, row.id)


def test_the_panel_of_people_is_edited_where_it_stands(one, client_of, people):
    with one:
        owner = people["bob"].member_id
        acme = registry.resource("contacts.account").add({"name": "Acme", "owner_id": owner})
        deal_id = make_deal(owner_id=owner, account_id=acme.id).id
        ana = contact(account_id=acme.id, owner_id=owner).id
    bob = client_of("bob")
    url = panel(deal_id, "people")
    assert "Nobody yet" in bob.get(url, headers=HTMX).text
    assert 'name="stance"' in bob.get(f"{url}?edit=new", headers=HTMX).text
    data = {"contact_id": ana, "role": "champion", "stance": "1", "note": ""}
    saved = bob.post(f"{url}?edit=new", data=data, headers=HTMX)
    assert (saved.status_code, "Champion" in saved.text, 'name="stance"' in saved.text) == (200, True, False)
    again = bob.post(f"{url}?edit=new", data=data, headers=HTMX)
    assert (again.status_code, "already" in again.text) == (422, True)
    nobody = bob.post(f"{url}?edit=new", data={**data, "contact_id": "", "name": ""}, headers=HTMX)
    assert (nobody.status_code, "Choose a person" in nobody.text) == (422, True)
    assert bob.post(f"{url}?edit=new", data={**data, "contact_id": "", "name": "Eva"}).status_code == 303
    with one:
        rows = queries.people_of(deal_id)
        assert [row.name for row in rows] == ["Ana", "Eva"]
        assert db.session.get(registry.resource("contacts.contact").model, rows[1].contact_id).account_id == acme.id
    edit = bob.get(f"{url}?edit={rows[0].id}")
    assert (edit.status_code, "Save" in edit.text) == (200, True)
    assert "Blocks" in bob.post(f"{url}?edit={rows[0].id}", data={"role": "blocker", "stance": "0"}, headers=HTMX).text
    assert "Ana" not in bob.post(url, data={"remove": rows[0].id}, headers=HTMX).text
    assert bob.post(url, data={"remove": rows[0].id}, headers=HTMX).status_code == 409


# Competitors


def test_only_a_lost_deal_is_lost_to_somebody_and_to_one_alone(one, client_of, people):
    with one:
        deal = make_deal(owner_id=people["bob"].member_id)
        first, second = services.compete(deal, competitor().id), services.compete(deal, competitor("Other").id, "cheap")
        with pytest.raises(BusinessError, match="already"):
            services.compete(deal, second.competitor_id)
        with pytest.raises(BusinessError, match="Only a lost deal"):
            services.lost_to(deal, first.id)
        deal_id, ids = deal.id, (first.id, second.id)
    bob = client_of("bob")
    assert "To whom" not in bob.get(panel(deal_id, "competitors")).text
    with one:
        move(db.session.get(Deal, deal_id), "lost")
    assert "To whom" in bob.get(panel(deal_id, "competitors"), headers=HTMX).text
    for winner in ids:
        assert bob.post(panel(deal_id, "competitors"), data={"winner": winner}, headers=HTMX).status_code == 200
    with one:
        assert [(row.name, row.winner) for row in queries.competitors_of(deal_id)] == [("Other", True), ("Rival", False)]
    assert "To whom" in bob.post(panel(deal_id, "competitors"), data={"winner": ""}, headers=HTMX).text


def test_a_new_competitor_is_named_where_it_is_met(one, client_of, people):
    with one:
        deal_id = make_deal(owner_id=people["bob"].member_id).id
    bob, url = client_of("bob"), panel(deal_id, "competitors")
    assert "Prensas SA" in bob.post(f"{url}?edit=new", data={"name": "Prensas SA"}, headers=HTMX).text
    again = bob.post(f"{url}?edit=new", data={"name": "prensas sa"}, headers=HTMX)
    assert (again.status_code, "already" in again.text) == (422, True)
    assert bob.post(f"{url}?edit=new", data={}, headers=HTMX).status_code == 422


# The credit


def test_a_split_of_99_percent_is_refused_and_nothing_typed_is_lost(one, client_of, people):
    with one:
        deal_id = make_deal(owner_id=people["bob"].member_id).id
    bob, url = client_of("bob"), panel(deal_id, "credit")
    assert "Bob, 100 %" in bob.get(url, headers=HTMX).text
    assert 'value="100"' in bob.get(f"{url}?edit=all", headers=HTMX).text
    data = {"seen": "", "member-0": people["bob"].member_id, "percent-0": "60", "member-1": people["mona"].member_id, "percent-1": "39"}
    answer = bob.post(url, data=data, headers=HTMX)
    assert answer.status_code == 422
    assert "The shares add up to 99 %; they have to add up to 100 %." in answer.text
    assert 'value="39"' in answer.text
    saved = bob.post(url, data={**data, "percent-1": "40"}, headers=HTMX)
    assert (saved.status_code, "60 %" in saved.text, "40 %" in saved.text) == (200, True, True)
    late = bob.post(url, data={**data, "percent-0": "50", "percent-1": "50"}, headers=HTMX)
    assert (late.status_code, 'value="50"' in late.text, "anew meanwhile" in late.text) == (409, True, True)
    wrong = bob.post(url, data={**data, "seen": "x", "member-1": "", "percent-1": "x"}, headers=HTMX)
    assert (wrong.status_code, "Whose share" in wrong.text) == (422, True)
    with one:
        assert [percent for _member, percent, _upto in shares(db.session.get(Deal, deal_id))] == [60, 40]


def test_shares_are_changed_and_taken_away(one, people):
    bob, mona, dave = (people[name].member_id for name in ("bob", "mona", "dave"))
    with one:
        deal = make_deal(owner_id=bob)
        services.set_credits(deal, [(bob, 50), (mona, 50)])
        services.set_credits(deal, [(dave, 10), (mona, 30), (bob, 60)])
        assert shares(deal) == [(bob, 60, 60), (mona, 30, 90), (dave, 10, 100)]
        services.set_credits(deal, [(mona, 100)])
        assert shares(deal) == [(mona, 100, 100)]
        services.set_credits(deal, [(bob, 100)])
        assert shares(deal) == []
        for wrong, sentence in (([(bob, 50), (bob, 50)], "twice"), ([(bob, 0), (mona, 100)], "1 to 100"), ([(bob, 101)], "1 to 100")):
            with pytest.raises(BusinessError, match=sentence):
                services.set_credits(deal, wrong)


def test_who_gets_a_deal_that_is_shared_is_told_who_has_it(one, client_of, people):
    with one:
        deal = make_deal(owner_id=people["bob"].member_id)
        services.set_credits(deal, [(people["bob"].member_id, 70), (people["mona"].member_id, 30)])
        registry.resource("crm.deal").change(deal, {"owner_id": people["dave"].member_id})
        assert len(shares(deal)) == 2
        deal_id = deal.id
    text = client_of("dave").get(panel(deal_id, "credit"), headers=HTMX).text
    assert "Dave owns the deal and has no share of it." in text
    assert "€700" in text


@given(
    st.integers(0, 10**15),
    st.lists(st.integers(1, 100), min_size=1, max_size=12).filter(lambda cuts: len(set(cuts)) == len(cuts)),
)
def test_shares_of_an_amount_add_up_to_it_to_the_cent(minor, cuts):
    ends = sorted({*cuts, 100})
    rows = [DealCredit(member_id=place, percent=end - start, upto=end) for place, (start, end) in
            enumerate(zip([0, *ends], ends, strict=False))]  # fmt: skip
    parts = queries.shares_of(minor, rows)
    assert sum(parts.values()) == minor
    assert all(abs(parts[row.member_id] - minor * row.percent / 100) <= 1 + minor * 1e-12 for row in rows)


# What is sold


@pytest.mark.parametrize(
    ("quantity", "price", "discount", "total"),
    [("1", 100, 0, 100), ("3", 333, 0, 999), ("0.5", 1, 0, 1), ("0.5", 3, 0, 2), ("1.005", 100, 0, 101), ("1", 99, 50, 50),
     ("2.5", 1999, 15, 4248), ("1000000000", 1, 100, 0)],
)  # fmt: skip
def test_a_line_is_rounded_once_half_up(quantity, price, discount, total):
    assert services.line_total(Decimal(quantity), price, discount) == total


def test_lines_are_replaced_in_order_and_their_sum_becomes_the_amount(one, client_of, people):
    with one:
        deal_id = make_deal(owner_id=people["bob"].member_id).id
    bob, url = client_of("bob"), panel(deal_id, "lines")
    assert "Nothing yet" in bob.get(url, headers=HTMX).text
    form = bob.get(f"{url}?edit=all", headers=HTMX)
    seen = form.text.split('name="seen" value="')[1].split('"')[0]
    data = {"seen": seen, "name-0": "Press", "quantity-0": "2", "price-0": "1,200.50", "discount-0": "10", "name-2": "Set-up",
            "quantity-2": "1", "price-2": "300"}
    saved = bob.post(url, data=data, headers=HTMX)
    assert (saved.status_code, "€2,460.90" in saved.text, "Take over as amount" in saved.text) == (200, True, True)
    late = bob.post(url, data=data, headers=HTMX)
    assert (late.status_code, "1,200.50" in late.text) == (409, True)
    wrong = bob.post(url, data={**data, "price-2": "much"}, headers=HTMX)
    assert (wrong.status_code, "Unit price: “much” is not a number." in wrong.text) == (422, True)
    assert bob.post(url, data={"take": "1", "version": 1}, headers=HTMX).status_code == 204
    with one:
        deal = db.session.get(Deal, deal_id)
        assert deal.amount_minor == 246_090
        assert [row.total_minor for row in queries.lines_of(deal_id)] == [216_090, 30_000]
    assert "Take over" not in bob.get(url, headers=HTMX).text
    late = bob.post(url, data={"take": "1", "version": 1}, headers=HTMX)
    assert (late.status_code, "in the meantime" in late.text) == (409, True)


def test_prices_are_in_the_currency_of_the_deal_and_sums_have_a_limit(one):
    with one:
        deal = make_deal()
        with pytest.raises(BusinessError, match="in EUR"):
            services.set_lines(deal, [{**line(), "price": type(euros(1))(100, "USD")}])
        with pytest.raises(BusinessError, match="too large"):
            services.set_lines(deal, [line(quantity="1000000000", price=10**9)])
        with pytest.raises(BusinessError, match="no lines"):
            services.take_over_sum(deal, deal.version)
        services.set_lines(deal, [line("A"), line("B")])
        services.set_lines(deal, [line("B")])
        assert [row.name for row in queries.lines_of(deal.id)] == ["B"]


# Merging


def merged(key: str, winner: Any, *losers: Any) -> str:
    return merging.merge(registry.resource(key), winner.id, [row.id for row in losers], {}, {})


def test_deals_merged_have_each_person_and_competitor_once_and_come_apart_whole(one, people):
    bob, mona = people["bob"].member_id, people["mona"].member_id
    with one:
        first, second = make_deal(), make_deal(name="Twin")
        ana, eva, rival = contact(), contact("Eva"), competitor()
        for deal in (first, second):
            services.add_person(deal, ana.id, "decider" if deal is first else "user")
            services.compete(deal, rival.id)
        services.add_person(second, eva.id, "buyer")
        services.set_credits(first, [(bob, 50), (mona, 50)])
        services.set_credits(second, [(bob, 20), (mona, 80)])
        services.set_lines(second, [line("Only here")])
        ids = first.id, second.id
        group = merged("crm.deal", first, second)
        assert [(p.name, p.role) for p in queries.people_of(ids[0])] == [("Ana", "decider"), ("Eva", "buyer")]
        assert len(queries.competitors_of(ids[0])) == 1
        assert [row.percent for row in queries.credits_of(ids[0])] == [50, 50]
        assert [row.name for row in queries.lines_of(ids[0])] == ["Only here"]
        merging.unmerge(group)
        assert [p.name for p in queries.people_of(ids[0])] == ["Ana"]
        assert [(p.name, p.role) for p in queries.people_of(ids[1])] == [("Ana", "user"), ("Eva", "buyer")]
        assert [row.percent for row in queries.credits_of(ids[1])] == [20, 80]
        assert [row.name for row in queries.lines_of(ids[1])] == ["Only here"]
        assert len(queries.competitors_of(ids[1])) == 1


def test_people_merged_are_in_a_committee_once(one):
    with one:
        deal, ana, twin = make_deal(), contact(), contact("Ana P.")
        other = make_deal(name="Other")
        services.add_person(deal, ana.id, "decider")
        services.add_person(deal, twin.id, "user")
        services.add_person(other, twin.id, "buyer")
        group = merged("contacts.contact", ana, twin)
        assert [(p.name, p.role) for p in queries.people_of(deal.id)] == [("Ana", "decider")]
        assert [(p.name, p.role) for p in queries.people_of(other.id)] == [("Ana", "buyer")]
        merging.unmerge(group)
        assert [p.name for p in queries.people_of(deal.id)] == ["Ana", "Ana P."]
        assert [p.name for p in queries.people_of(other.id)] == ["Ana P."]


def test_a_deal_in_the_trash_comes_back_with_all_that_belongs_to_it(one):
    with one:
        deal = make_deal()
        services.add_person(deal, contact().id, "user")
        services.set_lines(deal, [line()])
        resource = registry.resource("crm.deal")
        resource.remove([deal.id])
        resource.bring_back([deal.id])
        assert db.session.scalar(select(DealPerson.id).where(DealPerson.deal_id == deal.id)) is not None
        assert db.session.scalar(select(DealLine.id).where(DealLine.deal_id == deal.id)) is not None


def test_panels_of_somebody_elses_deal_are_not_there(one, client_of, people):
    with one:
        deal_id = make_deal(owner_id=people["dave"].member_id).id
    bob = client_of("bob")
    for name in ("people", "competitors", "credit", "lines"):
        assert bob.get(panel(deal_id, name)).status_code == 404
        assert bob.post(panel(deal_id, name), data={}).status_code == 404
