"""Templates that a company starts with, in its language. All of them can be changed."""

from __future__ import annotations

from flask import g
from sqlalchemy import select

from app.core.db import db
from app.modules.crm.mail.models import EmailTemplate

# Name, where it is offered, subject, body, by language.
TEMPLATES: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    "es": (
        ("Primer contacto", "any", "{{company.name}} y {{account.name}}",
         ("Buenos días, {{person.first_name}}:\n\nLe escribo de {{company.name}}. Me gustaría conocer mejor lo que hacen en"
         " {{account.name}} y ver si podemos ayudarles.\n\n¿Le vendría bien que habláramos un cuarto de hora esta"
         " semana?\n\nUn saludo,\n{{me.name}}")),
        ("Propuesta enviada", "deal", "Nuestra propuesta: {{deal.name}}",
         ("Buenos días, {{person.first_name}}:\n\nTal como acordamos, le resumo nuestra propuesta «{{deal.name}}» para"
         " {{account.name}}, por un importe de {{deal.amount}}.\n\nQuedo a su disposición para cualquier duda. ¿Le parece"
         " que la comentemos por teléfono en los próximos días?\n\nUn saludo,\n{{me.name}}")),
        ("Seguimiento", "deal", "{{deal.name}}: siguientes pasos",
         ("Buenos días, {{person.first_name}}:\n\n¿Han podido revisar nuestra propuesta «{{deal.name}}»? Si necesita"
         " algún dato más para decidir, se lo hago llegar enseguida.\n\nUn saludo,\n{{me.name}}")),
    ),
    "en": (
        ("First contact", "any", "{{company.name}} and {{account.name}}",
         ("Dear {{person.first_name}},\n\nI am writing from {{company.name}}. I would like to learn more about what you do"
         " at {{account.name}} and see whether we can help.\n\nCould we talk for a quarter of an hour this week?\n\nKind"
         " regards,\n{{me.name}}")),
        ("Proposal sent", "deal", "Our proposal: {{deal.name}}",
         ("Dear {{person.first_name}},\n\nas agreed, here is a summary of our proposal “{{deal.name}}” for"
         " {{account.name}}, for {{deal.amount}}.\n\nI am glad to answer any question. Shall we go through it on the phone"
         " in the next days?\n\nKind regards,\n{{me.name}}")),
        ("Follow-up", "deal", "{{deal.name}}: next steps",
         ("Dear {{person.first_name}},\n\nhave you been able to look at our proposal “{{deal.name}}”? If you need anything"
         " else to decide, I will send it at once.\n\nKind regards,\n{{me.name}}")),
    ),
}  # fmt: skip


def on_enable() -> None:
    """Make the templates, unless there are some already."""
    if db.session.scalar(select(EmailTemplate.id).limit(1)):
        return
    language = "es" if g.company.language == "es" else "en"
    for name, place, subject, body in TEMPLATES[language]:
        db.session.add(EmailTemplate(name=name, offered_on=place, subject=subject, body=body, language=language))
    db.session.flush()
