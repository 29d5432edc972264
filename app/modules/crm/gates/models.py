"""Tables of stage checklists."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import CompanyScoped, Id, UtcDateTime, Versioned, db, same_company, utcnow
from app.core.i18n import _l


class StageCheck(CompanyScoped, Versioned, db.Model):
    """Something that must be done before a deal may enter a stage."""

    __tablename__ = "crm_stage_check"
    __called__ = _l("Item of a checklist")
    __constraints__ = (
        same_company("stage_id", "crm_stage.id"),
        Index(None, "company_id", "stage_id", "position"),
    )

    stage_id: Mapped[int] = mapped_column(Id)
    text: Mapped[str] = mapped_column(String(200))
    position: Mapped[int] = mapped_column(Integer, default=0)
    active: Mapped[bool] = mapped_column(Boolean, default=True)


class DealCheck(CompanyScoped, db.Model):
    """That an item of a checklist is done for a deal, by whom and when."""

    __tablename__ = "crm_deal_check"
    __called__ = _l("Checked item of a deal")
    __constraints__ = (
        same_company("deal_id", "crm_deal.id"),
        same_company("check_id", "crm_stage_check.id"),
        same_company("member_id", "core_membership.id"),
        UniqueConstraint("company_id", "deal_id", "check_id"),
    )

    deal_id: Mapped[int] = mapped_column(Id)
    check_id: Mapped[int] = mapped_column(Id)
    member_id: Mapped[int | None] = mapped_column(Id)
    at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow)
