"""Reads of mails: which ones a reader may see, to whom one may be written, and what is known to fill in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import g
from flask_babel import force_locale
from sqlalchemy import ColumnElement, case, func, or_, select, true

from app.core import lookups
from app.core.access import can, me
from app.core.clock import today
from app.core.db import db
from app.core.formats import day, money
from app.core.models import Membership, User
from app.core.money import Money
from app.core.registry import registry
from app.modules.crm.mail.merge_fields import first_name
from app.modules.crm.mail.models import EmailTemplate, Mail
from app.modules.crm.mail.templates import EVERYWHERE
from app.modules.crm.parts.models import DealPerson

# Kind of record -> its resource. In this order a mail belongs to the first of the records that it is linked to.
PLACES = {"deal": "crm.deal", "lead": "crm.lead", "contact": "contacts.contact", "account": "contacts.account"}
MOST = 200  # mails shown at once
MOST_PEOPLE = 100


@dataclass(frozen=True)
class Recipient:
    """Somebody who can be written to: a person, a lead or the account itself."""

    key: str
    name: str
    address: str
    job_title: str = ""
    contact_id: int | None = None


@dataclass(frozen=True)
class Place:
    """The record on which a mail is written, and what the mail is linked to because of it."""

    kind: str
    row: Any
    account_id: int | None = None
    contact_id: int | None = None
    deal_id: int | None = None
    lead_id: int | None = None

    @classmethod
    def of(cls, kind: str, row: Any) -> Place:
        """The place of a row that was fetched, which is to say that the reader may see it."""
        links: dict[str, int | None] = {f"{kind}_id": row.id}
        if kind in ("deal", "contact"):
            links["account_id"] = row.account_id
        if kind == "deal":
            links["contact_id"] = row.contact_id
        return cls(kind, row, **links)

    @property
    def title(self) -> str:
        return getattr(self.row, registry.resource(PLACES[self.kind]).title)


# Who may see a mail


def visible() -> ColumnElement[bool]:
    """Criterion: mails on records that the reader sees, and those the reader wrote. The record rules hold within."""
    if "me" not in g:
        return true()
    seen: list[ColumnElement[bool]] = [Mail.sender_id == me().member_id]
    before: list[ColumnElement[bool]] = []
    for kind, key in PLACES.items():
        column = getattr(Mail, f"{kind}_id")
        if can(registry.resource(key).permission("view")):
            here = column.in_(select(registry.resource(key).model.id))
            for condition in before:
                here = here & condition
            seen.append(here)
        before.append(column.is_(None))
    return or_(*seen)


def mail_of(mail_id: int, for_update: bool = False) -> Mail | None:
    """A mail that the reader may see."""
    found = select(Mail).where(Mail.id == mail_id, visible())
    if for_update:
        found = found.with_for_update(of=Mail)
    return db.session.scalar(found)


def mails_on(kind: str, row_id: int, before: datetime | None = None, limit: int = MOST) -> list[Mail]:
    """The newest mails linked to a record, as far as the reader may see them; `before` an instant."""
    at = func.coalesce(Mail.sent_at, Mail.created_at)
    rows = select(Mail).where(getattr(Mail, f"{kind}_id") == row_id, visible())
    if before is not None:
        rows = rows.where(at < before)
    return list(db.session.scalars(rows.order_by(at.desc(), Mail.id.desc()).limit(limit)))


def home_of(mail: Mail) -> tuple[str, int] | None:
    """Kind and id of the record that a mail belongs to."""
    for kind in PLACES:
        if (row_id := getattr(mail, f"{kind}_id")) is not None:
            return kind, row_id
    return None


def senders(mails: Sequence[Mail]) -> dict[int, str]:
    """Names of who wrote mails, in one statement."""
    return lookups.labels(lookups.MEMBER, {mail.sender_id for mail in mails})


# To whom


def recipients(place: Place) -> list[Recipient]:
    """Who can be written to from here: the record's own person first, then the others of its account."""
    row = place.row
    if place.kind == "lead":
        return [Recipient(f"lead-{row.id}", row.name, row.email, row.job_title or "")] if row.email else []
    found = _people(place)
    if place.account_id and can("contacts.account.view"):
        model = registry.resource("contacts.account").model
        account = db.session.execute(select(model.id, model.name, model.email).where(model.id == place.account_id)).one_or_none()
        if account and account.email:
            found.append(Recipient(f"account-{account.id}", account.name, account.email))
    return found


def likely(place: Place, people: Sequence[Recipient]) -> Recipient | None:
    """Who is meant when nobody is chosen yet: the record's own person, else the only one there is; on the page of a
    person nobody but them."""
    own = next((p for p in people if p.contact_id and p.contact_id == place.contact_id), None)
    return own or (people[0] if len(people) == 1 and place.kind != "contact" else None)


def _people(place: Place) -> list[Recipient]:
    if not can("contacts.contact.view"):
        return []
    model = registry.resource("contacts.contact").model
    here = [model.id == place.contact_id] if place.contact_id else []
    if place.account_id:
        here.append(model.account_id == place.account_id)
    first = [model.id == place.contact_id] if place.contact_id else []
    if place.deal_id:
        committee = select(DealPerson.contact_id).where(DealPerson.deal_id == place.deal_id)
        here.append(model.id.in_(committee))
        first.append(model.id.in_(committee))
    if not here:
        return []
    rank = case(*((condition, number) for number, condition in enumerate(first)), else_=len(first)) if first else model.name_key
    rows = select(model.id, model.name, model.email, model.job_title).where(or_(*here), model.email.is_not(None), model.email != "")
    return [
        Recipient(f"contact-{row.id}", row.name, row.email, row.job_title or "", row.id)
        for row in db.session.execute(rows.order_by(rank, model.name_key, model.id).limit(MOST_PEOPLE))
    ]


def my_address() -> str:
    """Where answers to the person's mails go: their address in the company, else the one they log in with."""
    return address_of(me().member_id)


def address_of(member_id: int) -> str:
    """The address of a member; empty where none is known."""
    own = select(Membership.email, User.email).outerjoin(User, User.id == Membership.user_id).where(Membership.id == member_id)
    row = db.session.execute(own).one_or_none()
    return (row[0] or row[1] or "") if row else ""


# What is filled in


def templates_for(kind: str) -> list[EmailTemplate]:
    """Templates in use that are offered on a kind of record, by name."""
    rows = select(EmailTemplate).where(EmailTemplate.active, EmailTemplate.offered_on.in_((EVERYWHERE, kind)))
    return list(db.session.scalars(rows.order_by(EmailTemplate.name_key)))


def known(place: Place, recipient: Recipient | None, language: str) -> Mapping[str, str]:
    """What merge fields say here, in the language of the template; nothing for what is not known."""
    with force_locale(language):
        values = {
            "person.name": recipient.name if recipient else "",
            "person.first_name": first_name(recipient.name) if recipient else "",
            "person.job_title": recipient.job_title if recipient else "",
            "me.name": me().name,
            "me.email": my_address(),
            "company.name": g.company.name,
            "today": day(today()),
            **_of_deal(place),
            **_of_account(place),
        }
    # An account's own address has no person behind it.
    if recipient and recipient.key.startswith("account-"):
        values |= dict.fromkeys(("person.name", "person.first_name", "person.job_title"), "")
    return values


def _of_deal(place: Place) -> dict[str, str]:
    if place.kind != "deal":
        return {}
    deal = place.row
    amount = "" if deal.amount_minor is None else money(Money(deal.amount_minor, deal.currency)).replace("\xa0", " ")
    return {
        "deal.name": deal.name,
        "deal.amount": amount,
        "deal.product": deal.product or "",
        "deal.expected_close": day(deal.expected_close) if deal.expected_close else "",
    }


def _of_account(place: Place) -> dict[str, str]:
    if place.kind == "lead":
        return {"account.name": place.row.organisation or "", "account.city": place.row.city or ""}
    if place.account_id is None or not can("contacts.account.view"):
        return {}
    model = registry.resource("contacts.account").model
    row = db.session.execute(select(model.name, model.city).where(model.id == place.account_id)).one_or_none()
    return {"account.name": row.name, "account.city": row.city or ""} if row else {}


def title_of(resource: Any, row_id: int) -> str | None:
    """The name of a row that the reader sees; None for one that they do not."""
    row = db.session.execute(select(getattr(resource.model, resource.title)).where(resource.model.id == row_id)).one_or_none()
    return None if row is None else row[0] or ""
