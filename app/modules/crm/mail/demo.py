"""Mails of the demo company: the words behind some of the e-mails that its reps sent, and one that came back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from app.core.db import db
from app.core.demo import DemoPlan
from app.core.registry import registry
from app.core.writes import bulk_insert
from app.modules.crm.activities.models import DONE, EMAIL, Activity
from app.modules.crm.mail.merge_fields import first_name
from app.modules.crm.mail.models import FAILED, REFUSED, SENT, Mail

MOST, MOST_SMALL = 300, 20
TEXTS = (
    ("Propuesta y plazos", ("Adjunto el resumen de lo que comentamos. Con el pedido confirmado antes de fin de mes, la entrega sería en seis"
     " semanas.\n\n¿Le viene bien que lo repasemos por teléfono el jueves?")),
    ("Datos técnicos que nos pidió", ("Le confirmo que la instalación se puede hacer sin parar la línea: bastan dos fines de semana.\n\n"
     "Si le parece, el técnico pasa a verlo la semana que viene.")),
    ("Gracias por la visita", ("Gracias por recibirnos. Me llevo anotado que lo importante es el consumo y el servicio posventa; le preparo"
     " una oferta con ambas cosas por separado.")),
    ("¿Cómo lo ven?", "¿Han podido hablarlo internamente? Si falta algún dato para decidir, se lo hago llegar enseguida."),
)  # fmt: skip


def fill(plan: DemoPlan) -> None:
    """Mails behind e-mails that were sent to a person with an address; the newest one of them never arrived."""
    contact = registry.resource("contacts.contact").model
    columns = (Activity.id, Activity.owner_id, Activity.account_id, contact.id.label("contact_id"), Activity.deal_id, Activity.done_at)
    other = aliased(contact)
    people = select(func.min(other.id)).where(other.account_id == Activity.account_id, other.email.is_not(None))
    there = people.correlate(Activity).scalar_subquery()
    rows = db.session.execute(
        select(*columns, contact.name, contact.email)
        .join(contact, contact.id == func.coalesce(Activity.contact_id, there))
        .where(Activity.kind == EMAIL, Activity.state == DONE, Activity.owner_id.is_not(None), contact.email.is_not(None))
        .order_by(Activity.done_at.desc(), Activity.id)
        .limit(MOST_SMALL if plan.small else MOST)
    ).all()
    names = {rep.id: rep.name for rep in plan.reps}
    mails = [_mail(plan, number, row, names.get(row.owner_id, "")) for number, row in enumerate(rows)]
    bulk_insert(Mail, mails)
    whom = {row.id: row.contact_id for row in rows}
    for activity in db.session.scalars(select(Activity).where(Activity.id.in_(whom))):
        activity.source, activity.contact_id = "mail", whom[activity.id]
    if mails:
        bulk_insert(Mail, [_came_back(mails[0], rows[0])])


def _mail(plan: DemoPlan, number: int, row: Any, sender: str) -> dict[str, Any]:
    subject, text = plan.random.choice(TEXTS)
    return {
        "account_id": row.account_id,
        "contact_id": row.contact_id,
        "deal_id": row.deal_id,
        "lead_id": None,
        "sender_id": row.owner_id,
        "to_name": row.name,
        "to_address": row.email,
        "subject": subject,
        "body": f"Buenos días, {first_name(row.name)}:\n\n{text}\n\nUn saludo,\n{sender}",
        "state": SENT,
        "why": "",
        "error": "",
        "attempts": 1,
        "created_at": row.done_at,
        "sent_at": row.done_at,
        "message_id": f"<demo-{number}@vendimia.example>",
        "activity_id": row.id,
    }


def _came_back(mail: dict[str, Any], row: Any) -> dict[str, Any]:
    refused = {"state": FAILED, "why": REFUSED, "error": "550 5.1.1 Recipient address rejected: user unknown", "sent_at": None}
    local, _at, domain = row.email.partition("@")
    wrong = {"to_address": f"{local}.@{domain}".replace(".@", "@old."), "message_id": "<demo-refused@vendimia.example>", "activity_id": None}
    return {**mail, **refused, **wrong}
