"""The table of settings: one row per company, made when somebody changes one."""

from __future__ import annotations

from sqlalchemy import Boolean, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import CompanyScoped, Versioned, db
from app.core.i18n import _l


class Settings(CompanyScoped, Versioned, db.Model):
    """What a company decides; a company without a row has the defaults."""

    __tablename__ = "crm_settings"
    __called__ = _l("CRM settings")
    __constraints__ = (UniqueConstraint("company_id"),)

    uses_leads: Mapped[bool] = mapped_column(Boolean, default=True)
    active_days: Mapped[int] = mapped_column(Integer, default=365)  # an account is active when it bought in so many days
    neglected_days: Mapped[int] = mapped_column(Integer, default=60)  # without a contact, an account is neglected
    late_hours: Mapped[int] = mapped_column(Integer, default=24)  # from the act to its record: later ones are marked
    remind_minutes: Mapped[int] = mapped_column(Integer, default=15)  # before a timed activity begins
