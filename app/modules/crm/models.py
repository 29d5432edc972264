"""Tables of the pipeline: stages, deals, the ledger of what happened to them, and the spans derived from it."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ColumnElement,
    Date,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.db import CompanyScoped, Id, Record, UtcDateTime, Versioned, db, same_company, utcnow

OPEN, WON, LOST, DISCARDED = "open", "won", "lost", "discarded"
STATES = (OPEN, WON, LOST, DISCARDED)
CLOSED = (WON, LOST, DISCARDED)
TRASHED = "trashed"  # of a deal alone: all of its ledger is voided, so it is in no figure

# How sure a forecast is of a deal; "closed" follows from the outcome and is never chosen.
COMMIT, BEST_CASE, PIPELINE, OMITTED = "commit", "best_case", "pipeline", "omitted"
CATEGORIES = (COMMIT, BEST_CASE, PIPELINE, OMITTED)

CREATED, MOVED, CHANGED, VOIDED = "created", "moved", "changed", "voided"
KINDS = (CREATED, MOVED, CHANGED, VOIDED)

LONG = 3  # how much longer a folded text may be than what it was folded from ("ß" is two letters, "㎏" as well)


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(repr(v) for v in values)})", name=column)


class Pipeline(CompanyScoped, Versioned, db.Model):
    """A way of selling, with stages of its own."""

    __tablename__ = "crm_pipeline"
    __constraints__ = (UniqueConstraint("company_id", "name_key"),)
    __folded__: ClassVar = {"name_key": ("name",), "search_key": ("name",)}

    name: Mapped[str] = mapped_column(String(80))
    name_key: Mapped[str] = mapped_column(String(LONG * 80), default="")
    search_key: Mapped[str] = mapped_column(String(LONG * 80), default="")
    position: Mapped[int] = mapped_column(Integer, default=0)
    active: Mapped[bool] = mapped_column(Boolean, default=True)


class Stage(CompanyScoped, Versioned, db.Model):
    """A column of the board. Its type says what being there means; its name says nothing to the program."""

    __tablename__ = "crm_stage"
    __constraints__ = (
        same_company("pipeline_id", "crm_pipeline.id"),
        UniqueConstraint("company_id", "pipeline_id", "name_key"),
        one_of("type", STATES),
        CheckConstraint("probability BETWEEN 0 AND 100", name="probability"),
        one_of("category", CATEGORIES),
    )
    __folded__: ClassVar = {"name_key": ("name",), "search_key": ("name",)}

    pipeline_id: Mapped[int] = mapped_column(Id)
    name: Mapped[str] = mapped_column(String(80))
    name_key: Mapped[str] = mapped_column(String(LONG * 80), default="")
    search_key: Mapped[str] = mapped_column(String(LONG * 80), default="")
    type: Mapped[str] = mapped_column(String(10), default=OPEN)
    position: Mapped[int] = mapped_column(Integer, default=0)
    probability: Mapped[int] = mapped_column(Integer, default=0)  # percent
    rotting_days: Mapped[int | None] = mapped_column(Integer)
    qualified: Mapped[bool] = mapped_column(Boolean, default=True)
    category: Mapped[str] = mapped_column(String(10), default=PIPELINE, server_default=PIPELINE)  # of its deals
    needs: Mapped[str] = mapped_column(String(300), default="", server_default="")  # fields to fill in first: "amount,account_id"

    pipeline: Mapped[Pipeline] = relationship(foreign_keys=[pipeline_id], lazy="raise")


class Reason(CompanyScoped, Versioned, db.Model):
    """Why a deal was won, lost or discarded."""

    __tablename__ = "crm_reason"
    __constraints__ = (UniqueConstraint("company_id", "kind", "name_key"), one_of("kind", CLOSED))
    __folded__: ClassVar = {"name_key": ("name",), "search_key": ("name",)}

    name: Mapped[str] = mapped_column(String(120))
    name_key: Mapped[str] = mapped_column(String(LONG * 120), default="")
    search_key: Mapped[str] = mapped_column(String(LONG * 120), default="")
    kind: Mapped[str] = mapped_column(String(10), default=LOST)
    active: Mapped[bool] = mapped_column(Boolean, default=True)


def _references(*columns: tuple[str, str]) -> tuple:
    return tuple(same_company(column, target) for column, target in columns)


_PLACES = (
    ("account_id", "contacts_account.id"),
    ("stage_id", "crm_stage.id"),
    ("pipeline_id", "crm_pipeline.id"),
    ("team_id", "core_team.id"),
    ("reason_id", "crm_reason.id"),
)
# Where a lead or a deal came from.
ORIGIN = (("source_id", "crm_source.id"), ("medium_id", "crm_medium.id"), ("campaign_id", "crm_campaign.id"))
# What figures split deals by, and the amounts they add up.
_SPLIT = (
    *("credit_owner_id", "credit_team_id", "account_id", "product", "pipeline_id", "stage_id"),
    *("source_id", "medium_id", "campaign_id", "currency", "amount_minor", "company_minor"),
)
_CREDIT = (("credit_owner_id", "core_membership.id"), ("credit_team_id", "core_team.id"))


class Outcome:
    """What the ledger says about a deal at one moment; the same columns for the deal itself and for its spans.

    `credit_owner_id` and `credit_team_id` are whose figures it counts in: the owner of the moment while the deal is
    open, and the one who owned it when it was closed ever after.
    """

    stage_id: Mapped[int] = mapped_column(Id)
    pipeline_id: Mapped[int] = mapped_column(Id)
    state: Mapped[str] = mapped_column(String(10))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime())
    opened_on: Mapped[date] = mapped_column(Date)
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime())
    entered_on: Mapped[date] = mapped_column(Date)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    closed_on: Mapped[date | None] = mapped_column(Date)
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    company_minor: Mapped[int | None] = mapped_column(BigInteger)  # in company currency, at the event's date
    team_id: Mapped[int | None] = mapped_column(Id)
    credit_owner_id: Mapped[int | None] = mapped_column(Id)
    credit_team_id: Mapped[int | None] = mapped_column(Id)
    expected_close: Mapped[date | None] = mapped_column(Date)
    account_id: Mapped[int | None] = mapped_column(Id)
    reason_id: Mapped[int | None] = mapped_column(Id)
    reason_note: Mapped[str] = mapped_column(Text, default="")
    probability: Mapped[int | None] = mapped_column(Integer)  # percent, set by hand; None: that of the stage
    category: Mapped[str | None] = mapped_column(String(10))  # set by hand; None: that of the stage


class Deal(Record, Outcome, db.Model):
    """A chance to sell something: the present state of its ledger, and the fields the ledger does not track."""

    __tablename__ = "crm_deal"
    __constraints__ = (
        *_references(*_PLACES, *_CREDIT, ("contact_id", "contacts_contact.id"), *ORIGIN),
        UniqueConstraint("company_id", "external_id"),
        one_of("state", (*STATES, TRASHED)),
        Index("ix_crm_deal_cards", "company_id", "state", "stage_id", "entered_at", "id"),
        # These answer the first page of a list, of one state or of all, without sorting.
        Index(None, "company_id", "state", "entered_at", "id"),
        Index(None, "company_id", "entered_at", "id"),
        Index(None, "company_id", "amount_minor", "id"),
        # These answer the sums of a board, of a period and of a cohort without a look at the rows, which are long.
        Index(
            "ix_crm_deal_open_sums",
            *("company_id", "state", "pipeline_id", "stage_id", "currency", "amount_minor"),
            *("owner_id", "credit_owner_id"),
        ),
        Index("ix_crm_deal_closed_sums", "company_id", "state", "closed_on", "opened_on", *_SPLIT, "reason_id", "id", "closed_at"),
        Index("ix_crm_deal_began_sums", "company_id", "opened_on", "state", "closed_on", *_SPLIT, "id", "opened_at", "closed_at"),
        # This one answers the forecast: the first deals of a month, and its sums.
        Index(
            "ix_crm_deal_expected",
            *("company_id", "state", "expected_close", "id", "stage_id", "currency", "amount_minor"),
            *("probability", "category", "owner_id", "credit_owner_id", "credit_team_id", "account_id", "pipeline_id"),
        ),
        Index(None, "company_id", "account_id"),
        Index(None, "company_id", "name_key", "id"),
    )
    __folded__: ClassVar = {"name_key": ("name",), "search_key": ("name", "product", "external_id", "tags")}
    # What follows from the logged fields: noise in a log for people.
    __silent__: ClassVar = (
        *("pipeline_id", "opened_at", "entered_at", "entered_on", "closed_at", "company_minor"),
        *("team_id", "credit_owner_id", "credit_team_id"),
    )

    name: Mapped[str] = mapped_column(String(200))
    name_key: Mapped[str] = mapped_column(String(LONG * 200), default="")
    search_key: Mapped[str] = mapped_column(String(LONG * 850), default="")
    contact_id: Mapped[int | None] = mapped_column(Id)
    product: Mapped[str | None] = mapped_column(String(120))
    external_id: Mapped[str | None] = mapped_column(String(120))
    note: Mapped[str] = mapped_column(Text, default="")
    source_id: Mapped[int | None] = mapped_column(Id)
    medium_id: Mapped[int | None] = mapped_column(Id)
    campaign_id: Mapped[int | None] = mapped_column(Id)
    tags: Mapped[str] = mapped_column(String(400), default="", server_default="")  # "feria, urgente": see app.core.tags

    @classmethod
    def __present__(cls) -> ColumnElement[bool]:
        """Criterion of deals that are not in the trash; the indexes hold the state."""
        return cls.state != TRASHED

    stage: Mapped[Stage] = relationship(foreign_keys="Deal.stage_id", lazy="raise", viewonly=True)
    reason: Mapped[Reason | None] = relationship(foreign_keys="Deal.reason_id", lazy="raise", viewonly=True)


class DealEvent(CompanyScoped, db.Model):
    """One line of the ledger, never changed and never removed.

    `at` is when it was so, `recorded_at` when it was told. `sets` names the tracked fields the event sets
    (`app.modules.crm.ledger.FIELDS`), so that "set to nothing" can be said. `group_id` binds what one gesture did.
    A `voided` event takes back the event `voids_id`.
    """

    __tablename__ = "crm_deal_event"
    __constraints__ = (
        same_company("deal_id", "crm_deal.id"),
        same_company("actor_id", "core_membership.id"),
        same_company("voids_id", "crm_deal_event.id"),
        same_company("owner_id", "core_membership.id"),
        *_references(*_PLACES),
        one_of("kind", KINDS),
        UniqueConstraint("company_id", "voids_id"),
        Index(None, "company_id", "deal_id", "at", "id"),
    )
    __unlogged__ = True

    deal_id: Mapped[int] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(String(10))
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    local_date: Mapped[date] = mapped_column(Date)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime(), default=utcnow)
    actor_id: Mapped[int | None] = mapped_column(Id)
    source: Mapped[str] = mapped_column(String(10), default="web")  # web, import, api, demo, undo
    request_id: Mapped[str] = mapped_column(String(36), default="")
    group_id: Mapped[str] = mapped_column(String(36), default="")
    voids_id: Mapped[int | None] = mapped_column(Id)
    sets: Mapped[str] = mapped_column(String(80), default="")
    stage_id: Mapped[int | None] = mapped_column(Id)
    pipeline_id: Mapped[int | None] = mapped_column(Id)
    state: Mapped[str | None] = mapped_column(String(10))
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(String(3))
    company_minor: Mapped[int | None] = mapped_column(BigInteger)
    owner_id: Mapped[int | None] = mapped_column(Id)
    team_id: Mapped[int | None] = mapped_column(Id)
    expected_close: Mapped[date | None] = mapped_column(Date)
    account_id: Mapped[int | None] = mapped_column(Id)
    reason_id: Mapped[int | None] = mapped_column(Id)
    reason_note: Mapped[str | None] = mapped_column(Text)
    probability: Mapped[int | None] = mapped_column(Integer)
    category: Mapped[str | None] = mapped_column(String(10))


_HELD = ("valid_from", "valid_to", "known_from", "known_to", "deal_id")


class DealSpan(CompanyScoped, Outcome, db.Model):
    """A stretch of time in which nothing tracked changed, and the stretch in which we believed so. Derived."""

    __tablename__ = "crm_deal_span"
    __constraints__ = (
        same_company("deal_id", "crm_deal.id"),
        same_company("owner_id", "core_membership.id"),
        *_references(*_PLACES, *_CREDIT),
        # None that begins with company and time: SQLite would look up each deal's other spans by it, through those of all
        # deals. What begins with the state is out of its reach there, and answers the past: what was due, what was closed.
        # This one finds a deal's, and the stage that it was in last, without a look at the rows.
        Index("ix_crm_deal_span_of_deal", "company_id", "deal_id", "known_to", "state", "entered_at", "id", "valid_from", "stage_id"),
        Index("ix_crm_deal_span_due", "state", "company_id", "expected_close", *_HELD, "credit_owner_id"),
        # These answer what was closed, and the cohorts, of a past day without a look at the rows.
        Index(
            "ix_crm_deal_span_closed", "state", "company_id", "closed_on", *_HELD,
            *("credit_owner_id", "credit_team_id", "account_id", "pipeline_id", "reason_id"),
            *("company_minor", "amount_minor", "opened_on", "closed_at"),
        ),
        Index(
            "ix_crm_deal_span_began", "state", "company_id", "opened_on", *_HELD,
            *("pipeline_id", "credit_owner_id", "credit_team_id", "account_id", "currency", "amount_minor"),
        ),
    )
    __unlogged__ = True

    deal_id: Mapped[int] = mapped_column(Id)
    valid_from: Mapped[datetime] = mapped_column(UtcDateTime())
    valid_to: Mapped[datetime | None] = mapped_column(UtcDateTime())
    known_from: Mapped[datetime] = mapped_column(UtcDateTime())
    known_to: Mapped[datetime | None] = mapped_column(UtcDateTime())
    owner_id: Mapped[int | None] = mapped_column(Id)


class DealStage(CompanyScoped, db.Model):
    """That a deal has been in a stage: since when, how often and how long. Derived from the events that count.

    `entered_at`, `entered_on`, the stage `after_id` that it came from, `place` (in how many stages it had been before) and
    what the deal was then (its amount, whose it was) are those of the first time.
    `seconds` are whole ones, of the stretches in which it was open there and that are over; in the stage where an open
    deal is now, those since `since` come on top. `state` is that of the deal, which is a long row to look at for each.
    """

    __tablename__ = "crm_deal_stage"
    __constraints__ = (
        same_company("deal_id", "crm_deal.id"),
        same_company("stage_id", "crm_stage.id"),
        same_company("after_id", "crm_stage.id"),
        same_company("owner_id", "core_membership.id"),
        same_company("team_id", "core_team.id"),
        UniqueConstraint("company_id", "deal_id", "stage_id"),
        # These answer the figures of stages without a look at the rows.
        Index(
            "ix_crm_deal_stage_entered",
            *("company_id", "stage_id", "entered_on", "state", "seconds", "since", "after_id", "deal_id", "entered_at", "id"),
            *("owner_id", "team_id", "currency", "amount_minor", "entries", "place"),
        ),
        # This one those of deals that came into a stage from some others.
        Index(
            "ix_crm_deal_stage_came",
            *("company_id", "stage_id", "after_id", "entered_on", "state", "place", "deal_id", "owner_id", "team_id"),
            *("currency", "amount_minor", "entered_at"),
        ),
        Index("ix_crm_deal_stage_order", "company_id", "deal_id", "place", "stage_id", "after_id", "entered_at", "id"),
        Index(None, "company_id", "stage_id", "seconds"),
    )
    __unlogged__ = True

    deal_id: Mapped[int] = mapped_column(Id)
    stage_id: Mapped[int] = mapped_column(Id)
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime())
    entered_on: Mapped[date] = mapped_column(Date)
    entries: Mapped[int] = mapped_column(Integer, default=1)
    seconds: Mapped[int] = mapped_column(BigInteger, default=0)
    owner_id: Mapped[int | None] = mapped_column(Id)
    team_id: Mapped[int | None] = mapped_column(Id)
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    after_id: Mapped[int | None] = mapped_column(Id)
    place: Mapped[int] = mapped_column(Integer, default=0)
    state: Mapped[str] = mapped_column(String(10))
    since: Mapped[datetime | None] = mapped_column(UtcDateTime())
