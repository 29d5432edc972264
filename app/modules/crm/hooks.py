"""What the CRM plugs in."""

from __future__ import annotations

from app.core.hooks import Hooks, Item, joined
from app.core.i18n import _l
from app.core.resource import Page
from app.modules.crm import creation, demo, page, told, views  # noqa: F401  # views bring their addresses
from app.modules.crm.accounts.plug import hooks as accounts
from app.modules.crm.activities.plug import hooks as activities
from app.modules.crm.blueprint import blueprint
from app.modules.crm.calendar.plug import hooks as calendar
from app.modules.crm.day.plug import hooks as day
from app.modules.crm.forecast.plug import hooks as forecast
from app.modules.crm.gates.plug import hooks as gates
from app.modules.crm.leads.plug import hooks as leads
from app.modules.crm.mail.plug import hooks as mail
from app.modules.crm.merging import MERGES
from app.modules.crm.metrics import DIMENSIONS, METRICS
from app.modules.crm.parts.plug import hooks as parts
from app.modules.crm.pivot.plug import hooks as pivot
from app.modules.crm.reports.plug import hooks as reports
from app.modules.crm.resources import deal, pipeline, reason, stage
from app.modules.crm.seeds import on_enable
from app.modules.crm.settings.plug import hooks as settings

# Told here, as pages are made of resources and not the other way round.
deal.page = Page(template="crm/deal.html", fragment="crm/_deal.html", context=page.context, stream=told.stream_of)
deal.surfaces = {"new": creation.deal_new}

deals = Hooks(
    blueprint=blueprint,
    resources=(deal, pipeline, stage, reason),
    permissions={
        "crm.figures.team": _l("See the figures of one's teams"),
        "crm.figures.company": _l("See the figures of the whole company"),
    },
    grants={"manager": ("crm.figures.team",)},
    slots=("crm.board.top",),  # above the columns of the board; each loads by itself, and hears "deals:changed"
    events=("crm.deal_created", "crm.deal_moved", "crm.deal_won", "crm.deal_lost", "crm.deal_reopened"),
    items=(
        Item(slot="nav", label=_l("Pipeline"), endpoint="crm.board", permission="crm.deal.view", icon="layout-kanban",
             order=10),
        Item(slot="nav", label=_l("Deals"), endpoint="crm.deal_list", permission="crm.deal.view", icon="list", order=20),
        Item(slot="contacts.account.tabs", label=_l("Deals"), endpoint="crm.account_deals", permission="crm.deal.view",
             icon="chart-funnel", order=10),
        Item(slot="create", label=_l("Deal"), endpoint="crm.deal_new", permission="crm.deal.create", order=10,
             icon="chart-funnel"),
        Item(slot="nav.end", under="admin", label=_l("Pipelines"), endpoint="crm.pipeline_list",
             permission="crm.pipeline.edit", icon="route", order=80),
        Item(slot="nav.end", under="admin", label=_l("Stages"), endpoint="crm.stage_list",
             permission="crm.stage.edit", icon="columns-3", order=81),
        Item(slot="nav.end", under="admin", label=_l("Reasons"), endpoint="crm.reason_list",
             permission="crm.reason.edit", icon="message-question", order=82),
    ),
    metrics=METRICS,
    dimensions=DIMENSIONS,
    merges=MERGES,
    on_enable=on_enable,
    demo=demo.fill,
)

hooks = joined(deals, leads, activities, parts, gates, mail, accounts, day, calendar, forecast, reports, pivot, settings)
