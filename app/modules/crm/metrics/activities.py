"""Figures of activities: what was done with customers, what came of it, what is still to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import g
from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    exists,
    false,
    func,
    not_,
    null,
    or_,
    select,
    union,
    union_all,
)

from app.core.clock import local_date
from app.core.db import utcnow
from app.core.i18n import _l
from app.core.metrics import Metric, MetricQuery, moment
from app.modules.contacts.public import Account
from app.modules.crm.activities.models import (
    CANCELLED,
    DONE,
    FOLLOW_UPS,
    KINDS,
    PLANNED,
    Activity,
    ActivityMember,
    ActivityOutcome,
)
from app.modules.crm.metrics.facts import between, matches, named, segment_of, time_key, unknown_filter
from app.modules.crm.metrics.kept import kept
from app.modules.crm.settings.queries import settings

# What a split needs of the rows, which are counted by these first: a million rows make few groups.
RAW = {
    "owner": "member", "team": "team", "kind": "kind", "type": "type", "outcome": "outcome", "account": "account",
    "segment": "account", "month": "day", "quarter": "day",
}
SPLITS = tuple(RAW)
TIMES = ("month", "quarter")
IN_ORDER = ("day", "kind", "outcome")  # as the index of what was done is sorted
PERSONAL = ("owner", "team")  # an activity counts for everybody who took part


@dataclass(frozen=True, kw_only=True)
class Activities:
    """Activities of some kinds: done in a period, or still to be done; counted once for each who took part, once in all."""

    kinds: tuple[str, ...] = KINDS
    done: bool = True
    late: bool = False  # of those still to do, the ones that were due before today
    raw: tuple[str, ...] = ()  # what `parts` needs beside the keys
    sums: Callable[[Mapping[str, Any]], Mapping[str, ColumnElement]] = lambda _columns: {}  # and of the rows, beside `n`
    parts: Callable[[Any], tuple[ColumnElement, ...]]

    def build(self, query: MetricQuery) -> Select:
        counted = self._counted(query, self._raw(query)).subquery("counted")
        keys = [self._key(counted, name).label(f"d_{name}") for name in query.by]
        return select(*keys, *self.parts(counted)).group_by(*named(keys)).execution_options(with_trash=True)

    def drill(self, query: MetricQuery) -> Select:
        return self._chosen(query, self._own(), PERSONAL).with_only_columns(Activity.id)

    def _raw(self, query: MetricQuery) -> list[str]:
        """What rows are counted by first. What the index of done activities begins with is read in its order, unsorted;
        else the kind comes first: no index is in its order, so that SQLite takes the one that finds the rows, not the one
        that sorts those of all times by person or account."""
        wanted = list(dict.fromkeys([*(RAW[name] for name in query.by), *self.raw]))
        if self.done and set(wanted) <= set(IN_ORDER):
            return list(IN_ORDER[: max((IN_ORDER.index(name) for name in wanted), default=1) + 1])
        # Not by the day where it is sorted: there are thirty times as many.
        wanted = [*(name if name in TIMES else RAW[name] for name in query.by), *self.raw]
        return list(dict.fromkeys(["kind", *wanted]))

    def _counted(self, query: MetricQuery, raw: Sequence[str]) -> Any:
        """How many activities by what they are split by: those who did them, and, split by person, those who took part."""
        personal = any(name in query.by for name in PERSONAL)
        own = self._own()
        first = self._grouped(self._chosen(query, own, () if personal else PERSONAL, own), own, raw)
        if not personal:
            return first
        theirs = {**own, "member": ActivityMember.member_id, "team": ActivityMember.team_id}
        second = self._shared(query, own, theirs)
        if "owner" in query.by:
            second = second.where(ActivityMember.member_id.is_distinct_from(own["member"]))
            return union_all(first, self._grouped(second, theirs, raw))
        # A team counts it once, however many of them took part.
        same = ActivityMember.team_id.is_not_distinct_from(own["team"])
        second = second.where(not_(and_(same, *self._counted_for_who_did_it(query, own))))
        needed = list(dict.fromkeys([*raw, "waited"]))
        once = second.with_only_columns(Activity.id, *(theirs[name].label(name) for name in needed)).distinct().subquery()
        return union_all(first, self._grouped(select(once.c.id), {name: once.c[name] for name in needed}, raw))

    def _shared(self, query: MetricQuery, own: dict[str, Any], theirs: dict[str, Any]) -> Select:
        """Activities with those who took part."""
        return self._chosen(query, own, (), theirs).join(ActivityMember, ActivityMember.activity_id == Activity.id)

    def _grouped(self, found: Select, columns: dict[str, Any], raw: Sequence[str]) -> Select:
        groups = [columns[name].label(name) for name in raw]
        sums = [column.label(name) for name, column in self.sums(columns).items()]
        return found.with_only_columns(*groups, func.count().label("n"), *sums).group_by(*(columns[name] for name in raw))

    def _own(self) -> dict[str, Any]:
        return {
            "member": Activity.done_by_id if self.done else Activity.owner_id,
            "team": Activity.team_id if self.done else null(),
            "kind": Activity.kind,
            "type": Activity.type_id,
            "outcome": Activity.outcome_id,
            "account": Activity.account_id,
            "day": Activity.done_on if self.done else Activity.due_on,
            "waited": Activity.told_after,
        } | {name: time_key(name, Activity.done_on if self.done else Activity.due_on) for name in TIMES}

    def _chosen(
        self, query: MetricQuery, own: dict[str, Any], once: Sequence[str], columns: dict[str, Any] | None = None
    ) -> Select:
        """Activities that count; of the splits `once`, people are asked for by anybody who took part."""
        columns = columns or own
        criteria = done(query) if self.done else planned(query)
        if self.late:
            criteria.append(Activity.due_on < local_date(moment(query)))
        if len(self.kinds) < len(KINDS):
            criteria.append(Activity.kind.in_(self.kinds))
        criteria += between(own["day"], query.start, query.end)
        for name, wanted in _asked(query):
            if name not in SPLITS:
                raise unknown_filter(name, SPLITS)
            if name in once:
                criteria.append(self._took_part(own[RAW[name]], RAW[name], wanted))
            else:
                criteria.append(matches(self._filter_key(columns, name), wanted))
        return select(Activity.id).where(*criteria).execution_options(with_trash=True)

    def _counted_for_who_did_it(self, query: MetricQuery, own: dict[str, Any]) -> list[ColumnElement[bool]]:
        """Criteria of activities that count for who did them already, where some people's are asked for."""
        asked = [matches(own[RAW[name]], wanted) for name, wanted in _asked(query) if name in PERSONAL]
        return [func.coalesce(criterion, false()) for criterion in asked]

    def _took_part(self, own: Any, name: str, wanted: Any) -> ColumnElement[bool]:
        theirs = ActivityMember.member_id if name == "member" else ActivityMember.team_id
        others = exists().where(ActivityMember.activity_id == Activity.id, matches(theirs, wanted))
        return or_(matches(own, wanted), others.correlate(Activity))

    def _filter_key(self, columns: dict[str, Any], name: str) -> ColumnElement:
        if name in TIMES:
            return columns[name]
        return segment_of(columns["account"]) if name == "segment" else columns[RAW[name]]

    def _key(self, counted: Any, name: str) -> ColumnElement:
        if name in TIMES:
            return counted.c[name] if name in counted.c else time_key(name, counted.c.day)
        return segment_of(counted.c.account) if name == "segment" else counted.c[RAW[name]]


class _Accounts(Activities):
    """The accounts that activities were with."""

    def build(self, query: MetricQuery) -> Select:
        if not set(query.by) <= OF_ACCOUNT:
            return self._by_person(query) if set(query.by) <= OF_WHOM else super().build(query)
        # Whether there was one is a look into an index for each account; else all activities would be read.
        accounts = Account.__table__
        theirs = self._chosen(query, self._own(), PERSONAL).where(Activity.account_id == accounts.c.id).correlate(accounts)
        keys = [accounts.c["id" if name == "account" else name].label(f"d_{name}") for name in query.by]
        found = select(*keys, func.count().label("value"), func.count().label("n")).select_from(accounts)
        found = found.where(accounts.c.company_id == g.company.id, theirs.exists())
        return found.group_by(*keys).execution_options(with_trash=True)

    def _by_person(self, query: MetricQuery) -> Select:
        """Whoever did it or took part has touched the account, however often."""
        own, raw = self._own(), list(dict.fromkeys([*(RAW[name] for name in query.by), "account"]))
        theirs = {**own, "member": ActivityMember.member_id, "team": ActivityMember.team_id}
        first = self._chosen(query, own, (), own)
        second = self._shared(query, own, theirs)
        some = union(*(
            found.with_only_columns(*(columns[name].label(name) for name in raw)).where(own["account"].is_not(None)).distinct()
            for found, columns in ((first, own), (second, theirs))
        )).subquery("some")  # fmt: skip
        keys = [self._key(some, name).label(f"d_{name}") for name in query.by]
        # An account is one line for each person; a segment counts it once, whoever it was.
        accounts = func.count(some.c.account.distinct())
        found = select(*keys, accounts.label("value"), accounts.label("n")).group_by(*named(keys))
        return found.execution_options(with_trash=True)

    def drill(self, query: MetricQuery) -> Select:
        return super().drill(query).with_only_columns(Activity.account_id).where(Activity.account_id.is_not(None)).distinct()


def _asked(query: MetricQuery) -> list[tuple[str, Any]]:
    """The filters of a query; whose figures are asked for is one by owner."""
    return [*query.filters.items(), *([("owner", sorted(query.scope))] if query.scope is not None else [])]


def done(query: MetricQuery) -> list[ColumnElement[bool]]:
    """Criteria of activities that had been done at the moment asked for, as far as was known."""
    found: list[ColumnElement[bool]] = [Activity.state == DONE, kept(Activity, query)]
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


def _count(counted: Any) -> tuple[ColumnElement, ...]:
    return (func.sum(counted.c.n).label("value"), func.coalesce(func.sum(counted.c.n), 0).label("n"))


def _late(columns: Mapping[str, Any]) -> dict[str, ColumnElement]:
    """Of how many rows it is known when they were told, and how many of those later than the settings allow."""
    waited = columns["waited"]
    return {"told": func.count(waited), "late": func.sum(case((waited > settings().late_hours, 1), else_=0))}


def _followed(counted: Any) -> tuple[ColumnElement, ...]:
    both_ways = select(ActivityOutcome.id).where(ActivityOutcome.reached)
    shares = {
        "reached": case((counted.c.outcome.in_(both_ways), counted.c.n), else_=0),
        "said": case((counted.c.outcome.is_not(None), counted.c.n), else_=0),
        "unsaid": case((counted.c.outcome.is_(None), counted.c.n), else_=0),
    }
    sums = {"done": counted.c.n, **shares, "told": counted.c.told, "late": counted.c.late}
    return tuple(func.coalesce(func.sum(each), 0).label(name) for name, each in sums.items())


def _different(counted: Any) -> tuple[ColumnElement, ...]:
    accounts = func.count(counted.c.account.distinct())
    return (accounts.label("value"), accounts.label("n"))


class _Followed(Activities):
    """Follow-ups, what came of them and when they were told: three figures of one select."""

    def drill_said(self, query: MetricQuery) -> Select:
        """Those of which it is known what came of them."""
        return self.drill(query).where(Activity.outcome_id.is_not(None))

    def drill_told(self, query: MetricQuery) -> Select:
        """Those of which it is known when they were told."""
        return self.drill(query).where(Activity.told_after.is_not(None))


@dataclass(frozen=True, kw_only=True)
class _Reach:
    """Target accounts; those are reached with whom there was a contact both ways in the period."""

    def build(self, query: MetricQuery) -> Select:
        keys = [self._key(name).label(f"d_{name}") for name in query.by]
        both_ways = select(ActivityOutcome.id).where(ActivityOutcome.reached)
        contacts = select(Activity.id).where(
            Activity.account_id == Account.id, *done(query), Activity.kind.in_(FOLLOW_UPS), Activity.outcome_id.in_(both_ways),
            *between(Activity.done_on, query.start, query.end),
        )
        reached = func.sum(case((contacts.correlate(Account).exists(), 1), else_=0))
        parts = (reached.label("numerator"), func.count().label("denominator"), func.count().label("n"))
        return self._chosen(query).with_only_columns(*keys, *parts).group_by(*keys)

    def drill(self, query: MetricQuery) -> Select:
        return self._chosen(query).with_only_columns(Account.id)

    def _chosen(self, query: MetricQuery) -> Select:
        found = select(Account.id).where(Account.target, kept(Account, query)).execution_options(with_trash=True)
        if query.scope is not None:
            found = found.where(Account.owner_id.in_(sorted(query.scope)))
        for name, wanted in query.filters.items():
            if name not in ACCOUNT_SPLITS:
                raise unknown_filter(name, ACCOUNT_SPLITS)
            found = found.where(matches(self._key(name), wanted))
        return found

    def _key(self, name: str) -> Any:
        return {"owner": Account.owner_id, "account": Account.id, "segment": Account.segment}[name]


ACCOUNT_SPLITS = ("owner", "account", "segment")
OF_WHOM = frozenset({"owner", "team", "account", "segment"})
OF_ACCOUNT = frozenset({"account", "segment"})


def _metric(name: str, label: Any, describe: Any, row: str, definition: Activities, **more: Any) -> Metric:
    splits = more.pop("dimensions", SPLITS)
    overlapping = more.pop("overlapping", frozenset(PERSONAL))
    resource = more.pop("resource", "crm.activity")
    return Metric(
        id=f"crm.{name}",
        label=label,
        describe=describe,
        row=row,
        unit=more.pop("unit", "count"),
        build=definition.build,
        drill=more.pop("drill", definition.drill),
        permission=more.pop("permission", "crm.activity.view"),
        resource=resource,
        newest="done_on" if resource == "crm.activity" and definition.done else "",
        grain=more.pop("grain", "activity"),
        dimensions=splits,
        additive=frozenset(splits) - overlapping if more.get("shape", "sum") == "sum" else frozenset(),
        parted=frozenset(splits) - overlapping if more.get("columns") else frozenset(),
        **more,
    )


_FOLLOWED = _Followed(kinds=FOLLOW_UPS, raw=("outcome",), sums=_late, parts=_followed)
_TO_DO: dict[str, Any] = {
    "basis": "snapshot", "direction": "none", "dimensions": tuple(n for n in SPLITS if n not in ("team", "outcome")),
}
METRICS = (
    _metric(
        "activities_done",
        _l("Activities done"),
        _l("Activities of all kinds, by the day they were done and who did them; by person, everybody who took part counts."),
        "m44",
        Activities(parts=_count),
    ),
    _metric(
        "follow_ups",
        _l("Follow-ups"),
        _l("Calls, e-mails, visits and meetings done, by the day they were done and who did them; by person, everybody who "
           "took part counts."),
        "m44",
        _FOLLOWED,
        columns={"value": "done", "n": "done"},
    ),
    _metric(
        "activities_planned",
        _l("Activities planned"),
        _l("Activities still to be done at the moment asked for; with a period, those due in it."),
        "m44",
        Activities(done=False, parts=_count),
        **_TO_DO,
    ),
    _metric(
        "activities_overdue",
        _l("Activities overdue"),
        _l("Activities still to be done that were due before the day asked for."),
        "m44",
        Activities(done=False, late=True, parts=_count),
        **{**_TO_DO, "direction": "down"},
    ),
    _metric(
        "effective_contact_rate",
        _l("Effective contacts (period)"),
        _l("Of the calls, e-mails, visits and meetings done in the period whose outcome is known, the share that reached "
           "somebody."),
        "m45",
        _FOLLOWED,
        unit="ratio",
        shape="ratio",
        columns={"numerator": "reached", "denominator": "said", "n": "said", "unsaid": "unsaid"},
        drill=_FOLLOWED.drill_said,
    ),
    _metric(
        "late_record_rate",
        _l("Recorded late (period)"),
        _l("Of the calls, e-mails, visits and meetings done in the period and not imported, the share that was recorded later "
           "than the settings allow after it was done."),
        "R16",
        _FOLLOWED,
        unit="ratio",
        shape="ratio",
        direction="down",
        columns={"numerator": "late", "denominator": "told", "n": "told"},
        drill=_FOLLOWED.drill_told,
    ),
    _metric(
        "accounts_touched",
        _l("Accounts touched"),
        _l("Different accounts with a call, an e-mail, a visit or a meeting in the period."),
        "m44",
        _Accounts(kinds=FOLLOW_UPS, raw=("account",), parts=_different),
        resource="contacts.account",
        grain="account",
        dimensions=tuple(name for name in SPLITS if name != "outcome"),
        overlapping=frozenset(SPLITS) - {"account", "segment"},
    ),
    _metric(
        "target_account_reach",
        _l("Target accounts reached (period)"),
        _l("Of the target accounts of today, the share with a contact both ways in the period."),
        "m46",
        _Reach(),  # type: ignore[arg-type]  # builds and drills alike
        unit="ratio",
        shape="ratio",
        resource="contacts.account",
        grain="account",
        dimensions=ACCOUNT_SPLITS,
    ),
)
