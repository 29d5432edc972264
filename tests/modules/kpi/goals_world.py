"""What the tests of goals arrange with: bob of team North, whom mona leads, and dave of team South, in the second quarter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from flask import g
from sqlalchemy import select

from app.core.clock import noon
from app.core.db import db
from app.core.models import Team
from app.modules.kpi.goals import agreement
from app.modules.kpi.goals.services import create_goal
from app.modules.kpi.models import Goal
from tests.modules.crm.making import euros, make_deal, move

NOW = "2026-05-18T10:00:00"  # a Monday
TODAY = date(2026, 5, 18)
KPI = "/c/one/kpi"
FRAGMENT = {"HX-Request": "true", "HX-Current-URL": f"http://localhost{KPI}/"}


@dataclass(frozen=True)
class World:
    """Ids of people and teams."""

    bob: int
    dave: int
    mona: int
    alice: int
    north: int
    south: int


def build(people: Any) -> World:
    """Ids, in an app context of the company."""
    ids = {name: people[name].member_id for name in ("bob", "dave", "mona", "alice")}
    teams = dict(db.session.execute(select(Team.name, Team.id)).all())
    return World(**ids, north=teams["North"], south=teams["South"])


@contextmanager
def acting(member_id: int | None) -> Iterator[None]:
    """What is done meanwhile is done by a member; their permissions are not asked for."""
    before = g.get("actor_id")
    g.actor_id = member_id
    try:
        yield
    finally:
        g.actor_id = before


def won(owner_id: int, day: date, thousands: int = 1) -> None:
    """A deal of so many thousand euros, won on a day."""
    move(make_deal(owner_id=owner_id, amount=euros(thousands * 1000), on=day), "won", at=noon(day))


def set_goal(owner_id: int, **more: Any) -> Goal:
    """A goal for the second quarter of 2026: 20 deals won."""
    values = {"name": "Win 20 deals", "metric": "crm.won_count", "owner_id": owner_id, "target": Decimal(20), "period": "quarter",
              "first_day": date(2026, 4, 1), **more}  # fmt: skip
    return create_goal(values)


def running(owner_id: int, **more: Any) -> Goal:
    """The same, active."""
    goal = set_goal(owner_id, **more)
    agreement.begin([goal])
    return goal


def proposed(world: World, **more: Any) -> Goal:
    """A goal of bob that mona has proposed."""
    with acting(world.mona):
        goal = set_goal(world.bob, **more)
        agreement.propose(goal, "As discussed")
    return goal


def words(html: str) -> str:
    """The text of a page, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def version_of(one: Any, goal_id: int) -> int:
    with one:
        return db.session.get_one(Goal, goal_id).version


def state_of(one: Any, goal_id: int) -> str:
    with one:
        return db.session.get_one(Goal, goal_id).state
