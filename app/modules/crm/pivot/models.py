"""The table of saved pivots."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import CompanyScoped, Id, Versioned, db, same_company
from app.core.i18n import _l

LONGEST_NAME = 60


class SavedPivot(CompanyScoped, Versioned, db.Model):
    """What the address of a pivot says, under a name; shared with the company or one's own."""

    __tablename__ = "crm_saved_pivot"
    __called__ = _l("Saved pivot")
    __constraints__ = (same_company("member_id", "core_membership.id"), Index(None, "company_id", "member_id"))

    member_id: Mapped[int] = mapped_column(Id)
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    shared: Mapped[bool] = mapped_column(Boolean, default=False)
    args: Mapped[dict] = mapped_column(JSON, default=dict)
