"""Which activities a figure counts, and by what: those done in a period, or still to be done."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, NamedTuple

from flask import g
from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    and_,
    case,
    false,
    func,
    literal_column,
    not_,
    null,
    or_,
    select,
    union_all,
)

from app.core.clock import local_date
from app.core.db import utcnow
from app.core.metrics import MetricQuery, moment
from app.core.sql_dates import month_key, quarter_of
from app.core.sql_plans import not_sought
from app.modules.crm.activities.models import (
    CANCELLED,
    DONE,
    KINDS,
    PLANNED,
    Activity,
    ActivityMember,
)
from app.modules.crm.activities.times import month_of
from app.modules.crm.metrics.facts import between, matches, named, segment_of, unknown_filter
from app.modules.crm.metrics.kept import kept, thrown
from app.modules.crm.settings.queries import settings

# What a split needs of the rows, which are counted by these first: a million rows make few groups.
RAW = {
    "owner": "member", "team": "team", "kind": "kind", "type": "type", "outcome": "outcome", "account": "account",
    "segment": "account", "month": "month", "quarter": "month",
}
SPLITS = tuple(RAW)
IN_ORDER = ("month", "member", "kind", "outcome", "type", "team")  # as the index of what was done is sorted
ACCOUNT_SPLITS = ("owner", "account", "segment")
PERSONAL = ("owner", "team")  # an activity counts for everybody who took part
Columns = Mapping[str, Any]
# What activities were counted by, and how many there were, as the statement around the counting sees it.
COUNTED: Columns = {
    name: literal_column(f"counted.{name}", String if name == "kind" else Integer)
    for name in (*dict.fromkeys(RAW.values()), "n", "told", "late", "again")
}


# What those who took part repeat of what was done, by the same names; and who did it.
_THEIRS: Columns = {
    "id": ActivityMember.activity_id, "member": ActivityMember.member_id, "team": ActivityMember.team_id, "kind": ActivityMember.kind,
    "type": ActivityMember.type_id, "outcome": ActivityMember.outcome_id, "account": ActivityMember.account_id,
    "month": ActivityMember.done_month, "day": ActivityMember.done_on, "waited": ActivityMember.told_after,
    "doer": ActivityMember.done_by_id, "doers_team": ActivityMember.done_team_id,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Activities:
    """Activities of some kinds: done in a period, or still to be done; counted once for each who took part, once in all."""

    kinds: tuple[str, ...] = KINDS
    done: bool = True
    overdue: bool = False  # of those still to do, the ones that were due before today
    raw: tuple[str, ...] = ()  # what `parts` needs beside the keys
    sums: Callable[[Columns], Mapping[str, ColumnElement]] = lambda _columns: {}  # and of the rows, beside `n`
    parts: Callable[[Activities], Mapping[str, ColumnElement]]
    by_record = False  # an activity is several of the rows

    def build(self, query: MetricQuery) -> Select:
        groups = [*self.keys(query), *self.groups_of(query)]
        parts = replace(self, kinds=KINDS).parts_of(query)  # no others were counted
        return self.selected(query, *groups, *parts).group_by(*named(groups))

    def rows_key(self, _query: MetricQuery) -> Any:
        return (Activities, self.done, self.overdue)

    def beside(self, others: Sequence[Activities]) -> Activities:
        """Of all kinds, whichever each counts. A sum that nobody asks for would be taken of a million rows."""
        raw = dict.fromkeys(["kind", *(name for other in others for name in other.raw)])
        return replace(
            self, kinds=KINDS, raw=tuple(raw),
            sums=lambda columns: {name: c for other in others for name, c in other.sums(columns).items()},
        )  # fmt: skip

    def rows(self, query: MetricQuery) -> Select:
        return self.selected(query, COUNTED["n"])

    def keys(self, query: MetricQuery) -> Sequence[ColumnElement]:
        return [self._key(COUNTED, name).label(f"d_{name}") for name in query.by]

    def groups_of(self, query: MetricQuery) -> Sequence[ColumnElement]:
        """Whether rows may be with others as well: theirs who took part, unless only some people's are asked for."""
        return [COUNTED["again"].label("again")] if _by_person(query) and not of_some(query) else []

    def parts_of(self, _query: MetricQuery) -> Sequence[ColumnElement]:
        return [column.label(name) for name, column in self.parts(self).items()]

    def of_kinds(self, number: ColumnElement) -> ColumnElement:
        """A number of counted rows, where these are of the kinds that count."""
        return number if self.kinds == KINDS else case((COUNTED["kind"].not_in(self._others), number), else_=0)

    @property
    def _others(self) -> list[str]:
        """The kinds that do not count: there are fewer of these."""
        return [kind for kind in KINDS if kind not in self.kinds]

    def selected(self, query: MetricQuery, *columns: ColumnElement) -> Select:
        counted = self._counted(query, self._raw(query)).subquery("counted")
        found = select(counted.c.n).select_from(counted).with_only_columns(*columns)
        return found.execution_options(with_trash=True)

    def drill(self, query: MetricQuery) -> Select:
        """By month and by day: as rows they are sorted by day, as numbers they are in the index of the months."""
        own = self._own()
        days = between(own["day"], query.start, query.end)
        months = in_months(query, own) if self.done else []
        return self._chosen(query, own, PERSONAL, [*days, *months])

    def _raw(self, query: MetricQuery) -> list[str]:
        """What rows are counted by first. What the index of done activities begins with is read in its order, unsorted;
        else the kind comes first: no index is in its order, so that SQLite takes the one that finds the rows, not the one
        that sorts those of all times by person or account."""
        wanted = list(dict.fromkeys([*(RAW[name] for name in query.by), *self.raw]))
        if self.done and set(wanted) <= set(IN_ORDER):
            return list(IN_ORDER[: max((IN_ORDER.index(name) for name in wanted), default=0) + 1])
        return list(dict.fromkeys(["kind", *wanted]))

    def _counted(self, query: MetricQuery, raw: Sequence[str]) -> Any:
        """How many activities by what they are split by: those who did them, and, split by person, those who took part.

        `again` are they with the latter, unless only some people's are asked for: they may be missing with the former.
        """
        (found, own), second = self._legs(query)
        if second is None:
            return together(self._alone(query, found, own, raw))
        shared, theirs = second
        if not of_some(query):
            own, theirs = {**own, "again": literal_column("0", Integer)}, {**theirs, "again": literal_column("1", Integer)}
        counted = self._alone(query, found, own, raw)
        if "owner" in query.by:
            shared = shared.where(theirs["member"].is_distinct_from(theirs["doer"]))
            return union_all(*counted, self._grouped(shared, theirs, raw))
        # A team counts it once, however many of them took part.
        same = theirs["team"].is_not_distinct_from(theirs["doers_team"])
        shared = shared.where(not_(and_(same, *self._counted_for_who_did_it(query, theirs))))
        needed = list(dict.fromkeys([*raw, "waited"]))
        theirs = {**theirs, "member": theirs["doer"]}  # who of them took part tells no lines apart
        once = shared.with_only_columns(theirs["id"], *(theirs[name].label(name) for name in needed)).distinct().subquery()
        kept_apart = {name: theirs[name] for name in theirs.keys() & {"again"}}
        return union_all(*counted, self._grouped(select(once), {name: once.c[name] for name in needed} | kept_apart, raw))

    def _alone(self, query: MetricQuery, found: Select, own: Columns, raw: Sequence[str]) -> list[Select]:
        """Counts of those `found` for who did them.

        Which of them lie in the trash only their ids tell. So whole months are counted with these, from an index that has
        nothing but what they are counted by; then these are taken off.
        """
        months = months_within(query.start, query.end)
        if months is None or not self._in_months_alone(query, raw):
            return [self._grouped(found, own, raw)]
        whole = [own["month"] >= months.first, own["month"] <= months.last]
        every = self._chosen(query, own, (), whole, trashed=True)
        rest = [self._chosen(query, own, (), [own["month"] == month_of(first), *between(own["day"], first, last)]) for first, last in months.around]
        counts = [self._grouped(each, own, raw) for each in (every, *rest)]
        return [*counts, self._grouped(thrown(every, Activity), own, raw, off=True)]

    def _in_months_alone(self, query: MetricQuery, raw: Sequence[str]) -> bool:
        """Whether the index of the months has all that is asked for: nothing of the past, of accounts, or of who took part."""
        if not self.done or query.as_of or query.known_at or (of_some(query) and not _by_person(query)):
            return False
        return {*raw, *(RAW.get(name, name) for name in query.filters)} <= set(IN_ORDER)

    def _legs(self, query: MetricQuery) -> tuple[tuple[Select, Columns], tuple[Select, Columns] | None]:
        """The activities with those who did them and, split by person, with those who took part; and their columns."""
        own, personal = self._own(), _by_person(query)
        first = self._chosen(query, own, () if personal else PERSONAL, self._during(query, own))
        return (first, own), self._shared(query, own) if personal else None

    def _shared(self, query: MetricQuery, own: Columns) -> tuple[Select, Columns]:
        """Activities with those who took part, who repeat what is said of them today; what was done in the past is found by them."""
        if self.done and not (query.as_of or query.known_at or query.visible_rows):
            criteria = [ActivityMember.done_month.is_not(None), kept(Activity, query, ActivityMember.activity_id), *in_months(query, _THEIRS)]
            found = select(ActivityMember.activity_id).where(*criteria, *self._narrowed(query, _THEIRS, ()))
            return found.execution_options(with_trash=True), _THEIRS
        there = {name: not_sought(column) for name, column in own.items()} if self.done else own
        theirs = {**there, "id": Activity.id, "member": ActivityMember.member_id, "team": ActivityMember.team_id,
                  "doer": own["member"], "doers_team": own["team"]}
        when = self._during(query, theirs)
        if self.done:
            when += between_months(query, ActivityMember.done_month)
        found = self._chosen(query, theirs, (), when)
        return found.join(ActivityMember, ActivityMember.activity_id == Activity.id), theirs

    def _grouped(self, found: Select, columns: Columns, raw: Sequence[str], *, off: bool = False) -> Select:
        """How many there are by what they are split by, and their sums; to be taken `off` others, as numbers below zero."""
        groups = [columns[name].label(name) for name in (*raw, *(["again"] if "again" in columns else []))]
        sums = {"n": func.count(), **self.sums(columns)}
        numbers = [(-column if off else column).label(name) for name, column in sums.items()]
        return found.with_only_columns(*groups, *numbers).group_by(*(columns[name] for name in raw))

    def _own(self) -> dict[str, Any]:
        return {
            "member": Activity.done_by_id if self.done else Activity.owner_id,
            "team": Activity.team_id if self.done else null(),
            "kind": Activity.kind,
            "type": Activity.type_id,
            "outcome": Activity.outcome_id,
            "account": Activity.account_id,
            "month": Activity.done_month if self.done else month_key(Activity.due_on),
            "day": Activity.done_on if self.done else Activity.due_on,
            "waited": Activity.told_after,
            "state": Activity.state,
        }

    def _during(self, query: MetricQuery, columns: Columns) -> list[ColumnElement[bool]]:
        return in_months(query, columns) if self.done else between(columns["day"], query.start, query.end)

    def _chosen(
        self, query: MetricQuery, columns: Columns, once: Sequence[str], when: Iterable[ColumnElement[bool]], *, trashed: bool = False
    ) -> Select:
        """Activities that count; of the splits `once`, people are asked for by anybody who took part. With `trashed`, those
        in the trash are among them."""
        criteria: list[ColumnElement[bool]] = [columns["state"] == DONE]
        if not trashed:
            criteria = done(query, columns["state"]) if self.done else planned(query)
        if self.overdue:
            criteria.append(Activity.due_on < local_date(moment(query)))
        criteria += [*when, *self._narrowed(query, columns, once)]
        return select(Activity.id).where(*criteria).execution_options(with_trash=True)

    def _narrowed(self, query: MetricQuery, columns: Columns, once: Sequence[str]) -> list[ColumnElement[bool]]:
        """Criteria of the kinds that count, and of what is asked for."""
        criteria = [columns["kind"].not_in(self._others)] if self._others else []
        for name, wanted in asked(query):
            if name not in SPLITS:
                raise unknown_filter(name, SPLITS)
            if name in once:
                criteria.append(self._took_part(query, columns[RAW[name]], RAW[name], wanted))
            else:
                criteria.append(matches(self._key(columns, name), wanted))
        return criteria

    def _counted_for_who_did_it(self, query: MetricQuery, theirs: Columns) -> list[ColumnElement[bool]]:
        """Criteria of activities that count for who did them already, where some people's are asked for."""
        who = {"owner": theirs["doer"], "team": theirs["doers_team"]}
        whose = [matches(who[name], wanted) for name, wanted in asked(query) if name in PERSONAL]
        return [func.coalesce(criterion, false()) for criterion in whose]

    def _took_part(self, query: MetricQuery, own: Any, name: str, wanted: Any) -> ColumnElement[bool]:
        """Theirs, or with them. Which those are is looked up once, and not for each of all the others' activities."""
        theirs = ActivityMember.member_id if name == "member" else ActivityMember.team_id
        shared = select(ActivityMember.activity_id).where(matches(theirs, wanted))
        if self.done:
            shared = shared.where(*between_months(query, ActivityMember.done_month))
        return or_(matches(own, wanted), Activity.id.in_(shared))

    def _key(self, columns: Any, name: str) -> ColumnElement:
        """A key of activities, or of what they were counted by."""
        column: ColumnElement = columns[RAW[name]]
        if name == "quarter":
            return quarter_of(column, g.company.fiscal_year_start)
        return segment_of(column) if name == "segment" else column


def between_months(query: MetricQuery, month: Any) -> list[ColumnElement[bool]]:
    """Criteria of the months in which a period lies."""
    first, last = query.start, query.end
    return [*([month >= month_of(first)] if first else []), *([month <= month_of(last)] if last else [])]


def in_months(query: MetricQuery, columns: Columns) -> list[ColumnElement[bool]]:
    """Criteria of a period: its months, and days only where it does not begin or end with one of these."""
    first, last = query.start, query.end
    begins = first if first and first.day > 1 else None
    ends = last if last and last < ends_month(last) else None
    return [*between_months(query, columns["month"]), *between(columns["day"], begins, ends)]


def together(counts: Sequence[Select]) -> Any:
    """Several counts as one."""
    return union_all(*counts) if len(counts) > 1 else counts[0]


class Months(NamedTuple):
    """Whole months, the keys of the first and of the last one; and the days of a period before and after them."""

    first: int
    last: int
    around: Sequence[tuple[date, date]]


def months_within(first: date | None, last: date | None) -> Months | None:
    """The whole months of a period; None where it has none, or no bounds."""
    if first is None or last is None:
        return None
    begins, ends = first.day == 1, last == ends_month(last)
    months = month_of(first) + (not begins), month_of(last) - (not ends)
    if months[0] > months[1]:
        return None
    around = [*([] if begins else [(first, ends_month(first))]), *([] if ends else [(last.replace(day=1), last)])]
    return Months(*months, around)


def ends_month(day: date) -> date:
    """The last day of its month."""
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def asked(query: MetricQuery) -> list[tuple[str, Any]]:
    """The filters of a query; whose figures are asked for is one by owner."""
    return [*query.filters.items(), *([("owner", sorted(query.scope))] if query.scope is not None else [])]


def _by_person(query: MetricQuery) -> bool:
    return any(name in PERSONAL for name in query.by)


def late(columns: Columns) -> dict[str, ColumnElement]:
    """Of how many rows it is known when they were told, and how many of those later than the settings allow."""
    waited = columns["waited"]
    return {"told": func.count(waited), "late": func.sum(case((waited > settings().late_hours, 1), else_=0))}


def of_some(query: MetricQuery) -> bool:
    """Whether only what some people did is asked for."""
    return any(name in PERSONAL for name, _wanted in asked(query))


def done(query: MetricQuery, state: Any = Activity.state) -> list[ColumnElement[bool]]:
    """Criteria of activities that had been done at the moment asked for, as far as was known."""
    found: list[ColumnElement[bool]] = [state == DONE, kept(Activity, query)]
    if query.as_of or query.known_at:
        known = query.known_at or utcnow()
        found += [Activity.done_at <= min(query.as_of or known, known), Activity.recorded_at <= known]
    return found


def planned(query: MetricQuery) -> list[ColumnElement[bool]]:
    """Criteria of activities that were still to be done. What became of them later is known; earlier plans are not."""
    if query.as_of is None and query.known_at is None:
        return [Activity.state == PLANNED, kept(Activity, query)]
    known = query.known_at or utcnow()
    valid = min(query.as_of or known, known)
    later = and_(Activity.state == DONE, or_(Activity.done_at > valid, Activity.recorded_at > known))
    called_off = and_(Activity.state == CANCELLED, Activity.recorded_at > valid)
    return [Activity.created_at <= valid, or_(Activity.state == PLANNED, later, called_off), kept(Activity, query)]
