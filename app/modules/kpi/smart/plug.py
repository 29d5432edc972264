"""What this part plugs in."""

from __future__ import annotations

from app.core.hooks import Hooks

hooks = Hooks()
