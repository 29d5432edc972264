"""How long deals stay in their stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, and_, case, cast, func, literal, select
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
from app.modules.crm.models import DISCARDED, OPEN, Deal, DealEvent, DealSpan, DealStage, Stage

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
        found = self._chosen(rows, fact, columns, query)
        bucket, running = bucket_of(columns["seconds"]).label("bucket"), columns["running"]
        parts = (func.count().label("n"), func.sum(case((running, 1), else_=0)).label("running"))
        return found.with_only_columns(*keys, bucket, *parts).group_by(*named([*keys, bucket]))

    def drill(self, query: MetricQuery) -> Select:
        fact = fact_of(query)
        rows, columns = self._rows(fact, query)
        return self._chosen(rows, fact, columns, query).with_only_columns(columns.get("deal", DealSpan.deal_id))

    def _rows(self, fact: Fact, query: MetricQuery) -> tuple[Select, dict[str, Any]]:
        if fact is Deal:
            return self._present(query)
        past = self._past(query)
        running = and_(DealSpan.state == OPEN, DealSpan.stage_id == past.c.stage_id)
        rows = told(fact, query).join(past, past.c.deal_id == DealSpan.deal_id)
        day = self._first_day(past, query)
        return rows, {"stage": past.c.stage_id, "day": day, "since": past.c.day, "seconds": past.c.seconds, "running": running,
                      "state": DealSpan.state}

    def _present(self, query: MetricQuery) -> tuple[Select, dict[str, Any]]:
        """Of the stays alone where they say all that is asked: a deal is a long row, and there are several stays for each."""
        running = DealStage.since.is_not(None)
        here = seconds_between(literal(moment(query), UtcDateTime()), DealStage.since)
        seconds = DealStage.seconds + case((running, here), else_=0)
        alone = query.scope is None and not query.visible_rows and {*query.by, *query.filters} <= OF_STAY
        rows = select(DealStage.id) if alone else told(Deal, query).join(DealStage, DealStage.deal_id == Deal.id)
        return rows, {"stage": DealStage.stage_id, "day": DealStage.entered_on, "seconds": seconds, "running": running,
                      "state": DealStage.state, "deal": DealStage.deal_id}

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
        found = rows.where(columns["state"] != DISCARDED, columns["seconds"] > 0, *self._in_open_stages(columns),
                           *between(columns["day"], query.start, query.end))
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
