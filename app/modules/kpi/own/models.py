"""Tables of a company's own metrics and of the values people tell for them."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from sqlalchemy import BigInteger, Boolean, Date, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import CompanyScoped, Id, Record, Versioned, db, same_company
from app.modules.kpi.models import CADENCES, LONG, MONTH, UNITS, UP, one_of

MANUAL, FORMULA = "manual", "formula"
KINDS = (MANUAL, FORMULA)
SUM, MEAN, LAST = "sum", "mean", "last"
GATHERED = (SUM, MEAN, LAST)
SCALE = 10**6  # a value that is no money is kept in millionths


class OwnMetric(CompanyScoped, Versioned, db.Model):
    """A metric that the company made: its values are told by people or imported, or a formula makes them of others.

    Its id in the registry is "kpi.<key>", which never changes. `gathered` says how values of a period come together: they
    add up, their mean counts, or the last of each person. `definition` counts the changes of what it means.
    """

    __tablename__ = "kpi_metric"
    __constraints__ = (
        UniqueConstraint("company_id", "key"),
        UniqueConstraint("company_id", "name_key"),
        one_of("kind", KINDS),
        one_of("unit", UNITS),
        one_of("direction", ("up", "down", "none")),
        one_of("gathered", GATHERED),
        one_of("cadence", CADENCES),
        same_company("keeper_id", "core_membership.id"),
    )
    __folded__: ClassVar = {"name_key": ("name",), "search_key": ("name",)}

    key: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(80))
    name_key: Mapped[str] = mapped_column(String(LONG * 80), default="")
    search_key: Mapped[str] = mapped_column(String(LONG * 80), default="")
    describe: Mapped[str] = mapped_column(Text, default="")
    kind: Mapped[str] = mapped_column(String(10), default=MANUAL)
    unit: Mapped[str] = mapped_column(String(10))
    direction: Mapped[str] = mapped_column(String(5), default=UP)
    gathered: Mapped[str] = mapped_column(String(5), default=SUM)
    formula: Mapped[str] = mapped_column(Text, default="")
    cadence: Mapped[str] = mapped_column(String(10), default=MONTH)  # how often a value is due
    definition: Mapped[int] = mapped_column(Integer, default=1)
    keeper_id: Mapped[int | None] = mapped_column(Id)  # who answers for its values
    active: Mapped[bool] = mapped_column(Boolean, default=True)


class Value(Record, db.Model):
    """One value of a manual metric: what it was on a day, for a person (`owner_id`) or for the company (none).

    `amount` is in minor units of company currency where the metric is money, else in millionths.
    """

    __tablename__ = "kpi_value"
    __constraints__ = (
        same_company("metric_id", "kpi_metric.id"),
        same_company("team_id", "core_team.id"),
        one_of("source", ("web", "import", "api", "demo")),
        UniqueConstraint("company_id", "external_id"),
        Index("ix_kpi_value_told", "company_id", "metric_id", "on_day", "owner_id", "team_id", "amount"),
    )

    metric_id: Mapped[int] = mapped_column(Id)
    on_day: Mapped[date] = mapped_column(Date)
    amount: Mapped[int] = mapped_column(BigInteger)
    team_id: Mapped[int | None] = mapped_column(Id)  # the owner's on that day
    evidence: Mapped[str] = mapped_column(String(500), default="")
    source: Mapped[str] = mapped_column(String(10), default="web")
    external_id: Mapped[str | None] = mapped_column(String(120))
