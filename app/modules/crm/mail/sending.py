"""Sending: the job that hands a mail to the server, and the one that notices mails whose job has died.

Nothing of the database is held while the server is talked to: what happened is written in a transaction of its own
afterwards, with the activity that counts it, and only while the mail still waits.
"""

from __future__ import annotations

from datetime import timedelta
from email.errors import MessageError

import structlog
from flask import g
from sqlalchemy import select

from app.core.db import db, utcnow
from app.core.errors import BusinessError
from app.core.i18n import _l
from app.core.mail import Letter, file_name
from app.core.mail_server import Undelivered, hand_over
from app.core.models import Job, Membership
from app.core.notices import notify
from app.modules.crm.activities import services as activities
from app.modules.crm.activities.models import EMAIL, ActivityType
from app.modules.crm.mail.addresses import split
from app.modules.crm.mail.models import FAILED, QUEUED, REFUSED, SENT, SERVER, Mail
from app.modules.crm.mail.queries import address_of
from app.modules.crm.mail.services import job_key

log = structlog.get_logger("mail")

GRACE = timedelta(minutes=10)  # a mail that waits so long should have a job
MOST = 500


def send(*, mail_id: int) -> None:
    """Send a mail that waits. Run by the worker; raises `Undelivered` when it is worth while to try again."""
    mail = db.session.get(Mail, mail_id)
    if mail is None or mail.state != QUEUED or not mail.to_address:
        return
    letter, name = _letter(mail)
    try:
        message = letter.message()
    except (ValueError, MessageError) as error:  # an address that is none: written by something else than our form
        _refused(mail_id, str(error))
        return
    db.session.commit()
    try:
        refused = hand_over(message, name=name)
    except Undelivered as error:
        if error.for_good:
            _refused(mail_id, error.said)
        else:
            _tried(mail_id, error.said)
            raise
    else:
        _taken(mail_id, refused)


def check() -> None:
    """Fail the mails that wait for a job that will not come any more, because its worker died once too often."""
    waiting = select(Mail).where(Mail.state == QUEUED, Mail.created_at < utcnow() - GRACE).order_by(Mail.id).limit(MOST)
    mails = db.session.scalars(waiting).all()
    keys = {job_key(mail): mail for mail in mails}
    alive = set(db.session.scalars(
        select(Job.idempotency_key).where(Job.idempotency_key.in_(keys), Job.state.in_(("ready", "running")))
    ))
    for key, mail in keys.items():
        if key not in alive:
            _fail(mail, SERVER, mail.error)


def _letter(mail: Mail) -> tuple[Letter, str]:
    sender = db.session.get_one(Membership, mail.sender_id).name
    letter = Letter(
        sender=sender,
        reply_to=address_of(mail.sender_id),
        to=[(mail.to_name, mail.to_address)],
        cc=[("", address) for address in split(mail.cc)],
        subject=mail.subject,
        text=mail.body,
        message_id=mail.message_id,
    )
    at = utcnow().isoformat(timespec="seconds")
    return letter, file_name(at, f"{mail.subject} {mail.to_address}", mail.message_id.partition("@")[0])


def _waiting(mail_id: int) -> Mail | None:
    """The mail, held until the transaction ends, while it waits still."""
    held = select(Mail).where(Mail.id == mail_id).with_for_update()
    mail = db.session.scalar(held, execution_options={"populate_existing": True})
    return mail if mail is not None and mail.state == QUEUED else None


def _taken(mail_id: int, refused: dict[str, str]) -> None:
    """The server has it: said in the mail, and counted as an activity, once."""
    if (mail := _waiting(mail_id)) is None:
        return
    mail.state, mail.sent_at, mail.why = SENT, utcnow(), ""
    mail.attempts += 1
    mail.error = "; ".join(f"{address}: {said}" for address, said in refused.items())[:600]
    mail.activity_id = _logged(mail)
    if refused:
        _tell(mail, _l("“%(subject)s” did not reach everybody: an address was refused.", subject=mail.subject))


def _logged(mail: Mail) -> int | None:
    """The activity of a mail that was sent: done by its sender, linked to the same records."""
    g.actor_id = mail.sender_id
    kind = select(ActivityType.id).where(ActivityType.kind == EMAIL)
    type_id = db.session.scalar(kind.order_by(ActivityType.active.desc(), ActivityType.position, ActivityType.id).limit(1))
    if type_id is None or mail.sent_at is None:
        log.warning("mail_without_activity", mail=mail.id)
        return None
    links = {name: getattr(mail, name) for name in ("account_id", "contact_id", "deal_id", "lead_id")}
    told = {"type_id": type_id, "subject": mail.subject, "owner_id": mail.sender_id, "done_at": mail.sent_at, "source": "mail"}
    try:
        with db.session.begin_nested():
            return activities.log({**told, **links}).id
    except BusinessError as error:  # it was sent all the same, and must not be sent again
        log.warning("mail_without_activity", mail=mail.id, error=error.message)
        return None


def _tried(mail_id: int, said: str) -> None:
    """Note an attempt that failed, in a transaction of its own; after the last one the mail has failed."""
    if (mail := _waiting(mail_id)) is not None:
        mail.attempts += 1
        mail.error = said
        job = db.session.execute(select(Job.attempts, Job.max_attempts).where(Job.idempotency_key == job_key(mail))).one_or_none()
        if job is None or job.attempts >= job.max_attempts:
            _fail(mail, SERVER, said)
    db.session.commit()


def _refused(mail_id: int, said: str) -> None:
    if (mail := _waiting(mail_id)) is not None:
        mail.attempts += 1
        _fail(mail, REFUSED, said)


def _fail(mail: Mail, why: str, said: str) -> None:
    mail.state, mail.why, mail.error = FAILED, why, said[:600]
    _tell(mail, _l("“%(subject)s” could not be sent to %(name)s.", subject=mail.subject, name=mail.to_name or mail.to_address))


def _tell(mail: Mail, text: object) -> None:
    notify([mail.sender_id], text, f"crm/mails/{mail.id}", icon="mail-x", key=f"crm.mail:{mail.id}:{mail.rounds}")
