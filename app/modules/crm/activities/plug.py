"""What activities plug in."""

from __future__ import annotations

from app.core.hooks import Hooks
from app.modules.crm.activities import models, seeds  # noqa: F401  # its tables

hooks = Hooks(
    events=("crm.activity_planned", "crm.activity_done", "crm.activity_cancelled"),
    on_enable=seeds.on_enable,
)
