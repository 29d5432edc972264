"""What leads plug in."""

from __future__ import annotations

from app.core.hooks import Hooks, Item
from app.core.i18n import _l
from app.core.resource import Page
from app.modules.crm.leads import demo, seeds, services, views
from app.modules.crm.leads.merging import MERGES
from app.modules.crm.leads.origins import campaign, medium, source
from app.modules.crm.leads.resources import lead

# Told here, as pages are made of resources and not the other way round.
lead.page = Page(context=views.page_of)

hooks = Hooks(
    resources=(lead, source, medium, campaign),
    events=("crm.lead_created", "crm.lead_converted"),
    handlers={"crm.activity_planned": services.on_activity, "crm.activity_done": services.on_activity},
    items=(
        Item(slot="nav", label=_l("Leads"), endpoint="crm.lead_list", permission="crm.lead.view", icon="user-plus", order=5),
        Item(slot="create", label=_l("Lead"), endpoint="crm.lead_new", permission="crm.lead.create", order=5,
             icon="user-plus"),
        Item(slot="nav.end", under="admin", label=_l("Sources"), endpoint="crm.source_list",
             permission="crm.source.edit", icon="world", order=83),
        Item(slot="nav.end", under="admin", label=_l("Media"), endpoint="crm.medium_list",
             permission="crm.medium.edit", icon="message-2", order=84),
        Item(slot="nav.end", under="admin", label=_l("Campaigns"), endpoint="crm.campaign_list",
             permission="crm.campaign.edit", icon="flag", order=85),
    ),
    on_enable=seeds.on_enable,
    merges=MERGES,
    demo=demo.fill,
)
