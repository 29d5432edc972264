"""Tables of e-mail: what was written to customers, and the templates it begins with."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlalchemy import Boolean, CheckConstraint, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import CompanyScoped, Id, UtcDateTime, Versioned, db, same_company, utcnow
from app.modules.crm.models import LONG

QUEUED, SENT, FAILED = "queued", "sent", "failed"
REFUSED, SERVER = "refused", "server"  # why it failed: the address was not taken for good; the server did not answer
LONGEST_SUBJECT, LONGEST_CC = 200, 1000


class EmailTemplate(CompanyScoped, Versioned, db.Model):
    """Words that a mail begins with; merge fields such as `{{person.name}}` are filled in when somebody writes."""

    __tablename__ = "crm_email_template"
    __constraints__ = (UniqueConstraint("company_id", "name_key"),)
    __folded__: ClassVar = {"name_key": ("name",), "search_key": ("name", "subject")}

    name: Mapped[str] = mapped_column(String(120))
    name_key: Mapped[str] = mapped_column(String(LONG * 120), default="")
    search_key: Mapped[str] = mapped_column(String(LONG * 321), default="")
    subject: Mapped[str] = mapped_column(String(LONGEST_SUBJECT))
    body: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(String(5), default="es")  # in which numbers and dates are filled in
    offered_on: Mapped[str] = mapped_column(String(10), default="any")  # deal, account, contact, lead or any
    active: Mapped[bool] = mapped_column(Boolean, default=True)


class Mail(CompanyScoped, db.Model):
    """A mail to a customer, as it was written. It waits, then it was taken by the server or never will be.

    `message_id` is made once and stays over every attempt; `rounds` counts how often it was put into the queue.
    """

    __tablename__ = "crm_email"
    __constraints__ = (
        same_company("account_id", "contacts_account.id"),
        same_company("contact_id", "contacts_contact.id"),
        same_company("deal_id", "crm_deal.id"),
        same_company("lead_id", "crm_lead.id"),
        same_company("sender_id", "core_membership.id"),
        same_company("activity_id", "crm_activity.id"),
        UniqueConstraint("company_id", "message_id"),
        CheckConstraint("state IN ('queued', 'sent', 'failed')", name="state"),
        Index(None, "company_id", "deal_id"),
        Index(None, "company_id", "contact_id"),
        Index(None, "company_id", "account_id"),
        Index(None, "company_id", "lead_id"),
        Index(None, "company_id", "state"),
    )
    __unlogged__ = True  # it is a record of its own; its words are not kept twice

    account_id: Mapped[int | None] = mapped_column(Id)
    contact_id: Mapped[int | None] = mapped_column(Id)
    deal_id: Mapped[int | None] = mapped_column(Id)
    lead_id: Mapped[int | None] = mapped_column(Id)
    sender_id: Mapped[int] = mapped_column(Id)
    to_name: Mapped[str] = mapped_column(String(160), default="")
    to_address: Mapped[str] = mapped_column(String(254))
    cc: Mapped[str] = mapped_column(String(LONGEST_CC), default="")  # addresses, each after a comma
    subject: Mapped[str] = mapped_column(String(LONGEST_SUBJECT))
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default=QUEUED)
    why: Mapped[str] = mapped_column(String(10), default="")  # of a failure
    error: Mapped[str] = mapped_column(String(600), default="")  # the server's own words, of the last attempt
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    rounds: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    message_id: Mapped[str] = mapped_column(String(200))
    activity_id: Mapped[int | None] = mapped_column(Id)
