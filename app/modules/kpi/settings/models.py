"""The table of settings: one row per company, made when somebody changes one."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import CompanyScoped, Versioned, db
from app.core.i18n import _l


class Settings(CompanyScoped, Versioned, db.Model):
    """What a company decides about its goals; a company without a row has the defaults.

    `rules` maps the id of a rule of the check to {"severity": "block" | "warn" | "off", "threshold": number}; what is not
    named there is as the rule has it.
    """

    __tablename__ = "kpi_settings"
    __called__ = _l("Goal settings")
    __constraints__ = (UniqueConstraint("company_id"),)

    rules: Mapped[dict] = mapped_column(JSON, default=dict)
    risk_percent: Mapped[int] = mapped_column(Integer, default=95)  # of the pace, below which a goal is at risk
    off_percent: Mapped[int] = mapped_column(Integer, default=80)  # and below which it is off track
    calls_per_day: Mapped[int] = mapped_column(Integer, default=25)  # activities a person can do on a working day
    weekly_mail: Mapped[bool] = mapped_column(Boolean, default=True)
    alerts: Mapped[bool] = mapped_column(Boolean, default=True)
