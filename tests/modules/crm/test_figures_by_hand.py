"""Figures of a handful of rows, each worked out by hand in a comment. Euros; Madrid; times in UTC unless said otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from app.core.clock import noon
from app.core.db import db, utcnow
from app.core.metrics import MetricQuery, drill, evaluate
from app.core.models import Company, TeamMember
from app.core.money import Money
from app.core.tenancy import acting_for
from app.core.writes import create
from app.modules.contacts import services as accounts
from app.modules.contacts.models import Account, Contact
from app.modules.crm import services
from app.modules.crm.activities import services as activities
from app.modules.crm.activities.bulk import import_activities
from app.modules.crm.activities.models import ActivityOutcome, ActivityType
from app.modules.crm.leads import services as leads
from app.modules.crm.leads.converting import convert
from app.modules.crm.models import Deal
from app.modules.crm.parts import services as parts
from app.modules.crm.settings.models import Settings
from tests.modules.crm.making import clock, euros, figure, make_deal, move, rate, reason, stage, value

MARCH = {"start": date(2026, 3, 1), "end": date(2026, 3, 31)}


@contextmanager
def on(one: Any, people: Any, now: str = "2026-03-31T10:00:00") -> Iterator[Any]:
    with clock(now) as traveller, one.app.app_context(), acting_for(one.id, people["alice"].member_id):
        db.session.get_one(Company, one.id).timezone = "Europe/Madrid"
        yield traveller


def rows(name: str, by: str, **asked: Any) -> dict[Any, Any]:
    return {row.keys[by]: row.value for row in figure(name, by=(by,), **asked).rows}


def share(name: str, **asked: Any) -> tuple[int, int]:
    row = figure(name, **asked).total
    return row.numerator, row.denominator


def type_of(kind: str) -> int:
    return db.session.scalar(select(ActivityType.id).where(ActivityType.kind == kind))


def log(kind: str, day: date, **values: Any) -> Any:
    return activities.log({"type_id": type_of(kind), "subject": kind, "done_on": day, "done_time": time(9), **values})


def outcome(name: str) -> int:
    return db.session.scalars(select(ActivityOutcome.id).where(ActivityOutcome.name == name)).one()


def account(name: str, **columns: Any) -> int:
    return accounts.create_account({"name": name, **columns}).id


def won(day: date, amount: int = 1000, **values: Any) -> Deal:
    deal = make_deal(on=day - timedelta(days=1), amount=euros(amount), **values)
    move(deal, "won", closed_on=day)
    return deal


def test_a_meeting_of_three_is_one_and_one_for_each(one, people) -> None:
    """Bob (North) meets with Dave (South) and Mona (no team), and calls alone; a task is no follow-up."""
    bob, dave, mona = (people[name].member_id for name in ("bob", "dave", "mona"))
    with on(one, people):
        log("meeting", date(2026, 3, 10), owner_id=bob, members=[dave, mona])
        log("call", date(2026, 3, 11), owner_id=bob)
        log("task", date(2026, 3, 12), owner_id=bob)
        assert (value("activities_done", **MARCH), value("follow_ups", **MARCH)) == (3, 2)
        assert rows("follow_ups", "owner", **MARCH) == {bob: 2, dave: 1, mona: 1}  # 4 for the people, of 2
        assert sorted(row.value for row in figure("follow_ups", by=("team",), **MARCH).rows) == [1, 1, 2]  # South, none, North
        assert rows("follow_ups", "kind", **MARCH) == {"meeting": 1, "call": 1}
        assert value("follow_ups", filters={"owner": dave}, **MARCH) == 1


def test_whose_figures_are_asked_for_has_no_say_in_which_team_it_counts(one, people) -> None:
    """Mona, in North for this, takes part in a call of Bob's, of North too: of hers, North has one."""
    bob, mona = people["bob"].member_id, people["mona"].member_id
    with on(one, people):
        north = db.session.scalars(select(TeamMember.team_id).where(TeamMember.member_id == bob)).one()
        create(TeamMember, {"team_id": north, "member_id": mona, "valid_from": date(2026, 1, 1)})
        log("call", date(2026, 3, 10), owner_id=bob, members=[mona])
        assert rows("follow_ups", "team", **MARCH) == {north: 1}
        assert rows("follow_ups", "team", filters={"owner": mona}, **MARCH) == {north: 1}
        assert rows("follow_ups", "team", scope=frozenset({mona}), **MARCH) == {north: 1}
        assert value("follow_ups", scope=frozenset({mona}), **MARCH) == 1


def test_contacts_that_reached_somebody(one, people) -> None:
    """Four calls: we talked, interested, no answer, nobody said what came of it. 2 of 3, one left out."""
    with on(one, people):
        for name in ("We talked", "Interested", "No answer", None):
            log("call", date(2026, 3, 10), outcome_id=name and outcome(name))
        log("task", date(2026, 3, 10), outcome_id=outcome("Done"))
        rate_ = figure("effective_contact_rate", **MARCH)
        assert (rate_.total.numerator, rate_.total.denominator, rate_.total.n) == (2, 3, 3)
        assert rate_.excluded["no_outcome"] == 1


def test_follow_ups_told_late_and_those_of_which_nobody_knows(one, people) -> None:
    """24 hours are allowed. Told at once, after days, by a file after 30 hours, by a file that does not say: 2 of 3 are late."""
    bob = people["bob"].member_id
    with on(one, people, "2026-03-20T18:00:00"):
        log("call", date(2026, 3, 20), owner_id=bob)
        log("call", date(2026, 3, 10), owner_id=bob)
        row = {"type_id": type_of("call"), "subject": "From a file", "owner_id": bob, "done_on": date(2026, 3, 12)}
        told = import_activities([{**row, "recorded_at": noon(date(2026, 3, 12)) + timedelta(hours=30)}, row])
        rate_ = figure("late_record_rate", **MARCH).total
        assert (rate_.numerator, rate_.denominator, rate_.n) == (2, 3, 3)
        behind = db.session.scalars(drill("crm.late_record_rate", MetricQuery(**MARCH))).all()
        assert len(behind) == 3 and told[1] not in behind
        assert rows("late_record_rate", "owner", **MARCH) == {bob: Decimal(2) / 3}
        assert value("follow_ups", **MARCH) == 4


def test_target_accounts_with_a_contact_both_ways(one, people) -> None:
    """Three targets: one was talked to twice, one did not answer, one was talked to in April. 1 of 3."""
    with on(one, people, "2026-04-30T10:00:00"):
        both, none, later = (account(name, target=True) for name in ("Both", "None", "Later"))
        other = account("Other")
        for who, day, name in ((both, 10, "We talked"), (both, 20, "Interested"), (none, 11, "No answer"), (other, 12, "We talked")):
            log("call", date(2026, 3, day), account_id=who, outcome_id=outcome(name))
        log("call", date(2026, 4, 1), account_id=later, outcome_id=outcome("We talked"))
        assert share("target_account_reach", **MARCH) == (1, 3)
        assert value("accounts_touched", **MARCH) == 3  # Both, None, Other


def test_leads_of_march_that_became_deals(one, people) -> None:
    """Four came in in March, two of them were converted, one in April; one of February was converted in March. 2 of 4."""
    with on(one, people, "2026-03-20T10:00:00") as time_:
        came = [leads.create_lead({"name": f"L{day}", "opened_on": date(2026, month, day)}) for month, day in ((2, 9), (3, 2), (3, 3), (3, 4), (3, 5))]
        for lead in came[:2]:
            convert(lead, version=None, account={"name": f"A {lead.name}"}, contact=None, deal={"name": "Deal"})
        time_.shift(timedelta(days=20))
        convert(came[2], version=None, account={"name": "Late"}, contact=None, deal=None)
        assert (value("leads_created", **MARCH), value("leads_converted", **MARCH)) == (4, 2)
        assert share("lead_conversion", **MARCH) == (2, 4)


def test_what_slipped_out_of_march(one, people) -> None:
    """Due in March on its first morning: A won, B put off to May, C put off within March, D still due, E without a date now.

    F came into March later and counts not; G was won on 28 February. B and E of 5.
    """
    with on(one, people, "2026-02-20T10:00:00") as time_:
        due = [make_deal(name=name, expected_close=date(2026, 3, 15)) for name in "ABCDE"]
        make_deal(name="F", expected_close=date(2026, 4, 15))
        make_deal(name="G", expected_close=date(2026, 3, 15))
        time_.shift(timedelta(days=20))
        move(due[0], "won")
        for deal, day in ((due[1], date(2026, 5, 1)), (due[2], date(2026, 3, 31)), (due[4], None)):
            services.change_deal(deal, {"expected_close": day})
        services.change_deal(db.session.scalars(select(Deal).where(Deal.name == "F")).one(), {"expected_close": date(2026, 3, 20)})
        move(db.session.scalars(select(Deal).where(Deal.name == "G")).one(), "won", closed_on=date(2026, 2, 28))
        time_.shift(timedelta(days=30))
        services.change_deal(due[3], {"expected_close": date(2026, 6, 1)})  # in April: March is over
        assert share("slippage", **MARCH) == (2, 5)


def test_pipeline_created_in_march(one, people) -> None:
    """Qualified in March: 1,000 €; 2,000 $ at 0.9 then, worth 3,000 $ now. Discarded since: 500 €. 1,000 + 1,800 €; 1 of 3."""
    with on(one, people, "2026-03-10T10:00:00") as time_:
        rate("USD", date(2026, 3, 1), Decimal("0.9"))
        rate("USD", date(2026, 4, 1), Decimal("0.5"))
        first, second, third = make_deal(), make_deal(amount=Money(200_000, "USD")), make_deal(amount=euros(500))
        make_deal()  # never qualified
        for deal in (first, second, third):
            time_.shift(60)
            move(deal, 2)
        time_.shift(timedelta(days=40))
        services.change_deal(second, {"amount": Money(300_000, "USD")})
        move(third, "discarded")
        assert value("pipeline_created", **MARCH) == euros(2800)
        assert share("discard_rate", **MARCH) == (1, 3)


def test_the_portfolio_of_march(one, people) -> None:
    """Active is who bought within 30 days. On 28 February: Old (20 Feb), Gone (10 Feb). On 31 March: Old (5 Mar), Fresh
    (10 Mar, the first time), Back (20 Mar, before that in October). Gone went quiet. (3 - 2) ÷ 2; 1 of 2 stayed."""
    with on(one, people):
        db.session.add(Settings(active_days=30))
        old, gone, fresh, back = (account(name) for name in ("Old", "Gone", "Fresh", "Back"))
        for who, day in ((old, date(2026, 2, 20)), (gone, date(2026, 2, 10)), (old, date(2026, 3, 5)), (fresh, date(2026, 3, 10)),
                         (back, date(2025, 10, 1)), (back, date(2026, 3, 20))):
            won(day, account_id=who)
        counts = [value(f"portfolio_{name}", **MARCH) for name in ("active", "new", "reactivated", "lost")]
        assert counts == [3, 1, 1, 1]
        assert share("portfolio_growth", **MARCH) == (1, 2)  # 1 new + 1 back - 1 quiet
        assert share("customer_retention", **MARCH) == (1, 2)


def test_an_account_is_active_to_the_thirtieth_day(one, people) -> None:
    """Bought on 2 March: the 30 days up to 31 March begin on 2 March; bought on 1 March: quiet on the 31st."""
    with on(one, people):
        db.session.add(Settings(active_days=30))
        won(date(2026, 3, 2), account_id=account("In"))
        won(date(2026, 3, 1), account_id=account("Out"))
        assert value("portfolio_active", **MARCH) == 1


def test_what_is_still_open_and_how_much_reached_each_stage(one, people) -> None:
    """Began in March: 100 € in stage 1, 200 € in stage 3, 400 € won from stage 2, 800 € lost in stage 2; 1,600 € discarded."""
    with on(one, people):
        for amount, where in ((100, ()), (200, (3,)), (400, (2, "won")), (800, (2, "lost")), (1600, ("discarded",))):
            deal = make_deal(on=date(2026, 3, 2), amount=euros(amount))
            for place, to in enumerate(where, start=1):
                why = reason(str(to)) if to in ("lost", "discarded") else None
                services.move_deal(deal, stage(to), version=deal.version, at=noon(date(2026, 3, 2 + place)), reason=why, source="import")
        assert share("created_open_rate", **MARCH) == (2, 4)
        amounts = rows("funnel_amount", "stage", **MARCH)
        # All but the discarded one: 1,500. Stage 2: 200 + 400 + 800. Stage 3: 200 + 400. Later ones and the win: 400.
        assert [amounts[stage(n).id] for n in (1, 2, 3, 4, 5)] == [euros(n) for n in (1500, 1400, 600, 400, 400)]
        assert amounts[stage("won").id] == euros(400)
        assert value("funnel_amount", **MARCH) == euros(1500)
        assert rows("won_count", "last_stage", **MARCH) == {stage(2).id: 1}


def test_deals_in_order(one, people) -> None:
    """Four open deals: one has all, one no amount, one a date that is over and no next step, one nobody of the committee."""
    with on(one, people):
        person = create(Contact, {"name": "Ana"}).id
        call = db.session.scalar(select(ActivityType.id).where(ActivityType.kind == "call"))
        for amount, day, step, known in ((1, 30, True, True), (None, 30, True, True), (1, 1, False, True), (1, 30, True, False)):
            deal = make_deal(amount=amount and euros(amount), expected_close=date(2026, 4, day) if day > 1 else date(2026, 3, 1))
            if step:
                activities.plan({"type_id": call, "deal_id": deal.id})
            if known:
                parts.add_person(deal, person, "decider")
        assert share("pipeline_hygiene") == (1, 4)
        found = [share(f"hygiene_{name}")[0] for name in ("amount", "close_date", "next_step", "contact", "stage_age")]
        assert found == [3, 3, 3, 3, 4]
        assert (value("hygiene_problems"), rows("hygiene_problems", "problem")) == (3, {"amount": 1, "close_date": 1, "next_step": 1, "contact": 1})


def test_nine_of_ten_stays(one, people) -> None:
    """Ten deals stay 1 to 10 days in stage 1: exactly nine of ten are over at 9 days, so halfway to 10; the median is 5.5."""
    with on(one, people):
        for days in range(1, 11):
            deal = make_deal(on=date(2026, 3, 1))
            services.move_deal(deal, stage(2), version=None, at=noon(date(2026, 3, 1 + days)), source="import")
        one_stage = {"filters": {"stage": stage(1).id}}
        assert value("time_in_stage_days_p90", **one_stage) == Decimal("9.5")
        assert value("time_in_stage_days", **one_stage) == Decimal("5.5")
        make_deal()  # since this moment: at risk of nothing, and for no time it is no stay
        assert value("time_in_stage_days_p90", **one_stage) == Decimal("9.5")


def test_a_stay_is_dated_by_the_day_it_began_even_for_no_time(one, people) -> None:
    """On 10 February through stage 2 to 3 at once, on 5 March back to 2: it came into 2 in February, now and in the past."""
    with on(one, people) as time_:
        deal = make_deal(on=date(2026, 2, 1))
        for day, where in ((date(2026, 2, 10), 2), (date(2026, 2, 10), 3), (date(2026, 3, 5), 2)):
            services.move_deal(deal, stage(where), version=None, at=noon(day), source="import")
        time_.shift(60)
        asked = {"filters": {"stage": stage(2).id}, "by": ("month",)}
        now = [row.by["month"] for row in figure("time_in_stage_days", **asked).rows]
        then = [row.by["month"] for row in figure("time_in_stage_days", known_at=utcnow(), **asked).rows]
        assert now == then == ["2026-02"]
        assert figure("time_in_stage_days", as_of=utcnow(), filters={"stage": stage(2).id}, **MARCH).total.n == 0


def test_the_first_contact(one, people) -> None:
    """Two, four and six hours after it began; one was never touched, and a duplicate is none: median of 2, 4, 6 and waiting."""
    with on(one, people, "2026-03-10T08:00:00") as time_:
        deals = [make_deal() for _ in range(5)]
        move(deals[4], "discarded", reason=reason("discarded"))
        for number in range(3):
            time_.shift(timedelta(hours=2))
            log("call", date(2026, 3, 10), done_time=None, deal_id=deals[number].id)
        time_.shift(timedelta(hours=3))
        # Of four, one half are over exactly at the second: 4 h, and the next is 6 h.
        row = figure("first_contact_hours").total
        assert (row.value, row.n) == (Decimal(5), 4)


def test_a_cent_is_nobodys_twice(one, people) -> None:
    """100.01 € in 33, 33 and 34 %: ⌊33.0033⌋ = 33.00, ⌊66.0066⌋ - 33.00 = 33.00, 100.01 - 66.00 = 34.01."""
    who = [people[name].member_id for name in ("alice", "bob", "dave")]
    with on(one, people):
        deal = make_deal(amount=Money(10_001, "EUR"))
        parts.set_credits(deal, [(who[0], 33), (who[1], 33), (who[2], 34)])
        move(deal, "won")
        assert {k: v.minor for k, v in rows("credited_amount", "owner").items()} == dict(zip(who, (3300, 3300, 3401), strict=True))
        assert value("credited_amount").minor == 10001


def test_the_forecast_by_category(one, people) -> None:
    """Stage 2 is pipeline, 4 best case, 5 commit, 1 omitted; one of stage 2 is a commit by hand; the lost one is nowhere."""
    with on(one, people):
        for amount, where, by_hand in ((1, 1, None), (2, 2, None), (4, 4, None), (8, 5, None), (16, 2, "commit"), (32, "lost", None)):
            deal = make_deal(amount=euros(amount), category=by_hand)
            if where != 1:
                move(deal, where)
        assert rows("category_forecast", "category") == {"pipeline": euros(2), "best_case": euros(4), "commit": euros(24)}


def test_a_win_at_half_past_eleven_on_the_night_the_clock_changes(one, people) -> None:
    """On 28 March 22:30 UTC is 23:30 in Madrid; on 29 March, in summer time, it is half past midnight of the 30th."""
    for now, day in (("2026-03-28T22:30:00", date(2026, 3, 28)), ("2026-03-29T22:30:00", date(2026, 3, 30))):
        with on(one, people, now):
            move(make_deal(), "won")
            log("call", day, done_time=None)
            assert value("won_count", start=day, end=day) == value("follow_ups", start=day, end=day) == 1


def test_the_fiscal_year_begins_in_april(one, people) -> None:
    """31 March 23:30 in Madrid is the last evening of the year 2025; half an hour and a minute later it is 2026-Q1."""
    with on(one, people, "2026-03-31T21:30:00") as time_:
        db.session.get_one(Company, one.id).fiscal_year_start = 4
        move(make_deal(), "won")
        time_.shift(timedelta(minutes=31))
        move(make_deal(), "won")
        assert {row.by["quarter"]: row.value for row in figure("won_count", by=("quarter",)).rows} == {"2025-Q4": 1, "2026-Q1": 1}
        assert value("portfolio_active") == 0


def test_an_account_handed_over_on_the_first_was_handed_over_that_month(one, people) -> None:
    """Bob had it until 28 February; on 1 March it is Dave's: taken and given in March."""
    with on(one, people, "2026-02-10T10:00:00") as time_:
        row = db.session.get_one(Account, account("Acme", owner_id=people["bob"].member_id))
        time_.shift(timedelta(days=19))
        accounts.change_account(row, {"owner_id": people["dave"].member_id})
        for name in ("taken_over", "handed_over"):
            found = evaluate(f"contacts.accounts_{name}", MetricQuery(by=("month",), **MARCH)).rows
            assert [(r.by["month"], r.value) for r in found] == [("2026-03", 1)], name
