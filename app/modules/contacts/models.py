"""Accounts, in a hierarchy of groups and subsidiaries, who has looked after them, and their people."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from sqlalchemy import BigInteger, Boolean, Date, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import CompanyScoped, Id, Record, db, same_company


class Account(Record, db.Model):
    """A company we sell to, or might; `parent_id` is the account it is a subsidiary of."""

    __tablename__ = "contacts_account"
    __constraints__ = (
        same_company("parent_id", "contacts_account.id"),
        UniqueConstraint("company_id", "external_id"),
        Index(None, "company_id", "name_key", "id"),
        Index(None, "company_id", "parent_id"),
        Index(None, "company_id", "target", "id"),
        Index(None, "company_id", "segment", "id"),
    )
    __folded__: ClassVar = {"name_key": ("name",), "search_key": ("name", "city", "sector", "tax_id")}

    name: Mapped[str] = mapped_column(String(160))
    name_key: Mapped[str] = mapped_column(String(200), default="")
    search_key: Mapped[str] = mapped_column(String(500), default="")
    parent_id: Mapped[int | None] = mapped_column(Id)
    sector: Mapped[str | None] = mapped_column(String(80))
    segment: Mapped[str | None] = mapped_column(String(40))  # how the company sorts its customers: "A", "Key account"
    target: Mapped[bool] = mapped_column(Boolean, default=False, server_default="0")  # one that is to be won or grown
    tax_id: Mapped[str | None] = mapped_column(String(20))
    website: Mapped[str | None] = mapped_column(String(300))
    email: Mapped[str | None] = mapped_column(String(254))
    phone: Mapped[str | None] = mapped_column(String(40))
    street: Mapped[str | None] = mapped_column(String(160))
    postcode: Mapped[str | None] = mapped_column(String(16))
    city: Mapped[str | None] = mapped_column(String(80))
    country: Mapped[str | None] = mapped_column(String(80))
    founded: Mapped[int | None] = mapped_column(Integer)
    employees: Mapped[int | None] = mapped_column(Integer)
    annual_revenue_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(String(3))
    external_id: Mapped[str | None] = mapped_column(String(120))
    note: Mapped[str | None] = mapped_column(Text)


class AccountOwner(CompanyScoped, db.Model):
    """Who looked after an account from which local day to which, both inclusive; without `valid_to` it is so now."""

    __tablename__ = "contacts_account_owner"
    __constraints__ = (
        same_company("account_id", "contacts_account.id"),
        same_company("member_id", "core_membership.id"),
        Index(None, "company_id", "account_id", "valid_from"),
        Index(None, "company_id", "member_id", "valid_from"),
    )
    __unlogged__ = True  # the account's log tells it

    account_id: Mapped[int] = mapped_column(Id)
    member_id: Mapped[int] = mapped_column(Id)
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)


class Contact(Record, db.Model):
    """A person at an account."""

    __tablename__ = "contacts_contact"
    __constraints__ = (
        same_company("account_id", "contacts_account.id"),
        UniqueConstraint("company_id", "external_id"),
        Index(None, "company_id", "name_key", "id"),
        Index(None, "company_id", "account_id"),
    )
    __folded__: ClassVar = {"name_key": ("name",), "search_key": ("name", "email", "job_title")}

    name: Mapped[str] = mapped_column(String(120))
    name_key: Mapped[str] = mapped_column(String(160), default="")
    search_key: Mapped[str] = mapped_column(String(600), default="")
    account_id: Mapped[int | None] = mapped_column(Id)
    job_title: Mapped[str | None] = mapped_column(String(120))
    email: Mapped[str | None] = mapped_column(String(254))
    phone: Mapped[str | None] = mapped_column(String(40))
    mobile: Mapped[str | None] = mapped_column(String(40))
    external_id: Mapped[str | None] = mapped_column(String(120))
    note: Mapped[str | None] = mapped_column(Text)
