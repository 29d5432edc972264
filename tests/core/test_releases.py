"""Up from every earlier release, with data in it: what was there is there, each figure is what it was, and work goes on.

`tests/releases` has a file for each schema that was shipped: its heads, the rows of a company with a bit of everything (as
SQLite keeps them), and the figures that the version of then told of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import time_machine
from alembic import command
from sqlalchemy import Boolean, Connection, MetaData, create_engine, make_url, select, text

from app.core import migrate
from app.core.db import db
from app.core.metrics import MetricQuery, evaluate
from app.core.sql_dates import month_key
from app.core.tenancy import acting_for
from app.modules.crm import services
from app.modules.crm.activities.models import Activity
from app.modules.crm.models import OPEN, Deal
from tests.application import build_app
from tests.conftest import Addresses
from tests.modules.crm.making import check_who_took_part
from tests.modules.crm.test_ledger import check

RELEASES = sorted((Path(__file__).parents[1] / "releases").glob("*.json"))
HALF_YEAR = {"start": date(2026, 1, 1), "end": date(2026, 6, 30)}


@pytest.fixture(params=RELEASES, ids=lambda path: path.stem)
def release(request: pytest.FixtureRequest) -> dict[str, Any]:
    return json.loads(request.param.read_text())


def test_there_is_an_earlier_release() -> None:
    assert RELEASES


def test_a_database_of_an_earlier_release_comes_up_with_all_that_is_in_it(
    release: dict[str, Any], database: Addresses, tmp_path: Path
) -> None:
    empty(database)
    app = build_app(tmp_path, database.url, database.owner_url, modules=())
    with app.app_context(), time_machine.travel(release["now"], tick=False):
        for head in release["heads"]:
            command.upgrade(migrate._config(database.owner_url), head)
        with migrate.connected(database.owner_url) as connection, connection.begin():
            bring_in(connection, release["tables"])
        migrate.upgrade()
        migrate.check()
        with migrate.connected(database.owner_url) as connection:
            assert counts(connection, release["tables"]) == {name: len(t["rows"]) for name, t in release["tables"].items()}
        with acting_for(1, 1):
            assert figures(release["figures"]) == release["figures"]
            kept_beside()
            work_goes_on()
        db.session.rollback()
        db.engine.dispose()


def empty(database: Addresses) -> None:
    """Take away what the cast's database holds."""
    if database.kind == "sqlite":
        Path(make_url(database.url).database or "").unlink()
        return
    engine = create_engine(database.owner_url)
    with engine.begin() as connection:
        for statement in ("DROP SCHEMA public CASCADE", "CREATE SCHEMA public", "GRANT USAGE ON SCHEMA public TO PUBLIC"):
            connection.execute(text(statement))
    engine.dispose()


def bring_in(connection: Connection, tables: Mapping[str, Any]) -> None:
    known = MetaData()
    known.reflect(connection, only=list(tables))
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL TimeZone = 'UTC'"))
    for table in (table for table in known.sorted_tables if table.name in tables):
        names = tables[table.name]["columns"]
        truths = {name for name in names if isinstance(table.c[name].type, Boolean)}
        into = text(f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})")
        rows = (dict(zip(names, row, strict=True)) for row in tables[table.name]["rows"])
        connection.execute(into, [{n: bool(v) if n in truths and v is not None else v for n, v in row.items()} for row in rows])
        if connection.dialect.name == "postgresql" and "id" in names:
            connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), (SELECT max(id) FROM {table.name}))"))


def counts(connection: Connection, tables: Mapping[str, Any]) -> dict[str, int]:
    return {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in tables}


def figures(told: Mapping[str, Any]) -> dict[str, Any]:
    """What the same questions are answered now."""
    found = {}
    for asked in told:
        name, _space, by = asked.partition(" ")
        plain = evaluate(name, MetricQuery(by=tuple(filter(None, by.split(","))), **HALF_YEAR)).plain()
        found[asked] = json.loads(json.dumps({part: plain[part] for part in ("version", "rows", "excluded")}))
    return found


def kept_beside() -> None:
    """What the tables keep beside what people said is what it would be had it been said today."""
    for deal_id in db.session.scalars(select(Deal.id)).all():
        check(deal_id, [])
    wrong = select(Activity.id).where(Activity.done_month.is_distinct_from(month_key(Activity.done_on)))
    assert not db.session.scalars(wrong).all()
    assert check_who_took_part() > 0


def work_goes_on() -> None:
    deal = db.session.scalars(select(Deal).where(Deal.state == OPEN)).first()
    assert deal is not None
    services.change_deal(deal, {"product": "Bench"})
    check(deal.id, [])
