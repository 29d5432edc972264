"""Checking in on goals, and what is noted to be done for them."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from app.core.db import db
from app.core.errors import BusinessError
from app.modules.kpi.goals.services import change_goal
from app.modules.kpi.progress import services
from app.modules.kpi.progress.models import CheckIn, GoalAction
from app.modules.kpi.progress.queries import is_due, last_checkins
from tests.modules.crm.making import LoggedIn, clock
from tests.modules.kpi.goals_world import (
    FRAGMENT,
    KPI,
    NOW,
    TODAY,
    acting,
    build,
    proposed,
    running,
    set_goal,
    won,
    words,
)


def test_a_check_in_is_kept_with_where_the_goal_stands(one, people):
    with clock(NOW), one:
        world = build(people)
        won(world.bob, date(2026, 4, 14))
        won(world.bob, date(2026, 5, 4))
        goal = running(world.bob)
        row = services.check_in(goal, world.bob, 4, " Two more are close ")
        assert (row.confidence, row.comment, row.actual, row.on_day) == (4, "Two more are close", 2, TODAY)


def test_the_second_check_in_of_a_day_takes_the_place_of_the_first(one, people):
    with clock(NOW) as now, one:
        world = build(people)
        goal = running(world.bob)
        services.check_in(goal, world.bob, 4)
        services.check_in(goal, world.bob, 2, "Lost one")
        services.check_in(goal, world.mona, 5)  # somebody else's stays their own
        now.move_to("2026-05-19T10:00:00+00:00")
        services.check_in(goal, world.bob, 3)
        said = db.session.execute(select(CheckIn.on_day, CheckIn.member_id, CheckIn.confidence).order_by(CheckIn.id)).all()
        assert said == [(TODAY, world.bob, 2), (TODAY, world.mona, 5), (date(2026, 5, 19), world.bob, 3)]


def test_only_a_goal_that_runs_is_checked_in_on_and_only_from_1_to_5(one, people):
    with clock(NOW), one:
        world = build(people)
        with pytest.raises(BusinessError, match="Only a goal that runs"):
            services.check_in(set_goal(world.bob), world.bob, 3)
        goal = running(world.bob)
        for confidence in (None, 0, 6):
            with pytest.raises(BusinessError, match="How sure"):
                services.check_in(goal, world.bob, confidence)


def test_a_check_in_is_due_once_in_each_period_of_its_rhythm(one, people):
    with clock(NOW) as now, one:
        world = build(people)
        goal = running(world.bob, cadence="month")
        assert is_due(goal, None)
        services.check_in(goal, world.bob, 3)
        assert not is_due(goal, last_checkins([goal.id])[goal.id])
        now.move_to("2026-06-01T10:00:00+00:00")
        assert is_due(goal, last_checkins([goal.id])[goal.id])
        change_goal(goal, {"cadence": "quarter"})
        assert not is_due(goal, last_checkins([goal.id])[goal.id])
        now.move_to("2026-07-01T10:00:00+00:00")
        assert not is_due(goal, None)  # it is over


def test_a_rep_checks_in_on_own_goals_alone(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            own, other = running(world.bob).id, running(world.dave).id
        bob = LoggedIn(client_of, "bob")
        assert 'type="radio"' in bob.get(f"{KPI}/goals/{own}/checkin", headers=FRAGMENT).text
        done = bob.post(f"{KPI}/goals/{own}/checkin", headers=FRAGMENT, data={"confidence": "4", "comment": "Going well"})
        assert done.status_code == 200
        assert "goals:changed" in done.headers["HX-Trigger"]
        assert bob.post(f"{KPI}/goals/{other}/checkin", data={"confidence": "4"}).status_code == 404
        page = words(bob.get(f"{KPI}/goals/{own}").text)
        assert "Going well" in page
        assert "Rather yes" in page


def test_a_check_in_without_a_choice_says_so_and_keeps_the_comment(one, people, client_of):
    with clock(NOW):
        with one:
            goal_id = running(build(people).bob).id
        answer = LoggedIn(client_of, "bob").post(f"{KPI}/goals/{goal_id}/checkin", headers=FRAGMENT, data={"comment": "Going well"})
        assert answer.status_code == 422
        assert "Going well" in answer.text
        assert 'id="confidence-error"' in answer.text


def test_without_scripts_a_check_in_leads_to_the_page_of_the_goal(one, people, client_of):
    with clock(NOW):
        with one:
            goal_id = running(build(people).bob).id
        answer = LoggedIn(client_of, "bob").post(f"{KPI}/goals/{goal_id}/checkin", data={"confidence": "2", "comment": ""})
        assert (answer.status_code, answer.location) == (303, f"{KPI}/goals/{goal_id}")


def test_what_is_noted_for_somebody_else_reaches_them(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            goal_id = running(world.bob).id
        mona, bob = LoggedIn(client_of, "mona"), LoggedIn(client_of, "bob")
        done = mona.post(f"{KPI}/goals/{goal_id}/actions", headers=FRAGMENT,
                         data={"text": "Visit Ros", "owner_id": str(world.bob), "due_on": "2026-05-15"})  # fmt: skip
        assert done.status_code == 200, done.text
        assert "For “Win 20 deals”: Visit Ros" in words(bob.get("/c/one/admin/notices").text)
        page = words(bob.get(f"{KPI}/").text)
        assert "To do for goals 1" in page
        assert "Late: May 15, 2026" in page


def test_an_action_is_ticked_off_by_whose_it_is(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            goal_id = running(world.bob).id
            with acting(world.mona):
                mine = services.create_action({"goal_id": goal_id, "text": "Visit Ros", "owner_id": world.bob}).id
                theirs = services.create_action({"goal_id": goal_id, "text": "Ask Ros", "owner_id": world.mona}).id
        bob = LoggedIn(client_of, "bob")
        page = bob.get(f"{KPI}/goals/{goal_id}").text
        assert "Ask Ros" in page  # whoever sees the goal sees what is done for it
        assert f"/actions/{theirs}/done" not in page
        assert bob.post(f"{KPI}/actions/{theirs}/done", data={"version": 1, "done": "1"}).status_code == 404
        assert bob.post(f"{KPI}/actions/{mine}/done", headers=FRAGMENT, data={"version": 1, "done": "1"}).status_code == 200
        with one:
            assert db.session.get_one(GoalAction, mine).done_at is not None
        assert bob.post(f"{KPI}/actions/{mine}/done", headers=FRAGMENT, data={"version": 2, "done": "0"}).status_code == 200
        with one:
            assert db.session.get_one(GoalAction, mine).done_at is None


def test_an_action_needs_a_goal_that_is_not_over(one, people):
    with clock(NOW), one:
        world = build(people)
        goal = running(world.bob)
        with pytest.raises(BusinessError, match="What is to be done"):
            services.create_action({"goal_id": goal.id, "text": " ", "owner_id": world.bob})
        with pytest.raises(BusinessError, match="For which goal"):
            services.create_action({"goal_id": None, "text": "Visit Ros", "owner_id": world.bob})
        row = services.create_action({"goal_id": goal.id, "text": "Visit Ros", "owner_id": world.bob})
        other = running(world.bob, name="Another")
        with pytest.raises(BusinessError, match="stays with its goal"):
            services.change_action(row, {"goal_id": other.id})
        goal.state = "dropped"
        db.session.flush()
        with pytest.raises(BusinessError, match="over"):
            services.create_action({"goal_id": goal.id, "text": "Visit Ros", "owner_id": world.bob})


def test_a_rep_notes_nothing_on_a_goal_they_do_not_see_not_even_by_the_list_of_actions(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            other = running(world.dave).id
            goal_id = proposed(world).id
        bob = LoggedIn(client_of, "bob")
        assert bob.post(f"{KPI}/goals/{other}/actions", data={"text": "Visit Ros"}).status_code == 404
        assert bob.post(f"{KPI}/actions/new", data={"text": "Visit Ros", "goal_id": str(other)}).status_code == 422
        assert bob.post(f"{KPI}/actions/new", data={"text": "Visit Ros", "goal_id": str(goal_id)}).status_code == 303
