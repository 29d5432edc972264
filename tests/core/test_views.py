"""Saved views: one's own and the company's, what they keep, who may change them, and what they survive."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app.core import writes
from app.core.db import db
from app.core.models import Role
from app.core.saved_views import SavedView, ViewDefault
from tests.conftest import Office
from tests.dummy_module.models import Thing

URL = "/c/one/dummy/things"
DEALS = "/c/one/crm/deals"
ARGS = "colour=red&sort=-day&columns=name,day&group=ready"


def save(client: FlaskClient, name: str = "Red ones", args: str = ARGS, url: str = URL, **more: str) -> int:
    answer = client.post(f"{url}/views", data={"name": name, "args": args, **more})
    assert answer.status_code == 303, answer.text[:300]
    return int(parse_qs(urlsplit(answer.location).query)["view"][0])


def act(client: FlaskClient, view: int, do: str, version: int | str = 1, **more: str) -> TestResponse:
    return client.post(f"{URL}/views/{view}", data={"do": do, "version": version, **more})


def tabs(page: str) -> list[str]:
    nav = page.partition('class="v-tabs"')[2].partition("</nav>")[0]
    return [re.sub(r"<[^>]+>", "", t).replace("Shared with the company", "").strip() for t in re.findall(r"<a .*?</a>", nav)]


@pytest.fixture
def things(one: Office, people) -> None:
    with one:
        rows = [{"name": f"t{n}", "colour": ("red", "green")[n % 2], "owner_id": people["bob"].member_id} for n in range(10)]
        writes.bulk_insert(Thing, rows)


def test_a_view_keeps_filters_columns_order_and_group(things, client_of, one: Office) -> None:
    bob = client_of("bob")
    view = save(bob, args=ARGS + "&q=nothing&cursor=x&view=&company_id=2&password=1")
    page = bob.get(f"{URL}?view={view}").text
    assert tabs(page) == ["All", "Red ones"]
    assert "v-group-open" in page
    assert bob.get(f"{URL}/count?view={view}").text.startswith("5 rows")
    assert bob.get(f"{URL}/count?view={view}&colour=green").text.startswith("5 rows")
    assert bob.get(f"{URL}/count?view={view}&colour=").text.startswith("10 rows")
    assert "v-group-open" not in bob.get(f"{URL}?view={view}&group=").text
    with one:
        kept = db.session.scalars(select(SavedView)).one()
        assert kept.args == {"colour": "red", "sort": "-day", "columns": "name,day", "group": "ready"}


def test_a_view_of_ones_own_is_nobody_elses(things, client_of) -> None:
    view = save(client_of("bob"))
    for other in ("alice", "mona", "dave"):
        assert tabs(client_of(other).get(URL).text) == []
        assert client_of(other).get(f"{URL}?view={view}").status_code == 404
        assert act(client_of(other), view, "delete").status_code == 404
        assert act(client_of(other), view, "default", on="1").status_code == 404
    carol = client_of("carol")
    assert carol.get(f"/c/two/dummy/things?view={view}").status_code == 404
    assert carol.post(f"/c/two/dummy/things/views/{view}", data={"do": "delete", "version": 1}).status_code == 404
    assert client_of("bob").get(f"{DEALS}?view={view}").status_code == 404  # a view of another list


def test_a_shared_view_is_seen_by_all_and_changed_by_its_maker_and_admins(things, client_of) -> None:
    bob, dave, alice = client_of("bob"), client_of("dave"), client_of("alice")
    view = save(bob, shared="1")
    assert "Red ones" in tabs(dave.get(URL).text)
    assert dave.get(f"{URL}/count?view={view}").text.startswith("0 rows")  # the rows are still one's own
    assert act(dave, view, "delete").status_code == 403
    assert act(dave, view, "rename", name="Mine now").status_code == 403
    assert act(dave, view, "overwrite", args="colour=green").status_code == 403
    assert act(alice, view, "rename", name="Of the company", shared="1").status_code == 303
    assert "Of the company" in tabs(dave.get(URL).text)
    assert client_of("carol").get(f"/c/two/dummy/things?view={view}").status_code == 404
    assert act(bob, view, "rename", version=2, name="Private again").status_code == 303
    assert dave.get(f"{URL}?view={view}").status_code == 404


def test_whoever_may_not_change_rows_may_not_share(things, client_of, one: Office) -> None:
    with one as session:
        rep = session.scalars(select(Role).filter_by(key="rep")).one()
        rep.permissions = [p for p in rep.permissions if p != "dummy.thing.edit"]
    bob = client_of("bob")
    refused = bob.post(f"{URL}/views", data={"name": "x", "args": "colour=red", "shared": "1"})
    assert refused.status_code == 403
    assert "permission to change" in refused.text
    view = save(bob, args="colour=red")
    assert act(bob, view, "rename", name="x", shared="1").status_code == 403
    assert "you need the permission to change" in bob.get(f"{URL}?colour=red").text


def test_a_late_change_is_refused_and_loses_nothing(things, client_of, one: Office) -> None:
    bob = client_of("bob")
    view = save(bob)
    assert act(bob, view, "rename", name="First").status_code == 303
    for late in (act(bob, view, "rename", name="Second"), act(bob, view, "overwrite", args="colour=green"), act(bob, view, "delete")):
        assert late.status_code == 409
    assert act(bob, view, "rename", version="", name="x").status_code == 422
    assert act(bob, view, "overwrite", version=2, args="colour=green&sort=name").status_code == 303
    with one:
        row = db.session.get(SavedView, view)
        assert (row.name, row.args) == ("First", {"colour": "green", "sort": "name"})
    assert act(bob, view, "delete", version=3).status_code == 303
    assert bob.get(f"{URL}?view={view}").status_code == 404


def test_the_list_opens_with_ones_own_default_else_the_companys(things, client_of, one: Office) -> None:
    alice, bob = client_of("alice"), client_of("bob")
    shared, own = save(alice, "Shared", shared="1"), save(bob, "Own", "colour=green")
    assert act(bob, shared, "default", on="1", everybody="1").status_code == 403
    assert act(alice, shared, "default", on="1", everybody="1").status_code == 303
    assert bob.get(URL).location.endswith(f"?view={shared}")
    assert act(bob, own, "default", on="1").status_code == 303
    assert bob.get(URL).location.endswith(f"?view={own}")
    assert client_of("dave").get(URL).location.endswith(f"?view={shared}")
    assert act(bob, own, "default", on="").status_code == 303
    assert bob.get(URL).location.endswith(f"?view={shared}")
    assert bob.get(f"{URL}?view=all").status_code == 200
    assert bob.get(f"{URL}/count").text.startswith("10 rows")  # other surfaces know no default
    assert act(alice, shared, "rename", name="Hers").status_code == 303
    assert bob.get(URL).status_code == 200
    assert alice.get(URL).status_code == 200
    assert act(bob, own, "delete").status_code == 303
    with one:
        assert db.session.scalars(select(ViewDefault)).all() == []


def test_a_view_without_rows_says_that_its_filters_hide_them(things, client_of) -> None:
    bob = client_of("bob")
    page = bob.get(f"{URL}?view={save(bob, args='pieces__gte=100')}").text
    assert "Nothing matches these filters" in page
    away = re.search(r'href="([^"]+)"[^>]*>Remove all filters', page).group(1).replace("&amp;", "&")
    assert bob.get(away.replace("/things?", "/things/count?")).text.startswith("10 rows")


def test_saving_starts_from_what_is_shown(client_of) -> None:
    """The view of the list that is open and what the address says besides are kept together."""
    alice = client_of("alice")
    page = alice.get(f"{DEALS}?view=mine&sort=-amount").text
    args = re.search(r'name="args" value="([^"]*)"', page).group(1).replace("&amp;", "&")
    view = save(alice, "Mine by amount", args, DEALS)
    chips = alice.get(f"{DEALS}?view={view}").text
    assert "Remove filter: State" in chips
    assert "Remove filter: Owner" in chips


def test_a_view_survives_what_is_gone_with_a_sentence(things, client_of, one: Office) -> None:
    bob = client_of("bob")
    view = save(bob)
    gone = {
        "filter": '{"and":[["size","is","9"],["colour","is","red"],["colour","is","blue"]]}',
        "columns": "name,size,day", "group": "size", "sort": "size", "ready": "perhaps",
    }  # fmt: skip
    with one:
        db.session.execute(update(SavedView).where(SavedView.id == view).values(args=gone))
    page = bob.get(f"{URL}?view={view}")
    assert page.status_code == 200
    for said in ("no field “size”", "no column “size”", "cannot be grouped by “size”", "cannot be sorted by “size”", "“perhaps”", "“blue”"):
        assert said in page.text
    assert bob.get(f"{URL}/count?view={view}").text.startswith("5 rows")
    assert bob.get(f"{URL}?view={view}&sort=size").status_code == 422  # the address is held to what it says


@pytest.mark.parametrize(
    "data",
    [
        {"name": "", "args": ARGS},
        {"name": " " * 5, "args": ARGS},
        {"name": "x" * 61, "args": ARGS},
        {"name": "a\tb\x07", "args": ARGS},
        {"name": "x", "args": "colour=blue"},
        {"name": "x", "args": "filter={"},
        {"name": "x", "args": "sort=password"},
        {"name": "x", "args": "columns=" + "name," * 5000},
    ],
)
def test_a_view_that_makes_no_sense_is_refused(client_of, one: Office, data: dict[str, str]) -> None:
    assert client_of("alice").post(f"{URL}/views", data=data).status_code == 422
    with one:
        assert db.session.scalars(select(SavedView)).all() == []


def test_names_are_ones_own_once(client_of) -> None:
    bob = client_of("bob")
    save(bob, "Ñandú")
    assert bob.post(f"{URL}/views", data={"name": " nandu ", "args": ARGS}).status_code == 422
    assert save(client_of("dave"), "Ñandú")
    other = save(bob, "Other")
    assert act(bob, other, "rename", name="ÑANDU").status_code == 422
    assert act(bob, other, "rename", name="other").status_code == 303
    assert act(bob, other, "explode", version=2).status_code == 422
