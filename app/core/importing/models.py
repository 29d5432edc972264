"""Tables of imports: what was checked and waits to be published."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import CompanyScoped, Id, UtcDateTime, db, same_company, utcnow

STAGING, CHECKED, DONE = "staging", "checked", "done"


class ImportBatch(CompanyScoped, db.Model):
    """One file on its way in. `member_id` is who brings it, None on the command line.

    staging → checked → done; what does not get there is swept away by a later import.
    """

    __tablename__ = "core_import_batch"
    __constraints__ = (same_company("member_id", "core_membership.id"), Index(None, "company_id", "state"))
    __unlogged__ = True

    member_id: Mapped[int | None] = mapped_column(Id)
    resource: Mapped[str] = mapped_column(String(80))
    file_name: Mapped[str] = mapped_column(String(200), default="")
    file_hash: Mapped[str] = mapped_column(String(64), default="")
    state: Mapped[str] = mapped_column(String(10), default=STAGING)
    plan: Mapped[dict] = mapped_column(JSON, default=dict)
    report: Mapped[dict] = mapped_column(JSON, default=dict)
    rows: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow)
    touched_at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow)


class ImportRow(CompanyScoped, db.Model):
    """A checked row of a batch: its values as JSON (`app.core.importing.staging`)."""

    __tablename__ = "core_import_row"
    __constraints__ = (
        same_company("batch_id", "core_import_batch.id", ondelete="CASCADE"),
        Index(None, "company_id", "batch_id", "line"),
    )
    __unlogged__ = True

    batch_id: Mapped[int] = mapped_column(Id)
    line: Mapped[int] = mapped_column(Integer)
    payload: Mapped[str] = mapped_column(Text)
