"""Figures of cohorts: what became of the deals that began in a period, and how far along they got."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Integer, Select, and_, case, cast, false, func, null, or_, select, true

from app.core.db import db
from app.core.figure_parts import merged
from app.core.figures import Lines
from app.core.i18n import _l
from app.core.metrics import MetricQuery
from app.modules.crm.metrics.facts import OVERLAPPING, Deals, Fact, deal_id, fact_of, listed
from app.modules.crm.metrics.making import COHORT, count, deal_metric
from app.modules.crm.metrics.told import voided
from app.modules.crm.models import LOST, OPEN, WON, DealEvent, DealStage, Stage

STATES = (OPEN, WON, LOST)  # discarded deals leave the cohort


def _share_of(state: str) -> Any:
    def parts(fact: Fact) -> tuple[ColumnElement, ...]:
        found = func.sum(case((fact.state == state, 1), else_=0))
        return (found.label("numerator"), func.count().label("denominator"), func.count().label("n"))

    return parts


class _Step(NamedTuple):
    """A stage of a funnel; every deal of its pipeline has reached the `first` one."""

    id: int
    pipeline_id: int
    position: int
    type: str
    first: bool

    def reached_by(self, line: Mapping[str, Any]) -> bool:
        if line["d_pipeline"] != self.pipeline_id:
            return False
        far = self.first or (line["d_furthest"] is not None and self.position <= line["d_furthest"])
        return line["d_state"] == WON or (self.type == OPEN and far)

    def passed_by(self, line: Mapping[str, Any]) -> bool:
        """Whether what reached it got further."""
        return line["d_state"] == WON or (line["d_furthest"] is not None and line["d_furthest"] > self.position)

    def is_reached(self, deals: Any) -> ColumnElement[bool]:
        """What `reached_by` says of lines, of columns."""
        far = true() if self.first else deals.d_furthest >= self.position
        return and_(deals.d_pipeline == self.pipeline_id, or_(deals.d_state == WON, *([far] if self.type == OPEN else [])))


class Funnel(Deals):
    """Deals of a cohort with the stages they have reached: "stage" is such a stage, not the one where they are.

    Reached is every open stage of its pipeline up to the furthest one a deal has been in, those it skipped included;
    going back takes nothing away. Who is won has reached all of them. Deals are counted by how far they got; `spread`
    makes a line for each stage of that.
    """

    steps: tuple[str, ...] = (OPEN, WON)
    always = False  # whether each stage reached is a row of its own, even where it is not asked for

    def rows_key(self, query: MetricQuery) -> tuple[Any, ...]:
        # Narrowed down to stages other figures leave deals out.
        return (Funnel if "stage" in query.filters else Deals, *super().rows_key(query)[1:])

    def keys(self, query: MetricQuery) -> Sequence[ColumnElement]:
        return super().keys(replace(query, by=tuple(name for name in query.by if name != "stage")))

    def groups_of(self, query: MetricQuery) -> Sequence[ColumnElement]:
        groups = super().groups_of(query)
        return [*groups, *self._reached(query)] if self._by_step(query) else groups

    def spread(self, query: MetricQuery, lines: Lines) -> Lines:
        """The lines of the stages reached, of those by how far deals got."""
        if not self._by_step(query):
            return lines
        steps = self._steps(query)
        kept = [f"d_{name}" for name in query.by if name != "stage"]
        kept += ["currency"] if lines and "currency" in lines[0] else []
        by_stage = "stage" in query.by
        return merged(
            {**{name: line[name] for name in kept}, **({"d_stage": step.id} if by_stage else {}), **self.step_parts(step, line)}
            for line in lines
            for step in steps
            if step.reached_by(line)
        )

    def drill(self, query: MetricQuery) -> Select:
        if "stage" not in query.filters:
            return super().drill(query)
        fact = fact_of(query)
        columns = (deal_id(fact).label("deal_id"), *self._reached(query))
        deals = self.selected(fact, query).where(*self.counted(fact, query)).with_only_columns(*columns).subquery()
        some = or_(false(), *(step.is_reached(deals.c) for step in self._steps(query)))
        return select(deals.c.deal_id).where(some).execution_options(with_trash=True)

    def filter(self, fact: Fact, name: str, wanted: Any) -> ColumnElement[bool]:
        # Stages of a query are stages reached: they are asked of the steps.
        return true() if name == "stage" else super().filter(fact, name, wanted)

    def step_parts(self, _step: _Step, line: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a line is worth for a stage that its deals have reached."""
        return {name: line[name] for name in ("value", "n", "unvalued") if name in line}

    def _by_step(self, query: MetricQuery) -> bool:
        return self.always or "stage" in query.by or "stage" in query.filters

    def _reached(self, query: MetricQuery) -> Sequence[ColumnElement]:
        fact = fact_of(query)
        return [fact.pipeline_id.label("d_pipeline"), fact.state.label("d_state"), _furthest(fact, query).label("d_furthest")]

    def _steps(self, query: MetricQuery) -> list[_Step]:
        wanted = listed(query.filters["stage"]) if "stage" in query.filters else None
        return [step for step in _stages() if step.type in self.steps and (wanted is None or step.id in wanted)]


class _Conversion(Funnel):
    """Of the deals that reached an open stage, how many reached the next one."""

    steps = (OPEN,)
    always = True

    def step_parts(self, step: _Step, line: Mapping[str, Any]) -> Mapping[str, Any]:
        n = line["n"]
        return {"numerator": n if step.passed_by(line) else 0, "denominator": n, "n": n}


def _stages() -> list[_Step]:
    """The stages of all funnels."""
    stages = select(Stage.id, Stage.pipeline_id, Stage.position, Stage.type).where(Stage.type.in_((OPEN, WON)))
    found = db.session.execute(stages.order_by(Stage.pipeline_id, Stage.position, Stage.id), execution_options={"with_trash": True}).all()
    first: dict[int, int] = {}
    for row in found:
        if row.type == OPEN:
            first.setdefault(row.pipeline_id, row.position)
    return [_Step(*row, row.position == first.get(row.pipeline_id)) for row in found]


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
    places: dict[int, dict[int, int]] = {}
    for step in _stages():
        if step.type == OPEN:
            places.setdefault(step.pipeline_id, {})[step.id] = step.position
    if not places:
        return cast(null(), Integer)
    return case(*((fact.pipeline_id == pipeline_id, case(some, value=stage_id)) for pipeline_id, some in places.items()))


_REACHED = Funnel(states=STATES, dated="opened_on", parts=count)
_ONWARD = _Conversion(states=STATES, dated="opened_on", parts=count)
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
        spread=_REACHED.spread,
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
        _ONWARD,
        spread=_ONWARD.spread,
        shape="ratio",
        repeats=True,
        **COHORT,
    ),
)
