"""How fast a file of deals goes in, beside its floor: the same rows by the raw driver's `executemany`, with commit.

    PYTHONPATH=. .venv/bin/python tools/bench_import.py [rows] [sqlite|postgres …]

The import reads the file, checks every cell and looks names up, stages the rows, publishes them with ledger, spans and
change log, and notes what it did. On SQLite the seconds are the processor's, for the machine may have other things to do;
on PostgreSQL, where another process works as well, they are the clock's.
"""

from __future__ import annotations

import csv
import io
import random
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import bench_data
import psycopg
from bench_data import Place
from flask import Flask
from sqlalchemy import func, make_url, select

from app.core.clock import today
from app.core.db import db
from app.core.engine import PRAGMAS
from app.core.importing import engine
from app.core.importing.files import read_table
from app.core.importing.mapping import plan_by_heading
from app.core.models import Membership, TeamMember
from app.core.registry import registry
from app.core.tenancy import acting_for
from app.modules.contacts.models import Account
from app.modules.contacts.services import add_accounts
from tests import pg
from tests.application import build_app
from tests.cast import everybody

ROWS = 20_000
HEADINGS = ("external_id", "name", "product", "account_id", "owner_id", "stage_id", "opened_on", "closed_on", "amount")
TABLES = ("crm_deal", "crm_deal_event", "crm_deal_span", "core_change")  # what an import of deals fills, in this order


@dataclass(frozen=True)
class Result:
    """Seconds of an import and of its floor."""

    kind: str
    rows: int
    took: float
    floor: float

    def __str__(self) -> str:
        rate, ratio = self.rows / self.took, self.took / self.floor
        return (f"{self.kind}: {self.rows:,} deals in {self.took:.1f} s, {rate:,.0f} a second; executemany of the same rows"
                f" {self.floor:.1f} s; ratio {ratio:.1f}")


def measure(place: Place, rows: int) -> Result:
    """Import a file into a database that has people (`bench_data.found`), then take the rows out and insert them bare."""
    app = build_app(place.var_dir, place.url, place.owner_url, modules=())
    now = process_time if place.kind == "sqlite" else perf_counter
    with app.app_context():
        company_id = everybody()["alice"].company_id
    with app.app_context(), acting_for(company_id):
        add_accounts([{"name": f"Account {number:06}"} for number in range(max(100, rows // 20))])
    took = _import(app, company_id, rows, now)
    with app.app_context():
        db.engine.dispose()
    return Result(place.kind, rows, took, _floor(place, now))


def _import(app: Flask, company_id: int, rows: int, now: Callable[[], float]) -> float:
    with app.app_context(), acting_for(company_id):
        accounts = list(db.session.scalars(select(Account.name)))
        team = select(Membership.name).join(TeamMember, TeamMember.member_id == Membership.id)
        owners = list(db.session.scalars(team.group_by(Membership.name).having(func.count() == 1)))
        data = _file(rows, accounts, owners)
        start = now()
        table = read_table(data)
        plan = plan_by_heading(registry.resource("crm.deals"), table.headings, "external_id")
        report = engine.bring_in(plan, table, "deals.csv")
        took = now() - start
    if report.created != rows:
        raise SystemExit(f"the file did not go in: {report.errors[:3]}")
    return took


def _file(rows: int, accounts: list[str], owners: list[str]) -> bytes:
    """A CSV file of deals, an eighth of them open."""
    chance = random.Random(bench_data.SEED)  # noqa: S311  # test data, no secret
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(HEADINGS)
    for number in range(rows):
        closed = today() - timedelta(days=chance.randrange(bench_data.DAYS - 200))
        opened = closed - timedelta(days=chance.randrange(5, 180))
        stage = chance.choices(("Won", "Lost", ""), (57, 31, 12))[0]
        thing, amount = chance.choice(bench_data.THINGS), round(chance.lognormvariate(9.5, 0.9))
        who = (chance.choice(accounts), chance.choice(owners))
        name = f"{thing} {chance.randrange(100_000):05}"
        writer.writerow([f"X{number:07}", name, thing, *who, stage, opened, closed if stage else "", amount])
    return stream.getvalue().encode()


def _floor(place: Place, now: Callable[[], float]) -> float:
    """Seconds in which the driver inserts the rows that the import wrote, and commits."""
    if place.kind == "sqlite":
        path = make_url(place.url).database or ""
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            for pragma in PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            return _again(connection.cursor(), "?", now)
    with psycopg.connect(place.owner_url.replace("+psycopg", ""), autocommit=True) as connection:
        return _again(connection.cursor(), "%s", now)


def _again(cursor: Any, mark: str, now: Callable[[], float]) -> float:
    ours = {"core_change": "table_name = 'crm_deal'"}
    told = []
    for table in TABLES:
        cursor.execute(f"SELECT * FROM {table} WHERE {ours.get(table, '1 = 1')}")  # noqa: S608  # our own names
        names = [column[0] for column in cursor.description]
        marks = ", ".join(mark for _name in names)
        told.append((f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", cursor.fetchall()))  # noqa: S608
    for table in reversed(TABLES):
        cursor.execute(f"DELETE FROM {table} WHERE {ours.get(table, '1 = 1')}")  # noqa: S608  # our own names
    start = now()
    cursor.execute("BEGIN")
    for statement, rows in told:
        cursor.executemany(statement, rows)
    cursor.execute("COMMIT")
    return now() - start


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    kinds = sys.argv[2:] or ["sqlite", "postgres"]
    with tempfile.TemporaryDirectory() as folder:
        if "sqlite" in kinds:
            url = f"sqlite:///{folder}/bench.sqlite3"
            place = Place("sqlite", url, url, Path(folder))
            bench_data.found(place)
            print(measure(place, rows), flush=True)
        if "postgres" in kinds:
            with pg.server() as server:
                name = f"{server.prefix}_import"
                server.run(f"CREATE DATABASE {name} OWNER {pg.OWNER}")
                place = Place("postgres", server.url(pg.WEB, name), server.url(pg.OWNER, name), Path(folder))
                bench_data.found(place)
                print(measure(place, rows), flush=True)


if __name__ == "__main__":
    main()
