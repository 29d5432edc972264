"""Deals in other pipelines, reopened deals, and what is set by hand; and the settings of a company."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import select

from app.core.db import db
from app.core.errors import BusinessError, Conflict
from app.core.metrics import MetricQuery, evaluate
from app.core.tenancy import acting_for
from app.modules.crm import ledger, services, transfer
from app.modules.crm.gates.models import DealCheck, StageCheck
from app.modules.crm.models import Deal, DealEvent, DealSpan, Pipeline, Stage
from app.modules.crm.recording import history
from app.modules.crm.settings.queries import decisions, settings
from tests.modules.crm.making import at, clock, euros, make_deal, move, reason, stage, statements

BOARD = "/c/one/crm/board"


@contextmanager
def at_work(one: Any, people: dict, name: str = "alice", now: str = "2026-03-10T11:00:00") -> Iterator[Any]:
    with clock(now) as traveller, one.app.app_context(), acting_for(one.id, people[name].member_id):
        yield traveller


def service_pipeline(*names: str) -> Pipeline:
    """A second pipeline with open stages so called."""
    found = Pipeline(name="Service", position=2)
    db.session.add(found)
    db.session.flush()
    rows = [Stage(pipeline_id=found.id, name=name, type="open", position=i) for i, name in enumerate(names, start=101)]
    db.session.add_all(rows)
    db.session.flush()
    return found


def test_a_stage_of_the_same_name_stands_for_another_else_the_one_at_the_same_place(one, people) -> None:
    with at_work(one, people):
        target = service_pipeline("First", "PROPOSAL", "Last")
        here, there = transfer.open_stages(stage(1).pipeline_id), transfer.open_stages(target.id)
        names = {s.id: s.name for s in [*here, *there]}
        found = {names[a]: names[b] for a, b in transfer.proposed(here, there).items()}
        assert found == {
            "Contact": "First", "Qualified": "PROPOSAL", "Proposal": "PROPOSAL",
            "Negotiation": "Last", "Commitment": "Last",
        }


def test_all_open_deals_of_a_pipeline_move_in_one_go_and_their_events_say_why(one, people) -> None:
    with at_work(one, people) as time:
        deals = [make_deal(name=f"Deal {i}") for i in range(3)]
        move(deals[1], 3)
        lost = make_deal(name="Lost")
        move(lost, "lost")
        target = service_pipeline("First", "Proposal")
        target_stages = transfer.open_stages(target.id)
        target_stages[1].needs = "product"  # no gate counts
        time.shift(3600)
        here = db.session.get_one(Pipeline, stage(1).pipeline_id)
        mapping = transfer.proposed(transfer.open_stages(here.id), target_stages)
        with statements() as sent:
            assert transfer.transfer(here, target, mapping) == 3
        assert len(sent) < 30
        assert [db.session.get_one(Deal, d.id).stage_id for d in deals] == [s.id for s in (target_stages[0], target_stages[1], target_stages[0])]
        assert (lost.pipeline_id, lost.state) == (here.id, "lost")
        for deal in deals:
            events = history(deal)
            assert (events[-1].source, events[-1].kind) == ("transfer", "moved")
            assert ledger.replay(events) == ledger.DealState.of(deal)


def test_a_transfer_needs_a_stage_for_every_stage_with_deals(one, people) -> None:
    with at_work(one, people):
        make_deal()
        target = service_pipeline("First")
        here = db.session.get_one(Pipeline, stage(1).pipeline_id)
        with pytest.raises(BusinessError, match="Every stage with deals"):
            transfer.transfer(here, target, {})
        with pytest.raises(BusinessError, match="Choose another pipeline"):
            transfer.transfer(here, here, {})
        assert db.session.scalars(select(DealEvent).where(DealEvent.source == "transfer")).all() == []


def test_the_pages_propose_a_mapping_and_carry_it_out(one, client_of, people) -> None:
    with one:
        deal_id = services.create_deal({"name": "Pump", "owner_id": people["alice"].member_id}).id
        target = service_pipeline("Begin", "End")
        here, to = stage(1), transfer.open_stages(target.id)[0].id
        ids = here.pipeline_id, target.id, here.id
    alice = client_of("alice")
    dialog = alice.get(f"/c/one/crm/deals/{deal_id}/pipeline").text
    assert f'<option value="{to}" selected>Begin' in dialog
    page = alice.get(f"/c/one/crm/pipelines/{ids[0]}/transfer").text
    assert "Move 1 deal" in page and f'name="stage_{ids[2]}"' in page
    late = alice.post(f"/c/one/crm/pipelines/{ids[0]}/transfer", data={"to": ids[1]})
    assert late.status_code == 422 and "Every stage with deals" in late.text
    with one:
        chosen = {f"stage_{a}": b for a, b in transfer.proposed(transfer.open_stages(ids[0]), transfer.open_stages(ids[1])).items()}
    done = alice.post(f"/c/one/crm/pipelines/{ids[0]}/transfer", data={"to": ids[1], **chosen})
    assert done.status_code == 303
    with one:
        assert db.session.scalar(select(Deal.pipeline_id).where(Deal.id == deal_id)) == ids[1]


def test_a_reopened_deal_was_lost_in_between_as_of_then(one, people) -> None:
    with at_work(one, people) as time:
        deal = make_deal()
        time.move_to(at("2026-03-12T11:00:00"))
        move(deal, "lost", reason=reason("lost"), note="too dear")
        time.move_to(at("2026-03-20T11:00:00"))
        move(deal, 1)
        events = history(deal)
        then = ledger.replay(events, as_of=at("2026-03-15T00:00:00"))
        assert (then.state, then.reason_id, then.reason_note) == ("lost", reason("lost").id, "too dear")
        assert (deal.state, deal.reason_id) == ("open", None)
        lost = evaluate("crm.lost_count", MetricQuery(as_of=at("2026-03-15T00:00:00")))
        assert (lost.total.value, evaluate("crm.lost_count", MetricQuery()).total.value) == (1, 0)


def test_a_win_may_have_a_reason(one, people) -> None:
    with at_work(one, people):
        deal = make_deal()
        move(deal, "won", reason=reason("won"), note="knew us")
        assert (deal.state, deal.reason_id, deal.reason_note) == ("won", reason("won").id, "knew us")
        other = make_deal()
        with pytest.raises(BusinessError, match="does not fit"):
            move(other, "won", reason=reason("lost"))
        move(other, "won")
        assert other.reason_id is None


def test_what_is_set_by_hand_is_in_the_ledger_as_of_any_time(one, people) -> None:
    with at_work(one, people) as time:
        deal = make_deal(probability=20)
        time.shift(3600)
        before = at("2026-03-10T11:30:00")
        services.change_deal(deal, {"probability": 80, "category": "commit"})
        time.shift(3600)
        services.change_deal(deal, {"probability": None})
        events = history(deal)
        assert ledger.replay(events, as_of=before).probability == 20
        assert ledger.replay(events, as_of=at("2026-03-10T12:30:00")).values()["category"] == "commit"
        assert (deal.probability, deal.category) == (None, "commit")
        spans = db.session.scalars(select(DealSpan).where(DealSpan.deal_id == deal.id).order_by(DealSpan.valid_from)).all()
        assert [s.probability for s in spans] == [20, 80, None]


def test_the_page_says_what_counts_where_nothing_is_set_by_hand(one, client_of, people) -> None:
    with one:
        deal_id = services.create_deal({"name": "Pump", "amount": euros(1000), "owner_id": people["bob"].member_id}).id
    bob = client_of("bob")
    assert "10%, of the stage" in bob.get(f"/c/one/crm/deals/{deal_id}").text
    with one:
        services.change_deal(db.session.scalar(select(Deal).where(Deal.id == deal_id)), {"probability": 50})
    page = bob.get(f"/c/one/crm/deals/{deal_id}").text
    assert "€500 at 50%" in page


def test_the_board_asks_no_more_with_more_cards_when_stages_have_gates(one, client_of, people) -> None:
    with one:
        stage(2).needs = "product"
        check = StageCheck(stage_id=stage(2).id, text="Called", position=1)
        db.session.add(check)
        deal = services.create_deal({"name": "A", "owner_id": people["bob"].member_id})
        db.session.add(DealCheck(deal_id=deal.id, check_id=check.id))
    bob = client_of("bob")
    counts = []
    for number in (0, 15):
        with one:
            for i in range(number):
                services.create_deal({"name": f"B{i}", "owner_id": people["bob"].member_id})
        with one.app.app_context(), statements() as sent:
            page = bob.get(BOARD)
        assert "1/2</span>" in page.text
        counts.append(len(sent))
    assert counts[0] == counts[1]


def test_settings_have_defaults_until_somebody_changes_them(one, people) -> None:
    with at_work(one, people):
        assert settings().neglected_days == 60
        decisions.change({"neglected_days": 30}, 0)
        assert (settings().neglected_days, settings().active_days) == (30, 365)
        with pytest.raises(Conflict):
            decisions.change({"neglected_days": 10}, 0)
        decisions.change({"neglected_days": 10}, 1)
        assert settings().neglected_days == 10


def test_the_settings_page_is_the_admins_and_a_late_save_loses_nothing(one, client_of) -> None:
    address = "/c/one/crm/settings"
    values = {"uses_leads": "true", "active_days": "365", "neglected_days": "45", "late_hours": "24", "remind_minutes": "15"}
    alice = client_of("alice")
    assert client_of("bob").get(address).status_code == 403
    assert alice.post(address, data={**values, "version": 0}).status_code == 303
    late = alice.post(address, data={**values, "neglected_days": "50", "version": 0})
    assert late.status_code == 409 and 'value="50"' in late.text
    assert alice.post(address, data={**values, "neglected_days": "0", "version": 1}).status_code == 422
