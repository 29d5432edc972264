"""Deals of the demo company: 18 months of them, with patterns a manager can discover.

August and Christmas are slow; Levante closes faster than Centro; Norte wins fewer but larger deals; one rep loses in
negotiation on price; old proposals pile up with another; a fifth of the deals slip past their expected close.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import g
from sqlalchemy import select

from app.core.db import db
from app.core.demo import DemoPlan
from app.core.money import Money
from app.core.registry import registry
from app.modules.contacts.public import account_owners
from app.modules.crm import demo_aftersales
from app.modules.crm.bulk import import_deals
from app.modules.crm.models import DISCARDED, LOST, OPEN, WON, Reason, Stage

PER_MONTH = 76
SEASON = {1: 0.9, 2: 1.0, 3: 1.15, 4: 0.95, 5: 1.1, 6: 1.15, 7: 0.85, 8: 0.35, 9: 1.15, 10: 1.2, 11: 1.1, 12: 0.65}
# Thing sold and its usual price in euros.
PRODUCTS = (
    ("Línea de envasado", 120_000), ("Paletizador automático", 84_000), ("Mantenimiento anual", 9_500),
    ("Detector de metales", 18_000), ("Caldera de vapor", 46_000), ("Compresor sin aceite", 31_000),
    ("Cintas transportadoras", 26_000), ("Etiquetadora", 21_500), ("Túnel de congelación", 92_000),
    ("Repuestos", 6_400), ("Robot de encajado", 71_000), ("Depuradora de proceso", 63_000), ("Visión artificial", 44_000),
    ("Cuadros eléctricos", 14_500), ("Sala blanca", 138_000), ("Formación y puesta en marcha", 7_800),
    ("Almacén automático", 190_000), ("Báscula de camiones", 27_000), ("Filtros de mangas", 36_000), ("Retrofit de hornos", 57_000),
)
# Team -> share won, days in each stage on average, factor on the price.
TEAMS = {"Levante": (0.37, 11, 1.0), "Centro": (0.29, 16, 0.92), "Norte": (0.23, 15, 1.45)}


def fill(plan: DemoPlan) -> None:
    """Some 1,300 deals with their way through the stages, from the first day of the demo until today."""
    stages = list(db.session.scalars(select(Stage).order_by(Stage.position)))
    reasons = {r.name: r.id for r in db.session.scalars(select(Reason).where(Reason.kind == LOST))}
    maker = _Maker(plan, stages, reasons, account_owners())
    rows, day = [], plan.first_day
    while day <= plan.today:
        expected = PER_MONTH / 30 * SEASON[day.month] * (day.weekday() < 5) * 7 / 5
        rows += [maker.deal(day) for _ in range(int(expected) + (plan.random.random() < expected % 1))]
        day += timedelta(days=1)
    made: list[int] = []
    for rep in plan.reps:
        g.actor_id = rep.id  # the history names who did it, and that is the owner
        made += import_deals([row for row in rows if row["owner_id"] == rep.id], source="demo").ids
    g.actor_id = None
    plan.made["crm.deal"] = made + demo_aftersales.fill(plan, maker.by_owner, reasons)


def _people() -> dict[int, list[int]]:
    """Who works where: account id -> ids of persons."""
    contact = registry.resource("contacts.contact").model
    found: dict[int, list[int]] = {}
    for row in db.session.execute(select(contact.id, contact.account_id).where(contact.account_id.is_not(None)).order_by(contact.id)):
        found.setdefault(row.account_id, []).append(row.id)
    return found


class _Maker:
    """Makes the rows of deals; all chance comes from the plan."""

    def __init__(self, plan: DemoPlan, stages: list[Stage], reasons: dict[str, int], owners: dict[int, int]) -> None:
        self.plan, self.chance, self.reasons = plan, plan.random, reasons
        self.open = [s for s in stages if s.type == OPEN]
        self.won = next(s for s in stages if s.type == WON)
        self.lost = next(s for s in stages if s.type == LOST)
        self.discarded = next(s for s in stages if s.type == DISCARDED)
        self.nothing = list(db.session.scalars(select(Reason.id).where(Reason.kind == DISCARDED).order_by(Reason.id)))
        self.people = _people()
        self.by_owner: dict[int, list[int]] = {}
        for account_id, owner_id in owners.items():
            self.by_owner.setdefault(owner_id, []).append(account_id)

    def deal(self, opened: date) -> dict[str, Any]:
        # The rep who can log in has more to do than the others, as a demo is seen through their eyes.
        rep = self.chance.choices(self.plan.reps, weights=[4, *([1] * (len(self.plan.reps) - 1))])[0]
        share, pace, price = TEAMS[self.plan.team_of[rep.id]]
        name, usual = self.chance.choice(PRODUCTS)
        amount = max(1, round(usual * price * self.chance.lognormvariate(0, 0.32) / 100)) * 100
        row: dict[str, Any] = {
            "name": name,
            "product": name,
            "account_id": self.chance.choice(self.by_owner[rep.id]),
            "owner_id": rep.id,
            "amount": Money.of(amount, "EUR"),
            "opened_on": opened,
            "opened_stage_id": self.open[0].id,
            "reason_id": None,
            "closed_on": None,
        }
        if (people := self.people.get(row["account_id"])) and self.chance.random() < 0.75:
            row["contact_id"] = self.chance.choice(people)
        return self._live(row, rep.name, share, pace)

    def _live(self, row: dict[str, Any], rep: str, share: float, pace: int) -> dict[str, Any]:
        """Let the deal go its way until it is decided or today is reached."""
        wins = self.chance.random() < share
        leaves_at = len(self.open) if wins else self._leaves_at(rep)
        day, moves, here = row["opened_on"], [], self.open[0]
        for number, stage in enumerate(self.open):
            if number >= leaves_at:
                break
            if number:
                moves.append((day, stage.id))
            here = stage
            stuck = 1.9 if rep == "Daniel Prieto" and number == 2 else 1.0
            day += timedelta(days=max(1, round(self.chance.gammavariate(2.2, pace * stuck / 2.2))))
            if day > self.plan.today:
                return self._still_open(row, here, moves)
        row |= {"moves": moves, "stage_id": (self.won if wins else self.lost).id, "closed_on": day, "expected_close": day}
        if not wins:
            row["reason_id"] = self._reason(rep)
        if not row["moves"] and self.chance.random() < 0.2:
            row |= {"stage_id": self.discarded.id, "reason_id": self.chance.choice(self.nothing)}
        return row

    def _leaves_at(self, rep: str) -> int:
        """In which stage a deal that is not won is lost; 1 is the first."""
        if rep == "Sergio Molina":
            return self.chance.choice((2, 4, 4, 4))
        return self.chance.choices((1, 2, 3, 4, 5), weights=(18, 30, 30, 16, 6))[0]

    def _reason(self, rep: str) -> int:
        names = ("Precio", "Competencia", "Sin presupuesto", "Sin respuesta", "Plazo de entrega", "Ya no lo necesita")
        weights = (60, 12, 8, 8, 6, 6) if rep == "Sergio Molina" else (24, 20, 18, 22, 9, 7)
        return self.reasons[self.chance.choices(names, weights=weights)[0]]

    def _still_open(self, row: dict[str, Any], here: Stage, moves: list) -> dict[str, Any]:
        ahead = (len(self.open) - self.open.index(here)) * 12
        slips = self.chance.random() < 0.2
        days = -self.chance.randrange(2, 25) if slips else self.chance.randrange(3, 20 + ahead)
        row |= {"moves": moves, "stage_id": here.id, "expected_close": self.plan.today + timedelta(days=days)}
        if self.chance.random() < 0.06 and here is self.open[0]:
            row |= {"amount": None}
        return row
