"""Write down what a database of this version holds, before it is shipped: python -m tests.releases.write crm_0010

The file is read by `tests/core/test_releases.py` of all versions to come; it is written once and never changed.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from app.core import migrate
from app.core.db import db
from app.core.metrics import MetricQuery, evaluate, metrics
from app.core.tenancy import acting_for
from tests.application import build_app
from tests.cast import everybody, make_cast
from tests.modules.crm.making import clock
from tests.modules.crm.test_metrics_all import NOW, fill

HERE = Path(__file__).parent
DEALS = 14
HALF_YEAR = {"start": date(2026, 1, 1), "end": date(2026, 6, 30)}


def main(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "release.sqlite3"
        app = build_app(Path(folder), f"sqlite:///{file}", modules=())
        with app.app_context():
            migrate.upgrade()
            make_cast()
            db.session.commit()
            alice = everybody()["alice"]
            db.session.rollback()
            with acting_for(alice.company_id, alice.member_id), clock(NOW):
                fill(db.session, n=DEALS)
                db.session.commit()
                told = dict(_figures())
            db.session.remove()
            db.engine.dispose()
        with sqlite3.connect(file) as connection:
            heads = sorted(row[0] for row in connection.execute("SELECT version_num FROM alembic_version"))
            tables = dict(_tables(connection))
    (HERE / f"{name}.json").write_text(_pretty({"heads": heads, "now": NOW, "figures": told, "tables": tables}))


def _figures() -> Iterator[tuple[str, Any]]:
    """Every figure of contacts and deals, whole, by owner and by month."""
    for name, metric in sorted(metrics().items()):
        for by in ((), ("owner",), ("month",)):
            if metric.module in ("contacts", "crm") and set(by) <= set(metric.dimensions):
                plain = evaluate(name, MetricQuery(by=by, **HALF_YEAR)).plain()
                yield " ".join((name, *by)), {part: plain[part] for part in ("version", "rows", "excluded")}


def _tables(connection: sqlite3.Connection) -> Iterator[tuple[str, Any]]:
    """The rows of every table that a migration made; the index of words is made anew."""
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid").fetchall():
        if name.startswith(("sqlite_", "alembic_")) or not db.metadata.tables.keys() & {name}:
            continue
        found = connection.execute(f"SELECT * FROM {name} ORDER BY rowid")
        if rows := found.fetchall():
            yield name, {"columns": [column[0] for column in found.description], "rows": rows}


def _pretty(release: dict[str, Any]) -> str:
    """One row a line, so that a change would be seen."""
    short = {"ensure_ascii": False, "separators": (",", ":")}
    tables = [
        f'{json.dumps(name)}:{{"columns":{json.dumps(table["columns"])},"rows":[\n'
        + ",\n".join(json.dumps(row, **short) for row in table["rows"]) + "]}"
        for name, table in release["tables"].items()
    ]  # fmt: skip
    figures = ",\n".join(f"{json.dumps(asked)}:{json.dumps(told, **short)}" for asked, told in release["figures"].items())
    head = f'"heads":{json.dumps(release["heads"])},\n"now":{json.dumps(release["now"])}'
    return f'{{{head},\n"figures":{{\n{figures}}},\n"tables":{{\n' + ",\n".join(tables) + "}}\n"


if __name__ == "__main__":
    main(sys.argv[1])
