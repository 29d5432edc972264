"""What the settings plug in."""

from __future__ import annotations

from app.core.hooks import Hooks, Item
from app.core.i18n import _l
from app.modules.crm.settings import models, views

hooks = Hooks(
    permissions={"crm.settings.edit": _l("Change what the company decides about its CRM")},
    settings={models.Settings: views.FIELDS},
    items=(
        Item(slot="nav.end", under="admin", label=_l("CRM settings"), endpoint="crm.settings_page",
             permission="crm.settings.edit", icon="adjustments", order=89),
    ),
)
