"""What a company starts with: the usual sources and media of business, in its language. All of it can be changed."""

from __future__ import annotations

from flask import g
from sqlalchemy import select

from app.core.db import db
from app.modules.crm.leads.models import Medium, Source

# crm_0006 tells the companies that had the CRM before; what is changed here concerns new ones alone.
SOURCES = {
    "es": ("Web", "Recomendación", "Feria", "Buscador", "Redes sociales", "Distribuidor", "Prospección propia", "Otro"),
    "en": ("Website", "Referral", "Trade fair", "Search engine", "Social media", "Dealer", "Own prospecting", "Other"),
}
MEDIA = {
    "es": ("Formulario web", "Correo electrónico", "Teléfono", "Visita", "Anuncio"),
    "en": ("Web form", "E-mail", "Telephone", "Visit", "Advertisement"),
}


def on_enable() -> None:
    """Make the first sources and media, unless there are some already."""
    language = "es" if g.company.language == "es" else "en"
    for model, names in ((Source, SOURCES[language]), (Medium, MEDIA[language])):
        if not db.session.scalar(select(model.id).limit(1)):
            db.session.add_all(model(name=name, position=place) for place, name in enumerate(names, start=1))
    db.session.flush()
