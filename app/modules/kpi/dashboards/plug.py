"""What dashboards plug in."""

from __future__ import annotations

from app.core.hooks import Hooks, Item
from app.core.i18n import _l
from app.modules.kpi.dashboards import editing, views  # noqa: F401  # their pages

hooks = Hooks(
    permissions={
        "kpi.dashboard.view": _l("See dashboards"),
        "kpi.dashboard.edit": _l("Make dashboards of one's own"),
        "kpi.dashboard.share": _l("Make dashboards for a team or the company"),
    },
    grants={
        "manager": ("kpi.dashboard.view", "kpi.dashboard.edit", "kpi.dashboard.share"),
        "rep": ("kpi.dashboard.view", "kpi.dashboard.edit"),
    },
    items=(
        Item(slot="nav", label=_l("Dashboards"), endpoint="kpi.dashboard_list", permission="kpi.dashboard.view", icon="layout-dashboard",
             order=5),
    ),
)
