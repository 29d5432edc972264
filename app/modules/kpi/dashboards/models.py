"""Tables of dashboards and the widgets on them."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import JSON, Boolean, CheckConstraint, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import CompanyScoped, Id, Record, db, same_company
from app.core.i18n import _l
from app.modules.kpi.models import LONG, one_of

FIGURE, COLUMNS, LINE, RANKING, TABLE, GOALS, TEAM = "figure", "columns", "line", "ranking", "table", "goals", "team"
SHAPES = (FIGURE, COLUMNS, LINE, RANKING, TABLE, GOALS, TEAM)


class Dashboard(Record, db.Model):
    """A page of figures: of who made it (`owner_id`), of a team, or of the company; `shared` shows it to others.

    It is arranged alike for all who see it; each sees their own figures in it.
    """

    __tablename__ = "kpi_dashboard"
    __called__ = _l("Dashboard")
    __constraints__ = (
        same_company("team_id", "core_team.id"),
        one_of("audience", ("company", "team", "member")),
    )
    __folded__: ClassVar = {"name_key": ("name",), "search_key": ("name",)}

    name: Mapped[str] = mapped_column(String(80))
    name_key: Mapped[str] = mapped_column(String(LONG * 80), default="")
    search_key: Mapped[str] = mapped_column(String(LONG * 80), default="")
    audience: Mapped[str] = mapped_column(String(10), default="member")
    team_id: Mapped[int | None] = mapped_column(Id)
    shared: Mapped[bool] = mapped_column(Boolean, default=False)
    period: Mapped[str] = mapped_column(String(20), default="this-quarter")
    compare: Mapped[str] = mapped_column(String(20), default="previous")


class Widget(CompanyScoped, db.Model):
    """A figure on a dashboard: which metric, split how, drawn how; `args` are its filters and what else its shape needs."""

    __tablename__ = "kpi_widget"
    __called__ = _l("Widget")
    __constraints__ = (
        same_company("dashboard_id", "kpi_dashboard.id"),
        one_of("shape", SHAPES),
        CheckConstraint("width BETWEEN 1 AND 4", name="width"),
        Index(None, "company_id", "dashboard_id", "position"),
    )

    dashboard_id: Mapped[int] = mapped_column(Id)
    position: Mapped[int] = mapped_column(Integer, default=0)
    metric: Mapped[str] = mapped_column(String(80), default="")
    shape: Mapped[str] = mapped_column(String(10), default=FIGURE)
    split: Mapped[str] = mapped_column(String(40), default="")
    width: Mapped[int] = mapped_column(Integer, default=1)  # of four columns
    args: Mapped[dict] = mapped_column(JSON, default=dict)
