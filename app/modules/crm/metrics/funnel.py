"""Figures of cohorts: what became of the deals that began in a period, and how far along they got."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, case, cast, func, null, or_, select
from sqlalchemy.orm import aliased

from app.core.db import db
from app.core.i18n import _l
from app.core.metrics import MetricQuery
from app.modules.crm.metrics.facts import OVERLAPPING, Deals, Fact, deal_id, fact_of, listed
from app.modules.crm.metrics.making import COHORT, count, deal_metric
from app.modules.crm.metrics.told import voided
from app.modules.crm.models import LOST, OPEN, WON, DealEvent, DealStage, Stage

Step = aliased(Stage, name="step")  # a stage of the funnel
STATES = (OPEN, WON, LOST)  # discarded deals leave the cohort


def _share_of(state: str) -> Any:
    def parts(fact: Fact) -> tuple[ColumnElement, ...]:
        found = func.sum(case((fact.state == state, 1), else_=0))
        return (found.label("numerator"), func.count().label("denominator"), func.count().label("n"))

    return parts


class Funnel(Deals):
    """Deals of a cohort with the stages they have reached: "stage" is such a stage, not the one where they are.

    Reached is every open stage of its pipeline up to the furthest one a deal has been in, those it skipped included;
    going back takes nothing away. Who is won has reached all of them.
    """

    steps: tuple[str, ...] = (OPEN, WON)
    always = False  # whether each stage reached is a row of its own, even where it is not asked for

    def build(self, query: MetricQuery) -> Select:
        if not self._by_step(query):
            return super().build(query)
        deals = self._deals(query)
        keys = [Step.id.label("d_stage") if name == "stage" else deals.c[f"d_{name}"] for name in query.by]
        found = select(*keys, *self.step_parts(deals)).select_from(deals).join(Step, self._has_reached(deals))
        return self._steps_wanted(found, query).group_by(*keys)

    def drill(self, query: MetricQuery) -> Select:
        if "stage" not in query.filters:
            return super().drill(query)
        fact = fact_of(query)
        reached = self._reached_columns(fact, query)
        deals = self.selected(fact, query).with_only_columns(deal_id(fact).label("deal_id"), *reached).subquery()
        return self._steps_wanted(select(deals.c.deal_id).join(Step, self._has_reached(deals)), query).distinct()

    def filter(self, fact: Fact, name: str, wanted: Any) -> ColumnElement[bool]:
        # Stages of a query are stages reached: they are asked of the steps.
        return fact.id.is_not(None) if name == "stage" else super().filter(fact, name, wanted)

    def step_parts(self, deals: Any) -> tuple[ColumnElement, ...]:
        total = func.coalesce(func.sum(deals.c.n), 0)
        return (total.label("value"), total.label("n"))

    def _by_step(self, query: MetricQuery) -> bool:
        return self.always or "stage" in query.by or "stage" in query.filters

    def _deals(self, query: MetricQuery) -> Any:
        """The cohort by keys and by how far deals got: counted first, as steps multiply rows."""
        fact = fact_of(query)
        keys = [self.key(fact, name).label(f"d_{name}") for name in query.by if name != "stage"]
        rows = self.rows(query).with_only_columns(*keys, *self._reached_columns(fact, query)).subquery()
        groups = [*(rows.c[key.name] for key in keys), rows.c.pipeline_id, rows.c.won, rows.c.furthest]
        return select(*groups, func.count().label("n")).group_by(*groups).subquery()

    def _reached_columns(self, fact: Fact, query: MetricQuery) -> Sequence[ColumnElement]:
        furthest = _furthest(fact, query).label("furthest")
        return [fact.pipeline_id.label("pipeline_id"), (fact.state == WON).label("won"), furthest]

    def _has_reached(self, deals: Any) -> ColumnElement[bool]:
        positions = select(func.min(Stage.position)).where(Stage.pipeline_id == Step.pipeline_id, Stage.type == OPEN)
        first = positions.correlate_except(Stage).scalar_subquery()
        far_enough = and_(Step.type == OPEN, or_(Step.position <= deals.c.furthest, Step.position == first))
        reached = or_(deals.c.won, far_enough)
        return and_(Step.pipeline_id == deals.c.pipeline_id, Step.type.in_(self.steps), reached)

    def _steps_wanted(self, found: Select, query: MetricQuery) -> Select:
        if "stage" in query.filters:
            found = found.where(Step.id.in_([w for w in listed(query.filters["stage"]) if w is not None]))
        return found.execution_options(with_trash=True)


class _Conversion(Funnel):
    """Of the deals that reached an open stage, how many reached the next one."""

    steps = (OPEN,)
    always = True

    def step_parts(self, deals: Any) -> tuple[ColumnElement, ...]:
        total = func.coalesce(func.sum(deals.c.n), 0)
        further = func.sum(case((or_(deals.c.won, deals.c.furthest > Step.position), deals.c.n), else_=0))
        return (further.label("numerator"), total.label("denominator"), total.label("n"))


def _furthest(fact: Fact, query: MetricQuery) -> ColumnElement[int]:
    """The position of the furthest open stage of its present pipeline that a deal has been in; of a won one, which has
    reached them all, it is not looked up."""
    return case((fact.state != WON, _place(fact, query)))


def _place(fact: Fact, query: MetricQuery) -> ColumnElement[int]:
    """Of the stages that a deal has been in, the furthest open one of the pipeline where it is."""
    if query.known_at is None:
        place = select(func.max(_position(fact, DealStage.stage_id))).where(DealStage.deal_id == deal_id(fact))
        if query.as_of:
            place = place.where(DealStage.entered_at <= query.as_of)
        return place.correlate_except(DealStage).scalar_subquery()
    known = query.known_at
    place = select(func.max(_position(fact, DealEvent.stage_id))).where(
        DealEvent.deal_id == deal_id(fact),
        DealEvent.stage_id.is_not(None),
        DealEvent.at <= min(query.as_of or known, known),
        DealEvent.recorded_at <= known,
        ~voided(known),
    )
    return place.correlate_except(DealEvent).scalar_subquery()


def _position(fact: Fact, stage_id: Any) -> ColumnElement[int | None]:
    """The position of a stage if it is an open one of the deal's pipeline. Their few positions stand in the statement: to
    look them up for each stay of each deal takes as long as all the rest."""
    found = select(Stage.pipeline_id, Stage.id, Stage.position).where(Stage.type == OPEN).order_by(Stage.pipeline_id, Stage.id)
    places: dict[int, dict[int, int]] = {}
    for row in db.session.execute(found, execution_options={"with_trash": True}):
        places.setdefault(row.pipeline_id, {})[row.id] = row.position
    if not places:
        return cast(null(), Integer)
    return case(*((fact.pipeline_id == pipeline_id, case(some, value=stage_id)) for pipeline_id, some in places.items()))


_REACHED = Funnel(states=STATES, dated="opened_on", parts=count)
METRICS = (
    deal_metric(
        "created_win_rate",
        _l("Win rate (cohort)"),
        _l("Deals won divided by all deals that began in the period, discarded ones apart. Read it with the share still open."),
        "m03",
        "ratio",
        Deals(states=STATES, dated="opened_on", parts=_share_of(WON)),
        shape="ratio",
        **COHORT,
    ),
    deal_metric(
        "created_open_rate",
        _l("Still open (cohort)"),
        _l("Deals still open divided by all deals that began in the period, discarded ones apart."),
        "m03",
        "ratio",
        Deals(states=STATES, dated="opened_on", parts=_share_of(OPEN)),
        shape="ratio",
        direction="none",
        **COHORT,
    ),
    deal_metric(
        "funnel_reached",
        _l("Deals by stage reached (cohort)"),
        _l("Of the deals that began in the period, how many reached each stage, whatever became of them; without stages, all."),
        "m04",
        "count",
        _REACHED,
        overlapping=OVERLAPPING | {"stage"},
        direction="none",
        **COHORT,
    ),
    deal_metric(
        "stage_conversion",
        _l("Conversion by stage (cohort)"),
        _l("Of the deals that began in the period and reached a stage, the share that reached the next one or was won."),
        "m04",
        "ratio",
        _Conversion(states=STATES, dated="opened_on", parts=count),
        shape="ratio",
        repeats=True,
        **COHORT,
    ),
)
