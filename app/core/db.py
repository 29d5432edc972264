"""The database handle, column types, and the base classes of every table."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    MetaData,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column
from sqlalchemy.types import TypeDecorator

Id = BigInteger().with_variant(Integer, "sqlite")


def utcnow() -> datetime:
    """This instant, aware, in UTC."""
    return datetime.now(UTC)


def fold(text: str | None) -> str:
    """Text without case and accents, single-spaced: what search, sort and look-ups by name compare."""
    bare = text or ""
    if not bare.isascii():
        bare = "".join(c for c in unicodedata.normalize("NFKD", bare) if not unicodedata.combining(c))
    return " ".join(bare.casefold().split())


class UtcDateTime(TypeDecorator):
    """An instant: aware in Python, UTC in the database. A naive value is an error."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive instant {value!r}")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class ExactDecimal(TypeDecorator):
    """A decimal kept digit by digit (SQLite would turn NUMERIC into a float). Not for arithmetic in SQL."""

    impl = String(40)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else format(Decimal(value).normalize(), "f")

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


class Base(DeclarativeBase):
    """Base of all tables; constraints get names so that migrations can find them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


# Rows stay readable after the commit that comes before rendering; each request has a session of its own.
db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})


class CompanyScoped:
    """A table whose rows belong to one company; confined and stamped by `app.core.tenancy`.

    `__constraints__` adds constraints and indexes; `__folded__` maps a column to the columns it is folded from.
    """

    __constraints__: ClassVar[tuple] = ()
    __folded__: ClassVar[dict[str, tuple[str, ...]]] = {}

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True, sort_order=-3)

    @declared_attr
    def company_id(cls) -> Mapped[int]:
        return mapped_column(Id, ForeignKey("core_company.id"), sort_order=-2)

    @declared_attr.directive
    def __table_args__(cls) -> tuple:
        bases = cls.__mro__  # type: ignore[attr-defined]  # a directive gets the class
        inherited = [c for base in bases for c in base.__dict__.get("__extra_constraints__", ())]
        return (
            UniqueConstraint("company_id", "id"),
            *(make() for make in inherited),
            *getattr(cls, "__constraints__", ()),
        )


class Owned:
    """A row with an owner: record rules (own, team and below, all) apply to it."""

    __extra_constraints__: ClassVar[tuple] = (
        lambda: same_company("owner_id", "core_membership.id"),
        lambda: Index(None, "company_id", "owner_id"),
    )

    owner_id: Mapped[int | None] = mapped_column(Id, sort_order=-1)


class Versioned:
    """A row people edit: a late save is noticed by its version."""

    version: Mapped[int] = mapped_column(Integer, default=1, sort_order=90)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow, sort_order=91)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow, onupdate=utcnow, sort_order=92)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.version}


class Record(CompanyScoped, Owned, Versioned):
    """What most tables of a module are: of a company, owned, edited by people."""


def same_company(column: str, target: str, **options: Any) -> ForeignKeyConstraint:
    """A foreign key that can only point at a row of the same company: `same_company("account_id", "contacts_account.id")`."""
    table = target.split(".", maxsplit=1)[0]
    return ForeignKeyConstraint(["company_id", column], [f"{table}.company_id", target], **options)
