"""The tables that isolation and access need; everything else belongs to a module."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import CompanyScoped, ExactDecimal, Id, UtcDateTime, Versioned, db, same_company, utcnow
from app.core.i18n import _l

# Looked up before a company is known, or by the worker for all companies: outside row-level security.
OUTSIDE_RLS = frozenset(
    {
        "core_company",
        "core_user",
        "core_session",
        "core_token",
        "core_login_failure",
        "core_membership",
        "core_job",
        "core_heartbeat",
    }
)


class Company(db.Model):
    """A tenant. Its slug stands in every address and never changes."""

    __tablename__ = "core_company"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    slug: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    timezone: Mapped[str] = mapped_column(String(64), default="Europe/Madrid")
    currency: Mapped[str] = mapped_column(String(3), default="EUR")
    language: Mapped[str] = mapped_column(String(5), default="es")
    fiscal_year_start: Mapped[int] = mapped_column(Integer, default=1)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (CheckConstraint("fiscal_year_start BETWEEN 1 AND 12", name="fiscal_year_start"),)


class User(db.Model):
    """A person who can log in; what they are in a company is a `Membership`."""

    __tablename__ = "core_user"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    language: Mapped[str | None] = mapped_column(String(5))
    theme: Mapped[str] = mapped_column(String(5), default="auto")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow)
    password_changed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class Session(db.Model):
    """One log-in of one person; the cookie carries a random key of which only the hash is kept."""

    __tablename__ = "core_session"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(Id, ForeignKey("core_user.id", ondelete="CASCADE"), index=True)
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime())
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    ip: Mapped[str] = mapped_column(String(45), default="")
    agent: Mapped[str] = mapped_column(String(200), default="")


class Token(db.Model):
    """A key with which a program acts for a person in one company; only its hash is kept, and the last letters to tell
    it from others. What it may do is what the person may do at that moment."""

    __tablename__ = "core_token"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(Id, ForeignKey("core_user.id", ondelete="CASCADE"), index=True)
    company_id: Mapped[int] = mapped_column(Id, ForeignKey("core_company.id"))
    name: Mapped[str] = mapped_column(String(80))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    ending: Mapped[str] = mapped_column(String(4))
    read_only: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class LoginFailure(db.Model):
    """A refused log-in, kept to slow down and lock out; written in a transaction of its own."""

    __tablename__ = "core_login_failure"
    __table_args__ = (Index(None, "subject", "at"),)

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    subject: Mapped[str] = mapped_column(String(260))
    at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow)


class Role(CompanyScoped, Versioned, db.Model):
    """What members may do: permission names ("*" is all) and, per resource, whose rows they see."""

    __tablename__ = "core_role"
    __constraints__ = (UniqueConstraint("company_id", "key"),)

    key: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(80))
    permissions: Mapped[list] = mapped_column(JSON, default=list)
    scopes: Mapped[dict] = mapped_column(JSON, default=dict)


class Membership(CompanyScoped, Versioned, db.Model):
    """A person's place in a company; may exist without a log-in. Owners, authors and members refer to it."""

    __tablename__ = "core_membership"
    __constraints__ = (
        UniqueConstraint("company_id", "user_id"),
        UniqueConstraint("company_id", "external_id"),
        same_company("role_id", "core_role.id"),
        Index(None, "user_id"),
        Index(None, "company_id", "name_key"),
    )
    __folded__ = {"name_key": ("name",), "search_key": ("name", "email")}

    user_id: Mapped[int | None] = mapped_column(Id, ForeignKey("core_user.id"))
    role_id: Mapped[int] = mapped_column(Id)
    name: Mapped[str] = mapped_column(String(120))
    name_key: Mapped[str] = mapped_column(String(120), default="")
    search_key: Mapped[str] = mapped_column(String(380), default="")
    email: Mapped[str | None] = mapped_column(String(254))
    external_id: Mapped[str | None] = mapped_column(String(120))
    valid_from: Mapped[date] = mapped_column(Date, default=date.today)
    valid_to: Mapped[date | None] = mapped_column(Date)


class Team(CompanyScoped, Versioned, db.Model):
    """A node of the company's tree of teams."""

    __tablename__ = "core_team"
    __constraints__ = (
        same_company("parent_id", "core_team.id"),
        same_company("manager_id", "core_membership.id"),
        UniqueConstraint("company_id", "name_key"),
    )
    __folded__ = {"name_key": ("name",), "search_key": ("name",)}

    name: Mapped[str] = mapped_column(String(120))
    name_key: Mapped[str] = mapped_column(String(120), default="")
    search_key: Mapped[str] = mapped_column(String(120), default="")
    parent_id: Mapped[int | None] = mapped_column(Id)
    manager_id: Mapped[int | None] = mapped_column(Id)


class TeamMember(CompanyScoped, db.Model):
    """Who was in which team when; `valid_to` is the last day, inclusive. One team per member and day."""

    __tablename__ = "core_team_member"
    __called__ = _l("Place in a team")
    __constraints__ = (
        same_company("team_id", "core_team.id"),
        same_company("member_id", "core_membership.id"),
        UniqueConstraint("company_id", "member_id", "valid_from"),
        Index(None, "company_id", "team_id"),
    )

    team_id: Mapped[int] = mapped_column(Id)
    member_id: Mapped[int] = mapped_column(Id)
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)


class CompanyModule(CompanyScoped, db.Model):
    """Whether a company has a module on. A row that exists remembers that first-time data was made.

    `offered` are the permissions of the module, those of its resources aside, that the company's roles were offered.
    """

    __tablename__ = "core_company_module"
    __called__ = _l("Application")
    __constraints__ = (UniqueConstraint("company_id", "module"),)

    module: Mapped[str] = mapped_column(String(40))
    enabled: Mapped[bool] = mapped_column(Boolean, default=True)
    offered: Mapped[list | None] = mapped_column(JSON)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow, onupdate=utcnow)


class Rate(CompanyScoped, Versioned, db.Model):
    """One unit of `currency` is worth `rate` units of the company's currency from `valid_from` on."""

    __tablename__ = "core_rate"
    __constraints__ = (UniqueConstraint("company_id", "currency", "valid_from"),)

    currency: Mapped[str] = mapped_column(String(3))
    valid_from: Mapped[date] = mapped_column(Date)
    rate: Mapped[Decimal] = mapped_column(ExactDecimal())


class Holiday(CompanyScoped, Versioned, db.Model):
    """A day on which nobody works: it is no working day when paces are worked out."""

    __tablename__ = "core_holiday"
    __constraints__ = (UniqueConstraint("company_id", "day"),)

    day: Mapped[date] = mapped_column(Date)
    name: Mapped[str] = mapped_column(String(80), default="")


class Change(CompanyScoped, db.Model):
    """One line of the change log: who, when, in which request, which field of which row, from what to what."""

    __tablename__ = "core_change"
    __constraints__ = (
        same_company("actor_id", "core_membership.id"),
        Index(None, "company_id", "table_name", "row_id", "id"),
    )

    at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow)
    actor_id: Mapped[int | None] = mapped_column(Id)
    request_id: Mapped[str] = mapped_column(String(36), default="")
    table_name: Mapped[str] = mapped_column(String(60))
    row_id: Mapped[int] = mapped_column(Id)
    action: Mapped[str] = mapped_column(String(10))  # created, changed, deleted, …: `app.core.changelog`
    field: Mapped[str | None] = mapped_column(String(60))
    old: Mapped[str | None] = mapped_column(Text)
    new: Mapped[str | None] = mapped_column(Text)


class Trash(CompanyScoped, db.Model):
    """A row that was thrown away and can be brought back; what lies here no statement sees (`app.core.tenancy`).

    `kept` holds the values of unique columns, which the row gives up meanwhile; `group_id` binds what went together.
    """

    __tablename__ = "core_trash"
    __constraints__ = (
        same_company("member_id", "core_membership.id"),
        UniqueConstraint("company_id", "table_name", "row_id"),
        Index(None, "company_id", "table_name", "id"),
        Index(None, "company_id", "group_id"),
    )
    __unlogged__ = True

    table_name: Mapped[str] = mapped_column(String(60))
    row_id: Mapped[int] = mapped_column(Id)
    title: Mapped[str] = mapped_column(String(200), default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow)
    member_id: Mapped[int | None] = mapped_column(Id)
    why: Mapped[str] = mapped_column(String(10), default="deleted")  # deleted, merged, reverted
    group_id: Mapped[str] = mapped_column(String(36), default="")
    kept: Mapped[dict] = mapped_column(JSON, default=dict)


class Job(db.Model):
    """Work for the worker, enqueued in the transaction that wants it done; sent at least once."""

    __tablename__ = "core_job"
    __table_args__ = (Index(None, "state", "run_at"), Index(None, "company_id", "id"))

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    company_id: Mapped[int | None] = mapped_column(Id, ForeignKey("core_company.id"))
    name: Mapped[str] = mapped_column(String(80))
    payload: Mapped[dict] = mapped_column(JSON, default=dict)
    idempotency_key: Mapped[str | None] = mapped_column(String(120), unique=True)
    state: Mapped[str] = mapped_column(String(10), default="ready")  # ready, running, done, dead
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    max_attempts: Mapped[int] = mapped_column(Integer, default=8)
    run_at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow)
    leased_until: Mapped[datetime | None] = mapped_column(UtcDateTime())
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class Heartbeat(db.Model):
    """When a process of some kind was last seen; `/readyz` reads the worker's."""

    __tablename__ = "core_heartbeat"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow, onupdate=utcnow)
