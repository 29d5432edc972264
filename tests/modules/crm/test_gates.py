"""What a deal needs before it may enter a stage, as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from app.core.db import db
from app.core.tenancy import acting_for
from app.modules.contacts.models import Account
from app.modules.crm import bulk, services
from app.modules.crm.gates.models import DealCheck, StageCheck
from app.modules.crm.gates.rules import GateNotMet
from app.modules.crm.models import DealEvent
from tests.modules.crm.making import clock, euros, make_deal, move, reason, stage


@contextmanager
def at_work(one: Any, people: dict, name: str = "bob") -> Iterator[Any]:
    with clock("2026-03-10T11:00:00") as traveller, one.app.app_context(), acting_for(one.id, people[name].member_id):
        yield traveller


def gate(position: int | str, needs: str = "", *checks: str) -> list[int]:
    """Let a stage ask for fields and checks; ids of the checks."""
    where = stage(position)
    where.needs = needs
    rows = [StageCheck(stage_id=where.id, text=text, position=i) for i, text in enumerate(checks)]
    db.session.add_all(rows)
    db.session.flush()
    return [row.id for row in rows]


def test_a_stage_refuses_a_deal_whose_fields_are_empty_and_names_them(one, people) -> None:
    with at_work(one, people):
        gate(3, "amount,account_id,expected_close")
        deal = make_deal(expected_close=date(2026, 5, 1), amount=None)
        with pytest.raises(GateNotMet, match=r"“Proposal” needs first: (Account, Amount|Amount, Account)\.") as refused:
            move(deal, 3)
        assert set(refused.value.fields) == {"amount", "account_id"}
        assert deal.stage_id == stage(1).id


def test_what_comes_with_the_move_counts(one, people) -> None:
    with at_work(one, people):
        (check,) = gate(3, "amount,product", "Drawing approved")
        deal = make_deal(amount=None)
        values = {"stage_id": stage(3).id, "amount": euros(5), "product": "Press", "checks": [check]}
        services.change_deal(deal, values, deal.version)
        assert deal.stage_id == stage(3).id
        done = db.session.scalars(select(DealCheck)).one()
        assert (done.deal_id, done.check_id, done.member_id) == (deal.id, check, people["bob"].member_id)


def test_every_active_check_must_be_ticked(one, people) -> None:
    with at_work(one, people):
        first, second, idle = gate(3, "", "Drawing approved", "Price agreed", "Out of use")
        db.session.get_one(StageCheck, idle).active = False
        deal = make_deal()
        with pytest.raises(GateNotMet, match="Price agreed") as refused:
            services.change_deal(deal, {"stage_id": stage(3).id, "checks": [first]}, deal.version)
        assert [c.text for c in refused.value.checks] == ["Price agreed"]
        services.change_deal(deal, {"stage_id": stage(3).id, "checks": [first, second]})
        assert deal.stage_id == stage(3).id


def test_jumping_over_stages_asks_only_what_the_target_asks(one, people) -> None:
    with at_work(one, people):
        gate(2, "product")
        gate(3, "", "Never done")
        deal = make_deal()
        move(deal, 4)
        assert deal.stage_id == stage(4).id


def test_going_back_needs_nothing(one, people) -> None:
    with at_work(one, people):
        deal = make_deal()
        move(deal, 4)
        gate(2, "product", "Never done")
        move(deal, 2)
        assert deal.stage_id == stage(2).id


def test_an_amount_that_the_move_takes_away_does_not_count(one, people) -> None:
    with at_work(one, people):
        gate(3, "amount")
        deal = make_deal()
        with pytest.raises(GateNotMet, match="Amount"):
            services.change_deal(deal, {"stage_id": stage(3).id, "amount": None})


def test_winning_passes_the_gate_of_its_stage_too(one, people) -> None:
    with at_work(one, people):
        gate("won", "product")
        deal = make_deal()
        with pytest.raises(GateNotMet, match="Product"):
            move(deal, "won")
        services.change_deal(deal, {"stage_id": stage("won").id, "product": "Press"})
        assert deal.state == "won"


def test_a_new_deal_begins_beyond_a_gate_only_with_what_it_asks(one, people) -> None:
    with at_work(one, people):
        (check,) = gate(3, "product", "Drawing approved")
        with pytest.raises(GateNotMet, match="Product; Drawing approved"):
            make_deal(stage_id=stage(3).id)
        deal = make_deal(stage_id=stage(3).id, product="Press", checks=[check])
        assert deal.stage_id == stage(3).id
        gate(1, "product")
        assert make_deal().stage_id == stage(1).id  # where a pipeline begins, nothing is asked


def test_an_import_passes_every_gate_and_its_events_say_so(one, people) -> None:
    with at_work(one, people):
        gate(3, "product", "Drawing approved")
        (deal_id,) = bulk.import_deals([{"name": "Old", "stage_id": stage(3).id, "opened_on": date(2025, 1, 1)}])
        events = db.session.scalars(select(DealEvent).where(DealEvent.deal_id == deal_id)).all()
        assert {e.source for e in events} == {"import"}
        deal = make_deal()
        services.change_deal(deal, {"stage_id": stage(3).id}, source="import")
        assert deal.stage_id == stage(3).id


def test_a_reopened_deal_goes_where_it_was_without_a_gate_and_further_with_one(one, people) -> None:
    with at_work(one, people) as time:
        deal = make_deal()
        move(deal, 3)
        time.shift(3600)
        move(deal, "lost", reason=reason("lost"))
        gate(3, "product")
        gate(4, "product")
        time.shift(3600)
        with pytest.raises(GateNotMet):
            move(deal, 4)
        move(deal, 3)
        assert deal.state == "open"


def test_a_gate_of_a_deleted_field_asks_for_nothing(one, people) -> None:
    with at_work(one, people):
        gate(3, "no_such_field")
        deal = make_deal()
        move(deal, 3)
        assert deal.stage_id == stage(3).id


def test_undo_is_no_move(one, people) -> None:
    with at_work(one, people):
        deal = make_deal()
        move(deal, 3)
        event = move(deal, 2)
        gate(3, "product")
        services.undo(deal, event.id)
        assert deal.stage_id == stage(3).id


def test_the_account_is_named_by_its_label(one, people) -> None:
    with at_work(one, people):
        gate(3, "account_id")
        account = Account(name="Acme")
        db.session.add(account)
        db.session.flush()
        deal = make_deal()
        with pytest.raises(GateNotMet, match="needs first: Account"):
            move(deal, 3)
        services.change_deal(deal, {"account_id": account.id, "stage_id": stage(3).id})
        assert deal.account_id == account.id
