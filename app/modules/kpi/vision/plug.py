"""What the vision plugs in."""

from __future__ import annotations

from app.core.hooks import Hooks
from app.modules.kpi.vision.resources import objective

hooks = Hooks(resources=(objective,))
