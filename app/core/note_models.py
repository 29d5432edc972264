"""What people put on a record, of whatever kind it is: notes and files; and what they are told in the bell."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, Index, Integer, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import CompanyScoped, Id, UtcDateTime, Versioned, db, same_company, utcnow
from app.core.i18n import _l


class Note(CompanyScoped, Versioned, db.Model):
    """A text on a record. `member_id` wrote it, None where no person did; `mentions` are ids of members named in it."""

    __tablename__ = "core_note"
    __called__ = _l("Note")
    __constraints__ = (
        same_company("member_id", "core_membership.id"),
        Index(None, "company_id", "table_name", "row_id", "created_at"),
    )
    __silent__ = ("table_name", "row_id", "text", "mentions", "edited_at")  # what was deleted is gone from the log as well

    table_name: Mapped[str] = mapped_column(String(60))
    row_id: Mapped[int] = mapped_column(Id)
    member_id: Mapped[int | None] = mapped_column(Id)
    text: Mapped[str] = mapped_column(Text)
    mentions: Mapped[list] = mapped_column(JSON, default=list)
    edited_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class Attachment(CompanyScoped, db.Model):
    """A file on a record; `size` in bytes, `kind` the media type found in its content, `digest` its SHA-256."""

    __tablename__ = "core_file"
    __called__ = _l("File")
    __constraints__ = (
        same_company("member_id", "core_membership.id"),
        Index(None, "company_id", "table_name", "row_id", "created_at"),
    )
    __silent__ = ("table_name", "row_id")

    table_name: Mapped[str] = mapped_column(String(60))
    row_id: Mapped[int] = mapped_column(Id)
    member_id: Mapped[int | None] = mapped_column(Id)
    name: Mapped[str] = mapped_column(String(200))
    size: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(100))
    digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow)


class AttachmentContent(CompanyScoped, db.Model):
    """The bytes of a file, in a table of their own: lists of files never read them, and any web process serves them."""

    __tablename__ = "core_file_content"
    __constraints__ = (
        same_company("file_id", "core_file.id", ondelete="CASCADE"),
        UniqueConstraint("company_id", "file_id"),
    )
    __unlogged__ = True

    file_id: Mapped[int] = mapped_column(Id)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class Notice(CompanyScoped, db.Model):
    """A sentence for one member, in their language, and where it leads. Of one `key` a member gets one."""

    __tablename__ = "core_notice"
    __constraints__ = (
        same_company("member_id", "core_membership.id"),
        UniqueConstraint("company_id", "member_id", "key"),
        Index(None, "company_id", "member_id", "id"),
        Index(None, "company_id", "member_id", "read_at"),
    )
    __unlogged__ = True

    member_id: Mapped[int] = mapped_column(Id)
    text: Mapped[str] = mapped_column(String(500))
    url: Mapped[str] = mapped_column(String(500))
    icon: Mapped[str] = mapped_column(String(40), default="bell")
    key: Mapped[str | None] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow)
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
