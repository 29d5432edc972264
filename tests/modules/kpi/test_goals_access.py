"""Whose goals, figures and actions come out where: a rep's own, a manager's teams, an admin's all, by every way out."""

from __future__ import annotations

from datetime import date

import pytest

from app.modules.kpi.progress import services as progress
from tests.core.api_client import asking
from tests.modules.crm.making import LoggedIn, clock
from tests.modules.kpi.goals_world import KPI, NOW, acting, build, running, set_goal, won, words

SEES = {"bob": {"bob"}, "dave": {"dave"}, "mona": {"bob", "mona"}, "alice": {"alice", "bob", "dave", "mona"}}


@pytest.fixture
def goals(one, people):
    """A goal of everybody, each with something to do; ids by whose they are."""
    with clock(NOW), one:
        world = build(people)
        found = {}
        for name, member_id in (("alice", world.alice), ("bob", world.bob), ("dave", world.dave), ("mona", world.mona)):
            won(member_id, date(2026, 4, 9))
            goal = running(member_id, name=f"Goal of {name}")
            with acting(member_id):
                progress.create_action({"goal_id": goal.id, "text": f"Task of {name}", "owner_id": member_id})
            found[name] = goal.id
    return found


def named(text: str, what: str) -> set[str]:
    return {name for name in SEES["alice"] if f"{what} of {name}" in text}


@pytest.mark.parametrize("who", SEES)
def test_a_list_a_file_and_a_search_show_the_same_goals(goals, client_of, who):
    with clock(NOW):
        person = LoggedIn(client_of, who)
        assert named(person.get(f"{KPI}/goals?view=all").text, "Goal") == SEES[who]
        assert named(person.get(f"{KPI}/goals/export?format=csv&view=all").text, "Goal") == SEES[who]
        assert named(words(person.get("/c/one/admin/search?q=goal").text), "Goal") == SEES[who]
        assert named(person.get(f"{KPI}/actions").text, "Task") == SEES[who]


@pytest.mark.parametrize("who", SEES)
def test_the_api_gives_the_same_goals_and_actions(app, goals, people, who):
    with clock(NOW):
        client = asking(app, people[who])
        assert {row["name"].removeprefix("Goal of ") for row in client.get("/api/v1/kpi/goals").json["items"]} == SEES[who]
        assert {row["text"].removeprefix("Task of ") for row in client.get("/api/v1/kpi/actions").json["items"]} == SEES[who]
        for name, goal_id in goals.items():
            assert client.get(f"/api/v1/kpi/goals/{goal_id}").status_code == (200 if name in SEES[who] else 404), name


@pytest.mark.parametrize("who", SEES)
def test_no_step_no_word_and_no_chart_of_a_goal_that_is_not_theirs(goals, client_of, who):
    with clock(NOW):
        person = LoggedIn(client_of, who)
        for name, goal_id in goals.items():
            if name in SEES[who]:
                continue
            for page in ("", "/history", "/course", "/checkin", "/counter"):
                assert person.get(f"{KPI}/goals/{goal_id}{page}").status_code == 404, (name, page)
            for step in ("accept", "counter", "seen", "checkin", "actions"):
                assert person.post(f"{KPI}/goals/{goal_id}/{step}", data={"version": "1"}).status_code == 404, (name, step)


def test_the_records_behind_a_goal_are_those_that_the_reader_may_open(goals, client_of):
    with clock(NOW):
        for who, name in (("bob", "bob"), ("mona", "bob"), ("alice", "dave")):
            person = LoggedIn(client_of, who)
            page = person.get(f"{KPI}/goals/{goals[name]}").text
            url = page.partition('class="kg-big"')[2].partition('href="')[2].partition('"')[0].replace("&amp;", "&")
            assert "Amount won" not in page
            assert words(person.get(url).text).count("Press line") == 1, who


def test_an_action_is_noted_and_done_by_the_api(app, goals, people):
    with clock(NOW):
        bob = asking(app, people["bob"])
        made = bob.post("/api/v1/kpi/actions", json={"text": "Visit Ros", "goal_id": goals["bob"], "due_on": "2026-05-29"})
        assert made.status_code == 201, made.text
        row = made.json
        assert (row["owner_id"], row["done"]) == (people["bob"].member_id, False)
        done = bob.patch(f"/api/v1/kpi/actions/{row['id']}", json={"version": row["version"], "done": True})
        assert done.status_code == 200, done.text
        assert done.json["done"] is True
        assert bob.post("/api/v1/kpi/actions", json={"text": "Visit Ros", "goal_id": goals["dave"]}).status_code == 422


def test_a_rep_sets_and_changes_no_goal_by_the_api(app, goals, people):
    with clock(NOW):
        bob = asking(app, people["bob"])
        assert bob.post("/api/v1/kpi/goals", json={"name": "Mine", "metric": "crm.won_count", "target": "5"}).status_code == 403
        assert bob.patch(f"/api/v1/kpi/goals/{goals['bob']}", json={"version": 1, "target": "5"}).status_code == 403


def test_a_draft_is_known_to_whose_it_will_be(one, people, client_of):
    """Nothing is hidden from the owner: what a manager prepares for them they may see, but nobody else."""
    with clock(NOW):
        with one:
            world = build(people)
            goal_id = set_goal(world.bob).id
        assert LoggedIn(client_of, "bob").get(f"{KPI}/goals/{goal_id}").status_code == 200
        assert LoggedIn(client_of, "dave").get(f"{KPI}/goals/{goal_id}").status_code == 404
