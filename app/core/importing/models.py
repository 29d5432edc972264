"""Tables of imports: the file, what was checked and waits to be published, what is wrong with it, what it did."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, Boolean, Index, Integer, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import CompanyScoped, Id, UtcDateTime, db, same_company, utcnow

UPLOADED, CHECKING, CHECKED = "uploaded", "checking", "checked"
PUBLISHING, DONE = "publishing", "done"
REVERTING, REVERTED = "reverting", "reverted"
CANCELLED, FAILED = "cancelled", "failed"
BUSY = (CHECKING, PUBLISHING, REVERTING)
KEPT = (DONE, REVERTING, REVERTED)  # their effects are in the tables, or were


def _of_batch() -> tuple:
    return (same_company("batch_id", "core_import_batch.id", ondelete="CASCADE"),)


class ImportBatch(CompanyScoped, db.Model):
    """One file on its way in. `member_id` is who brings it, None on the command line.

    uploaded → checking → checked → publishing → done → reverting → reverted; also cancelled, and failed with its
    `error`. `run` names the job that may work on it: one that was overtaken finds another there and stops. `done` of
    `rows` were handled in the present step. `plan` is the mapping, `profile` what was found in the file.
    """

    __tablename__ = "core_import_batch"
    __constraints__ = (same_company("member_id", "core_membership.id"), Index(None, "company_id", "state"))
    __unlogged__ = True

    member_id: Mapped[int | None] = mapped_column(Id)
    resource: Mapped[str] = mapped_column(String(80))
    file_name: Mapped[str] = mapped_column(String(200), default="")
    file_hash: Mapped[str] = mapped_column(String(64), default="")
    state: Mapped[str] = mapped_column(String(10), default=UPLOADED)
    plan: Mapped[dict] = mapped_column(JSON, default=dict)
    report: Mapped[dict] = mapped_column(JSON, default=dict)
    rows: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow)
    touched_at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow)
    profile: Mapped[dict] = mapped_column(JSON, default=dict)
    done: Mapped[int] = mapped_column(Integer, default=0)
    error: Mapped[str] = mapped_column(Text, default="")
    cancel: Mapped[bool] = mapped_column(Boolean, default=False)  # asked for while it is published
    run: Mapped[str] = mapped_column(String(32), default="")
    tries: Mapped[int] = mapped_column(Integer, default=0)  # how often the job of `run` has begun


class ImportFile(CompanyScoped, db.Model):
    """The bytes of an upload: whoever works on it may be another machine."""

    __tablename__ = "core_import_file"
    __constraints__ = (*_of_batch(), UniqueConstraint("company_id", "batch_id"))
    __unlogged__ = True

    batch_id: Mapped[int] = mapped_column(Id)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class ImportRow(CompanyScoped, db.Model):
    """Checked rows of a batch, a chunk from `line` on, as JSON (`app.core.importing.staging`)."""

    __tablename__ = "core_import_row"
    __constraints__ = (*_of_batch(), Index(None, "company_id", "batch_id", "line"))
    __unlogged__ = True

    batch_id: Mapped[int] = mapped_column(Id)
    line: Mapped[int] = mapped_column(Integer)
    payload: Mapped[str] = mapped_column(Text)


class ImportFault(CompanyScoped, db.Model):
    """What is wrong with a row of a batch, as `app.core.importing.report.RowError` says it."""

    __tablename__ = "core_import_error"
    __constraints__ = (
        *_of_batch(),
        Index(None, "company_id", "batch_id", "line"),
        Index(None, "company_id", "batch_id", "field"),
    )
    __unlogged__ = True

    batch_id: Mapped[int] = mapped_column(Id)
    line: Mapped[int] = mapped_column(Integer)
    field: Mapped[str] = mapped_column(String(80), default="")
    heading: Mapped[str] = mapped_column(Text, default="")
    value: Mapped[str] = mapped_column(Text, default="")
    message: Mapped[str] = mapped_column(Text)


class ImportEffect(CompanyScoped, db.Model):
    """What a batch did to rows of one resource, a chunk at a time (`app.core.importing.effects`)."""

    __tablename__ = "core_import_effect"
    __constraints__ = (*_of_batch(), Index(None, "company_id", "batch_id", "id"))
    __unlogged__ = True

    batch_id: Mapped[int] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(String(10))  # created, updated, lookup
    resource: Mapped[str] = mapped_column(String(80))
    count: Mapped[int] = mapped_column(Integer, default=0)
    payload: Mapped[str] = mapped_column(Text)


class ImportMapping(CompanyScoped, db.Model):
    """A mapping that was kept under a name, for everybody who may import the resource."""

    __tablename__ = "core_import_mapping"
    __constraints__ = (
        same_company("member_id", "core_membership.id"),
        UniqueConstraint("company_id", "resource", "name"),
    )
    __unlogged__ = True

    member_id: Mapped[int | None] = mapped_column(Id)
    resource: Mapped[str] = mapped_column(String(80))
    name: Mapped[str] = mapped_column(String(80))
    plan: Mapped[dict] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow)
