"""Pivots that people of the demo company have kept: three for everybody, one of a rep's own."""

from __future__ import annotations

from sqlalchemy import select

from app.core.db import db
from app.core.demo import DemoPlan
from app.core.models import Membership
from app.modules.crm.pivot.models import SavedPivot

SHARED = {
    "Ventas por equipo y trimestre": {"measure": "crm.won_amount", "rows": "team", "rows2": "owner", "columns": "quarter"},
    "Por qué se pierde, por equipo": {"measure": "crm.lost_count", "rows": "reason", "columns": "team", "show": "column", "sort": "value"},
    "Actividades por persona": {"measure": "crm.activities_done", "rows": "owner", "columns": "kind", "period": "this-quarter"},
}
OWN = {"Mis ventas por origen": {"measure": "crm.won_amount", "rows": "source", "columns": "quarter", "sort": "value"}}


def fill(plan: DemoPlan) -> None:
    """The first member of the company shares, the first rep keeps one for themselves."""
    first = db.session.scalar(select(Membership.id).order_by(Membership.id).limit(1))
    if first and plan.reps:
        db.session.add_all(SavedPivot(member_id=first, name=name, shared=True, args=args) for name, args in SHARED.items())
        db.session.add_all(SavedPivot(member_id=plan.reps[0].id, name=name, shared=False, args=args) for name, args in OWN.items())
        db.session.flush()
