"""Goals that each break exactly one rule of the check, in the company of `smart_world`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from app.core.db import db
from app.core.metrics import forget_company_metrics
from app.core.models import Membership, Role
from app.core.money import Money
from app.modules.kpi.goals.services import create_goal
from app.modules.kpi.models import Goal
from app.modules.kpi.own.services import add_values
from app.modules.kpi.quantities import Given
from app.modules.kpi.settings.models import Settings
from app.modules.kpi.vision.models import Objective
from tests.modules.kpi.smart_world import TODAY, World, kinds, make, value, won

Step = Callable[..., Any]


def nothing(*_more: Any) -> None:
    """Nothing to be done."""


@dataclass(frozen=True)
class Case:
    """A goal that breaks one rule: what it is, what was so `before` it was made, and what was done with it `after`."""

    rule: str
    says: str
    kind: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    after: Step = nothing  # (world, goal)
    before: Step = nothing  # (world)

    def make(self, world: World) -> Goal:
        self.before(world)
        known = {name: each(world) if callable(each) else each for name, each in self.changes.items()}
        goal = make(world, self.kind, **known)
        self.after(world, goal)
        return goal


def put(**values: Any) -> Step:
    """Set what no form would let somebody set; callables are asked about the world."""

    def step(world: World, goal: Goal) -> None:
        with db.session.no_autoflush:
            for name, each in values.items():
                setattr(goal, name, each(world) if callable(each) else each)

    return step


def beside(kind: str, state: str, **changes: Any) -> Step:
    """Another goal, in a state."""

    def step(world: World) -> None:
        make(world, kind, **changes).state = state
        db.session.flush()

    return step


def below(*parts: Mapping[str, Any], kind: str = "money") -> Step:
    """Goals that serve the one that is checked."""

    def step(world: World, goal: Goal) -> None:
        for part in parts:
            create_goal({**kinds(world)[kind], "parent_id": goal.id, **part})

    return step


def row(attribute: str, **values: Any) -> Step:
    """Change a row of the world: one of its metrics."""

    def step(world: World, _goal: Goal | None = None) -> None:
        for name, each in values.items():
            setattr(getattr(world, attribute), name, each)
        db.session.flush()
        forget_company_metrics()

    return step


def member(who: str, **values: Any) -> Step:
    def step(world: World, _goal: Goal | None = None) -> None:
        found = db.session.get_one(Membership, getattr(world, who))
        for name, each in values.items():
            setattr(found, name, each)
        db.session.flush()

    return step


def decided(**values: Any) -> Step:
    """What the company decided about its goals."""

    def step(_world: World) -> None:
        db.session.add(Settings(**values))
        db.session.flush()

    return step


def unrated(*whom: str) -> Step:
    """Deals in a currency nobody has a rate for, in the quarter of the baseline."""

    def step(world: World) -> None:
        for who in whom:
            won(getattr(world, who), date(2026, 2, 20), Money(500_000, "USD"))

    return step


def told(metric: str, *days: tuple[date, int]) -> Step:
    def step(world: World, _goal: Goal | None = None) -> None:
        add_values([value(getattr(world, metric), n, day, world.bob) for day, n in days])

    return step


def of_dave(world: World) -> None:
    add_values([value(world.calls, n, date(2026, n, 12), world.dave) for n in (1, 2, 3)])


def without(permission: str) -> Step:
    """Reps lose a permission."""

    def step(_world: World) -> None:
        role = db.session.scalars(select(Role).where(Role.key == "rep")).one()
        role.permissions = [each for each in role.permissions if each != permission]
        db.session.flush()

    return step


def off(world: World, _goal: Goal) -> None:
    db.session.get_one(Objective, world.objective).active = False
    db.session.flush()


def more_calls(_world: World, goal: Goal) -> None:
    """The baseline's quarter gets a deal more."""
    won(goal.owner_id or 0, date(2026, 2, 24), 900)


def parent(**changes: Any) -> Callable[[World], int]:
    """A goal above, by its id."""
    return lambda world: make(world, "company", name="5 % more", **changes).id


def grandparent(world: World) -> int:
    top = make(world, "company", name="5 % more", objective_id=None)
    return make(world, "team", name="5 % more", objective_id=None, parent_id=top.id).id


NEXT_YEAR = {"first_day": date(2026, 10, 1), "last_day": date(2027, 3, 31), "period": "other", "review_on": date(2026, 11, 20)}
ALONE = {"objective_id": None}
SPECIFIC = (
    Case("S1", "a figure nobody knows", "money", after=put(metric="crm.gone")),
    Case("S1", "a figure of an application that is off", "team", after=put(metric="aftersales.complaints")),
    Case("S1", "a metric out of use", "visits", after=row("visits", active=False)),
    Case("S1", "no figure at all", "company", after=put(metric="")),
    Case("S2", "an older definition", "money", after=put(metric_version=0)),
    Case("S2", "a metric that was defined anew", "visits", after=row("visits", definition=2)),
    Case("S2", "a version that never was", "ratio", after=put(metric_version=99)),
    Case("S3", "nobody's goal", "money", after=put(owner_id=None)),
    Case("S3", "a company's goal that nobody answers for", "company", after=put(owner_id=None)),
    Case("S3", "a team that is not named", "team", after=put(team_id=None)),
    Case("S3", "a person's goal that says whose twice", "money", after=put(filters=lambda w: {"owner": [w.bob]})),
    Case("S3", "a company's goal about one team", "company", after=put(filters=lambda w: {"team": [w.north]})),
    Case("S3", "a team's goal about one person", "team", after=put(filters=lambda w: {"owner": [w.bob]})),
    Case("S4", "a filter the figure does not know", "visits", after=put(filters={"stage": [1]})),
    Case("S4", "a filter that nothing knows", "money", after=put(filters={"weather": ["fine"]})),
    Case("S4", "an account that is gone", "money", after=put(filters={"account": [987_654]})),
    Case("S4", "a source that is gone", "team", after=put(filters={"source": [987_654]})),
    Case("S5", "improve", "money", {"name": "Improve"}),
    Case("S5", "words without a figure", "ratio", {"name": "Do better than ever before"}),
    Case("S5", "in Spanish", "fewer", {"name": "Esforzarse más"}),
    Case("S5", "the name of a customer", "money", {"name": "Focus on the food industry"}),
    Case("S6", "somebody without a deal", "money", {"owner_id": lambda w: w.dave}),
    Case("S6", "a team without a deal", "team", {"team_id": lambda w: w.south, "owner_id": lambda w: w.dave}),
    Case("S6", "somebody without a value", "visits", {"owner_id": lambda w: w.dave}),
)
MEASURABLE = (
    Case("M1", "a told metric that nobody keeps", "visits", before=row("visits", keeper_id=None)),
    Case("M1", "a keeper who has left", "visits", before=member("eva", valid_to=TODAY - timedelta(days=1))),
    Case("M1", "a keeper who has left, another metric", "short", before=member("eva", valid_to=date(2025, 12, 31))),
    Case("M2", "no baseline", "money", after=put(baseline_query=None, baseline=None, baseline_hash="")),
    Case("M2", "a baseline made smaller by hand", "money", after=put(baseline=Decimal(104_000))),
    Case("M2", "a baseline without its seal", "visits", after=put(baseline_hash="")),
    Case("M2", "another question than was asked", "team", after=lambda _w, goal: put(baseline_query={**goal.baseline_query, "n": 99})(_w, goal)),
    Case("M3", "one deal of four without a rate", "money", before=unrated("bob")),
    Case("M3", "of a team", "team", before=unrated("bob")),
    Case("M3", "of the company", "company", before=unrated("dave")),
    Case("M3", "stricter than usual", "money", before=lambda w: (
        [won(w.bob, date(2026, 1, 5), 100) for _turn in range(20)], unrated("bob")(w), decided(rules={"M3": {"threshold": 99}})(w))),
    Case("M4", "the same amount again", "money", {"target": 105_000}),
    Case("M4", "the same number again", "visits", {"target": 25}),
    Case("M4", "the same share again", "ratio", {"target": Decimal("0.375")}),
    Case("M4", "the same days again", "cycle", {"target": 24}),
    Case("M5", "a thousand more", "money", {"target": 106_000}),
    Case("M5", "one visit more", "visits", {"target": 26}),
    Case("M5", "half a day less", "cycle", {"target": Decimal("23.5")}),
    Case("M5", "of a team", "team", {"target": 107_000}),
    Case("M6", "less money than before", "money", {"target": 100_000}),
    Case("M6", "fewer demonstrations than before", "short", {"target": 5}),
    Case("M6", "more complaints than before", "fewer", {"target": 8}),
    Case("M6", "a smaller share than before", "ratio", {"target": Decimal("0.37")}),
    Case("M7", "no target", "money", {"target": None}),
    Case("M7", "no number", "visits", {"target": None}),
    Case("M7", "a currency without a rate", "money", {"target": Given(Decimal(150_000), "USD")}),
    Case("M7", "of a team", "team", {"target": Given(Decimal(150_000), "CHF")}),
    Case("M8", "more complaints", "fewer", {"direction": "up", "target": 9}),
    Case("M8", "fewer demonstrations", "short", {"direction": "down", "target": 3}),
    Case("M8", "fewer calls", "calls", {"direction": "down", "target": 1}),
    Case("M9", "a deal told late", "money", after=more_calls),
    Case("M9", "a visit told late", "visits", after=told("visits", (date(2026, 3, 30), 1))),
    Case("M9", "of a team", "team", after=lambda w, _goal: more_calls(w, Goal(owner_id=w.bob))),
)
ATTAINABLE = (
    Case("A1", "more than ever", "money", {"target": 190_000}),
    Case("A1", "more visits than ever", "visits", {"target": 45}),
    Case("A1", "quicker than ever", "cycle", {"target": 10}),
    Case("A1", "all deals won", "ratio", {"target": Decimal("0.99")}),
    Case("A1", "of a team", "team", {"target": 200_000}),
    Case("A1", "a band nobody was in", "band", {"low": 60, "high": 70}),
    Case("A2", "thirty calls a day", "calls", {"target": 2000}),
    Case("A2", "of a team of one", "calls", {"target": 1700, "scope": "team", "team_id": lambda w: w.north, "owner_id": lambda w: w.mona}),
    Case("A2", "of everybody", "calls", {"target": 3400, "scope": "company", "owner_id": lambda w: w.alice}),
    Case("A2", "fewer a day than usual", "calls", {"target": 600}, before=decided(calls_per_day=9)),
    Case("A3", "parts that are too little", "company", after=below({"target": 100_000})),
    Case("A3", "parts that are too much", "company", after=below({"target": 135_000}, {"target": 30_000})),
    Case("A3", "teams", "company", after=below({"target": 120_000}, kind="team")),
    Case("A3", "months of a quarter", "visits", after=below(
        *({"first_day": date(2026, n, 1), "last_day": date(2026, n, 28 + (n != 9) * 3 + (n == 9) * 2)} for n in (7, 8)), kind="month")),
    Case("A4", "reached already", "year", {"target": 12}, before=told("calls", (date(2026, 5, 4), 9))),
    Case("A4", "visited already", "month", {"first_day": date(2026, 6, 1), "last_day": date(2026, 6, 30), "target": 10},
         before=told("visits", (date(2026, 6, 9), 14))),
    Case("A4", "less than the worst month", "week", {"target": 1}),
)
RELEVANT = (
    Case("R1", "serves nothing", "money", ALONE),
    Case("R1", "an objective out of use", "visits", after=off),
    Case("R1", "serves a goal that serves nothing", "money", {**ALONE, "parent_id": parent(objective_id=None)}),
    Case("R1", "two goals that serve nothing", "money", {**ALONE, "parent_id": grandparent}),
    Case("R2", "at most and at least", "visits", {"weight": 0}, before=beside("visits", "active", direction="down", target=20, weight=0)),
    Case("R2", "one of them without a weight", "money", before=beside("money", "agreed", direction="down", target=90_000, weight=0)),
    Case("R2", "proposed already", "fewer", {"weight": 0}, before=beside("fewer", "proposed", direction="up", target=9, weight=20)),
    Case("R3", "one too many", "money", before=beside("visits", "active", weight=80)),
    Case("R3", "three of them", "visits", before=lambda w: [beside("money", "agreed", weight=40)(w), beside("short", "proposed", weight=40)(w)]),
    Case("R3", "in one of the months", "money", before=beside("month", "active", weight=90)),
    Case("R3", "less than all is the most here", "money", {"weight": 90}, before=decided(rules={"R3": {"threshold": 80}})),
    Case("R4", "leaves in August", "money", before=member("bob", valid_to=date(2026, 8, 31))),
    Case("R4", "comes in October", "money", before=member("bob", valid_from=date(2026, 10, 1))),
    Case("R4", "may not see deals", "money", before=without("crm.deal.view")),
    Case("R4", "another team's", "team", {"owner_id": lambda w: w.dave}),
    Case("R4", "a manager of others", "team", {"team_id": lambda w: w.south, "owner_id": lambda w: w.mona, "metric": "kpi.demonstrations",
                                                "target": 9}, before=of_dave),
)  # fmt: skip
TIMELY = (
    Case("T1", "a quarter that is not whole", "short", after=put(last_day=date(2026, 9, 29))),
    Case("T1", "a month of six weeks", "fewer", {"target": 4}, after=put(period="month", last_day=date(2026, 8, 10))),
    Case("T1", "beyond the fiscal year", "short", NEXT_YEAR),
    Case("T1", "a week from Wednesday on", "week", after=put(first_day=date(2026, 6, 24), last_day=date(2026, 6, 30))),
    Case("T2", "no milestone", "money", {"review_on": None}),
    Case("T2", "a milestone too late", "visits", {"review_on": date(2026, 9, 20)}),
    Case("T2", "a milestone before it begins", "ratio", {"review_on": date(2026, 6, 20)}),
    Case("T2", "a year without one", "year", {"review_on": None}),
    Case("T2", "earlier than usual", "money", before=decided(rules={"T2": {"threshold": 33}})),
    Case("T3", "a week of deals", "money", {"period": "week", "first_day": date(2026, 6, 22), "last_day": date(2026, 6, 28),
                                           "review_on": None, "target": 10_500}),
    Case("T3", "a week of a team", "team", {"period": "week", "first_day": date(2026, 6, 22), "last_day": date(2026, 6, 28),
                                           "review_on": None, "target": 10_500}),
    Case("T3", "twice the cycle is wanted", "money", {"period": "month", "first_day": date(2026, 7, 1), "last_day": date(2026, 7, 31),
                                                     "review_on": None, "target": 47_000, "name": "47,000 euros in July"},
         before=decided(rules={"T3": {"threshold": 200}})),
    Case("T4", "over already", "short", {"first_day": date(2026, 4, 1), "last_day": date(2026, 6, 30), "target": 9},
         after=put(last_day=date(2026, 6, 14), period="other")),
    Case("T4", "over since last year", "fewer", after=put(first_day=date(2025, 10, 1), last_day=date(2025, 12, 31))),
    Case("T4", "a week that is over", "week", after=put(first_day=date(2026, 6, 8), last_day=date(2026, 6, 14))),
    Case("T5", "in two years", "short", {"first_day": date(2028, 7, 1), "last_day": date(2028, 9, 30), "review_on": date(2028, 8, 1)}),
    Case("T5", "the year after next", "year", {"first_day": date(2028, 1, 1), "last_day": date(2028, 12, 31), "review_on": date(2028, 3, 1)}),
    Case("T5", "farther than is usual here", "short", {"first_day": date(2026, 10, 1), "last_day": date(2026, 12, 31),
                                                       "review_on": date(2026, 11, 2)}, before=decided(rules={"T5": {"threshold": 6}})),
)  # fmt: skip
CASES = (*SPECIFIC, *MEASURABLE, *ATTAINABLE, *RELEVANT, *TIMELY)
