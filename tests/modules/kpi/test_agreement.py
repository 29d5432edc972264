"""From draft to closed: who may take which step, and what each leaves behind."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from app.core.db import db
from app.core.errors import BusinessError, Conflict
from app.modules.kpi.goals import agreement, queries
from app.modules.kpi.models import Goal
from app.modules.kpi.quantities import Given
from tests.modules.crm.making import LoggedIn, clock
from tests.modules.kpi.goals_world import (
    FRAGMENT,
    KPI,
    NOW,
    acting,
    build,
    proposed,
    running,
    set_goal,
    state_of,
    version_of,
    words,
)


def notices(person) -> str:
    return words(person.get("/c/one/admin/notices").text)


def test_a_counter_proposal_that_is_accepted_becomes_what_the_goal_says(one, people):
    with clock(NOW), one:
        world = build(people)
        goal = proposed(world)
        with acting(world.bob):
            agreement.counter(goal, Given(Decimal(16)), date(2026, 7, 15), "Two weeks off")
        assert (goal.state, goal.target, goal.last_day) == ("proposed", 20, date(2026, 6, 30))
        with acting(world.mona):
            agreement.accept(goal)
        assert (goal.state, goal.target, goal.first_day, goal.last_day) == ("agreed", 16, date(2026, 4, 1), date(2026, 7, 15))
        assert [(w.kind, w.member_id, w.target) for w in queries.words_of(goal.id)] == [
            ("proposed", world.mona, 20), ("countered", world.bob, 16), ("agreed", world.mona, 16)
        ]  # fmt: skip


def test_agreeing_on_another_target_alone_leaves_period_and_currency_as_they_were(one, people):
    with clock(NOW), one:
        world = build(people)
        goal = proposed(world, metric="crm.won_amount", target=Given(Decimal(90_000), "USD"))
        with acting(world.bob):
            agreement.counter(goal, Given(Decimal(80_000)), None)
        with acting(world.mona):
            agreement.accept(goal)
        assert (goal.target, goal.currency, goal.period, goal.last_day) == (80_000, "USD", "quarter", date(2026, 6, 30))


def test_nobody_agrees_with_themselves(one, people):
    with clock(NOW), one:
        world = build(people)
        goal = proposed(world)
        with acting(world.mona), pytest.raises(BusinessError, match="other side"):
            agreement.accept(goal)
        with acting(world.bob):
            agreement.counter(goal, Given(Decimal(16)), None)
            with pytest.raises(BusinessError, match="other side"):
                agreement.accept(goal)


def test_a_counter_proposal_says_something_else_than_what_lies_on_the_table(one, people):
    with clock(NOW), one:
        goal = proposed(build(people))
        for target, last_day in ((None, None), (Given(Decimal(20)), None), (Given(Decimal(20)), date(2026, 6, 30))):
            with pytest.raises(BusinessError, match="What would you propose"):
                agreement.counter(goal, target, last_day)
        with pytest.raises(BusinessError, match="ends before it begins"):
            agreement.counter(goal, None, date(2026, 3, 31))


def test_a_counter_proposal_is_in_the_currency_of_the_goal(one, people):
    with clock(NOW), one:
        goal = proposed(build(people), metric="crm.won_amount", target=Decimal(90_000))
        with pytest.raises(BusinessError, match="currency of the goal"):
            agreement.counter(goal, Given(Decimal(80_000), "USD"), None)


def test_a_step_taken_from_an_old_page_is_refused(one, people):
    with clock(NOW), one:
        world = build(people)
        goal = proposed(world)
        before = goal.version
        with acting(world.bob):
            agreement.counter(goal, Given(Decimal(16)), None, version=before)
            db.session.flush()
        goal.note = "Changed meanwhile"
        db.session.flush()
        with acting(world.mona), pytest.raises(Conflict):
            agreement.accept(goal, before)


def test_each_side_hears_what_the_other_did(one, people, client_of):
    with clock(NOW):
        with one:
            goal_id = proposed(build(people)).id
        bob, mona = LoggedIn(client_of, "bob"), LoggedIn(client_of, "mona")
        assert "A goal was proposed to you: Win 20 deals" in notices(bob)
        done = bob.post(f"{KPI}/goals/{goal_id}/counter", headers=FRAGMENT,
                        data={"version": version_of(one, goal_id), "target": "16", "last_day": "", "text": "Two weeks off"})  # fmt: skip
        assert done.status_code == 200, done.text
        assert "goals:changed" in done.headers["HX-Trigger"]
        assert "Win 20 deals: there is a counter-proposal." in notices(mona)
        done = mona.post(f"{KPI}/goals/{goal_id}/accept", headers=FRAGMENT, data={"version": version_of(one, goal_id)})
        assert done.status_code == 200, done.text
        assert "Win 20 deals was agreed on." in notices(bob)
        assert state_of(one, goal_id) == "agreed"


def test_a_rep_answers_but_neither_proposes_nor_activates_nor_closes(one, people, client_of):
    with clock(NOW):
        with one:
            goal_id = proposed(build(people)).id
        bob = LoggedIn(client_of, "bob")
        version = version_of(one, goal_id)
        for step in ("propose", "activate", "close", "drop"):
            assert bob.post(f"{KPI}/goals/{goal_id}/{step}", data={"version": version, "text": "No"}).status_code == 403, step
        assert bob.post(f"{KPI}/goals/{goal_id}/accept", data={"version": version}).status_code == 303
        assert state_of(one, goal_id) == "agreed"


def test_nobody_else_answers_a_rep_s_goal(one, people, client_of):
    with clock(NOW):
        with one:
            goal_id = proposed(build(people)).id
        for name, status in (("dave", 404), ("mona", 422)):
            answer = LoggedIn(client_of, name).post(f"{KPI}/goals/{goal_id}/accept", data={"version": version_of(one, goal_id)})
            assert answer.status_code == status, name
        assert state_of(one, goal_id) == "proposed"


def test_a_late_answer_gets_409_and_keeps_what_was_typed(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            goal = proposed(world)
            goal_id, old = goal.id, goal.version
            goal.note = "Changed by mona"
        bob = LoggedIn(client_of, "bob")
        late = bob.post(f"{KPI}/goals/{goal_id}/counter", headers=FRAGMENT,
                        data={"version": old, "target": "16", "last_day": "", "text": "Two weeks off"})  # fmt: skip
        assert late.status_code == 409
        assert "Two weeks off" in late.text
        assert "Somebody else has changed this goal" in late.text
        assert bob.post(f"{KPI}/goals/{goal_id}/counter", data={"target": "16"}).status_code == 400  # no version at all


def test_dropping_asks_for_a_reason(one, people, client_of):
    with clock(NOW):
        with one:
            goal_id = running(build(people).bob).id
        mona = LoggedIn(client_of, "mona")
        version = version_of(one, goal_id)
        assert mona.post(f"{KPI}/goals/{goal_id}/drop", headers=FRAGMENT, data={"version": version, "text": " "}).status_code == 422
        assert state_of(one, goal_id) == "active"
        assert mona.post(f"{KPI}/goals/{goal_id}/drop", headers=FRAGMENT, data={"version": version, "text": "The line is gone"}).status_code == 200
        assert state_of(one, goal_id) == "dropped"
        assert "The line is gone" in words(mona.get(f"{KPI}/goals/{goal_id}").text)


def test_what_the_check_warns_of_needs_an_excuse_and_what_it_blocks_is_not_activated(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            warned, blocked = set_goal(world.bob, review_on=date(2026, 5, 15)).id, set_goal(world.bob, name="Other", target=None).id
        mona = LoggedIn(client_of, "mona")
        page = mona.get(f"{KPI}/goals/{warned}/activate", headers=FRAGMENT).text
        assert "kg-finding is-warn" in page
        assert 'name="excuse"' in page
        refused = mona.post(f"{KPI}/goals/{warned}/activate", headers=FRAGMENT, data={"version": version_of(one, warned), "excuse": ""})
        assert refused.status_code == 422
        assert "Say why this goal is good all the same" in refused.text
        page = mona.get(f"{KPI}/goals/{blocked}/activate", headers=FRAGMENT).text
        assert "kg-finding is-block" in page
        assert 'type="submit" disabled' in page
        answer = mona.post(f"{KPI}/goals/{blocked}/activate", headers=FRAGMENT, data={"version": version_of(one, blocked), "excuse": "Yes"})
        assert answer.status_code == 422
        assert state_of(one, blocked) == "draft"


def test_a_goal_is_closed_when_its_period_is_over(one, people, client_of):
    with clock(NOW) as now:
        with one:
            goal_id = running(build(people).bob).id
        mona = LoggedIn(client_of, "mona")
        assert "/close" not in mona.get(f"{KPI}/goals/{goal_id}").text
        assert mona.post(f"{KPI}/goals/{goal_id}/close", data={"version": version_of(one, goal_id)}).status_code == 422
        now.move_to("2026-07-01T10:00:00+00:00")
        assert "/close" in mona.get(f"{KPI}/goals/{goal_id}").text
        assert mona.post(f"{KPI}/goals/{goal_id}/close", headers=FRAGMENT, data={"version": version_of(one, goal_id)}).status_code == 200
        with one:
            goal = db.session.get_one(Goal, goal_id)
            assert (goal.state, goal.final, goal.attained) == ("closed", 0, False)


def test_every_dialog_opens_for_who_may_whatever_the_state_of_the_goal(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            ids = [set_goal(world.bob).id, proposed(world, name="Asked").id, running(world.bob, name="Runs").id,
                   set_goal(world.bob, name="Past", first_day=date(2026, 1, 1)).id]  # fmt: skip
        alice = LoggedIn(client_of, "alice")
        for goal_id in ids:
            for page in ("propose", "counter", "accept", "activate", "close", "drop", "checkin", "course", "edit", "history"):
                assert alice.get(f"{KPI}/goals/{goal_id}/{page}").status_code == 200, (goal_id, page)
