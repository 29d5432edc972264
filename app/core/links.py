"""Signed links that let a person set a password: reset (two hours) and invitation (seven days).

A link names a user and the state of their password, so it works once and dies with any later change. It is built
from `BASE_URL` alone, never from the host a request claims to have come to.
"""

from __future__ import annotations

from hashlib import sha256

from flask import current_app
from flask_babel import force_locale
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import select

from app.core import login_guard
from app.core.auth import end_transaction, log_out_everywhere, normal_email, store_password
from app.core.db import db, utcnow
from app.core.errors import NotFound
from app.core.i18n import _
from app.core.jobs import core_job, enqueue
from app.core.mail import send_mail
from app.core.models import User
from app.core.passwords import hash_password, refuse_weak
from config import Config

LIFETIME = {"reset": 2 * 3600, "invite": 7 * 24 * 3600}  # seconds
QUIET = 5 * 60  # seconds in which one address gets at most one mail


def ask_for_reset(email: str, language: str) -> None:
    """Have a reset link mailed if the address belongs to somebody.

    The request does the same work either way; only the worker looks the address up.
    """
    email = normal_email(email)
    key = f"reset:{sha256(email.encode()).hexdigest()[:32]}:{_turn()}"
    enqueue("core.reset", {"email": email, "language": language}, key=key)


@core_job("core.reset")
def mail_reset_link(*, email: str, language: str) -> None:
    """Mail a reset link to a known address. Run by the worker."""
    user = db.session.scalar(select(User).filter_by(email=email))
    if user is None:
        return
    with force_locale(user.language or language):
        text = _(
            "Hello %(name)s,\n\nsomebody asked to set a new password for your Vendimia account. If it was you, open this"
            " link within two hours:\n\n%(link)s\n\nIf it was not you, there is nothing to do: your password stays as it"
            " is.\n",
            name=user.name,
            link=_link("reset", user),
        )
        send_mail(user.email, _("Set a new password"), text, language=user.language or language)


def create_invite_link(user: User) -> str:
    """A link by which a person without a password sets their first one; good for seven days.

    For a person who already has one it is the log-in page: an invitation never changes a password.
    """
    return _link("invite", user) if user.password_hash is None else f"{_base_url()}/login"


def mail_invitation(user: User, company_name: str, language: str) -> None:
    """Mail a person the way into a company; asked again within `QUIET`, the mail that is on its way is enough."""
    company = sha256(company_name.encode()).hexdigest()[:16]
    with force_locale(user.language or language):
        text = _(
            "Hello %(name)s,\n\nyou have been given access to %(company)s in Vendimia. Open this link to get in:\n\n"
            "%(link)s\n\nIf it asks for a password of your own, the link is good for seven days.\n",
            name=user.name,
            company=company_name,
            link=create_invite_link(user),
        )
        subject = _("Your access to %(company)s", company=company_name)
        send_mail(
            user.email,
            subject,
            text,
            language=user.language or language,
            key=f"invite:{company}:{user.id}:{_turn()}",
        )


def user_of(purpose: str, token: str) -> User:
    """The person a link was made for. Raises `NotFound` when it is forged, used or too old."""
    gone = NotFound(
        _("This link is no longer valid. Each works once and for a limited time; ask for a new one.")
    )
    try:
        user_id, state = _serializer(purpose).loads(token, max_age=LIFETIME[purpose])
    except (BadData, ValueError, TypeError):
        raise gone from None
    user = db.session.get(User, user_id)
    if user is None or state != _state(user):
        raise gone
    return user


def use_link(purpose: str, token: str, password: str) -> None:
    """Set the password of the person a link was made for; all their sessions end.

    Raises `NotFound` for a link that is no longer good, `BusinessError` (field `password`) for a weak password.
    """
    user = user_of(purpose, token)
    user_id, before, email = user.id, user.password_hash, user.email
    refuse_weak(password, email, user.name)
    end_transaction()
    after = hash_password(password)
    if not store_password(user_id, before, after):
        raise NotFound(_("This link has just been used."))
    log_out_everywhere(user_id)
    login_guard.forgive(email)


def _turn() -> int:
    """The present stretch of `QUIET` seconds, as part of a key that keeps a mail from being sent twice in it."""
    return int(utcnow().timestamp()) // QUIET


def _link(purpose: str, user: User) -> str:
    token = _serializer(purpose).dumps([user.id, _state(user)])
    return f"{_base_url()}/{purpose}/{token}"


def _state(user: User) -> str:
    """Changes with every change of the password or the address."""
    secret = f"{user.password_hash}|{user.password_changed_at}|{user.email}"
    return sha256(secret.encode()).hexdigest()[:24]


def _serializer(purpose: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.secret_key or "", salt=f"vendimia-{purpose}")


def _base_url() -> str:
    config: Config = current_app.config["VENDIMIA"]
    return config.base_url
