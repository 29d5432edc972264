"""Tables of leads and of where business comes from."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import CompanyScoped, Id, Record, UtcDateTime, Versioned, db, same_company
from app.modules.crm.models import LONG, ORIGIN

NEW, WORKING, CONVERTED, DISQUALIFIED = "new", "working", "converted", "disqualified"


class Named(Versioned):
    """A short list that a company keeps: names, in an order, that can be put out of use."""

    name: Mapped[str] = mapped_column(String(120))
    name_key: Mapped[str] = mapped_column(String(LONG * 120), default="")
    search_key: Mapped[str] = mapped_column(String(LONG * 120), default="")
    position: Mapped[int] = mapped_column(Integer, default=0)
    active: Mapped[bool] = mapped_column(Boolean, default=True)


class Source(CompanyScoped, Named, db.Model):
    """Where business comes from: the web, a fair, a referral."""

    __tablename__ = "crm_source"
    __constraints__ = (UniqueConstraint("company_id", "name_key"),)
    __folded__: ClassVar = {"name_key": ("name",), "search_key": ("name",)}


class Medium(CompanyScoped, Named, db.Model):
    """By which way it came: a form, a call, a visit."""

    __tablename__ = "crm_medium"
    __constraints__ = (UniqueConstraint("company_id", "name_key"),)
    __folded__: ClassVar = {"name_key": ("name",), "search_key": ("name",)}


class Campaign(CompanyScoped, Named, db.Model):
    """What was done to bring it in, with its dates and what it cost."""

    __tablename__ = "crm_campaign"
    __constraints__ = (UniqueConstraint("company_id", "name_key"),)
    __folded__: ClassVar = {"name_key": ("name",), "search_key": ("name",)}

    starts_on: Mapped[date | None] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)
    cost_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(String(3))


class Lead(Record, db.Model):
    """Somebody who might buy, before anybody knows whether they would: not yet a person, account or deal.

    `opened_on` is the local day it came in, `converted_on` that of its conversion; `account_id`, `contact_id` and
    `deal_id` are what it became.
    """

    __tablename__ = "crm_lead"
    __constraints__ = (
        *(same_company(column, target) for column, target in ORIGIN),
        same_company("reason_id", "crm_reason.id"),
        same_company("account_id", "contacts_account.id"),
        same_company("contact_id", "contacts_contact.id"),
        same_company("deal_id", "crm_deal.id"),
        same_company("team_id", "core_team.id"),
        same_company("converted_by_id", "core_membership.id"),
        UniqueConstraint("company_id", "external_id"),
        CheckConstraint("state IN ('new', 'working', 'converted', 'disqualified')", name="state"),
        Index(None, "company_id", "state", "opened_on", "id"),
        Index(None, "company_id", "opened_on", "state"),
        Index(None, "company_id", "name_key", "id"),
        Index(None, "company_id", "deal_id"),
    )
    __folded__: ClassVar = {
        "name_key": ("name",),
        "search_key": ("name", "organisation", "email", "external_id", "tags"),
    }
    __silent__: ClassVar = ("opened_at", "converted_at", "team_id")

    name: Mapped[str] = mapped_column(String(120))
    name_key: Mapped[str] = mapped_column(String(LONG * 120), default="")
    search_key: Mapped[str] = mapped_column(String(LONG * 1060), default="")
    organisation: Mapped[str | None] = mapped_column(String(160))  # the account it may become
    job_title: Mapped[str | None] = mapped_column(String(120))
    email: Mapped[str | None] = mapped_column(String(254))
    phone: Mapped[str | None] = mapped_column(String(40))
    city: Mapped[str | None] = mapped_column(String(80))
    country: Mapped[str | None] = mapped_column(String(80))
    website: Mapped[str | None] = mapped_column(String(300))
    product: Mapped[str | None] = mapped_column(String(120))  # what they asked for
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(String(3))
    source_id: Mapped[int | None] = mapped_column(Id)
    medium_id: Mapped[int | None] = mapped_column(Id)
    campaign_id: Mapped[int | None] = mapped_column(Id)
    tags: Mapped[str] = mapped_column(String(400), default="", server_default="")
    state: Mapped[str] = mapped_column(String(12), default=NEW)
    reason_id: Mapped[int | None] = mapped_column(Id)  # why it was disqualified
    reason_note: Mapped[str] = mapped_column(Text, default="")
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime())
    opened_on: Mapped[date] = mapped_column(Date)
    team_id: Mapped[int | None] = mapped_column(Id)  # the owner's, on the day it came in
    converted_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    converted_on: Mapped[date | None] = mapped_column(Date)
    converted_by_id: Mapped[int | None] = mapped_column(Id)
    account_id: Mapped[int | None] = mapped_column(Id)
    contact_id: Mapped[int | None] = mapped_column(Id)
    deal_id: Mapped[int | None] = mapped_column(Id)
    external_id: Mapped[str | None] = mapped_column(String(120))
    note: Mapped[str] = mapped_column(Text, default="")
