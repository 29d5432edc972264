"""Figures of care: which open deals have what a pipeline needs to be believed, and how soon a new deal is answered."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    exists,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    true,
    union_all,
)

from app.core.clock import local_date
from app.core.db import UtcDateTime, db
from app.core.i18n import _l
from app.core.metrics import MetricQuery, moment
from app.core.sql_dates import seconds_between
from app.modules.crm.activities.models import DONE, TOUCHES, Activity
from app.modules.crm.metrics.activities import done, planned
from app.modules.crm.metrics.dimensions import PROBLEMS
from app.modules.crm.metrics.facts import OVERLAPPING, SPLITS, Deals, Fact, deal_id, fact_of, listed, named
from app.modules.crm.metrics.funnel import STATES
from app.modules.crm.metrics.making import COHORT, count, deal_metric
from app.modules.crm.metrics.stages import bucket_of
from app.modules.crm.models import OPEN, DealStage
from app.modules.crm.parts.models import DealPerson

HOUR = 60 * 60
ENOUGH = 10  # stays in a stage from which on it is known how long they last


@dataclass(frozen=True, kw_only=True)
class _Checked(Deals):
    """Open deals with whether each is in order; the filter "problem" asks for those with one of these problems."""

    problems: tuple[str, ...] = tuple(PROBLEMS)

    def build(self, query: MetricQuery) -> Select:
        fact = fact_of(query)
        keys = [self.key(fact, name).label(f"d_{name}") for name in query.by]
        fine = and_(*_fine(fact, query, self.problems).values())
        parts = (func.sum(case((fine, 1), else_=0)).label("numerator"), func.count().label("denominator"), func.count().label("n"))
        return self.rows(query).with_only_columns(*keys, *parts).group_by(*named(keys)).execution_options(with_trash=True)

    def selected(self, fact: Fact, query: MetricQuery) -> Select:
        found = super().selected(fact, query)
        if "problem" in query.filters:
            found = found.where(_any(_fine(fact, query, listed(query.filters["problem"]))))
        return found.execution_options(with_trash=True)

    def filter(self, fact: Fact, name: str, wanted: Any) -> ColumnElement[bool]:
        return true() if name == "problem" else super().filter(fact, name, wanted)


class _Problems(_Checked):
    """Open deals with a problem; split by problem, once for each that they have."""

    def build(self, query: MetricQuery) -> Select:
        fact = fact_of(query)
        fine, total = _fine(fact, query), func.count()
        if "problem" not in query.by:
            split = self.keys(query)
            found = self.rows(query).where(_any(fine))
            return found.with_only_columns(*split, total.label("value"), total.label("n")).group_by(*named(split))
        each = []
        for name in PROBLEMS:
            keys: list[Any] = [literal(name) if by == "problem" else self.key(fact, by) for by in query.by]
            labelled = [key.label(f"d_{by}") for key, by in zip(keys, query.by, strict=True)]
            rows = self.rows(query).where(not_(fine[name]))
            columns = rows.with_only_columns(*labelled, total.label("value"), total.label("n"))
            counted = columns.group_by(*(key.name for key in labelled if key.name != "d_problem"))
            each.append(counted.having(total > 0))
        every = union_all(*each).subquery("problems")
        return select(*every.c).execution_options(with_trash=True)

    def drill(self, query: MetricQuery) -> Select:
        fact = fact_of(query)
        return super().drill(query).where(_any(_fine(fact, query)))


def _any(fine: Mapping[str, ColumnElement[bool]]) -> ColumnElement[bool]:
    """Criterion of deals that have a problem."""
    return or_(*(not_(each) for each in fine.values()))


def _fine(fact: Fact, query: MetricQuery, problems: Collection[str] = tuple(PROBLEMS)) -> Mapping[str, ColumnElement[bool]]:
    """By problem, of those named, the criterion of deals that do not have it."""
    deal, now = deal_id(fact), moment(query)
    next_step = exists().where(Activity.deal_id == deal, *planned(query)).correlate(fact)
    person = exists().where(DealPerson.deal_id == deal).correlate(fact)
    found = {
        "amount": fact.amount_minor.is_not(None),
        "close_date": and_(fact.expected_close.is_not(None), fact.expected_close >= local_date(now)),
        "next_step": next_step,
        "contact": person,
    }
    if "stage_age" in problems:
        found["stage_age"] = _in_time(fact, now)
    return {name: fine for name, fine in found.items() if name in problems}


def _in_time(fact: Fact, now: datetime) -> ColumnElement[bool]:
    age = seconds_between(literal(now, UtcDateTime()), fact.entered_at)
    late = [and_(fact.stage_id == stage_id, age > limit) for stage_id, limit in stage_limits().items()]
    return not_(or_(*late)) if late else true()


def stage_limits() -> dict[int, int]:
    """Stage id -> seconds within which nine of ten deals have left it, for stages that enough deals have left."""
    stayed = select(DealStage.stage_id, func.count().label("n")).where(DealStage.seconds > 0)
    counts = db.session.execute(stayed.group_by(DealStage.stage_id), execution_options={"all_rows": True}).all()
    enough = {row.stage_id: row.n for row in counts if row.n >= ENOUGH}
    if not enough:
        return {}
    ninth = [
        select(DealStage.seconds).where(DealStage.stage_id == stage_id, DealStage.seconds > 0)
        .order_by(DealStage.seconds.desc()).limit(1).offset(n - (9 * n + 9) // 10).scalar_subquery()
        for stage_id, n in enough.items()
    ]  # fmt: skip
    return dict(zip(enough, db.session.execute(select(*ninth), execution_options={"all_rows": True}).one(), strict=True))


class _FirstContact(Deals):
    """Deals that began in a period, with how long it took until somebody was in touch; who waits still runs on."""

    def build(self, query: MetricQuery) -> Select:
        fact = fact_of(query)
        keys = [self.key(fact, name).label(f"d_{name}") for name in query.by]
        # TOUCHES say that it was done, as the index does; its column would be looked up in a long row, deal by deal.
        when = done(query, literal_column(f"'{DONE}'"))
        touches = select(func.min(Activity.done_at)).where(Activity.deal_id == deal_id(fact), TOUCHES, *when)
        first = touches.correlate(fact).scalar_subquery()
        times = (fact.opened_at.label("opened_at"), fact.closed_at.label("closed_at"), first.label("first"))
        # OFFSET 0 keeps SQLite from looking the first contact up anew wherever it is mentioned, and from reading the times.
        deals = self.rows(query).with_only_columns(*keys, *times).offset(0).subquery("deals")
        ended = func.coalesce(deals.c.first, deals.c.closed_at, literal(moment(query), UtcDateTime()))
        splits = [deals.c[key.name] for key in keys]
        # A contact before the beginning is none later than it.
        until = case((ended < deals.c.opened_at, deals.c.opened_at), else_=ended)
        spans = (seconds_between(until, deals.c.opened_at).label("waited"), deals.c.first.is_(None).label("waits"))
        waits = select(*splits, *spans).offset(0).subquery("waits")
        bucket = bucket_of(waits.c.waited).label("bucket")
        running = func.sum(case((waits.c.waits, 1), else_=0)).label("running")
        groups = [*(waits.c[key.name] for key in keys), bucket]
        return select(*groups, func.count().label("n"), running).group_by(*groups).execution_options(with_trash=True)


def _share(name: str, label: Any, describe: Any, *problems: str) -> Any:
    definition = _Checked(states=(OPEN,), dated="expected_close", parts=count, problems=problems or tuple(PROBLEMS))
    return deal_metric(name, label, describe, "m60", "ratio", definition, shape="ratio", basis="snapshot", period=False)


METRICS = (
    _share(
        "pipeline_hygiene",
        _l("Pipeline hygiene"),
        _l("Of the open deals, the share with an amount, a close date still to come, a next step, a contact with a role, and "
           "no longer in their stage than nine of ten."),
    ),
    _share("hygiene_amount", _l("With an amount"), _l("Of the open deals, the share that has an amount."), "amount"),
    _share("hygiene_close_date", _l("With a close date to come"),
           _l("Of the open deals, the share whose expected close is today or later."), "close_date"),
    _share("hygiene_next_step", _l("With a next step"), _l("Of the open deals, the share with a planned activity."), "next_step"),
    _share("hygiene_contact", _l("With a contact and their role"),
           _l("Of the open deals, the share with a person of whom it is known what part they play."), "contact"),
    _share("hygiene_stage_age", _l("In good time in their stage"),
           _l("Of the open deals, the share that is in its stage no longer than nine of ten deals have been."), "stage_age"),
    deal_metric(
        "hygiene_problems",
        _l("Open deals with a problem"),
        _l("Open deals that lack one of the five things of pipeline hygiene; by problem, once for each."),
        "m60",
        "count",
        _Problems(states=(OPEN,), dated="expected_close", parts=count),
        basis="snapshot",
        period=False,
        direction="down",
        dimensions=(*SPLITS, "problem"),
        overlapping=OVERLAPPING | {"problem"},
    ),
    deal_metric(
        "first_contact_hours",
        _l("Time to first contact (cohort)"),
        _l("Median number of hours from the beginning of a deal to the first call, e-mail, visit or meeting with it, of deals "
           "that began in the period, discarded ones apart; those still waiting count as not over."),
        "B9",
        "hours",
        _FirstContact(states=STATES, dated="opened_on", parts=count),
        shape="median",
        per=HOUR,
        direction="down",
        **COHORT,
    ),
)
