"""Sharing a goal out: to people, to teams, over quarters and months as they were a year ago."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.core.db import db
from app.core.models import Team
from app.modules.kpi.goals.services import create_goal
from app.modules.kpi.models import Goal, GoalEdition
from app.modules.kpi.progress.curve import share_by
from tests.modules.crm.making import clock
from tests.modules.kpi import planning_world
from tests.modules.kpi.planning_world import NOW, Team6, win

WON = "crm.won_amount"


@pytest.fixture
def six(one: Any, people: Any) -> Any:
    """The team of six with what they won before; the clock stands still."""
    with clock(NOW):
        with one:
            found = planning_world.build(people)
            planning_world.with_history(found)
        yield found


def make(one: Any, **values: Any) -> int:
    with one:
        return create_goal({"name": "North in the first quarter", "metric": WON, "target": Decimal(300000), "period": "quarter",
                            "first_day": date(2027, 1, 1), **values}).id  # fmt: skip


def of_team(one: Any, six: Team6, **values: Any) -> int:
    return make(one, scope="team", team_id=six.team_id, **values)


def sent(targets: Mapping[Any, Any], do: str = "save", **more: Any) -> dict[str, Any]:
    cells = {f"t-0-{key}": value for key, value in targets.items()} | {f"g-0-{key}": "" for key in targets}
    return {"col": WON, "serves-0": "", "weight-0": "0", "weighed-0": "0", "do": do, **cells, **more}


def children(one: Any, parent_id: int) -> list[Goal]:
    with one:
        found = list(db.session.scalars(select(Goal).where(Goal.parent_id == parent_id).order_by(Goal.first_day, Goal.owner_id)))
        db.session.expunge_all()
    return found


def address(goal_id: int, way: str = "people") -> str:
    return f"/c/one/kpi/goals/{goal_id}/share?to={way}"


def test_a_teams_goal_is_shared_as_its_people_sold_a_year_ago(six: Team6, one: Any, client_of: Any) -> None:
    goal_id = of_team(one, six)
    page = client_of("mona").post(address(goal_id), data=sent(dict.fromkeys(six.ids.values(), ""), "fill", **{"rule-0": "share", "amount-0": ""})).text
    # 20, 60, 0, 20, 0 and 100 thousand a year ago: of 300,000 a tenth, three tenths, a tenth and a half.
    for name, value in (("Ana", "30000"), ("Bea", "90000"), ("Cai", "0"), ("Dan", "30000"), ("Eli", "0"), ("bob", "150000")):
        assert f'id="t-{six.ids[name]}" value="{value}"' in page, name
    assert "100% of €300,000" in " ".join(page.split())


def test_parts_are_drafts_that_serve_the_goal_with_targets_of_their_own(six: Team6, one: Any, client_of: Any) -> None:
    goal_id = of_team(one, six, is_quota=True)
    answer = client_of("mona").post(address(goal_id), data=sent({six.ids["Ana"]: "100000", six.ids["bob"]: "250000", six.ids["Eli"]: ""}))
    assert answer.status_code == 303
    parts = children(one, goal_id)
    assert [(part.owner_id, part.target, part.state, part.is_quota) for part in parts] == [
        (six.ids["bob"], Decimal(250000), "draft", True), (six.ids["Ana"], Decimal(100000), "draft", True),
    ]  # fmt: skip
    page = " ".join(client_of("mona").get(address(goal_id)).text.split())
    assert "117% of €300,000 · more than the goal above" in page


def test_shares_follow_filters_and_days_of_the_goal(six: Team6, one: Any, client_of: Any) -> None:
    goal_id = of_team(one, six, period="other", first_day=date(2027, 1, 11), last_day=date(2027, 2, 26))
    client_of("mona").post(address(goal_id), data=sent({six.ids["Ana"]: "1000"}))
    part = children(one, goal_id)[0]
    assert (part.period, part.first_day, part.last_day) == ("other", date(2027, 1, 11), date(2027, 2, 26))


def test_a_goal_of_the_company_is_shared_to_teams(six: Team6, one: Any, client_of: Any) -> None:
    goal_id = make(one, scope="company")
    with one:
        south = db.session.scalars(select(Team.id).where(Team.name == "South")).one()
    client_of("alice").post(address(goal_id, "teams"), data=sent({six.team_id: "200000", south: "100000"}))
    parts = children(one, goal_id)
    assert {(part.scope, part.team_id, part.target) for part in parts} == {
        ("team", six.team_id, Decimal(200000)), ("team", south, Decimal(100000)),
    }  # fmt: skip


def test_a_year_is_shared_over_its_quarters_as_they_were_a_year_ago(six: Team6, one: Any, client_of: Any) -> None:
    goal_id = of_team(one, six, period="year", target=Decimal(700000))
    # A year ago: 200,000 in the first quarter and 150,000 in the third.
    page = client_of("mona").post(address(goal_id, "quarters"), data=sent(
        dict.fromkeys(("2027-01-01", "2027-04-01", "2027-07-01", "2027-10-01"), ""), "fill", **{"rule-0": "share", "amount-0": ""},
    )).text  # fmt: skip
    for first, value in (("2027-01-01", "400000"), ("2027-04-01", "0"), ("2027-07-01", "300000"), ("2027-10-01", "0")):
        assert f'id="t-{first}" value="{value}"' in page
    client_of("mona").post(address(goal_id, "quarters"), data=sent({"2027-01-01": "400000", "2027-07-01": "300000"}))
    parts = children(one, goal_id)
    assert [(part.first_day, part.last_day, part.period, part.scope, part.target) for part in parts] == [
        (date(2027, 1, 1), date(2027, 3, 31), "quarter", "team", Decimal(400000)),
        (date(2027, 7, 1), date(2027, 9, 30), "quarter", "team", Decimal(300000)),
    ]  # fmt: skip


def test_the_months_of_a_year_ago_become_the_pace_of_a_year(six: Team6, one: Any, client_of: Any) -> None:
    goal_id = of_team(one, six, period="year", target=Decimal(700000))
    months = {f"2027-{month:02}-01": {2: "400000", 8: "300000"}.get(month, "0") for month in range(1, 13)}
    assert client_of("mona").post(address(goal_id, "months"), data=sent(months, "curve")).status_code == 303
    with one:
        goal = db.session.get_one(Goal, goal_id)
        assert goal.curve == [0, 57.14, 0, 0, 0, 0, 0, 42.86, 0, 0, 0, 0]
        assert share_by(goal, date(2027, 2, 28)) == Decimal("0.5714")
        assert share_by(goal, date(2027, 1, 31)) == 0
        assert share_by(goal, date(2027, 12, 31)) == 1


def test_the_pace_of_a_goal_that_runs_changes_with_a_reason_and_as_an_edition(six: Team6, one: Any, client_of: Any) -> None:
    goal_id = make(one, scope="member", owner_id=six.ids["bob"], first_day=date(2026, 10, 1))
    with one:
        db.session.get_one(Goal, goal_id).state = "active"
    months = {"2026-10-01": "1", "2026-11-01": "1", "2026-12-01": "2"}
    mona = client_of("mona")
    assert mona.post(address(goal_id, "months"), data=sent(months, "curve")).status_code == 422
    assert mona.post(address(goal_id, "months"), data=sent(months, "curve", reason="Christmas")).status_code == 303
    with one:
        assert db.session.get_one(Goal, goal_id).curve == [25, 25, 50]
        assert db.session.scalars(select(GoalEdition.reason).where(GoalEdition.goal_id == goal_id)).all() == ["Christmas"]


def test_a_shares_late_save_shows_both_values(six: Team6, one: Any, client_of: Any) -> None:
    goal_id = of_team(one, six)
    mona = client_of("mona")
    mona.post(address(goal_id), data=sent({six.ids["Ana"]: "1000"}))
    late = mona.post(address(goal_id), data=sent({six.ids["Ana"]: "2000"}))
    assert late.status_code == 409
    assert "Now €1,000; you wrote 2000." in " ".join(late.text.split())
    assert children(one, goal_id)[0].target == Decimal(1000)


def test_a_rate_is_not_split_but_may_be_the_same_for_all(six: Team6, one: Any, client_of: Any) -> None:
    with one:
        goal_id = create_goal({"name": "Rate", "metric": "crm.win_rate", "target": Decimal("0.4"), "scope": "team", "team_id": six.team_id,
                               "period": "quarter", "first_day": date(2027, 1, 1)}).id  # fmt: skip
    page = client_of("mona").post(address(goal_id), data={"col": "crm.win_rate", "do": "fill", "rule-0": "same", "amount-0": "40 %"}).text
    assert f'id="t-{six.ids["Ana"]}" value="40' in page
    refused = client_of("mona").post(address(goal_id), data={"col": "crm.win_rate", "do": "fill", "rule-0": "share", "amount-0": "40 %"}).text
    assert "does not add up over people" in refused


def test_a_goal_of_somebody_else_is_not_there_to_be_shared(six: Team6, one: Any, people: Any, client_of: Any) -> None:
    goal_id = make(one, scope="member", owner_id=people["dave"].member_id)
    assert client_of("mona").get(address(goal_id)).status_code == 404
    assert client_of("bob").get(address(goal_id)).status_code == 403


def test_a_band_stays_whole_and_the_page_says_so(six: Team6, one: Any, client_of: Any) -> None:
    goal_id = of_team(one, six, direction="band", target=None, low=Decimal(1), high=Decimal(2))
    page = client_of("mona").get(address(goal_id))
    assert page.status_code == 200
    assert "cannot be shared out" in page.text


def test_a_year_without_a_past_is_shared_evenly(six: Team6, one: Any, client_of: Any) -> None:
    with one:
        team = Team(name="New", manager_id=None)
        db.session.add(team)
        db.session.flush()
        goal_id = create_goal({"name": "New", "metric": WON, "target": Decimal(100), "scope": "team", "team_id": team.id, "owner_id": six.ids["bob"],
                               "period": "year", "first_day": date(2027, 1, 1)}).id  # fmt: skip
    page = client_of("alice").post(address(goal_id, "quarters"), data=sent({}, "fill", **{"rule-0": "share", "amount-0": ""})).text
    assert page.count('value="25"') == 4


def test_wins_of_others_do_not_count_in_the_months_of_a_person(six: Team6, one: Any, people: Any, client_of: Any) -> None:
    with one:
        win(people["dave"].member_id, date(2026, 2, 3), 999)
    goal_id = make(one, scope="member", owner_id=six.ids["bob"])
    page = " ".join(client_of("mona").get(address(goal_id, "months")).text.split())
    assert '<td class="num v-2">€100,000</td>' in page
    assert page.count('<td class="num v-2">€0</td>') == 2
