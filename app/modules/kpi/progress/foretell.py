"""How likely a goal looks from its owner's own history, said when it is activated and settled when it is closed.

A bootstrap of the owner's own past periods (features 4.5 of the design's sources): three bands and never a percentage,
"not enough history" under six periods, and no extremes under twelve.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select

from app.core import writes
from app.core.clock import today
from app.core.db import db
from app.core.metrics import metrics
from app.core.workdays import working_days
from app.modules.kpi.models import BAND, DOWN, Goal
from app.modules.kpi.progress.history import STEP, History, Past, history
from app.modules.kpi.progress.measure import accrues, in_company_currency, reached
from app.modules.kpi.progress.models import LIKELY, PLAUSIBLE, UNKNOWN, UNLIKELY, Prediction

LEAST, PLENTY = 6, 12  # periods of history
LOW, HIGH = Decimal("0.25"), Decimal("0.65")
FLOOR, CEILING = Decimal("0.15"), Decimal("0.80")
DRAWS = 1000
HALF = Decimal("0.5")
WORKING_MONTH = 21


@dataclass(frozen=True)
class Outlook:
    """How likely a goal looks: its band, the likelihood behind it (None without history), and of how many periods."""

    band: str
    likelihood: Decimal | None
    periods: int
    past: Sequence[Past]
    hits: int = 0  # periods in which it would have been reached


def outlooks(goals: Iterable[Goal]) -> dict[int, Outlook]:
    """How likely goals look, from what their owners did before: goal id -> `Outlook`."""
    goals = list(goals)
    told = history(goals)
    return {goal.id: _outlook(goal, told.get(goal.id, History())) for goal in goals}


def foretell(goals: Iterable[Goal]) -> None:
    """Keep what is foretold of goals, once for each edition; as many statements as there are figures, not goals."""
    goals = list(goals)
    asked = select(Prediction.goal_id, Prediction.edition).where(Prediction.goal_id.in_([goal.id for goal in goals]))
    there = {(goal_id, edition) for goal_id, edition in db.session.execute(asked)}
    found = outlooks(goals)
    writes.bulk_insert(Prediction, [
        {"goal_id": goal.id, "edition": goal.edition, "on_day": today(), "band": found[goal.id].band,
         "likelihood": found[goal.id].likelihood, "periods": found[goal.id].periods}
        for goal in goals if (goal.id, goal.edition) not in there
    ])  # fmt: skip


def settle_predictions(goal: Goal) -> None:
    """Note how everything that was foretold of a goal turned out."""
    for row in db.session.scalars(select(Prediction).where(Prediction.goal_id == goal.id)):
        row.came_true = goal.attained


def brier(rows: Iterable[tuple[Decimal | None, bool | None]]) -> tuple[Decimal | None, int]:
    """The Brier score of likelihoods and outcomes, and of how many: the mean of the squared differences, 0 is best.

    G. W. Brier, Verification of forecasts expressed in terms of probability (1950), for two outcomes.
    """
    known = [(said, came) for said, came in rows if said is not None and came is not None]
    if not known:
        return None, 0
    return sum(((said - int(came)) ** 2 for said, came in known), Decimal(0)) / len(known), len(known)


def _outlook(goal: Goal, told: History) -> Outlook:
    """Figures that add up are drawn month by month; of others the periods as long as the goal's are counted."""
    adds_up = goal.direction != BAND and goal.metric in metrics() and accrues(metrics()[goal.metric])
    periods = [each.value for each in told.periods if each.value is not None]
    known = [each.value for each in told.months if each.value is not None] if adds_up else periods
    hits = sum(bool(reached(goal, value)) for value in periods)
    if len(known) < LEAST or (goal.direction != BAND and in_company_currency(goal) is None):
        return Outlook(UNKNOWN, None, len(known), told.periods, hits)
    likelihood = _drawn(goal, known) if adds_up else (Decimal(hits) + HALF) / (len(known) + 1)
    if len(known) < PLENTY:
        likelihood = min(max(likelihood, FLOOR), CEILING)
    band = UNLIKELY if likelihood < LOW else LIKELY if likelihood > HIGH else PLAUSIBLE
    return Outlook(band, likelihood, len(known), told.periods, hits)


def _drawn(goal: Goal, known: Sequence[Decimal]) -> Decimal:
    """The share of resampled periods, each as many months drawn from history as the goal has, in which it is reached.

    Weeks and odd days are a month, cut to their working days. The same history draws the same months every time, so that
    what is said while a goal is filled in is what is kept when it begins.
    """
    chance = random.Random(0)  # noqa: S311  # a simulation, no secret
    target = in_company_currency(goal)
    assert target is not None  # else nothing is drawn
    months = STEP.get(goal.period)
    part = Decimal(working_days(goal.first_day, goal.last_day)) / WORKING_MONTH if months is None else Decimal(1)
    drawn = (sum(chance.choices(known, k=months or 1), Decimal(0)) * part for _turn in range(DRAWS))
    hits = sum(each <= target if goal.direction == DOWN else each >= target for each in drawn)
    return (Decimal(hits) + HALF) / (DRAWS + 1)
