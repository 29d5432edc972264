"""How much of a target should be there by a day: by working days, or by the shares that were given to the months."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from app.core.workdays import working_days
from app.modules.kpi.models import Goal

ONE_DAY = timedelta(days=1)


def months_of(first: date, last: date) -> list[tuple[date, date]]:
    """First and last day of every month between two days, cut off at both ends."""
    found = []
    start = first
    while start <= last:
        following = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
        found.append((start, min(following - ONE_DAY, last)))
        start = following
    return found


def share_by(goal: Goal, day: date) -> Decimal:
    """The share of a goal's target that should be there by the end of a day, from 0 to 1.

    Within a month it grows by working days. Months without a share of their own count by working days as well.
    """
    day = min(day, goal.last_day)
    if day < goal.first_day:
        return Decimal(0)
    months = months_of(goal.first_day, goal.last_day)
    shares = [Decimal(str(each)) / 100 for each in goal.curve] if len(goal.curve) == len(months) else None
    if shares is None:
        total = working_days(goal.first_day, goal.last_day)
        return Decimal(working_days(goal.first_day, day)) / total if total else Decimal(1)
    found = Decimal(0)
    for (first, last), share in zip(months, shares, strict=True):
        if last <= day:
            found += share
        elif first <= day:
            total = working_days(first, last)
            found += share * working_days(first, day) / total if total else 0
    return found
