"""Tables of goals, and what all tables of the module share."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from sqlalchemy import JSON, Boolean, CheckConstraint, Date, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import (
    CompanyScoped,
    ExactDecimal,
    Id,
    Record,
    UtcDateTime,
    Versioned,
    db,
    same_company,
    utcnow,
)
from app.core.i18n import _l

LONG = 3  # how much longer a folded text may be than what it was folded from
UNITS = ("money", "count", "ratio", "days", "hours")
UP, DOWN, BAND = "up", "down", "band"
DIRECTIONS = (UP, DOWN, BAND)
WEEK, MONTH, QUARTER, YEAR, OTHER = "week", "month", "quarter", "year", "other"
CADENCES = (WEEK, MONTH, QUARTER)



COMPANY, TEAM, MEMBER = "company", "team", "member"
SCOPES = (COMPANY, TEAM, MEMBER)
DRAFT, PROPOSED, AGREED, ACTIVE, CLOSED, DROPPED = "draft", "proposed", "agreed", "active", "closed", "dropped"
STATES = (DRAFT, PROPOSED, AGREED, ACTIVE, CLOSED, DROPPED)
LEADING, LAGGING = "leading", "lagging"
PERIODS = (WEEK, MONTH, QUARTER, YEAR, OTHER)

# What was done with a goal, in `GoalWord`.
WORDS = ("proposed", "countered", "agreed", "activated", "changed", "closed", "dropped", "reopened")


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(repr(v) for v in values)})", name=column)


class Goal(Record, db.Model):
    """A figure that somebody wants to reach by a day.

    `metric` is an id of the registry and `metric_version` that of its definition when the goal was set. `owner_id` is who
    answers for it; with scope "team" it is about the figures of `team_id` and the teams below, with "company" about all.
    `filters` narrow the population down: dimension -> key or keys, as in a `MetricQuery`. `target`, `low` and `high` (of a
    band), `baseline` and `final` are in whole units: of `currency` for money, 0.35 for 35 %, days, hours or a count.
    `curve` are the shares of the target that fall to the months of the period, in percent; empty: by working days.
    """

    __tablename__ = "kpi_goal"
    __constraints__ = (
        same_company("team_id", "core_team.id"),
        same_company("parent_id", "kpi_goal.id"),
        same_company("objective_id", "kpi_objective.id"),
        same_company("rule_id", "kpi_rule.id"),
        one_of("scope", SCOPES),
        one_of("state", STATES),
        one_of("direction", DIRECTIONS),
        one_of("grade", (LEADING, LAGGING)),
        one_of("period", PERIODS),
        CheckConstraint("first_day <= last_day", name="period_order"),
        CheckConstraint("weight BETWEEN 0 AND 100", name="weight"),
        UniqueConstraint("company_id", "rule_id", "first_day", "owner_id", "team_id"),
        UniqueConstraint("company_id", "external_id"),
        Index("ix_kpi_goal_running", "company_id", "state", "first_day", "last_day"),
        Index(None, "company_id", "parent_id"),
        Index(None, "company_id", "objective_id"),
        Index(None, "company_id", "team_id"),
        Index(None, "company_id", "metric"),
    )
    __folded__: ClassVar = {"name_key": ("name",), "search_key": ("name", "metric")}

    name: Mapped[str] = mapped_column(String(160))
    name_key: Mapped[str] = mapped_column(String(LONG * 160), default="")
    search_key: Mapped[str] = mapped_column(String(LONG * 241), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    metric: Mapped[str] = mapped_column(String(80))
    metric_version: Mapped[int] = mapped_column(Integer, default=1)
    filters: Mapped[dict] = mapped_column(JSON, default=dict)
    scope: Mapped[str] = mapped_column(String(10), default=MEMBER)
    team_id: Mapped[int | None] = mapped_column(Id)
    period: Mapped[str] = mapped_column(String(10), default=QUARTER)
    first_day: Mapped[date] = mapped_column(Date)
    last_day: Mapped[date] = mapped_column(Date)
    direction: Mapped[str] = mapped_column(String(5), default=UP)
    target: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    low: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    high: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    currency: Mapped[str | None] = mapped_column(String(3))
    baseline: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    baseline_query: Mapped[dict | None] = mapped_column(JSON)  # the question that it answers
    baseline_hash: Mapped[str] = mapped_column(String(64), default="")  # of question and answer
    baseline_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    curve: Mapped[list] = mapped_column(JSON, default=list)
    weight: Mapped[int] = mapped_column(Integer, default=0)  # in the scorecard of its owner, percent
    grade: Mapped[str] = mapped_column(String(10), default=LAGGING)
    is_quota: Mapped[bool] = mapped_column(Boolean, default=False)
    cadence: Mapped[str] = mapped_column(String(10), default=MONTH)  # of check-ins
    review_on: Mapped[date | None] = mapped_column(Date)  # the milestone on the way
    parent_id: Mapped[int | None] = mapped_column(Id)
    objective_id: Mapped[int | None] = mapped_column(Id)
    rule_id: Mapped[int | None] = mapped_column(Id)
    state: Mapped[str] = mapped_column(String(10), default=DRAFT)
    edition: Mapped[int] = mapped_column(Integer, default=1)  # counts the changes since it was activated
    retrospective: Mapped[bool] = mapped_column(Boolean, default=False)  # its period was over when it was made
    excuse: Mapped[str] = mapped_column(Text, default="")  # why it is good despite the warnings of the check
    proposed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    agreed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    activated_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    final: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    attained: Mapped[bool | None] = mapped_column(Boolean)
    source: Mapped[str] = mapped_column(String(10), default="web")
    external_id: Mapped[str | None] = mapped_column(String(120))


class GoalEdition(CompanyScoped, db.Model):
    """What a goal said from a moment on: one row when it is activated, and one for each change after that."""

    __tablename__ = "kpi_goal_edition"
    __called__ = _l("Edition of a goal")
    __constraints__ = (
        same_company("goal_id", "kpi_goal.id"),
        same_company("member_id", "core_membership.id"),
        UniqueConstraint("company_id", "goal_id", "number"),
    )

    goal_id: Mapped[int] = mapped_column(Id)
    number: Mapped[int] = mapped_column(Integer)
    said: Mapped[dict] = mapped_column(JSON)  # field -> value as files have it
    reason: Mapped[str] = mapped_column(Text, default="")
    member_id: Mapped[int | None] = mapped_column(Id)
    at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow)


class GoalWord(CompanyScoped, db.Model):
    """What somebody did with a goal on its way: proposals and counter-proposals with target and day."""

    __tablename__ = "kpi_goal_word"
    __called__ = _l("Step of a goal")
    __constraints__ = (
        same_company("goal_id", "kpi_goal.id"),
        same_company("member_id", "core_membership.id"),
        one_of("kind", WORDS),
        Index(None, "company_id", "goal_id"),
    )

    goal_id: Mapped[int] = mapped_column(Id)
    member_id: Mapped[int | None] = mapped_column(Id)
    at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow)
    kind: Mapped[str] = mapped_column(String(10))
    target: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    last_day: Mapped[date | None] = mapped_column(Date)
    text: Mapped[str] = mapped_column(Text, default="")


class GoalSeen(CompanyScoped, db.Model):
    """That a member has read an edition of a goal, and when first."""

    __tablename__ = "kpi_goal_seen"
    __called__ = _l("Goal that was read")
    __constraints__ = (
        same_company("goal_id", "kpi_goal.id"),
        same_company("member_id", "core_membership.id"),
        UniqueConstraint("company_id", "goal_id", "member_id", "edition"),
    )

    goal_id: Mapped[int] = mapped_column(Id)
    member_id: Mapped[int] = mapped_column(Id)
    edition: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow)


class GoalRule(CompanyScoped, Versioned, db.Model):
    """A rule by which goals are made anew every period, for everybody it is meant for.

    `audience` says for whom: "company", "teams" (each a goal of its own), "members" of the teams or roles in `whom`, or
    the members named there; `targets` are those of single members or teams, by id, where they differ from `target`.
    """

    __tablename__ = "kpi_rule"
    __constraints__ = (
        UniqueConstraint("company_id", "name_key"),
        same_company("objective_id", "kpi_objective.id"),
        one_of("period", PERIODS[:-1]),
        one_of("direction", DIRECTIONS),
        one_of("grade", (LEADING, LAGGING)),
        one_of("audience", ("company", "teams", "members")),
    )
    __folded__: ClassVar = {"name_key": ("name",), "search_key": ("name", "metric")}

    name: Mapped[str] = mapped_column(String(160))
    name_key: Mapped[str] = mapped_column(String(LONG * 160), default="")
    search_key: Mapped[str] = mapped_column(String(LONG * 241), default="")
    metric: Mapped[str] = mapped_column(String(80))
    filters: Mapped[dict] = mapped_column(JSON, default=dict)
    period: Mapped[str] = mapped_column(String(10), default=MONTH)
    audience: Mapped[str] = mapped_column(String(10), default="members")
    whom: Mapped[dict] = mapped_column(JSON, default=dict)  # {"teams": [ids], "roles": [keys], "members": [ids]}
    direction: Mapped[str] = mapped_column(String(5), default=UP)
    target: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    low: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    high: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    currency: Mapped[str | None] = mapped_column(String(3))
    targets: Mapped[dict] = mapped_column(JSON, default=dict)
    weight: Mapped[int] = mapped_column(Integer, default=0)
    grade: Mapped[str] = mapped_column(String(10), default=LEADING)
    is_quota: Mapped[bool] = mapped_column(Boolean, default=False)
    objective_id: Mapped[int | None] = mapped_column(Id)
    starts_on: Mapped[date] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)
    at_once: Mapped[bool] = mapped_column(Boolean, default=True)  # active when made; else a draft
    active: Mapped[bool] = mapped_column(Boolean, default=True)
