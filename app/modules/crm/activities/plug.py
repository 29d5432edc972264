"""What activities plug in."""

from __future__ import annotations

from functools import partial

from app.core.hooks import Column, Hooks, Item, Personal, Timeline
from app.core.i18n import _l
from app.core.resource import Page
from app.modules.crm.activities import demo, lines, page, personal, seeds, views  # noqa: F401  # its pages
from app.modules.crm.activities.resources import activity, activity_outcome, activity_type

# Told here, as pages are made of resources and not the other way round.
activity.page = Page(context=page.page_of)
# The records that activities are linked to, and the column that says so.
RECORDS = {
    "contacts.account": "account_id", "contacts.contact": "contact_id", "crm.deal": "deal_id", "crm.lead": "lead_id"
}

hooks = Hooks(
    resources=(activity, activity_type, activity_outcome),
    events=("crm.activity_planned", "crm.activity_done", "crm.activity_cancelled"),
    items=(
        Item(slot="nav", label=_l("Activities"), endpoint="crm.activity_list", permission="crm.activity.view",
             icon="activity", order=30),
        Item(slot="create", label=_l("Log an activity"), endpoint="crm.activity_log", permission="crm.activity.create",
             icon="circle-check", order=15),
        Item(slot="create", label=_l("Activity"), endpoint="crm.activity_new", permission="crm.activity.create",
             icon="activity", order=16),
        *(
            Item(slot=f"{key}.tabs", label=_l("Activities"), endpoint=f"crm.{link.removesuffix('_id')}_activities",
                 permission="crm.activity.view", icon="activity", order=5)
            for key, link in RECORDS.items()
        ),
        Item(slot="nav.end", under="admin", label=_l("Activity types"), endpoint="crm.activity_type_list",
             permission="crm.activity_type.edit", icon="list-details", order=86),
        Item(slot="nav.end", under="admin", label=_l("Outcomes of activities"), endpoint="crm.activity_outcome_list",
             permission="crm.activity_outcome.edit", icon="circle-check", order=87),
    ),
    columns=(
        Column(resource="crm.activity", name="late", label=_l("Recorded late"), permission="crm.activity.view",
               values=lines.late_of),
    ),
    timeline=tuple(
        Timeline(resource=key, permission="crm.activity.view", entries=partial(lines.told, link), kinds=("activity",))
        for key, link in RECORDS.items()
    ),
    personal=(Personal(resource="contacts.contact", gather=personal.gather, scrub=personal.scrub),),
    on_enable=seeds.on_enable,
    demo=demo.fill,
)
