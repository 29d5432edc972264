"""The write to a company's settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import g
from sqlalchemy import select

from app.core import writes
from app.core.db import db
from app.core.errors import BusinessError
from app.core.i18n import _
from app.modules.kpi.settings.models import Settings
from app.modules.kpi.settings.queries import NAMES, settings


def stored() -> tuple[dict[str, Any], int]:
    """What holds now, by field name, and its version: 0 while nobody has changed anything."""
    found = settings()
    return {name: getattr(found, name) for name in NAMES}, found.version or 0


def change_settings(values: Mapping[str, Any], version: int) -> Settings:
    """Change the settings; the first change makes the row. Raises `BusinessError` when a goal would be off track before it
    is at risk, `Conflict` when `version` is not what is stored."""
    whole = stored()[0] | dict(values)
    if whole["off_percent"] > whole["risk_percent"]:
        raise BusinessError(_("Off track lies below at risk: a smaller share of the pace."), field="off_percent")
    row = db.session.scalar(select(Settings).with_for_update())
    if row is None:
        writes.check_version(Settings(version=0), version)
        row = writes.create(Settings, whole)
    else:
        writes.check_version(row, version)
        writes.update(row, values)
    g.pop("kpi_settings", None)
    return row
