"""The goals of the demo company: there on whatever day it is loaded, and as a manager would want to find them."""

from __future__ import annotations

from collections import Counter

import pytest
from sqlalchemy import func, select

from app.core import demo
from app.core.db import db
from app.core.models import Holiday, Membership
from app.core.tenancy import acting_for, company_by_slug
from app.modules.kpi.goals.agreement import last_word
from app.modules.kpi.goals.queries import mine
from app.modules.kpi.models import ACTIVE, CLOSED, DRAFT, MEMBER, PROPOSED, QUARTER, Goal
from app.modules.kpi.progress.foretell import brier
from app.modules.kpi.progress.measure import measure
from app.modules.kpi.progress.models import CheckIn, GoalAction, Prediction
from app.modules.kpi.vision.models import Objective
from tests.modules.crm.making import clock

SOFT = "Vicent Climent"


def loaded(app):
    with app.app_context():
        demo.load()
        return company_by_slug("demo").id


@pytest.mark.on("postgres")
def test_what_a_manager_finds_in_it(app):
    with clock("2026-05-20T10:00:00"):
        company_id = loaded(app)
        with app.app_context(), acting_for(company_id):
            members = {m.name: m.id for m in db.session.scalars(select(Membership))}
            goals = list(db.session.scalars(select(Goal)))
            by_state = Counter(goal.state for goal in goals)
            assert by_state[CLOSED] > 200
            assert by_state[ACTIVE] > 40
            assert by_state[DRAFT] >= 1
            over = [goal for goal in goals if goal.state == CLOSED]
            assert 0.25 < sum(bool(goal.attained) for goal in over) / len(over) < 0.75, "won and missed"
            assert all(goal.final is not None and goal.baseline_hash for goal in over)
            _score, counted = brier(db.session.execute(select(Prediction.likelihood, Prediction.came_true)).all())
            assert counted >= 30
            check_what_waits(members, goals)
            check_patterns(members, goals)
            levels = Counter(db.session.scalars(select(Objective.level)))
            assert levels == {"vision": 1, "pillar": 3, "objective": 6}
            assert db.session.scalar(select(func.count(Holiday.id))) == 30
            for model in (CheckIn, GoalAction):
                assert db.session.scalar(select(func.count(model.id))) > 20
            figures = {goal.metric for goal in goals}
            assert {"kpi.satisfaccion_tras_la_visita", "kpi.ventas_por_parametros"} < figures


def check_what_waits(members, goals):
    """A proposal for the rep who can log in, a counter-proposal for their manager."""
    (proposal,) = [goal for goal in mine(members["Marta Ferrer"]) if goal.state == PROPOSED]
    word = last_word(proposal.id)
    assert (word.kind, word.member_id) == ("proposed", members["Carmen Ibáñez"])
    (other,) = [goal for goal in goals if goal.state == PROPOSED and goal.id != proposal.id]
    word = last_word(other.id)
    assert (word.kind, word.member_id) == ("countered", members["Jorge Andreu"])
    assert word.target < other.target


def check_patterns(members, goals):
    """One rep far over quota with few activities; one team has taken on more than it sells."""
    closed = [goal for goal in goals if goal.is_quota and goal.state == CLOSED]
    share = {
        name: sum(g.final for g in closed if g.owner_id == member) / sum(g.target for g in closed if g.owner_id == member)
        for name, member in members.items() if any(g.owner_id == member for g in closed)
    }  # fmt: skip
    assert max(share, key=lambda name: share[name]) == SOFT
    assert share[SOFT] > 1.5
    activities = [g for g in goals if g.state == CLOSED and g.metric == "crm.activities_done" and g.owner_id == members[SOFT]]
    assert sum(bool(g.attained) for g in activities) < len(activities) / 2
    running = [g for g in goals if g.state == ACTIVE and g.is_quota and g.scope == MEMBER and g.period == QUARTER]
    told = measure(running)
    north = [told[g.id].pace for g in running if g.parent_id and "Norte" in next(p.name for p in goals if p.id == g.parent_id)]
    assert sum(north) / len(north) < 0.8


@pytest.mark.on("sqlite")
@pytest.mark.parametrize("day", ["2026-01-01T00:30:00", "2028-02-29T22:00:00"])
def test_it_can_be_loaded_on_any_day(app, day):
    with clock(day):
        company_id = loaded(app)
        with app.app_context(), acting_for(company_id):
            states = Counter(db.session.scalars(select(Goal.state)))
            assert {ACTIVE, CLOSED, DRAFT, PROPOSED} <= set(states)
            assert not [goal.name for goal in db.session.scalars(select(Goal)) if goal.first_day > goal.last_day]
