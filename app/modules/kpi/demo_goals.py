"""The goals themselves: of the company, of its teams and of each rep, for the last four quarters and the one that runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from babel.dates import format_date
from flask import g
from sqlalchemy import select

from app.core.clock import noon
from app.core.db import db, utcnow
from app.core.demo import DemoPlan
from app.core.metrics import MetricQuery, evaluate
from app.core.metrics import metrics as known_metrics
from app.core.models import Membership, Team
from app.core.relative_dates import around
from app.core.workdays import working_days
from app.modules.kpi.models import (
    ACTIVE,
    BAND,
    CLOSED,
    COMPANY,
    DOWN,
    DRAFT,
    LAGGING,
    LEADING,
    MEMBER,
    MONTH,
    PROPOSED,
    QUARTER,
    TEAM,
    UP,
    YEAR,
    Goal,
    GoalRule,
)
from app.modules.kpi.progress.baselines import baselines_of
from app.modules.kpi.progress.measure import measure, plain, reached

QUARTERS, MONTHS = 5, 7  # with the one that runs
CURVE = [7, 8, 9, 8, 9, 9, 8, 4, 9, 11, 10, 8]  # how a year's sales fall to its months, in percent
SOFT, SOFT_SHARE = "Vicent Climent", Decimal("0.5")  # whose quota is half of what he sells
STRETCHED, STRETCH, CAUTIOUS = "Norte", Decimal("1.5"), Decimal("0.86")  # what the quarter that runs asks of a team
ASKED = {"visit": ("visitas", 4, "15"), "call": ("llamadas", 8, "20")}  # what it is called, the least, the weight
ONE_DAY = timedelta(days=1)
HALF, ROUND = Decimal("0.5"), Decimal(5000)
Span = tuple[date, date]


@dataclass
class Sold:
    """What was sold, by rep and quarter, and what a quarter usually brings."""

    by_quarter: Mapping[Span, Mapping[int, Decimal]]
    closed: Sequence[Span]

    def of(self, member_id: int, span: Span) -> Decimal:
        return self.by_quarter[span].get(member_id, Decimal(0))

    def usual(self, member_id: int) -> Decimal:
        return sum((self.of(member_id, span) for span in self.closed), Decimal(0)) / len(self.closed)


def make(plan: DemoPlan, objectives: Mapping[str, int]) -> list[Goal]:
    """All goals, those of periods that are over closed with what was reached; stored, without what was said about them."""
    maker = _Maker(plan, objectives)
    goals: list[Goal] = maker.year()
    for span in maker.quarters:
        goals += maker.quarter(span, goals[0])
    goals += maker.activities() + maker.beside(goals)
    for goal, baseline in zip(goals, baselines_of(goals), strict=True):
        for name, value in baseline.items():
            setattr(goal, name, value)
    over = [goal for goal in goals if goal.state == CLOSED]
    told = measure([_running(goal) for goal in over])
    for goal in over:
        goal.state, goal.final = CLOSED, told[goal.id].value
        goal.attained = reached(goal, goal.final)
    db.session.flush()
    g.actor_id = None
    return goals


def _running(goal: Goal) -> Goal:
    """A goal as it was before it was closed: it is measured."""
    goal.state = ACTIVE
    return goal


class _Maker:
    """Makes goals; all chance comes from the plan."""

    def __init__(self, plan: DemoPlan, objectives: Mapping[str, int]) -> None:
        self.plan, self.chance, self.objectives = plan, plan.random, objectives
        self.teams = {t.name: t for t in db.session.scalars(select(Team).order_by(Team.id))}
        self.head = db.session.scalars(select(Membership.id).order_by(Membership.id)).first()
        self.quarters = self._spans(QUARTER, QUARTERS)
        self.running = self.quarters[-1]
        self.share = Decimal(working_days(self.running[0], plan.today)) / working_days(*self.running)
        told = {span: self._figure("crm.won_amount", span) for span in self.quarters}
        self.sold = Sold(told, self.quarters[:-1])
        self.known = known_metrics()

    def _spans(self, period: str, count: int) -> list[Span]:
        """The last periods and the one that runs, oldest first."""
        found, at = [], self.plan.today
        for _turn in range(count):
            found.append(around(at, period))
            at = found[-1][0] - ONE_DAY
        return found[::-1]

    def _figure(self, metric: str, span: Span, filters: Mapping[str, Any] | None = None) -> dict[int, Decimal]:
        rows = evaluate(metric, MetricQuery(start=span[0], end=span[1], by=("owner",), filters=filters or {})).rows
        return {row.keys["owner"]: plain(row.value) or Decimal(0) for row in rows}

    # Results

    def year(self) -> list[Goal]:
        first, last = around(self.plan.today, YEAR)
        usual = sum((self.sold.usual(rep.id) for rep in self.plan.reps), Decimal(0))
        target = _nice(usual * 4 * Decimal("1.04"), 20)
        name = f"Vender {_euros(target)} en {first.year}"
        return [self._add(name, "crm.won_amount", (first, last), COMPANY, self.head, target, YEAR, "sales", curve=CURVE, weight=40)]

    def quarter(self, span: Span, year: Goal) -> list[Goal]:
        """The quotas of a quarter, the goals of the teams that they serve, and the company's."""
        quotas = {rep.id: self._quota(rep, span) for rep in self.plan.reps}
        total, top_parent = sum(quotas.values()), year if year.first_day <= span[0] else None
        target = _nice(total * Decimal("0.94"), 4)
        top = self._add(f"Vender {_euros(target)} en el {_quarter(span)}", "crm.won_amount", span, COMPANY, self.head, target, QUARTER,
                        "sales", parent=top_parent, weight=20)  # fmt: skip
        goals = [top, *self._company(span)]
        for name in dict.fromkeys(self.plan.team_of.values()):
            goals += self._team(name, span, top, quotas)
        return goals

    def _quota(self, rep: Membership, span: Span) -> Decimal:
        """About what the rep usually sells, and what this quarter is like."""
        usual, now = self.sold.usual(rep.id), self.sold.of(rep.id, span)
        if span == self.running:
            now = now / self.share if self.share > Decimal("0.2") else usual
        if rep.name == SOFT:
            return _nice(usual * SOFT_SHARE)
        found = (usual * Decimal("0.55") + now * Decimal("0.45")) * Decimal(self.chance.randrange(84, 112)) / 100
        if span == self.running:
            found *= STRETCH if self.plan.team_of[rep.id] == STRETCHED else CAUTIOUS
        return max(_nice(found), Decimal(60_000))

    def _company(self, span: Span) -> list[Goal]:
        """What the company wants beside sales."""
        over = _quarter(span)
        rate, days = Decimal(self.chance.choice(("0.31", "0.32", "0.33"))), Decimal(self.chance.choice((58, 60, 62)))
        return [
            self._add(f"Tasa de cierre del {int(rate * 100)} % en el {over}", "crm.win_rate", span, COMPANY, self.head, rate, QUARTER,
                      "sales", weight=15),
            self._add(f"Cerrar en {days} días o menos en el {over}", "crm.sales_cycle_days", span, COMPANY, self.head, days, QUARTER,
                      "fast", direction=DOWN, weight=10),
            self._add(f"Satisfacción de 8,2 o más tras la visita en el {over}", "kpi.satisfaccion_tras_la_visita", span, COMPANY, self.head,
                      Decimal("8.2"), QUARTER, "keep", weight=15),
        ]  # fmt: skip

    def _team(self, name: str, span: Span, top: Goal, quotas: Mapping[int, Decimal]) -> list[Goal]:
        team, reps = self.teams[name], [rep for rep in self.plan.reps if self.plan.team_of[rep.id] == name]
        target = _nice(sum(quotas[rep.id] for rep in reps) * Decimal("0.96"), 2)
        goal = self._add(f"{name}: vender {_euros(target)} en el {_quarter(span)}", "crm.won_amount", span, TEAM, team.manager_id, target,
                         QUARTER, None, parent=top, team=team, weight=60)  # fmt: skip
        return [goal, *(
            self._add(f"Vender {_euros(quotas[rep.id])} en el {_quarter(span)}", "crm.won_amount", span, MEMBER, rep.id, quotas[rep.id],
                      QUARTER, None, parent=goal, weight=50, is_quota=True)
            for rep in reps
        )]  # fmt: skip

    # Activities

    def activities(self) -> list[Goal]:
        """What leads to results: visits and calls of every month, made by a rule with a target for each rep."""
        spans = self._spans(MONTH, MONTHS)
        return [goal for kind in ASKED for goal in self._asked(kind, spans)]

    def _asked(self, kind: str, spans: Sequence[Span]) -> list[Goal]:
        word, least, weight = ASKED[kind]
        told = self._figure("crm.activities_done", (spans[0][0], spans[-2][1]), {"kind": kind})
        usual = {rep.id: told.get(rep.id, Decimal(0)) / (len(spans) - 1) for rep in self.plan.reps}
        middle = sorted(usual.values())[len(usual) // 2]
        targets = {}
        for rep in self.plan.reps:
            base = max(usual[rep.id], middle) * Decimal("1.5") if rep.name == SOFT else usual[rep.id]
            targets[rep.id] = max(_whole(base * Decimal(self.chance.randrange(75, 110)) / 100), Decimal(least))
        rule = GoalRule(
            name=f"{word.capitalize()} del mes", metric="crm.activities_done", filters={"kind": kind}, period=MONTH, audience="members",
            whom={"roles": ["rep"]}, target=Decimal(least * 2), targets={str(key): int(value) for key, value in targets.items()},
            weight=int(weight), grade=LEADING, objective_id=self.objectives["visits"], starts_on=spans[0][0],
        )  # fmt: skip
        db.session.add(rule)
        db.session.flush()
        return [
            self._add(f"{targets[rep.id]} {word} en {_month(span[0])}", "crm.activities_done", span, MEMBER, rep.id, targets[rep.id], MONTH,
                      "visits", filters={"kind": kind}, weight=int(weight), grade=LEADING, rule_id=rule.id)
            for span in spans for rep in self.plan.reps
        ]  # fmt: skip

    # What waits for somebody

    def beside(self, goals: Sequence[Goal]) -> list[Goal]:
        """A proposal that waits for rep@, a counter-proposal for manager@, drafts, a band, and a goal that serves nothing."""
        span, until = self.running, _quarter(self.running)
        following = around(span[1] + ONE_DAY, QUARTER)
        first, second = self.plan.reps[0], self.plan.reps[1]
        levante, centro = self.teams["Levante"], self.teams["Centro"]
        usual = _nice(self.sold.usual(first.id), 2)
        wins = max(_whole(self._figure("crm.won_count", self.quarters[-2]).get(second.id, Decimal(0)) * Decimal("1.3")), Decimal(6))
        total = _nice(sum((self.sold.usual(rep.id) for rep in self.plan.reps), Decimal(0)), 4)
        return [
            self._add(f"Abrir negocios por {_euros(usual * 2)} en el {until}", "crm.pipeline_created", span, MEMBER, first.id, usual * 2,
                      QUARTER, "new", state=PROPOSED, weight=10),
            self._add(f"{wins} negocios ganados en el {until}", "crm.won_count", span, MEMBER, second.id, wins, QUARTER, "sales",
                      state=PROPOSED, weight=10),
            self._add(f"Levante: venta media entre 35.000 € y 60.000 € en el {until}", "crm.average_deal_size", span, TEAM,
                      levante.manager_id, None, QUARTER, "sales", team=levante, direction=BAND, low=Decimal(35_000), high=Decimal(60_000),
                      weight=20),
            *(self._opening(team, until) for team in (centro, self.teams[STRETCHED])),
            self._add(f"Centro: contacto efectivo del 75 % en el {until}", "crm.effective_contact_rate", span, TEAM, centro.manager_id,
                      Decimal("0.75"), QUARTER, None, team=centro, weight=20),
            self._add(f"Ventas por parámetros: {_euros(total)} en el {_quarter(following)}", "kpi.ventas_por_parametros", following, COMPANY,
                      self.head, total, QUARTER, "sales", state=DRAFT),
            self._add(f"Levante: 40 % de contacto con cuentas objetivo en el {_quarter(following)}", "crm.target_account_reach", following,
                      MEMBER, levante.manager_id, Decimal("0.4"), QUARTER, "keep", state=DRAFT),
        ]  # fmt: skip

    def _opening(self, team: Team, until: str) -> Goal:
        """As much new business as the team opened in the quarter before."""
        opened = self._figure("crm.pipeline_created", self.quarters[-2])
        target = _nice(sum((each for rep_id, each in opened.items() if self.plan.team_of.get(rep_id) == team.name), Decimal(0)), 4)
        return self._add(f"{team.name}: abrir negocios por {_euros(target)} en el {until}", "crm.pipeline_created", self.running, TEAM,
                         team.manager_id, target, QUARTER, "new", team=team, weight=20, grade=LEADING)  # fmt: skip

    def _add(self, name: str, metric: str, span: Span, scope: str, owner_id: int | None, target: Decimal | None, period: str,
             aim: str | None, *, parent: Goal | None = None, team: Team | None = None, state: str = "", **more: Any) -> Goal:  # fmt: skip
        found = self.known[metric]
        state = state or (CLOSED if span[1] < self.plan.today else ACTIVE)
        begun = noon(span[0])
        goal = Goal(
            name=name, metric=metric, metric_version=found.version, scope=scope, owner_id=owner_id, target=target, period=period,
            first_day=span[0], last_day=span[1], team_id=team.id if team else None, parent_id=parent.id if parent else None,
            objective_id=self.objectives[aim] if aim else None, state=state, source="demo",
            currency=g.company.currency if found.unit == "money" else None, review_on=span[0] + (span[1] - span[0]) / 2,
            **{"direction": UP, "grade": LAGGING, "filters": {}, "curve": [], "cadence": MONTH, **more},
        )  # fmt: skip
        if state != DRAFT:
            goal.proposed_at = begun - timedelta(days=14) if state != PROPOSED else utcnow() - timedelta(days=2)
        if state in (ACTIVE, CLOSED):
            goal.agreed_at, goal.activated_at = begun - timedelta(days=8), begun
        if state == CLOSED:
            goal.closed_at = min(noon(span[1] + 3 * ONE_DAY), utcnow())
        g.actor_id = self.head
        db.session.add(goal)
        if scope != MEMBER:
            db.session.flush()  # others serve it
        return goal


def _nice(value: Decimal, steps: int = 1) -> Decimal:
    """An amount that somebody would set: rounded to so many times 5,000."""
    unit = ROUND * steps
    return (value / unit).to_integral_value(ROUND_HALF_UP) * unit


def _whole(value: Decimal) -> Decimal:
    return value.to_integral_value(ROUND_HALF_UP)


def _euros(value: Decimal) -> str:
    return f"{int(value):,} €".replace(",", ".")


def _quarter(span: Span) -> str:
    """Its name where the year of the demo begins in January: "T4 2026"."""
    return f"T{(span[1].month - 1) // 3 + 1} {span[1].year}"


def _month(first: date) -> str:
    return format_date(first, "MMMM 'de' y", locale="es")
