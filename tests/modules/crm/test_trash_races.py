"""The trash when several act at once: one of them does it, the others are told, and the ledger is whole."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

from sqlalchemy import select

from app.core.db import db
from app.core.metrics import MetricQuery, evaluate
from app.core.models import Trash
from app.core.registry import registry
from app.modules.crm import ledger
from app.modules.crm.ledger import DealState
from app.modules.crm.models import CREATED, VOIDED, Deal, DealEvent, DealSpan
from app.modules.crm.services import create_deal, move_deal
from tests.modules.crm.making import euros, stage

TRIES = 4
DEALS = "/c/one/crm/deals"
ALL = {"all_rows": True, "with_trash": True}


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Do several things at the same moment; their answers in order."""
    ready = Barrier(len(acts))

    def wait_and(act: Callable[[], Any]) -> Any:
        ready.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as threads:
        return [f.result() for f in [threads.submit(wait_and, act) for act in acts]]


def is_whole(deal_id: int) -> None:
    """Deal, replay and spans say the same; in the trash the ledger says nothing."""
    deal = db.session.scalars(select(Deal).where(Deal.id == deal_id), execution_options=ALL).one()
    events = db.session.scalars(select(DealEvent).where(DealEvent.deal_id == deal_id)).all()
    believed = db.session.scalars(select(DealSpan).where(DealSpan.deal_id == deal_id, DealSpan.known_to.is_(None))).all()
    thrown = db.session.scalar(select(Trash.id).where(Trash.row_id == deal_id)) is not None
    assert ledger.replay(events) == (None if thrown else DealState.of(deal))
    assert len([s for s in believed if s.valid_to is None]) == (0 if thrown else 1)
    counted = [e for e in ledger.effective(events) if e.kind == CREATED]
    assert len(counted) == (0 if thrown else 1)


def test_of_three_who_restore_a_deal_one_does(one, client_of):
    clients = [client_of("alice") for _ in range(3)]
    for _try in range(TRIES):
        with one:
            deal_id = create_deal({"name": "Won", "amount": euros(1000)}).id
            deal = db.session.get_one(Deal, deal_id)
            move_deal(deal, stage("won"), version=None)
            before = evaluate("crm.won_amount", MetricQuery()).rows
            registry.resource("crm.deal").remove([deal_id])
        answers = at_once(*(partial(c.post, f"{DEALS}/trash", data={"row": deal_id}) for c in clients))
        assert sorted(a.status_code for a in answers) == [303, 422, 422]
        with one:
            is_whole(deal_id)
            assert evaluate("crm.won_amount", MetricQuery()).rows == before


def test_a_deal_that_is_moved_while_it_is_thrown_away_is_moved_or_gone(one, client_of):
    mover, thrower = client_of("alice"), client_of("alice")
    for _try in range(TRIES):
        with one:
            deal = create_deal({"name": "Open", "amount": euros(500)})
            deal_id, version, target = deal.id, deal.version, stage(2).id
        answers = at_once(
            partial(mover.post, f"{DEALS}/{deal_id}/move", data={"stage_id": target, "version": version}),
            partial(thrower.post, f"{DEALS}/mass/remove", data={"mass-rows": f"{deal_id}.{version}", "mass-go": "remove"}),
        )
        assert {a.status_code for a in answers} <= {303, 404, 409}
        with one:
            is_whole(deal_id)
            events = db.session.scalars(select(DealEvent).where(DealEvent.deal_id == deal_id)).all()
            thrown = any(e.kind == VOIDED for e in events)
            moved = db.session.scalars(select(Deal).where(Deal.id == deal_id), execution_options=ALL).one().stage_id == target
            assert thrown != moved, "somebody's act was undone without a word"
