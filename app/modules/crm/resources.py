"""Deals, pipelines, stages and reasons as resources: their fields, lists and pages."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.changelog import actor_id
from app.core.fields import Apart, Boolean, Choice, Date, Integer, LongText, MoneyField, Percent, Text
from app.core.i18n import _l
from app.core.lookups import Lookup
from app.core.resource import Resource, View
from app.core.several import Several
from app.core.tags import Tags
from app.modules.crm import bulk, services, setup, trash
from app.modules.crm.gates.rules import NEEDABLE
from app.modules.crm.labels import CATEGORIES, STATES
from app.modules.crm.models import (
    LOST,
    OPEN,
    PIPELINE,
    WON,
    Deal,
    Pipeline,
    Reason,
    Stage,
)

STATE_LABELS, CATEGORY_LABELS = tuple(STATES.items()), tuple(CATEGORIES.items())
# Setting up the pipeline is the admin's; everybody sees the names of stages and reasons.
FOR_ALL_TO_SEE = {"manager": ("view",), "rep": ("view",)}


@dataclass(frozen=True)
class FirstStage(Apart, Lookup):
    """Where a deal of an import began; the ledger keeps it, the deal does not."""


deal = Resource(
    name="deal",
    model=Deal,
    label=_l("Deal"),
    label_plural=_l("Deals"),
    label_new=_l("New deal"),
    icon="chart-funnel",
    fields=(
        Text("name", _l("Name"), required=True, longest=200),
        Lookup("account_id", _l("Account"), target="contacts.account"),
        Lookup("contact_id", _l("Person"), target="contacts.contact"),
        Lookup("stage_id", _l("Stage"), target="crm.stage", linked=False),
        MoneyField("amount", _l("Amount")),
        Date("expected_close", _l("Expected close")),
        Percent("probability", _l("Probability"), hint=_l("Left empty, that of the stage counts.")),
        Choice("category", _l("Forecast category"), choices=CATEGORY_LABELS,
               hint=_l("Left empty, that of the stage counts.")),
        Lookup("owner_id", _l("Owner"), target="admin.member", default=actor_id),
        Text("product", _l("Product"), longest=120),
        Choice("state", _l("State"), choices=STATE_LABELS, editable=False, importable=False),
        Lookup("pipeline_id", _l("Pipeline"), target="crm.pipeline", linked=False, editable=False),
        Lookup("team_id", _l("Team"), target="admin.team", linked=False, editable=False, importable=False),
        Date("opened_on", _l("Opened"), editable=False),
        FirstStage("opened_stage_id", _l("First stage"), target="crm.stage", linked=False, editable=False,
                   exportable=False),
        Date("entered_on", _l("In this stage since"), editable=False, importable=False),
        Date("closed_on", _l("Closed"), creatable=False, hint=_l("Only for deals that are won, lost or discarded.")),
        Lookup("reason_id", _l("Reason"), target="crm.reason", linked=False, creatable=False,
               hint=_l("Why it was won, lost or discarded.")),
        LongText("reason_note", _l("Remark on the reason"), longest=2000, creatable=False),
        Text("external_id", _l("Reference"), longest=120, hint=_l("The deal's number in another system.")),
        Lookup("source_id", _l("Source"), target="crm.source", linked=False),
        Lookup("medium_id", _l("Medium"), target="crm.medium", linked=False),
        Lookup("campaign_id", _l("Campaign"), target="crm.campaign"),
        Tags("tags", _l("Tags")),
        LongText("note", _l("Note")),
    ),
    columns=("name", "account_id", "stage_id", "amount", "expected_close", "owner_id"),
    head=("account_id", "amount", "expected_close", "owner_id"),
    groups=(
        (_l("Deal"), ("name", "account_id", "contact_id", "owner_id", "product", "tags", "external_id")),
        (_l("Progress"), ("stage_id", "amount", "expected_close", "probability", "category", "team_id", "opened_on", "entered_on")),
        (_l("Origin"), ("source_id", "medium_id", "campaign_id")),
        (_l("Outcome"), ("closed_on", "reason_id", "reason_note")),
        (_l("Note"), ("note",)),
    ),
    filters=("owner_id", "stage_id", "account_id", "state", "expected_close", "category", "source_id", "campaign_id", "tags"),
    views=(
        View("open", _l("Open deals"), {"state": OPEN}),
        View("mine", _l("My deals"), {"state": OPEN, "owner_id": "me"}),
        View("won", _l("Won deals"), {"state": WON}),
        View("lost", _l("Lost deals"), {"state": LOST}),
        View("all", _l("All deals")),
    ),
    sort="-entered_at",
    team_column="credit_team_id",
    match_keys=("external_id", "name"),
    create=services.create_deal,
    update=services.change_deal,
    bulk=bulk.import_deals,
    hide=trash.hide_deals,
    show=trash.show_deals,
)

pipeline: Resource = Resource(
    name="pipeline",
    model=Pipeline,
    label=_l("Pipeline"),
    label_plural=_l("Pipelines"),
    label_new=_l("New pipeline"),
    icon="route",
    fields=(
        Text("name", _l("Name"), required=True, longest=80),
        Integer("position", _l("Position"), grouped=False, least=0, most=1000, default=lambda: 1),
        Boolean("active", _l("Active"), default=lambda: True),
    ),
    head=("position", "active"),
    sort="position",
    match_keys=("name",),
    create=lambda values: setup.add(Pipeline, pipeline.stored(values)),
    update=lambda row, values: setup.change(row, pipeline.stored(values)),
    grants=FOR_ALL_TO_SEE,
)

stage: Resource = Resource(
    name="stage",
    model=Stage,
    label=_l("Stage"),
    label_plural=_l("Stages"),
    label_new=_l("New stage"),
    icon="columns-3",
    fields=(
        Text("name", _l("Name"), required=True, longest=80),
        Lookup("pipeline_id", _l("Pipeline"), target="crm.pipeline", linked=False, required=True),
        Choice("type", _l("Type"), choices=STATE_LABELS, required=True, hint=_l("What it means that a deal is here.")),
        Integer("position", _l("Position"), grouped=False, least=0, most=1000, default=lambda: 1),
        Percent("probability", _l("Probability"), default=lambda: 0),
        Choice("category", _l("Forecast category"), choices=CATEGORY_LABELS, default=lambda: PIPELINE,
               hint=_l("What a forecast makes of the open deals here.")),
        Several("needs", _l("Needed to enter"), choices=[(f.name, f.label) for f in deal.fields if f.name in NEEDABLE],
                hint=_l("Fields that a deal must have filled in before it may come here.")),
        Integer("rotting_days", _l("Days until a deal rots"), grouped=False, least=1, most=3650),
        Boolean("qualified", _l("Qualified"), default=lambda: True, hint=_l("Deals here count in the open pipeline.")),
    ),
    head=("pipeline_id", "type", "probability", "category"),
    sort="position",
    filters=("pipeline_id", "type"),
    match_keys=("name",),
    create=lambda values: setup.add(Stage, stage.stored(values)),
    update=lambda row, values: setup.change_stage(row, stage.stored(values)),
    grants=FOR_ALL_TO_SEE,
)

reason: Resource = Resource(
    name="reason",
    model=Reason,
    label=_l("Reason"),
    label_plural=_l("Reasons"),
    label_new=_l("New reason"),
    icon="message-question",
    fields=(
        Text("name", _l("Name"), required=True),
        Choice("kind", _l("Kind"), choices=STATE_LABELS[1:], required=True),
        Boolean("active", _l("Active"), default=lambda: True),
    ),
    filters=("kind",),
    match_keys=("name",),
    offered=(lambda: Reason.active,),
    create=lambda values: setup.add(Reason, reason.stored(values)),
    update=lambda row, values: setup.change(row, reason.stored(values)),
    grants=FOR_ALL_TO_SEE,
)
