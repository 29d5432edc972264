"""Where goals stand: what was reached, what share of the target that is, and how it compares with the pace.

Set-wise: goals that ask the same figure of the same days are answered by one statement, however many they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from flask import g
from sqlalchemy import select

from app.core.access import can, teams_below
from app.core.clock import end_of, local_date, today
from app.core.db import db
from app.core.errors import BusinessError
from app.core.figure_parts import Parts
from app.core.figure_rollup import rolled_up
from app.core.figures import NO_AMOUNT, NO_OUTCOME, NO_RATE, Figure, FigureRow
from app.core.i18n import _
from app.core.metrics import Metric, MetricQuery, evaluate, metrics, reader_scope
from app.core.models import Team
from app.core.money import Money
from app.core.rates import RateTable
from app.core.workdays import working_days
from app.modules.kpi.models import BAND, CLOSED, DOWN, MEMBER, TEAM, Goal
from app.modules.kpi.progress.curve import share_by
from app.modules.kpi.settings.queries import settings

WAITING, ON_TRACK, AT_RISK, OFF_TRACK, ATTAINED, MISSED, UNKNOWN = (
    "waiting", "on_track", "at_risk", "off_track", "attained", "missed", "unknown",
)  # fmt: skip
HUNDRED = 100
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Progress:
    """Where a goal stands on a day.

    `value` is in whole units (of company currency for money), None where nobody knows, and then `reason` says why.
    `target` is in company currency too. `attainment` is a share of 1: actual ÷ target, the other way round where lower is
    better, of a band how close it is. `share` is how much of the period's working days are over, `expected` what the value
    would be on pace, `pace` actual ÷ expected (m19). `needed` is what every working day that is left has to bring, or, where
    lower is better, may bring. `parts` are numerator and denominator of a ratio.
    """

    goal_id: int
    value: Decimal | None
    n: int = 0
    reason: str = ""
    target: Decimal | None = None
    attainment: Decimal | None = None
    share: Decimal = Decimal(0)
    expected: Decimal | None = None
    pace: Decimal | None = None
    needed: Decimal | None = None
    days_left: int = 0
    status: str = UNKNOWN
    excluded: Mapping[str, int] | None = None
    parts: tuple[Decimal, Decimal] | None = None

    @property
    def gap(self) -> Decimal | None:
        """What is missing to the target; negative when it is passed."""
        return None if self.value is None or self.target is None else self.target - self.value


@dataclass(frozen=True)
class Question:
    """What is asked of the registry for a goal: equal ones are asked once."""

    metric: str
    scope: str
    start: date
    end: date
    filters: tuple[tuple[str, Any], ...]


def accrues(metric: Metric) -> bool:
    """Whether a figure adds up over the days of a period, so that half of the days should have brought half of it."""
    return metric.period and "month" in metric.additive


def measure(goals: Iterable[Goal], on: date | None = None) -> dict[int, Progress]:
    """Where goals stand at the end of a day (today unless given): goal id -> `Progress`."""
    goals = list(goals)
    day = on or today()
    known = metrics()
    found: dict[int, Progress] = {}
    asked: dict[Question, list[Goal]] = {}
    for goal in goals:
        if why := refusal(goal, known.get(goal.metric)):
            found[goal.id] = Progress(goal.id, None, reason=why)
        elif goal.first_day > day or _is_settled(goal, day):
            final = goal.final if _is_settled(goal, day) else None
            found[goal.id] = _placed(goal, known[goal.metric], final, 0, day, {})
        else:
            asked.setdefault(question(goal, min(goal.last_day, day)), []).append(goal)
    for what, told in answers(asked, on=on).items():
        found |= _answered(what, told, asked[what], day)
    return found


def _is_settled(goal: Goal, day: date) -> bool:
    """Whether what was reached is written down: a goal that was closed says what it was closed with."""
    return goal.state == CLOSED and goal.final is not None and day > goal.last_day


def answers(asked: Iterable[Question], *by: str, on: date | None = None, at_end: bool = False) -> dict[Question, Figure | BusinessError]:
    """What the registry says to questions, split by `by`, and those about people by owner; or why it says nothing.

    All teams that ask the same are asked at once. A team with others below it is asked by itself where teams share what is
    counted, such as a meeting of two: their answers do not add up. `on` asks what was so at the end of that day; with `at_end`
    a figure of the moment is that of the last day of its question.
    """
    known = metrics()
    together: dict[Question, list[Question]] = {}
    for what in asked:
        together.setdefault(_of_teams(what) if _is_told_with_others(what, known[what.metric], by) else what, []).append(what)
    found: dict[Question, Figure | BusinessError] = {}
    for what, same in together.items():
        day = what.end if at_end and not known[what.metric].period else on
        if same == [what]:
            found[what] = _said(what, *(("owner", *by) if what.scope == MEMBER else by), on=day)
            continue
        figure = _said(_of_teams(what, {team for each in same for team in _teams_in(each)}), "team", *by, on=day)
        for each in same:
            mine = figure if isinstance(figure, BusinessError) else rolled_up(figure, *by, only={"team": _teams_in(each)})
            found[each] = mine or _said(each, *by, on=day)
    return found


def _is_told_with_others(what: Question, metric: Metric, by: Sequence[str]) -> bool:
    """Whether the answer about a team can be taken from that about several. A goal need not say which team yet."""
    teams, alone = _teams_in(what), "team" in metric.dimensions and not metric.inputs
    return what.scope == TEAM and alone and (len(teams) == 1 or (bool(teams) and {"team", *by} <= metric.parted))


def _teams_in(what: Question) -> tuple[int, ...]:
    return dict(what.filters).get("team", ())


def _of_teams(what: Question, teams: Iterable[int] = ()) -> Question:
    """A question about a team, asked of whichever teams are named instead."""
    others = tuple(pair for pair in what.filters if pair[0] != "team")
    return replace(what, filters=(*others, ("team", tuple(sorted(teams)))) if teams else others)


def _said(what: Question, *by: str, on: date | None) -> Figure | BusinessError:
    try:
        return evaluate(what.metric, query_of(what, *by, on=on))
    except BusinessError as refused:  # a filter or a split that this metric does not know
        return refused


def refusal(goal: Goal, metric: Metric | None) -> str:
    """Why the reader gets no figure of a goal; empty when they do."""
    if metric is None:
        return _("The application that this figure comes from is switched off.")
    if not can(metric.permission):
        return _("You may not see this figure.")
    return "" if may_measure(goal, metric) else _("You may not see the figures of everybody in this goal.")


def may_measure(goal: Goal, metric: Metric) -> bool:
    """Whether the reader may see the figures of all whom a goal is about."""
    allowed = reader_scope(metric.module)
    if allowed is None:
        return True
    if goal.scope == MEMBER:
        return goal.owner_id in allowed
    return goal.scope == TEAM and can(f"{metric.module}.figures.team") and goal.team_id in _my_teams()


def _my_teams() -> set[int]:
    """The reader's teams and those below; each reader's are read once per app context."""
    known: dict[int, set[int]] = g.setdefault("kpi_my_teams", {})
    if g.me.member_id not in known:
        known[g.me.member_id] = teams_below(g.me.member_id)
    return known[g.me.member_id]


def teams_of(goal: Goal) -> tuple[int, ...]:
    """The team that a goal is about and the teams below it; each read once per app context."""
    known: dict[int, tuple[int, ...]] = g.setdefault("kpi_teams_of", {})
    if goal.team_id is None:
        return ()
    if goal.team_id not in known:
        above = dict(db.session.execute(select(Team.id, Team.parent_id), execution_options={"all_rows": True}).all())
        for each in sorted(above):
            for team_id in _line(each, above):
                known[team_id] = (*known.get(team_id, ()), each)
    return known.get(goal.team_id, (goal.team_id,))


def _line(team_id: int, above: Mapping[int, int | None]) -> set[int]:
    """A team and all above it."""
    found: set[int] = set()
    at: int | None = team_id
    while at is not None and at not in found:
        found.add(at)
        at = above.get(at)
    return found


def question(goal: Goal, last: date | None = None, first: date | None = None) -> Question:
    """What a goal asks of the registry about its own days or others."""
    filters = {**goal.filters}
    if goal.scope == TEAM and goal.team_id is not None:
        filters["team"] = list(teams_of(goal))
    said = tuple((name, tuple(each) if isinstance(each, list) else each) for name, each in sorted(filters.items()))
    return Question(goal.metric, goal.scope, first or goal.first_day, last or goal.last_day, said)


def query_of(what: Question, *by: str, on: date | None = None) -> MetricQuery:
    """The question as the registry takes it; `on` asks what was so at the end of that day."""
    filters = {name: list(each) if isinstance(each, tuple) else each for name, each in what.filters}
    return MetricQuery(start=what.start, end=what.end, by=by, filters=filters, as_of=end_of(on) if on and on < today() else None)


def _answered(what: Question, told: Figure | BusinessError, goals: Sequence[Goal], day: date) -> dict[int, Progress]:
    if isinstance(told, BusinessError):
        return {goal.id: Progress(goal.id, None, reason=told.message) for goal in goals}
    rows = {row.keys.get("owner"): row for row in told.rows}
    found = {}
    for goal in goals:
        owner = goal.owner_id if what.scope == MEMBER else None
        row = rows.get(owner)
        value = plain(row.value) if row else None
        if value is None and told.metric.shape == "sum":
            value = Decimal(0)
        excluded = _left_out(told, owner) if what.scope == MEMBER else told.excluded
        found[goal.id] = replace(_placed(goal, told.metric, value, row.n if row else 0, day, excluded or {}), parts=fraction(row))
    return found


def fraction(row: FigureRow | None) -> tuple[Decimal, Decimal] | None:
    """Numerator and denominator of a ratio, in whole units; None of other figures and where there is nothing."""
    parts = (plain(row.numerator), plain(row.denominator)) if row else (None, None)
    return None if parts[0] is None or parts[1] is None else (parts[0], parts[1])


def _left_out(figure: Figure, owner_id: int | None) -> Mapping[str, int]:
    """How many rows of an owner were left out of a figure that was asked for all of them, by reason."""
    if not figure.lines or not any(figure.excluded.values()):
        return figure.excluded
    mine = [line for line in figure.lines if line["d_owner"] == owner_id]
    parts, rates = Parts(), RateTable({line["currency"] for line in mine if "currency" in line})
    for line in mine:
        parts.add(figure.metric, line, rates, local_date(figure.as_of))
    told = {NO_RATE: parts.missing, NO_AMOUNT: parts.unvalued, NO_OUTCOME: parts.unsaid}
    return {reason: told.get(reason, n) for reason, n in figure.excluded.items()}


def plain(value: int | Decimal | Money | None) -> Decimal | None:
    """A value of the registry in whole units."""
    return value.amount if isinstance(value, Money) else None if value is None else Decimal(value)


def _placed(goal: Goal, metric: Metric, value: Decimal | None, n: int, day: date, excluded: Mapping[str, int]) -> Progress:
    """A value against target and pace."""
    target = in_company_currency(goal)
    total, over = working_days(goal.first_day, goal.last_day), working_days(goal.first_day, min(day, goal.last_day))
    left = working_days(max(day + ONE_DAY, goal.first_day), goal.last_day)
    found = Progress(
        goal.id, value, n, target=target, days_left=left, excluded=excluded, attainment=attainment(goal, value, target),
        share=Decimal(over) / total if total else Decimal(int(day >= goal.last_day)), reason=_lacking(goal, value, target, day),
    )  # fmt: skip
    if goal.direction == BAND or target is None or not accrues(metric):
        found = replace(found, expected=None if goal.direction == BAND else target, pace=found.attainment)
        return replace(found, status=_status(goal, found, day, False))
    expected = target * share_by(goal, day)
    above, below = (expected, value) if goal.direction == DOWN else (value, expected)
    pace = above / below if above is not None and below else None
    needed = max((target - value) / left, Decimal(0)) if value is not None and left > 0 else None
    found = replace(found, expected=expected, pace=pace, needed=needed)
    return replace(found, status=_status(goal, found, day, True))


def _lacking(goal: Goal, value: Decimal | None, target: Decimal | None, day: date) -> str:
    """Why there is nothing to compare; empty when there is."""
    if goal.direction != BAND and target is None:
        return _("There is no exchange rate for the currency of the target.") if goal.target is not None else _("There is no target.")
    return _("Nothing was recorded in the period yet.") if value is None and goal.first_day <= day else ""


def attainment(goal: Goal, value: Decimal | None, target: Decimal | None) -> Decimal | None:
    """Actual ÷ target (m18); target ÷ actual where lower is better; of a band 1 inside it, else how close it comes.

    None where it is undefined: nothing known, a target of zero. A value of zero where lower is better reaches any target.
    """
    if value is None:
        return None
    if goal.direction == BAND:
        if goal.low is not None and value < goal.low:
            return value / goal.low if goal.low else None
        if goal.high is not None and value > goal.high:
            return goal.high / value if value else None
        return Decimal(1)
    if target is None:
        return None
    if goal.direction == DOWN:
        return target / value if value > 0 else Decimal(1) if target >= 0 else None
    return value / target if target else None


def in_company_currency(goal: Goal) -> Decimal | None:
    """The target of a goal in company currency, at the rate of the day its period begins; None without a rate."""
    return converted(goal, goal.target)


def converted(goal: Goal, amount: Decimal | None) -> Decimal | None:
    """An amount of a goal in company currency, at the rate of the day its period begins (the budget rate)."""
    if amount is None or goal.currency in (None, "", g.company.currency):
        return amount
    rate = _rates(goal.currency).rate(goal.currency, goal.first_day)
    return None if rate is None else amount * rate


def in_own_currency(goal: Goal, amount: Decimal | None) -> Decimal | None:
    """An amount of company currency in that of a goal, at the same rate; as it is where there is none."""
    one = converted(goal, Decimal(1))
    return amount / one if amount is not None and one else amount


def _rates(currency: str) -> RateTable:
    """The rates of a currency, read once per app context."""
    known: dict[str, RateTable] = g.setdefault("kpi_rates", {})
    if currency not in known:
        known[currency] = RateTable((currency,))
    return known[currency]


def reached(goal: Goal, value: Decimal | None) -> bool | None:
    """Whether a value reaches a goal; None where that cannot be told."""
    if value is None:
        return None
    if goal.direction == BAND:
        return (goal.low is None or value >= goal.low) and (goal.high is None or value <= goal.high)
    target = in_company_currency(goal)
    if target is None:
        return None
    return value <= target if goal.direction == DOWN else value >= target


def _status(goal: Goal, found: Progress, day: date, adds_up: bool) -> str:
    if goal.state == CLOSED or day > goal.last_day:
        done = goal.attained if goal.state == CLOSED and goal.attained is not None else reached(goal, found.value)
        return UNKNOWN if done is None else ATTAINED if done else MISSED
    if day < goal.first_day:
        return WAITING
    if found.value is None or (found.target is None and goal.direction != BAND):
        return UNKNOWN
    if adds_up and goal.direction != DOWN and found.value >= (found.target or 0):
        return ATTAINED
    if adds_up and goal.direction == DOWN and found.value > (found.target or 0):
        return OFF_TRACK  # it only grows: there is no way back
    if found.pace is None:  # nothing was expected yet, or there is nothing of what should be little
        return ON_TRACK if not found.expected or not found.value else UNKNOWN
    percent, decided = found.pace * HUNDRED, settings()
    return ON_TRACK if percent >= decided.risk_percent else AT_RISK if percent >= decided.off_percent else OFF_TRACK
