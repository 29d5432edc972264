"""What belongs to a deal plugs in."""

from __future__ import annotations

from app.core.hooks import Hooks
from app.modules.crm.parts import models  # noqa: F401  # its tables

hooks = Hooks()
