"""What this part plugs in."""

from __future__ import annotations

from app.core.hooks import Hooks, Item
from app.core.i18n import _l
from app.modules.kpi.settings.models import Settings
from app.modules.kpi.smart import deciding, views  # noqa: F401  # their pages

hooks = Hooks(
    settings={Settings: deciding.LOGGED},
    items=(
        Item(slot="nav", label=_l("Statements"), endpoint="kpi.predictions", permission="kpi.goal.view", icon="binoculars", order=70),
        Item(slot="nav.end", under="admin", label=_l("Goal settings"), endpoint="kpi.settings_page",
             permission="kpi.settings.edit", icon="adjustments", order=90),
    ),
)
