"""Reads of a company's settings."""

from __future__ import annotations

from flask import g
from sqlalchemy import select

from app.core.db import db
from app.modules.kpi.settings.models import Settings

NAMES = ("rules", "risk_percent", "off_percent", "calls_per_day", "weekly_mail", "alerts")


def settings() -> Settings:
    """The settings of the company of this app context, read once; the defaults where nobody has set any."""
    if "kpi_settings" not in g:
        found = db.session.scalar(select(Settings))
        g.kpi_settings = found or Settings(rules={}, **{
            c.name: c.default.arg for c in Settings.__table__.columns if c.name in NAMES and c.name != "rules"
        })  # fmt: skip
    return g.kpi_settings
