"""What this part plugs in."""

from __future__ import annotations

from app.core.hooks import Hooks
from app.modules.kpi.smart import views  # noqa: F401  # its page

hooks = Hooks()
