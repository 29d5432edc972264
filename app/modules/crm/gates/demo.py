"""What stages of the demo company ask for, and what is ticked already for deals on their way."""

from __future__ import annotations

from sqlalchemy import select

from app.core.db import db
from app.core.demo import DemoPlan
from app.core.writes import bulk_insert
from app.modules.crm.gates.models import DealCheck, StageCheck
from app.modules.crm.models import OPEN, Deal, Stage

# Stage -> fields to fill in before, and what must be done.
GATES = {
    "Propuesta": ("account_id,amount", ()),
    "Negociación": ("account_id,amount", ("Oferta enviada y recibida", "Conocemos a quien decide")),
    "Compromiso": ("amount,expected_close", ("Condiciones acordadas por escrito", "Plazo confirmado con fábrica", "Riesgo de cobro revisado")),
}


def fill(plan: DemoPlan) -> None:
    """Gates of three stages; the deals right before them have some of it done."""
    stages = {s.name: s for s in db.session.scalars(select(Stage).where(Stage.type == OPEN).order_by(Stage.pipeline_id, Stage.position))}
    order = list(stages)
    for name, (needs, texts) in GATES.items():
        if name not in stages:
            continue
        stage = stages[name]
        stage.needs = needs
        checks = [StageCheck(stage_id=stage.id, text=text, position=n) for n, text in enumerate(texts, start=1)]
        db.session.add_all(checks)
        db.session.flush()
        _tick(plan, stages[order[order.index(name) - 1]], checks)


def _tick(plan: DemoPlan, before: Stage, checks: list[StageCheck]) -> None:
    deals = db.session.execute(select(Deal.id, Deal.owner_id).where(Deal.stage_id == before.id).order_by(Deal.id))
    rows = [{"deal_id": deal.id, "check_id": check.id, "member_id": deal.owner_id}
            for deal in deals for check in checks if plan.random.random() < 0.45]  # fmt: skip
    bulk_insert(DealCheck, rows)
