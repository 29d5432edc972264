"""Figures of activities: what was done with customers, what came of it, what is still to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import g
from sqlalchemy import (
    ColumnElement,
    Select,
    case,
    func,
    literal_column,
    select,
    union,
    union_all,
)
from sqlalchemy.orm import aliased

from app.core.i18n import _l
from app.core.metrics import Metric, MetricQuery
from app.modules.contacts.public import Account
from app.modules.crm.activities.models import (
    DONE,
    FOLLOW_UPS,
    TOUCHING,
    Activity,
    ActivityOutcome,
)
from app.modules.crm.metrics.activities import (
    ACCOUNT_SPLITS,
    COUNTED,
    PERSONAL,
    RAW,
    SPLITS,
    Activities,
    Columns,
    asked,
    done,
    in_months,
    late,
    of_some,
)
from app.modules.crm.metrics.facts import between, matches, named, unknown_filter
from app.modules.crm.metrics.kept import kept

_Own = aliased(Activity, name="own")
OWN_TOUCHING: ColumnElement[Any] = literal_column("(own.kind <> 'task')")  # `TOUCHING` of these


class _Accounts(Activities):
    """The accounts that activities were with."""

    def build(self, query: MetricQuery) -> Select:
        if set(query.by) == BY_MONTH and set(query.filters) <= OF_TOUCH and query.as_of is None and query.known_at is None:
            return self._by_month(query)
        if not set(query.by) <= OF_ACCOUNT or of_some(query):
            return self._different(query)
        # Whether there was one is a look into an index for each account; else all activities would be read.
        accounts, own = Account.__table__, self._own()
        theirs = self._chosen(query, own, PERSONAL, between(own["day"], query.start, query.end))
        theirs = theirs.where(Activity.account_id == accounts.c.id).correlate(accounts)
        keys = [accounts.c["id" if name == "account" else name].label(f"d_{name}") for name in query.by]
        found = select(*keys, func.count().label("value"), func.count().label("n")).select_from(accounts)
        found = found.where(accounts.c.company_id == g.company.id, theirs.exists())
        return found.group_by(*keys).execution_options(with_trash=True)

    def _by_month(self, query: MetricQuery) -> Select:
        """By person and month: in this order an index has the accounts, so that each comes once and nothing is sorted. What
        people took part in adds those with whom they did nothing themselves."""
        own = self._own()
        theirs = (matches(own[RAW[name]], wanted) for name, wanted in asked(query))
        found = select(Activity.id).where(Activity.state == DONE, TOUCHING, kept(Activity, query), *in_months(query, own), *theirs)
        shared, columns = self._shared(query, own)
        alone = _Own.done_by_id == columns["member"], _Own.done_month == columns["month"], _Own.account_id == columns["account"]
        during = between(_Own.done_on, query.start, query.end)
        shared = shared.where(~select(_Own.id).where(*alone, _Own.state == DONE, OWN_TOUCHING, kept(_Own, query), *during).exists())
        each = union_all(_different(found, own), _different(shared, columns)).subquery("each")
        keys = [each.c["member" if name == "owner" else name].label(f"d_{name}") for name in query.by]
        n = func.sum(each.c.n)
        return select(*keys, n.label("value"), n.label("n")).group_by(*named(keys)).execution_options(with_trash=True)

    def _different(self, query: MetricQuery) -> Select:
        """Each is one line by what it is split by, however often and by however many of them it was touched."""
        keys = {name if name == "quarter" else RAW[name]: name for name in query.by if name != "segment"} | {"account": "account"}
        legs = [
            found.with_only_columns(*(self._key(columns, name).label(raw) for raw, name in keys.items()))
            .where(columns["account"].is_not(None))
            for found, columns in filter(None, self._legs(query))
        ]  # fmt: skip
        once = (union(*legs) if len(legs) > 1 else legs[0].distinct()).subquery("once")
        split = [self._split(once, name).label(f"d_{name}") for name in query.by]
        found = select(*split, func.count().label("value"), func.count().label("n")).select_from(once).group_by(*named(split))
        return found.execution_options(with_trash=True)

    def _split(self, once: Any, name: str) -> ColumnElement:
        return once.c.quarter if name == "quarter" else self._key(once.c, name)

    def drill(self, query: MetricQuery) -> Select:
        return super().drill(query).with_only_columns(Activity.account_id).where(Activity.account_id.is_not(None)).distinct()


def _different(found: Select, columns: Columns) -> Select:
    """How many accounts are in each month of each person."""
    groups = (columns["month"], columns["member"])
    n = func.count(columns["account"].distinct())  # nothing else beside it, or SQLite does not see that they come in order
    return found.with_only_columns(groups[0].label("month"), groups[1].label("member"), n.label("n")).group_by(*groups)


def _count(of: Activities) -> dict[str, ColumnElement]:
    n = func.coalesce(func.sum(of.of_kinds(COUNTED["n"])), 0)
    return {"value": n, "n": n}


def _reached(of: Activities) -> dict[str, ColumnElement]:
    outcome, n = COUNTED["outcome"], of.of_kinds(COUNTED["n"])
    both_ways = outcome.in_(select(ActivityOutcome.id).where(ActivityOutcome.reached))
    return _shares(
        numerator=case((both_ways, n), else_=0), denominator=case((outcome.is_not(None), n), else_=0),
        unsaid=case((outcome.is_(None), n), else_=0),
    )  # fmt: skip


def _late(of: Activities) -> dict[str, ColumnElement]:
    return _shares(numerator=of.of_kinds(COUNTED["late"]), denominator=of.of_kinds(COUNTED["told"]))


def _shares(**numbers: ColumnElement) -> dict[str, ColumnElement]:
    sums: dict[str, ColumnElement] = {name: func.coalesce(func.sum(number), 0) for name, number in numbers.items()}
    return sums | {"n": sums["denominator"]}


class _Followed(Activities):
    """Follow-ups, what came of them and when they were told."""

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


OF_ACCOUNT = frozenset({"account", "segment"})
BY_MONTH = frozenset({"owner", "month"})
OF_TOUCH = frozenset({"owner", "account"})  # what the index that is in this order says of an activity


def _metric(name: str, label: Any, describe: Any, row: str, definition: Activities, **more: Any) -> Metric:
    splits, grain = more.pop("dimensions", SPLITS), more.pop("grain", "activity")
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
        facts=definition if grain == "activity" and definition.done else None,
        permission=more.pop("permission", "crm.activity.view"),
        resource=resource,
        newest="done_on" if resource == "crm.activity" and definition.done else "",
        grain=grain,
        dimensions=splits,
        additive=frozenset(splits) - overlapping if more.get("shape", "sum") == "sum" else frozenset(),
        parted=frozenset(splits) - overlapping if grain == "activity" else frozenset(),
        **more,
    )


_REACHED = _Followed(kinds=FOLLOW_UPS, raw=("outcome",), parts=_reached)
_LATE = _Followed(kinds=FOLLOW_UPS, sums=late, parts=_late)
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
        Activities(kinds=FOLLOW_UPS, parts=_count),
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
        Activities(done=False, overdue=True, parts=_count),
        **{**_TO_DO, "direction": "down"},
    ),
    _metric(
        "effective_contact_rate",
        _l("Effective contacts (period)"),
        _l("Of the calls, e-mails, visits and meetings done in the period whose outcome is known, the share that reached "
           "somebody."),
        "m45",
        _REACHED,
        unit="ratio",
        shape="ratio",
        drill=_REACHED.drill_said,
    ),
    _metric(
        "late_record_rate",
        _l("Recorded late (period)"),
        _l("Of the calls, e-mails, visits and meetings done in the period and not imported, the share that was recorded later "
           "than the settings allow after it was done."),
        "R16",
        _LATE,
        unit="ratio",
        shape="ratio",
        direction="down",
        drill=_LATE.drill_told,
    ),
    _metric(
        "accounts_touched",
        _l("Accounts touched"),
        _l("Different accounts with a call, an e-mail, a visit or a meeting in the period."),
        "m44",
        _Accounts(kinds=FOLLOW_UPS, parts=_count),
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
