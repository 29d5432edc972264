"""How often pages and gestures ask the database: not more often where there are more rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import NullPool, create_engine, func, select

from app.core.db import db
from app.modules.crm.models import OPEN, Deal, Stage
from tools.bench_data import add_deals
from tools.bench_measure import recording

FEW, MANY = 1_000, 10_000
BOARD = "/c/one/crm/board"
DEALS = "/c/one/crm/deals"
FRAGMENT = {"HX-Request": "true", "HX-Current-URL": f"http://localhost{BOARD}"}
SPARE = 2  # for a module that adds a column, a panel or an entry of the menu
# What each sends to answer somebody who sees everything; five more find out whom a manager or rep may see.
USUAL = {
    "board": 21,
    "poll": 6,
    "list": 14,
    "list by amount": 14,
    "deal": 24,  # three of them the bell, notes and files; the rest activities, mail, the next step and the next stage
    "accounts": 12,
    "move": 28,
    "edit in place": 13,
    "edit on the card": 30,
    "quick create": 25,
}
WHOM = 5
TOLD = 3  # times that PostgreSQL is told the company: before it is known, when it is, and for what is read after a commit


class Counter:
    """Asks for pages and makes gestures as one person, and counts what the database is sent."""

    def __init__(self, app: Flask, client: FlaskClient) -> None:
        self.app, self.client = app, client

    def get(self, address: str, status: int = 200, **headers: str) -> int:
        return self._count(lambda: self.client.get(address, headers=headers), status)

    def post(self, address: str, **values: Any) -> int:
        return self._count(lambda: self.client.post(address, data=values, headers=FRAGMENT), 200)

    def _count(self, ask: Callable[[], Any], status: int) -> int:
        with recording(self.app) as sent:
            response = ask()
        assert response.status_code == status, response.text[:500]
        return len([s for s in sent if s.counts])


def counts(one: Any, client: FlaskClient, owner_id: int) -> dict[str, int]:
    """Statements of every page and gesture, each on a deal of an owner that was not touched before."""
    count = Counter(one.app, client)
    stamp = client.get(BOARD).text.partition('data-stamp="')[2].partition('"')[0]
    with one:
        first, second = db.session.scalars(select(Stage.id).where(Stage.type == OPEN).order_by(Stage.position).limit(2))
        fresh = select(Deal.id).where(Deal.stage_id == first, Deal.owner_id == owner_id, Deal.version == 1)
        # All alike: a name to look up, or a date that is taken away, is a statement more.
        fresh = fresh.where(Deal.account_id.is_not(None), Deal.expected_close.is_not(None), Deal.amount_minor.is_not(None))
        seen, moved, edited, carded = db.session.scalars(fresh.order_by(Deal.id).limit(4))
    card = {"amount": "1234", "expected_close": "", "stage_id": first, "owner_id": owner_id, "version": 1}
    return {
        "board": count.get(BOARD),
        "poll": count.get(BOARD, 304, **FRAGMENT, **{"HX-PTag": stamp}),
        "list": count.get(DEALS),
        "list by amount": count.get(f"{DEALS}?view=all&sort=-amount"),
        "deal": count.get(f"{DEALS}/{seen}"),
        "accounts": count.get("/c/one/contacts/accounts"),
        "move": count.post(f"{DEALS}/{moved}/move", stage_id=second, version=1),
        "edit in place": count.post(f"{DEALS}/{edited}/fields/amount", amount="4321", version=1),
        "edit on the card": count.post(f"{DEALS}/{carded}/card", **card),
        "quick create": count.post(f"{BOARD}/quick", stage=first, name="A new one", amount="77"),
    }


def gather_statistics(database: Any) -> None:
    """As autovacuum does by itself: without them PostgreSQL checks references by the wrong index, row by row."""
    if database.kind == "postgres":
        engine = create_engine(database.owner_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql("ANALYZE")


def test_statements_do_not_grow_with_the_rows(database, one, people, client_of) -> None:
    clients = {name: client_of(name) for name in ("alice", "mona")}  # one sees everything, one her teams
    sent = []
    for more in (FEW, MANY - FEW):
        with one.app.app_context():
            add_deals(one.id, more, seed=more)
        gather_statistics(database)
        sent.append({name: counts(one, client, people["bob"].member_id) for name, client in clients.items()})
    with one:
        assert db.session.scalar(select(func.count(Deal.id))) >= MANY
    few, many = sent
    assert few == many
    told = TOLD if database.kind == "postgres" else 0
    for name, whom in (("alice", 0), ("mona", WHOM)):
        assert not {page: n for page, n in few[name].items() if n > USUAL[page] + told + whom + SPARE}
