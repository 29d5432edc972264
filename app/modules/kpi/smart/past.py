"""What a goal's owner did before, in periods as long as the goal's, and what of it would have reached a target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from statistics import median, stdev

from app.core.i18n import _n
from app.core.workdays import working_days
from app.modules.kpi.models import BAND, DOWN, MONTH, QUARTER, YEAR, Goal
from app.modules.kpi.progress.foretell import Outlook
from app.modules.kpi.progress.history import Past
from app.modules.kpi.progress.measure import accrues, in_company_currency, reached
from app.modules.kpi.smart.facts import Facts

FEWEST = 4  # periods of which a spread can be told
DIGITS = 2  # of a value that is offered
SHARE = Decimal("0.375")  # of the periods in which what is offered would have been reached


def periods(goal: Goal, facts: Facts) -> list[Past]:
    """The owner's own periods with a value. Of goals of odd days they are months; what adds up is cut to their length."""
    metric = facts.metric(goal)
    if metric is None:
        return []
    past = [each for each in facts.outlooks.get(goal.id, NOTHING).past if each.value is not None]
    if goal.period in (MONTH, QUARTER, YEAR) or not accrues(metric):
        return past
    days = working_days(goal.first_day, goal.last_day)
    months = {each.first: working_days(each.first, each.last) for each in past}
    return [replace(each, value=(each.value or Decimal(0)) * days / months[each.first]) for each in past if months[each.first]]


NOTHING = Outlook("unknown", None, 0, ())


def values(goal: Goal, facts: Facts) -> list[Decimal]:
    return [each.value for each in periods(goal, facts) if each.value is not None]


def spread(known: Sequence[Decimal]) -> Decimal | None:
    """The standard deviation of periods; None of too few."""
    return stdev(known) if len(known) >= FEWEST else None


def hits(goal: Goal, known: Sequence[Decimal], target: Decimal | None = None) -> int:
    """In how many periods a goal would have been reached, with another target (in company currency) where one is given."""
    if target is None:
        return sum(bool(reached(goal, each)) for each in known)
    return sum(each <= target if goal.direction == DOWN else each >= target for each in known)


def in_reach(goal: Goal, known: Sequence[Decimal], beyond: Decimal | None) -> Decimal | None:
    """A round target, beyond the baseline, that would have been reached in about three of eight periods; None if there is none."""
    if goal.direction == BAND or not known:
        return None
    best = sorted(known, reverse=goal.direction != DOWN)
    now = hits(goal, known)
    for place in range(min(len(best), max(2, round(len(best) * SHARE))), now, -1):
        found = round_off(best[place - 1], goal.direction == DOWN)
        if found > 0 and (beyond is None or (found < beyond if goal.direction == DOWN else found > beyond)):
            return found
    return None


def round_off(value: Decimal, up: bool) -> Decimal:
    """A value to two digits, upwards or downwards; what is below a hundred and whole stays whole."""
    if not value:
        return value
    step = Decimal(10) ** (value.adjusted() - DIGITS + 1)
    if value == value.to_integral_value() and abs(value) < 10**DIGITS:
        step = Decimal(1)
    return (value / step).to_integral_value(ROUND_CEILING if up else ROUND_FLOOR) * step


def middle(known: Sequence[Decimal]) -> Decimal:
    return median(known)


def best_of(goal: Goal, known: Sequence[Decimal]) -> Decimal:
    return min(known) if goal.direction == DOWN else max(known)


def worst_of(goal: Goal, known: Sequence[Decimal]) -> Decimal:
    return max(known) if goal.direction == DOWN else min(known)


def easier(goal: Goal, value: Decimal) -> bool:
    """Whether the target asks for less than a value (in company currency)."""
    target = in_company_currency(goal)
    return target is not None and (target > value if goal.direction == DOWN else target < value)


def counted(goal: Goal, many: int) -> str:
    """So many periods, by their name."""
    if goal.period == QUARTER:
        return _n("%(num)d quarter", "%(num)d quarters", many)
    if goal.period == YEAR:
        return _n("%(num)d year", "%(num)d years", many)
    return _n("%(num)d month", "%(num)d months", many)
