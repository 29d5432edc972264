"""Telling the values of a metric for everybody at once: a grid of people for one period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import or_, select

from app.core.access import can, valid_on, visible_members
from app.core.clock import today
from app.core.db import db
from app.core.errors import BusinessError, Conflict
from app.core.fields import FieldError, by_person
from app.core.formats import day as shown_day
from app.core.i18n import _
from app.core.ids import whole
from app.core.models import Membership, TeamMember
from app.core.relative_dates import FIRST_YEAR, LAST_YEAR, around, names_of
from app.core.writes import check_version
from app.modules.kpi.models import WEEK
from app.modules.kpi.own import services
from app.modules.kpi.own.models import MANUAL, OwnMetric, Value
from app.modules.kpi.own.resources import value as value_rows

ONE_DAY = timedelta(days=1)
MOST_PEOPLE = 200
TOLD_ROWS, TOLD = value_rows, value_rows.field("amount")
COMPANY = "company"  # in the names of fields: the value of the company as a whole


@dataclass
class Row:
    """A line of the grid: a person or the company as a whole. `value` is the one value of the period, None where there is
    none or are several, which `several` counts; `before` is what was told for the period before."""

    key: str
    owner_id: int | None
    name: str
    value: Value | None = None
    several: int = 0
    text: str = ""
    before: str = ""
    evidence: str = ""
    due: bool = False
    error: str = ""
    evidence_error: str = ""
    amount: Any = field(default=None, repr=False)


@dataclass
class Grid:
    """The values of a metric for one period, by person."""

    metric: OwnMetric
    first: date
    last: date
    rows: list[Row]

    @property
    def title(self) -> str:
        """What the period is called."""
        if self.metric.cadence == WEEK:
            return f"{shown_day(self.first)} – {shown_day(self.last)}"
        return names_of(self.first, self.metric.cadence)

    @property
    def on_day(self) -> date:
        """The day that values are noted for: the last of the period, or today while it runs."""
        return min(self.last, today())

    @property
    def previous(self) -> date:
        return self.first - ONE_DAY

    @property
    def following(self) -> date | None:
        """A day of the next period; None when that has not begun."""
        return self.last + ONE_DAY if self.last < today() else None

    @property
    def missing(self) -> int:
        return sum(row.due for row in self.rows)


def told_metrics() -> list[OwnMetric]:
    """The metrics that values can be told of, by name."""
    asked = select(OwnMetric).where(OwnMetric.active, OwnMetric.kind == MANUAL).order_by(OwnMetric.name_key)
    return list(db.session.scalars(asked))


def read_day(text: str) -> date:
    """A day of a period that is not ahead; today when it is none."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return today()
    return min(found, today()) if FIRST_YEAR <= found.year < LAST_YEAR else today()


def grid(metric: OwnMetric, at: date) -> Grid:
    """The grid of a metric for the period that holds a day: everybody in a team whom the person may tell values of, and
    whoever has told some; four statements."""
    first, last = around(at, metric.cadence)
    before = around(first - ONE_DAY, metric.cadence)
    kept = select(Value).where(Value.metric_id == metric.id, Value.on_day >= before[0], Value.on_day <= last)
    values = list(db.session.scalars(kept.order_by(Value.on_day, Value.id)))
    now: dict[int | None, list[Value]] = {}
    earlier: dict[int | None, list[Value]] = {}
    for value in values:
        (now if value.on_day >= first else earlier).setdefault(value.owner_id, []).append(value)
    rows = [_row(owner_id, name, now.get(owner_id, []), earlier.get(owner_id, [])) for owner_id, name in _people(last, {*now, *earlier})]
    for row in rows:
        row.due = last < today() and bool(row.before) and row.value is None and not row.several
    return Grid(metric, first, last, rows)


def _people(last: date, told: set[int | None]) -> list[tuple[int | None, str]]:
    """Whose values the person may tell: those in teams on that day, those who have told some, and the company as a whole."""
    seen = visible_members("kpi.value")
    in_teams = select(TeamMember.member_id).where(valid_on(TeamMember, last))
    asked = select(Membership.id, Membership.name).where(or_(
        Membership.id.in_(in_teams) & valid_on(Membership, last), Membership.id.in_({each for each in told if each is not None}))).order_by(
        Membership.name_key, Membership.id)  # fmt: skip
    if seen is not None:
        asked = asked.where(Membership.id.in_(seen))
    people: list[tuple[int | None, str]] = [(row.id, row.name) for row in db.session.execute(asked.limit(MOST_PEOPLE))]
    return [*people, *([(None, _("The company as a whole"))] if seen is None else [])]


def _row(owner_id: int | None, name: str, now: Sequence[Value], before: Sequence[Value]) -> Row:
    row = Row(str(owner_id or COMPANY), owner_id, name, several=len(now) if len(now) > 1 else 0)
    row.before = " · ".join(_shown(value) for value in before[-2:])
    if row.several:
        row.text = " · ".join(_shown(value) for value in now[-3:])
    elif now:
        row.value, row.evidence = now[0], now[0].evidence
        row.text = TOLD.typed(TOLD.of(now[0]))
    return row


def _shown(value: Value) -> str:
    return str(TOLD.of(value))


def save(found: Grid, posted: Mapping[str, str]) -> int:
    """Save what was typed into a grid: new values, corrections, and those that were emptied into the trash. Returns how many
    there were; -1 when something is wrong, which then stands beside it, and nothing may be kept."""
    rows = [row for row in found.rows if not row.several]
    for row in rows:
        _read(row, posted)
    if any(row.error or row.evidence_error for row in rows):
        return -1
    saved = sum(_kept(found, row, posted) for row in rows)
    return -1 if any(row.error or row.evidence_error for row in rows) else saved


def _read(row: Row, posted: Mapping[str, str]) -> None:
    """What was typed into a line; an error beside it where it cannot be read."""
    row.text = posted.get(f"amount-{row.key}", row.text).strip()
    row.evidence = " ".join(posted.get(f"evidence-{row.key}", row.evidence).split())
    if len(row.evidence) > services.LONGEST_EVIDENCE:
        row.evidence_error = _("At most %(n)s characters, please; this has %(given)s.", n=services.LONGEST_EVIDENCE, given=len(row.evidence))
    try:
        row.amount = TOLD.read(row.text, by_person()) if row.text else None
    except FieldError as wrong:
        row.error = str(wrong)


def _kept(found: Grid, row: Row, posted: Mapping[str, str]) -> bool:
    """Save one line; whether there was something to save."""
    try:
        if row.value is None:
            if row.amount is None:
                return False
            services.create_value({"metric_id": found.metric.id, "on_day": found.on_day, "amount": row.amount, "owner_id": row.owner_id,
                                   "evidence": row.evidence})  # fmt: skip
            return True
        if row.amount is not None and services.is_value(row.value, row.amount) and row.evidence == row.value.evidence:
            return False
        check_version(row.value, whole(posted.get(f"version-{row.key}")))
        if row.amount is None:
            if not can(TOLD_ROWS.permission("delete")):
                raise BusinessError(_("You may correct this value, not take it away."))
            TOLD_ROWS.remove([row.value.id])
        elif not can(TOLD_ROWS.permission("edit")):
            raise BusinessError(_("You may not change what was told."))
        else:
            services.change_value(row.value, {"amount": row.amount, "evidence": row.evidence})
    except (BusinessError, Conflict) as wrong:
        row.error = wrong.message
        return False
    return True
