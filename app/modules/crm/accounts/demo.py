"""What people of the demo company have noted on accounts and deals; some of it names a colleague, who finds it in the bell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any

from flask import g
from sqlalchemy import select

from app.core import notes
from app.core.clock import company_zone
from app.core.db import db
from app.core.demo import DemoPlan
from app.core.models import Membership
from app.core.note_models import Note
from app.core.registry import registry
from app.core.writes import bulk_insert
from app.modules.crm.models import OPEN, Deal

ACCOUNT_NOTES = (
    "Compras decide el presupuesto en octubre; conviene llegar con la oferta cerrada en septiembre.",
    "La planta para dos semanas en agosto y una en Navidad: las instalaciones solo entonces.",
    "Trabajan con nosotros y con otro proveedor a la vez; valoran sobre todo el servicio en 24 horas.",
    "El jefe de mantenimiento es quien prueba las máquinas. Sin su visto bueno no compran.",
    "Pagan a 60 días sin retrasos. Piden siempre un 3 % por pronto pago.",
    "Han comprado terreno al lado: en 2027 quieren ampliar una línea.",
)
DEAL_NOTES = (
    "Han pedido desglosar la puesta en marcha aparte.",
    "Competimos con una oferta más barata, sin mantenimiento incluido.",
    "Si confirmamos la entrega en ocho semanas, firman.",
    "La dirección técnica prefiere nuestra solución; falta convencer a compras.",
)
ASKED = "@{name}, ¿puedes pasarme la ficha técnica de la última instalación? La quieren ver antes del jueves."


def fill(plan: DemoPlan) -> None:
    """Notes of the last half year on accounts and open deals, and a few of this week that ask a colleague something."""
    deals = db.session.execute(select(Deal.id, Deal.owner_id, Deal.account_id, Deal.opened_on).where(Deal.state == OPEN).order_by(Deal.id)).all()
    if not deals:
        return
    rows = [_row(plan, "contacts_account", deal.account_id, deal, ACCOUNT_NOTES, 180) for deal in plan.random.sample(deals, min(70, len(deals)))]
    rows += [_row(plan, "crm_deal", deal.id, deal, DEAL_NOTES, (plan.today - deal.opened_on).days) for deal in plan.random.sample(deals, min(60, len(deals)))]
    bulk_insert(Note, [row for row in rows if row["row_id"]])
    _ask(plan, deals)


def _row(plan: DemoPlan, table: str, row_id: int, deal: Any, texts: tuple[str, ...], days: int) -> dict[str, Any]:
    """A note by the owner of a deal, written at most so many days ago, yesterday at the latest."""
    day = plan.today - timedelta(days=plan.random.randrange(1, max(2, days)))
    at = datetime.combine(day, time(plan.random.randrange(9, 18), plan.random.choice((5, 20, 40))), tzinfo=company_zone())
    return {"table_name": table, "row_id": row_id, "member_id": deal.owner_id, "text": plan.random.choice(texts), "mentions": [],
            "created_at": at, "updated_at": at}  # fmt: skip


def _ask(plan: DemoPlan, deals: Sequence[Any]) -> None:
    """Managers can see the deals of their teams, so they are who is asked."""
    managers = {plan.team_of[m.id]: m for m in db.session.scalars(select(Membership).where(Membership.id.in_(list(plan.team_of))))
                if m not in plan.reps}  # fmt: skip
    for deal in plan.random.sample(deals, min(9, len(deals))):
        manager = managers.get(plan.team_of.get(deal.owner_id, ""))
        if manager:
            g.actor_id = deal.owner_id
            notes.add(registry.resource("crm.deal"), deal.id, ASKED.format(name=manager.name), [manager.id])
    g.actor_id = None
