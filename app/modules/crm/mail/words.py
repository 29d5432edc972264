"""What is said of a mail: its state, why it failed, and its line in the stream of a record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask import url_for

from app.core.history import Entry
from app.core.i18n import _
from app.modules.crm.mail import queries
from app.modules.crm.mail.models import FAILED, QUEUED, REFUSED, SENT, Mail

FIRST_LINES, FIRST_CHARACTERS = 3, 280


def state_tag(mail: Mail) -> dict[str, str]:
    """Label and kind of the tag that says how far a mail has come."""
    return {
        QUEUED: {"label": _("Queued"), "kind": "warn"},
        SENT: {"label": _("Sent"), "kind": "ok"},
        FAILED: {"label": _("Not sent"), "kind": "bad"},
    }[mail.state]


def why_sentence(mail: Mail) -> str:
    """What is to be said of a mail that was not simply sent."""
    if not mail.to_address:
        return _("Its addresses and words were erased with the personal data.")
    if mail.state == QUEUED and mail.attempts:
        return _("The mail server does not answer at the moment. The e-mail will be sent as soon as it does.")
    if mail.state == QUEUED:
        return _("It will be sent in a moment.")
    if mail.state == FAILED and mail.why == REFUSED:
        return _("The mail server refused it for good. Check the address before you send it again.")
    if mail.state == FAILED:
        return _("The mail server did not take it in %(n)s attempts. Nothing is lost: send it again when it answers.", n=mail.attempts)
    return _("One of the addresses was refused; the others have it.") if mail.error else ""


def entries_on(kind: str) -> Callable[[int, datetime | None, int], list[Entry]]:
    """The function that gives the stream of one kind of record its mails."""

    def entries(row_id: int, before: datetime | None, limit: int) -> list[Entry]:
        mails = queries.mails_on(kind, row_id, before, limit)
        names = queries.senders(mails)
        url = url_for("crm.mail_record", mail_id="_")[:-1] if mails else ""
        return [_entry(mail, names.get(mail.sender_id, ""), f"{url}{mail.id}") for mail in mails]

    return entries


def _entry(mail: Mail, who: str, url: str) -> Entry:
    name = mail.to_name or mail.to_address or _("somebody")
    icon = {QUEUED: "mail-pause", SENT: "mail", FAILED: "mail-x"}[mail.state]
    text = _("could not write to %(name)s", name=name) if mail.state == FAILED else _("wrote to %(name)s", name=name)
    meta = () if mail.state == SENT else (("", state_tag(mail)["label"]),)
    at = mail.sent_at or mail.created_at
    return Entry(at=at, who=who, text=text, icon=icon, kind="mail", url=url, link=mail.subject, body=first_lines(mail.body), meta=meta)


def first_lines(text: str) -> str:
    """The beginning of a text, cut at the end of a word."""
    lines = "\n".join([line for line in text.splitlines() if line.strip()][:FIRST_LINES])
    if len(lines) <= FIRST_CHARACTERS:
        return lines + ("…" if len(lines) < len(text.strip()) - FIRST_LINES else "")
    return lines[:FIRST_CHARACTERS].rsplit(" ", 1)[0] + "…"
