"""The types and outcomes of activities that a company starts with, in its language. All of it can be changed."""

from __future__ import annotations

from flask import g
from sqlalchemy import select

from app.core.db import db
from app.modules.crm.activities.models import CALL, EMAIL, MEETING, TASK, VISIT, ActivityOutcome, ActivityType

# Kind, names by language, working days until due, minutes, what is suggested next and in how many working days.
TYPES: tuple[tuple[str, dict[str, str], int, int, str | None, int | None], ...] = (
    (CALL, {"es": "Llamada", "en": "Call"}, 1, 15, CALL, 5),
    (EMAIL, {"es": "Correo", "en": "E-mail"}, 1, 10, CALL, 3),
    (VISIT, {"es": "Visita", "en": "Visit"}, 5, 60, CALL, 3),
    (MEETING, {"es": "Reunión", "en": "Meeting"}, 3, 60, EMAIL, 1),
    (TASK, {"es": "Tarea", "en": "Task"}, 1, 30, None, None),
)
# Names by language, kinds ("" is every kind), whether it was a contact both ways, whether it says why there was none.
OUTCOMES: tuple[tuple[dict[str, str], str, bool, bool], ...] = (
    ({"es": "Hablamos", "en": "We talked"}, "call,visit,meeting", True, False),
    ({"es": "Interesado", "en": "Interested"}, "call,email,visit,meeting", True, False),
    ({"es": "Sin interés", "en": "Not interested"}, "call,email,visit,meeting", True, False),
    ({"es": "No contesta", "en": "No answer"}, "call", False, False),
    ({"es": "Recado dejado", "en": "Left a message"}, "call", False, False),
    ({"es": "Respondió", "en": "Replied"}, "email", True, False),
    ({"es": "Sin respuesta", "en": "No reply"}, "email", False, False),
    ({"es": "Hecho", "en": "Done"}, "task", True, False),
    ({"es": "No había nadie", "en": "Nobody was there"}, "visit", False, True),
    ({"es": "El cliente canceló", "en": "The customer cancelled"}, "visit,meeting", False, True),
    ({"es": "Cancelamos nosotros", "en": "We cancelled"}, "visit,meeting", False, True),
    ({"es": "Ya no hace falta", "en": "No longer needed"}, "", False, True),
)


def on_enable() -> None:
    """Make types and outcomes, unless there is a type already."""
    if db.session.scalar(select(ActivityType.id).limit(1)):
        return
    language = "es" if g.company.language == "es" else "en"
    made: dict[str, ActivityType] = {}
    for position, (kind, names, days, minutes, _next, _days) in enumerate(TYPES, start=1):
        made[kind] = ActivityType(name=names[language], kind=kind, position=position, default_days=days, default_minutes=minutes)
    db.session.add_all(made.values())
    db.session.flush()
    for kind, _names, _days, _minutes, following, next_days in TYPES:
        if following:
            made[kind].next_type_id, made[kind].next_days = made[following].id, next_days
    for position, (names, kinds, reached, cancelled) in enumerate(OUTCOMES, start=1):
        db.session.add(
            ActivityOutcome(name=names[language], kinds=kinds, reached=reached, cancelled=cancelled, position=position)
        )
    db.session.flush()
