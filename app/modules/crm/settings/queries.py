"""Reads of a company's settings."""

from __future__ import annotations

from flask import g
from sqlalchemy import select

from app.core.db import db
from app.modules.crm.settings.models import Settings


def settings() -> Settings:
    """The settings of the company of this app context, read once; the defaults where nobody has set any."""
    if "crm_settings" not in g:
        found = db.session.scalar(select(Settings))
        g.crm_settings = found or Settings(**{c.name: c.default.arg for c in Settings.__table__.columns if c.name in NAMES})
    return g.crm_settings


NAMES = ("uses_leads", "active_days", "neglected_days", "late_hours", "remind_minutes")
