"""The rules of deals, as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
from flask import g
from sqlalchemy import select

from app.core.clock import noon
from app.core.db import db
from app.core.errors import BusinessError, Conflict
from app.core.models import Change, Team, TeamMember
from app.core.money import Money
from app.core.tenancy import acting_for
from app.modules.crm import bulk, ledger, services, setup
from app.modules.crm.ledger import DealState
from app.modules.crm.models import Deal, DealEvent, DealSpan, Pipeline, Reason, Stage
from tests.modules.crm.making import clock, euros, make_deal, move, rate, reason, stage


@contextmanager
def at_work(one: Any, people: dict, name: str = "bob", now: str = "2026-03-10T11:00:00") -> Iterator[Any]:
    """One of the cast at work in company One, the clock standing still."""
    with clock(now) as traveller, one.app.app_context(), acting_for(one.id, people[name].member_id):
        yield traveller


def test_a_new_deal_belongs_to_who_makes_it_and_to_their_team(one, people) -> None:
    with at_work(one, people):
        deal = make_deal()
        assert deal.owner_id == people["bob"].member_id
        assert db.session.get_one(Team, deal.team_id).name == "North"
        assert deal.stage_id == stage(1).id
        assert deal.opened_on == date(2026, 3, 10)


def test_a_new_deal_needs_a_name_and_an_open_stage(one, people) -> None:
    with at_work(one, people):
        with pytest.raises(BusinessError) as refused:
            make_deal(name="")
        assert refused.value.field == "name"
        with pytest.raises(BusinessError, match="begins in an open stage"):
            make_deal(stage_id=stage("won").id)


def test_winning_needs_an_amount(one, people) -> None:
    with at_work(one, people):
        deal = make_deal(amount=None)
        with pytest.raises(BusinessError, match="Which amount") as refused:
            move(deal, "won")
        assert refused.value.field == "amount"
        move(deal, "won", amount=euros(250))
        assert (deal.state, deal.amount_minor, deal.closed_on) == ("won", 25_000, date(2026, 3, 10))


def test_losing_needs_an_active_reason_of_its_kind(one, people) -> None:
    with at_work(one, people):
        deal, lost = make_deal(), stage("lost")
        with pytest.raises(BusinessError) as refused:
            services.move_deal(deal, lost, version=deal.version)
        assert refused.value.field == "reason_id"
        with pytest.raises(BusinessError, match="does not fit"):
            services.move_deal(deal, lost, version=deal.version, reason=reason("discarded"))
        reason("lost").active = False
        db.session.flush()
        with pytest.raises(BusinessError, match="does not fit"):
            services.move_deal(deal, lost, version=deal.version, reason=reason("lost"))
        assert deal.state == "open"


@pytest.mark.parametrize(("day", "said"), [("2026-03-11", "in the future"), ("2026-02-28", "before it was opened")])
def test_a_closing_date_lies_between_the_beginning_and_today(one, people, day: str, said: str) -> None:
    with at_work(one, people):
        deal = make_deal(on=date(2026, 3, 1))
        with pytest.raises(BusinessError, match=said) as refused:
            move(deal, "won", closed_on=date.fromisoformat(day))
        assert refused.value.field == "closed_on"


def test_a_deal_cannot_be_closed_before_its_last_move(one, people) -> None:
    with at_work(one, people):
        deal = make_deal(on=date(2026, 3, 1))
        move(deal, 2)
        with pytest.raises(BusinessError, match="moved since"):
            move(deal, "won", closed_on=date(2026, 3, 5))


def test_a_deal_closed_in_the_past_has_the_amount_it_was_closed_with(one, people) -> None:
    with at_work(one, people):
        deal = make_deal(on=date(2026, 3, 1))
        services.change_deal(deal, {"amount": euros(3000)})
        move(deal, "won", closed_on=date(2026, 3, 5), amount=euros(2500))
        assert (deal.amount_minor, deal.closed_on) == (250_000, date(2026, 3, 5))


def test_the_second_of_two_who_save_is_told_what_is_stored(one, people) -> None:
    with at_work(one, people):
        deal = make_deal()
        seen = deal.version
        move(deal, 3)
        with pytest.raises(Conflict) as late:
            services.move_deal(deal, stage(2), version=seen)
        assert late.value.theirs["stage_id"] == stage(3).id
        with pytest.raises(Conflict):
            services.change_deal(deal, {"amount": euros(5)}, seen)
        assert deal.amount_minor == 100_000


def test_reopening_adds_and_erases_nothing(one, people) -> None:
    with at_work(one, people) as time:
        deal = make_deal()
        time.shift(3600)
        move(deal, "lost", note="too dear")
        time.shift(3600)
        move(deal, 2)
        assert (deal.state, deal.closed_on, deal.reason_id, deal.reason_note) == ("open", None, None, "")
        told = db.session.scalars(select(DealEvent).filter_by(deal_id=deal.id).order_by(DealEvent.id)).all()
        assert [e.state for e in told] == ["open", "lost", "open"]
        assert told[1].reason_note == "too dear"


def test_a_change_of_amount_on_a_won_deal_keeps_its_date(one, people) -> None:
    with at_work(one, people) as time:
        deal = make_deal()
        move(deal, "won")
        time.shift(3 * 86_400)
        services.change_deal(deal, {"amount": euros(1200)})
        assert (deal.closed_on, deal.amount_minor, deal.state) == (date(2026, 3, 10), 120_000, "won")
        with pytest.raises(BusinessError, match="needs its amount"):
            services.change_deal(deal, {"amount": None})


def test_the_date_of_a_closing_can_be_corrected(one, people) -> None:
    with at_work(one, people):
        deal = make_deal(on=date(2026, 3, 1))
        move(deal, "won", amount=euros(900))
        services.change_deal(deal, {"closed_on": date(2026, 3, 4)})
        assert (deal.closed_on, deal.state, deal.amount_minor) == (date(2026, 3, 4), "won", 90_000)
        with pytest.raises(BusinessError, match="in the future"):
            services.change_deal(deal, {"closed_on": date(2026, 3, 20)})


def team(name: str) -> int:
    return db.session.scalars(select(Team.id).filter_by(name=name)).one()


@pytest.mark.parametrize("corrected", [date(2026, 3, 4), date(2026, 3, 10)])
def test_a_corrected_date_leaves_the_win_with_who_won_it(one, people, corrected: date) -> None:
    with at_work(one, people) as time:
        deal, bob, dave = make_deal(on=date(2026, 3, 1)), people["bob"].member_id, people["dave"].member_id
        move(deal, "won", closed_on=date(2026, 3, 5))
        services.change_deal(deal, {"owner_id": dave})
        time.shift(60)
        services.change_deal(deal, {"closed_on": corrected})
        assert (deal.closed_on, deal.credit_owner_id, deal.credit_team_id) == (corrected, bob, team("North"))
        assert (deal.owner_id, deal.team_id) == (dave, team("South"))


def test_a_win_of_the_past_is_of_who_owned_the_deal_that_day(one, people) -> None:
    with at_work(one, people):
        deal, bob, dave = make_deal(on=date(2026, 3, 1)), people["bob"].member_id, people["dave"].member_id
        services.change_deal(deal, {"owner_id": dave})
        move(deal, "won", closed_on=date(2026, 3, 5))
        assert (deal.credit_owner_id, deal.credit_team_id) == (bob, team("North"))
        assert (deal.owner_id, deal.team_id) == (dave, team("South"))


def test_a_win_in_another_currency_is_worth_what_it_was_worth_that_day(one, people) -> None:
    with at_work(one, people):
        rate("USD", date(2026, 1, 1), "0.9")
        rate("USD", date(2026, 3, 1), "0.8")
        deal = make_deal(amount=Money(10_000, "USD"), on=date(2026, 2, 1))
        assert deal.company_minor == 9_000
        move(deal, "won")
        assert deal.company_minor == 8_000
        unrated = make_deal(amount=Money(10_000, "GBP"))
        assert unrated.company_minor is None


def test_a_closing_of_the_past_counts_at_the_rate_of_its_day(one, people) -> None:
    with at_work(one, people):
        rate("USD", date(2026, 1, 1), 1)
        rate("USD", date(2026, 3, 10), 2)
        deal = make_deal(amount=Money(5_000, "USD"), on=date(2026, 3, 1))
        services.change_deal(deal, {"amount": Money(10_000, "USD")})
        move(deal, "won", closed_on=date(2026, 3, 9))
        assert (deal.amount_minor, deal.company_minor) == (10_000, 10_000)
        moved = make_deal(amount=Money(5_000, "USD"), on=date(2026, 3, 1))
        move(moved, "won")
        services.change_deal(moved, {"amount": Money(10_000, "USD")})
        assert moved.company_minor == 20_000
        services.change_deal(moved, {"closed_on": date(2026, 3, 8)})
        assert (moved.amount_minor, moved.company_minor) == (10_000, 10_000)


def test_a_deal_goes_with_its_owner_to_the_team_of_the_day(one, people) -> None:
    with at_work(one, people):
        deal, dave = make_deal(), people["dave"].member_id
        services.change_deal(deal, {"owner_id": dave})
        assert db.session.get_one(Team, deal.team_id).name == "South"
        row = db.session.scalars(select(TeamMember).filter_by(member_id=dave)).one()
        north = db.session.scalars(select(Team).filter_by(name="North")).one()
        row.valid_to = date(2026, 3, 9)
        db.session.add(TeamMember(member_id=dave, team_id=north.id, valid_from=date(2026, 3, 10)))
        db.session.flush()
        move(deal, "won")
        assert deal.credit_team_id == north.id


def test_nothing_changes_when_nothing_differs(one, people) -> None:
    with at_work(one, people):
        deal = make_deal()
        version = deal.version
        services.change_deal(deal, {"name": "Press line", "amount": euros(1000), "owner_id": deal.owner_id})
        assert deal.version == version
        assert len(db.session.scalars(select(DealEvent).filter_by(deal_id=deal.id)).all()) == 1


def test_a_move_and_a_change_at_once_are_one_gesture_each_with_the_rules(one, people) -> None:
    with at_work(one, people):
        deal = make_deal()
        values = {"stage_id": stage("won").id, "amount": euros(44), "closed_on": date(2026, 3, 10), "name": "Renamed"}
        services.change_deal(deal, values)
        assert (deal.name, deal.state, deal.amount_minor) == ("Renamed", "won", 4_400)


def test_undo_is_for_ones_own_last_gesture_within_a_minute(one, people) -> None:
    with at_work(one, people) as time:
        deal = make_deal()
        first = move(deal, 2)
        time.shift(5)
        second = move(deal, 3)
        with pytest.raises(Conflict, match="has changed since"):
            services.undo(deal, first.id)
        services.undo(deal, second.id)
        assert deal.stage_id == stage(2).id
        with pytest.raises(Conflict, match="undone already"):
            services.undo(deal, second.id)
        third = move(deal, 4)
        time.shift(61)
        with pytest.raises(Conflict, match="too late"):
            services.undo(deal, third.id)
        deal_id, third_id = deal.id, third.id
    refused = pytest.raises(BusinessError, match="cannot be undone")
    with at_work(one, people, "dave", "2026-03-10T11:01:10"), refused:
        services.undo(db.session.get_one(Deal, deal_id), third_id)


def test_undoing_a_corrected_date_restores_the_closing(one, people) -> None:
    with at_work(one, people) as time:
        deal = make_deal(on=date(2026, 3, 1))
        move(deal, "won", closed_on=date(2026, 3, 5), amount=euros(900))
        won = DealState.of(deal)
        time.shift(60)
        _deal, event_id = services.change_and_tell(deal, {"closed_on": date(2026, 3, 4)})
        services.undo(deal, event_id)
        assert DealState.of(deal) == won
        assert (deal.state, deal.closed_on, deal.amount_minor) == ("won", date(2026, 3, 5), 90_000)
        with pytest.raises(Conflict, match="undone already"):
            services.undo(deal, event_id)
        services.change_deal(deal, {"closed_on": date(2026, 3, 6)})
        assert deal.closed_on == date(2026, 3, 6)


def test_a_creation_cannot_be_voided(one, people) -> None:
    with at_work(one, people):
        deal = make_deal()
        created = db.session.scalars(select(DealEvent.id).filter_by(deal_id=deal.id)).one()
        with pytest.raises(BusinessError, match="still count"):
            services.void_events(deal, {created})


def test_a_reference_is_given_once(one, people) -> None:
    with at_work(one, people):
        make_deal(external_id="A-1")
        with pytest.raises(BusinessError) as refused:
            make_deal(external_id="A-1")
        assert refused.value.field == "external_id"


def test_other_modules_hear_what_happened(one, people, monkeypatch) -> None:
    heard: list[tuple[str, dict]] = []
    monkeypatch.setattr(services, "publish", lambda name, **facts: heard.append((name, facts)))
    with at_work(one, people):
        deal = make_deal()
        won = move(deal, "won")
        services.undo(deal, won.id)
        move(deal, "lost")
    names = [name.removeprefix("crm.deal_") for name, _facts in heard]
    assert names == ["created", "moved", "won", "moved", "reopened", "moved", "lost"]
    assert heard[2][1]["amount_minor"] == 100_000


def test_the_change_log_says_what_changed_and_not_what_follows_from_it(one, people) -> None:
    with at_work(one, people):
        deal = make_deal()
        move(deal, "won", amount=euros(20))
        lines = db.session.scalars(select(Change).filter_by(table_name="crm_deal", row_id=deal.id, action="changed"))
        assert {line.field for line in lines} == {"stage_id", "state", "closed_on", "amount_minor"}


def test_a_stage_that_was_used_keeps_its_type(one, people) -> None:
    with at_work(one, people):
        move(make_deal(), 2)
        for used in (stage(1), stage(2)):
            with pytest.raises(BusinessError, match="have been in this stage"):
                setup.change_stage(used, {"type": "won"})
        assert setup.change_stage(stage(4), {"type": "lost"}).type == "lost"
        with pytest.raises(BusinessError, match="already"):
            setup.add(Stage, {"name": stage(1).name.upper(), "pipeline_id": stage(1).pipeline_id})


def test_a_company_starts_with_a_pipeline_in_its_language(one, two) -> None:
    for company in (one, two):
        with company as session:
            assert len(session.scalars(select(Pipeline)).all()) == 1
            types = session.scalars(select(Stage.type).order_by(Stage.position)).all()
            assert types == ["open"] * 5 + ["won", "lost", "discarded"]
            assert {r.kind for r in session.scalars(select(Reason))} == {"won", "lost", "discarded"}


# Imports


def told(**over: Any) -> dict[str, Any]:
    return {"name": "Imported", "amount": euros(500), "opened_on": date(2025, 11, 3), **over}


def test_an_imported_deal_is_what_creating_and_moving_would_have_made(one, people) -> None:
    with at_work(one, people):
        rate("USD", date(2025, 1, 1), "0.9")
        rate("USD", date(2026, 1, 1), "0.8")
        dollars, day = Money(70_000, "USD"), date(2026, 2, 2)
        won, lost = stage("won").id, stage("lost").id
        made = bulk.import_deals(
            [
                told(stage_id=won, closed_on=day, amount=dollars),
                told(stage_id=lost, closed_on=day, reason_id=reason("lost").id, reason_note="why"),
                told(stage_id=stage(3).id, expected_close=date(2026, 5, 5)),
                told(stage_id=stage(4).id, moves=[(date(2025, 12, 1), stage(4).id)], opened_stage_id=stage(2).id),
            ]
        )
        by_hand = [make_deal(amount=dollars, on=date(2025, 11, 3))]
        by_hand += [make_deal(amount=euros(500), on=date(2025, 11, 3))]
        by_hand += [make_deal(amount=euros(500), on=date(2025, 11, 3), stage_id=stage(3).id, expected_close=date(2026, 5, 5))]
        by_hand += [make_deal(amount=euros(500), on=date(2025, 11, 3), stage_id=stage(2).id)]
        move(by_hand[0], "won", closed_on=day)
        move(by_hand[1], "lost", closed_on=day, note="why")
        services.move_deal(by_hand[3], stage(4), version=None, at=noon(date(2025, 12, 1)))
        for imported_id, other in zip(made.ids, by_hand, strict=True):
            imported = db.session.get_one(Deal, imported_id)
            assert DealState.of(imported) == DealState.of(other)
            events = db.session.scalars(select(DealEvent).filter_by(deal_id=imported_id)).all()
            assert ledger.replay(events) == DealState.of(imported)
            assert {e.source for e in events} == {"import"}
            kept = db.session.scalars(select(DealSpan).filter_by(deal_id=imported_id).order_by(DealSpan.valid_from)).all()
            assert [(s.valid_from, s.valid_to, DealState.of(s)) for s in kept] == [tuple(s) for s in ledger.spans(events)]
        assert not made.warnings


def test_an_import_says_what_it_had_to_assume(one, people) -> None:
    with at_work(one, people):
        made = bulk.import_deals([told(opened_on=None), told(stage_id=stage("won").id), told()])
        assert [index for index, _sentence in made.warnings] == [0, 1]
        assert db.session.get_one(Deal, made.ids[0]).opened_on == date(2026, 3, 10)


def test_imports_are_exempt_from_the_gates_and_later_changes_too(one, people) -> None:
    with at_work(one, people):
        ids = bulk.import_deals([told(stage_id=stage("lost").id, closed_on=date(2026, 1, 1)), told(amount=None)]).ids
        deal = db.session.get_one(Deal, ids[1])
        services.change_deal(deal, {"stage_id": stage("won").id, "closed_on": date(2026, 1, 9)}, source="import")
        assert (deal.state, deal.amount_minor, deal.closed_on) == ("won", None, date(2026, 1, 9))


def test_a_surface_may_say_by_which_way_all_its_writes_come_in(one, people) -> None:
    with at_work(one, people):
        g.write_source = "import"
        deal = make_deal()
        services.move_deal(deal, stage("lost"), version=deal.version)
        assert set(db.session.scalars(select(DealEvent.source))) == {"import"}


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"opened_on": date(2027, 1, 1)}, "opened_on"),
        ({"closed_on": date(2025, 1, 1), "stage_id": "won"}, "closed_on"),
        ({"closed_on": date(2026, 1, 1), "stage_id": 2}, "closed_on"),
        ({"name": ""}, "name"),
        ({"stage_id": 999_999_999}, "stage_id"),
    ],
)
def test_an_impossible_history_is_refused_and_nothing_is_written(one, people, over: dict, field: str) -> None:
    with at_work(one, people):
        where = over.get("stage_id")
        over = {**over, "stage_id": stage(where).id if where in ("won", 2) else where}
        with pytest.raises(BusinessError) as refused:
            bulk.import_deals([told(), told(**over)])
        assert refused.value.field == field
        assert db.session.scalars(select(Deal)).all() == []


def test_a_name_may_grow_when_it_is_folded(one, people) -> None:
    with at_work(one, people):
        deal = make_deal(name="ß" * 200)
        assert deal.name_key == "ss" * 200
