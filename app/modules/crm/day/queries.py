"""What a rep has to do: activities and deals that ask for something today. Column rows; a fixed number of statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, false, func, or_, select

from app.core.clock import today
from app.core.db import db
from app.modules.crm.activities.models import PLANNED, Activity
from app.modules.crm.day.whose import Whose
from app.modules.crm.leads.models import NEW, Lead
from app.modules.crm.models import CLOSED, LOST, OPEN, WON, Deal, Stage

SHOWN, MOST = 8, 200  # rows of a section at first, and when all are asked for
LATE, TODAY, CLOSING, ROTTING, LOOSE, LEADS = "late", "today", "closing", "rotting", "loose", "leads"
ACTIVITIES = (LATE, TODAY)
DEALS = (CLOSING, ROTTING, LOOSE)

ACTIVITY_COLUMNS = (
    *(Activity.id, Activity.version, Activity.kind, Activity.subject, Activity.due_on, Activity.due_at, Activity.due_time),
    *(Activity.owner_id, Activity.account_id, Activity.contact_id, Activity.deal_id, Activity.lead_id, Activity.place),
)
DEAL_COLUMNS = (
    *(Deal.id, Deal.version, Deal.name, Deal.account_id, Deal.contact_id, Deal.owner_id, Deal.amount_minor, Deal.currency),
    *(Deal.expected_close, Deal.entered_on, Deal.stage_id, Deal.pipeline_id),
    *(Stage.name.label("stage"), Stage.probability, Stage.rotting_days),
)
LEAD_COLUMNS = (Lead.id, Lead.version, Lead.name, Lead.organisation, Lead.phone, Lead.opened_on, Lead.owner_id)


@dataclass
class Found:
    """The rows of a section, and how many there are in all."""

    rows: Sequence[Row[Any]] = field(default_factory=list)
    count: int = 0


def week_end(day: date) -> date:
    """The Sunday of a week."""
    return day + timedelta(days=6 - day.weekday())


def section(name: str, whose: Whose, limit: int) -> Found:
    """The rows of a section, at most `limit`, and their number. Two or three statements."""
    if name in ACTIVITIES:
        return _activities(name, whose, limit)
    return _deals(name, whose, limit) if name in DEALS else _leads(whose, limit)


def _activities(name: str, whose: Whose, limit: int) -> Found:
    due = Activity.due_on < today() if name == LATE else Activity.due_on == today()
    wanted = (Activity.state == PLANNED, due, whose.takes_part())
    rows = select(*ACTIVITY_COLUMNS).where(*wanted).order_by(Activity.due_on, Activity.due_at.nulls_last(), Activity.id)
    return _found(rows, select(func.count(Activity.id)).where(*wanted), limit)


def _deals(name: str, whose: Whose, limit: int) -> Found:
    wanted = [Deal.state == OPEN, whose.owns(Deal.owner_id)]
    day = today()
    order: tuple[Any, ...] = (Deal.entered_on, Deal.id)
    if name == CLOSING:
        # Those of this week first, then those that should have been closed before, the latest first.
        monday = day - timedelta(days=day.weekday())
        wanted.append(Deal.expected_close <= week_end(day))
        missed = case((Deal.expected_close < monday, 1), else_=0)
        near = case((Deal.expected_close < monday, 0), else_=func.coalesce(Deal.amount_minor, 0))
        order = (missed, case((Deal.expected_close < monday, None), else_=Deal.expected_close), near.desc(),
                 Deal.expected_close.desc(), Deal.id)
    elif name == ROTTING:
        wanted.append(rotting(day))
    else:
        planned = select(Activity.id).where(Activity.deal_id == Deal.id, Activity.state == PLANNED)
        wanted.append(~planned.exists())
        order = (func.coalesce(Deal.amount_minor, 0).desc(), Deal.id)
    place = and_(Stage.id == Deal.stage_id, Stage.company_id == Deal.company_id)
    rows = select(*DEAL_COLUMNS).join(Stage, place).where(*wanted).order_by(*order)
    return _found(rows, select(func.count(Deal.id)).where(*wanted), limit)


def rotting(day: date) -> ColumnElement[bool]:
    """Criterion: a deal has been in its stage for longer than is usual there. One statement asks how long that is."""
    limits = db.session.execute(select(Stage.id, Stage.rotting_days).where(Stage.type == OPEN, Stage.rotting_days.is_not(None)))
    old = [and_(Deal.stage_id == s.id, Deal.entered_on < day - timedelta(days=s.rotting_days)) for s in limits]
    return or_(false(), *old)


def _leads(whose: Whose, limit: int) -> Found:
    wanted = (Lead.state == NEW, whose.owns(Lead.owner_id))
    rows = select(*LEAD_COLUMNS).where(*wanted).order_by(Lead.opened_on, Lead.id)
    return _found(rows, select(func.count(Lead.id)).where(*wanted), limit)


def _found(rows: Any, count: Select[Any], limit: int) -> Found:
    found = db.session.execute(rows.limit(limit + 1)).all()
    return Found(found[:limit], len(found) if len(found) <= limit else db.session.scalar(count) or 0)


def closing_stages(pipelines: set[int]) -> dict[tuple[int, str], int]:
    """The first stage that wins and the first that loses, by pipeline: (pipeline, type) -> stage. One statement."""
    stages = select(Stage.id, Stage.pipeline_id, Stage.type).where(Stage.pipeline_id.in_(pipelines), Stage.type.in_(CLOSED))
    found: dict[tuple[int, str], int] = {}
    for row in db.session.execute(stages.order_by(Stage.position, Stage.id)):
        if row.type in (WON, LOST):
            found.setdefault((row.pipeline_id, row.type), row.id)
    return found
