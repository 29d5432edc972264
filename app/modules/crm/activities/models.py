"""Tables of activities: their types, what can come of them, and the activities themselves."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Date,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    literal_column,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import CompanyScoped, Id, Record, UtcDateTime, Versioned, db, same_company
from app.core.i18n import _l
from app.modules.crm.models import LONG, one_of

CALL, EMAIL, VISIT, MEETING, TASK = "call", "email", "visit", "meeting", "task"
KINDS = (CALL, EMAIL, VISIT, MEETING, TASK)
FOLLOW_UPS = (CALL, EMAIL, VISIT, MEETING)  # kinds that touch a customer
PLANNED, DONE, CANCELLED = "planned", "done", "cancelled"
STATES = (PLANNED, DONE, CANCELLED)
WEEKLY, FORTNIGHTLY, MONTHLY = "weekly", "biweekly", "monthly"
REPEATS = (WEEKLY, FORTNIGHTLY, MONTHLY)

# Activities that touched a customer, in the words of an index: neither database takes that one for parameters, nor SQLite
# for a comparison with true, such as a column of booleans would become.
TOUCHES: ColumnElement[Any] = literal_column("(crm_activity.state = 'done' AND crm_activity.kind <> 'task')")
TOUCHING: ColumnElement[Any] = literal_column("(crm_activity.kind <> 'task')")  # those of a kind that does


class ActivityType(CompanyScoped, Versioned, db.Model):
    """A way of working with a customer. Its kind is what figures count by; its name says nothing to the program."""

    __tablename__ = "crm_activity_type"
    __constraints__ = (
        same_company("default_owner_id", "core_membership.id"),
        same_company("next_type_id", "crm_activity_type.id"),
        UniqueConstraint("company_id", "name_key"),
        one_of("kind", KINDS),
    )
    __folded__: ClassVar = {"name_key": ("name",), "search_key": ("name",)}

    name: Mapped[str] = mapped_column(String(80))
    name_key: Mapped[str] = mapped_column(String(LONG * 80), default="")
    search_key: Mapped[str] = mapped_column(String(LONG * 80), default="")
    kind: Mapped[str] = mapped_column(String(10))
    position: Mapped[int] = mapped_column(Integer, default=0)
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    subject: Mapped[str] = mapped_column(String(200), default="")  # what a new one is called
    note: Mapped[str] = mapped_column(Text, default="")  # what a new one's note begins with
    default_days: Mapped[int] = mapped_column(Integer, default=1)  # working days from today until a new one is due
    default_minutes: Mapped[int | None] = mapped_column(Integer)
    default_owner_id: Mapped[int | None] = mapped_column(Id)  # None: who plans it
    next_type_id: Mapped[int | None] = mapped_column(Id)  # what is suggested when one is done
    next_days: Mapped[int | None] = mapped_column(Integer)  # and in how many working days


class ActivityOutcome(CompanyScoped, Versioned, db.Model):
    """What came of an activity. `reached` says that it was a contact both ways; a `cancelled` one says why none was."""

    __tablename__ = "crm_activity_outcome"
    __constraints__ = (UniqueConstraint("company_id", "name_key"),)
    __folded__: ClassVar = {"name_key": ("name",), "search_key": ("name",)}

    name: Mapped[str] = mapped_column(String(80))
    name_key: Mapped[str] = mapped_column(String(LONG * 80), default="")
    search_key: Mapped[str] = mapped_column(String(LONG * 80), default="")
    kinds: Mapped[str] = mapped_column(String(80), default="")  # "call,email"; empty: of every kind
    reached: Mapped[bool] = mapped_column(Boolean, default=True)
    cancelled: Mapped[bool] = mapped_column(Boolean, default=False)  # a reason why it did not take place
    position: Mapped[int] = mapped_column(Integer, default=0)
    active: Mapped[bool] = mapped_column(Boolean, default=True)


class Activity(Record, db.Model):
    """Something to do, or done, with a customer: one row, whatever it is linked to.

    It is due on a local day (`due_on`), at an instant (`due_at`, and "17:30" in `due_time`) only where a time was given.
    It was done at `done_at` (`done_on`, `done_month` and `done_time` in the company's zone) by `done_by_id`; `recorded_at` is when that
    was told, `told_after` whole hours later. `team_id` is that of who did it, on that day; until then the owner's.
    `members` are the ids of `ActivityMember`, for lists and forms.
    """

    __tablename__ = "crm_activity"
    __constraints__ = (
        same_company("type_id", "crm_activity_type.id"),
        same_company("outcome_id", "crm_activity_outcome.id"),
        same_company("done_by_id", "core_membership.id"),
        same_company("team_id", "core_team.id"),
        same_company("account_id", "contacts_account.id"),
        same_company("contact_id", "contacts_contact.id"),
        same_company("deal_id", "crm_deal.id"),
        same_company("lead_id", "crm_lead.id"),
        UniqueConstraint("company_id", "external_id"),
        one_of("kind", KINDS),
        one_of("state", STATES),
        Index("ix_crm_activity_deal", "company_id", "deal_id", "state", "due_on", "kind", "done_at", "id"),
        Index("ix_crm_activity_account", "company_id", "account_id", "state", "done_on", "kind", "outcome_id", "id"),
        Index(None, "company_id", "subject_key", "id"),
        Index(None, "company_id", "contact_id"),
        Index(None, "company_id", "lead_id"),
        Index(None, "company_id", "owner_id", "state", "due_on"),
        Index("ix_crm_activity_due", "company_id", "state", "due_on", "id", "owner_id", "kind", "type_id", "account_id"),
        Index("ix_crm_activity_done", "company_id", "state", "done_on", "id"),
        # Whole months are counted from this one: nothing of it tells one activity from another that is counted with it, so that
        # PostgreSQL keeps what is alike once. In the order in which it is counted nothing has to be sorted.
        Index(
            "ix_crm_activity_counts",
            *("company_id", "state", "done_month", "done_by_id", "kind", "outcome_id", "type_id", "team_id", "told_after"),
        ),
        # It answers the figures of days, accounts and the past without a look at the rows, which are long.
        Index(
            "ix_crm_activity_sums",
            *("company_id", "state", "done_month", "done_by_id", "kind", "outcome_id", "type_id", "team_id", "told_after"),
            *("account_id", "done_on", "recorded_at", "done_at", "id"),
        ),
        # With how many accounts somebody was in touch in a month: each comes once, in order.
        Index(
            "ix_crm_activity_touched", "company_id", "state", "done_month", "done_by_id", "account_id", "done_on", "kind", "id",
            sqlite_where=TOUCHING, postgresql_where=TOUCHING,
        ),
        # The first contact with a deal.
        Index(
            "ix_crm_activity_touch", "company_id", "deal_id", "done_at", "id", sqlite_where=TOUCHES, postgresql_where=TOUCHES
        ),
    )
    __folded__: ClassVar = {"subject_key": ("subject",), "search_key": ("subject", "external_id")}
    __silent__: ClassVar = ("kind", "due_at", "done_month", "done_at", "recorded_at", "told_after", "team_id", "remind_at", "reminded_at",
                            "series_id", "repeat_from", "repeat_no", "repeated")

    type_id: Mapped[int] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(String(10))  # that of its type when it was made
    subject: Mapped[str] = mapped_column(String(200))
    subject_key: Mapped[str] = mapped_column(String(LONG * 200), default="")
    search_key: Mapped[str] = mapped_column(String(LONG * 321), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(String(10), default=PLANNED)
    due_on: Mapped[date | None] = mapped_column(Date)
    due_time: Mapped[str | None] = mapped_column(String(5))
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    minutes: Mapped[int | None] = mapped_column(Integer)
    done_on: Mapped[date | None] = mapped_column(Date)
    done_month: Mapped[int | None] = mapped_column(Integer)  # of that day, as `sql_dates.month_key` gives it
    done_time: Mapped[str | None] = mapped_column(String(5))
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    recorded_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    told_after: Mapped[int | None] = mapped_column(Integer)
    done_by_id: Mapped[int | None] = mapped_column(Id)
    team_id: Mapped[int | None] = mapped_column(Id)
    outcome_id: Mapped[int | None] = mapped_column(Id)
    outcome_note: Mapped[str] = mapped_column(Text, default="")
    account_id: Mapped[int | None] = mapped_column(Id)
    contact_id: Mapped[int | None] = mapped_column(Id)
    deal_id: Mapped[int | None] = mapped_column(Id)
    lead_id: Mapped[int | None] = mapped_column(Id)
    place: Mapped[str] = mapped_column(String(200), default="")
    members: Mapped[str] = mapped_column(String(400), default="")  # "12,15"
    remind_minutes: Mapped[int | None] = mapped_column(Integer)  # before `due_at`
    remind_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    reminded_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    repeat: Mapped[str | None] = mapped_column(String(10))
    repeat_until: Mapped[date | None] = mapped_column(Date)
    series_id: Mapped[str] = mapped_column(String(36), default="")  # of those that repeat each other
    repeat_from: Mapped[date | None] = mapped_column(Date)  # the day on which the series began
    repeat_no: Mapped[int] = mapped_column(Integer, default=0)  # so many steps after that day
    repeated: Mapped[bool] = mapped_column(Boolean, default=False)  # the next of the series is there
    source: Mapped[str] = mapped_column(String(10), default="web")  # web, import, api, demo, mail
    external_id: Mapped[str | None] = mapped_column(String(120))


# What the rows of those who take part repeat of the activity, once it is done: who did it, in which team, when, what, with whom.
# Figures by person and by team are counted from these rows alone.
OF_ACTIVITY = {
    **{name: name for name in ("done_month", "done_on", "done_by_id", "kind", "type_id", "outcome_id", "account_id", "told_after")},
    "done_team_id": "team_id",
}


class ActivityMember(CompanyScoped, db.Model):
    """A colleague who takes part beside the owner: the activity is one, and counts for each of them.

    `team_id` is theirs on the day it was done; the columns of `OF_ACTIVITY` are those of the activity.
    """

    __tablename__ = "crm_activity_member"
    __called__ = _l("Participant of an activity")
    __constraints__ = (
        same_company("activity_id", "crm_activity.id"),
        same_company("member_id", "core_membership.id"),
        same_company("team_id", "core_team.id"),
        UniqueConstraint("company_id", "activity_id", "member_id"),
        Index(None, "company_id", "member_id"),
        same_company("account_id", "contacts_account.id"),  # so that it follows when accounts are merged
        Index(
            "ix_crm_activity_member_done",
            *("company_id", "done_month", "member_id", "kind", "outcome_id", "type_id", "team_id", "account_id"),
            *("told_after", "done_by_id", "done_team_id", "done_on", "activity_id"),
        ),
    )
    __silent__: ClassVar = tuple(OF_ACTIVITY)  # the log of the activity says them

    activity_id: Mapped[int] = mapped_column(Id)
    member_id: Mapped[int] = mapped_column(Id)
    team_id: Mapped[int | None] = mapped_column(Id)
    done_month: Mapped[int | None] = mapped_column(Integer)
    done_on: Mapped[date | None] = mapped_column(Date)
    done_by_id: Mapped[int | None] = mapped_column(Id)
    done_team_id: Mapped[int | None] = mapped_column(Id)
    kind: Mapped[str | None] = mapped_column(String(10))
    type_id: Mapped[int | None] = mapped_column(Id)
    outcome_id: Mapped[int | None] = mapped_column(Id)
    account_id: Mapped[int | None] = mapped_column(Id)
    told_after: Mapped[int | None] = mapped_column(Integer)
