"""A company with two years behind it, in which goals can be checked: what each of its people did, month by month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from app.core.clock import noon
from app.core.db import db
from app.core.models import Membership, Role, Team
from app.modules.crm.activities import services as activities
from app.modules.crm.activities.models import ActivityType
from app.modules.kpi.goals.services import create_goal
from app.modules.kpi.models import Goal
from app.modules.kpi.own.models import OwnMetric
from app.modules.kpi.own.services import add_values, create_metric
from app.modules.kpi.vision.services import create_objective
from tests.modules.crm.making import euros, make_deal, move

NOW = "2026-06-15T10:00:00"
TODAY = date(2026, 6, 15)
# Thousands of euros that bob won in each of the months from June 2024 to May 2026: quarters of 95 to 157, the first of
# 2026, from which the goals set out, of 105.
WON = (40, 52, 46, 38, 55, 47, 31, 34, 30, 44, 49, 53, 58, 41, 45, 39, 57, 48, 50, 30, 35, 40, 46, 34)
CYCLES = (20, 16, 24, 18, 22, 15, 25, 19, 21, 17, 23, 20, 16, 22, 18, 24, 20, 15, 19, 24, 25, 24, 18, 16)  # days that these took
LOST = (1, 0, 2, 1, 1, 0, 2, 2, 2, 0, 1, 1, 0, 1, 2, 1, 0, 1, 1, 2, 1, 2, 1, 0)
VISITS = (11, 9, 10, 12, 10, 9, 7, 8, 8, 11, 11, 12, 9, 10, 11, 10, 12, 10, 9, 8, 9, 8, 10, 8)


def months() -> list[date]:
    """The first days of the 24 months before June 2026."""
    return [date(2024 + (5 + n) // 12, (5 + n) % 12 + 1, 1) for n in range(24)]


@dataclass(frozen=True)
class World:
    """Ids of the company's people, teams, metrics, objectives."""

    bob: int
    dave: int
    mona: int
    alice: int
    eva: int  # keeps the values of "Visits"
    north: int
    south: int
    objective: int
    visits: OwnMetric
    complaints: OwnMetric
    calls: OwnMetric


def build(people: Any) -> World:
    """The company, in an app context of it, at `NOW`."""
    ids = {name: people[name].member_id for name in ("bob", "dave", "mona", "alice")}
    teams = {name: i for i, name in db.session.execute(select(Team.id, Team.name))}
    eva = Membership(name="Eva", role_id=db.session.scalars(select(Role.id).where(Role.key == "rep")).one(), valid_from=date(2024, 1, 1))
    db.session.add(eva)
    db.session.flush()
    vision = create_objective({"name": "First in the south", "level": "vision"})
    pillar = create_objective({"name": "Grow", "level": "pillar", "parent_id": vision.id})
    objective = create_objective({"name": "More from the food industry", "level": "objective", "parent_id": pillar.id})
    _deals(ids["bob"])
    visits = create_metric({"name": "Visits", "keeper_id": eva.id})
    complaints = create_metric({"name": "Complaints", "keeper_id": eva.id, "direction": "down"})
    calls = create_metric({"name": "Demonstrations", "keeper_id": eva.id})
    add_values([value(visits, n, first + timedelta(days=9), ids["bob"]) for first, n in zip(months(), VISITS, strict=True)])
    for metric in (complaints, calls):  # of these nobody knows more than a quarter
        add_values([value(metric, n, date(2026, n, 10), ids["bob"]) for n in (1, 2, 3)])
    kind = db.session.scalars(select(ActivityType).where(ActivityType.kind == "call").limit(1)).one()
    for month in (1, 2, 3):
        activities.log({"type_id": kind.id, "subject": "Call", "owner_id": ids["bob"], "done_on": date(2026, month, 12)})
    db.session.flush()
    return World(**ids, eva=eva.id, north=teams["North"], south=teams["South"], objective=objective.id,
                 visits=visits, complaints=complaints, calls=calls)  # fmt: skip


def value(metric: OwnMetric, n: Any, day: date, owner_id: int | None) -> dict[str, Any]:
    return {"metric_id": metric.id, "amount": Decimal(str(n)), "on_day": day, "owner_id": owner_id}


def won(owner_id: int, day: date, amount: Any, days: int = 20) -> None:
    """A deal won on a day; `amount` in euros, or `Money`."""
    money = euros(amount) if isinstance(amount, int) else amount
    deal = make_deal(owner_id=owner_id, amount=money, on=day - timedelta(days=days))
    move(deal, "won", at=noon(day))


def _deals(owner_id: int) -> None:
    for first, thousands, lost, days in zip(months(), WON, LOST, CYCLES, strict=True):
        day = first + timedelta(days=9)
        won(owner_id, day, thousands * 1000, days)
        for _turn in range(lost):
            deal = make_deal(owner_id=owner_id, amount=euros(1000), on=day - timedelta(days=days))
            move(deal, "lost", at=noon(day))


def kinds(world: World) -> dict[str, dict[str, Any]]:
    """A good goal of each kind: the third quarter of 2026, unless it says otherwise."""
    quarter = {
        "period": "quarter", "first_day": date(2026, 7, 1), "last_day": date(2026, 9, 30), "review_on": date(2026, 8, 14),
        "objective_id": world.objective, "owner_id": world.bob, "weight": 30,
    }  # fmt: skip
    week = {**quarter, "period": "week", "first_day": date(2026, 6, 22), "last_day": date(2026, 6, 28), "review_on": None}
    month = {**quarter, "period": "month", "first_day": date(2026, 7, 1), "last_day": date(2026, 7, 31), "review_on": None}
    return {
        "money": {**quarter, "name": "Win 135,000 euros in the third quarter", "metric": "crm.won_amount", "target": 135_000},
        "ratio": {**quarter, "name": "Win rate of 55 %", "metric": "crm.win_rate", "target": Decimal("0.55")},
        "cycle": {**quarter, "name": "Sales cycle of at most 19 days", "metric": "crm.sales_cycle_days", "target": 19},
        "calls": {**quarter, "name": "Make 600 calls", "metric": "crm.activities_done", "target": 600},
        "visits": {**quarter, "name": "30 visits", "metric": "kpi.visits", "target": 30},
        "fewer": {**quarter, "name": "At most 3 complaints", "metric": "kpi.complaints", "target": 3},
        "short": {**quarter, "name": "9 demonstrations", "metric": "kpi.demonstrations", "target": 9},
        "band": {**quarter, "name": "28 to 34 visits", "metric": "kpi.visits", "direction": "band", "low": 28, "high": 34},
        "month": {**month, "name": "10 visits a month", "metric": "kpi.visits", "target": 10},
        "week": {**week, "name": "2 visits in a week", "metric": "kpi.visits", "target": 2},
        "year": {
            **quarter, "name": "12 demonstrations a year", "metric": "kpi.demonstrations", "target": 12, "period": "year",
            "first_day": date(2026, 1, 1), "last_day": date(2026, 12, 31), "review_on": date(2026, 9, 1),
        },
        "days": {
            **quarter, "name": "7 demonstrations", "metric": "kpi.demonstrations", "target": 7, "period": "other",
            "first_day": date(2026, 7, 6), "last_day": date(2026, 8, 14), "review_on": None,
        },
        "team": {
            **quarter, "name": "135,000 euros of the north", "metric": "crm.won_amount", "target": 135_000, "scope": "team",
            "team_id": world.north, "owner_id": world.mona,
        },
        "company": {
            **quarter, "name": "135,000 euros of everybody", "metric": "crm.won_amount", "target": 135_000, "scope": "company",
            "owner_id": world.alice,
        },
    }  # fmt: skip


def make(world: World, kind: str, **changes: Any) -> Goal:
    """A good goal of a kind, or one that is bad in what `changes` say."""
    return create_goal({**kinds(world)[kind], **changes})
