"""How figures about deals are declared, and the parts that several of them are made of."""

from __future__ import annotations

from typing import Any

from flask import g
from sqlalchemy import ColumnElement, func, or_, select

from app.core.clock import local_date
from app.core.metrics import Metric, MetricQuery, moment
from app.core.models import Rate
from app.modules.crm.metrics.facts import OF_CLOSED, OVERLAPPING, SPLITS, Deals, Fact

SNAPSHOT = {"basis": "snapshot", "currency_basis": "snapshot"}
FLOW = {"currency_basis": "event"}
COHORT = {"basis": "cohort"}
CLOSED_SPLITS = (*SPLITS, *OF_CLOSED)


def deal_metric(name: str, label: Any, describe: Any, row: str, unit: str, definition: Any, **more: Any) -> Metric:
    """A metric of deals; `more` are fields of `Metric`, and `overlapping` the dimensions that do not add up."""
    splits = more.pop("dimensions", SPLITS)
    overlapping = more.pop("overlapping", OVERLAPPING)
    return Metric(
        id=f"crm.{name}",
        label=label,
        describe=describe,
        row=row,
        unit=unit,
        build=definition.build,
        drill=definition.drill,
        facts=definition if isinstance(definition, Deals) else None,
        permission=more.pop("permission", "crm.deal.view"),
        resource=more.pop("resource", "crm.deal"),
        dimensions=splits,
        parted=more.pop("parted", frozenset(splits) - overlapping),
        additive=frozenset(splits) - overlapping if more.get("shape", "sum") == "sum" else frozenset(),
        **more,
    )


def count(_fact: Fact) -> tuple[ColumnElement, ...]:
    return (func.count().label("value"), func.count().label("n"))


def money_n(fact: Fact) -> tuple[ColumnElement, ...]:
    """Of flows in company currency: how many count, have no rate, have no amount."""
    return (
        func.count(fact.company_minor).label("n"),
        (func.count(fact.amount_minor) - func.count(fact.company_minor)).label("missing"),
        (func.count() - func.count(fact.amount_minor)).label("unvalued"),
    )


def own_amount(fact: Fact) -> tuple[ColumnElement, ...]:
    return (
        func.sum(fact.amount_minor).label("value"),
        func.count(fact.amount_minor).label("n"),
        (func.count() - func.count(fact.amount_minor)).label("unvalued"),
    )


def currency(fact: Fact) -> tuple[ColumnElement, ...]:
    return (fact.currency.label("currency"),)


def has_company_amount(fact: Fact, _query: MetricQuery) -> tuple[ColumnElement[bool], ...]:
    return (fact.company_minor.is_not(None),)


def has_own_amount(fact: Fact, query: MetricQuery) -> tuple[ColumnElement[bool], ...]:
    return (fact.amount_minor.is_not(None), has_rate(fact.currency, local_date(moment(query))))


def has_rate(of_currency: Any, day: Any) -> ColumnElement[bool]:
    """Whether an amount in a currency can be converted on a day."""
    rated = select(Rate.currency).where(Rate.valid_from <= day)
    return or_(of_currency == g.company.currency, of_currency.in_(rated))
