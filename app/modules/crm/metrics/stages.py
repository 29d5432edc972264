"""How long deals stay in their stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, and_, case, cast, func, literal, or_, select
from sqlalchemy.orm import aliased

from app.core.db import UtcDateTime, utcnow
from app.core.i18n import _l
from app.core.metrics import MetricQuery, moment
from app.core.sql_dates import seconds_between
from app.modules.crm.metrics.facts import (
    SEARCHES,
    SPLITS,
    Fact,
    between,
    fact_key,
    fact_of,
    matches,
    named,
    searched,
    time_key,
    told,
    unknown_filter,
)
from app.modules.crm.metrics.making import COHORT, deal_metric
from app.modules.crm.metrics.told import voided
from app.modules.crm.models import DISCARDED, LOST, OPEN, WON, Deal, DealEvent, DealSpan, DealStage, Stage

DAY = 24 * 60 * 60
Stretch = aliased(DealSpan, name="stretch")
STAY_SPLITS = tuple(name for name in SPLITS if name not in ("category", "competitor"))
OF_STAY = frozenset({"stage", "state", "month", "quarter"})  # what a stay says of itself


def known_and_valid(query: MetricQuery) -> tuple[datetime, datetime]:
    """Up to when things had been told, and about which moment, of a query about the past."""
    known = query.known_at or utcnow()
    return known, min(query.as_of or known, known)


def bucket_of(seconds: Any) -> ColumnElement[int]:
    """Durations in few enough values to count: to the minute in the first two days, to the quarter of an hour after."""
    return case((seconds < 2 * DAY, seconds // 60 * 60), else_=seconds // 900 * 900)


@dataclass(frozen=True, kw_only=True)
class Stays:
    """One row for a deal and an open stage in which it has spent time, all its stays there together.

    Who is there still has got that far and runs on. Dated by the day it came in first. Discarded deals leave it.
    """

    def build(self, query: MetricQuery) -> Select:
        fact = fact_of(query)
        rows, columns = self._rows(fact, query)
        keys = [self._key(fact, columns, name).label(f"d_{name}") for name in query.by]
        found, seconds, running = self._chosen(rows, fact, columns, query), columns["seconds"], columns["running"]
        if "passed" in columns:
            # OFFSET 0 keeps SQLite from reading the times anew wherever a duration is mentioned.
            told_once = (DealStage.deal_id, DealStage.stage_id, DealStage.entries, DealStage.since, DealStage.seconds)
            stays = found.with_only_columns(*keys, *told_once, columns["passed"].label("passed")).offset(0).subquery("stays")
            keys, (seconds, running) = [stays.c[key.name].label(key.name) for key in keys], _cut(stays.c, stays.c.passed, query)
            found = select(seconds).execution_options(**found.get_execution_options())
        bucket = bucket_of(seconds).label("bucket")
        parts = (func.count().label("n"), func.sum(case((running, 1), else_=0)).label("running"))
        return found.where(seconds > 0).with_only_columns(*keys, bucket, *parts).group_by(*named([*keys, bucket]))

    def drill(self, query: MetricQuery) -> Select:
        fact = fact_of(query)
        rows, columns = self._rows(fact, query)
        found = self._chosen(rows, fact, columns, query).where(columns["seconds"] > 0).with_only_columns(columns["deal"])
        if "passed" not in columns:
            return found
        # PostgreSQL, which cannot tell how many they are, would look them up anew for each of the first deals of a list.
        ids = found.cte("stays").prefix_with("MATERIALIZED", dialect="postgresql")
        return select(ids.c.deal_id).execution_options(**found.get_execution_options())

    def _rows(self, fact: Fact, query: MetricQuery) -> tuple[Select, dict[str, Any]]:
        if fact is Deal:
            return self._present(query)
        if query.known_at is None:
            return self._before(query)
        past = self._past(query)
        running = and_(DealSpan.state == OPEN, DealSpan.stage_id == past.c.stage_id)
        rows = told(fact, query).join(past, past.c.deal_id == DealSpan.deal_id)
        day = self._first_day(past, query)
        return rows, {"stage": past.c.stage_id, "day": day, "since": past.c.day, "seconds": past.c.seconds, "running": running,
                      "state": DealSpan.state, "deal": DealSpan.deal_id}

    def _present(self, query: MetricQuery) -> tuple[Select, dict[str, Any]]:
        """Of the stays alone where they say all that is asked: a deal is a long row, and there are several stays for each."""
        running = DealStage.since.is_not(None)
        here = seconds_between(literal(moment(query), UtcDateTime()), DealStage.since)
        seconds = DealStage.seconds + case((running, here), else_=0)
        rows = select(DealStage.id) if _alone(query) else told(Deal, query).join(DealStage, DealStage.deal_id == Deal.id)
        return rows, {**_OF_STAY, "seconds": seconds, "running": running, "state": DealStage.state}

    def _before(self, query: MetricQuery) -> tuple[Select, dict[str, Any]]:
        """Of a past day as far as is known today: the stays that had begun, cut off there. How long a deal had been in a stage
        follows from the stay alone, unless it came in several times: then its spans are looked up."""
        valid, stay = known_and_valid(query)[1], DealStage
        passed = seconds_between(literal(valid, UtcDateTime()), stay.entered_at)
        seconds, running = _cut(stay, passed, query)
        columns = {**_OF_STAY, "seconds": seconds, "running": running, "passed": passed}
        if _alone(query):
            columns["state"] = _state_then(query)
            rows = select(stay.id).where(stay.deal_id.not_in(_closed_then(query, DISCARDED))).execution_options(with_trash=True)
        else:
            rows = told(DealSpan, query).join(stay, stay.deal_id == DealSpan.deal_id).where(DealSpan.state != DISCARDED)
            columns["state"] = DealSpan.state
        return rows.where(stay.entered_at <= valid), columns

    def _first_day(self, past: Any, query: MetricQuery) -> ColumnElement[date]:
        """The day that a deal came in first, be it for no time: of that the spans know nothing."""
        known, valid = known_and_valid(query)
        found = select(func.min(DealEvent.local_date)).where(
            DealEvent.deal_id == past.c.deal_id, DealEvent.stage_id == past.c.stage_id,
            DealEvent.at <= valid, DealEvent.recorded_at <= known, ~voided(known),
        )  # fmt: skip
        return found.correlate(past).scalar_subquery()

    def _past(self, query: MetricQuery) -> Any:
        known, valid = known_and_valid(query)
        until = case((and_(Stretch.valid_to.is_not(None), Stretch.valid_to < valid), Stretch.valid_to), else_=valid)
        found = select(Stretch.deal_id, Stretch.stage_id, func.min(Stretch.entered_on).label("day"),
                       # PostgreSQL sums whole numbers into a type whose division leaves a rest.
                       cast(func.sum(seconds_between(until, Stretch.valid_from)), BigInteger).label("seconds"))
        found = found.where(Stretch.state == OPEN, Stretch.valid_from <= valid, Stretch.known_from <= known,
                            (Stretch.known_to.is_(None)) | (Stretch.known_to > known))
        return found.group_by(Stretch.deal_id, Stretch.stage_id).subquery("stay")

    def _chosen(self, rows: Select, fact: Fact, columns: dict[str, Any], query: MetricQuery) -> Select:
        found = rows.where(*self._in_open_stages(columns), *between(columns["day"], query.start, query.end))
        if "passed" not in columns:
            found = found.where(columns["state"] != DISCARDED)
        if query.start and "since" in columns:
            # The first day is looked up stay by stay: not of those that are too old by their spans already.
            found = found.where(columns["since"] >= query.start)
        if query.scope is not None:
            found = found.where(fact.credit_owner_id.in_(sorted(query.scope)))
        for name, wanted in query.filters.items():
            if name in SEARCHES:
                found = found.where(searched(fact, name, wanted))
            elif name in STAY_SPLITS:
                found = found.where(matches(self._key(fact, columns, name), wanted))
            else:
                raise unknown_filter(name, (*STAY_SPLITS, *SEARCHES))
        return found

    def _in_open_stages(self, columns: dict[str, Any]) -> Sequence[ColumnElement[bool]]:
        return [columns["stage"].in_(select(Stage.id).where(Stage.type == OPEN))]

    def _key(self, fact: Fact, columns: dict[str, Any], name: str) -> ColumnElement:
        if name in ("month", "quarter"):
            return time_key(name, columns["day"])
        return columns[name] if name in ("stage", "state") else fact_key(fact, name)


_OF_STAY = {"stage": DealStage.stage_id, "day": DealStage.entered_on, "deal": DealStage.deal_id}


def _alone(query: MetricQuery) -> bool:
    """Whether stays themselves say all that is asked."""
    return query.scope is None and not query.visible_rows and {*query.by, *query.filters} <= OF_STAY


def _cut(stay: Any, passed: Any, query: MetricQuery) -> tuple[ColumnElement[int], ColumnElement[bool]]:
    """How long a deal had been in a stage by the moment asked for, which so many seconds had `passed` since it came in first,
    and whether it was there then."""
    valid = known_and_valid(query)[1]
    stretches = select(Stretch.id).where(
        Stretch.deal_id == stay.deal_id, Stretch.stage_id == stay.stage_id, Stretch.state == OPEN,
        Stretch.valid_from <= valid, Stretch.known_to.is_(None),
    ).correlate_except(Stretch)  # fmt: skip
    until = case((and_(Stretch.valid_to.is_not(None), Stretch.valid_to < valid), Stretch.valid_to), else_=valid)
    # PostgreSQL sums whole numbers into a type whose division leaves a rest.
    spent = cast(func.coalesce(func.sum(seconds_between(until, Stretch.valid_from)), 0), BigInteger)
    stood = stretches.where(or_(Stretch.valid_to.is_(None), Stretch.valid_to > valid)).exists()
    again, still = stay.entries > 1, or_(stay.since.is_not(None), passed < stay.seconds)
    seconds = case((again, stretches.with_only_columns(spent).scalar_subquery()), (still, passed), else_=stay.seconds)
    # Who left within the very second may still have been there.
    return seconds, case((or_(again, and_(stay.since.is_(None), passed == stay.seconds)), stood), else_=still)


def _state_then(query: MetricQuery) -> ColumnElement[str]:
    """The state of the deal of a stay at the moment asked for, of those that were not discarded."""
    return case(*((DealStage.deal_id.in_(_closed_then(query, state)), state) for state in (WON, LOST)), else_=OPEN)


def _closed_then(query: MetricQuery, state: str) -> Select:
    """The deals that were so at the moment asked for, as far as a stay of the period may be one of theirs."""
    found = told(DealSpan, replace(query, by=(), filters={})).where(DealSpan.state == state)
    if query.start:
        # None was closed before it came in. Days of two zones, when the company changed its own, are two apart at most.
        found = found.where(DealSpan.closed_on >= query.start - timedelta(days=2))
    return found.with_only_columns(DealSpan.deal_id)


_STAYS = Stays()  # one for both figures: they are asked for together
_IN_DAYS: dict[str, Any] = {"per": DAY, "direction": "down", "dimensions": STAY_SPLITS, "repeats": True, **COHORT}
METRICS = (
    deal_metric(
        "time_in_stage_days",
        _l("Time in stage (cohort)"),
        _l("Median number of days that deals spend in a stage, all their stays there together, of those that came into it "
           "in the period; who is there still counts as not over."),
        "m06",
        "days",
        _STAYS,
        shape="median",
        **_IN_DAYS,
    ),
    deal_metric(
        "time_in_stage_days_p90",
        _l("Time in stage (cohort, nine of ten)"),
        _l("Number of days after which nine of ten deals have left a stage, of those that came into it in the period; who is "
           "there still counts as not over."),
        "m06",
        "days",
        _STAYS,
        shape="quantile",
        quantile=Decimal("0.9"),
        **_IN_DAYS,
    ),
)
