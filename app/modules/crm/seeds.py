"""What a company starts with: one pipeline and the usual reasons, in the company's language. All of it can be changed."""

from __future__ import annotations

from flask import g
from sqlalchemy import select

from app.core.db import db
from app.modules.crm.models import (
    BEST_CASE,
    COMMIT,
    DISCARDED,
    LOST,
    OMITTED,
    OPEN,
    PIPELINE,
    WON,
    Pipeline,
    Reason,
    Stage,
)

# Names by language, type, probability in percent, days until a deal rots, whether deals there are qualified, category.
STAGES: tuple[tuple[dict[str, str], str, int, int | None, bool, str], ...] = (
    ({"es": "Contacto", "en": "Contact"}, OPEN, 10, 21, False, OMITTED),
    ({"es": "Cualificado", "en": "Qualified"}, OPEN, 25, 30, True, PIPELINE),
    ({"es": "Propuesta", "en": "Proposal"}, OPEN, 45, 30, True, PIPELINE),
    ({"es": "Negociación", "en": "Negotiation"}, OPEN, 70, 25, True, BEST_CASE),
    ({"es": "Compromiso", "en": "Commitment"}, OPEN, 90, 20, True, COMMIT),
    ({"es": "Ganado", "en": "Won"}, WON, 100, None, True, PIPELINE),
    ({"es": "Perdido", "en": "Lost"}, LOST, 0, None, True, PIPELINE),
    ({"es": "Descartado", "en": "Discarded"}, DISCARDED, 0, None, True, PIPELINE),
)
NAME = {"es": "Ventas", "en": "Sales"}
REASONS: dict[str, dict[str, tuple[str, ...]]] = {
    WON: {
        "es": ("Mejor oferta técnica", "Precio", "Plazo de entrega", "Relación con el cliente", "Servicio", "Otro"),
        "en": ("Better solution", "Price", "Delivery time", "Relationship", "Service", "Other"),
    },
    LOST: {
        "es": ("Precio", "Competencia", "Sin presupuesto", "Sin respuesta", "Plazo de entrega", "Ya no lo necesita", "Otro"),
        "en": ("Price", "Competitor", "No budget", "No answer", "Delivery time", "No longer needed", "Other"),
    },
    DISCARDED: {
        "es": ("Duplicado", "Prueba", "No es cliente potencial", "Datos erróneos"),
        "en": ("Duplicate", "Test", "Not a potential customer", "Wrong data"),
    },
}


def on_enable() -> None:
    """Make the first pipeline and reasons, unless there is a pipeline already."""
    if db.session.scalar(select(Pipeline.id).limit(1)):
        return
    language = "es" if g.company.language == "es" else "en"
    pipeline = Pipeline(name=NAME[language], position=1)
    db.session.add(pipeline)
    db.session.flush()
    for position, (names, kind, probability, rotting_days, qualified, category) in enumerate(STAGES, start=1):
        db.session.add(
            Stage(
                pipeline_id=pipeline.id,
                name=names[language],
                type=kind,
                position=position,
                probability=probability,
                rotting_days=rotting_days,
                qualified=qualified,
                category=category,
            )
        )
    for kind, by_language in REASONS.items():
        db.session.add_all(Reason(name=name, kind=kind) for name in by_language[language])
    db.session.flush()
