"""Proposing and activating many goals at once costs as many statements as their figures are, not as they are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.core.changelog import as_text
from app.core.db import db
from app.core.models import Change, Team
from app.modules.kpi.goals.services import create_goals
from app.modules.kpi.models import ACTIVE, DRAFT, PROPOSED, Goal, GoalEdition, GoalWord
from app.modules.kpi.planning.together import activate_all, propose_all
from app.modules.kpi.progress.models import Prediction
from app.modules.kpi.smart.check import check
from tests.modules.crm.making import clock, statements
from tests.modules.kpi import planning_world
from tests.modules.kpi.planning_world import NOW, Team6

TARGETS = {"crm.won_amount": 70_000, "crm.won_count": 7, "crm.follow_ups": 70, "crm.win_rate": Decimal("0.7")}
# Telling a person is a notice and a mail for each; whom to tell is looked up person by person.
TELLING = ("core_notice", "core_job", "core_user", "FROM core_membership")
USUAL = {"propose": 8, "activate": 42}  # a figure more: five, of history by month, by quarter, and its records


@pytest.fixture
def six(one: Any, people: Any) -> Iterator[Team6]:
    """Inside an app context: the team of six with what they won before; the clock stands still."""
    with clock(NOW), one:
        found = planning_world.build(people)
        planning_world.with_history(found)
        yield found


def drafts(owners: list[int], **more: Any) -> list[int]:
    """A goal of each figure for each owner, for the first quarter of 2027."""
    goals = create_goals([
        {"name": f"Reach {target} {metric}", "metric": metric, "owner_id": owner, "target": Decimal(target), "period": "quarter",
         "first_day": date(2027, 1, 1), "review_on": date(2027, 2, 10), **more}
        for metric, target in TARGETS.items() for owner in owners
    ])  # fmt: skip
    db.session.commit()
    return [goal.id for goal in goals]


def asked(do: Any, *given: Any) -> tuple[int, Any]:
    """How many statements a deed takes, without those that tell people, and what it answers."""
    with statements() as sent:
        done = do(*given)
        db.session.flush()
    return len([each for each in sent if not any(word in each for word in TELLING)]), done


@pytest.mark.parametrize("do", ["propose", "activate"])
def test_as_many_statements_for_six_people_as_for_two(six: Team6, do: str) -> None:
    step, state = {"propose": (propose_all, PROPOSED), "activate": (lambda ids: activate_all(ids, "Agreed in the team."), ACTIVE)}[do]
    asked(step, drafts(list(six.ids.values())[:1]))  # what is read once per context
    few, done = asked(step, drafts([six.ids["bob"], six.ids["Eli"]]))  # Eli has no history: that is asked for once more
    assert len(done.goals) == 8 and not done.held
    many, done = asked(step, drafts(list(six.ids.values())))
    assert [goal.state for goal in done.goals] == [state] * 24
    assert few == many <= USUAL[do] + 2


def test_what_is_done_at_once_is_kept_and_logged_goal_by_goal(six: Team6) -> None:
    ids = drafts(list(six.ids.values())[:2])
    versions = {goal.id: goal.version for goal in db.session.scalars(select(Goal).where(Goal.id.in_(ids)))}
    propose_all(ids)
    done = activate_all(ids, "Agreed in the team.")
    assert {goal.id for goal in done.goals} == set(ids)
    for goal in done.goals:
        assert (goal.state, goal.edition, goal.version) == (ACTIVE, 1, versions[goal.id] + 2 + (goal.excuse != ""))
        of_goal = lambda model, at=goal.id: list(db.session.scalars(select(model).where(model.goal_id == at).order_by(model.id)))  # noqa: E731
        assert [(word.kind, word.target, word.last_day) for word in of_goal(GoalWord)] == [
            (kind, goal.target, date(2027, 3, 31)) for kind in ("proposed", "activated")
        ]
        assert [row.said["metric"] for row in of_goal(GoalEdition)] == [goal.metric]
        assert [row.edition for row in of_goal(Prediction)] == [1]
        lines = db.session.execute(select(Change.field, Change.old, Change.new).where(
            Change.table_name == "kpi_goal", Change.row_id == goal.id, Change.action == "changed"))  # fmt: skip
        said = [tuple(line) for line in lines]
        assert ("state", DRAFT, PROPOSED) in said and ("state", PROPOSED, ACTIVE) in said
        assert ("activated_at", None, as_text(goal.activated_at)) in said
        assert (("excuse", "", "Agreed in the team.") in said) == (goal.excuse != "")


def test_goals_of_teams_are_checked_with_as_many_statements_for_three_as_for_two(six: Team6) -> None:
    db.session.add(Team(name="East", manager_id=six.ids["bob"]))
    db.session.flush()
    teams = list(db.session.scalars(select(Team.id).order_by(Team.id)))
    ids = [drafts([six.ids["bob"]], scope="team", team_id=team) for team in teams]

    def count(some: list[int]) -> int:
        goals = list(db.session.scalars(select(Goal).where(Goal.id.in_(some))))
        return asked(check, goals)[0]

    count(ids[0])
    assert len(teams) == 3  # North has a history, the others have none: that is asked for once more
    assert count([*ids[0], *ids[1]]) == count([each for some in ids for each in some])
