"""A process that may be killed at any moment: a worker with jobs to do, or a web process with a merge in hand.

    python -m tests.core.killing '{"what": "work", …}'     says "ready", waits for a line, works, says "done"
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from app.core import merging, worker
from app.core.access import acting_as
from app.core.db import db
from app.core.registry import registry
from tests.application import build_app


@dataclass(frozen=True)
class Orders:
    """Where the database is, what to do there and in whose name; `ids` are to be merged into the first of them."""

    what: str  # work or merge
    url: str
    owner_url: str
    var_dir: str
    company_id: int
    member_id: int
    ids: tuple[int, ...] = ()


def main(orders: Orders) -> None:
    app = build_app(Path(orders.var_dir), orders.url, orders.owner_url)
    print("ready", flush=True)
    sys.stdin.readline()
    if orders.what == "work":
        worker.run_pending(app)
    else:
        with app.app_context(), acting_as(orders.company_id, orders.member_id):
            accounts = registry.resource("contacts.account")
            rows = select(accounts.model.id, accounts.model.version).where(accounts.model.id.in_(orders.ids))
            versions = {row.id: row.version for row in db.session.execute(rows)}
            merging.merge(accounts, orders.ids[0], orders.ids[1:], {}, versions)
    print("done", flush=True)


if __name__ == "__main__":
    main(Orders(**json.loads(sys.argv[1])))
