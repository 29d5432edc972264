"""The writes to mails: written and queued in one transaction, queued again after a failure."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.core.access import me
from app.core.db import db
from app.core.errors import BusinessError, Conflict
from app.core.i18n import _
from app.core.jobs import enqueue
from app.core.mail import new_message_id, one_line
from app.core.tenancy import current_company_id
from app.modules.crm.mail.merge_fields import refuse_empty, refuse_unknown
from app.modules.crm.mail.models import FAILED, QUEUED, Mail
from app.modules.crm.mail.queries import Place, Recipient

SEND = "crm.send_mail"


def write(place: Place, recipient: Recipient, *, cc: str, subject: str, body: str, once: str = "") -> Mail:
    """Write a mail and have it sent when this transaction has committed.

    `once` names the form it was written in: the same form sent twice is one mail, unless something else stands in it by
    then. Raises `BusinessError` while a merge field stands in the text.
    """
    for text, field in ((subject, "subject"), (body, "body")):
        refuse_unknown(text, field)
        refuse_empty(text, field)
    values: dict[str, Any] = {
        **_links(place, recipient),
        "sender_id": me().member_id,
        "to_name": one_line(recipient.name)[:160],
        "to_address": recipient.address,
        "cc": cc,
        "subject": one_line(subject),
        "body": body.strip(),
    }
    message_id = new_message_id(f"{current_company_id()}-{_digest(values)}-{_name(once)}")
    try:
        with db.session.begin_nested():
            mail = Mail(**values, message_id=message_id)
            db.session.add(mail)
            db.session.flush()
    except IntegrityError:
        return db.session.scalars(select(Mail).where(Mail.message_id == message_id)).one()
    _queue(mail)
    return mail


def send_again(mail: Mail) -> None:
    """Queue a mail once more that was not taken. Raises `Conflict` when it is not a failed one (any more)."""
    if mail.state != FAILED:
        raise Conflict(_("This e-mail is on its way already."))
    if not mail.to_address:
        raise BusinessError(_("The address was erased; it cannot be sent again."))
    mail.state, mail.why, mail.error, mail.attempts = QUEUED, "", "", 0
    mail.rounds += 1
    db.session.flush()
    _queue(mail)


def follow_lead(*, lead_id: int, account_id: int | None, contact_id: int | None, deal_id: int | None) -> None:
    """Link the mails of a lead to what it has become, where they are not linked yet."""
    became = {"account_id": account_id, "contact_id": contact_id, "deal_id": deal_id}
    for mail in db.session.scalars(select(Mail).where(Mail.lead_id == lead_id)):
        for name, row_id in became.items():
            if row_id is not None and getattr(mail, name) is None:
                setattr(mail, name, row_id)
    db.session.flush()


def job_key(mail: Mail) -> str:
    """The idempotency key of the job that sends a mail, in its present round."""
    return f"{SEND}:{mail.company_id}:{mail.id}:{mail.rounds}"


def _queue(mail: Mail) -> None:
    enqueue(SEND, {"mail_id": mail.id}, key=job_key(mail))


def _links(place: Place, recipient: Recipient) -> Mapping[str, int | None]:
    links = {name: getattr(place, name) for name in ("account_id", "contact_id", "deal_id", "lead_id")}
    if place.kind != "contact":
        links["contact_id"] = recipient.contact_id
    return links


def _digest(values: Mapping[str, Any]) -> str:
    """Of who writes what to whom: a form that was sent, brought back by the browser and changed is another mail."""
    return sha256(repr(sorted(values.items())).encode()).hexdigest()[:16]


def _name(once: str) -> str:
    try:
        return UUID(once).hex
    except ValueError:
        return uuid4().hex
