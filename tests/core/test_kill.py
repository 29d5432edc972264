"""Killed with SIGKILL at random moments of checking, publishing, taking back and merging: afterwards everything holds, and
whoever takes over gets through.

`KILLS=50` for a full run (default 6), `KILL_SEED` for other moments.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select, update

from app.core import worker
from app.core.access import acting_as
from app.core.db import db, utcnow
from app.core.importing import runs
from app.core.importing.models import ImportBatch, ImportEffect, ImportRow
from app.core.models import Change, Company, Job, Trash
from app.core.writes import bulk_insert
from app.modules.contacts.models import Account, Contact
from app.modules.crm import ledger
from app.modules.crm.ledger import DealState
from app.modules.crm.models import TRASHED, Deal, DealEvent, DealSpan
from tests.core.killing import Orders

ROOT = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("KILLS", "6"))
SEED = int(os.environ.get("KILL_SEED", "20261122"))
ROWS, ACCOUNTS, PEOPLE = 500, 20, 120
STEPS = ("check", "publish", "merge", "revert")


def the_file():
    """Deals that are new, won and lost, at accounts that are not there yet."""
    chance = random.Random(SEED)
    lines = ["external_id;name;account_id;stage_id;opened_on;closed_on;amount"]
    for number in range(ROWS):
        stage = chance.choice(["", "Won", "Lost"])
        closed = f"{chance.randrange(1, 29)}/3/2025" if stage else ""
        lines.append(f"K{number};Deal {number};Cuenta {chance.randrange(ACCOUNTS)};{stage};13/1/2025;{closed};{number},50")
    return "\n".join(lines).encode()


class Process:
    """A process of its own that waits until it is told to go."""

    def __init__(self, orders):
        command = [sys.executable, "-m", "tests.core.killing", json.dumps(asdict(orders))]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def go(self):
        self.began = time.monotonic()
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def finish(self):
        """How many seconds it took."""
        assert self.process.stdout.readline() == "done\n"
        took = time.monotonic() - self.began
        self.process.communicate(timeout=60)
        return took

    def kill(self, after):
        time.sleep(after)
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate(timeout=60)


class Story:
    """One file on its way in and out again and again, and accounts that are merged in between."""

    def __init__(self, app, database, company_id, member_id, var_dir):
        self.app, self.database, self.var_dir = app, database, str(var_dir)
        self.who = (company_id, member_id)
        self.resource = app.extensions["registry"].resource("crm.deal")
        self.batch_id, self.pair, self.rounds = 0, (), 0

    def act(self, do):
        """Something a person does, or looks up, in a request of its own."""
        with self.app.app_context():
            with acting_as(*self.who):
                result = do(runs.batch(self.resource, self.batch_id) if self.batch_id else None)
            db.engine.dispose()
            return result

    def prepare(self, step):
        """What comes before the worker, or the web process, is asked to do a step."""
        if step == "check":
            self.batch_id = 0
            self.batch_id = self.act(lambda _none: runs.begin(self.resource, "deals.csv", the_file())).id
            self.act(self._map)
            self.act(runs.start_check)
        elif step == "publish":
            self.act(runs.start_publish)
        elif step == "revert":
            self.act(runs.start_revert)
        else:
            self.rounds += 1
            self.pair = self.act(lambda _batch: twins(self.rounds))

    def _map(self, batch):
        columns = {**batch.plan["columns"]}
        columns["account_id"] = {"field": "account_id", "create": True}
        runs.set_mapping(batch, {**batch.plan, "columns": columns})

    def orders(self, step):
        what = "merge" if step == "merge" else "work"
        where = (self.database.url, self.database.owner_url, self.var_dir)
        return Orders(what, *where, *self.who, tuple(self.pair) if step == "merge" else ())

    def resume(self, step):
        """Another process takes over: jobs whose worker died when their lease has run out, the merge by hand."""
        if step == "merge":
            if not self.act(lambda _batch: merged(self.pair)):
                process = Process(self.orders(step))
                process.go()
                process.finish()
            assert self.act(lambda _batch: merged(self.pair))
            return
        self.act(lambda _batch: db.session.execute(
            update(Job).where(Job.state == "running").values(leased_until=utcnow() - timedelta(seconds=1))))
        with self.app.app_context():
            db.engine.dispose()
        worker.run_pending(self.app)
        wanted = {"check": "checked", "publish": "done", "revert": "reverted"}[step]
        assert self.act(lambda batch: (batch.state, batch.error)) == (wanted, "")


def twins(number):
    """Two accounts with many people each, the second to be merged into the first."""
    ids = bulk_insert(Account, [{"name": f"Twin {number} {side}"} for side in "ab"])
    bulk_insert(Contact, [{"name": f"Person {n}", "account_id": ids[n % 2]} for n in range(PEOPLE)])
    return ids


def merged(pair):
    """Whether two accounts are one: then all their people are at it, else each has its own."""
    people = Counter(db.session.scalars(select(Contact.account_id).where(Contact.account_id.in_(pair))))
    there = sorted(db.session.scalars(select(Account.id).where(Account.id.in_(pair))))
    assert (there, dict(people)) in (
        (sorted(pair), dict.fromkeys(pair, PEOPLE // 2)),
        ([pair[0]], {pair[0]: PEOPLE}),
    )
    return len(there) == 1


def everything_holds(batch):
    """No half batch, one truth about every deal, nothing staged without reason, in the trash or not and never both."""
    # Whoever was killed may be on its way out of the database still: its locks go with it.
    db.session.execute(select(Company.id).where(Company.id == batch.company_id).with_for_update())
    batch = db.session.scalars(select(ImportBatch).where(ImportBatch.id == batch.id).with_for_update()).one()
    db.session.refresh(batch)
    inside = batch.state in ("done", "reverting")
    assert db.session.scalar(select(func.count(Deal.id))) == (ROWS if inside else 0)
    names = select(func.count(Account.id)).where(Account.name.startswith("Cuenta"))
    assert db.session.scalar(names) == (ACCOUNTS if inside else 0)
    waits = select(ImportBatch.state).join(ImportRow, ImportRow.batch_id == ImportBatch.id).distinct()
    assert set(db.session.scalars(waits)) <= {"checking", "checked", "publishing"}
    told = select(ImportBatch.state).join(ImportEffect, ImportEffect.batch_id == ImportBatch.id).distinct()
    assert set(db.session.scalars(told)) <= {"done", "reverting", "reverted"}
    whole = select(func.sum(ImportEffect.count)).group_by(ImportEffect.batch_id)
    assert set(db.session.scalars(whole)) <= {ROWS + ACCOUNTS}
    one_truth()


def one_truth():
    """Replay, projection and spans agree; the trash holds exactly the deals that say so; each was logged once."""
    everything = {"all_rows": True, "with_trash": True}
    events, believed = {}, {}
    for event in db.session.scalars(select(DealEvent).order_by(DealEvent.id)):
        events.setdefault(event.deal_id, []).append(event)
    for span in db.session.scalars(select(DealSpan).where(DealSpan.known_to.is_(None)).order_by(DealSpan.valid_from)):
        believed.setdefault(span.deal_id, []).append(ledger.Span(span.valid_from, span.valid_to, DealState.of(span)))
    deals = db.session.scalars(select(Deal), execution_options=everything).all()
    for deal in deals:
        replayed = ledger.replay(events[deal.id])
        assert ledger.spans(events[deal.id]) == believed.get(deal.id, [])
        assert (deal.state, replayed) == (TRASHED, None) if deal.state == TRASHED else replayed == DealState.of(deal)
    thrown = db.session.scalars(select(Trash.row_id).where(Trash.table_name == "crm_deal")).all()
    assert sorted(thrown) == sorted(deal.id for deal in deals if deal.state == TRASHED)
    made = select(Change.row_id).where(Change.table_name == "crm_deal", Change.action == "created")
    assert sorted(db.session.scalars(made)) == sorted(deal.id for deal in deals)


def test_killed_at_any_moment_everything_holds_and_the_next_one_gets_through(app, one, people, database, tmp_path):
    story = Story(app, database, one.id, people["alice"].member_id, tmp_path)
    chance = random.Random(SEED)
    takes = {}
    for step in STEPS:  # once undisturbed, to learn how long each takes
        story.prepare(step)
        process = Process(story.orders(step))
        process.go()
        takes[step] = process.finish()
        story.act(everything_holds)
    interrupted = 0
    for number in range(KILLS):
        step = STEPS[number % len(STEPS)]
        story.prepare(step)
        process = Process(story.orders(step))
        process.go()
        process.kill(after=takes[step] * chance.random())
        story.act(everything_holds)
        if step == "merge":
            interrupted += not story.act(lambda _batch: merged(story.pair))
        else:
            interrupted += story.act(lambda batch: batch.state) in ("checking", "publishing", "reverting")
        story.resume(step)
        story.act(everything_holds)
    assert interrupted >= KILLS // 3  # else the moments were no moments of work
