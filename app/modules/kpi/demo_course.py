"""What was said and done about the goals of the demo company, and what had been foretold of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from flask import g
from sqlalchemy import select

from app.core.clock import noon
from app.core.db import db, utcnow
from app.core.demo import DemoPlan
from app.core.metrics import MetricQuery, evaluate
from app.core.models import Team
from app.core.writes import bulk_insert
from app.modules.kpi.goals.services import keep_editions
from app.modules.kpi.models import (
    ACTIVE,
    BAND,
    CLOSED,
    DRAFT,
    MEMBER,
    MONTH,
    PROPOSED,
    Goal,
    GoalEdition,
    GoalSeen,
    GoalWord,
)
from app.modules.kpi.progress.curve import months_of
from app.modules.kpi.progress.foretell import outlooks
from app.modules.kpi.progress.measure import measure, plain
from app.modules.kpi.progress.models import CheckIn, GoalAction, Prediction

SILENT = ("Daniel Prieto", "Xabier Lasa")  # have not checked in since the quarter began
UNREAD = ("Xabier Lasa", "Olaia Goikoetxea")  # nor opened what was set for it
SURE = {
    5: ("Cerrado de palabra con dos cuentas más; llegamos de sobra.", "Con lo que está firmado ya casi estamos.", "Muy buen ritmo."),
    4: ("Buen mes. Falta confirmar una línea de envasado.", "Vamos bien si no se retrasan las firmas.", "El embudo da para llegar."),
    3: ("Depende de dos ofertas grandes que deciden a final de trimestre.", "Justo, pero posible.", "Necesito dos visitas más por semana."),
    2: ("Se han caído dos ofertas por precio. Hace falta reponer embudo.", "El cliente grande pasa la compra al año que viene."),
    1: ("Sin negocios maduros para este trimestre. Hay que hablarlo.", "No veo cómo llegar sin ayuda."),
}
# What is said about activities: when they are few, and when they are enough.
BUSY = (
    ("Semana de ofertas, poca calle. La próxima salgo tres días.", "Me faltan llamadas: las agrupo los lunes.", ""),
    ("Ruta completa esta semana.", "Agenda llena hasta fin de mes.", "Sin problema.", ""),
)
TORN = 2  # of five: up to here somebody is not sure
# Days from today until it is due, whether it is done, what.
ACTIONS = (
    (-20, True, "Repasar con dirección las tres ofertas mayores"), (-9, True, "Pedir condiciones de pago para la oferta de envasado"),
    (-4, False, "Llamar a las cuentas sin contacto en 30 días"), (2, False, "Preparar visita conjunta con el jefe de equipo"),
    (5, False, "Cerrar fecha de decisión en los negocios de este mes"), (9, False, "Proponer contrato de mantenimiento a los clientes nuevos"),
    (14, False, "Limpiar del embudo los negocios sin próximo paso"),
)  # fmt: skip
COUNTERED = "Con dos cuentas en concurso es lo que veo realista. Si entra la cerámica de Onda lo revisamos."
PROPOSED_TEXT = "Con el embudo de este mes hace falta reponer: propongo doblar lo que abrimos."
LESS = Decimal(2)  # how many deals fewer the other side offers


def tell(plan: DemoPlan, goals: Sequence[Goal]) -> None:
    """The words, editions, readings, check-ins, actions and predictions of goals that are stored."""
    managers = {team.id: team.manager_id for team in db.session.scalars(select(Team))}
    by_name = {team.name: team.manager_id for team in db.session.scalars(select(Team))}
    above = {rep.id: by_name[plan.team_of[rep.id]] for rep in plan.reps}
    head = goals[0].owner_id
    above |= {member_id: head for member_id in managers.values() if member_id is not None}
    begun = [goal for goal in goals if goal.state in (ACTIVE, CLOSED)]
    bulk_insert(GoalWord, [row for goal in goals for row in _words(goal, above.get(goal.owner_id or 0) or head)])
    _editions(begun, above)
    bulk_insert(GoalSeen, list(_seen(plan, begun, above)))
    bulk_insert(CheckIn, list(_checkins(plan, begun)))
    bulk_insert(GoalAction, list(_actions(plan, begun)))
    _predictions(begun)
    g.actor_id = None


def _words(goal: Goal, manager_id: int | None) -> Iterator[dict[str, Any]]:
    """The steps of a goal's way."""
    def said(kind: str, who: int | None, at: datetime | None, text: str = "", target: Decimal | None = goal.target) -> dict[str, Any]:
        return {"goal_id": goal.id, "member_id": who, "at": at or utcnow(), "kind": kind, "text": text, "target": target,
                "last_day": goal.last_day}  # fmt: skip

    if goal.state == DRAFT:
        return
    mine = goal.owner_id == manager_id
    if not mine:
        text = PROPOSED_TEXT if goal.state == PROPOSED and goal.metric == "crm.pipeline_created" else ""
        yield said("proposed", manager_id, goal.proposed_at, text)
    if goal.state == PROPOSED:
        if goal.metric == "crm.won_count":
            yield said("countered", goal.owner_id, utcnow() - timedelta(hours=20), COUNTERED, (goal.target or LESS) - LESS)
        return
    if not mine:
        yield said("agreed", goal.owner_id, goal.agreed_at)
    yield said("activated", manager_id, goal.activated_at)
    if goal.state == CLOSED:
        yield said("closed", manager_id, goal.closed_at)


def _editions(goals: Sequence[Goal], above: dict[int, int | None]) -> None:
    """What each goal said when it began."""
    for goal in goals:
        g.actor_id = above.get(goal.owner_id or 0) or goal.owner_id
        keep_editions([goal], "")
    began = {goal.id: goal.activated_at for goal in goals}
    for edition in db.session.scalars(select(GoalEdition).where(GoalEdition.goal_id.in_(began))):
        edition.at = began[edition.goal_id] or edition.at
    db.session.flush()


def _seen(plan: DemoPlan, goals: Sequence[Goal], above: dict[int, int | None]) -> Iterator[dict[str, Any]]:
    """Who has read what was set, and when."""
    late = {rep.id for rep in plan.reps if rep.name in UNREAD}
    for goal in goals:
        if goal.owner_id is None or goal.activated_at is None or (goal.owner_id in late and goal.state == ACTIVE and goal.period != MONTH):
            continue
        at = goal.activated_at + timedelta(hours=plan.random.randrange(1, 60))
        yield {"goal_id": goal.id, "member_id": goal.owner_id, "edition": 1, "at": min(at, utcnow())}


def _checkins(plan: DemoPlan, goals: Sequence[Goal]) -> Iterator[dict[str, Any]]:
    """At the end of each month, what reps say about their quotas: how sure they are follows how they stand."""
    quotas = [goal for goal in goals if goal.is_quota and goal.scope == MEMBER]
    query = MetricQuery(start=min(goal.first_day for goal in quotas), end=plan.today, by=("owner", "month"))
    sold = {(row.keys["owner"], row.keys["month"]): plain(row.value) or Decimal(0) for row in evaluate("crm.won_amount", query).rows}
    silent = {rep.id for rep in plan.reps if rep.name in SILENT}
    for goal in quotas:
        reached, months = Decimal(0), months_of(goal.first_day, goal.last_day)
        for number, (first, last) in enumerate(months, start=1):
            if last > plan.today or (goal.state == ACTIVE and goal.owner_id in silent):
                break
            reached += sold.get((goal.owner_id, first.year * 12 + first.month - 1), Decimal(0))
            pace = reached / (goal.target * number / len(months)) if goal.target else Decimal(1)
            sure = max(1, min(5, round(pace * 3) + plan.random.choice((0, 0, 1))))
            yield _checkin(goal, last, sure, plan.random.choice(SURE[sure]), reached)
    yield from _lately(plan, [goal for goal in goals if goal.state == ACTIVE and goal.scope == MEMBER and goal.owner_id not in silent])


def _lately(plan: DemoPlan, goals: Sequence[Goal]) -> Iterator[dict[str, Any]]:
    """What was said some days ago about what runs, unless the month has only begun."""
    day = plan.today - timedelta(days=4)
    if day.month != plan.today.month:
        return
    stood = measure(goals, on=day)
    for goal in goals:
        pace = stood[goal.id].pace
        sure = 3 if pace is None else max(1, min(5, round(pace * 3) + plan.random.choice((0, 1))))
        comment = plan.random.choice(SURE[sure]) if goal.is_quota else plan.random.choice(BUSY[sure > TORN])
        yield _checkin(goal, day, sure, comment, stood[goal.id].value or Decimal(0))


def _checkin(goal: Goal, day: date, sure: int, comment: str, actual: Decimal) -> dict[str, Any]:
    return {"goal_id": goal.id, "member_id": goal.owner_id, "on_day": day, "at": min(noon(day) + timedelta(hours=5), utcnow()),
            "confidence": sure, "comment": comment, "actual": actual}  # fmt: skip


def _actions(plan: DemoPlan, goals: Sequence[Goal]) -> Iterator[dict[str, Any]]:
    """What there is to do for the quotas that run; the rep who can log in has the most of it."""
    running = [goal for goal in goals if goal.state == ACTIVE and goal.is_quota]
    for goal in running:
        first = goal.owner_id == plan.reps[0].id
        for days, done, text in ACTIONS if first else plan.random.sample(ACTIONS, 2):
            due = plan.today + timedelta(days=days)
            yield {"goal_id": goal.id, "text": text, "owner_id": goal.owner_id, "due_on": due,
                   "done_at": noon(due - timedelta(days=1)) if done else None}  # fmt: skip


def _predictions(goals: Sequence[Goal]) -> None:
    """What history said of each goal on the day it began, and how it turned out."""
    said = outlooks(goals)
    rows = [
        {"goal_id": goal.id, "edition": 1, "on_day": goal.first_day, "band": said[goal.id].band, "likelihood": said[goal.id].likelihood,
         "periods": said[goal.id].periods, "came_true": goal.attained}
        for goal in goals if goal.direction != BAND
    ]  # fmt: skip
    bulk_insert(Prediction, rows)
