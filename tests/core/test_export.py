"""Export: what the list shows and nothing else, as a file that an import reads back to the same."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc

import pytest
from sqlalchemy import select

from app.core import writes
from app.core.db import db
from app.core.importing import engine
from app.core.importing.files import read_table
from app.core.importing.mapping import plan_by_heading
from app.core.models import Membership
from app.core.registry import registry
from app.modules.contacts.models import Account

PAGE = "/c/one/contacts/accounts/export"
URL = f"{PAGE}?format=csv"
sqlite_only = pytest.mark.on("sqlite")
NASTY = (
    "=1+1", "'=1+1", "''@x", "+34 600 000 000", "-5", "-x", "@SUM(A1)", "'quoted", 'say "hi", twice', "semi;colon",
    "Ñandú & Söhne", "<script>alert(1)</script>", "日本", "-1e5", "a'b",
)  # fmt: skip


def rows_of(answer):
    assert answer.status_code == 200
    assert answer.text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))


def add_accounts(*names, **columns):
    return writes.bulk_insert(Account, [{"name": name, **columns} for name in names])


def test_nasty_text_goes_out_harmless_and_comes_back_the_same(one, client_of):
    with one:
        add_accounts(*NASTY, note="=HYPERLINK(1)\nand\tmore")
    answer = client_of("mona").get(URL)
    assert answer.content_type == "text/csv; charset=utf-8"
    assert 'attachment; filename="contacts-accounts-' in answer.headers["Content-Disposition"]
    cells = [cell for row in rows_of(answer) for cell in row.values()]
    assert not [c for c in cells if c[:1] in ("=", "+", "@", "\t", "\r") or (c[:1] == "-" and not c[1:].isdigit())]
    with one:
        before = {row.id: (row.name, row.note) for row in db.session.scalars(select(Account))}
        table = read_table(answer.data)
        again = engine.bring_in(plan_by_heading(registry.resource("contacts.account"), table.headings, "id"), table, "x")
        assert (again.unchanged, again.errors) == (len(NASTY), [])
        as_new = engine.bring_in(plan_by_heading(registry.resource("contacts.account"), table.headings), table, "x")
        assert as_new.created == len(NASTY)
        rows = db.session.scalars(select(Account).where(Account.id.not_in(before)))
        assert sorted((row.name, row.note) for row in rows) == sorted(before.values())


@sqlite_only
def test_filters_search_and_sort_of_the_list_hold(one, people, client_of):
    with one:
        add_accounts("Beta", "Alfa", "Gamma", owner_id=people["bob"].member_id)
        add_accounts("Delta", owner_id=people["dave"].member_id)
    client = client_of("mona")
    names = [r["name"] for r in rows_of(client.get(f"{URL}&owner_id={people['bob'].member_id}&sort=-name"))]
    assert names == ["Gamma", "Beta", "Alfa"]
    assert [r["name"] for r in rows_of(client.get(f"{URL}&q=DEL"))] == ["Delta"]
    assert rows_of(client.get(f"{URL}&q=DEL"))[0]["owner_id"] == "Dave"
    assert client.get(f"{URL}&sort=nonsense").status_code == 422
    assert client.get(f"{PAGE}?format=pdf").status_code == 422


def test_record_rules_and_companies_hold(one, two, people, client_of):
    with one:
        rows = [{"name": name, "owner_id": people[name].member_id} for name in ("bob", "dave")]
        registry.resource("crm.deal").add_many(rows)
    with two:
        add_accounts("Not yours")
    assert [r["name"] for r in rows_of(client_of("bob").get("/c/one/crm/deals/export?format=csv"))] == ["bob"]
    assert len(rows_of(client_of("alice").get("/c/one/crm/deals/export?format=csv"))) == 2
    assert rows_of(client_of("mona").get(URL)) == []
    assert client_of("mona").get("/c/two/contacts/accounts/export?format=csv").status_code == 404


def test_json_is_json_even_of_nothing(one, client_of):
    client = client_of("mona")
    assert client.get(f"{PAGE}?format=json").json == []
    with one:
        add_accounts("Ünö", employees=12, annual_revenue_minor=150050, currency="EUR")
    (row,) = json.loads(client.get(f"{PAGE}?format=json").text)
    assert (row["name"], row["employees"], row["annual_revenue"], row["parent_id"]) == ("Ünö", 12, "1500.50", None)


@sqlite_only
def test_memory_does_not_grow_with_the_rows(one, client_of):
    with one:
        add_accounts(*(f"Account {n}" for n in range(20_000)), owner_id=db.session.scalar(select(Membership.id).limit(1)))
    client = client_of("mona")
    client.get(f"{URL}&q=nothing-like-it")
    tracemalloc.start()
    try:
        answer = client.get(URL, buffered=False)
        size = sum(len(piece) for piece in answer.iter_encoded())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 500_000
    assert peak < 8_000_000
