"""Leads as a resource: their fields, lists and pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from app.core.address_fields import Email, Phone, Url
from app.core.changelog import actor_id
from app.core.clock import today
from app.core.fields import Choice, Date, LongText, MoneyField, Text
from app.core.i18n import _l
from app.core.lookups import Lookup
from app.core.resource import Resource, View
from app.core.tags import Tags
from app.modules.crm.leads import matching, services
from app.modules.crm.leads.models import CONVERTED, DISQUALIFIED, NEW, WORKING, Lead
from app.modules.crm.settings.queries import settings

STATES = (
    (NEW, _l("Untouched")),
    (WORKING, _l("In progress")),
    (CONVERTED, _l("Converted")),
    (DISQUALIFIED, _l("Disqualified")),
)
KINDS = {NEW: "info", WORKING: "accent", CONVERTED: "ok", DISQUALIFIED: ""}


@dataclass(frozen=True)
class Website(Url):
    """The web site of somebody's firm; it does not make the lead itself an organisation."""

    kind: ClassVar[str] = "text"


def uses_leads() -> bool:
    """Whether the company works with leads at all."""
    return settings().uses_leads


lead = Resource(
    name="lead",
    model=Lead,
    label=_l("Lead"),
    label_plural=_l("Leads"),
    label_new=_l("New lead"),
    icon="user-plus",
    personal=True,
    fields=(
        Text("name", _l("Name"), required=True, hint=_l("Of the person, or what is known of them.")),
        Text("organisation", _l("Organisation"), longest=160),
        Text("job_title", _l("Job title")),
        Email("email", _l("E-mail")),
        Phone("phone", _l("Phone")),
        Website("website", _l("Website")),
        Text("city", _l("City"), longest=80),
        Text("country", _l("Country"), longest=80),
        Text("product", _l("Product"), hint=_l("What they asked for.")),
        MoneyField("amount", _l("Amount")),
        Choice("state", _l("State"), choices=STATES, editable=False, importable=False),
        Lookup("owner_id", _l("Owner"), target="admin.member", default=actor_id),
        Lookup("team_id", _l("Team"), target="admin.team", linked=False, editable=False, importable=False),
        Lookup("source_id", _l("Source"), target="crm.source", linked=False),
        Lookup("medium_id", _l("Medium"), target="crm.medium", linked=False),
        Lookup("campaign_id", _l("Campaign"), target="crm.campaign", linked=False),
        Tags("tags", _l("Tags")),
        Date("opened_on", _l("Came in"), editable=False, default=today),
        Lookup("reason_id", _l("Reason"), target="crm.reason", linked=False, editable=False, importable=False),
        LongText("reason_note", _l("Remark on the reason"), longest=2000, editable=False, importable=False),
        Date("converted_on", _l("Converted on"), editable=False, importable=False),
        Lookup("account_id", _l("Account"), target="contacts.account", editable=False, importable=False),
        Lookup("contact_id", _l("Person"), target="contacts.contact", editable=False, importable=False),
        Lookup("deal_id", _l("Deal"), target="crm.deal", editable=False, importable=False),
        Text("external_id", _l("Reference"), longest=120, hint=_l("The lead's number in another system.")),
        LongText("note", _l("Note")),
    ),
    columns=("name", "organisation", "state", "source_id", "tags", "amount", "owner_id", "opened_on"),
    head=("organisation", "amount", "source_id", "owner_id"),
    groups=(
        (_l("Lead"), ("name", "organisation", "job_title", "email", "phone", "website", "city", "country")),
        (_l("Interest"), ("product", "amount", "owner_id", "tags", "external_id")),
        (_l("Where it comes from"), ("source_id", "medium_id", "campaign_id", "opened_on")),
        (_l("Outcome"), ("converted_on", "account_id", "contact_id", "deal_id", "reason_id", "reason_note")),
        (_l("Note"), ("note",)),
    ),
    filters=("owner_id", "source_id", "tags", "campaign_id", "opened_on", "state"),
    views=(
        View("mine", _l("My new leads"), {"state": NEW, "owner_id": "me"}),
        View("working", _l("Leads in progress"), {"state": WORKING}),
        View("converted", _l("Converted leads"), {"state": CONVERTED}),
        View("disqualified", _l("Disqualified leads"), {"state": DISQUALIFIED}),
        View("all", _l("All leads")),
    ),
    sort="-opened_on",
    team_column="team_id",
    match_keys=("external_id", "email", "name"),
    create=services.create_lead,
    update=services.change_lead,
    bulk=services.create_leads,
    available=uses_leads,
    similar=matching.similar,
)
