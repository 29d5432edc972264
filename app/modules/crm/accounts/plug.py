"""What the CRM adds to accounts plugs in."""

from __future__ import annotations

from app.core.hooks import Hooks, Item, Timeline
from app.core.i18n import _l
from app.modules.crm.accounts import demo, views
from app.modules.crm.accounts.timeline import deals_of_account, deals_of_person

hooks = Hooks(
    items=(
        Item(slot="contacts.account.tabs", label=_l("Revenue"), endpoint=f"crm.{views.account_group.__name__}",
             permission="crm.deal.view", icon="chart-bar", order=15),
    ),
    timeline=(
        Timeline(resource="contacts.account", permission="crm.deal.view", entries=deals_of_account),
        Timeline(resource="contacts.contact", permission="crm.deal.view", entries=deals_of_person),
    ),
    demo=demo.fill,
)
