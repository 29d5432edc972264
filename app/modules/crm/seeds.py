"""What a company starts with: one pipeline and the usual reasons, in the company's language. All of it can be changed."""

from __future__ import annotations

from flask import g
from sqlalchemy import select

from app.core.db import db
from app.modules.crm.models import DISCARDED, LOST, OPEN, WON, Pipeline, Reason, Stage

# Names by language, type, probability in percent, days until a deal rots, whether deals there are qualified.
STAGES: tuple[tuple[dict[str, str], str, int, int | None, bool], ...] = (
    ({"es": "Contacto", "en": "Contact"}, OPEN, 10, 21, False),
    ({"es": "Cualificado", "en": "Qualified"}, OPEN, 25, 30, True),
    ({"es": "Propuesta", "en": "Proposal"}, OPEN, 45, 30, True),
    ({"es": "Negociación", "en": "Negotiation"}, OPEN, 70, 25, True),
    ({"es": "Compromiso", "en": "Commitment"}, OPEN, 90, 20, True),
    ({"es": "Ganado", "en": "Won"}, WON, 100, None, True),
    ({"es": "Perdido", "en": "Lost"}, LOST, 0, None, True),
    ({"es": "Descartado", "en": "Discarded"}, DISCARDED, 0, None, True),
)
PIPELINE = {"es": "Ventas", "en": "Sales"}
REASONS: dict[str, dict[str, tuple[str, ...]]] = {
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
    pipeline = Pipeline(name=PIPELINE[language], position=1)
    db.session.add(pipeline)
    db.session.flush()
    for position, (names, kind, probability, rotting_days, qualified) in enumerate(STAGES, start=1):
        db.session.add(
            Stage(
                pipeline_id=pipeline.id,
                name=names[language],
                type=kind,
                position=position,
                probability=probability,
                rotting_days=rotting_days,
                qualified=qualified,
            )
        )
    for kind, by_language in REASONS.items():
        db.session.add_all(Reason(name=name, kind=kind) for name in by_language[language])
    db.session.flush()
