"""The mail server: where it is, how a letter is handed to it, and what its refusals mean."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from flask import current_app

from config import Config

TIMEOUT = 20  # seconds for each step of a conversation with the mail server
FOR_GOOD = 500  # replies from here on do not change when they are asked for again (RFC 5321, 4.2.1)
LONGEST_REPLY = 400


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


@dataclass
class Undelivered(Exception):
    """A letter was not taken. `said` are the server's words, `refused` its words by address.

    `for_good` says that it would not be taken later either; otherwise trying again is worth while.
    """

    said: str
    for_good: bool = False
    refused: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.said


def hand_over(message: EmailMessage, *, name: str) -> dict[str, str]:
    """Hand a letter to the server, or write it to `VAR_DIR/mail/<name>.eml` where none is set.

    Returns the addresses that were refused while others were taken, with the server's words. Raises `Undelivered` when
    nobody gets it.
    """
    config: Config = current_app.config["VENDIMIA"]
    if not config.smtp_url:
        _write(config.var_dir / "mail", name, message)
        return {}
    try:
        return _send(Server.of(config.smtp_url), message)
    except smtplib.SMTPRecipientsRefused as error:
        refused = _words(error.recipients)
        lasting = all(code >= FOR_GOOD for code, _said in error.recipients.values())
        raise Undelivered("; ".join(refused.values()), for_good=lasting, refused=refused) from None
    except smtplib.SMTPAuthenticationError as error:
        raise Undelivered(_reply(error.smtp_code, error.smtp_error)) from None  # our settings, which somebody mends
    except smtplib.SMTPResponseException as error:
        said, lasting = _reply(error.smtp_code, error.smtp_error), error.smtp_code >= FOR_GOOD
        raise Undelivered(said, for_good=lasting and not isinstance(error, smtplib.SMTPConnectError)) from None
    except (OSError, smtplib.SMTPException) as error:
        raise Undelivered(str(error)[:LONGEST_REPLY] or type(error).__name__) from None


def _send(server: Server, message: EmailMessage) -> dict[str, str]:
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
        return _words(client.send_message(message))


def _words(replies: Mapping[str, tuple[int, Any]]) -> dict[str, str]:
    return {address: _reply(code, said) for address, (code, said) in replies.items()}


def _reply(code: int, said: Any) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return " ".join(f"{code} {text}".split())[:LONGEST_REPLY]


def _write(folder: Path, name: str, message: EmailMessage) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    half = folder / f".{name}"
    half.touch(mode=0o600)
    half.write_bytes(message.as_bytes(policy=SMTP))
    half.rename(folder / f"{name}.eml")
