"""Figures of deals by when they became qualified, and what they were then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import g
from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, union_all
from sqlalchemy.orm import aliased

from app.core.db import utcnow
from app.core.i18n import _l
from app.core.metrics import MetricQuery
from app.core.models import Rate
from app.modules.crm.metrics.facts import (
    SEARCHES,
    SPLITS,
    UNTRACKED,
    Fact,
    between,
    deal_id,
    fact_key,
    fact_of,
    has_competitor,
    is_qualifying,
    matches,
    named,
    searched,
    time_key,
    told,
    unknown_filter,
)
from app.modules.crm.metrics.making import COHORT, FLOW, deal_metric
from app.modules.crm.metrics.told import voided
from app.modules.crm.models import DISCARDED, LOST, OPEN, WON, Deal, DealEvent, DealSpan, DealStage, Stage
from app.modules.crm.parts.models import DealCompetitor

OF_STAY = frozenset({"owner", "team", "stage", "state", "month", "quarter"})  # what a stay says of itself
OF_STAY_OR_DEAL = OF_STAY - {"state"} | {*UNTRACKED, "product"}
Earlier = aliased(DealStage, name="earlier")
OF_CAME = (DealStage.deal_id, DealStage.stage_id, DealStage.entered_on, DealStage.state, DealStage.place, DealStage.owner_id,
           DealStage.team_id, DealStage.currency, DealStage.amount_minor)  # fmt: skip
Then = aliased(DealSpan, name="at_entry")


@dataclass(frozen=True)
class _Entry:
    """The first time that a deal came into a qualified stage: columns, and the criteria that find it."""

    columns: dict[str, Any]
    rows: Select


@dataclass(frozen=True, kw_only=True)
class Qualified:
    """Deals with the day they became qualified: then first in a qualified open stage, or won. Owner and team are those
    of that day, the stage the one they came into; everything else is as it is at the moment asked for."""

    states: tuple[str, ...]
    money: bool = False

    def build(self, query: MetricQuery) -> Select:
        fact, entry = fact_of(query), self._entry(query)
        keys = [self._key(fact, entry, name).label(f"d_{name}") for name in query.by]
        found = self._selected(query, fact, entry)
        if "competitor" in query.by:
            found = found.join(DealCompetitor, DealCompetitor.deal_id == deal_id(fact), isouter=True)
        if not self.money:
            discarded = func.sum(case((entry.columns["state"] == DISCARDED, 1), else_=0))
            parts = (discarded.label("numerator"), func.count().label("denominator"), func.count().label("n"))
            return found.with_only_columns(*keys, *parts).group_by(*named(keys))
        groups = [*keys, *self._money_keys(entry)]
        amount = entry.columns["amount"]
        parts = (func.sum(amount).label("value"), func.count(amount).label("n"),
                 (func.count() - func.count(amount)).label("unvalued"))
        return found.with_only_columns(*groups, *parts).group_by(*named(groups))

    def drill(self, query: MetricQuery) -> Select:
        fact, entry = fact_of(query), self._entry(query)
        found = self._selected(query, fact, entry).with_only_columns(entry.columns["deal"])
        if not self.money:
            return found
        currency, day = entry.columns["currency"], entry.columns["day"]
        rated = select(Rate.id).where(Rate.currency == currency, Rate.valid_from <= day).correlate_except(Rate).exists()
        return found.where(entry.columns["amount"].is_not(None), or_(currency == g.company.currency, rated))

    def _money_keys(self, entry: _Entry) -> Sequence[ColumnElement]:
        """Amounts of other currencies one by one, as each is converted and rounded at the rate of its day."""
        currency, amount, day = (entry.columns[name] for name in ("currency", "amount", "day"))
        ours = currency == g.company.currency
        return [currency.label("currency"), case((ours, None), else_=amount).label("each"), case((ours, None), else_=day).label("on")]

    def _selected(self, query: MetricQuery, fact: Fact, entry: _Entry) -> Select:
        found = entry.rows.where(entry.columns["state"].in_(self.states), *between(entry.columns["day"], query.start, query.end))
        if query.scope is not None:
            found = found.where(entry.columns["owner"].in_(sorted(query.scope)))
        for name, wanted in query.filters.items():
            if name in SEARCHES:
                found = found.where(searched(fact, name, wanted))
            elif name == "competitor":
                found = found.where(has_competitor(fact, wanted))
            elif name in SPLITS:
                found = found.where(matches(self._key(fact, entry, name), wanted))
            else:
                raise unknown_filter(name, (*SPLITS, *SEARCHES))
        return found

    def _key(self, fact: Fact, entry: _Entry, name: str) -> ColumnElement:
        if name in ("month", "quarter"):
            return time_key(name, entry.columns["day"])
        return entry.columns[name] if name in entry.columns else fact_key(fact, name)

    def _entry(self, query: MetricQuery) -> _Entry:
        return _from_stays(query) if query.known_at is None else _then(query)


def _qualifying() -> Any:
    return select(Stage.id).where(is_qualifying())


def _others() -> Any:
    """All other stages, those in the trash as well: of the bare table, to which no rule of rows applies."""
    stages = Stage.__table__
    return select(stages.c.id).where(stages.c.company_id == g.company.id, stages.c.id.not_in(_qualifying()))


def _became(stay: Any) -> Sequence[ColumnElement[bool]]:
    """Criteria of stays in a qualified stage to which a deal came from elsewhere: the first of all is one of these few."""
    return [stay.stage_id.in_(_qualifying()), or_(stay.after_id.is_(None), stay.after_id.not_in(_qualifying()))]


def _came(query: MetricQuery) -> Any:
    """The same stays, of a period. Said as two lists of where they came from, each is a place in an index, which skips the
    many that came from one qualified stage to the next."""
    there = [DealStage.stage_id.in_(_qualifying()), *between(DealStage.entered_on, query.start, query.end)]
    if query.as_of:
        there.append(DealStage.entered_at <= query.as_of)
    from_elsewhere = DealStage.after_id.is_(None), DealStage.after_id.in_(_others())
    return union_all(*(select(*OF_CAME).where(*there, where_from) for where_from in from_elsewhere)).subquery("came")


def _from_stays(query: MetricQuery) -> _Entry:
    """As far as is known today, of the past as well: what came later takes no entry away."""
    fact, came = fact_of(query), _came(query).c
    # Who came from where they began, or began there, came into no other qualified stage before: nothing is looked up.
    earlier = select(Earlier.id).where(Earlier.deal_id == came.deal_id, *_became(Earlier), Earlier.place < came.place)
    first = or_(came.place < 2, ~earlier.correlate_except(Earlier).exists())
    asked, state = {*query.by, *query.filters}, came.state
    # Of the stays alone where they say all that is asked: a deal is a long row to look at for each.
    alone = not query.visible_rows and asked <= OF_STAY
    if fact is DealSpan:
        # A deal has many spans; of today's deals that say the rest only what is asked is looked up.
        alone = not query.visible_rows and asked <= OF_STAY_OR_DEAL
        state = _was_discarded(query, came.deal_id) if alone else DealSpan.state
    stays = came.deal_id.table
    rows = select(came.deal_id).select_from(stays) if alone else told(fact, query).join(stays, came.deal_id == deal_id(fact))
    if fact is DealSpan:
        rows = rows.execution_options(with_trash=True)
    if alone and not asked <= OF_STAY:
        rows = rows.join(Deal, Deal.id == came.deal_id)
    columns = {"day": came.entered_on, "owner": came.owner_id, "team": came.team_id, "stage": came.stage_id,
               "amount": came.amount_minor, "currency": came.currency, "state": state, "deal": came.deal_id}
    return _Entry(columns, rows.where(first))


def _was_discarded(query: MetricQuery, deal: Any) -> Any:
    """The state at the moment asked for, as far as it matters: deals that were discarded are few, all others count alike."""
    thrown = told(DealSpan, replace(query, by=(), filters={})).where(DealSpan.state == DISCARDED)
    return case((deal.in_(thrown.with_only_columns(DealSpan.deal_id)), DISCARDED), else_=OPEN)


def _then(query: MetricQuery) -> _Entry:
    known = query.known_at or utcnow()
    valid = min(query.as_of or known, known)
    whose: dict[str, Any] = {"partition_by": DealEvent.deal_id, "order_by": (DealEvent.at, DealEvent.id)}
    events = select(DealEvent.deal_id, DealEvent.stage_id, DealEvent.at, DealEvent.local_date.label("day"),
                    func.row_number().over(**whose).label("place"))
    events = events.where(DealEvent.stage_id.in_(_qualifying()), DealEvent.at <= valid, DealEvent.recorded_at <= known, ~voided(known))
    first = events.subquery("first")
    fact = fact_of(query)
    rows = told(fact, query).join(first, and_(first.c.deal_id == deal_id(fact), first.c.place == 1))
    rows = rows.join(Then, and_(
        Then.deal_id == first.c.deal_id, Then.valid_from <= first.c.at, or_(Then.valid_to.is_(None), Then.valid_to > first.c.at),
        Then.known_from <= known, or_(Then.known_to.is_(None), Then.known_to > known),
    ))
    columns = {"day": first.c.day, "owner": Then.credit_owner_id, "team": Then.credit_team_id, "stage": first.c.stage_id,
               "amount": Then.amount_minor, "currency": Then.currency, "state": fact.state, "deal": deal_id(fact)}
    return _Entry(columns, rows)


METRICS = (
    deal_metric(
        "pipeline_created",
        _l("Pipeline created"),
        _l("Amounts of the deals that became qualified in the period, as they were then and at the rate of that day."),
        "m17",
        "money",
        Qualified(states=(OPEN, WON, LOST), money=True),
        **FLOW,
    ),
    deal_metric(
        "discard_rate",
        _l("Discarded after qualification (cohort)"),
        _l("Of the deals that became qualified in the period, the share that was discarded since."),
        "m61",
        "ratio",
        Qualified(states=(OPEN, WON, LOST, DISCARDED)),
        shape="ratio",
        direction="down",
        **COHORT,
    ),
)
