"""Tables of what is said and done on the way to a goal, and of what was foretold."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Boolean, CheckConstraint, Date, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import CompanyScoped, ExactDecimal, Id, Record, UtcDateTime, db, same_company, utcnow
from app.core.i18n import _l
from app.modules.kpi.models import one_of

UNLIKELY, PLAUSIBLE, LIKELY, UNKNOWN = "unlikely", "plausible", "likely", "unknown"
BANDS = (UNLIKELY, PLAUSIBLE, LIKELY, UNKNOWN)


class CheckIn(CompanyScoped, db.Model):
    """What a person says about a goal on a day: how sure they are to reach it, from 1 to 5, and why."""

    __tablename__ = "kpi_checkin"
    __called__ = _l("Check-in")
    __constraints__ = (
        same_company("goal_id", "kpi_goal.id"),
        same_company("member_id", "core_membership.id"),
        CheckConstraint("confidence BETWEEN 1 AND 5", name="confidence"),
        Index(None, "company_id", "goal_id", "on_day"),
    )

    goal_id: Mapped[int] = mapped_column(Id)
    member_id: Mapped[int] = mapped_column(Id)
    on_day: Mapped[date] = mapped_column(Date)
    at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow)
    confidence: Mapped[int] = mapped_column(Integer)
    comment: Mapped[str] = mapped_column(Text, default="")
    actual: Mapped[Decimal | None] = mapped_column(ExactDecimal())  # where the goal stood then


class GoalAction(Record, db.Model):
    """Something to do for a goal: what, who (`owner_id`), until when."""

    __tablename__ = "kpi_action"
    __constraints__ = (
        same_company("goal_id", "kpi_goal.id"),
        Index(None, "company_id", "goal_id"),
        Index(None, "company_id", "due_on"),
    )

    goal_id: Mapped[int] = mapped_column(Id)
    text: Mapped[str] = mapped_column(String(300))
    due_on: Mapped[date | None] = mapped_column(Date)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class Prediction(CompanyScoped, db.Model):
    """What was foretold of a goal: how likely it looked from the owner's own history, and how it turned out.

    One for each edition of a goal, made when it was activated. `likelihood` is between 0 and 1; None where history was
    too short to tell. `came_true` is known when the goal is closed.
    """

    __tablename__ = "kpi_prediction"
    __called__ = _l("Prediction")
    __constraints__ = (
        same_company("goal_id", "kpi_goal.id"),
        UniqueConstraint("company_id", "goal_id", "edition"),
        one_of("band", BANDS),
    )

    goal_id: Mapped[int] = mapped_column(Id)
    edition: Mapped[int] = mapped_column(Integer)
    on_day: Mapped[date] = mapped_column(Date)
    band: Mapped[str] = mapped_column(String(10))
    likelihood: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    periods: Mapped[int] = mapped_column(Integer)  # of history
    came_true: Mapped[bool | None] = mapped_column(Boolean)


class Alert(CompanyScoped, db.Model):
    """That people were told a goal went off track, so that they are told once for each turn for the worse."""

    __tablename__ = "kpi_alert"
    __called__ = _l("Alert")
    __constraints__ = (
        same_company("goal_id", "kpi_goal.id"),
        UniqueConstraint("company_id", "goal_id", "on_day"),
    )

    goal_id: Mapped[int] = mapped_column(Id)
    on_day: Mapped[date] = mapped_column(Date)
    status: Mapped[str] = mapped_column(String(10))
