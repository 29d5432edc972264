"""What belongs to a deal plugs in."""

from __future__ import annotations

from app.core.hooks import Hooks, Item
from app.core.i18n import _l
from app.modules.crm.parts import demo, views  # noqa: F401  # the addresses of views
from app.modules.crm.parts.merging import MERGES
from app.modules.crm.parts.resources import competitor

hooks = Hooks(
    resources=(competitor,),
    items=(
        Item(slot="crm.deal.panels", label=_l("Products and services"), endpoint="crm.deal_lines", permission="crm.deal.view",
             icon="package", order=20),
        Item(slot="crm.deal.panels", label=_l("Buying committee"), endpoint="crm.deal_people", permission="crm.deal.view",
             icon="users-group", order=30),
        Item(slot="crm.deal.panels", label=_l("Competitors"), endpoint="crm.deal_competitors", permission="crm.deal.view",
             icon="flag", order=40),
        Item(slot="crm.deal.panels", label=_l("Credit"), endpoint="crm.deal_credit", permission="crm.deal.view",
             icon="percentage", order=50),
        Item(slot="nav.end", under="admin", label=_l("Competitors"), endpoint="crm.competitor_list",
             permission="crm.competitor.edit", icon="flag", order=86),
    ),
    merges=MERGES,
    demo=demo.fill,
)
