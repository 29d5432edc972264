"""Figures that reports add to those of the pipeline: amounts beside numbers, and what was recorded late."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from app.core.i18n import _l
from app.core.metrics import MetricQuery
from app.modules.crm.metrics.facts import OVERLAPPING, Deals, Fact, deal_id, fact_of
from app.modules.crm.metrics.funnel import STATES, Funnel, Step
from app.modules.crm.metrics.making import (
    CLOSED_SPLITS,
    FLOW,
    SNAPSHOT,
    currency,
    deal_metric,
    has_company_amount,
    has_own_amount,
    money_n,
    own_amount,
)
from app.modules.crm.models import LOST


class FunnelAmount(Funnel):
    """The amounts of the deals that reached each stage, in their own currencies."""

    def build(self, query: MetricQuery) -> Select:
        if not self._by_step(query):
            return super().build(query)
        deals = self._deals(query)
        keys = [Step.id.label("d_stage") if name == "stage" else deals.c[f"d_{name}"] for name in query.by]
        groups = [*keys, deals.c.currency]
        found = select(*groups, *self.step_parts(deals)).select_from(deals).join(Step, self._has_reached(deals))
        return self._steps_wanted(found, query).group_by(*groups)

    def drill(self, query: MetricQuery) -> Select:
        fact = fact_of(query)
        valued = self.counted(fact, query)
        if "stage" not in query.filters:
            return super().drill(query)
        reached = self._reached_columns(fact, query)
        chosen = self.selected(fact, query).where(*valued)
        deals = chosen.with_only_columns(deal_id(fact).label("deal_id"), *reached).subquery()
        return self._steps_wanted(select(deals.c.deal_id).join(Step, self._has_reached(deals)), query).distinct()

    def step_parts(self, deals: Any) -> tuple[ColumnElement, ...]:
        return (func.sum(deals.c.amount).label("value"), func.sum(deals.c.n).label("n"), func.sum(deals.c.unvalued).label("unvalued"))

    def _deals(self, query: MetricQuery) -> Any:
        fact = fact_of(query)
        keys = [self.key(fact, name).label(f"d_{name}") for name in query.by if name != "stage"]
        worth: Sequence[Any] = (fact.currency.label("currency"), fact.amount_minor.label("amount_minor"))
        rows = self.rows(query).with_only_columns(*keys, *self._reached_columns(fact, query), *worth).subquery()
        groups = [*(rows.c[key.name] for key in keys), rows.c.pipeline_id, rows.c.won, rows.c.furthest, rows.c.currency]
        amount = rows.c.amount_minor
        parts = (func.sum(amount).label("amount"), func.count(amount).label("n"), (func.count() - func.count(amount)).label("unvalued"))
        return select(*groups, *parts).group_by(*groups).subquery()


def _lost_amount(fact: Fact) -> tuple[ColumnElement, ...]:
    return (func.sum(fact.company_minor).label("value"), *money_n(fact))


METRICS = (
    deal_metric(
        "lost_amount",
        _l("Amount lost"),
        _l("Amounts of deals lost, in company currency at the rate of the day of the loss."),
        "C37",
        "money",
        Deals(states=(LOST,), dated="closed_on", parts=_lost_amount, counted=has_company_amount),
        direction="down",
        dimensions=CLOSED_SPLITS,
        **FLOW,
    ),
    deal_metric(
        "funnel_amount",
        _l("Amount by stage reached (cohort)"),
        _l("Amounts of the deals that began in the period and reached each stage, whatever became of them, at the rate of the "
           "moment asked for; without stages, of all."),
        "m04",
        "money",
        FunnelAmount(states=STATES, dated="opened_on", parts=own_amount, groups=currency, counted=has_own_amount),
        overlapping=OVERLAPPING | {"stage"},
        direction="none",
        **{**SNAPSHOT, "basis": "cohort"},
    ),
)
