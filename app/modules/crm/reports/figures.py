"""Figures that reports add to those of the pipeline: amounts beside numbers, and what was recorded late."""

from __future__ import annotations

from sqlalchemy import ColumnElement, func

from app.core.i18n import _l
from app.modules.crm.metrics.facts import OVERLAPPING, Deals, Fact
from app.modules.crm.metrics.funnel import STATES, Funnel
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

_REACHED = Funnel(states=STATES, dated="opened_on", parts=own_amount, groups=currency, counted=has_own_amount)


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
        _REACHED,
        spread=_REACHED.spread,
        overlapping=OVERLAPPING | {"stage"},
        direction="none",
        **{**SNAPSHOT, "basis": "cohort"},
    ),
)
