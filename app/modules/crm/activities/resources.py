"""Activities, their types and outcomes as resources: fields, lists and pages."""

from __future__ import annotations

from app.core.changelog import actor_id
from app.core.fields import Boolean, Choice, Date, Integer, LongText, Text
from app.core.i18n import _l
from app.core.lookups import Lookup
from app.core.resource import Resource, View
from app.core.several import Several
from app.modules.crm.activities import bulk, services, setup
from app.modules.crm.activities.fields import Clock, People
from app.modules.crm.activities.labels import KINDS
from app.modules.crm.activities.models import (
    CALL,
    CANCELLED,
    DONE,
    EMAIL,
    FORTNIGHTLY,
    MEETING,
    MONTHLY,
    PLANNED,
    TASK,
    VISIT,
    WEEKLY,
    Activity,
    ActivityOutcome,
    ActivityType,
)
from app.modules.crm.settings.queries import settings

KIND_LABELS = tuple(KINDS.items())
STATE_LABELS = ((PLANNED, _l("Planned")), (DONE, _l("Done")), (CANCELLED, _l("Cancelled")))
REPEAT_LABELS = ((WEEKLY, _l("Every week")), (FORTNIGHTLY, _l("Every two weeks")), (MONTHLY, _l("Every month")))
ICONS = {CALL: "phone", EMAIL: "mail", VISIT: "map-pin", MEETING: "users", TASK: "square-check"}
DAY = 24 * 60  # minutes
# The lists are the admin's; everybody sees their names.
FOR_ALL_TO_SEE = {"manager": ("view",), "rep": ("view",)}
OPEN_COLUMNS = "subject,due_on,account_id,type_id,deal_id,due_time,owner_id"
DONE_COLUMNS = "subject,done_on,account_id,type_id,deal_id,done_by_id,outcome_id,crm.late"

activity = Resource(
    name="activity",
    plural="activities",
    model=Activity,
    title="subject",
    label=_l("Activity"),
    label_plural=_l("Activities"),
    label_new=_l("New activity"),
    icon="activity",
    fields=(
        Lookup("type_id", _l("Type"), target="crm.activity_type", linked=False, required=True),
        Text("subject", _l("Subject"), longest=200, hint=_l("What its type says, if it is left empty.")),
        Choice("kind", _l("Kind of activity"), choices=KIND_LABELS, editable=False, importable=False),
        Date("due_on", _l("Due"), hint=_l("What its type says, if it is left empty.")),
        Clock("due_time", _l("At"), example="17:30"),
        Integer("minutes", _l("Minutes"), least=1, most=DAY),
        Lookup("owner_id", _l("Owner"), target="admin.member", default=actor_id),
        Lookup("account_id", _l("Account"), target="contacts.account"),
        Lookup("contact_id", _l("Person"), target="contacts.contact"),
        Lookup("deal_id", _l("Deal"), target="crm.deal"),
        Lookup("lead_id", _l("Lead"), target="crm.lead"),
        Text("place", _l("Place"), longest=200),
        People("members", _l("Colleagues"), hint=_l("Who takes part besides the owner.")),
        Choice("repeat", _l("Repeats"), choices=REPEAT_LABELS),
        Date("repeat_until", _l("Until")),
        Integer("remind_minutes", _l("Remind minutes before"), grouped=False, least=0, most=14 * DAY, hint=_l("Only with a time."),
                default=lambda: settings().remind_minutes),
        Choice("state", _l("State"), choices=STATE_LABELS, creatable=False),
        Date("done_on", _l("Done on"), hint=_l("Only if it is done already.")),
        Clock("done_time", _l("Done at"), example="17:30"),
        Lookup("outcome_id", _l("Outcome"), target="crm.activity_outcome", linked=False),
        LongText("outcome_note", _l("What came of it"), longest=5000),
        Lookup("done_by_id", _l("Done by"), target="admin.member", creatable=False),
        Lookup("team_id", _l("Team"), target="admin.team", linked=False, editable=False, importable=False),
        Integer("told_after", _l("Recorded after (hours)"), editable=False, importable=False),
        Text("external_id", _l("Reference"), longest=120, hint=_l("The activity's number in another system.")),
        LongText("note", _l("Note")),
    ),
    columns=("subject", "due_on", "account_id", "type_id", "deal_id", "done_on", "state", "owner_id"),
    head=("type_id", "state", "due_on", "due_time", "owner_id"),
    groups=(
        (_l("Activity"), ("type_id", "subject", "due_on", "due_time", "minutes", "remind_minutes", "place")),
        (_l("With"), ("account_id", "contact_id", "deal_id", "lead_id", "owner_id", "members", "team_id")),
        (_l("Result"), ("state", "done_on", "done_time", "outcome_id", "outcome_note", "done_by_id", "told_after")),
        (_l("Series"), ("repeat", "repeat_until")),
        (_l("Note"), ("note", "external_id")),
    ),
    filters=("owner_id", "kind", "type_id", "state", "due_on", "done_on", "account_id", "deal_id"),
    views=(
        View("open", _l("Open activities"), {"state": PLANNED, "columns": OPEN_COLUMNS}),
        View("mine", _l("My activities"), {"state": PLANNED, "owner_id": "me", "columns": OPEN_COLUMNS}),
        View("today", _l("Due today"), {"state": PLANNED, "owner_id": "me", "due_on": "today", "columns": OPEN_COLUMNS}),
        View("overdue", _l("Late activities"), {"state": PLANNED, "due_on__lte": "yesterday", "columns": OPEN_COLUMNS}),
        View("done", _l("Done activities"), {"state": DONE, "sort": "-done_on", "columns": DONE_COLUMNS}),
        View("all", _l("All activities"), {"sort": "-due_on"}),
    ),
    sort="due_on",
    match_keys=("external_id",),
    create=services.add,
    update=services.change,
    bulk=bulk.import_activities,
)

activity_type: Resource = Resource(
    name="activity_type",
    model=ActivityType,
    label=_l("Activity type"),
    label_plural=_l("Activity types"),
    label_new=_l("New activity type"),
    icon="list-details",
    fields=(
        Text("name", _l("Name"), required=True, longest=80),
        Choice("kind", _l("Kind of activity"), choices=KIND_LABELS, required=True, hint=_l("What figures count it as.")),
        Text("subject", _l("Subject"), longest=200, hint=_l("What a new one is called; its type's name without it.")),
        Integer("default_days", _l("Due in working days"), grouped=False, least=0, most=365, default=lambda: 1),
        Integer("default_minutes", _l("Minutes"), grouped=False, least=1, most=DAY),
        Lookup("default_owner_id", _l("Owner"), target="admin.member", hint=_l("Who plans it, if it is left empty.")),
        Lookup("next_type_id", _l("Then comes"), target="crm.activity_type", linked=False,
               hint=_l("What is suggested when one is done.")),
        Integer("next_days", _l("In working days"), grouped=False, least=0, most=365),
        LongText("note", _l("Note"), hint=_l("What the note of a new one begins with.")),
        Integer("position", _l("Position"), grouped=False, least=0, most=1000, default=lambda: 1),
        Boolean("active", _l("Active"), default=lambda: True),
    ),
    columns=("name", "kind", "default_days", "default_minutes", "next_type_id", "next_days", "position", "active"),
    groups=(
        (_l("Activity type"), ("name", "kind", "position", "active")),
        (_l("What a new one begins with"), ("subject", "default_days", "default_minutes", "default_owner_id", "note")),
        (_l("What comes next"), ("next_type_id", "next_days")),
    ),
    sort="position",
    filters=("kind",),
    match_keys=("name",),
    offered=(lambda: ActivityType.active,),
    create=lambda values: setup.add(ActivityType, activity_type.stored(values)),
    update=lambda row, values: setup.change(row, activity_type.stored(values)),
    grants=FOR_ALL_TO_SEE,
)

activity_outcome: Resource = Resource(
    name="activity_outcome",
    model=ActivityOutcome,
    label=_l("Outcome of activities"),
    label_plural=_l("Outcomes of activities"),
    label_new=_l("New outcome"),
    icon="circle-check",
    fields=(
        Text("name", _l("Name"), required=True, longest=80),
        Several("kinds", _l("Kinds of activity"), choices=KIND_LABELS, hint=_l("Of all kinds, if none is ticked.")),
        Boolean("reached", _l("Reached"), default=lambda: True, hint=_l("It was a contact both ways.")),
        Boolean("cancelled", _l("Did not take place"), hint=_l("A reason why an activity is cancelled.")),
        Integer("position", _l("Position"), grouped=False, least=0, most=1000, default=lambda: 1),
        Boolean("active", _l("Active"), default=lambda: True),
    ),
    sort="position",
    filters=("reached", "cancelled"),
    match_keys=("name",),
    offered=(lambda: ActivityOutcome.active,),
    create=lambda values: setup.add(ActivityOutcome, activity_outcome.stored(values)),
    update=lambda row, values: setup.change(row, activity_outcome.stored(values)),
    grants=FOR_ALL_TO_SEE,
)
