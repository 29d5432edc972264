"""What was done for the leads of the demo company: a first call or e-mail, and the next one with those in hand."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from flask import g
from sqlalchemy import select

from app.core.clock import company_zone
from app.core.db import db
from app.core.demo import DemoPlan
from app.modules.crm.activities.bulk import import_activities
from app.modules.crm.activities.models import CALL, EMAIL, ActivityOutcome, ActivityType
from app.modules.crm.leads.models import NEW, WORKING, Lead

REACHED = {CALL: 0.6, EMAIL: 0.5}


def fill(plan: DemoPlan) -> None:
    """First contacts soon after the leads came in; for most of those in hand something is planned."""
    types = {t.kind: t.id for t in db.session.scalars(select(ActivityType).order_by(ActivityType.position.desc()))}
    outcomes = list(db.session.scalars(select(ActivityOutcome).where(~ActivityOutcome.cancelled).order_by(ActivityOutcome.position)))
    rows: list[dict[str, Any]] = []
    for lead in db.session.execute(select(Lead.id, Lead.owner_id, Lead.opened_on, Lead.state).where(Lead.state != NEW).order_by(Lead.id)):
        kind = CALL if plan.random.random() < 0.75 else EMAIL
        said = plan.random.random() < REACHED[kind]
        fitting = [o.id for o in outcomes if o.reached == said and (not o.kinds or kind in o.kinds.split(","))]
        day = _workday(lead.opened_on + timedelta(days=plan.random.choice((1, 1, 1, 2, 3, 6))))
        row = {"type_id": types[kind], "owner_id": lead.owner_id, "lead_id": lead.id}
        hour = time(plan.random.choice((9, 10, 12, 16)), plan.random.choice((0, 15, 30, 45)))
        if day < plan.today:
            rows.append({**row, "subject": "Primer contacto", "due_on": day, "done_on": day, "done_time": hour, "recorded_at": datetime.combine(day, hour, tzinfo=company_zone()),
                         "outcome_id": plan.random.choice(fitting) if fitting else None})  # fmt: skip
        if lead.state == WORKING and plan.random.random() < 0.7:
            due = _workday(plan.today + timedelta(days=plan.random.randrange(0, 8)))
            rows.append({**row, "subject": "Ver si les encaja una visita", "due_on": due})
    for rep in plan.reps:
        g.actor_id = rep.id
        import_activities([row for row in rows if row["owner_id"] == rep.id], source="demo")
    g.actor_id = None


def _workday(day: date) -> date:
    return day + timedelta(days=7 - day.weekday()) if day.weekday() > 4 else day
