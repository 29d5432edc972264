"""Tables of what belongs to a deal beside its facts."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import CompanyScoped, ExactDecimal, Id, Versioned, db, same_company
from app.core.i18n import _l
from app.modules.crm.models import LONG

DECIDER, BUYER, INFLUENCER, CHAMPION, USER, BLOCKER = "decider", "buyer", "influencer", "champion", "user", "blocker"
ROLES = (DECIDER, BUYER, INFLUENCER, CHAMPION, USER, BLOCKER)


class DealCredit(CompanyScoped, db.Model):
    """The share of a deal's credit that a member has; without any row the owner has it all.

    The percents of a deal add up to 100. `upto` is the sum of the percents up to this row, in order of id: with it the
    share of an amount is a difference of two whole numbers, and the shares add up to the amount to the cent.
    """

    __tablename__ = "crm_deal_credit"
    __called__ = _l("Share of a deal's credit")
    __constraints__ = (
        same_company("deal_id", "crm_deal.id"),
        same_company("member_id", "core_membership.id"),
        Index(None, "company_id", "deal_id", "member_id"),  # each once, by `services`; see `merging`
        CheckConstraint("percent BETWEEN 1 AND 100", name="percent"),
        CheckConstraint("upto BETWEEN percent AND 100", name="upto"),
        Index(None, "company_id", "member_id"),
    )

    deal_id: Mapped[int] = mapped_column(Id)
    member_id: Mapped[int] = mapped_column(Id)
    percent: Mapped[int] = mapped_column(Integer)
    upto: Mapped[int] = mapped_column(Integer)


class Competitor(CompanyScoped, Versioned, db.Model):
    """Somebody else who sells what we sell."""

    __tablename__ = "crm_competitor"
    __constraints__ = (UniqueConstraint("company_id", "name_key"),)
    __folded__: ClassVar = {"name_key": ("name",), "search_key": ("name",)}

    name: Mapped[str] = mapped_column(String(120))
    name_key: Mapped[str] = mapped_column(String(LONG * 120), default="")
    search_key: Mapped[str] = mapped_column(String(LONG * 120), default="")
    website: Mapped[str | None] = mapped_column(String(300))
    strengths: Mapped[str] = mapped_column(String(1000), default="")
    weaknesses: Mapped[str] = mapped_column(String(1000), default="")
    active: Mapped[bool] = mapped_column(Boolean, default=True)


class DealCompetitor(CompanyScoped, db.Model):
    """A competitor for a deal; `winner` says that the deal was lost to it."""

    __tablename__ = "crm_deal_competitor"
    __called__ = _l("Competitor for a deal")
    __constraints__ = (
        same_company("deal_id", "crm_deal.id"),
        same_company("competitor_id", "crm_competitor.id"),
        Index(None, "company_id", "deal_id", "competitor_id"),  # each once, by `services`; see `merging`
        Index(None, "company_id", "competitor_id"),
    )

    deal_id: Mapped[int] = mapped_column(Id)
    competitor_id: Mapped[int] = mapped_column(Id)
    winner: Mapped[bool] = mapped_column(Boolean, default=False)
    note: Mapped[str] = mapped_column(String(500), default="")


class DealPerson(CompanyScoped, db.Model):
    """A person of the buying committee and the part they play in the decision."""

    __tablename__ = "crm_deal_person"
    __called__ = _l("Person of a deal")
    __constraints__ = (
        same_company("deal_id", "crm_deal.id"),
        same_company("contact_id", "contacts_contact.id"),
        Index(None, "company_id", "deal_id", "contact_id"),  # each once, by `services`; see `merging`
        CheckConstraint("role IN ('decider', 'buyer', 'influencer', 'champion', 'user', 'blocker')", name="role"),
        CheckConstraint("stance BETWEEN -1 AND 1", name="stance"),
        Index(None, "company_id", "contact_id"),
    )

    deal_id: Mapped[int] = mapped_column(Id)
    contact_id: Mapped[int] = mapped_column(Id)
    role: Mapped[str] = mapped_column(String(12))
    stance: Mapped[int] = mapped_column(Integer, default=0)  # -1 against us, 0 neutral, 1 for us
    note: Mapped[str] = mapped_column(String(500), default="")


class DealLine(CompanyScoped, db.Model):
    """Something that is offered with a deal: so much of it, at a price, less a discount. In the deal's currency."""

    __tablename__ = "crm_deal_line"
    __called__ = _l("Line of a deal")
    __constraints__ = (
        same_company("deal_id", "crm_deal.id"),
        CheckConstraint("discount BETWEEN 0 AND 100", name="discount"),
        Index(None, "company_id", "deal_id", "position"),
    )

    deal_id: Mapped[int] = mapped_column(Id)
    position: Mapped[int] = mapped_column(Integer, default=0)
    name: Mapped[str] = mapped_column(String(120))
    quantity: Mapped[Decimal] = mapped_column(ExactDecimal())
    price_minor: Mapped[int] = mapped_column(BigInteger)  # of one, before the discount
    discount: Mapped[int] = mapped_column(Integer, default=0)  # percent
    total_minor: Mapped[int] = mapped_column(BigInteger)  # rounded once, by line
