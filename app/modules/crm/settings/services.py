"""The write to a company's settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import g
from sqlalchemy import select

from app.core import writes
from app.core.db import db
from app.modules.crm.settings.models import Settings
from app.modules.crm.settings.queries import NAMES, settings


def stored() -> tuple[dict[str, Any], int]:
    """What holds now, by field name, and its version: 0 while nobody has changed anything."""
    found = settings()
    return {name: getattr(found, name) for name in NAMES}, found.version or 0


def change_settings(values: Mapping[str, Any], version: int) -> Settings:
    """Change the settings; the first change makes the row. Raises `Conflict` when `version` is not what is stored."""
    row = db.session.scalar(select(Settings).with_for_update())
    if row is None:
        writes.check_version(Settings(version=0), version)
        row = writes.create(Settings, {**stored()[0], **values})
    else:
        writes.check_version(row, version)
        writes.update(row, values)
    g.pop("crm_settings", None)
    return row
