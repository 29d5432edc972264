"""What was sold against a quota: share attained, gap, pace, what is still needed, and whether the pipeline covers it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from app.core.clock import local_date, today
from app.core.figures import FigureRow
from app.core.money import Money
from app.core.reports.frame import Frame
from app.core.reports.periods import ONE, Period, moved
from app.core.workdays import working_days
from app.modules.kpi.progress.measure import (
    AT_RISK,
    ATTAINED,
    MISSED,
    OFF_TRACK,
    ON_TRACK,
    UNKNOWN,
    WAITING,
)
from app.modules.kpi.revenue.quotas import Plan
from app.modules.kpi.settings.queries import settings

HUNDRED = 100


@dataclass(frozen=True)
class Standing:
    """Somebody's sales against their quota. Amounts are in whole units of company currency, None where there is none.

    `day` is the one they are told of, `before` what was sold in the period that it is compared with.
    """

    plan: Plan
    period: Period
    day: date
    won: Decimal
    open: Decimal | None = None
    weighted: Decimal | None = None
    before: Decimal | None = None

    @property
    def quota(self) -> Decimal | None:
        return self.plan.target

    @property
    def attained(self) -> Decimal | None:
        """Sold ÷ quota (m18); undefined without a quota, or with one of nothing."""
        return self.won / self.quota if self.quota else None

    @property
    def gap(self) -> Decimal | None:
        """What is missing to the quota; negative when it is passed."""
        return None if self.quota is None else self.quota - self.won

    @property
    def pace(self) -> Decimal | None:
        """Sold ÷ what should be sold by now by working days (m19)."""
        expected = self.plan.expected(self.day)
        return self.won / expected if expected else None

    @property
    def needed(self) -> Decimal | None:
        """What every working day that is left has to bring; None when none is left, or nothing is missing."""
        left = working_days(max(self.day + timedelta(days=1), self.period.first), self.period.last)
        return self.gap / left if self.gap is not None and self.gap > 0 and left else None

    @property
    def coverage(self) -> Decimal | None:
        """Open deals that are to close in the period ÷ what is missing to the quota (m11); undefined once it is reached."""
        return self.open / self.gap if self.open is not None and self.gap is not None and self.gap > 0 else None

    @property
    def growth(self) -> Decimal | None:
        return growth(self.won, self.before)

    @property
    def status(self) -> str:
        """How it goes, as of a goal."""
        if self.quota is None:
            return UNKNOWN
        if self.day > self.period.last:
            return ATTAINED if self.won >= self.quota else MISSED
        if self.day < self.period.first:
            return WAITING
        if self.won >= self.quota:
            return ATTAINED
        if self.pace is None:
            return ON_TRACK
        share, decided = self.pace * HUNDRED, settings()
        return ON_TRACK if share >= decided.risk_percent else AT_RISK if share >= decided.off_percent else OFF_TRACK


def growth(now: Decimal | None, before: Decimal | None) -> Decimal | None:
    """(This − base) ÷ base (m21); undefined over a base of zero or less."""
    return None if now is None or before is None or before <= 0 else (now - before) / before


def yearly_growth(years: list[Decimal]) -> Decimal | None:
    """The even growth a year from the first of whole years to the last (m22); undefined of fewer than two, or from nothing."""
    if len(years) < 2 or years[0] <= 0 or years[-1] < 0:
        return None
    return (years[-1] / years[0]) ** (Decimal(1) / (len(years) - 1)) - 1


def day_of(frame: Frame) -> date:
    """The day that a page tells of."""
    return local_date(frame.as_of) if frame.as_of else today()


def earlier(period: Period, months: int, day: date) -> Period:
    """The period so many months before, whole ones for whole ones; of one that runs, as many of its days as are over."""
    first, last = moved(period.first, -months), moved(period.last + ONE, -months) - ONE
    if period.first <= day < period.last:
        last = min(last, first + (day - period.first))
    return Period(first, last)


def amount(row: FigureRow | None) -> Decimal:
    """The amount of a line; nothing where it is not there."""
    return row.value.amount if row is not None and isinstance(row.value, Money) else Decimal(0)


def total(rows: Any) -> Decimal:
    return sum((amount(row) for row in rows), Decimal(0))
