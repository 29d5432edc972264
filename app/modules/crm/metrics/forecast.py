"""Figures that look ahead: the forecast by category, and what slipped out of a period."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import ColumnElement, Select, case, func, or_, select
from sqlalchemy.orm import aliased

from app.core.clock import company_zone, end_of
from app.core.i18n import _l
from app.core.metrics import MetricQuery
from app.modules.crm.metrics.facts import Deals, Fact, category_of, named
from app.modules.crm.metrics.making import (
    SNAPSHOT,
    currency,
    deal_metric,
    has_own_amount,
    own_amount,
)
from app.modules.crm.metrics.stages import known_and_valid
from app.modules.crm.models import OMITTED, OPEN, DealSpan
from app.modules.crm.parts.models import DealCompetitor

Later = aliased(DealSpan, name="later")


class _Forecast(Deals):
    def in_period(self, fact: Fact, query: MetricQuery) -> Iterable[ColumnElement[bool]]:
        return [*super().in_period(fact, query), category_of(fact) != OMITTED]


class _Due(Deals):
    """Deals that were open when the period began and expected to close in it, with what became of that by its end.

    By the dates on which things were so, as far as is known at the moment asked for: by spans, always.
    """

    def rows(self, query: MetricQuery) -> Select:
        found = self.selected(DealSpan, query)
        if "competitor" in query.by:
            found = found.join(DealCompetitor, DealCompetitor.deal_id == DealSpan.deal_id, isouter=True)
        return found

    def build(self, query: MetricQuery) -> Select:
        keys = [self.key(DealSpan, name).label(f"d_{name}") for name in query.by]
        moved = or_(*(DealSpan.deal_id.in_(some) for some in _put_off(query)))
        parts = (func.sum(case((moved, 1), else_=0)).label("numerator"), func.count().label("denominator"),
                 func.count().label("n"))
        return self.rows(query).with_only_columns(*keys, *parts).group_by(*named(keys))

    def drill(self, query: MetricQuery) -> Select:
        return self.selected(DealSpan, query).with_only_columns(DealSpan.deal_id)

    def selected(self, fact: Fact, query: MetricQuery) -> Select:
        known, valid = known_and_valid(query)
        first = query.start or date.min  # a metric with `quarter` has a period
        began = datetime.combine(first, time.min, tzinfo=company_zone()).astimezone(UTC) - timedelta(microseconds=1)
        # `told` takes the earlier of two instants: what was so when the period began, as it is known now.
        return super().selected(DealSpan, replace(query, as_of=min(began, valid), known_at=known))


def _put_off(query: MetricQuery) -> Sequence[Select]:
    """The deals that were open at the end of the period, or are while it lasts, and expected after it, or at no time.

    Each of the two is read from an index at once; looked up deal by deal, what became of those that were due takes longest.
    """
    known, valid = known_and_valid(query)
    ended = min(end_of(query.end or date.max), valid)
    then = select(Later.deal_id).where(
        Later.state == OPEN, Later.valid_from <= ended, or_(Later.valid_to.is_(None), Later.valid_to > ended),
        Later.known_from <= known, or_(Later.known_to.is_(None), Later.known_to > known),
    )  # fmt: skip
    return then.where(Later.expected_close > query.end), then.where(Later.expected_close.is_(None))


METRICS = (
    deal_metric(
        "category_forecast",
        _l("Forecast by category"),
        _l("Amounts of open deals that are not omitted from the forecast, by how sure it is of them; with a period, of those "
           "expected to close in it. What is closed already is the amount won."),
        "m14",
        "money",
        _Forecast(states=(OPEN,), dated="expected_close", parts=own_amount, groups=currency, counted=has_own_amount),
        **SNAPSHOT,
    ),
    deal_metric(
        "slippage",
        _l("Slippage (period)"),
        _l("Of the deals that were expected to close in the period when it began, the share that was moved out of it and was "
           "still open at its end. Without dates: of this fiscal quarter."),
        "m16",
        "ratio",
        _Due(states=(OPEN,), dated="expected_close", parts=own_amount),
        shape="ratio",
        quarter=True,
        direction="down",
    ),
)
