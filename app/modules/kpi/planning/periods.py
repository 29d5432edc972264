"""Periods that are planned: which are offered, how an address names them, and what people call them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from app.core.clock import today
from app.core.formats import day
from app.core.relative_dates import around, names_of
from app.modules.kpi.goals.labels import PERIODS
from app.modules.kpi.models import MONTH, OTHER, QUARTER, WEEK, YEAR

PLANNED = (QUARTER, MONTH, YEAR)
OFFERED = {QUARTER: (-1, 0, 1, 2, 3, 4), MONTH: (0, 1, 2, 3), YEAR: (0, 1)}
ONE_DAY = timedelta(days=1)
EARLIEST, LATEST = date(1990, 1, 1), date(2199, 1, 1)


@dataclass(frozen=True)
class Period:
    """A month, quarter or year of the company's calendar."""

    kind: str
    first: date
    last: date

    @property
    def key(self) -> str:
        """As addresses name it: "quarter:2027-01-01"."""
        return f"{self.kind}:{self.first.isoformat()}"

    @property
    def label(self) -> str:
        return called(self.kind, self.first, self.last)


def called(kind: str, first: date, last: date) -> str:
    """What people call a period: "Q1 2027"; weeks and other days by their first and last day."""
    return f"{day(first)} – {day(last)}" if kind in (WEEK, OTHER) else names_of(first, kind)


def period_of(text: str) -> Period:
    """The period that an address names; the next quarter where it names none."""
    kind, _colon, at = text.partition(":")
    try:
        first = date.fromisoformat(at)
    except ValueError:
        return moved(QUARTER, today(), 1)
    return moved(kind if kind in PLANNED else QUARTER, min(max(first, EARLIEST), LATEST), 0)


def moved(kind: str, at: date, turns: int) -> Period:
    """The period so many after the one that holds a day; before it where `turns` is negative."""
    first, last = around(at, kind)
    for _turn in range(abs(turns)):
        first, last = around(last + ONE_DAY if turns > 0 else first - ONE_DAY, kind)
    return Period(kind, first, last)


def offered(chosen: Period) -> list[tuple[str, Sequence[tuple[str, str]]]]:
    """The periods that may be chosen, kind by kind, the chosen one among them."""
    now = today()
    found: list[tuple[str, Sequence[tuple[str, str]]]] = []
    for kind in PLANNED:
        some = [moved(kind, now, turns) for turns in OFFERED[kind]]
        if chosen.kind == kind and chosen not in some:
            some = sorted([*some, chosen], key=lambda each: each.first)
        found.append((str(PERIODS[kind]), [(each.key, each.label) for each in some]))
    return found
