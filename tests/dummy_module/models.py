from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Boolean, Date, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import CompanyScoped, Id, Record, Versioned, db, same_company


class Thing(Record, db.Model):
    """A row with a field of every kind."""

    __tablename__ = "dummy_thing"
    __constraints__ = (same_company("account_id", "contacts_account.id"), Index(None, "company_id", "name_key"))
    __folded__: ClassVar = {"name_key": ("name",), "search_key": ("name", "mail")}

    name: Mapped[str] = mapped_column(String(120))
    name_key: Mapped[str] = mapped_column(String(120), default="")
    search_key: Mapped[str] = mapped_column(String(400), default="")
    account_id: Mapped[int | None] = mapped_column(Id)
    mail: Mapped[str | None] = mapped_column(String(254))
    site: Mapped[str | None] = mapped_column(String(300))
    phone: Mapped[str | None] = mapped_column(String(40))
    pieces: Mapped[int | None] = mapped_column(Integer)
    share: Mapped[int | None] = mapped_column(Integer)
    price_minor: Mapped[int | None] = mapped_column(Id)
    currency: Mapped[str | None] = mapped_column(String(3))
    day: Mapped[object] = mapped_column(Date, nullable=True)
    colour: Mapped[str | None] = mapped_column(String(10))
    ready: Mapped[bool] = mapped_column(Boolean, default=False)
    note: Mapped[str | None] = mapped_column(String(2000))


class Settings(CompanyScoped, Versioned, db.Model):
    """What a company decides about its things."""

    __tablename__ = "dummy_settings"
    __called__ = "Settings of things"
    __constraints__ = (UniqueConstraint("company_id"),)

    most: Mapped[int] = mapped_column(Integer, default=9)
