"""Activities of the demo company: what its reps did for their deals, and what they have planned.

Patterns: won deals were visited more often; Levante visits most; Sergio Molina writes his calls down on Fridays; Daniel
Prieto puts things off; a third of the calls reach nobody; in August hardly anything happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from flask import g
from sqlalchemy import select

from app.core.clock import company_zone
from app.core.db import db
from app.core.demo import DemoPlan
from app.modules.crm.activities.bulk import import_activities
from app.modules.crm.activities.models import (
    CALL,
    CANCELLED,
    EMAIL,
    MEETING,
    MONTHLY,
    TASK,
    VISIT,
    ActivityOutcome,
    ActivityType,
)
from app.modules.crm.models import OPEN, WON, Deal

KINDS = (CALL, EMAIL, VISIT, MEETING)
# Team -> how often its reps call, write, visit, meet.
HABITS = {"Levante": (40, 22, 28, 10), "Centro": (52, 34, 8, 6), "Norte": (42, 26, 18, 14)}
REACHED = {CALL: 0.62, EMAIL: 0.55, VISIT: 1.0, MEETING: 1.0}
SUBJECTS = {
    CALL: ("Llamada de seguimiento", "Resolver dudas de la oferta", "Confirmar plazos", "Llamada a compras", "Preguntar por la decisión"),
    EMAIL: ("Envío de la oferta", "Datos técnicos", "Referencias de clientes", "Recordatorio de la oferta"),
    VISIT: ("Visita a planta", "Visita técnica", "Toma de medidas", "Visita de cortesía"),
    MEETING: ("Presentación de la oferta", "Reunión con producción", "Negociación de condiciones"),
    TASK: ("Preparar la oferta", "Pedir plazos a fábrica", "Revisar el contrato", "Actualizar la ficha de la cuenta"),
}
WORDS = (
    "Pide que se lo enviemos por escrito.", "Lo tiene que hablar con dirección.", "Muy interesado en el servicio posventa.",
    "Compara con otra oferta.", "Quiere ver una instalación en marcha.", "Le preocupa el plazo de entrega.", "", "", "",
)  # fmt: skip
SLOW = 8  # month in which hardly anything happens


def fill(plan: DemoPlan) -> None:
    """Some six activities a deal, one planned for most open ones, monthly visits to target accounts."""
    if not plan.made.get("crm.deal"):
        return
    maker = _Maker(plan)
    deals = db.session.execute(
        select(Deal.id, Deal.owner_id, Deal.state, Deal.opened_on, Deal.closed_on, Deal.account_id).where(Deal.owner_id.is_not(None))
    ).all()
    rows = [row for deal in deals for row in maker.history(deal)]
    rows += [row for deal in deals if deal.state == OPEN for row in maker.ahead(deal)]
    rows += maker.tasks() + maker.rounds()
    made: list[int] = []
    for rep in plan.reps:
        g.actor_id = rep.id  # the history names who did it, and that is the owner
        made += import_activities([row for row in rows if row["owner_id"] == rep.id], source="demo")
    g.actor_id = None
    plan.made["crm.activity"] = made


class _Maker:
    """Makes rows; all chance comes from the plan."""

    def __init__(self, plan: DemoPlan) -> None:
        self.plan, self.chance = plan, plan.random
        self.types = {t.kind: t.id for t in db.session.scalars(select(ActivityType).order_by(ActivityType.position.desc()))}
        self.outcomes: dict[tuple[str, bool, bool], list[int]] = {}
        for outcome in db.session.scalars(select(ActivityOutcome).order_by(ActivityOutcome.position)):
            for kind in outcome.kinds.split(",") if outcome.kinds else (*KINDS, TASK):
                self.outcomes.setdefault((kind, outcome.reached, outcome.cancelled), []).append(outcome.id)
        self.names = {rep.id: rep.name for rep in plan.reps}
        self.mates = {rep.id: [m.id for m in plan.reps if m.id != rep.id and plan.team_of[m.id] == plan.team_of[rep.id]] for rep in plan.reps}

    def history(self, deal: Any) -> list[dict[str, Any]]:
        """What was done for a deal while it was open, and a visit or two that did not take place."""
        until = min(deal.closed_on or self.plan.today, self.plan.today - timedelta(days=1))
        rows, day = [], deal.opened_on + timedelta(days=self.chance.choice((0, 1, 1, 2, 4)))
        pause = 7.0 if deal.state == WON else 9.5
        while (day := self._workday(day)) <= until:
            if day.month != SLOW or self.chance.random() < 0.25:
                rows.append(self._done(deal, day))
            day += timedelta(days=max(2, round(self.chance.gammavariate(2.5, pace_of(pause, self.names[deal.owner_id]) / 2.5))))
        return rows

    def _done(self, deal: Any, day: date) -> dict[str, Any]:
        call, mail, visit, meeting = HABITS[self.plan.team_of[deal.owner_id]]
        weights = (call, mail, visit * (1.5 if deal.state == WON else 0.9), meeting)
        kind = self.chance.choices(KINDS, weights=weights)[0]
        row = {**self._row(kind, deal), "due_on": day, "done_on": day, "done_time": self._hour()}
        if kind == VISIT and self.chance.random() < 0.07:
            del row["done_on"], row["done_time"]
            return {**row, "state": CANCELLED, "outcome_id": self._outcome(kind, reached=False, cancelled=True)}
        reached = self.chance.random() < REACHED[kind]
        row["outcome_id"] = self._outcome(kind, reached=reached)
        row["outcome_note"] = self.chance.choice(WORDS) if reached else ""
        row["recorded_at"] = self._told(day, row["done_time"], self.names[deal.owner_id])
        if kind == MEETING and self.chance.random() < 0.3 and (mates := self.mates[deal.owner_id]):
            row["members"] = [self.chance.choice(mates)]
        return row

    def _told(self, day: date, hour: time, name: str) -> datetime:
        """When it was written down: mostly the same hour, by one rep on the Friday after."""
        late = 4 - day.weekday() if name == "Sergio Molina" else 3 if self.chance.random() < 0.03 else 0
        told = min(day + timedelta(days=max(0, late)), self.plan.today - timedelta(days=1))
        at = datetime.combine(told, hour if told == day else time(17, 30), tzinfo=company_zone())
        return max(at, datetime.combine(day, hour, tzinfo=company_zone()))

    def ahead(self, deal: Any) -> list[dict[str, Any]]:
        """What is planned next: for three of four open deals; some of it is late."""
        if self.chance.random() < 0.24:
            return []
        puts_off = self.names[deal.owner_id] == "Daniel Prieto"
        days = -self.chance.randrange(1, 12) if self.chance.random() < (0.6 if puts_off else 0.14) else max(0, self.chance.randrange(-2, 15))
        kind = self.chance.choices((*KINDS, TASK), weights=(45, 18, 18, 12, 7))[0]
        # Today has something to do in it whatever day it is: the demo is looked at on Sundays as well.
        due = self._workday(self.plan.today + timedelta(days=days)) if days else self.plan.today
        row = {**self._row(kind, deal), "due_on": due}
        if kind in (VISIT, MEETING) or self.chance.random() < 0.3:
            row["due_time"] = self._hour()
        return [row]

    def tasks(self) -> list[dict[str, Any]]:
        """Something for each rep to do at the desk this week."""
        rows = []
        for rep in self.plan.reps:
            for subject in self.chance.sample(SUBJECTS[TASK], 2):
                day = self._workday(self.plan.today + timedelta(days=self.chance.randrange(0, 5)))
                rows.append({"type_id": self.types[TASK], "subject": subject, "owner_id": rep.id, "due_on": day})
        return rows

    def rounds(self) -> list[dict[str, Any]]:
        """A monthly visit to a few accounts of each rep of Levante."""
        rows = []
        for rep in self.plan.reps:
            accounts = self._accounts(rep.id) if self.plan.team_of[rep.id] == "Levante" else []
            for account_id in self.chance.sample(accounts, min(2, len(accounts))):
                day = self._workday(self.plan.today + timedelta(days=self.chance.randrange(1, 20)))
                rows.append({"type_id": self.types[VISIT], "subject": "Visita mensual", "owner_id": rep.id, "account_id": account_id,
                             "due_on": day, "due_time": self._hour(), "repeat": MONTHLY,
                             "repeat_until": self.plan.today + timedelta(days=200)})  # fmt: skip
        return rows

    def _accounts(self, owner_id: int) -> list[int]:
        ids = select(Deal.account_id).where(Deal.owner_id == owner_id, Deal.state == WON, Deal.account_id.is_not(None)).distinct()
        return sorted(i for i in db.session.scalars(ids) if i is not None)

    def _row(self, kind: str, deal: Any) -> dict[str, Any]:
        return {"type_id": self.types[kind], "subject": self.chance.choice(SUBJECTS[kind]), "owner_id": deal.owner_id, "deal_id": deal.id,
                "account_id": deal.account_id}  # fmt: skip

    def _outcome(self, kind: str, *, reached: bool, cancelled: bool = False) -> int | None:
        fitting: Sequence[int] = self.outcomes.get((kind, reached, cancelled), ())
        return self.chance.choice(fitting) if fitting else None

    def _hour(self) -> time:
        return time(self.chance.choice((9, 10, 11, 12, 13, 16, 17)), self.chance.choice((0, 15, 30, 45)))

    def _workday(self, day: date) -> date:
        return day + timedelta(days=max(0, 7 - day.weekday())) if day.weekday() > 4 else day


def pace_of(pause: float, name: str) -> float:
    """Mean days between two activities for a deal; one rep lets more time go by."""
    return pause * 1.8 if name == "Daniel Prieto" else pause
