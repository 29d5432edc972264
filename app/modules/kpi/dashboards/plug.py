"""What this part plugs in."""

from __future__ import annotations

from app.core.hooks import Hooks
from app.modules.kpi.dashboards import models  # noqa: F401  # its tables

hooks = Hooks()
