"""What this part plugs in."""

from __future__ import annotations

from app.core.hooks import Hooks
from app.modules.kpi.progress.resources import action

hooks = Hooks(resources=(action,))
