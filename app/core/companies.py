"""Founding companies, and bringing people into them: what the command line and the admin's pages share."""

from __future__ import annotations

import re
from zoneinfo import available_timezones

from flask import current_app
from flask_babel import force_locale
from sqlalchemy import select

from app.core import writes
from app.core.address_fields import Email
from app.core.auth import normal_email
from app.core.clock import today
from app.core.db import db
from app.core.errors import BusinessError, Conflict, NotFound
from app.core.fields import FieldError, Reading
from app.core.i18n import LANGUAGES, _
from app.core.lifecycle import enable
from app.core.lifecycle import offer_news as offer_modules_news
from app.core.manifest import RESERVED
from app.core.models import Company, Membership, Role, User
from app.core.money import currencies
from app.core.registry import registry
from app.core.tenancy import acting_for, choose_company, company_by_slug

SLUG = re.compile(r"[a-z][a-z0-9-]{1,38}")
RESERVED_SLUGS = RESERVED | {"admin", "www", "new", "reset", "invite", "companies", "healthz", "readyz"}


def create_company(
    slug: str,
    name: str,
    timezone: str = "Europe/Madrid",
    currency: str = "EUR",
    language: str = "es",
    fiscal_year_start: int = 1,
) -> int:
    """Found a company with its stock roles and the modules that are always on; returns its id.

    One transaction of its own, so call it where no other is open. Raises `BusinessError` with the field at fault.
    """
    _check_slug(slug)
    check_settings(timezone, currency, language)
    if not name.strip():
        raise BusinessError(_("A company needs a name."), field="name")
    with current_app._get_current_object().app_context():  # type: ignore[attr-defined]  # LocalProxy API
        if company_by_slug(slug):
            raise Conflict(_("There is already a company “%(slug)s”.", slug=slug))
        company = Company(
            slug=slug,
            name=" ".join(name.split())[:120],
            timezone=timezone,
            currency=currency,
            language=language,
            fiscal_year_start=fiscal_year_start,
        )
        db.session.add(company)
        db.session.flush()
        choose_company(company)
        with force_locale(language):
            _create_roles()
            for module in registry.modules.values():
                if module.manifest.always_on:
                    enable(module.name)
        db.session.commit()
        return company.id


def offer_news() -> None:
    """Give the stock roles of every company what its modules newly propose; one transaction a company."""
    with current_app._get_current_object().app_context():  # type: ignore[attr-defined]  # LocalProxy API
        ids = list(db.session.scalars(select(Company.id).order_by(Company.id)))
    for company_id in ids:
        with acting_for(company_id):
            offer_modules_news()


def create_user(email: str, company: str, role: str, name: str | None = None) -> int:
    """Give a person a place in a company (by slug) with a role (by key); returns the user's id.

    Works again for somebody who is known: their password, name and mail address stay as they are. One transaction of
    its own. Raises `NotFound` for an unknown company, `BusinessError` for a bad address or an unknown role.
    """
    email = check_email(email)
    with current_app._get_current_object().app_context():  # type: ignore[attr-defined]  # LocalProxy API
        found = company_by_slug(company)
        if found is None:
            raise NotFound(_("There is no company “%(slug)s”.", slug=company))
        company_id = found.id
    with acting_for(company_id):
        role_id = db.session.scalar(select(Role.id).filter_by(key=role))
        if role_id is None:
            raise BusinessError(_("There is no role “%(role)s”.", role=role), field="role")
        user = user_for(email, name or email.partition("@")[0])
        member = member_for(user, email)
        if member is None:
            values = {
                "user_id": user.id,
                "role_id": role_id,
                "name": user.name,
                "email": email,
                "valid_from": today(),
            }
            writes.create(Membership, values)
        else:
            writes.update(member, {"user_id": user.id, "role_id": role_id, "valid_to": None})
        return user.id


def user_for(email: str, name: str) -> User:
    """The person with a mail address, made if there is none; nothing of an existing person is changed."""
    email = normal_email(email)
    user = db.session.scalar(select(User).filter_by(email=email))
    if user is None:
        user = User(email=email, name=name)
        db.session.add(user)
        db.session.flush()
    return user


def member_for(user: User, email: str) -> Membership | None:
    """The membership of a person in the current company: theirs, else one without log-in that carries their address."""
    mine = db.session.scalar(select(Membership).filter_by(user_id=user.id))
    return mine or db.session.scalar(
        select(Membership)
        .where(Membership.user_id.is_(None), Membership.email == email)
        .order_by(Membership.id)
        .limit(1)
    )


def check_email(email: str) -> str:
    """A mail address in the form it is stored. Raises `BusinessError` (field `email`)."""
    try:
        return normal_email(Email("email", required=True).parse(email, Reading()))
    except FieldError as error:
        raise BusinessError(str(error), field="email") from None


def check_settings(timezone: str, currency: str, language: str) -> None:
    """Raise `BusinessError` with the field whose value does not exist."""
    if timezone not in available_timezones():
        raise BusinessError(_("There is no time zone “%(name)s”.", name=timezone), field="timezone")
    if currency not in currencies():
        raise BusinessError(_("There is no currency “%(code)s”.", code=currency), field="currency")
    if language not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        raise BusinessError(_("The language must be one of: %(known)s.", known=known), field="language")


def _check_slug(slug: str) -> None:
    if not SLUG.fullmatch(slug):
        raise BusinessError(
            _(
                "“%(slug)s” cannot stand in addresses: use 2 to 39 small letters, digits and hyphens, a letter first.",
                slug=slug,
            ),
            field="slug",
        )
    if slug in RESERVED_SLUGS:
        raise BusinessError(_("“%(slug)s” is reserved.", slug=slug), field="slug")


def _create_roles() -> None:
    """The three stock roles; what manager and rep may do comes from the modules as they are switched on."""
    writes.create(Role, {"key": "admin", "name": _("Administrator"), "permissions": ["*"], "scopes": {}})
    writes.create(Role, {"key": "manager", "name": _("Manager"), "permissions": [], "scopes": {}})
    writes.create(Role, {"key": "rep", "name": _("Sales rep"), "permissions": [], "scopes": {}})
