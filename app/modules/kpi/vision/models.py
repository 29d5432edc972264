"""The table of what the company wants: its vision, the pillars of it, and the objectives of each."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from sqlalchemy import Boolean, Date, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import CompanyScoped, Id, Versioned, db, same_company
from app.modules.kpi.models import LONG, one_of

VISION, PILLAR, OBJECTIVE = "vision", "pillar", "objective"
LEVELS = (VISION, PILLAR, OBJECTIVE)


class Objective(CompanyScoped, Versioned, db.Model):
    """A node of the tree: the vision (one, at its root), a pillar of it, or an objective that serves a pillar."""

    __tablename__ = "kpi_objective"
    __constraints__ = (
        same_company("parent_id", "kpi_objective.id"),
        same_company("keeper_id", "core_membership.id"),
        one_of("level", LEVELS),
        Index(None, "company_id", "parent_id", "position"),
    )
    __folded__: ClassVar = {"name_key": ("name",), "search_key": ("name",)}

    level: Mapped[str] = mapped_column(String(10), default=OBJECTIVE)
    parent_id: Mapped[int | None] = mapped_column(Id)
    name: Mapped[str] = mapped_column(String(160))
    name_key: Mapped[str] = mapped_column(String(LONG * 160), default="")
    search_key: Mapped[str] = mapped_column(String(LONG * 160), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    position: Mapped[int] = mapped_column(Integer, default=0)
    keeper_id: Mapped[int | None] = mapped_column(Id)  # who answers for it
    last_day: Mapped[date | None] = mapped_column(Date)
    active: Mapped[bool] = mapped_column(Boolean, default=True)
