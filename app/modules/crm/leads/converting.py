"""A lead becomes an account, a person and a deal, new ones or such as are there, all in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app.core import tags
from app.core.changelog import actor_id
from app.core.clock import local_date
from app.core.db import db, utcnow
from app.core.errors import BusinessError, Conflict
from app.core.events import publish
from app.core.i18n import _
from app.core.lookups import MEMBER, labels
from app.core.money import Money
from app.core.registry import registry
from app.core.writes import update
from app.modules.crm import services
from app.modules.crm.activities.models import Activity
from app.modules.crm.leads.models import CONVERTED, DISQUALIFIED, Lead
from app.modules.crm.leads.services import locked
from app.modules.crm.models import OPEN, Deal

EVERYBODYS = {"all_rows": True}
ORIGIN = ("source_id", "medium_id", "campaign_id")
Choice = int | Mapping[str, Any] | None  # the id of one that is there, the values of a new one, or none


@dataclass(frozen=True)
class Converted:
    """What a lead has become."""

    account_id: int | None
    contact_id: int | None
    deal_id: int | None


def convert(
    lead: Lead, *, version: int | None, account: Choice, contact: Choice, deal: Choice, owner_id: int | None = None
) -> Converted:
    """Convert a lead. Each of the three is an id, field values of a new one (`name` at least), or None.

    New ones belong to `owner_id` (the lead's owner unless given) and carry what the lead knows; an open deal that is
    there gets the origin it lacks, and the tags. The lead's activities are linked to all three as well. Publishes
    `crm.lead_converted`. Raises `Conflict` when the lead was changed or converted meanwhile, `BusinessError`.
    """
    lead = _still_to_convert(lead, version)
    owner_id = owner_id or lead.owner_id or actor_id()
    there = _open_deal(deal) if isinstance(deal, int) else None
    account_id = _account(lead, account, owner_id)
    if there is not None and there.account_id is not None:
        if account_id is not None and account_id != there.account_id:
            raise BusinessError(_("This deal belongs to another account."), field="deal_id")
        account_id = there.account_id
    contact_id = _contact(lead, contact, account_id, owner_id)
    if account_id is None and contact_id is None:
        raise BusinessError(_("A lead becomes an account or a person at least."), field="account")
    deal_id = _deal(lead, there or deal, account_id, contact_id, owner_id)
    now = utcnow()
    became = {"account_id": account_id, "contact_id": contact_id, "deal_id": deal_id}
    done = {"state": CONVERTED, "converted_at": now, "converted_on": local_date(now), "converted_by_id": actor_id()}
    update(lead, {**became, **done})
    _link_activities(lead.id, became)
    publish("crm.lead_converted", lead_id=lead.id, **became)
    return Converted(account_id, contact_id, deal_id)


def _still_to_convert(lead: Lead, version: int | None) -> Lead:
    try:
        found = locked(lead, version)
    except Conflict:
        if lead.state != CONVERTED:
            raise
        who = labels(MEMBER, [lead.converted_by_id]).get(lead.converted_by_id or 0, _("The system"))
        raise Conflict(_("%(who)s has converted this lead already. Nothing was created a second time.", who=who)) from None
    if found.state == DISQUALIFIED:
        raise BusinessError(_("This lead is disqualified. Bring it back before you convert it."))
    return found


def _account(lead: Lead, chosen: Choice, owner_id: int | None) -> int | None:
    if not isinstance(chosen, Mapping):
        return chosen
    if not chosen.get("name"):
        raise BusinessError(_("A new account needs a name."), field="account_name")
    known = {"website": lead.website, "city": lead.city, "country": lead.country}
    if not lead.organisation or chosen["name"] == lead.organisation:
        known |= {"phone": lead.phone}
    return registry.resource("contacts.account").add({**known, "owner_id": owner_id, **chosen}).id


def _contact(lead: Lead, chosen: Choice, account_id: int | None, owner_id: int | None) -> int | None:
    if not isinstance(chosen, Mapping):
        return chosen
    if not chosen.get("name"):
        raise BusinessError(_("A new person needs a name."), field="contact_name")
    known = {"job_title": lead.job_title, "email": lead.email, "phone": lead.phone, "account_id": account_id}
    return registry.resource("contacts.contact").add({**known, "owner_id": owner_id, **chosen}).id


def _open_deal(deal_id: int) -> Deal:
    found = db.session.scalar(select(Deal).where(Deal.id == deal_id))
    if found is None:
        raise BusinessError(_("There is no such deal."), field="deal_id")
    if found.state != OPEN:
        raise BusinessError(_("This deal is closed; choose an open one."), field="deal_id")
    return found


def _deal(lead: Lead, chosen: Deal | Choice, account_id: int | None, contact_id: int | None, owner_id: int | None) -> int | None:
    if chosen is None:
        return None
    if isinstance(chosen, Deal):
        return _carried_over(lead, chosen, account_id, contact_id)
    assert isinstance(chosen, Mapping)
    if not chosen.get("name"):
        raise BusinessError(_("A new deal needs a name."), field="deal_name")
    amount = None if lead.amount_minor is None else Money(lead.amount_minor, lead.currency or "")
    known = {"amount": amount, "product": lead.product, "note": lead.note or None, "tags": lead.tags,
             **{name: getattr(lead, name) for name in ORIGIN}}
    places = {"account_id": account_id, "contact_id": contact_id, "owner_id": owner_id}
    return services.create_deal({**known, **places, **chosen}).id


def _carried_over(lead: Lead, deal: Deal, account_id: int | None, contact_id: int | None) -> int:
    """What the deal lacks and the lead knows."""
    known = {"account_id": account_id, "contact_id": contact_id, "product": lead.product, **{n: getattr(lead, n) for n in ORIGIN}}
    values: dict[str, Any] = {name: value for name, value in known.items() if value and getattr(deal, name) is None}
    if lead.tags:
        values["tags"] = tags.united(deal.tags, lead.tags)
    if lead.note and lead.note not in (deal.note or ""):
        values["note"] = "\n\n".join(text for text in (deal.note, lead.note) if text)
    return services.change_deal(deal, values).id


def _link_activities(lead_id: int, became: Mapping[str, int | None]) -> None:
    """Link what was done and planned with the lead to what it has become, where it is not linked yet."""
    for activity in db.session.scalars(select(Activity).where(Activity.lead_id == lead_id), execution_options=EVERYBODYS):
        for name, row_id in became.items():
            if row_id is not None and getattr(activity, name) is None:
                setattr(activity, name, row_id)
    db.session.flush()
