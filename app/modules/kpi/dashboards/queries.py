"""Reads of dashboards: which of them a person sees, and who may change one."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, or_, select

from app.core.access import can, me, teams_below
from app.core.db import db
from app.core.saved_views import is_admin
from app.modules.kpi.dashboards.models import Dashboard, Widget
from app.modules.kpi.models import COMPANY, TEAM

MOST = 50  # dashboards that one person sees
EVERYBODYS = {"all_rows": True}


def visible() -> Sequence[Dashboard]:
    """The person's own dashboards, then those shared with them, by name."""
    mine = Dashboard.owner_id == me().member_id
    rows = select(Dashboard).where(_seen()).order_by(mine.desc(), Dashboard.name_key, Dashboard.id).limit(MOST)
    return db.session.scalars(rows, execution_options=EVERYBODYS).all()


def seen(dashboard_id: int, for_update: bool = False) -> Dashboard | None:
    """A dashboard that the person sees; None where there is none."""
    asked = select(Dashboard).where(Dashboard.id == dashboard_id, _seen())
    return db.session.scalar(asked.with_for_update() if for_update else asked, execution_options=EVERYBODYS)


def widgets_of(dashboard_id: int) -> list[Widget]:
    """The widgets of a dashboard in their order."""
    asked = select(Widget).where(Widget.dashboard_id == dashboard_id).order_by(Widget.position, Widget.id)
    return list(db.session.scalars(asked))


def may_change(dashboard: Dashboard) -> bool:
    """Whether the person arranges a dashboard: who made it does, and admins those that are shared."""
    return dashboard.owner_id == me().member_id or (dashboard.shared and is_admin())


def may_share() -> bool:
    return can("kpi.dashboard.share")


def _seen() -> ColumnElement[bool]:
    teams = (Dashboard.audience == TEAM) & Dashboard.team_id.in_(sorted(teams_below(me().member_id)))
    whose = Dashboard.audience == COMPANY if not is_admin() else Dashboard.audience.in_((COMPANY, TEAM))
    return or_(Dashboard.owner_id == me().member_id, Dashboard.shared & or_(whose, teams))
