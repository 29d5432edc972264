"""What leads plug in."""

from __future__ import annotations

from app.core.hooks import Hooks
from app.modules.crm.leads import models  # noqa: F401  # its tables

hooks = Hooks()
