"""Deals in the trash leave every figure and come back to it; the ledger remembers both."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core.db import db, utcnow
from app.core.errors import BusinessError, Conflict
from app.core.metrics import MetricQuery, evaluate
from app.core.models import Trash
from app.core.money import Money
from app.core.registry import registry
from app.modules.crm import ledger
from app.modules.crm.models import TRASHED, Deal, DealEvent, DealSpan, Stage
from app.modules.crm.services import change_deal, create_deal, move_deal
from tests.modules.crm.making import stage

FIGURES = ("crm.deal_count", "crm.open_pipeline", "crm.won_amount", "crm.won_count", "crm.win_rate")
STILL = {"all_rows": True, "with_trash": True}


def figures(**asked) -> dict:
    return {name: [(row.value, row.n) for row in evaluate(name, MetricQuery(**asked)).rows] for name in FIGURES}


def two_deals() -> tuple[Deal, Deal]:
    """One open at 100 €, one won at 250 €."""
    first = create_deal({"name": "Open one", "amount": Money(100_00, "EUR"), "external_id": "X-1"})
    second = create_deal({"name": "Won one", "amount": Money(200_00, "EUR")})
    move_deal(second, stage("won"), version=None, amount=Money(250_00, "EUR"))
    return first, second


def test_deals_in_the_trash_leave_the_figures_and_come_back(one):
    with one:
        two_deals()
        before = figures()
        ids = [d.id for d in db.session.scalars(select(Deal))]
        registry.resource("crm.deal").remove(ids)
        assert all(n == 0 for rows in figures().values() for _value, n in rows)
        assert db.session.scalars(select(Deal)).all() == []
        registry.resource("crm.deal").bring_back(ids)
        assert figures() == before
        assert [d.external_id for d in db.session.scalars(select(Deal).order_by(Deal.id))] == ["X-1", None]


def test_what_was_known_before_stays_known(one):
    with one:
        first, second = two_deals()
        before, then = figures(), utcnow()
        registry.resource("crm.deal").remove([first.id, second.id])
        assert figures(known_at=then) == before
        assert figures(as_of=then) != before


def test_replay_spans_and_deal_agree_in_the_trash_and_out_of_it(one):
    with one:
        first, second = two_deals()
        change_deal(first, {"amount": Money(120_00, "EUR")}, source="web")
        ids = [first.id, second.id]
        states = {d.id: ledger.DealState.of(d) for d in db.session.scalars(select(Deal))}
        registry.resource("crm.deal").remove(ids)
        for deal_id in ids:
            events = db.session.scalars(select(DealEvent).where(DealEvent.deal_id == deal_id)).all()
            assert ledger.replay(events) is None
            believed = select(DealSpan.id).where(DealSpan.deal_id == deal_id, DealSpan.known_to.is_(None))
            assert db.session.scalars(believed).all() == []
        registry.resource("crm.deal").bring_back(ids)
        for deal in db.session.scalars(select(Deal)):
            events = db.session.scalars(select(DealEvent).where(DealEvent.deal_id == deal.id)).all()
            assert ledger.replay(events) == ledger.DealState.of(deal) == states[deal.id]
            spans = db.session.scalars(
                select(DealSpan).where(DealSpan.deal_id == deal.id, DealSpan.known_to.is_(None)).order_by(DealSpan.valid_from)
            )
            found = [ledger.Span(s.valid_from, s.valid_to, ledger.DealState.of(s)) for s in spans]
            assert found == ledger.spans(events)


def test_twice_there_and_back_is_as_once(one):
    with one:
        first, _second = two_deals()
        before = figures()
        for _time in range(2):
            registry.resource("crm.deal").remove([first.id])
            registry.resource("crm.deal").bring_back([first.id])
        assert figures() == before


def test_a_reference_is_free_while_its_deal_lies_in_the_trash(one):
    with one:
        first, _second = two_deals()
        deal = registry.resource("crm.deal")
        deal.remove([first.id])
        create_deal({"name": "Another", "external_id": "X-1"})
        with pytest.raises(Conflict, match="X-1"):
            deal.bring_back([first.id])
        db.session.rollback()


def test_a_stage_that_is_in_use_stays(one):
    with one:
        first, _second = two_deals()
        with pytest.raises(BusinessError):
            registry.resource("crm.stage").remove([first.stage_id])
        free = db.session.scalars(select(Stage).where(Stage.id.not_in(select(DealEvent.stage_id)))).first()
        registry.resource("crm.stage").remove([free.id])
        assert db.session.scalar(select(Stage).where(Stage.id == free.id)) is None
        again = registry.resource("crm.stage").add({"name": free.name, "pipeline_id": free.pipeline_id, "type": free.type,
                                                    "position": 1, "probability": 0, "qualified": True})
        assert again.id != free.id


def test_the_trash_says_who_and_when(one, people):
    with one:
        first, _second = two_deals()
        before = utcnow()
        registry.resource("crm.deal").remove([first.id])
        line = db.session.scalars(select(Trash)).one()
        assert (line.title, line.why, line.kept) == ("Open one", "deleted", {"external_id": "X-1"})
        assert before - timedelta(seconds=1) <= line.at <= utcnow()
        assert db.session.scalar(select(Deal.state).where(Deal.id == first.id), execution_options=STILL) == TRASHED
