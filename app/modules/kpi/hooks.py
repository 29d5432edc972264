"""What the goals plug in."""

from __future__ import annotations

from app.core.hooks import Hooks, joined
from app.modules.kpi import demo
from app.modules.kpi.blueprint import blueprint
from app.modules.kpi.catalog.plug import hooks as catalog
from app.modules.kpi.dashboards.plug import hooks as dashboards
from app.modules.kpi.goals.plug import hooks as goals
from app.modules.kpi.mails.plug import hooks as mails
from app.modules.kpi.own.plug import hooks as own
from app.modules.kpi.planning.plug import hooks as planning
from app.modules.kpi.progress.plug import hooks as progress
from app.modules.kpi.revenue.plug import hooks as revenue
from app.modules.kpi.settings.plug import hooks as settings
from app.modules.kpi.slots.plug import hooks as slots
from app.modules.kpi.smart.plug import hooks as smart
from app.modules.kpi.vision.plug import hooks as vision

hooks = joined(
    Hooks(blueprint=blueprint), goals, own, catalog, vision, smart, progress, planning, revenue, dashboards, slots, mails, settings,
    Hooks(demo=demo.fill),
)  # fmt: skip
