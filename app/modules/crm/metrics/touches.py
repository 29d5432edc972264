"""Figures of activities: what was done with customers, what came of it, what is still to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import g
from sqlalchemy import ColumnElement, Select, case, func, select, union

from app.core.i18n import _l
from app.core.metrics import Metric, MetricQuery
from app.modules.contacts.public import Account
from app.modules.crm.activities.models import FOLLOW_UPS, Activity, ActivityOutcome
from app.modules.crm.metrics.activities import (
    ACCOUNT_SPLITS,
    PERSONAL,
    RAW,
    SPLITS,
    Activities,
    done,
    of_some,
)
from app.modules.crm.metrics.facts import between, matches, named, unknown_filter
from app.modules.crm.metrics.kept import kept
from app.modules.crm.settings.queries import settings


class _Accounts(Activities):
    """The accounts that activities were with."""

    def build(self, query: MetricQuery) -> Select:
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

    def _different(self, query: MetricQuery) -> Select:
        """Each is one line by what it is split by, however often and by however many of them it was touched."""
        keys = {name if name == "quarter" else RAW[name]: name for name in query.by if name != "segment"} | {"account": "account"}
        legs = [
            found.with_only_columns(*(self._key(columns, name).label(raw) for raw, name in keys.items()))
            .where(Activity.account_id.is_not(None))
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


OF_ACCOUNT = frozenset({"account", "segment"})


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
        permission=more.pop("permission", "crm.activity.view"),
        resource=resource,
        newest="done_on" if resource == "crm.activity" and definition.done else "",
        grain=grain,
        dimensions=splits,
        additive=frozenset(splits) - overlapping if more.get("shape", "sum") == "sum" else frozenset(),
        parted=frozenset(splits) - overlapping if grain == "activity" else frozenset(),
        **more,
    )


_AGAIN = {"again": "again"}
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
        columns={"value": "done", "n": "done", **_AGAIN},
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
        columns={"numerator": "reached", "denominator": "said", "n": "said", "unsaid": "unsaid", **_AGAIN},
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
        columns={"numerator": "late", "denominator": "told", "n": "told", **_AGAIN},
        drill=_FOLLOWED.drill_told,
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
