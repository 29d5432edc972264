"""Where goals stand, with values worked out by hand: pace by working days and by a curve, attainment, status, what is missing.

The company's clock stands at Monday 16 November 2026, 12:00. November 2026 has 21 working days, of which 11 are over by the
end of that Monday (2 to 6, 9 to 13, 16) and 10 are left.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.core import lifecycle
from app.core.access import in_place_of
from app.core.db import db
from app.core.errors import BusinessError
from app.core.metrics import MetricQuery, evaluate
from app.core.models import Holiday, Membership, Team, TeamMember
from app.core.money import Money
from app.modules.kpi.goals import agreement
from app.modules.kpi.goals.services import change_goal, create_goal
from app.modules.kpi.models import Goal
from app.modules.kpi.progress import measure as m
from app.modules.kpi.progress.curve import share_by
from app.modules.kpi.progress.measure import Progress, measure
from app.modules.kpi.quantities import Given
from tests.modules.crm.making import clock, make_deal, move, rate, statements
from tests.modules.kpi.planning_world import win

NOW = "2026-11-16T12:00:00"
FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)
WON, RATE, LOST, CYCLE, OPEN = "crm.won_amount", "crm.win_rate", "crm.lost_count", "crm.sales_cycle_days", "crm.open_pipeline"


@pytest.fixture
def bob(one: Any, people: Any) -> Iterator[int]:
    """Bob's member id; inside an app context of his company, the clock standing still."""
    with clock(NOW), one:
        yield people["bob"].member_id


def goal_of(bob: int, **values: Any) -> Goal:
    goal = create_goal({"name": "November", "metric": WON, "owner_id": bob, "period": "month", "first_day": FIRST, "target": Decimal(21000), **values})
    goal.state = "active"
    db.session.flush()
    return goal


def stands(goal: Goal, on: date | None = None) -> Progress:
    return measure([goal], on)[goal.id]


def lose(bob: int, times: int, on: date = date(2026, 11, 10)) -> None:
    for _time in range(times):
        move(make_deal(owner_id=bob, on=on), "lost", closed_on=on)


# What adds up


def test_actual_pace_and_what_every_day_has_to_bring(bob: int) -> None:
    win(bob, date(2026, 11, 5), 8800)
    found = stands(goal_of(bob))
    # 21,000 in 21 working days is 1,000 a day: after 11 of them 11,000, of which there are 8,800.
    assert (found.value, found.target, found.expected, found.pace) == (Decimal(8800), Decimal(21000), Decimal(11000), Decimal("0.8"))
    assert (found.days_left, found.needed, found.gap) == (10, Decimal(1220), Decimal(12200))
    assert round(found.attainment, 4) == Decimal("0.4190")
    assert round(found.share, 4) == Decimal("0.5238")  # 11 of 21


@pytest.mark.parametrize(("amount", "status"), [
    (8799, m.OFF_TRACK), (8800, m.AT_RISK), (10449, m.AT_RISK), (10450, m.ON_TRACK), (20999, m.ON_TRACK), (21000, m.ATTAINED), (0, m.OFF_TRACK),
])  # fmt: skip
def test_on_track_from_95_percent_of_the_pace_at_risk_from_80(bob: int, amount: int, status: str) -> None:
    if amount:
        win(bob, date(2026, 11, 5), amount)
    assert stands(goal_of(bob)).status == status


def test_what_is_attained_already_needs_nothing_more(bob: int) -> None:
    win(bob, date(2026, 11, 5), 30000)
    found = stands(goal_of(bob))
    assert (found.status, found.needed, found.gap) == (m.ATTAINED, 0, Decimal(-9000))


def test_a_holiday_is_no_working_day(bob: int) -> None:
    db.session.add_all([Holiday(day=date(2026, 11, 9), name="Almudena"), Holiday(day=date(2026, 11, 28), name="A Saturday")])
    db.session.flush()
    win(bob, date(2026, 11, 5), 5000)
    found = stands(goal_of(bob, target=Decimal(20000)))
    # 20 working days, 10 of them over: half should be there.
    assert (found.expected, found.pace, found.days_left, found.share) == (Decimal(10000), Decimal("0.5"), 10, Decimal("0.5"))


def test_a_curve_takes_the_place_of_working_days_between_months(bob: int) -> None:
    goal = goal_of(bob, period="quarter", first_day=date(2026, 10, 1), target=Decimal(100000), curve=[20, 30, 50])
    # October's 20 %, and of November's 30 % the part of 11 working days in 21.
    assert share_by(goal, date(2026, 11, 16)) == Decimal("0.2") + Decimal("0.3") * 11 / 21
    assert share_by(goal, date(2026, 10, 31)) == Decimal("0.2")
    assert share_by(goal, date(2026, 9, 30)) == 0
    assert share_by(goal, date(2027, 5, 1)) == 1
    win(bob, date(2026, 10, 5), 35000)
    found = stands(goal)
    assert round(found.expected, 2) == Decimal("35714.29")
    assert found.status == m.ON_TRACK


def test_days_that_are_no_working_days_at_all_expect_everything_at_once(bob: int) -> None:
    goal = goal_of(bob, period="other", first_day=date(2026, 11, 14), last_day=date(2026, 11, 15))
    assert share_by(goal, date(2026, 11, 14)) == 1


@pytest.mark.parametrize("curve", [[50, 50], [60, 60, 10], [-10, 60, 50], [0, 0, 0]])
def test_a_curve_that_is_none_is_refused(bob: int, curve: list[int]) -> None:
    with pytest.raises(BusinessError) as refused:
        goal_of(bob, period="quarter", first_day=date(2026, 10, 1), curve=curve)
    assert refused.value.field == "curve"


def test_another_last_day_forgets_a_curve_of_other_months(bob: int) -> None:
    goal = create_goal({"name": "Q4", "metric": WON, "owner_id": bob, "period": "quarter", "first_day": date(2026, 10, 1), "target": Decimal(1), "curve": [20, 30, 50]})
    change_goal(goal, {"last_day": date(2027, 1, 31)})
    assert (goal.curve, goal.period) == ([], "other")


# Before, on and after the days of a goal


def test_a_goal_that_has_not_begun_waits(bob: int) -> None:
    found = stands(goal_of(bob, first_day=date(2026, 12, 1)))
    # December 2026 has 23 working days.
    assert (found.status, found.value, found.share, found.days_left, found.reason) == (m.WAITING, None, 0, 23, "")


def test_the_last_day_is_still_a_day_of_the_goal(bob: int) -> None:
    win(bob, date(2026, 11, 5), 20999)
    goal = goal_of(bob)
    with clock("2026-11-30T12:00:00"):
        found = stands(goal)
        assert (found.status, found.days_left, found.needed, found.share) == (m.ON_TRACK, 0, None, 1)
    with clock("2026-12-01T12:00:00"):
        assert stands(goal).status == m.MISSED
        win(bob, date(2026, 12, 1), 5000)  # not of these days
        assert stands(goal).value == Decimal(20999)


def test_what_was_so_on_a_day_of_the_past(bob: int) -> None:
    win(bob, date(2026, 11, 5), 5000)
    win(bob, date(2026, 11, 12), 7000)
    found = stands(goal_of(bob), on=date(2026, 11, 6))
    # Five of 21 working days.
    assert (found.value, found.expected, found.status) == (Decimal(5000), Decimal(5000), m.ON_TRACK)


def test_a_closed_goal_says_what_it_was_closed_with(bob: int) -> None:
    win(bob, date(2026, 11, 5), 20000)
    goal = goal_of(bob)
    with clock("2026-12-07T12:00:00"):
        agreement.close(goal)
        win(bob, date(2026, 11, 20), 5000)  # told too late
        found = stands(goal)
        assert (goal.final, goal.attained) == (Decimal(20000), False)
        assert (found.value, found.status, round(found.attainment, 4)) == (Decimal(20000), m.MISSED, Decimal("0.9524"))


# Lower is better, bands, rates


def test_few_is_good_where_lower_is_better(bob: int) -> None:
    lose(bob, 2)
    found = stands(goal_of(bob, metric=LOST, target=Decimal(21)))
    # Eleven may be lost by now.
    assert (found.value, found.expected, found.pace, found.attainment) == (2, 11, Decimal("5.5"), Decimal("10.5"))
    assert (found.status, found.needed) == (m.ON_TRACK, Decimal("1.9"))


def test_a_limit_that_is_passed_has_no_way_back(bob: int) -> None:
    lose(bob, 3)
    with clock("2026-11-30T12:00:00"):
        assert stands(goal_of(bob, metric=LOST, target=Decimal(2))).status == m.OFF_TRACK
        assert stands(goal_of(bob, metric=LOST, target=Decimal(3))).status == m.ON_TRACK


def test_none_at_all_is_on_track_where_none_is_the_aim(bob: int) -> None:
    goal = goal_of(bob, metric=LOST, target=Decimal(0))
    found = stands(goal)
    assert (found.value, found.attainment, found.status) == (0, 1, m.ON_TRACK)
    lose(bob, 1)
    assert stands(goal).status == m.OFF_TRACK
    with clock("2026-12-01T12:00:00"):
        assert stands(goal).status == m.MISSED


def test_a_target_of_zero_has_no_attainment_where_more_is_better(bob: int) -> None:
    found = stands(goal_of(bob, target=Decimal(0)))
    assert (found.attainment, found.pace, found.status) == (None, None, m.ATTAINED)


@pytest.mark.parametrize(("won", "lost", "value", "attainment", "status"), [
    (1, 1, "0.5", "1", m.ON_TRACK), (1, 3, "0.25", "0.625", m.OFF_TRACK), (7, 1, "0.875", "0.8", m.AT_RISK),
])  # fmt: skip
def test_a_band_is_attained_inside_and_else_by_how_close_it_comes(
    bob: int, won: int, lost: int, value: str, attainment: str, status: str
) -> None:
    for _time in range(won):
        win(bob, date(2026, 11, 5), 100)
    lose(bob, lost)
    found = stands(goal_of(bob, metric=RATE, direction="band", target=None, low=Decimal("0.4"), high=Decimal("0.7")))
    assert (found.value, found.attainment, found.status) == (Decimal(value), Decimal(attainment), status)
    assert (found.expected, found.target) == (None, None)


def test_a_rate_does_not_grow_day_by_day_so_the_target_itself_is_expected(bob: int) -> None:
    win(bob, date(2026, 11, 5), 100)
    lose(bob, 3)
    found = stands(goal_of(bob, metric=RATE, target=Decimal("0.5")))
    assert (found.value, found.expected, found.pace, found.needed, found.status) == (Decimal("0.25"), Decimal("0.5"), Decimal("0.5"), None, m.OFF_TRACK)


def test_a_rate_above_its_target_is_on_track_and_attained_only_at_the_end(bob: int) -> None:
    win(bob, date(2026, 11, 5), 100)
    goal = goal_of(bob, metric=RATE, target=Decimal("0.5"))
    assert stands(goal).status == m.ON_TRACK
    with clock("2026-12-01T12:00:00"):
        assert stands(goal).status == m.ATTAINED


def test_a_rate_of_nothing_is_unknown_and_says_so(bob: int) -> None:
    found = stands(goal_of(bob, metric=RATE, target=Decimal("0.5")))
    assert (found.value, found.attainment, found.status) == (None, None, m.UNKNOWN)
    assert found.reason == "Nothing was recorded in the period yet."


def test_days_of_a_cycle_where_fewer_are_better(bob: int) -> None:
    win(bob, date(2026, 11, 5), 100)
    db.session.flush()
    move(make_deal(owner_id=bob, on=date(2026, 10, 6)), "won", closed_on=date(2026, 11, 5))
    found = stands(goal_of(bob, metric=CYCLE, target=Decimal(30)))
    assert found.value is not None and found.value <= 30
    assert found.status == m.ON_TRACK


# Currency


def test_a_target_in_another_currency_goes_by_the_rate_of_the_first_day(bob: int) -> None:
    rate("USD", date(2026, 10, 1), Decimal("0.9"))
    rate("USD", date(2026, 11, 10), Decimal("0.5"))  # later rates do not move a target
    win(bob, date(2026, 11, 5), 9000)
    found = stands(goal_of(bob, target=Given(Decimal(20000), "USD")))
    assert (found.target, found.attainment) == (Decimal(18000), Decimal("0.5"))


def test_without_a_rate_the_figure_is_there_and_what_lacks_is_said(bob: int) -> None:
    win(bob, date(2026, 11, 5), 9000)
    found = stands(goal_of(bob, target=Given(Decimal(20000), "USD")))
    assert (found.value, found.target, found.attainment, found.status) == (Decimal(9000), None, None, m.UNKNOWN)
    assert found.reason == "There is no exchange rate for the currency of the target."


# What cannot be


def test_a_period_that_is_reversed_is_refused(bob: int) -> None:
    with pytest.raises(BusinessError) as refused:
        goal_of(bob, period="other", first_day=LAST, last_day=FIRST)
    assert refused.value.field == "last_day"


def test_where_the_application_is_off_there_is_a_dash_with_the_reason_and_nothing_is_lost(one: Any, people: Any) -> None:
    bob = people["bob"].member_id
    with clock(NOW):
        with one:
            win(bob, date(2026, 11, 5), 9000)
            goal_id = goal_of(bob).id
        with one:
            lifecycle.disable("crm")
        with one:
            goal = db.session.get_one(Goal, goal_id)
            found = stands(goal)
            assert (found.value, found.status) == (None, m.UNKNOWN)
            assert found.reason == "The application that this figure comes from is switched off."
            change_goal(goal, {"note": "Wait until it is back."})
            with pytest.raises(BusinessError):
                agreement_after_its_end(goal)
        with one:
            lifecycle.enable("crm")
        with one:
            goal = db.session.get_one(Goal, goal_id)
            assert (goal.target, goal.note, stands(goal).value) == (Decimal(21000), "Wait until it is back.", Decimal(9000))


def agreement_after_its_end(goal: Goal) -> None:
    with clock("2026-12-10T12:00:00"):
        agreement.close(goal)


def test_another_kind_of_period_is_the_one_that_holds_its_first_day(bob: int) -> None:
    goal = create_goal({"name": "November", "metric": WON, "owner_id": bob, "period": "month", "first_day": FIRST, "target": Decimal(1)})
    change_goal(goal, {"period": "quarter"})
    assert (goal.period, goal.first_day, goal.last_day) == ("quarter", date(2026, 10, 1), date(2026, 12, 31))


# Who, and how often the database is asked


def test_a_persons_goal_is_the_figure_of_the_registry_narrowed_to_them(bob: int, people: Any) -> None:
    for amount, day in ((1000, 2), (2500, 9), (70, 16)):
        win(bob, date(2026, 11, day), amount)
    win(people["dave"].member_id, date(2026, 11, 3), 99999)
    lose(bob, 2)
    for metric in (WON, "crm.won_count", LOST, RATE, "crm.average_deal_size", OPEN):
        figure = evaluate(metric, MetricQuery(start=FIRST, end=date(2026, 11, 16), filters={"owner": bob}))
        assert stands(goal_of(bob, metric=metric, target=Decimal(5))).value == m.plain(figure.total.value), metric


def two_teams(bob: int, people: Any) -> tuple[int, int]:
    """North with a team below it, in which there are three more."""
    north = db.session.scalars(select(Team).where(Team.name == "North")).one()
    below = Team(name="North-east", parent_id=north.id)
    db.session.add(below)
    db.session.flush()
    role_id = db.session.get_one(Membership, bob).role_id
    for name, amount in (("Ana", 300), ("Bea", 500), ("Cai", 0)):
        member = Membership(name=name, role_id=role_id, valid_from=date(2020, 1, 1))
        db.session.add(member)
        db.session.flush()
        db.session.add(TeamMember(team_id=below.id, member_id=member.id, valid_from=date(2020, 1, 1)))
        db.session.flush()
        if amount:
            win(member.id, date(2026, 11, 5), amount)
    win(bob, date(2026, 11, 5), 1000)
    win(people["dave"].member_id, date(2026, 11, 5), 7777)
    return north.id, below.id


def test_a_teams_goal_is_the_sum_of_its_people_and_of_the_teams_below(bob: int, people: Any) -> None:
    north, below = two_teams(bob, people)
    goals = [goal_of(bob, scope="team", team_id=team, metric=metric) for team in (north, below) for metric in (WON, "crm.won_count", OPEN)]
    found = measure(goals)
    assert [found[goal.id].value for goal in goals] == [Decimal(1800), 3, 0, Decimal(800), 2, 0]
    people_ = [goal_of(member_id) for member_id in db.session.scalars(select(Membership.id).where(Membership.name.in_(("Ana", "Bea", "Cai", "Bob"))))]
    assert sum(each.value for each in measure(people_).values()) == found[goals[0].id].value
    assert sum(each.n for each in measure(people_).values()) == found[goals[0].id].n


def test_a_rate_of_a_team_is_worked_out_anew_and_not_averaged(bob: int, people: Any) -> None:
    north, below = two_teams(bob, people)
    lose(bob, 5)
    goals = [goal_of(bob, scope="team", team_id=team, metric=RATE, target=Decimal("0.5")) for team in (north, below)]
    found = [measure(goals)[goal.id] for goal in goals]
    assert [each.value for each in found] == [Decimal(3) / 8, Decimal(1)]


def test_the_goal_of_the_company_is_the_whole_figure(bob: int, people: Any) -> None:
    two_teams(bob, people)
    assert stands(goal_of(bob, scope="company")).value == Decimal(9577)


def test_a_rep_gets_no_figure_of_others_and_a_manager_those_of_their_teams(bob: int, people: Any) -> None:
    win(people["dave"].member_id, date(2026, 11, 5), 100)
    win(bob, date(2026, 11, 5), 200)
    north = db.session.scalars(select(Team.id).where(Team.name == "North")).one()
    goals = [goal_of(bob), goal_of(people["dave"].member_id), goal_of(bob, scope="team", team_id=north), goal_of(bob, scope="company")]
    expected = {"bob": [200, None, None, None], "mona": [200, None, 200, None], "alice": [200, 100, 200, 300]}
    for name, values in expected.items():
        with in_place_of(db.session.get_one(Membership, people[name].member_id)):
            m.g.pop("kpi_my_teams", None)  # a request has one reader
            found = measure(goals)
        assert [found[goal.id].value for goal in goals] == values, name
        hidden = {found[goal.id].reason for goal in goals if found[goal.id].value is None}
        assert hidden <= {"You may not see the figures of everybody in this goal."}


def test_what_was_left_out_is_told_of_whom_it_was(bob: int, people: Any) -> None:
    dave = people["dave"].member_id
    for owner_id, dollars in ((bob, 1), (dave, 3)):
        for _deal in range(dollars):
            move(make_deal(owner_id=owner_id, amount=Money(100_00, "USD"), on=date(2026, 11, 5)), "won", closed_on=date(2026, 11, 5))
    win(bob, date(2026, 11, 5), 400)
    goals = [goal_of(bob), goal_of(dave)]
    found = measure(goals)
    assert [(found[goal.id].value, found[goal.id].excluded["no_rate"]) for goal in goals] == [(400, 1), (0, 3)]


def test_many_goals_are_answered_by_as_many_statements_as_few(bob: int, people: Any) -> None:
    north, below = two_teams(bob, people)
    ids = list(db.session.scalars(select(Membership.id)))
    goals = [goal_of(member_id, metric=metric) for member_id in ids for metric in (WON, RATE)]
    teams = [goal_of(bob, scope="team", team_id=team) for team in (north, below)]
    few = [*goals[:2], teams[0]]

    def count(some: list[Goal]) -> int:
        with statements() as sent:
            measure(some)
        return len(sent)

    count(few)  # what is read once per context
    assert count([*goals, *teams]) == count(few) == 3
