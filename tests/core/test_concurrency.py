"""Two processes, several threads each, one deal: every edit is saved or refused, and nothing is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from sqlalchemy import select

from app.core.models import Change
from app.modules.crm import services
from app.modules.crm.models import CHANGED, MOVED, OPEN, Deal, DealEvent, DealSpan, Stage
from tests.core.editor import Orders, Outcome
from tests.modules.crm.making import euros

ROOT = Path(__file__).resolve().parents[2]
PROCESSES, THREADS, EDITS = 2, 5, 10
SAVED = (200, 303)


def orders_for(database, client, tmp_path, deal_id, stages) -> list[Orders]:
    common = {
        "url": database.url,
        "owner_url": database.owner_url,
        "cookie": client.get_cookie("vendimia").value,
        "token": client.environ_base["HTTP_X_CSRFTOKEN"],
        "deal_id": deal_id,
        "stages": stages,
        "threads": THREADS,
        "edits": EDITS,
    }
    return [
        Orders(**common, var_dir=str(tmp_path / f"var{number}"), first_amount=1000 * (number + 1))
        for number in range(PROCESSES)
    ]


def edit_all_at_once(all_orders: list[Orders]) -> list[Outcome]:
    """Start the processes, let them go when all are ready, and collect what became of their edits."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.core.editor", json.dumps(asdict(orders))],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for orders in all_orders
    ]  # fmt: skip
    try:
        for process in processes:
            assert process.stdout.readline() == "ready\n", process.stderr.read()
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        said = [process.communicate(timeout=240) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert all(process.returncode == 0 for process in processes), said
    return [Outcome(**one) for out, _err in said for one in json.loads(out)]


def test_every_simultaneous_edit_of_a_deal_is_saved_or_refused_and_none_is_lost(
    database, one, client_of, tmp_path
) -> None:
    with one as session:
        stages = session.scalars(select(Stage.id).where(Stage.type == OPEN).order_by(Stage.position).limit(2)).all()
        deal_id = services.create_deal({"name": "Wanted by all", "amount": euros(1), "owner_id": 1}).id
    outcomes = edit_all_at_once(orders_for(database, client_of("alice"), tmp_path, deal_id, stages))

    assert len(outcomes) == PROCESSES * THREADS * EDITS
    statuses = Counter(outcome.status for outcome in outcomes)
    assert set(statuses) <= {*SAVED, 409}, statuses
    assert statuses[409], "nothing was simultaneous"
    saved = [outcome for outcome in outcomes if outcome.status in SAVED]
    edits = [outcome.value * 100 for outcome in saved if outcome.kind == "edit"]
    moves = [outcome.value for outcome in saved if outcome.kind == "move"]
    assert edits
    assert moves
    with one as session:
        deal = session.get_one(Deal, deal_id)
        events = session.scalars(select(DealEvent).where(DealEvent.deal_id == deal_id).order_by(DealEvent.id)).all()
        spans = session.scalars(select(DealSpan).where(DealSpan.deal_id == deal_id)).all()
        log = session.scalars(select(Change).where(Change.row_id == deal_id, Change.table_name == "crm_deal")).all()
        assert deal.version == 1 + len(saved)
        assert sorted(e.amount_minor for e in events if e.kind == CHANGED) == sorted(edits)
        assert sorted(e.stage_id for e in events if e.kind == MOVED) == sorted(moves)
        assert sorted(int(line.new) for line in log if line.field == "amount_minor") == sorted(edits)
        assert sorted(int(line.new) for line in log if line.field == "stage_id") == sorted(moves)
        assert [e.amount_minor for e in events if e.kind == CHANGED][-1] == deal.amount_minor
        assert [e.stage_id for e in events if e.kind == MOVED][-1] == deal.stage_id
        assert len(spans) == 1 + len(saved)
        assert [span.valid_to for span in spans].count(None) == 1
