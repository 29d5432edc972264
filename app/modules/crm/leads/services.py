"""The rules of leads and the only writes to them. Whoever calls has asked for permission."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import func, select

from app.core import writes
from app.core.changelog import actor_id
from app.core.clock import noon, today
from app.core.db import db, utcnow
from app.core.errors import BusinessError, Conflict
from app.core.events import publish
from app.core.i18n import _
from app.core.money import Money
from app.modules.crm.activities.models import Activity
from app.modules.crm.leads.models import CONVERTED, DISQUALIFIED, NEW, WORKING, Lead
from app.modules.crm.models import DISCARDED, Reason
from app.modules.crm.recording import team_on

TEXTS = ("tags", "note", "reason_note")  # columns that hold "" for nothing
# What an import may leave out; rows of a bulk write all name the same columns.
COLUMNS = (
    "name", "organisation", "job_title", "email", "phone", "city", "country", "website", "product", "amount_minor", "currency",
    "source_id", "medium_id", "campaign_id", "tags", "external_id", "note",
)  # fmt: skip


def create_lead(values: Mapping[str, Any]) -> Lead:
    """A new lead; `values` by field name, `amount` as `Money`, all but `name` may be missing.

    Without `owner_id` it belongs to who asks; `opened_on` is a local day, today unless given. Publishes
    `crm.lead_created`. Raises `BusinessError`.
    """
    _check_name(values)
    _check_reference(values.get("external_id"), None)
    lead = writes.create(Lead, _new(values))
    publish("crm.lead_created", lead_id=lead.id)
    return lead


def create_leads(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Many new leads at once, as an import brings them; no events are published. Raises `BusinessError`."""
    for row in rows:
        _check_name(row)
    return writes.bulk_insert(Lead, [_new(row) for row in rows])


def change_lead(lead: Lead, values: Mapping[str, Any]) -> Lead:
    """Change fields of a lead, only those that are named. What became of it is not changed here. Raises `BusinessError`."""
    if "name" in values:
        _check_name(values)
    if values.get("external_id", lead.external_id) != lead.external_id:
        _check_reference(values["external_id"], lead.id)
    columns = _columns(values)
    if "owner_id" in columns and columns["owner_id"] != lead.owner_id:
        if columns["owner_id"] is None:
            raise BusinessError(_("A lead needs an owner."), field="owner_id")
        columns["team_id"] = team_on(columns["owner_id"], lead.opened_on)
    return writes.update(lead, columns)


def start_work(lead: Lead, version: int | None = None) -> Lead:
    """Somebody works on a new lead. Raises `Conflict`, `BusinessError`."""
    lead = locked(lead, version)
    if lead.state != NEW:
        raise BusinessError(_("Only a new lead can be taken up."))
    return writes.update(lead, {"state": WORKING})


def disqualify(lead: Lead, reason: Reason | int | None, note: str = "", version: int | None = None) -> Lead:
    """Say that a lead will not buy, and why: a reason for discarding is needed. Raises `Conflict`, `BusinessError`."""
    lead = locked(lead, version)
    if lead.state == DISQUALIFIED:
        raise Conflict(_("Somebody has disqualified this lead already."))
    found = reason if isinstance(reason, Reason) else db.session.scalar(select(Reason).where(Reason.id == (reason or 0)))
    if found is None:
        raise BusinessError(_("Why? A reason is needed."), field="reason_id")
    if found.kind != DISCARDED or not found.active:
        raise BusinessError(_("This reason does not fit here."), field="reason_id")
    return writes.update(lead, {"state": DISQUALIFIED, "reason_id": found.id, "reason_note": note})


def bring_back(lead: Lead, version: int | None = None) -> Lead:
    """Take a disqualified lead up again: it is new, or worked on when somebody has done something about it before."""
    lead = locked(lead, version)
    if lead.state != DISQUALIFIED:
        raise BusinessError(_("Only a disqualified lead can be brought back."))
    state = WORKING if _touched(lead.id) else NEW
    return writes.update(lead, {"state": state, "reason_id": None, "reason_note": ""})


def on_activity(activity_id: int, **_facts: Any) -> None:
    """The first activity with a new lead means that it is worked on."""
    told = select(Lead).join(Activity, (Activity.lead_id == Lead.id) & (Activity.company_id == Lead.company_id))
    asked = told.where(Activity.id == activity_id, Lead.state == NEW)
    lead = db.session.scalar(asked, execution_options={"all_rows": True})
    if lead is not None:
        writes.update(lead, {"state": WORKING})


def locked(lead: Lead, version: int | None) -> Lead:
    """The lead as it is stored now, nobody else's until the transaction ends; still to be decided on.

    Raises `Conflict` when it is gone, changed or converted meanwhile.
    """
    found = db.session.scalar(
        select(Lead).where(Lead.id == lead.id).with_for_update(),
        execution_options={"populate_existing": True, "all_rows": True},
    )
    if found is None:
        raise Conflict(_("The lead is gone."))
    if found.state == CONVERTED:
        raise Conflict(_("This lead has been converted already."))
    if version is not None and version != found.version:
        raise Conflict(_("Somebody else has changed this lead in the meantime. Nothing you typed is lost."))
    return found


def _new(values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a new lead, all of them."""
    day: date = values.get("opened_on") or today()
    if day > today():
        raise BusinessError(_("This date is in the future."), field="opened_on")
    given = _columns({name: value for name, value in values.items() if name != "opened_on"})
    owner_id = given.get("owner_id") or actor_id()
    columns = {name: "" if name in TEXTS else None for name in COLUMNS} | {n: v for n, v in given.items() if n in COLUMNS}
    opened_at = utcnow() if day == today() else noon(day)
    return {**columns, "owner_id": owner_id, "team_id": team_on(owner_id, day), "opened_on": day, "opened_at": opened_at}


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """Columns for field values."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if name == "amount":
            amount: Money | None = value
            found |= {"amount_minor": amount.minor, "currency": amount.currency} if amount else {"amount_minor": None}
        else:
            found[name] = "" if value is None and name in TEXTS else value
    return found


def _check_name(values: Mapping[str, Any]) -> None:
    if not values.get("name"):
        raise BusinessError(_("A lead needs a name."), field="name")


def _check_reference(external_id: str | None, lead_id: int | None) -> None:
    if external_id is None:
        return
    taken = select(Lead.id).where(Lead.external_id == external_id, Lead.id != (lead_id or 0))
    if db.session.scalar(taken, execution_options={"all_rows": True}):
        raise BusinessError(_("There is a lead with the reference “%(given)s” already.", given=external_id), field="external_id")


def _touched(lead_id: int) -> bool:
    count = select(func.count(Activity.id)).where(Activity.lead_id == lead_id)
    return bool(db.session.scalar(count, execution_options={"all_rows": True}))
