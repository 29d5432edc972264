"""What belongs to the deals of the demo company: whoever asks three people before negotiating wins more; one rival is cheap."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import select

from app.core.db import db
from app.core.demo import DemoPlan
from app.core.registry import registry
from app.core.writes import bulk_insert
from app.modules.crm.models import LOST, OPEN, WON, Deal, Reason
from app.modules.crm.parts.models import (
    BUYER,
    CHAMPION,
    DECIDER,
    INFLUENCER,
    USER,
    Competitor,
    DealCompetitor,
    DealCredit,
    DealLine,
    DealPerson,
)
from app.modules.crm.parts.services import line_total

RIVALS = (
    ("Envasados Iberia", "Precio y plazo", "Servicio posventa lento"), ("Grupo Techpack", "Gama completa", "Caros en repuestos"),
    ("Maquinaria Lusa", "Muy baratos", "Sin servicio propio en España"), ("Robomec", "Robots propios", "Poca experiencia en alimentación"),
)  # fmt: skip
EXTRAS = (("Puesta en marcha", 180_000), ("Formación de operarios", 95_000), ("Transporte y descarga", 62_000), ("Garantía ampliada", 140_000))
PARTS = (DECIDER, BUYER, INFLUENCER, CHAMPION, USER)


def fill(plan: DemoPlan) -> None:
    """Committees, competitors, lines and shares for a part of the deals."""
    columns = (Deal.id, Deal.state, Deal.account_id, Deal.amount_minor, Deal.product, Deal.owner_id, Deal.reason_id)
    deals = list(db.session.execute(select(*columns).where(Deal.id.in_(list(plan.made.get("crm.deal", ())))).order_by(Deal.id)))
    _committees(plan, deals)
    _rivals(plan, deals)
    _lines(plan, [deal for deal in deals if deal.state == OPEN and deal.amount_minor])
    _credits(plan, [deal for deal in deals if deal.state == WON])


def _committees(plan: DemoPlan, deals: list[Any]) -> None:
    contact = registry.resource("contacts.contact").model
    by_account: dict[int, list[int]] = {}
    for row in db.session.execute(select(contact.id, contact.account_id).order_by(contact.id)):
        by_account.setdefault(row.account_id or 0, []).append(row.id)
    rows = []
    for deal in deals:
        people = by_account.get(deal.account_id or 0, [])
        often = {WON: 0.55, OPEN: 0.4}.get(deal.state, 0.25)
        if people and plan.random.random() < often:
            for contact_id, role in zip(people[:4], plan.random.sample(PARTS, 4), strict=False):
                stance = 1 if role == CHAMPION else plan.random.choice((1, 0, 0, -1 if deal.state == LOST else 0))
                rows.append({"deal_id": deal.id, "contact_id": contact_id, "role": role, "stance": stance, "note": ""})
    bulk_insert(DealPerson, rows)


def _rivals(plan: DemoPlan, deals: list[Any]) -> None:
    names = [{"name": name, "strengths": good, "weaknesses": bad, "website": None, "active": True} for name, good, bad in RIVALS]
    ids = bulk_insert(Competitor, names)
    by_rival = {r.id for r in db.session.execute(select(Reason.id).where(Reason.name_key.in_(("competencia", "precio"))))}
    rows = []
    for deal in deals:
        beaten = deal.state == LOST and deal.reason_id in by_rival
        if beaten or plan.random.random() < 0.12:
            met = plan.random.choices(ids, weights=(3, 2, 6, 1))[0]
            rows.append({"deal_id": deal.id, "competitor_id": met, "winner": beaten, "note": ""})
    bulk_insert(DealCompetitor, rows)


def _lines(plan: DemoPlan, deals: list[Any]) -> None:
    rows = []
    for deal in deals:
        if plan.random.random() > 0.45:
            continue
        extras = plan.random.sample(EXTRAS, plan.random.randrange(1, 3))
        rest = deal.amount_minor - sum(price for _name, price in extras)
        if rest <= 0 or plan.random.random() < 0.15:
            rest = deal.amount_minor
        for place, (name, price) in enumerate([(deal.product or "Equipo", rest), *extras], start=1):
            rows.append({"deal_id": deal.id, "position": place, "name": name, "quantity": Decimal(1), "price_minor": price,
                         "discount": 0, "total_minor": line_total(Decimal(1), price, 0)})  # fmt: skip
    bulk_insert(DealLine, rows)


def _credits(plan: DemoPlan, deals: list[Any]) -> None:
    rows = []
    for deal in deals:
        others = [rep.id for rep in plan.reps if rep.id != deal.owner_id]
        if others and plan.random.random() < 0.06:
            mine = plan.random.choice((50, 60, 70, 80))
            rows += [{"deal_id": deal.id, "member_id": deal.owner_id, "percent": mine, "upto": mine},
                     {"deal_id": deal.id, "member_id": plan.random.choice(others), "percent": 100 - mine, "upto": 100}]  # fmt: skip
    bulk_insert(DealCredit, rows)
