"""Groups and sums of a list are what plain Python makes of its rows; columns are those that are chosen."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date
from typing import Any

import pytest
from flask import g
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from app.core import grouping, relative_dates, writes
from app.core.db import db
from app.core.money import Money
from app.core.registry import registry
from app.core.tables import Listing
from app.core.testing import Walk
from app.modules.contacts.models import Account
from app.modules.contacts.resources import account
from tests.conftest import Office
from tests.dummy_module.hooks import thing
from tests.dummy_module.models import Thing
from tools.bench_measure import recording

URL = "/c/one/dummy/things"
SHOWN = "name,pieces,share,price,day,colour"


@pytest.fixture
def things(one: Office, people: dict) -> list[int]:
    """61 things, some without an owner, a day, a colour, pieces or a price; prices in two currencies."""
    owners = [people["bob"].member_id, people["dave"].member_id, None]
    rows = [
        {
            "name": f"Thing {n}",
            "mail": (None, "a@x.es", "A@x.es", "")[n % 4],
            "pieces": None if n % 4 == 0 else n,
            "share": n,
            "price_minor": None if n % 5 == 0 else 12_345 + n,
            "currency": None if n % 5 == 0 else ("EUR", "USD", "JPY")[n % 3],
            "day": None if n % 7 == 0 else date(2025 + n % 3, 1 + n % 12, 1 + n % 28),
            "colour": (None, "red", "green")[n % 3],
            "ready": n % 2 == 0,
            "owner_id": owners[n % 3],
        }
        for n in range(61)
    ]
    with one:
        return writes.bulk_insert(Thing, rows)


def _list(**args: str) -> Listing:
    return Listing(thing, MultiDict({"columns": SHOWN, **args}))


def _by_hand(key: Any) -> dict[Any, tuple[int, int, dict[str, int]]]:
    """Count, pieces and prices per currency by key, of every row."""
    found: dict[Any, list[Any]] = defaultdict(lambda: [0, 0, defaultdict(int)])
    for row in db.session.scalars(select(Thing)):
        group = found[key(row)]
        group[0] += 1
        group[1] += row.pieces or 0
        if row.price_minor is not None:
            group[2][row.currency] += row.price_minor
    return {k: (count, pieces, dict(prices)) for k, (count, pieces, prices) in found.items()}


def _unit(unit: str) -> Any:
    return lambda row: None if row.day is None else relative_dates.around(row.day, unit)[0]


@pytest.mark.parametrize(
    ("argument", "key"),
    [
        ("colour", lambda r: r.colour),
        ("owner_id", lambda r: r.owner_id),
        ("ready", lambda r: r.ready),
        ("day:month", _unit("month")),
        ("day:quarter", _unit("quarter")),
        ("day:year", _unit("year")),
    ],
)
@pytest.mark.parametrize("start", [1, 4])
def test_groups_add_up_what_is_listed(things, one: Office, argument: str, key: Any, start: int) -> None:
    with one:
        g.company.fiscal_year_start = start
        rows, more = grouping.groups(_list(group=argument))
        wanted = _by_hand(key)
        assert not more
        assert {r.value: (r.sums.count, r.sums.numbers["pieces"], r.sums.amounts["price"]) for r in rows} == wanted
        for row in rows:
            assert row.label
            inside = _list(group=argument, within=row.key)
            assert inside.count() == row.sums.count
            assert {key(r) for r in db.session.scalars(inside.select())} == {row.value}
        db.session.rollback()


def test_whatever_a_list_offers_groups_its_rows(app, one: Office, people: dict) -> None:
    """Every row of every kind is in one group of each grouping, and the group's criterion finds as many."""
    with one:
        Walk(app).make_rows(people["alice"].member_id, "grouped")
    asked = 0
    with one:
        for resource in registry.resources():
            for each in grouping.groupable(resource):
                listing = Listing(resource, MultiDict({"group": each.argument}))
                rows, more = grouping.groups(listing)
                assert more or sum(row.sums.count for row in rows) == listing.count(), (resource.key, each.argument)
                for row in rows[:3]:
                    inside = Listing(resource, MultiDict({"group": each.argument, "within": row.key}))
                    assert inside.count() == row.sums.count, (resource.key, each.argument, row.key)
                    asked += 1
    assert asked > 100


def test_the_sums_of_a_list_keep_currencies_apart(things, one: Office) -> None:
    with one:
        whole = grouping.totals(_list())
        assert (whole.count, whole.numbers["pieces"], whole.amounts["price"]) == _by_hand(lambda _r: 1)[1]
        assert "share" not in whole.numbers  # percentages do not add up
        assert {m.currency for m in whole.money("price")} == {"EUR", "USD", "JPY"}
        assert all(isinstance(m, Money) for m in whole.money("price"))
        red = grouping.totals(_list(colour="red"))
        assert (red.count, red.numbers["pieces"], red.amounts["price"]) == _by_hand(lambda r: r.colour)["red"]
        assert grouping.totals(_list(colour="red", day="2001-01-01")).count == 0


def test_text_groups_are_exact_and_the_largest_are_shown(one: Office) -> None:
    with one:
        cities = [f"c{n % 250}" for n in range(600)] + ["c7"] * 5 + ["C7"]
        writes.bulk_insert(Account, [{"name": f"x{n}", "city": city} for n, city in enumerate(cities)])
        rows, more = grouping.groups(Listing(account, MultiDict({"group": "city"})))
        assert more
        assert len(rows) == grouping.MOST
        assert all(r.sums.count == cities.count(r.label) for r in rows)
        assert max(rows, key=lambda r: r.sums.count).label == "c7"
        assert Listing(account, MultiDict({"group": "city", "within": "=c7"})).count() == 8


def test_the_page_shows_groups_and_opens_them(things, client_of) -> None:
    alice = client_of("alice")
    page = alice.get(URL, query_string={"group": "colour", "columns": SHOWN}).text
    heads = re.findall(r'v-group-open" href="([^"]+)"', page)
    assert len(heads) == 3
    assert "61 rows" in page
    assert "Sum of the rows listed" in page
    opened = alice.get(heads[0].replace("&amp;", "&")).text
    assert len(re.findall(r'class="[^"]*v-main-cell', opened)) == 20
    assert "Colour" in opened
    exported = alice.get(URL + "/count", query_string={"group": "colour", "within": "red"}).text
    assert exported.startswith("20 rows")


def test_statements_do_not_depend_on_rows_groups_or_columns(one: Office, client_of) -> None:
    alice, counts = client_of("alice"), []
    for _more in range(2):
        with one:
            writes.bulk_insert(Thing, [{"name": f"t{n}", "colour": ("red", "green")[n % 2], "day": date(2020 + n % 6, 1, 1)} for n in range(120)])
        counts.append([])
        for args in ({"group": "day:month"}, {"group": "owner_id"}, {"columns": "name,day"}, {"filter": '{"and":[["day","is","this-year"]]}'}):
            with recording(one.app) as sent:
                assert alice.get(URL, query_string=args).status_code == 200
            counts[-1].append(len([s for s in sent if s.counts]))
    assert counts[0] == counts[1]
    assert max(counts[0]) <= 24


# Columns


def _heads(page: str) -> list[str]:
    return [re.sub(r"<[^>]+>", "", h).strip() for h in re.findall(r"<th scope=\"col\"[^>]*>(.*?)</th>", page)]


def test_columns_come_in_the_order_that_is_asked_for(things, one: Office, client_of) -> None:
    alice = client_of("alice")
    assert _heads(alice.get(URL, query_string={"columns": "day,name,price"}).text)[-3:] == ["Day", "Name", "Price"]
    assert _heads(alice.get(URL, query_string={"columns": "day,price"}).text)[-3:] == ["Name", "Day", "Price"]
    with one:
        assert [f.name for f in _list(columns="day,name").columns] == ["day", "name"]
    form = alice.get(URL, query_string=[("columns", "name"), ("columns", "day"), ("columns", "price"), ("move", "price:up")])
    assert form.status_code == 303
    assert form.location.endswith("columns=name,price,day")
    assert alice.get(URL, query_string={"columns": "name,password"}).status_code == 422


def test_columns_of_other_modules_can_be_chosen(client_of) -> None:
    alice = client_of("alice")
    alice.post("/c/one/contacts/accounts/new", data={"name": "Altamira"})
    accounts = "/c/one/contacts/accounts"
    assert "Things" in _heads(alice.get(accounts).text)
    assert _heads(alice.get(accounts, query_string={"columns": "name,city"}).text)[-2:] == ["Name", "City"]
    assert _heads(alice.get(accounts, query_string={"columns": "dummy.things,name"}).text)[-2:] == ["Things", "Name"]


def test_money_in_several_currencies_is_sorted_with_a_word(things, client_of) -> None:
    alice = client_of("alice")
    sentence = "sorted by their figure, without converting"
    assert sentence in alice.get(URL, query_string={"sort": "price", "columns": SHOWN}).text
    euros = {"sort": "price", "columns": SHOWN, "filter": '{"and":[["price","more","1"]]}'}
    assert sentence not in alice.get(URL, query_string=euros).text


@pytest.mark.parametrize(
    "args",
    [{"group": "nobody"}, {"group": "name"}, {"group": "day:decade"}, {"group": "day", "within": "soon"}, {"group": "owner_id", "within": "x"},
     {"group": "colour", "within": "blue"}, {"columns": "x" * 100}],
)  # fmt: skip
def test_a_damaged_group_is_refused(client_of, args: dict[str, str]) -> None:
    assert client_of("alice").get(URL, query_string=args).status_code == 422
