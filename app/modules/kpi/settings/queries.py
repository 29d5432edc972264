"""A company's settings of its goals: `decisions` reads and changes them."""

from __future__ import annotations

from app.core.decisions import Decisions
from app.modules.kpi.settings.models import Settings

decisions = Decisions(Settings)
settings = decisions.current
