"""Where the events of a calendar page stand: hours, lanes beside each other, weeks of a month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from app.modules.crm.calendar.queries import Event, is_skipped

QUARTERS = 96  # of a day
SHORTEST = 2  # quarters; half an hour is as high as a line of text
LANES = 6  # events beside each other; what is beyond goes on top of the day
LANES_IN_A_WEEK = 2  # of a day of a week, which is narrow: what is beyond is counted beside them
IN_A_CELL = 4  # events of a day that a month shows
HOURS = range(24)


@dataclass
class Placed:
    """An event in the hours of a day: its first quarter of an hour, how many, and which of how many lanes."""

    event: Event
    at: int
    span: int
    lane: int = 0
    lanes: int = 1
    tight: bool = False  # leaves room for the count of those beyond


@dataclass
class Beyond:
    """Events that find no room beside others: from which quarter of an hour on, how many quarters, and how many they are."""

    at: int
    span: int
    count: int


@dataclass
class Day:
    """A day of a page."""

    on: date
    name: str  # "Mon"
    number: str  # "23"
    label: str  # "Monday, November 23"
    is_today: bool
    inside: bool = True  # False: of the month before or after
    whole: list[Event] = field(default_factory=list)
    placed: list[Placed] = field(default_factory=list)
    unplaced: list[Event] = field(default_factory=list)  # timed ones, which `beyond` counts
    beyond: list[Beyond] = field(default_factory=list)

    @property
    def iso(self) -> str:
        return self.on.isoformat()

    @property
    def events(self) -> list[Event]:
        """All events of the day in order, those for the whole day first."""
        timed = [*(p.event for p in self.placed), *self.unplaced]
        return [*(e for e in self.whole if e.at is None), *sorted([*(e for e in self.whole if e.at), *timed], key=lambda e: e.at)]  # type: ignore[arg-type, return-value]  # timed ones

    @property
    def hours(self) -> list[tuple[int, bool]]:
        """Each hour of the clock, and whether it exists on this day."""
        return [(hour, not is_skipped(self.on, hour)) for hour in HOURS]

    @property
    def shown(self) -> list[Event]:
        """What the cell of a month shows."""
        events = self.events
        return events if len(events) <= IN_A_CELL else events[: IN_A_CELL - 1]

    @property
    def hidden(self) -> int:
        return len(self.events) - len(self.shown)


def fill(days: Sequence[Day], events: Sequence[Event], most: int = LANES) -> None:
    """Put the events into their days; at most so many stand beside each other."""
    by_day: dict[date, list[Event]] = {}
    for event in events:
        by_day.setdefault(event.on, []).append(event)
    for day in days:
        mine = by_day.get(day.on, [])
        day.whole = [e for e in mine if e.at is None]
        placed = lanes([_placed(e, e.at) for e in mine if e.at is not None], most)
        day.placed = [p for p in placed if p.lane < most]
        left = [p for p in placed if p.lane >= most]
        if most == LANES:
            day.whole += [p.event for p in left]
        else:
            day.unplaced, day.beyond = [p.event for p in left], _beyond(left)


def _beyond(left: Sequence[Placed]) -> list[Beyond]:
    """Those without a place, in order, counted together as far as they overlap."""
    found: list[Beyond] = []
    for each in left:
        if found and each.at < found[-1].at + found[-1].span:
            last = found[-1]
            last.span, last.count = max(last.span, each.at + each.span - last.at), last.count + 1
        else:
            found.append(Beyond(each.at, each.span, 1))
    return found


def _placed(event: Event, at: datetime) -> Placed:
    """By the clock, as that is what the hours beside the grid say; the night of a change stretches nothing."""
    first = min(at.hour * 4 + at.minute // 15, QUARTERS - SHORTEST)
    span = max(SHORTEST, -(-event.minutes // 15))
    return Placed(event, first, min(span, QUARTERS - first))


def lanes(placed: list[Placed], most: int = LANES) -> list[Placed]:
    """Give overlapping events lanes beside each other: each the first that is free."""
    placed.sort(key=lambda p: (p.at, -p.span, p.event.id))
    cluster: list[Placed] = []
    end = 0
    for each in placed:
        if cluster and each.at >= end:
            _share(cluster, most)
            cluster = []
        taken = {p.lane for p in cluster if p.at + p.span > each.at}
        each.lane = next(n for n in range(len(taken) + 1) if n not in taken)
        end = max(end, each.at + each.span) if cluster else each.at + each.span
        cluster.append(each)
    _share(cluster, most)
    return placed


def _share(cluster: list[Placed], most: int) -> None:
    needed = max((p.lane for p in cluster), default=0) + 1
    for each in cluster:
        each.lanes, each.tight = min(most, needed), needed > most


def week_of(day: date) -> list[date]:
    """Monday to Sunday."""
    monday = day - timedelta(days=day.weekday())
    return [monday + timedelta(days=n) for n in range(7)]


def weeks_of_month(day: date) -> list[list[date]]:
    """The weeks that hold a month, whole."""
    first = day.replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    monday = first - timedelta(days=first.weekday())
    count = (last - monday).days // 7 + 1
    return [[monday + timedelta(days=7 * week + n) for n in range(7)] for week in range(count)]
