"""The forms of leads: why one is disqualified, and what one becomes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from app.core import lookups
from app.core.access import can
from app.core.db import db
from app.core.errors import BusinessError
from app.core.fields import Date, Field, LongText, MoneyField, Text
from app.core.forms import Form, form_of
from app.core.i18n import _, _l
from app.core.ids import whole
from app.core.lookups import Lookup
from app.core.money import Money
from app.modules.crm.forms import IdChoice, reasons
from app.modules.crm.leads.models import Lead
from app.modules.crm.models import DISCARDED, OPEN, Pipeline, Stage

NEW, OTHER, NONE = "new", "other", "none"  # what is chosen beside the rows that are suggested
PARTS = {"account": "contacts.account", "contact": "contacts.contact", "deal": "crm.deal"}


def reason_form(posted: Any = None) -> Form:
    """Why a lead is disqualified."""
    choices = [(str(r.id), r.name) for r in reasons(DISCARDED)]
    reason = IdChoice("reason_id", _l("Reason"), choices=choices, required=True)
    return form_of([reason, LongText("reason_note", _l("Remark"), longest=2000)], posted)


def conversion_form(lead: Lead, posted: Any = None) -> Form:
    """Names and details of what a lead becomes; which of them count is said by `choices_of`."""
    amount = None if lead.amount_minor is None else Money(lead.amount_minor, lead.currency or "")
    return form_of(_fields(), posted, {
        "account_name": lead.organisation or "",
        "contact_name": lead.name,
        "deal_name": lead.product or lead.organisation or lead.name,  # pages say the account beside it
        "deal_amount": amount,
        "owner_id": lead.owner_id,
    })  # fmt: skip


def _fields() -> list[Field]:
    return [
        Text("account_name", _l("Name of the account"), longest=160),
        Lookup("account_id", _l("Another account"), target="contacts.account"),
        Text("contact_name", _l("Name of the person")),
        Lookup("contact_id", _l("Another person"), target="contacts.contact"),
        Text("deal_name", _l("Name of the deal"), longest=200),
        MoneyField("deal_amount", _l("Amount")),
        IdChoice("deal_stage_id", _l("Stage"), choices=_stages()),
        Date("deal_close", _l("Expected close")),
        Lookup("deal_id", _l("Open deal"), target="crm.deal"),
        Lookup("owner_id", _l("Owner"), target="admin.member", required=True),
    ]


def _stages() -> list[tuple[str, str]]:
    """Open stages in order; with more than one pipeline they say of which."""
    rows = db.session.execute(
        select(Stage.id, Stage.name, Pipeline.id.label("pipeline_id"), Pipeline.name.label("pipeline"))
        .join(Stage.pipeline)
        .where(Stage.type == OPEN, Pipeline.active)
        .order_by(Pipeline.position, Pipeline.id, Stage.position, Stage.id)
    ).all()
    several = len({row.pipeline_id for row in rows}) > 1
    return [(str(row.id), f"{row.pipeline}: {row.name}" if several else row.name) for row in rows]


def may_make(part: str) -> bool:
    """Whether the person may create what a lead becomes."""
    return can(f"{PARTS[part]}.create")


def is_right(form: Form, said: Mapping[str, str]) -> bool:
    """Whether what counts of the form can be read; what belongs to a choice that was not made is let be."""
    form.validate()
    for control in form:
        part, _sep, _rest = control.name.partition("_")
        how = said.get(part, "")
        counts = part not in PARTS or how == (OTHER if control.name == f"{part}_id" else NEW)
        if not counts:
            control.errors = []
    return not any(control.errors for control in form)


def choices_of(form: Form, said: Mapping[str, str]) -> dict[str, Any]:
    """The arguments of `convert`. `said` maps account, contact and deal to the id of a row, "new", "other" or "none".

    Raises `BusinessError` naming the field that would mend it.
    """
    values = form.values()
    deal = {"name": values["deal_name"], "amount": values["deal_amount"], "expected_close": values["deal_close"]}
    new = {
        "account": {"name": values["account_name"]},
        "contact": {"name": values["contact_name"]},
        "deal": deal | ({"stage_id": values["deal_stage_id"]} if values["deal_stage_id"] else {}),
    }
    found: dict[str, Any] = {"owner_id": values["owner_id"]}
    for part in PARTS:
        found[part] = _chosen(part, said.get(part, ""), values[f"{part}_id"], new[part])
    return found


def _chosen(part: str, said: str, other: int | None, new: Mapping[str, Any]) -> int | Mapping[str, Any] | None:
    if said == NONE:
        return None
    if said == NEW:
        if not may_make(part):
            raise BusinessError(_("You may not create this. Choose one that is there."), field=f"{part}_name")
        return new
    if said == OTHER:
        if other is None:
            raise BusinessError(_("Choose one, or say that there is none."), field=f"{part}_id")
        return other
    found = lookups.find(PARTS[part], said) if whole(said) is not None else None
    if found is None:
        raise BusinessError(_("Choose one, or say that there is none."), field=f"{part}_id")
    return found
