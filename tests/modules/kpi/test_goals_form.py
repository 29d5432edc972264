"""Setting and changing goals in their form."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from app.core.db import db
from app.core.dimensions import dimensions
from app.core.metrics import metrics
from app.modules.crm.activities.models import ActivityType
from app.modules.crm.models import Pipeline
from app.modules.kpi.goals import queries
from app.modules.kpi.models import Goal
from tests.modules.crm.making import LoggedIn, clock
from tests.modules.kpi.goals_world import (
    FRAGMENT,
    KPI,
    NOW,
    acting,
    build,
    running,
    set_goal,
    version_of,
    words,
)


def form(world: Any, **changes: Any) -> dict[str, Any]:
    """A goal of bob as its form sends it: 25 deals in the third quarter."""
    return {"name": "Win 25 deals", "metric": "crm.won_count", "scope": "member", "owner_id": str(world.bob), "period": "quarter",
            "first_day": "2026-08-10", "last_day": "", "direction": "", "target": "25", "cadence": "month", "grade": "", "weight": "",
            "review_on": "2026-08-14", **changes}  # fmt: skip


def only(one: Any) -> Goal:
    with one as session:
        goal = session.scalars(select(Goal)).one()
        session.expunge(goal)
        return goal


def test_a_draft_is_set_for_the_period_that_holds_its_first_day(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
        mona = LoggedIn(client_of, "mona")
        done = mona.post(f"{KPI}/goals/new", data=form(world))
        goal = only(one)
        assert (done.status_code, done.location) == (303, f"{KPI}/goals/{goal.id}")
        assert (goal.state, goal.first_day, goal.last_day, goal.target) == ("draft", date(2026, 7, 1), date(2026, 9, 30), 25)
        assert (goal.direction, goal.grade) == ("up", "lagging")  # as the figure is
        assert mona.post(f"{KPI}/goals/new", data=form(world, period="other", last_day="2026-08-31", name="Odd days")).status_code == 303


def test_other_days_want_both_ends(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
        answer = LoggedIn(client_of, "mona").post(f"{KPI}/goals/new", headers=FRAGMENT, data=form(world, period="other", last_day=""))
        assert answer.status_code == 422
        assert 'id="last_day-error"' in answer.text
        assert 'value="Win 25 deals"' in answer.text


def test_a_share_is_written_in_percent_and_money_in_any_currency(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
        mona = LoggedIn(client_of, "mona")
        mona.post(f"{KPI}/goals/new", data=form(world, metric="crm.win_rate", target="35"))
        goal = only(one)
        assert goal.target == Decimal("0.35")
        assert 'value="35' in mona.get(f"{KPI}/goals/{goal.id}/edit").text
        refused = mona.post(f"{KPI}/goals/new", headers=FRAGMENT, data=form(world, target="35 %"))
        assert refused.status_code == 422
        assert "This figure is no share" in refused.text


def test_a_goal_is_proposed_or_activated_by_the_button(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
        mona, bob = LoggedIn(client_of, "mona"), LoggedIn(client_of, "bob")
        mona.post(f"{KPI}/goals/new", data=form(world, then="propose"))
        assert only(one).state == "proposed"
        assert "Mona proposes this." in words(bob.get(f"{KPI}/").text)
        refused = mona.post(f"{KPI}/goals/new", headers=FRAGMENT, data=form(world, name="Win 26 deals", target="26", then="activate"))
        assert refused.status_code == 422
        assert "Say why this goal is good all the same" in refused.text
        assert only(one).name == "Win 25 deals"  # nothing was left behind
        good = form(world, name="Win 26 deals", target="26", then="activate", excuse="A new line is sold from July on")
        assert mona.post(f"{KPI}/goals/new", data=good).status_code == 303
        with one as session:
            goal = session.scalars(select(Goal).where(Goal.name == "Win 26 deals")).one()
            assert (goal.state, goal.excuse) == ("active", "A new line is sold from July on")


def test_a_goal_of_a_team_without_an_owner_is_its_manager_s(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
        LoggedIn(client_of, "alice").post(f"{KPI}/goals/new", data=form(world, scope="team", team_id=str(world.north), owner_id=""))
        assert (only(one).owner_id, only(one).team_id) == (world.mona, world.north)


def test_a_goal_that_runs_is_changed_with_a_reason_and_keeps_its_figure(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            goal_id = running(world.bob).id
        mona = LoggedIn(client_of, "mona")
        page = mona.get(f"{KPI}/goals/{goal_id}/edit", headers=FRAGMENT).text
        assert 'name="reason"' in page
        assert 'name="metric"' not in page
        said = {"version": version_of(one, goal_id), "name": "Win 20 deals", "target": "24", "last_day": "2026-06-30", "weight": "0",
                "cadence": "month", "grade": "lagging"}  # fmt: skip
        refused = mona.post(f"{KPI}/goals/{goal_id}/edit", headers=FRAGMENT, data={**said, "reason": ""})
        assert refused.status_code == 422
        assert 'id="reason-error"' in refused.text
        done = mona.post(f"{KPI}/goals/{goal_id}/edit", data={**said, "reason": "The market grows", "metric": "crm.won_amount"})
        assert done.status_code == 303
        with one:
            goal = db.session.get_one(Goal, goal_id)
            assert (goal.metric, goal.target, goal.edition) == ("crm.won_count", 24, 2)
            assert [e.reason for e in queries.editions_of(goal_id)] == ["", "The market grows"]


def test_what_was_agreed_on_and_is_changed_has_to_be_agreed_on_again(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            with acting(world.mona):
                goal = set_goal(world.bob)
                goal.state = "agreed"
            goal_id = goal.id
        mona = LoggedIn(client_of, "mona")
        changed = form(world, version=version_of(one, goal_id), first_day="2026-04-01")
        assert mona.post(f"{KPI}/goals/{goal_id}/edit", data=changed).status_code == 303
        goal = only(one)
        assert (goal.state, goal.target) == ("draft", 25)


def test_a_rep_sets_no_goals(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            goal_id = set_goal(world.bob).id
        bob = LoggedIn(client_of, "bob")
        assert bob.get(f"{KPI}/goals/new").status_code == 403
        assert bob.post(f"{KPI}/goals/{goal_id}/edit", data=form(world, version="1")).status_code == 403
        assert "/edit" not in bob.get(f"{KPI}/goals/{goal_id}").text


def test_a_goal_for_a_period_that_is_over_is_measured_at_once(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
        mona = LoggedIn(client_of, "mona")
        mona.post(f"{KPI}/goals/new", data=form(world, first_day="2026-02-10", review_on="", then="activate"))
        goal = only(one)
        assert (goal.state, goal.retrospective) == ("active", True)
        assert "Retrospective" in words(mona.get(f"{KPI}/goals/{goal.id}").text)


def test_a_goal_is_narrowed_down_to_what_its_figure_can_be_told_by(one, people, client_of):
    with clock(NOW):
        with one as session:
            world = build(people)
            pipeline = session.scalars(select(Pipeline).order_by(Pipeline.id)).first()
            pipeline_id, name = pipeline.id, pipeline.name
        mona = LoggedIn(client_of, "mona")
        mona.post(f"{KPI}/goals/new", data=form(world, filters=["", f"pipeline: {pipeline_id}"]))
        goal = only(one)
        assert goal.filters == {"pipeline": pipeline_id}
        assert f"Pipeline: {name}" in words(mona.get(f"{KPI}/goals/{goal.id}").text)
        assert f"Pipeline: {name}" in words(mona.get(f"{KPI}/goals?view=all").text)
        assert f'<option value="pipeline: {pipeline_id}" selected>' in mona.get(f"{KPI}/goals/{goal.id}/edit").text
        refused = mona.post(f"{KPI}/goals/new", headers=FRAGMENT, data=form(world, metric="crm.activities_done", filters=f"pipeline: {pipeline_id}"))
        assert refused.status_code == 422
        assert "cannot be told by pipeline" in refused.text
        assert 'id="filters-error"' in refused.text
        mona.post(f"{KPI}/goals/{goal.id}/edit", data=form(world, version=goal.version, filters=["", ""]))
        assert only(one).filters == {}


def options(html: str) -> dict[str, set[str]]:
    """What the selects of the control offer: name of the dimension -> values."""
    return {label: set(re.findall(r'<option value="([^"]+)"', inside)) for label, inside in
            re.findall(r'<select[^>]*name="filters" aria-label="Only: ([^"]+)">(.*?)</select>', html, re.DOTALL)}  # fmt: skip


def test_the_form_offers_every_dimension_of_the_chosen_figure_and_no_other(one, people, client_of):
    """Against the registry itself: each dimension with keys to list, but for whose and when."""
    with clock(NOW):
        with one:
            build(people)
            told_by = {m: set(metrics()[m].dimensions) for m in ("crm.activities_done", "crm.won_count", "kpi.quota_attainment")}
            listed = {d.name: str(d.label) for d in dimensions().values() if d.options and d.options()}
        mona = LoggedIn(client_of, "mona")
        for metric, names in told_by.items():
            answer = mona.post(f"{KPI}/goals/narrowing", headers=FRAGMENT, data={"metric": metric, "filters": ""})
            assert answer.status_code == 200
            assert set(options(answer.text)) == {label for name, label in listed.items() if name in names}, metric
        done = options(mona.post(f"{KPI}/goals/narrowing", headers=FRAGMENT, data={"metric": "crm.activities_done"}).text)
        assert {"kind: visit", "kind: call"} <= done["Kind"]
        assert done["Activity type"]
        assert "Choose the figure first." in mona.post(f"{KPI}/goals/narrowing", headers=FRAGMENT, data={}).text


def test_calls_and_visits_are_asked_for_in_the_form_and_told_in_words(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            type_id, name = db.session.execute(select(ActivityType.id, ActivityType.name).order_by(ActivityType.id)).first()
        mona = LoggedIn(client_of, "mona")
        mona.post(f"{KPI}/goals/new", data=form(world, metric="crm.activities_done", filters=["kind: visit", f"type: {type_id}"]))
        goal = only(one)
        assert goal.filters == {"kind": "visit", "type": type_id}
        for page in (f"goals/{goal.id}", "goals?view=all"):
            assert f"Kind: Visit; Activity type: {name}" in words(mona.get(f"{KPI}/{page}").text), page
        for wrong in ("kind: dance", "type: 987654", "weather: fine"):
            refused = mona.post(f"{KPI}/goals/new", headers=FRAGMENT, data=form(world, metric="crm.activities_done", filters=wrong))
            assert (refused.status_code, 'id="filters-error"' in refused.text) == (422, True), wrong


def test_what_a_goal_is_narrowed_to_stays_when_the_form_is_saved(one, people, client_of):
    """Several keys, and one that is not on offer any more, are one choice of the form; nothing is lost by saving another field."""
    with clock(NOW):
        with one:
            world = build(people)
            kept = {"kind": ["visit", "call"], "type": 987654}
            goal_id = set_goal(world.bob, metric="crm.activities_done", filters=kept).id
        mona = LoggedIn(client_of, "mona")
        page = mona.get(f"{KPI}/goals/{goal_id}/edit").text
        assert '<option value="kind: visit, call" selected>Kind: Visit, Call</option>' in page
        saved = mona.post(f"{KPI}/goals/{goal_id}/edit", data=form(world, version=version_of(one, goal_id), metric="crm.activities_done", name="Other",
                                                                   filters=["kind: visit, call", "type: 987654"]))  # fmt: skip
        assert saved.status_code == 303
        assert (only(one).name, only(one).filters) == ("Other", kept)


def test_the_list_tells_a_target_and_a_band_in_one_column(one, people, client_of):
    with clock(NOW):
        with one:
            world = build(people)
            set_goal(world.bob, name="Twenty deals")
            set_goal(world.bob, name="A fair rate", metric="crm.win_rate", target=None, direction="band", low=Decimal("0.35"), high=Decimal("0.45"))
        page = words(LoggedIn(client_of, "mona").get(f"{KPI}/goals?view=drafts").text)
    assert "Target or band" in page
    assert re.search(r"Twenty deals .*?\b20\b", page)
    assert re.search(r"A fair rate .*?35(\.0)?%–45(\.0)?%", page)
