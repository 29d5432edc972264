"""What the rules of the check have to know about goals, gathered for all of them at once.

Figures are asked once for all goals that ask the same; members, teams and other goals once for all. How many statements
that takes hangs on how many different questions there are, not on how many goals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from app.core.clock import today
from app.core.dimensions import labels_of
from app.core.figure_rollup import rolled_up
from app.core.figures import Figure, FigureRow
from app.core.metrics import Metric, metrics
from app.modules.kpi.models import MEMBER, Goal
from app.modules.kpi.progress.foretell import Outlook, outlooks
from app.modules.kpi.progress.measure import (
    Progress,
    Question,
    accrues,
    answers,
    measure,
    plain,
    question,
    refusal,
)
from app.modules.kpi.settings.models import Settings
from app.modules.kpi.settings.queries import settings
from app.modules.kpi.smart.ties import RUNNABLE, Ties, ties_of

YEARS_BACK = 2  # in which somebody must have recorded something
LEAD_TIME = "crm.sales_cycle_days"
# Figures whose records take a whole sales cycle to come about.
AFTER_A_CYCLE = frozenset({
    "crm.won_amount", "crm.won_count", "crm.credited_amount", "crm.win_rate", "crm.win_rate_value", "crm.average_deal_size",
})  # fmt: skip
Key = int  # of a goal that is not stored, None


@dataclass(frozen=True)
class Told:
    """An answer of the registry about one goal: value in whole units, of how many records, and how many were left out why."""

    value: Decimal | None
    n: int
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Facts:
    """What is known about goals, by their ids; what the reader may not know, or nobody can tell, is not in it."""

    day: date
    decided: Settings
    known: Mapping[str, Metric]
    labels: Mapping[str, Mapping[Any, str]]  # of the keys in filters, by dimension
    outlooks: Mapping[Key, Outlook]
    population: Mapping[Key, int]  # records of the last two years
    baselines: Mapping[Key, Told]  # what the question of the baseline answers now
    progress: Mapping[Key, Progress]  # of goals whose period has begun
    lead_days: Mapping[Key, Told]
    ties: Ties

    def metric(self, goal: Goal) -> Metric | None:
        return self.known.get(goal.metric)

    def base(self, goal: Goal) -> Decimal | None:
        """The baseline of a goal, as far as the reader may hear its figure."""
        return goal.baseline if goal.id in self.outlooks else None


def gather(goals: Iterable[Goal]) -> Facts:
    """Everything the rules need about goals."""
    goals, known = list(goals), metrics()
    told = [goal for goal in goals if not refusal(goal, known.get(goal.metric)) and not (goal.scope == MEMBER and goal.owner_id is None)]
    day = today()
    foretold = outlooks(told)
    return Facts(
        day=day,
        decided=settings(),
        known=known,
        labels=_labels(goals, known),
        outlooks=foretold,
        population=_population(told, foretold, day),
        baselines=_asked([goal for goal in told if goal.baseline_query], _of_baseline),
        progress=measure([g for g in told if g.first_day <= day and g.state in RUNNABLE and accrues(known[g.metric])]),
        lead_days=_lead_days(told, known, day),
        ties=ties_of(goals, known),
    )


def _population(goals: Sequence[Goal], foretold: Mapping[Key, Outlook], day: date) -> dict[Key, int]:
    """How many records of the last two years there are: those of the periods that history told, and only where it told
    none, another question."""
    found = {goal.id: sum(each.n for each in foretold[goal.id].past) for goal in goals}
    rest = [goal for goal in goals if not found[goal.id]]
    asked = _asked(rest, lambda goal: question(goal, day, _back(day)))
    return {key: n for key, n in found.items() if n} | {key: each.n for key, each in asked.items()}


def _back(day: date) -> date:
    return day - timedelta(days=365 * YEARS_BACK)


def _labels(goals: Sequence[Goal], known: Mapping[str, Metric]) -> dict[str, Mapping[Any, str]]:
    """What the keys of filters are called, for dimensions that exist."""
    keys: dict[str, set[Any]] = {}
    for goal in goals:
        metric = known.get(goal.metric)
        for name, wanted in (goal.filters or {}).items():
            if metric is not None and name in metric.dimensions:
                keys.setdefault(name, set()).update(k for k in keys_of(wanted) if k is not None)
    return {name: labels_of(name, some) for name, some in keys.items()}


def keys_of(wanted: Any) -> list[Any]:
    """The keys that a filter names."""
    return list(wanted) if isinstance(wanted, (list, tuple, set, frozenset)) else [wanted]


def _of_baseline(goal: Goal) -> Question:
    asked = goal.baseline_query or {}
    filters = tuple((name, tuple(each) if isinstance(each, list) else each) for name, each in sorted(asked["filters"].items()))
    return Question(asked["metric"], asked["scope"], date.fromisoformat(asked["from"]), date.fromisoformat(asked["to"]), filters)


def _lead_days(goals: Sequence[Goal], known: Mapping[str, Metric], day: date) -> dict[Key, Told]:
    """How long the records of figures take to come about, over the last two years; by the owner's own, where there are some."""
    if LEAD_TIME not in known:
        return {}
    waiting = [goal for goal in goals if takes_a_cycle(known[goal.metric])]

    def own(goal: Goal) -> Question:
        return replace(question(goal, day, _back(day)), metric=LEAD_TIME)

    return _asked(waiting, own)


def takes_a_cycle(metric: Metric) -> bool:
    """Whether a figure counts, or is made of figures that count, what ends a sales cycle."""
    return metric.id in AFTER_A_CYCLE or any(each in AFTER_A_CYCLE for each in metric.inputs)


def _asked(goals: Sequence[Goal], ask: Callable[[Goal], Question]) -> dict[Key, Told]:
    """What the registry answers to a question about each goal; equal questions are asked once."""
    same: dict[Question, list[Goal]] = {}
    for goal in goals:
        same.setdefault(ask(goal), []).append(goal)
    found: dict[Key, Told] = {}
    for what, figure in answers(same, at_end=True).items():
        if not isinstance(figure, Figure):  # a filter or a split that the figure does not know
            continue
        rows = {row.keys.get("owner"): row for row in figure.rows}
        for goal in same[what]:
            owner = goal.owner_id if what.scope == MEMBER else None
            found[goal.id] = _told(figure, what, owner, rows.get(owner))
    return found


def _told(figure: Figure, what: Question, owner: int | None, row: FigureRow | None) -> Told:
    value = (Decimal(0) if figure.metric.shape == "sum" else None) if row is None else plain(row.value)
    left_out: Mapping[str, int] = figure.excluded
    if what.scope == MEMBER and any(left_out.values()):
        mine = rolled_up(figure, "owner", only={"owner": owner}) if not figure.metric.inputs else None
        left_out = mine.excluded if mine is not None else {}
    return Told(value, row.n if row else 0, {reason: n for reason, n in left_out.items() if n})
