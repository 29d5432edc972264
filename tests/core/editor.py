"""One of several processes that edit the same deal at the same time; started by `test_concurrency.py`.

Reads its orders as JSON from the command line, says "ready", waits for a line, and prints what became of each edit.
"""

from __future__ import annotations

import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Barrier

from flask import Flask
from flask.testing import FlaskClient

from tests.application import build_app

VERSION = re.compile(r'name="version"[^>]*value="(\d+)"|value="(\d+)"[^>]*name="version"')
STAGE = re.compile(r'<option selected value="(\d+)"')
BOARD = "http://localhost/c/one/crm/board"


@dataclass(frozen=True)
class Orders:
    """Where the database is, who edits which deal, and how often."""

    url: str
    owner_url: str
    var_dir: str
    cookie: str
    token: str
    deal_id: int
    stages: tuple[int, int]
    threads: int
    edits: int  # of each thread
    first_amount: int  # amounts count up from here: no two edits set the same


@dataclass(frozen=True)
class Outcome:
    """What an edit wanted to set, and the status it was answered with."""

    kind: str  # "move" or "edit"
    value: int
    status: int


class Editor:
    """One thread with a client of its own."""

    def __init__(self, app: Flask, orders: Orders, number: int) -> None:
        self.orders, self.number = orders, number
        self.client: FlaskClient = app.test_client()
        self.client.set_cookie("vendimia", orders.cookie)
        self.client.environ_base["HTTP_X_CSRFTOKEN"] = orders.token
        self.base = f"/c/one/crm/deals/{orders.deal_id}"

    def work(self, together: Barrier) -> list[Outcome]:
        """All edits of this thread; the first of all threads are sent at once, seen in the same version or not."""
        done = []
        for turn in range(self.orders.edits):
            version, stage = self.look()
            if turn == 0:
                together.wait(60)
            done.append(self.move(version, stage) if (turn + self.number) % 2 else self.edit(version, turn))
        return done

    def look(self) -> tuple[str, int]:
        """The version and the stage of the deal, as a form shows them."""
        form = self.client.get(f"{self.base}/fields/stage_id", headers={"HX-Request": "true"})
        found = VERSION.search(form.text)
        assert found, form.text
        return found[1] or found[2], int(STAGE.search(form.text)[1])

    def move(self, version: str, stage: int) -> Outcome:
        target = next(s for s in self.orders.stages if s != stage)
        values = {"version": version, "stage_id": target}
        return Outcome("move", target, self._post("move", values, {"HX-Request": "true", "HX-Current-URL": BOARD}))

    def edit(self, version: str, turn: int) -> Outcome:
        """By htmx and without it, in turn."""
        amount = self.orders.first_amount + self.number * self.orders.edits + turn
        headers = {"HX-Request": "true"} if turn % 3 else {}
        return Outcome("edit", amount, self._post("fields/amount", {"version": version, "amount": amount}, headers))

    def _post(self, what: str, values: dict, headers: dict) -> int:
        return self.client.post(f"{self.base}/{what}", data=values, headers=headers).status_code


def main(orders: Orders) -> list[Outcome]:
    app = build_app(Path(orders.var_dir), orders.url, orders.owner_url)
    # As in production: what a view does not catch is answered, not raised here.
    app.config["PROPAGATE_EXCEPTIONS"] = False
    editors = [Editor(app, orders, number) for number in range(orders.threads)]
    together = Barrier(orders.threads)
    print("ready", flush=True)
    sys.stdin.readline()
    with ThreadPoolExecutor(orders.threads) as pool:
        return [outcome for done in pool.map(lambda e: e.work(together), editors) for outcome in done]


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    print(json.dumps([asdict(outcome) for outcome in main(Orders(**given))]))
