"""The write to a company's settings of its goals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.core.errors import BusinessError
from app.core.i18n import _
from app.modules.kpi.settings.models import Settings
from app.modules.kpi.settings.queries import decisions


def change_settings(values: Mapping[str, Any], version: int) -> Settings:
    """Change the settings. Raises `BusinessError` when a goal would be off track before it is at risk, else as
    `Decisions.change`."""
    whole = {**decisions.stored()[0], **values}
    if whole["off_percent"] > whole["risk_percent"]:
        raise BusinessError(_("Off track lies below at risk: a smaller share of the pace."), field="off_percent")
    return decisions.change(values, version)
