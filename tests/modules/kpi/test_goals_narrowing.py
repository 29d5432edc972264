"""What a goal is narrowed down to, by API, in files and by a rule; and why a goal that runs is changed."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.core.db import db
from app.core.fields import FieldError, neutral
from app.modules.crm.activities.models import ActivityType
from app.modules.kpi.goals import queries
from app.modules.kpi.models import Goal, GoalRule
from app.modules.kpi.narrowing import Narrowing, filters_of, narrowed, written
from app.modules.kpi.planning import recurring
from tests.core.api_client import asking, errors
from tests.modules.crm.making import LoggedIn, clock
from tests.modules.kpi.goals_world import KPI, NOW, acting, build, running, set_goal, words

GOALS = "/api/v1/kpi/goals"
ONLY = Narrowing("filters")


@pytest.fixture
def world(one: Any, people: Any) -> Any:
    with clock(NOW):
        with one:
            found = build(people)
        yield found


# What it is narrowed down to


def test_a_narrowing_is_read_by_keys_and_by_names_and_written_one_way(world: Any, one: Any) -> None:
    with one:
        row = db.session.scalars(select(ActivityType).order_by(ActivityType.id)).first()
        row.name = 'Visit; "long", far: away'
        db.session.flush()
        for text, filters in {
            "kind: visit": {"kind": "visit"}, "Kind: Visit, call": {"kind": ["visit", "call"]}, "source: none": {"source": None},
            f"type: {row.id}": {"type": row.id}, 'Activity type: "Visit; ""long"", far: away"; kind: visit': {"type": row.id, "kind": "visit"},
            "": {}, " ; ": {},
        }.items():  # fmt: skip
            assert filters_of(text) == filters, text
            assert filters_of(written(filters)) == filters, text
            assert filters_of(ONLY.plain(ONLY.parse(text, neutral()))) == filters, text
        for wrong in ("kind", "kind:", "kind: dance", "type: 987654", "type: x", "weather: fine"):
            with pytest.raises(FieldError):
                filters_of(wrong)


def test_words_of_many_goals_take_a_statement_for_each_dimension(world: Any, one: Any) -> None:
    with one:
        types = db.session.execute(select(ActivityType.id, ActivityType.name).order_by(ActivityType.id).limit(2)).all()
        goals = [set_goal(world.bob, metric="crm.activities_done", filters={"type": type_id}) for type_id, _name in types]
        assert narrowed(goals) == {goal.id: f"Activity type: {name}" for goal, (_id, name) in zip(goals, types, strict=True)}


def test_a_goal_is_narrowed_down_by_the_api_and_by_a_file(world: Any, one: Any, app: Any, people: Any, tmp_path: Any) -> None:
    client = asking(app, people["mona"])
    goal = {"name": "Ten visits", "metric": "crm.activities_done", "owner_id": world.bob, "target": "10", "filters": "kind: visit"}
    made = client.post(GOALS, json=goal)
    assert (made.status_code, made.json["filters"]) == (201, "kind: visit")
    assert errors(client.post(GOALS, json={**goal, "filters": "kind: dance"})).keys() == {"filters"}
    assert errors(client.post(GOALS, json={**goal, "metric": "crm.won_count"})).keys() == {"filters"}
    done = imported(app, tmp_path, "name,metric,owner_id,target,filters\nTwenty calls,crm.activities_done,Bob,20,kind: call\n")
    assert done["created"] == 1, done
    with one:
        assert dict(db.session.execute(select(Goal.name, Goal.filters)).all()) == {"Ten visits": {"kind": "visit"}, "Twenty calls": {"kind": "call"}}


def test_a_rule_is_narrowed_down_in_its_form_and_so_are_its_goals(world: Any, one: Any, client_of: Any) -> None:
    mona = LoggedIn(client_of, "mona")
    sent = {"name": "Visits", "metric": "crm.activities_done", "filters": ["kind: visit", ""], "period": "month", "audience": "members",
            "target": "12", "starts_on": "2026-05-01", "at_once": "true", "active": "true"}  # fmt: skip
    refused = mona.post(f"{KPI}/rules/new", data={**sent, "metric": "crm.won_count"})
    assert (refused.status_code, "cannot be told by kind" in refused.text) == (422, True)
    assert mona.post(f"{KPI}/rules/new", data=sent).status_code == 303
    assert "Kind: Visit" in words(mona.get(f"{KPI}/rules").text)
    with one:
        recurring.recur()
        found = db.session.scalars(select(Goal).where(Goal.rule_id.is_not(None))).all()
        assert found
        assert {(goal.metric, goal.filters["kind"]) for goal in found} == {("crm.activities_done", "visit")}


def test_both_ends_of_a_rule_s_band_are_in_one_currency(world: Any, one: Any, client_of: Any) -> None:
    sent = {"name": "Size", "metric": "crm.average_deal_size", "direction": "band", "low": "1000 USD", "high": "2000 EUR", "period": "month",
            "audience": "members", "starts_on": "2026-05-01"}  # fmt: skip
    refused = LoggedIn(client_of, "mona").post(f"{KPI}/rules/new", data=sent)
    assert (refused.status_code, "Both ends in one currency" in refused.text) == (422, True)
    with one:
        assert db.session.scalars(select(GoalRule)).all() == []


# Why it is changed


def test_a_goal_that_runs_is_changed_by_the_api_with_a_reason(world: Any, one: Any, app: Any, people: Any) -> None:
    with one, acting(world.mona):
        goal_id = running(world.bob).id
    client, address = asking(app, people["mona"]), f"{GOALS}/{goal_id}"
    version = client.get(address).json["version"]
    assert "reason" not in client.get(address).json
    assert client.patch(address, json={"target": "24", "reason": "The market grows"}).status_code == 428
    for reason in ({}, {"reason": ""}, {"reason": None}):
        refused = client.patch(address, json={"version": version, "target": "24", **reason})
        assert (refused.status_code, set(errors(refused))) == (422, {"reason"})
    done = client.patch(address, json={"version": version, "target": "24", "reason": "The market grows"})
    assert (done.status_code, done.json["target"]) == (200, "24")
    late = client.patch(address, json={"version": version, "target": "30", "reason": "Once more"})
    assert late.status_code == 409
    beside = client.patch(address, json={"version": done.json["version"], "note": "What is beside it needs none."})
    assert beside.status_code == 200
    with one:
        goal = db.session.get_one(Goal, goal_id)
        assert (goal.target, goal.edition) == (24, 2)
        assert [(e.number, e.reason, e.said["target"], e.member_id) for e in queries.editions_of(goal_id)] == [
            (1, "", "20", world.mona), (2, "The market grows", "24", world.mona)]  # fmt: skip


def test_a_goal_is_not_made_with_a_reason(world: Any, app: Any, people: Any) -> None:
    goal = {"name": "Ten", "metric": "crm.won_count", "owner_id": world.bob, "target": "10", "reason": "Because"}
    assert errors(asking(app, people["mona"]).post(GOALS, json=goal)).keys() == {"reason"}


def test_a_file_changes_goals_that_run_line_by_line_with_a_reason(world: Any, one: Any, app: Any, tmp_path: Any) -> None:
    with one, acting(world.mona):
        ids = [running(world.bob, name=name, external_id=name).id for name in ("A", "B", "C")]
    head = "external_id,target,reason\n"
    refused = imported(app, tmp_path, head + "A,24,The market grows\nB,25,\nC,20,\n")
    assert [(e["line"], e["field"]) for e in refused["errors"]] == [(3, "reason")]
    done = imported(app, tmp_path, head + "A,24,The market grows\nB,25,So does this one\nC,20,Nothing new\n")
    assert (done["updated"], done["unchanged"]) == (2, 1)
    again = imported(app, tmp_path, head + "A,24,The market grows\n")
    assert (again["updated"], again["unchanged"]) == (0, 1)
    with one:
        assert [(g.target, g.edition) for g in db.session.scalars(select(Goal).order_by(Goal.id))] == [(Decimal(24), 2), (Decimal(25), 2), (Decimal(20), 1)]
        assert [e.reason for e in queries.editions_of(ids[0])] == ["", "The market grows"]


def imported(app: Any, folder: Any, text: str) -> dict[str, Any]:
    """What an import on the command line answers."""
    (folder / "goals.csv").write_text(text)
    asked = ["import", "kpi.goals", str(folder / "goals.csv"), "--company", "one", "--match-key", text.partition(",")[0], "--json"]
    output = app.test_cli_runner().invoke(args=asked).output
    assert "}" in output, output
    return json.loads(output[: output.rindex("}") + 1])
