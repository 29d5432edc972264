"""What the reports plug in."""

from __future__ import annotations

from app.core.hooks import Hooks

hooks = Hooks()
