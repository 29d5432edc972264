"""Lists: pages by key lose and repeat nothing, filters and views add up, damaged addresses are refused."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from app.core import writes
from app.core.db import db
from app.core.errors import Refusal
from app.core.tables import Listing
from tests.conftest import Office
from tests.dummy_module.hooks import thing
from tests.dummy_module.models import Thing

URL = "/c/one/dummy/things"
NAMES = ["q", "sort", "cursor", "view", "colour", "owner_id", "team", "day__gte", "ready", "columns", "group", "within", "filter", "price__lte", "mail"]


@pytest.fixture
def things(one: Office, people) -> list[int]:
    """23 things; names repeat, every third has no number of pieces, days and colours vary."""
    rows = [
        {
            "name": f"Ñandú {n % 5}",
            "pieces": None if n % 3 == 0 else n % 4,
            "day": date(2026, 1 + n % 12, 1),
            "colour": ("red", "green")[n % 2],
            "owner_id": people[("bob", "dave")[n % 2]].member_id,
        }
        for n in range(23)
    ]
    with one:
        return writes.bulk_insert(Thing, rows)


def _listing(per_page: int = 4, **args: str) -> Listing:
    return Listing(thing, MultiDict(args), per_page=per_page)


def _all_pages(**args: str) -> tuple[list[int], list[int]]:
    """Ids seen when paging to the end, and those seen when paging back again."""
    seen, cursor = [], ""
    rows, following, _previous = _listing(**args).page()
    last_cursor = None
    while True:
        seen += [r.id for r in rows]
        if not following:
            break
        cursor = last_cursor = following
        rows, following, _previous = _listing(cursor=cursor, **args).page()
    back = [r.id for r in rows]
    _rows, _following, previous = _listing(cursor=last_cursor, **args).page()
    while previous:
        rows, _following, previous = _listing(cursor=previous, **args).page()
        back = [r.id for r in rows] + back
    return seen, back


@pytest.mark.parametrize("sort", ["name", "-name", "pieces", "-pieces", "day", "-day", "price", "id", "-id", "created_at"])
def test_pages_by_key_show_every_row_once_in_order_and_back_again(things, one: Office, sort: str) -> None:
    with one:
        whole = db.session.scalars(_listing(sort=sort).select(Thing.id)).all()
        seen, back = _all_pages(sort=sort)
    assert seen == whole
    assert sorted(seen) == sorted(things)
    assert back == whole


@pytest.mark.parametrize("sort", ["pieces", "-pieces"])
def test_rows_that_all_have_a_value_keep_their_order_where_the_list_is_told_so(things, one: Office, sort: str) -> None:
    has = [Thing.pieces.is_not(None)]
    with one:
        told, seen = [], []
        for filled, found in ((True, told), (False, seen)):
            cursor: str | None = ""
            while cursor is not None:
                args = MultiDict({"sort": sort, "cursor": cursor})
                rows, cursor, _previous = Listing(thing, args, per_page=4, criteria=has, filled=filled).page()
                found += [row.id for row in rows]
        assert told == seen
        assert len(told) == 15


@pytest.mark.parametrize("sort", ["name", "-pieces", "day", "-price"])
@pytest.mark.parametrize(
    "args",
    [
        {"filter": '{"or":[["colour","is","red"],["pieces","empty"]]}'},
        {"filter": '{"and":[["name","contains","nandu"],["owner_id","is-not","none"]]}', "columns": "day"},
        {"group": "day:quarter", "within": "2026-04-01"},
    ],
)
def test_pages_of_filtered_and_grouped_lists_are_exact(things, one: Office, sort: str, args: dict[str, str]) -> None:
    with one:
        whole = db.session.scalars(_listing(sort=sort, **args).select(Thing.id)).all()
        seen, back = _all_pages(sort=sort, **args)
    assert len(whole) > 4
    assert seen == back == whole


def test_rows_without_a_value_come_last_both_ways(things, one: Office) -> None:
    with one:
        for sort in ("pieces", "-pieces"):
            values = db.session.scalars(_listing(sort=sort).select(Thing.pieces)).all()
            known = [v for v in values if v is not None]
            assert values == known + [None] * (len(values) - len(known))
            assert known == sorted(known, reverse=sort.startswith("-"))


def test_filters_narrow_and_count(things, one: Office, people) -> None:
    bob = people["bob"].member_id
    with one:
        assert _listing(colour="red").count() == 12
        assert _listing(colour="red", day__gte="2026-06-01", day__lte="2026-06-30").count() == 0
        assert _listing(colour="green", day__gte="2026-06-01", day__lte="2026-06-30").count() == 2
        assert _listing(owner_id=str(bob)).count() == 12
        assert _listing(account_id="none").count() == 23
        assert _listing(q="nandu 3").count() == 4
        assert _listing(q="nan%du").count() == 0


def test_a_team_filter_means_the_members_of_the_team(things, one: Office, people) -> None:
    with one as session:
        from_team = session.connection().exec_driver_sql("select id from core_team where name = 'North'").scalar()
        assert _listing(team=str(from_team)).count() == 12


@pytest.mark.parametrize(
    "args",
    [
        {"cursor": "x"},
        {"cursor": "WzAsImEiLDFd"},
        {"cursor": "WzUsMSwxXQ", "sort": "id"},
        {"sort": "company_id"},
        {"sort": "password"},
        {"day__gte": "some day"},
        {"owner_id": "1 or 1=1"},
        {"view": "nobody-made"},
        {"owner_id": "99999999999999999999"},
    ],
)
def test_a_damaged_address_is_refused_with_a_sentence(things, one: Office, client_of, args: dict[str, str]) -> None:
    answer = client_of("alice").get(URL, query_string={"sort": "pieces", **args} if "sort" not in args else args)
    assert answer.status_code == 422
    assert "Traceback" not in answer.text


@pytest.mark.on("sqlite")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=30)))
def test_no_address_breaks_a_list(app: Flask, one: Office, args: dict[str, str]) -> None:
    with one, suppress(Refusal):
        listing = Listing(thing, MultiDict(args))
        listing.page()
        assert listing.count() >= 0


def test_a_rep_sees_own_rows_and_a_manager_those_of_the_team(things, client_of) -> None:
    def shown(client: FlaskClient, **args: str) -> int:
        return int(re.search(r"(\d+) rows?", client.get(f"{URL}/count", query_string=args).text).group(1))

    assert shown(client_of("alice")) == 23
    assert shown(client_of("mona")) == 12
    assert shown(client_of("bob")) == 12
    assert shown(client_of("dave")) == 11
    assert shown(client_of("alice"), owner_id="me") == 0


def test_a_rep_cannot_open_the_row_of_a_colleague(things, client_of) -> None:
    bob = client_of("bob")
    own, foreign = things[0], things[1]
    assert bob.get(f"{URL}/{own}").status_code == 200
    assert bob.get(f"{URL}/{foreign}").status_code == 404
    assert bob.post(f"{URL}/{foreign}/edit", data={"name": "mine now"}).status_code == 404
    assert bob.get(f"{URL}/{foreign}/fields/name").status_code == 404
    exported = [line.split(",")[0] for line in bob.get(f"{URL}/export?format=csv").text.splitlines()]
    assert str(own) in exported
    assert str(foreign) not in exported
    offered = [o["value"] for o in bob.get(f"{URL}/options").json]
    assert str(own) in offered
    assert str(foreign) not in offered


def test_other_modules_add_columns_asked_once_a_page(one: Office, client_of) -> None:
    alice = client_of("alice")
    account = alice.post("/c/one/contacts/accounts/new", data={"name": "Altamira"}).location.rsplit("/", 1)[1]
    for name in ("a", "b"):
        assert alice.post(f"{URL}/new", data={"name": name, "account_id": account}).status_code == 303
    page = alice.get("/c/one/contacts/accounts").text
    assert ">Things<" in re.sub(r"\s+", "", page).replace("&#34;", "")
    assert re.search(r'class="num[^"]*"[^>]*>\s*2\s*<', page)
