"""The second pipeline of the demo company: what is sold to machines that stand already, small and soon decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from flask import g

from app.core.db import db
from app.core.demo import DemoPlan
from app.core.money import Money
from app.modules.crm.bulk import import_deals
from app.modules.crm.models import BEST_CASE, COMMIT, LOST, OMITTED, OPEN, PIPELINE, WON, Pipeline, Stage

PER_REP = 8
# Name, type, probability in percent, days until a deal rots, category.
STAGES = (
    ("Aviso", OPEN, 20, 10, OMITTED), ("Diagnóstico", OPEN, 40, 14, PIPELINE), ("Oferta de servicio", OPEN, 60, 21, BEST_CASE),
    ("Aceptación", OPEN, 85, 14, COMMIT), ("Contratado", WON, 100, None, PIPELINE), ("No contratado", LOST, 0, None, PIPELINE),
)  # fmt: skip
SERVICES = (
    ("Contrato de mantenimiento", 7_200), ("Revisión anual", 2_400), ("Kit de repuestos", 3_100), ("Ampliación de garantía", 4_800),
    ("Calibración de básculas", 1_350), ("Actualización del autómata", 9_600),
)  # fmt: skip
SHARE_WON, DAYS_IN_STAGE = 0.55, 6


def fill(plan: DemoPlan, accounts: Mapping[int, Sequence[int]], reasons: Mapping[str, int]) -> list[int]:
    """Make the pipeline and deals of the last year in it; `accounts` by owner, `reasons` for losing by name."""
    pipeline = Pipeline(name="Servicio posventa", position=2)
    db.session.add(pipeline)
    db.session.flush()
    stages = [Stage(pipeline_id=pipeline.id, name=name, type=kind, position=n, probability=chance, rotting_days=days, category=category)
              for n, (name, kind, chance, days, category) in enumerate(STAGES, start=1)]  # fmt: skip
    db.session.add_all(stages)
    db.session.flush()
    made: list[int] = []
    for rep in plan.reps:
        g.actor_id = rep.id
        rows = [_deal(plan, stages, rep.id, accounts[rep.id], list(reasons.values())) for _ in range(PER_REP) if accounts.get(rep.id)]
        made += import_deals(rows, source="demo").ids
    g.actor_id = None
    return made


def _deal(plan: DemoPlan, stages: Sequence[Stage], owner_id: int, accounts: Sequence[int], reasons: Sequence[int]) -> dict[str, Any]:
    chance = plan.random
    name, usual = chance.choice(SERVICES)
    # As many of the last month as of the year before it, so that the board is not empty.
    age = chance.randrange(1, 30) if chance.random() < 0.5 else chance.randrange(30, 330)
    opened = plan.today - timedelta(days=age)
    row: dict[str, Any] = {"name": name, "product": name, "account_id": chance.choice(accounts), "owner_id": owner_id,
                           "amount": Money.of(round(usual * chance.uniform(0.7, 1.6) / 50) * 50, "EUR"), "opened_on": opened,
                           "opened_stage_id": stages[0].id}  # fmt: skip
    moves: list[tuple[date, int]] = []
    day = opened
    for stage in stages[:4]:
        if stage is not stages[0]:
            moves.append((day, stage.id))
        row["stage_id"] = stage.id
        day += timedelta(days=max(1, round(chance.gammavariate(2, DAYS_IN_STAGE / 2))))
        if day > plan.today:
            return row | {"moves": moves, "expected_close": plan.today + timedelta(days=chance.randrange(4, 30))}
    won = chance.random() < SHARE_WON
    end = {"stage_id": stages[4 if won else 5].id, "closed_on": day, "expected_close": day, "moves": moves}
    return row | end | ({} if won else {"reason_id": chance.choice(reasons)})
