"""What leads plug in."""

from __future__ import annotations

from app.core.hooks import Hooks, Item
from app.core.i18n import _l
from app.modules.crm.leads import seeds
from app.modules.crm.leads.origins import campaign, medium, source

hooks = Hooks(
    resources=(source, medium, campaign),
    items=(
        Item(slot="nav.end", under="admin", label=_l("Sources"), endpoint="crm.source_list",
             permission="crm.source.edit", icon="world", order=83),
        Item(slot="nav.end", under="admin", label=_l("Media"), endpoint="crm.medium_list",
             permission="crm.medium.edit", icon="message-2", order=84),
        Item(slot="nav.end", under="admin", label=_l("Campaigns"), endpoint="crm.campaign_list",
             permission="crm.campaign.edit", icon="flag", order=85),
    ),
    on_enable=seeds.on_enable,
)
