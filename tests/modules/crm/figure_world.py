"""The raw rows of a company and what they say, in plain Python: nothing here asks the modules what they make of them.

A deal is folded from its lines in the ledger, by docs/metrics 4.1.3 and 4.1.5; days are told from instants by the zone of the
company, teams from the dated membership.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from flask import g
from sqlalchemy import select

from app.core.db import db, utcnow
from app.core.metrics import Metric, MetricQuery
from app.core.models import Rate, TeamMember, Trash
from app.modules.contacts.models import Account, AccountOwner
from app.modules.crm.activities.models import Activity, ActivityMember, ActivityOutcome
from app.modules.crm.leads.models import Lead
from app.modules.crm.models import Deal, DealEvent, Stage
from app.modules.crm.parts.models import DealCompetitor, DealCredit, DealPerson
from app.modules.crm.settings.models import Settings

SAYS = {
    "stage": ("stage_id", "pipeline_id", "state"), "amount": ("amount_minor", "currency"), "owner": ("owner_id",), "team": ("team_id",),
    "expected_close": ("expected_close",), "account": ("account_id",), "reason": ("reason_id",), "probability": ("probability",),
    "category": ("category",),
}  # fmt: skip
DECIDED = ("won", "lost", "discarded")


def every(model: Any) -> list[Any]:
    return list(db.session.scalars(select(model).order_by(model.id), execution_options={"all_rows": True, "with_trash": True}))


def by(rows: Iterable[Any], name: str) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        found[getattr(row, name)].append(row)
    return found


class World:
    """All rows, read once."""

    def __init__(self) -> None:
        self.zone, self.fiscal, self.currency = ZoneInfo(g.company.timezone), g.company.fiscal_year_start, g.company.currency
        self.deals = {row.id: row for row in every(Deal)}
        self.events = by(every(DealEvent), "deal_id")
        self.stages = {row.id: row for row in every(Stage)}
        self.accounts = {row.id: row for row in every(Account)}
        self.portfolios, self.leads, self.activities = every(AccountOwner), every(Lead), every(Activity)
        self.outcomes = {row.id: row for row in every(ActivityOutcome)}
        self.took_part = by(every(ActivityMember), "activity_id")
        self.rivals, self.credits, self.committee = (by(every(m), "deal_id") for m in (DealCompetitor, DealCredit, DealPerson))
        self.rates, self.teams = every(Rate), every(TeamMember)
        self.trash = {(row.table_name, row.row_id): row.at for row in every(Trash)}
        self.settings = next(iter(every(Settings)), None) or SimpleNamespace(active_days=365, late_hours=24)
        self.states: dict[Any, Any] = {}

    def day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def month(self, day: date) -> int:
        return day.year * 12 + day.month - 1

    def quarter(self, day: date) -> int:
        """Fiscal quarters since the year 0, of years that are named after the one in which they begin."""
        year = day.year if day.month >= self.fiscal else day.year - 1
        return year * 4 + (day.month - self.fiscal) % 12 // 3

    def quarter_days(self, day: date) -> tuple[date, date]:
        first = last = day
        while self.quarter(first - timedelta(days=1)) == self.quarter(day):
            first -= timedelta(days=1)
        while self.quarter(last + timedelta(days=1)) == self.quarter(day):
            last += timedelta(days=1)
        return first, last

    def team(self, member_id: int | None, day: date) -> int | None:
        there = [t for t in self.teams if t.member_id == member_id and t.valid_from <= day and (t.valid_to is None or day <= t.valid_to)]
        return max(there, key=lambda t: t.valid_from).team_id if there else None

    def rate(self, currency: str, day: date) -> Decimal | None:
        if currency == self.currency:
            return Decimal(1)
        there = [r for r in self.rates if r.currency == currency and r.valid_from <= day]
        return max(there, key=lambda r: r.valid_from).rate if there else None

    def worth(self, minor: int | None, currency: str, day: date) -> int | None:
        """In cents of the company, of an amount that is converted by itself: rounded half up, once."""
        rate = self.rate(currency, day)
        if minor is None or rate is None:
            return None
        return int((minor * rate).quantize(Decimal(1), ROUND_HALF_UP))

    def gone(self, row: Any, known: datetime | None) -> bool:
        at = self.trash.get((row.__tablename__, row.id))
        return at is not None and (known is None or at <= known)

    def lines(self, deal_id: int, valid: datetime, known: datetime) -> list[DealEvent]:
        """What had been told of a deal by then and is not taken back, about times up to then, in order."""
        told = [e for e in self.events[deal_id] if e.recorded_at <= known]
        back = {e.voids_id for e in told if e.kind == "voided"}
        return sorted((e for e in told if e.kind != "voided" and e.id not in back and e.at <= valid), key=lambda e: (e.at, e.id))

    def state(self, deal_id: int, valid: datetime, known: datetime) -> Any:
        """What a deal was; None before it began, and where all of it is taken back."""
        key = (deal_id, valid, known)
        if key not in self.states:
            lines = self.lines(deal_id, valid, known)
            self.states[key] = self.fold(deal_id, lines) if any(e.kind == "created" for e in lines) else None
        return self.states[key]

    def fold(self, deal_id: int, lines: Iterable[DealEvent]) -> Any:
        s = SimpleNamespace(id=deal_id, **{column: None for columns in SAYS.values() for column in columns}, closed_at=None)
        s.path = []  # when it came into which stage, and what that stage meant
        for line in lines:
            before = s.stage_id
            for name in line.sets.split(","):
                for column in SAYS.get(name, ()):
                    setattr(s, column, getattr(line, column))
            if line.kind == "created":
                s.opened_at = line.at
            if "stage" in line.sets.split(","):
                if s.stage_id != before:
                    s.path.append((line.at, s.stage_id, s.state))
                s.closed_at = line.at if s.state in DECIDED else None
                s.sold_by = s.owner_id
        s.opened_on, s.closed_on = self.day(s.opened_at), self.day(s.closed_at) if s.closed_at else None
        s.worth = self.worth(s.amount_minor, s.currency, s.closed_on) if s.closed_on else None
        s.whose = s.sold_by if s.closed_on else s.owner_id
        s.in_team = self.team(s.sold_by, s.closed_on) if s.closed_on else s.team_id
        return s


@dataclass
class Row:
    """A row that a figure counts. `keys` by dimension; `ways` are the keys of those of which it has several."""

    id: int
    keys: dict[str, Any]
    ways: tuple[dict[str, Any], ...] = ({},)
    value: Any = None
    num: int = 0
    den: int = 0
    n: int = 1
    left_out: str = ""  # no_rate, no_amount, no_outcome: it is not counted, but said
    seconds: int | None = None  # or days, of durations
    running: bool = False
    terms: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Ask:
    """A question: which rows, in which period, by which moment."""

    world: World
    start: date | None
    end: date | None
    valid: datetime
    known: datetime
    present: datetime
    said: MetricQuery

    def within(self, day: date | None) -> bool:
        if day is None:
            return not self.start and not self.end
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)

    def deals(self, *states: str, at: datetime | None = None) -> Iterator[Any]:
        for deal_id in self.world.deals:
            s = self.world.state(deal_id, at or self.valid, self.known)
            if s and s.state in states:
                yield s

    @property
    def today(self) -> date:
        return self.world.day(self.valid)

    @property
    def thrown(self) -> datetime | None:
        """Up to when what was thrown away is gone: whatever lies there now, unless it is asked what was known once."""
        return self.said.known_at


def ask(world: World, metric: Metric, query: MetricQuery) -> Ask:
    now = utcnow()
    known = query.known_at or now
    valid = min(query.as_of or known, known)
    start, end = (query.start, query.end) if metric.period else (None, None)
    if metric.quarter and not (start and end):
        first, last = world.quarter_days(start or end or world.day(valid))
        start, end = start or first, end or last
    return Ask(world, start, end, valid, known, now, query)


@dataclass
class Line:
    """One line of a figure, or all of it."""

    value: Any
    n: int
    num: int
    den: int


ONCE = ("crm.credited_amount", "crm.accounts_touched")  # several rows of one id count as one


def group(metric: Metric, rows: Iterable[Row], query: MetricQuery) -> dict[tuple, list[Row]]:
    """The rows that pass the filters, by the keys that are asked for; one that has several ways once for each key."""
    found: dict[tuple, list[Row]] = {} if query.by else {(): []}
    for row in rows:
        keys = set()
        for way in row.ways:
            mine = {**row.keys, **way}
            if all(passes(mine[name], wanted) for name, wanted in query.filters.items()):
                keys.add(tuple(mine[name] for name in query.by))
        for key in keys:
            found.setdefault(key, []).append(row)
    return found


def passes(key: Any, wanted: Any) -> bool:
    return key in wanted if isinstance(wanted, (list, tuple, set, frozenset)) else key == wanted


def line(metric: Metric, rows: list[Row], formula: Any = None) -> Line:
    """The figure of rows: a sum, a quotient of sums, a median; money in cents."""
    counted = [row for row in rows if not row.left_out]
    n = len({row.id for row in counted}) if metric.id in ONCE else sum(row.n for row in counted)
    num, den = sum(row.num for row in counted), sum(row.den for row in counted)
    value: Any
    if metric.shape == "ratio":
        value = Fraction(num, den) if den else None
    elif metric.shape in ("median", "quantile"):
        share = Fraction(1, 2) if metric.shape == "median" else Fraction(9, 10)
        value = quantile([(row.seconds or 0, row.running) for row in counted], share)
        value = None if value is None else value / metric.per
    elif metric.shape == "formula":
        value, n = formula(rows), len(rows)
    else:
        value = sum(row.value for row in counted) if counted and counted[0].value is not None else (0 if metric.unit == "money" else n)
    return Line(value, n, num, den)


def quantile(cases: list[tuple[int, bool]], share: Fraction) -> Fraction | None:
    """Kaplan and Meier: the time by which a share is over; the mean of two where it is exactly so between them."""
    left, exactly = Fraction(1), None
    for time in sorted({time for time, running in cases if not running}):
        if exactly is not None:
            return Fraction(exactly + time, 2)
        there = sum(1 for other, _running in cases if other >= time)
        ended = sum(1 for other, running in cases if other == time and not running)
        left *= Fraction(there - ended, there)
        if left == 1 - share:
            exactly = time
        elif left < 1 - share:
            return Fraction(time)
    return None if exactly is None else Fraction(exactly)


def of_filters(query: MetricQuery, **filters: Any) -> MetricQuery:
    return replace(query, by=(), filters=filters)
