"""Goals that rules make period by period, and goals that are closed when their days are over."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask, g
from sqlalchemy import select

from app.core import lifecycle, trash
from app.core.db import db
from app.core.errors import BusinessError
from app.core.models import Job, Membership, Team, TeamMember
from app.core.note_models import Notice
from app.core.registry import registry
from app.core.worker import run_pending, start_due
from app.modules.kpi.goals import agreement
from app.modules.kpi.goals.queries import words_of
from app.modules.kpi.goals.services import create_goal
from app.modules.kpi.models import Goal, GoalRule
from app.modules.kpi.planning import closing, recurring, rule_services
from app.modules.kpi.progress.models import Prediction
from tests.modules.crm.making import clock
from tests.modules.kpi import planning_world
from tests.modules.kpi.planning_world import NOW, Team6, win

FOLLOW, WON = "crm.follow_ups", "crm.won_amount"


@pytest.fixture
def six(one: Any, people: Any) -> Any:
    """The team of six; the clock stands at 22 November 2026."""
    with clock(NOW):
        with one:
            found = planning_world.build(people)
        yield found


def make_rule(**values: Any) -> GoalRule:
    return rule_services.create_rule({"name": "Calls", "metric": FOLLOW, "period": "month", "target": Decimal(20), "at_once": False, **values})


def made(**where: Any) -> list[Goal]:
    asked = select(Goal).filter_by(**where).order_by(Goal.first_day, Goal.owner_id, Goal.id)
    return list(db.session.scalars(asked, execution_options={"populate_existing": True}))


# Rules


def test_a_new_rule_makes_the_goals_of_the_period_that_runs(six: Team6, one: Any) -> None:
    with one:
        rule = make_rule(teams=str(six.team_id), at_once=True)
        recurring.recur()
        goals = made(rule_id=rule.id)
        assert {goal.owner_id for goal in goals} == set(six.ids.values())
        assert {(goal.first_day, goal.last_day, goal.period) for goal in goals} == {(date(2026, 11, 1), date(2026, 11, 30), "month")}
        assert goals[0].name.startswith("Calls, ") and goals[0].name.endswith(", November 2026")


def test_following_a_rule_again_makes_nothing_new(six: Team6, one: Any) -> None:
    with one:
        make_rule(teams=str(six.team_id))
        recurring.recur()
        first = [goal.id for goal in made()]
        recurring.recur()
        assert [goal.id for goal in made()] == first


def test_the_next_period_is_made_on_its_first_day(six: Team6, one: Any) -> None:
    with one:
        rule = make_rule(members=str(six.ids["bob"]), at_once=True)
        recurring.recur()
    for day, months in (("2026-11-30T12:00:00", 1), ("2026-12-01T12:00:00", 2), ("2026-12-31T12:00:00", 2), ("2027-01-01T12:00:00", 3)):
        with clock(day), one:
            recurring.recur()
            assert len(made(rule_id=rule.id)) == months


def test_a_new_rule_whose_goals_are_agreed_on_proposes_those_that_run_and_those_at_hand(six: Team6, one: Any) -> None:
    with one:
        make_rule(members=str(six.ids["bob"]))
        recurring.recur()
        assert [(goal.first_day, goal.state) for goal in made()] == [(date(2026, 11, 1), "proposed"), (date(2026, 12, 1), "proposed")]


def test_goals_that_are_to_be_agreed_on_are_proposed_ten_days_ahead(six: Team6, one: Any) -> None:
    with one:
        rule = make_rule(members=str(six.ids["bob"]), period="quarter", starts_on=date(2027, 1, 1))
        rule_id = rule.id
    for day, count in (("2026-12-21T12:00:00", 0), ("2026-12-22T12:00:00", 1)):
        with clock(day), one:
            recurring.recur()
            assert len(made(rule_id=rule_id)) == count
    with one:
        goal = made(rule_id=rule_id)[0]
        assert (goal.state, goal.first_day) == ("proposed", date(2027, 1, 1))
        assert db.session.scalars(select(Notice.text).where(Notice.member_id == six.ids["bob"])).one().startswith("A goal was proposed to you.")


def test_a_rule_of_quarters_follows_the_fiscal_year(six: Team6, one: Any) -> None:
    with one as session:
        session.merge(g.company).fiscal_year_start = 2
        make_rule(members=str(six.ids["bob"]), period="quarter", at_once=True)
        recurring.recur()
        goal = made()[0]
        assert (goal.first_day, goal.last_day) == (date(2026, 11, 1), date(2027, 1, 31))


def test_single_people_have_targets_of_their_own(six: Team6, one: Any) -> None:
    with one:
        rule = make_rule(teams=str(six.team_id), at_once=True)
        rule_services.set_targets(rule, {six.ids["Ana"]: rule_services.Given(Decimal(35)), six.ids["Bea"]: None}, rule.version)
        recurring.recur()
        assert {goal.owner_id: goal.target for goal in made()} == {
            **dict.fromkeys(six.ids.values(), Decimal(20)), six.ids["Ana"]: Decimal(35),
        }  # fmt: skip


def test_without_a_target_only_those_with_one_of_their_own_get_a_goal(six: Team6, one: Any) -> None:
    with one:
        rule = make_rule(teams=str(six.team_id), target=None, at_once=True)
        recurring.recur()
        assert made() == []
        rule_services.set_targets(rule, {six.ids["Ana"]: rule_services.Given(Decimal(35))}, rule.version)
        recurring.recur()
        assert [(goal.owner_id, goal.target) for goal in made()] == [(six.ids["Ana"], Decimal(35))]


@pytest.mark.parametrize(("whom", "expected"), [
    ({"roles": "manager"}, {"Mona"}),
    ({"roles": "rep,manager"}, {"Ana", "Bea", "Bob", "Cai", "Dan", "Dave", "Eli", "Mona"}),
    ({"teams": "North", "roles": "rep"}, {"Ana", "Bea", "Bob", "Cai", "Dan", "Eli"}),
    ({"teams": "South"}, {"Dave"}),
    ({"teams": "South", "members": "Ana"}, {"Ana", "Dave"}),
    ({"members": "Ana"}, {"Ana"}),
    ({}, {"Ana", "Bea", "Bob", "Cai", "Dan", "Dave", "Eli"}),
])  # fmt: skip
def test_a_rule_is_meant_for_teams_roles_and_people_by_name(six: Team6, one: Any, whom: dict[str, str], expected: set[str]) -> None:
    with one:
        ids = {name: str(i) for model in (Team, Membership) for i, name in db.session.execute(select(model.id, model.name))}
        rule = make_rule(**{name: ids.get(each, each) for name, each in whom.items()})
        assert {each.name for each in recurring.due(rule, date(2026, 11, 1), date(2026, 11, 30))} == expected


def test_a_rule_for_teams_makes_a_goal_for_each_and_its_manager_answers(six: Team6, one: Any, people: Any) -> None:
    with one:
        make_rule(audience="teams", at_once=True)
        recurring.recur()
        goals = {goal.team_id: goal for goal in made(scope="team")}
        assert len(goals) == 2
        assert goals[six.team_id].owner_id == people["mona"].member_id


def test_a_rule_for_the_company_makes_one_goal(six: Team6, one: Any) -> None:
    with one:
        make_rule(audience="company", metric=WON, target=Decimal(500000), period="year")
        recurring.recur()
        goal = made()[0]
        assert (goal.scope, goal.first_day, goal.target, goal.currency) == ("company", date(2026, 1, 1), Decimal(500000), "EUR")
        recurring.recur()
        assert len(made()) == 1


def test_who_joins_later_gets_the_goal_of_the_running_period_with_its_full_target(six: Team6, one: Any) -> None:
    with one:
        rule = make_rule(teams=str(six.team_id), at_once=True)
        recurring.recur()
        role_id = db.session.get_one(Membership, six.ids["Ana"]).role_id
        late = Membership(name="Fay", role_id=role_id, valid_from=date(2026, 11, 20))
        db.session.add(late)
        db.session.flush()
        db.session.add(TeamMember(team_id=six.team_id, member_id=late.id, valid_from=date(2026, 11, 20)))
        db.session.flush()
        recurring.recur()
        assert [(goal.target, goal.first_day) for goal in made(rule_id=rule.id, owner_id=late.id)] == [(Decimal(20), date(2026, 11, 1))]


def test_who_has_left_gets_no_more_goals(six: Team6, one: Any) -> None:
    with one:
        db.session.get_one(Membership, six.ids["Ana"]).valid_to = date(2026, 11, 21)
        make_rule(teams=str(six.team_id))
        recurring.recur()
        assert six.ids["Ana"] not in {goal.owner_id for goal in made()}


def test_what_was_thrown_away_or_given_up_is_not_made_again(six: Team6, one: Any) -> None:
    with one:
        make_rule(teams=str(six.team_id), at_once=True)
        recurring.recur()
        goals = {goal.owner_id: goal for goal in made()}
        agreement.drop(goals[six.ids["bob"]], "On parental leave")
        trash.put(Goal, "name", [goals[six.ids["Ana"]].id])
        recurring.recur()
        assert len(made()) == 5


def test_a_rule_at_once_lets_begin_what_the_check_lets_pass(six: Team6, one: Any) -> None:
    with one:
        win(six.ids["Ana"], date(2026, 10, 5), 20000)
        rule = make_rule(name="Sales", metric=WON, target=Decimal(20000), period="month", members=f"{six.ids['Ana']},{six.ids['bob']}", at_once=True)
        recurring.recur()
        states = {goal.owner_id: goal.state for goal in made(rule_id=rule.id)}
        # Ana reached just that in October: the check blocks a target that is the baseline.
        assert states[six.ids["Ana"]] == "draft"
        told = db.session.scalars(select(Notice.text)).all()
        assert any("of the rule “Sales” is held back by the check" in text or "held back" in text for text in told)
        for goal in made(state="active"):
            assert goal.excuse in ("", "By the rule “Sales”.")


def test_a_rule_before_its_first_day_after_its_last_or_switched_off_makes_nothing(six: Team6, one: Any) -> None:
    with one:
        make_rule(name="Later", starts_on=date(2027, 1, 1), at_once=True)
        make_rule(name="Over", starts_on=date(2026, 1, 1), ends_on=date(2026, 10, 31), at_once=True)
        make_rule(name="Off", active=False)
        recurring.recur()
        assert made() == []


def test_a_rule_whose_application_is_off_waits_and_does_not_hold_up_the_others(six: Team6, one: Any) -> None:
    with one:
        first = make_rule(members=str(six.ids["bob"]), at_once=True).id
    with one:
        lifecycle.disable("crm")
    with one:
        recurring.recur()
        assert made() == []
    with one:
        lifecycle.enable("crm")
    with one:
        recurring.recur()
        assert len(made(rule_id=first)) == 1


@pytest.mark.parametrize(("values", "field"), [
    ({"name": " "}, "name"), ({"metric": "crm.nothing"}, "metric"),
    ({"direction": "band"}, "low"), ({"direction": "band", "low": Decimal(5), "high": Decimal(5)}, "low"),
    ({"starts_on": date(2026, 2, 1), "ends_on": date(2026, 1, 1)}, "ends_on"),
    ({"metric": "crm.pipeline_hygiene", "target": rule_services.Given(Decimal(5), "USD")}, "target"),
])  # fmt: skip
def test_a_rule_that_makes_no_sense_is_refused_beside_its_field(six: Team6, one: Any, values: dict[str, Any], field: str) -> None:
    with one, pytest.raises(BusinessError) as refused:
        make_rule(**values)
    assert refused.value.field == field


def test_a_rule_is_made_in_its_form_and_its_page_shows_what_comes_next(six: Team6, one: Any, client_of: Any) -> None:
    mona = client_of("mona")
    sent = {"name": "Calls", "metric": FOLLOW, "period": "month", "direction": "up", "target": "20", "audience": "members",
            "teams": [str(six.team_id)], "starts_on": "2026-11-22", "at_once": "true", "active": "true", "grade": "leading"}  # fmt: skip
    answer = mona.post("/c/one/kpi/rules/new", data=sent)
    assert answer.status_code == 303, answer.text
    with one:
        rule = db.session.scalars(select(GoalRule)).one()
        assert (rule.whom, rule.target) == ({"teams": [six.team_id]}, Decimal(20))
        rule_id, version = rule.id, rule.version
    page = " ".join(mona.get(f"/c/one/kpi/rules/{rule_id}/targets").text.split())
    assert "Goals of November 2026" in page and page.count("will be made") == 6
    assert '<button class="btn v-btn" type="submit" name="do" value="save">' in page, "the main action of the rule's page is to edit it"
    saved = mona.post(f"/c/one/kpi/rules/{rule_id}/targets", data={"version": version, f"t-{six.ids['Ana']}": "35", f"t-{six.ids['bob']}": ""})
    assert saved.status_code == 303
    with one:
        assert db.session.scalars(select(GoalRule.targets)).one() == {str(six.ids["Ana"]): "35"}
    late = mona.post(f"/c/one/kpi/rules/{rule_id}/targets", data={"version": version, f"t-{six.ids['Ana']}": "40"})
    assert late.status_code == 409 and 'value="40"' in late.text
    wrong = mona.post(f"/c/one/kpi/rules/{rule_id}/targets", data={"version": version + 1, f"t-{six.ids['Ana']}": "many"})
    assert wrong.status_code == 422 and 'value="many"' in wrong.text
    assert client_of("bob").get(f"/c/one/kpi/rules/{rule_id}/targets").status_code == 403


def test_the_page_of_a_rule_offers_the_ends_of_a_band_only_where_there_is_one(six: Team6, one: Any, client_of: Any) -> None:
    with one:
        plain, band = make_rule(name="Calls").id, make_rule(name="Size", direction="band", low=Decimal(5), high=Decimal(8), target=None).id
    mona = client_of("mona")
    page = mona.get(f"/c/one/kpi/rules/{plain}").text
    offered = {name: f"/rules/{plain}/fields/{name}" in page for name in ("target", "low", "high")}
    assert offered == {"target": True, "low": False, "high": False}
    page = mona.get(f"/c/one/kpi/rules/{band}").text
    offered = {name: f"/rules/{band}/fields/{name}" in page for name in ("target", "low", "high")}
    assert offered == {"target": False, "low": True, "high": True}
    assert "5 – 8" in page


def test_goals_are_made_soon_when_somebody_asks_for_it(six: Team6, one: Any, app: Flask, client_of: Any) -> None:
    with one:
        rule = make_rule(members=str(six.ids["bob"]), at_once=True)
        rule_id, version = rule.id, rule.version
    client_of("mona").post(f"/c/one/kpi/rules/{rule_id}/targets", data={"version": version, "do": "make"})
    run_pending(app)
    with one:
        assert len(made(rule_id=rule_id)) == 1


def test_rules_come_and_go_by_file(six: Team6, one: Any) -> None:
    with one:
        resource = registry.resource("kpi.rule")
        rule = make_rule(teams=str(six.team_id), roles="rep")
        plain = {field.name: field.plain(field.of(rule)) for field in resource.fields}
        assert (plain["teams"], plain["roles"], plain["target"]) == ("North", "Sales rep", "20")


def test_both_jobs_are_scheduled(six: Team6, one: Any, app: Flask) -> None:
    start_due(app, {})
    with one:
        names = set(db.session.scalars(select(Job.name)))
    assert {"kpi.recur", "kpi.close_goals"} <= names


# Closing


def running(six: Team6, **values: Any) -> Goal:
    goal = create_goal({"name": "Bob in October", "metric": WON, "period": "month", "first_day": date(2026, 11, 1),
                        "target": Decimal(1000), "owner_id": six.ids["bob"], **values})  # fmt: skip
    agreement.begin([goal])
    return goal


def test_a_goal_is_closed_when_five_days_have_passed_since_its_last(six: Team6, one: Any) -> None:
    with one:
        goal_id = running(six).id
        win(six.ids["bob"], date(2026, 11, 10), 1200)
    for day, state in (("2026-12-05T12:00:00", "active"), ("2026-12-06T12:00:00", "closed")):
        with clock(day), one:
            closing.close_goals()
            assert db.session.get_one(Goal, goal_id).state == state
    with one:
        goal = db.session.get_one(Goal, goal_id)
        assert (goal.final, goal.attained) == (Decimal(1200), True)
        assert db.session.scalars(select(Prediction.came_true).where(Prediction.goal_id == goal_id)).one() is True
        told = db.session.scalars(select(Notice.text).where(Notice.member_id == six.ids["bob"])).all()
    assert "Attained 120%: Bob in October" in told


def test_closing_again_changes_nothing(six: Team6, one: Any) -> None:
    with one:
        goal_id = running(six).id
    for day in ("2026-12-06T12:00:00", "2026-12-07T12:00:00"):
        with clock(day), one:
            closing.close_goals()
    with one:
        words = [word.kind for word in words_of(goal_id)]
    assert words == ["activated", "closed"]


def test_a_goal_that_looks_back_stays_open(six: Team6, one: Any) -> None:
    with one:
        goal = create_goal({"name": "September", "metric": WON, "period": "month", "first_day": date(2026, 9, 1), "target": Decimal(1),
                            "owner_id": six.ids["bob"]})  # fmt: skip
        closing.close_goals()
        assert (goal.state, goal.retrospective) == ("active", True)


def test_a_goal_whose_application_is_off_waits_and_one_without_a_figure_is_closed_without(six: Team6, one: Any) -> None:
    with one:
        won, rate = running(six).id, running(six, metric="crm.win_rate", target=Decimal("0.4")).id
    with clock("2026-12-10T12:00:00"):
        with one:
            lifecycle.disable("crm")
        with one:
            closing.close_goals()
            assert {goal.state for goal in made()} == {"active"}
        with one:
            lifecycle.enable("crm")
        with one:
            closing.close_goals()
            found = {goal.id: (goal.state, goal.final, goal.attained) for goal in made()}
    assert found == {won: ("closed", Decimal(0), False), rate: ("closed", None, None)}
