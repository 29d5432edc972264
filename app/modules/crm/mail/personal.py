"""What the CRM holds about a person or a lead: e-mails, parts in deals, leads; gathered, and forgotten.

The activities with a person are told and scrubbed by `app.modules.crm.activities.personal`; here are those with leads, and
those that count e-mails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import g
from flask_babel import force_locale
from sqlalchemy import or_, select, update

from app.core import lookups, personal, trash
from app.core.db import db
from app.core.formats import moment
from app.core.hooks import Personal
from app.core.i18n import _, _l
from app.core.registry import registry
from app.modules.crm.activities import personal as activities
from app.modules.crm.activities.models import Activity
from app.modules.crm.leads.models import Lead
from app.modules.crm.mail.models import FAILED, QUEUED, Mail
from app.modules.crm.models import Deal
from app.modules.crm.parts.models import DealPerson

Lines = list[dict[Any, str]]
ALL: dict[str, Any] = trash.UNSEEN


def of_contact(contact_id: int) -> Mapping[Any, Sequence[Mapping[Any, str]]]:
    """What is known of a person: mails to them, their parts in deals, the leads they were and what was done with those."""
    leads = _leads_of(contact_id)
    elsewhere = or_(Activity.contact_id.is_(None), Activity.contact_id != contact_id)
    return {
        _("E-mails"): _mails(_mails_of(contact_id, leads)),
        _("Activities"): activities.told(Activity.lead_id.in_(leads) & elsewhere),
        _("Deals"): _deals(contact_id),
        _("Leads"): _leads(leads),
    }


def of_lead(lead_id: int) -> Mapping[Any, Sequence[Mapping[Any, str]]]:
    """What is known of a lead beside its own fields."""
    return {
        _("E-mails"): _mails(Mail.lead_id == lead_id),
        _("Activities"): activities.told(Activity.lead_id == lead_id),
    }


def scrub_contact(contact_id: int) -> None:
    """Forget a person in all of it; the leads they were, too."""
    leads = _leads_of(contact_id)
    _scrub_mails(_mails_of(contact_id, leads))
    parts = db.session.scalars(select(DealPerson.id).where(DealPerson.contact_id == contact_id), execution_options=ALL).all()
    personal.scrub(DealPerson, parts, {"note": ""})
    personal.forget_log(DealPerson, parts, ("note",))
    for lead_id in leads:
        personal.erase(registry.resource("crm.lead"), lead_id)


def scrub_lead(lead_id: int) -> None:
    """Forget a lead; the person it may have become stays."""
    _scrub_mails(Mail.lead_id == lead_id)
    activities.forget(Activity.lead_id == lead_id)


def _leads_of(contact_id: int) -> list[int]:
    return list(db.session.scalars(select(Lead.id).where(Lead.contact_id == contact_id), execution_options=ALL))


def _mails_of(contact_id: int, leads: Sequence[int]) -> Any:
    """Mails linked to a person or to the leads they were, and those that went to their address from elsewhere."""
    contact = registry.resource("contacts.contact").model
    address = db.session.scalar(select(contact.email).where(contact.id == contact_id), execution_options=ALL)
    linked = or_(Mail.contact_id == contact_id, Mail.lead_id.in_(leads))
    return or_(linked, Mail.to_address == address, Mail.cc.contains(address, autoescape=True)) if address else linked


# Gathered


def _mails(which: Any) -> Lines:
    mails = db.session.scalars(select(Mail).where(which).order_by(Mail.id)).all()
    names = lookups.labels(lookups.MEMBER, {mail.sender_id for mail in mails})
    when, who, to, subject, text = _("When"), _("Written by"), _("To"), _("Subject"), _("Text")
    return [
        {when: moment(mail.sent_at or mail.created_at), who: names.get(mail.sender_id, ""), subject: mail.subject, text: mail.body,
         to: ", ".join(part for part in (mail.to_name, mail.to_address, mail.cc) if part)}
        for mail in mails
    ]  # fmt: skip


def _deals(contact_id: int) -> Lines:
    """Names of deals that name the person, and their part in each."""
    deal, part, text = _("Deal"), _("Part"), _("Text")
    main = select(Deal.name).where(Deal.contact_id == contact_id).order_by(Deal.id)
    found: Lines = [{deal: name, part: _("Main contact")} for name in db.session.scalars(main, execution_options=ALL)]
    parts = select(Deal.name, DealPerson.role, DealPerson.note).join(Deal, Deal.id == DealPerson.deal_id)
    rows = db.session.execute(parts.where(DealPerson.contact_id == contact_id).order_by(Deal.id), execution_options=ALL)
    return [*found, *({deal: row.name, part: row.role, text: row.note} for row in rows)]


def _leads(ids: Sequence[int]) -> Lines:
    resource = registry.resource("crm.lead")
    rows = db.session.scalars(select(Lead).where(Lead.id.in_(ids)).order_by(Lead.id), execution_options=ALL)
    return [{f.label: text for f in resource.fields if (text := f.show(f.of(row)))} for row in rows]


# Forgotten


def _scrub_mails(which: Any) -> None:
    """A mail keeps its date, sender and state; one that waits is not sent any more."""
    waiting = update(Mail).where(which, Mail.state == QUEUED).values(state=FAILED)
    db.session.execute(waiting, execution_options=trash.QUIET)
    ids = db.session.scalars(select(Mail.id).where(which)).all()
    blank = {"to_name": "", "to_address": "", "cc": "", "subject": _erased(), "body": "", "error": ""}
    personal.scrub(Mail, ids, blank)
    personal.forget_notices(f"crm/mails/{mail_id}" for mail_id in ids)
    counted = select(Mail.activity_id).where(Mail.id.in_(ids), Mail.activity_id.is_not(None))
    activities.forget(Activity.id.in_(counted))


def _erased() -> str:
    """What a mail is called whose words are gone, in the company's language."""
    with force_locale(g.company.language):
        return _("Erased")


STAYS = (
    _l("E-mails and activities with their dates, senders and outcomes, without addresses and words."),
    _l("Deals with their amounts and names, and the person's part in them, under the new name."),
)
PERSONAL = (
    Personal(resource="contacts.contact", gather=of_contact, scrub=scrub_contact, stays=STAYS),
    Personal(resource="crm.lead", gather=of_lead, scrub=scrub_lead, stays=STAYS[:1]),
)
