"""Mail: written to the outbox in the caller's transaction, sent by the worker."""

from __future__ import annotations

import re
import smtplib
import ssl
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

from flask import current_app

from app.core.db import fold, utcnow
from app.core.jobs import core_job, enqueue
from config import Config

TIMEOUT = 20  # seconds for each step of a conversation with the mail server


@dataclass(frozen=True)
class Server:
    """Where mail goes: `smtp://user:password@host:port?starttls=1` or `smtps://…`."""

    host: str
    port: int
    user: str
    password: str
    tls: bool
    starttls: bool

    @classmethod
    def of(cls, url: str) -> Server:
        """Read an address; raise `ValueError` when its scheme or host is not one for mail."""
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("SMTP_URL must look like smtp://user:password@host:port?starttls=1 or smtps://…")
        tls = parts.scheme == "smtps"
        return cls(
            host=parts.hostname,
            port=parts.port or (465 if tls else 25),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            tls=tls,
            starttls=parse_qs(parts.query).get("starttls", ["0"])[-1] == "1",
        )


def send_mail(
    to: str,
    subject: str,
    text: str,
    html: str | None = None,
    language: str | None = None,
    key: str | None = None,
) -> bool:
    """Send a mail when this transaction has committed. `key` keeps the same mail from being sent twice: False then."""
    name = key or uuid4().hex
    payload = {
        "to": to,
        "subject": " ".join(subject.split()),
        "text": text,
        "html": html,
        "language": language,
        "name": name,
        "at": utcnow().isoformat(timespec="seconds"),
    }
    return enqueue("core.mail", payload, key=f"mail:{key}" if key else None)


@core_job("core.mail")
def deliver(
    *, to: str, subject: str, text: str, html: str | None, language: str | None, name: str, at: str
) -> None:
    """Hand a mail to the server, or write it to `VAR_DIR/mail` where none is set. Run by the worker."""
    config: Config = current_app.config["VENDIMIA"]
    message = _message(config, to, subject, text, html, language, name)
    if config.smtp_url:
        _send(Server.of(config.smtp_url), message)
    else:
        _write(
            config.var_dir / "mail",
            f"{at[:19].replace(':', '')}-{_slug(subject, to)}-{_slug(name)[-8:]}",
            message,
        )


def _message(
    config: Config, to: str, subject: str, text: str, html: str | None, language: str | None, name: str
) -> EmailMessage:
    message = EmailMessage()
    message["From"] = config.mail_from
    message["To"] = Address(addr_spec=to)
    message["Subject"] = subject
    # The same name gives the same id, so that a mail sent twice after a crash is one mail to its reader.
    message["Message-ID"] = f"<{_slug(name)}@{urlsplit(config.base_url).hostname}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    if language:
        message["Content-Language"] = language  # last: setting the content drops what was said of it before
    return message


def _send(server: Server, message: EmailMessage) -> None:
    context = ssl.create_default_context()
    if server.tls:
        client: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT, context=context)
    else:
        client = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT)
    with client:
        if server.starttls:
            client.starttls(context=context)
        if server.user:
            client.login(server.user, server.password)
        client.send_message(message)


def _write(folder: Path, name: str, message: EmailMessage) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    half = folder / f".{name}"
    half.touch(mode=0o600)
    half.write_bytes(message.as_bytes(policy=SMTP))
    half.rename(folder / f"{name}.eml")


def _slug(*texts: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", fold(" ".join(texts))).strip("-")[:80]
