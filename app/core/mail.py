"""Mail: written to the outbox in the caller's transaction, sent by the worker."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from flask import current_app

from app.core.db import fold, utcnow
from app.core.jobs import core_job, enqueue, enqueue_all
from app.core.mail_server import hand_over
from config import Config


@dataclass(frozen=True)
class Mail:
    """A mail of the product itself, in plain text and, where it says more there, as HTML."""

    to: str
    subject: str
    text: str
    html: str | None = None
    language: str | None = None


@dataclass(frozen=True)
class Letter:
    """A mail that a person writes to others: plain text, from the product's address, answered to the person's own.

    `to` and `cc` are pairs of name and address. The same `message_id` is one letter to its readers, however often it
    is handed over.
    """

    sender: str
    reply_to: str
    to: Sequence[tuple[str, str]]
    cc: Sequence[tuple[str, str]]
    subject: str
    text: str
    message_id: str

    def message(self) -> EmailMessage:
        """The letter as it is sent. Raises `ValueError` for an address that is none."""
        message = EmailMessage()
        ours = parseaddr(_config().mail_from)[1]
        message["From"] = _address(self.sender, ours)
        if self.reply_to:
            message["Reply-To"] = _address(self.sender, self.reply_to)
        message["To"] = [_address(*each) for each in self.to]
        if self.cc:
            message["Cc"] = [_address(*each) for each in self.cc]
        message["Subject"] = one_line(self.subject)
        message["Date"] = format_datetime(utcnow())
        message["Message-ID"] = self.message_id
        # Lines as long as they were typed, wrapped softly on the way: the reader's window decides how they look.
        message.set_content(self.text.rstrip() + "\n", cte="quoted-printable")
        return message


def new_message_id(name: str) -> str:
    """The id of a mail that is called so: the same name gives the same id."""
    return f"<{_slug(name)}@{urlsplit(_config().base_url).hostname}>"


def one_line(text: str) -> str:
    """Text without line breaks and control characters: nothing in it can begin another header."""
    bare = "".join(c if unicodedata.category(c) not in ("Cc", "Cf") else " " for c in text)
    return " ".join(bare.split())


def send_mail(
    to: str,
    subject: str,
    text: str,
    html: str | None = None,
    language: str | None = None,
    key: str | None = None,
) -> bool:
    """Send a mail when this transaction has committed. `key` keeps the same mail from being sent twice: False then."""
    return enqueue("core.mail", _payload(Mail(to, subject, text, html, language), key), key=f"mail:{key}" if key else None)


def send_mails(mails: Sequence[Mail]) -> None:
    """Send mails, at least one, when this transaction has committed."""
    enqueue_all("core.mail", [(_payload(mail), None) for mail in mails])


def _payload(mail: Mail, key: str | None = None) -> dict[str, Any]:
    at = utcnow().isoformat(timespec="seconds")
    return {**asdict(mail), "subject": " ".join(mail.subject.split()), "name": key or uuid4().hex, "at": at}


@core_job("core.mail")
def deliver(
    *, to: str, subject: str, text: str, html: str | None, language: str | None, name: str, at: str
) -> None:
    """Hand a mail to the server, or write it to `VAR_DIR/mail` where none is set. Run by the worker."""
    message = _message(to, subject, text, html, language, name)
    hand_over(message, name=file_name(at, f"{subject} {to}", name))


def file_name(at: str, what: str, name: str) -> str:
    """What a mail is called that is written to a file: when, what, and the end of its name."""
    return f"{at[:19].replace(':', '')}-{_slug(what)}-{_slug(name)[-8:]}"


def _message(to: str, subject: str, text: str, html: str | None, language: str | None, name: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = _config().mail_from
    message["To"] = Address(addr_spec=to)
    message["Subject"] = subject
    message["Date"] = format_datetime(utcnow())
    # The same name gives the same id, so that a mail sent twice after a crash is one mail to its reader.
    message["Message-ID"] = new_message_id(name)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    if language:
        message["Content-Language"] = language  # last: setting the content drops what was said of it before
    return message


def _address(name: str, address: str) -> Address:
    return Address(display_name=one_line(name), addr_spec=address)


def _config() -> Config:
    return current_app.config["VENDIMIA"]


def _slug(*texts: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", fold(" ".join(texts))).strip("-")[:80]
