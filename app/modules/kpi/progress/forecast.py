"""What a figure will be at the end of a goal's period: what was reached so far, and the rest as the owner's own months were.

A bootstrap: the months that are left are drawn from those of the last two years, and of each drawing the end is worked out.
What lies between the 10th and the 90th of 100 ends is said, and the one in the middle; of less than a year between the 5th and
the 95th. Months come from an urn into which
each is put back twice (D. Blackwell, J. MacQueen, Ferguson distributions via Pólya urn schemes, 1973; D. Rubin, The Bayesian
bootstrap, 1981), so that a short history, which may not be what the owner mostly does, makes for a wider interval.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import accumulate
from math import ceil, comb, sqrt

from app.core.clock import today
from app.core.i18n import _
from app.core.metrics import Metric, metrics
from app.core.relative_dates import around
from app.core.workdays import working_days
from app.modules.kpi.models import ACTIVE, Goal
from app.modules.kpi.progress.curve import months_of, share_by
from app.modules.kpi.progress.foretell import LEAST, PLENTY
from app.modules.kpi.progress.history import Past, lately, tells_the_past
from app.modules.kpi.progress.measure import Progress, accrues, refusal

TURNS = 500
LOW, MIDDLE, HIGH = 0.1, 0.5, 0.9
SHORT_LOW, SHORT_HIGH = 0.05, 0.95  # under a year of history, where the others would hold but 65 to 70 of 100 ends
MANY = 30  # records from which on the normal distribution stands for the binomial one
ONE_DAY = timedelta(days=1)
ZERO, ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True)
class Forecast:
    """What a figure will be at the end of a goal's period, in whole units (of company currency for money).

    `middle` is as likely passed as not, `low` and `high` are the bounds within which it ends 8 of 10 times; None where that
    cannot be said, and then `reason` says why. `months` of history it was drawn from. `at_pace`, where history is too short:
    what it will be if the rest goes as it went so far.
    """

    goal_id: int
    months: int = 0
    low: Decimal | None = None
    middle: Decimal | None = None
    high: Decimal | None = None
    at_pace: Decimal | None = None
    reason: str = ""


@dataclass(frozen=True)
class Month:
    """What a month brought: to the numerator and the denominator of the figure, and by how many records. A sum is a numerator."""

    top: Decimal
    bottom: Decimal
    n: int


def forecasts(goals: Iterable[Goal], stands: Mapping[int, Progress]) -> dict[int, Forecast]:
    """What the figures of goals that run will be at the end: goal id -> `Forecast`; `stands` as `measure` gives it.

    Goals that do not run, that are looked back at, or whose figure the reader may not see have none. One statement per
    figure, people or teams, whatever the periods of the goals.
    """
    day, known = today(), metrics()
    found: dict[int, Forecast] = {}
    drawable = []
    for goal in goals:
        if not _runs(goal, day) or refusal(goal, known.get(goal.metric)):
            continue
        if why := untold(goal, known[goal.metric]):
            found[goal.id] = Forecast(goal.id, reason=why)
        else:
            drawable.append(goal)
    past = lately(drawable)
    return found | {g.id: _forecast(g, known[g.metric], stands[g.id], past[g.id], day) for g in drawable if g.id in past}


def _runs(goal: Goal, day: date) -> bool:
    return goal.state == ACTIVE and not goal.retrospective and goal.first_day <= day <= goal.last_day


def untold(goal: Goal, metric: Metric) -> str:
    """Why it cannot be said what a goal's figure will be; empty where it can: of sums over days, and of ratios of such sums.

    What became of that which began in a month is told for long after it: of a cohort only how many began.
    """
    if not metric.period or metric.basis == "snapshot":
        return _("What this figure will be at the end is not told: it is a state of the moment.")
    cohort = metric.basis == "cohort"
    sums = accrues(metric) and not (cohort and goal.filters)
    ratio = metric.shape == "ratio" and not cohort and "month" in metric.parted and not metric.quarter
    if tells_the_past(metric) and (sums or ratio):
        return ""
    return _("What this figure will be at the end is not told: it does not add up from what its months were.")


def _forecast(goal: Goal, metric: Metric, stands: Progress, past: Sequence[Past], day: date) -> Forecast:
    known = sum(each.value is not None for each in past)
    if known < LEAST:
        share = share_by(goal, day)
        at_pace = stands.value / share if accrues(metric) and stands.value is not None and share else None
        why = _("There is not enough history to say where it will end: %(n)s of %(least)s months.", n=known, least=LEAST)
        return Forecast(goal.id, known, at_pace=at_pace, reason=why)
    so_far = (stands.parts or (ZERO, ZERO)) if metric.shape == "ratio" else (stands.value or ZERO, ONE)
    told = ends(_months(metric, past), parts_left(goal, day), *so_far)
    if not told:
        return Forecast(goal.id, known, reason=_("Nothing was recorded in the period yet."))
    bounds = (SHORT_LOW, MIDDLE, SHORT_HIGH) if known < PLENTY else (LOW, MIDDLE, HIGH)
    low, middle, high = (told[max(ceil(share * len(told)) - 1, 0)] for share in bounds)
    return Forecast(goal.id, known, low, middle, high)


def _months(metric: Metric, past: Sequence[Past]) -> list[Month]:
    """What there is to draw from. Where nobody told a value nobody knows; a month without a ratio had nothing to make one of."""
    if metric.shape == "ratio":
        return [Month(*(each.parts or (ZERO, ZERO)), each.n) for each in past]
    return [Month(each.value, ZERO, each.n) for each in past if each.value is not None]


def parts_left(goal: Goal, day: date) -> list[Decimal]:
    """How much of each month of a goal is left after a day, by working days: 1 where all of it is."""
    found = []
    for first, last in months_of(day + ONE_DAY, goal.last_day):
        whole = around(first, "month")
        if part := working_days(first, last):
            found.append(ONE if (first, last) == whole else Decimal(part) / working_days(*whole))
    return found


def ends(months: Sequence[Month], parts: Sequence[Decimal], top: Decimal, bottom: Decimal) -> list[Decimal]:
    """Where a figure that has come to `top` ÷ `bottom` so far ends when such parts of months follow: in order, one for each
    drawing, without those that come to no figure. The same months draw the same ends every time."""
    chance = random.Random(0)  # noqa: S311  # a simulation, no secret
    found = []
    for _turn in range(TURNS if parts else 1):
        urn, over, under = list(months), top, bottom
        for part in parts:
            month = chance.choice(urn)
            urn.append(month)
            if part < 1:
                share = _share(chance, month.n, float(part))
                over, under = over + month.top * share, under + month.bottom * share
            else:
                over, under = over + month.top, under + month.bottom
        if under:
            found.append(over / under)
    return sorted(found)


def _share(chance: random.Random, n: int, part: float) -> Decimal:
    """Which share of a month's records falls into a part of its days: each does or does not, so that little that is left of a
    month may bring nothing, or all of it."""
    if not n:
        return ZERO
    if n <= MANY:
        return Decimal(min(bisect(_chances(n, part), chance.random()), n)) / n
    drawn = chance.gauss(n * part, sqrt(n * part * (1 - part)))
    return Decimal(min(max(round(drawn), 0), n)) / n


@lru_cache(maxsize=2_000)
def _chances(n: int, part: float) -> Sequence[float]:
    """How likely at most none, one, two, … of so many records fall into a part of the days: the binomial distribution."""
    return list(accumulate(comb(n, k) * part**k * (1 - part) ** (n - k) for k in range(n + 1)))
