"""The JSON API: every resource by one set of views, with the writes, permissions and checks of the pages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.core import lifecycle, merging
from app.core.db import db
from app.core.models import Change, Role, Trash
from app.core.registry import registry
from app.modules.contacts.models import Account
from app.modules.crm.models import WON, DealEvent, Stage
from tests.cast import Person
from tests.conftest import Office
from tests.core.api_client import BASE, asking, asking_with, errors, made
from tools.bench_measure import recording

DEALS, ACCOUNTS, THINGS = f"{BASE}/crm/deals", f"{BASE}/contacts/accounts", f"{BASE}/dummy/things"
OF_A_DEAL = [
    "id", "version", "name", "account_id", "contact_id", "stage_id", "amount", "currency", "expected_close", "probability",
    "category", "owner_id", "product", "state", "pipeline_id", "team_id", "opened_on", "entered_on", "closed_on", "reason_id", "reason_note",
    "external_id", "source_id", "medium_id", "campaign_id", "tags", "note", "created_at", "updated_at",
]  # fmt: skip


@pytest.fixture
def alice(app: Flask, people: dict[str, Person]) -> Any:
    return asking(app, people["alice"])


@pytest.fixture
def bob(app: Flask, people: dict[str, Person]) -> Any:
    return asking(app, people["bob"])


# Rows


def test_a_deal_is_created_read_changed_thrown_away_and_brought_back(app, one: Office, people, bob) -> None:
    answer = bob.post(DEALS, json={"name": "Prensa", "amount": "1200.50", "currency": "USD", "expected_close": "2027-01-31"})
    assert answer.status_code == 201
    deal = answer.json
    assert list(deal) == OF_A_DEAL
    assert (deal["amount"], deal["currency"], deal["expected_close"]) == ("1200.50", "USD", "2027-01-31")
    assert (deal["owner_id"], deal["state"], deal["version"]) == (people["bob"].member_id, "open", 1)
    where = answer.headers["Location"]
    assert where == f"http://localhost{DEALS}/{deal['id']}"

    got = bob.get(where)
    assert got.json == deal
    assert got.headers["ETag"] == '"1"'
    changed = bob.patch(where, json={"amount": "1300", "note": "Más cara"}, headers={"If-Match": '"1"'})
    assert changed.status_code == 200
    assert (changed.json["amount"], changed.json["note"]) == ("1300.00", "Más cara")
    version = changed.json["version"]
    assert version > 1 and changed.headers["ETag"] == f'"{version}"'
    assert bob.patch(where, json={"version": version, "note": ""}).json["note"] in ("", None)

    with one as session:  # a rep may not throw away by default
        session.scalars(select(Role).filter_by(key="rep")).one().permissions = _all()
    assert bob.delete(where).status_code == 204
    assert bob.get(where).status_code == 404
    assert bob.get(DEALS).json["items"] == []
    back = bob.post(f"{where}/restore")
    assert back.status_code == 200
    assert {k: back.json[k] for k in ("name", "amount", "state")} == {"name": "Prensa", "amount": "1300.00", "state": "open"}
    assert bob.post(f"{where}/restore").status_code == 409
    with one:
        assert set(db.session.scalars(select(DealEvent.source).where(DealEvent.source != "trash"))) == {"api"}
        actors = db.session.scalars(select(Change.actor_id).filter_by(table_name="crm_deal", row_id=deal["id"]))
        assert set(actors) == {people["bob"].member_id}


def _all() -> list[str]:
    return [p for m in lifecycle.enabled_modules() for p in m.permissions]


def test_a_move_by_api_has_its_rules(one: Office, alice) -> None:
    with one:
        stages = {s.type: s.id for s in db.session.scalars(select(Stage))}
    deal = made(alice, DEALS, name="Prensa")
    where = f"{DEALS}/{deal['id']}"
    assert set(errors(alice.patch(where, json={"stage_id": stages["lost"], "version": 1}))) == {"reason_id"}
    assert set(errors(alice.patch(where, json={"stage_id": stages[WON], "version": 1}))) == {"amount"}
    won = alice.patch(where, json={"stage_id": stages[WON], "amount": "10", "closed_on": deal["opened_on"], "version": 1})
    assert won.status_code == 200, won.text
    assert (won.json["state"], won.json["closed_on"]) == ("won", deal["opened_on"])


def test_every_resource_of_every_module_is_there(app: Flask, alice) -> None:
    with app.app_context():
        addresses = [(r.module, r.plural) for r in app.extensions["registry"].resources()]
    assert ("dummy", "things") in addresses
    for module, plural in addresses:
        answer = alice.get(f"{BASE}/{module}/{plural}?count=true")
        assert answer.status_code == 200, (module, plural, answer.text)
        assert set(answer.json) == {"items", "next", "previous", "count"}


def test_values_of_every_kind(alice, one: Office, people) -> None:
    account = made(alice, ACCOUNTS, name="Conservas")
    sent = {
        "name": "Thing", "account_id": account["id"], "owner_id": people["bob"].member_id, "mail": "a@b.example",
        "site": "https://b.example", "phone": "+34 600 000 000", "pieces": 7, "share": 30, "price": "0.10",
        "currency": "JOD", "day": "2026-02-28", "colour": "red", "ready": True, "note": "línea\nlínea",
    }  # fmt: skip
    thing = made(alice, THINGS, **sent)
    assert {name: thing[name] for name in sent} == {**sent, "price": "0.100"}
    emptied = alice.patch(f"{THINGS}/{thing['id']}", json={**dict.fromkeys(
        ("account_id", "mail", "site", "phone", "pieces", "share", "price", "day", "colour", "note")), "ready": False, "version": 1})
    assert emptied.status_code == 200, emptied.text
    assert {n for n, v in emptied.json.items() if v is None} >= {"account_id", "pieces", "price", "day", "colour", "note"}


# Who asks


def test_a_cookie_opens_nothing(client_of) -> None:
    alice = client_of("alice")
    assert alice.get("/c/one/crm/deals").status_code == 200
    for method, address in (("GET", DEALS), ("POST", DEALS), ("GET", f"{BASE}/me"), ("GET", f"{BASE}/metrics")):
        assert alice.open(address, method=method, json={"name": "A"}).status_code == 401


def test_a_token_opens_no_page(app, people) -> None:
    client = asking(app, people["alice"])
    assert client.get("/c/one/crm/deals").status_code == 302
    assert client.get("/account").status_code == 302
    assert "Set-Cookie" not in client.get(DEALS).headers


def test_the_company_is_the_tokens(app, people) -> None:
    made(asking(app, people["carol"]), ACCOUNTS, name="Theirs")
    assert asking(app, people["alice"]).get(ACCOUNTS).json["items"] == []


def test_a_token_that_may_only_read(app, one: Office, people) -> None:
    writer, reader = asking(app, people["alice"]), asking(app, people["alice"], read_only=True)
    where = f"{DEALS}/{made(writer, DEALS, name='D')['id']}"
    assert reader.get(where).status_code == 200
    for method, address in (("POST", DEALS), ("PATCH", where), ("DELETE", where), ("POST", f"{where}/restore")):
        answer = reader.open(address, method=method, json={"name": "E", "version": 1})
        assert answer.status_code == 403
        assert "only read" in answer.json["detail"]
    assert writer.get(where).json["version"] == 1


def test_who_is_asking(app, people, bob) -> None:
    me = bob.get(f"{BASE}/me").json
    assert (me["member_id"], me["email"], me["role"]) == (people["bob"].member_id, "bob@one.example", "rep")
    assert me["company"]["slug"] == "one" and me["company"]["currency"] == "EUR"
    assert "crm.deal.view" in me["permissions"] and "admin.role.edit" not in me["permissions"]


def test_methods(app, alice) -> None:
    assert alice.head(DEALS).status_code == 200
    wrong = alice.put(DEALS, json={})
    assert wrong.status_code == 405
    assert wrong.content_type == "application/problem+json"
    assert set(wrong.headers["Allow"].split(", ")) == {"GET", "POST", "HEAD", "OPTIONS"}
    assert set(alice.options(DEALS).headers["Allow"].split(", ")) == {"GET", "POST", "HEAD", "OPTIONS"}
    assert alice.get(f"{BASE}/nothing").content_type == "application/problem+json"


# Lists


def test_pages_follow_each_other(alice) -> None:
    names = [f"Account {n:02}" for n in range(7)]
    for name in names:
        made(alice, ACCOUNTS, name=name)
    page = alice.get(f"{ACCOUNTS}?sort=name&per_page=3&count=true").json
    assert (page["count"], page["previous"]) == (7, None)
    seen = [row["name"] for row in page["items"]]
    while page["next"]:
        page = alice.get(page["next"]).json
        seen += [row["name"] for row in page["items"]]
    assert seen == names
    before = alice.get(page["previous"]).json
    assert [row["name"] for row in before["items"]] == names[3:6]


def test_a_list_is_filtered_searched_and_sorted(one: Office, people, alice) -> None:
    with one:
        won = db.session.scalar(select(Stage.id).where(Stage.type == WON))
    made(alice, DEALS, name="Açaí press", amount="300", expected_close="2027-03-01")
    made(alice, DEALS, name="Mill", amount="100", expected_close="2027-05-01", owner_id=people["bob"].member_id)
    last = made(alice, DEALS, name="Oven", amount="200")
    alice.patch(f"{DEALS}/{last['id']}", json={"stage_id": won, "version": 1})

    def names(query: str) -> list[str]:
        answer = alice.get(f"{DEALS}?{query}")
        assert answer.status_code == 200, answer.text
        return [row["name"] for row in answer.json["items"]]

    assert names("sort=-amount") == ["Açaí press", "Oven", "Mill"]
    assert names("q=acai") == ["Açaí press"]
    assert names("state=won") == ["Oven"]
    assert names("view=open&sort=name") == ["Açaí press", "Mill"]
    assert names(f"owner_id={people['bob'].member_id}") == ["Mill"]
    assert names("owner_id=me&sort=name") == ["Açaí press", "Oven"]
    assert names("expected_close__gte=2027-04-01") == ["Mill"]
    assert names("expected_close=none") == ["Oven"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("nmae=A", "nmae"), ("sort=nothing", "sort"), ("view=nothing", "view"), ("per_page=0", "per_page"),
        ("per_page=201", "per_page"), ("per_page=x", "per_page"), ("count=yes", "count"), ("cursor=forged", "cursor"),
        ("cursor=WzAsIngiLDFd", "cursor"), ("account_id=x", "account_id"), ("expected_close__gte=x", "expected_close"),
        ("team=x", "team"), ("format=csv", "format"),
    ],
)  # fmt: skip
@pytest.mark.on("sqlite")
def test_an_address_that_asks_for_nothing_there_is(alice, query: str, field: str) -> None:
    answer = alice.get(f"{DEALS}?sort=-amount&{query}" if "sort" not in query else f"{DEALS}?{query}")
    assert answer.status_code == 422, answer.text
    assert field in [name.removesuffix("__gte") for name in errors(answer)]


def test_statements_do_not_grow_with_the_rows(app, one: Office, people) -> None:
    writer = asking(app, people["alice"])
    made(writer, DEALS, name="D", owner_id=people["bob"].member_id)
    for name in ("alice", "mona"):
        client = asking(app, people[name])
        client.get(DEALS)

        few = _statements(app, client)
        for number in range(30):
            account = made(writer, ACCOUNTS, name=f"A {name} {number}")
            made(writer, DEALS, name="D", owner_id=people["bob"].member_id, account_id=account["id"])
        assert _statements(app, client) == few
        assert few <= 14


def _statements(app: Flask, client: Any) -> int:
    with recording(app) as sent:
        assert client.get(f"{DEALS}?count=true").status_code == 200
    return len([s for s in sent if s.counts])


# Figures


def test_a_figure_is_the_commands(app, one: Office, alice, bob) -> None:
    with one:
        won = db.session.scalar(select(Stage.id).where(Stage.type == WON))
    deal = made(alice, DEALS, name="Press", amount="1234.50")
    alice.patch(f"{DEALS}/{deal['id']}", json={"stage_id": won, "version": 1})
    answer = alice.get(f"{BASE}/metrics/crm.won_amount?from=2026-01-01&to=2099-12-31&by=owner").json
    args = ["metric", "crm.won_amount", "--company", "one", "--from", "2026-01-01", "--to", "2099-12-31", "--by", "owner", "--json"]
    said = json.loads(app.test_cli_runner().invoke(args=args).output)
    assert {**answer, "as_of": ""} == {**said, "as_of": ""}
    (row,) = answer["rows"]
    assert (row["value"], row["currency"], row["n"], row["by"]["owner"]) == ("1234.50", "EUR", 1, "Alice")
    assert bob.get(f"{BASE}/metrics/crm.won_amount").json["rows"][0]["n"] == 0
    rate = alice.get(f"{BASE}/metrics/crm.win_rate").json["rows"][0]
    assert (rate["value"], rate["numerator"], rate["denominator"]) == (1.0, 1, 1)
    assert "crm.won_amount" in [m["id"] for m in alice.get(f"{BASE}/metrics").json["items"]]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("crm.nothing", 404), ("crm.won_amount?by=nothing", 422), ("crm.won_amount?from=x", 422), ("crm.won_amount?to=2026-13-01", 422),
        ("crm.won_amount?from=2026-02-01&to=2026-01-01", 422), ("crm.won_amount?as_of=x", 422), ("crm.won_amount?known_at=0001-01-01T00:00", 422),
        ("crm.won_amount?form=2026-01-01", 422), ("crm.won_amount?as_of=9999-12-31T23:59:59-14:00", 422),
    ],
)  # fmt: skip
@pytest.mark.on("sqlite")
def test_a_figure_that_cannot_be_asked_for(alice, query: str, status: int) -> None:
    answer = alice.get(f"{BASE}/metrics/{query}")
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"


# How often


def test_too_many_requests_are_told_to_wait(app: Flask, people) -> None:
    app.config.update(RATELIMIT_ENABLED=True, API_READS=3, API_WRITES=1)
    client, another, bob = (asking(app, people[name]) for name in ("alice", "alice", "bob"))
    assert [client.get(DEALS).status_code for _n in range(4)] == [200, 200, 200, 429]
    answer = client.get(DEALS)
    assert answer.content_type == "application/problem+json"
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert [client.post(ACCOUNTS, json={"name": "A"}).status_code for _n in range(2)] == [201, 429]
    assert another.get(DEALS).status_code == 429, "another token of the same person is no way round"
    assert bob.get(DEALS).status_code == 200


def test_guessing_tokens_is_slowed_down(app: Flask) -> None:
    app.config.update(RATELIMIT_ENABLED=True, API_REFUSALS=2)
    client = asking_with(app, "vnd_" + "x" * 43)
    assert [client.get(DEALS).status_code for _n in range(3)] == [401, 401, 429]


# The description


def test_the_document_and_its_page_are_for_readers(app: Flask, one: Office, people, client_of, anonymous, alice) -> None:
    assert anonymous.get(f"{BASE}/openapi.json").status_code == 401
    assert anonymous.get(f"{BASE}/docs").status_code == 302
    assert alice.get(f"{BASE}/openapi.json").json["openapi"] == "3.1.0"
    reader = client_of("bob")
    page = reader.get(f"{BASE}/docs").text
    assert "expected_close" in page and "/crm/deals" in page and "dummy.things" in page
    assert reader.get(f"{BASE}/openapi.json?company=one").json["paths"]["/crm/deals"]
    assert reader.get(f"{BASE}/docs?company=two").status_code == 404
    with one:
        lifecycle.disable("crm")
    assert "/crm/deals" not in reader.get(f"{BASE}/docs").text
    assert "/crm/deals" not in alice.get(f"{BASE}/openapi.json").json["paths"]


def test_the_document_names_every_address(app: Flask, alice) -> None:
    document = alice.get(f"{BASE}/openapi.json").json
    told = {(path, method.upper()) for path, item in document["paths"].items() for method in item if method != "parameters"}
    rules = {
        (rule.rule.removeprefix(BASE).replace("<row:row_id>", "{row_id}").replace("<metric_id>", "{metric_id}"), method)
        for rule in app.url_map.iter_rules() if rule.endpoint.startswith("api.")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert rules - told == {("/docs", "GET")}
    assert told - rules == set()


def test_nothing_else_was_thrown_away(one: Office, alice) -> None:
    keep, throw = made(alice, ACCOUNTS, name="Keep"), made(alice, ACCOUNTS, name="Throw")
    assert alice.delete(f"{ACCOUNTS}/{throw['id']}").status_code == 204
    assert [row["id"] for row in alice.get(ACCOUNTS).json["items"]] == [keep["id"]]
    with one:
        assert list(db.session.scalars(select(Trash.row_id))) == [throw["id"]]


def test_what_was_merged_comes_apart_when_it_is_brought_back(app, one: Office, people, alice, bob) -> None:
    stays, goes = (made(alice, ACCOUNTS, name=name, city="Lugo") for name in ("Stays", "Goes"))
    deal = made(alice, DEALS, name="D", account_id=goes["id"])
    with one as session:
        account = session.get_one(Account, stays["id"])
        versions = {stays["id"]: account.version, goes["id"]: session.get_one(Account, goes["id"]).version}
        merging.merge(registry.resource("contacts.account"), stays["id"], [goes["id"]], {}, versions)
        role = session.scalars(select(Role).filter_by(key="rep")).one()
        role.permissions = [p for p in _all() if p != "contacts.account.edit"]
    assert alice.get(f"{DEALS}/{deal['id']}").json["account_id"] == stays["id"]
    assert bob.post(f"{ACCOUNTS}/{goes['id']}/restore").status_code == 403
    back = alice.post(f"{ACCOUNTS}/{goes['id']}/restore")
    assert back.status_code == 200, back.text
    assert back.json["name"] == "Goes"
    assert alice.get(f"{DEALS}/{deal['id']}").json["account_id"] == goes["id"]


def test_a_version_that_is_named_is_checked_before_a_row_is_thrown_away(alice) -> None:
    where = f"{ACCOUNTS}/{made(alice, ACCOUNTS, name='A')['id']}"
    assert alice.delete(where, headers={"If-Match": '"7"'}).status_code == 409
    assert alice.delete(where, headers={"If-Match": '"1"'}).status_code == 204


def test_settings_in_use_are_not_thrown_away(one: Office, alice) -> None:
    deal = made(alice, DEALS, name="D")
    answer = alice.delete(f"{BASE}/crm/stages/{deal['stage_id']}")
    assert answer.status_code == 422
    assert "in use" in answer.json["detail"]
