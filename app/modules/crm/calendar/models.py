"""The table of private calendar feeds: one row per member who has one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import CompanyScoped, Id, UtcDateTime, db, same_company, utcnow


class CalendarFeed(CompanyScoped, db.Model):
    """The address under which a member's calendar program reads their activities; only a hash of its key is kept."""

    __tablename__ = "crm_calendar_feed"
    __constraints__ = (
        same_company("member_id", "core_membership.id"),
        UniqueConstraint("company_id", "member_id"),
        UniqueConstraint("company_id", "key_hash"),
    )
    __unlogged__ = True  # nobody shall look the hash up in the change log

    member_id: Mapped[int] = mapped_column(Id)
    key_hash: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow)
