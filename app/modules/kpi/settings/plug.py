"""What the settings plug in."""

from __future__ import annotations

from app.core.hooks import Hooks
from app.core.i18n import _l
from app.modules.kpi.settings import models  # noqa: F401  # its table

hooks = Hooks(permissions={"kpi.settings.edit": _l("Change what the company decides about its goals")})
