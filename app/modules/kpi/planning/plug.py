"""What planning plugs in."""

from __future__ import annotations

from app.core.hooks import Hooks, Item
from app.core.i18n import _l
from app.modules.kpi.planning import share_views, views  # noqa: F401  # its pages

hooks = Hooks(
    items=(
        Item(slot="nav", label=_l("Plan a period"), endpoint="kpi.planner", permission="kpi.goal.agree", icon="table", order=25),
        Item(slot="kpi.goal.actions", label=_l("Share out"), endpoint="kpi.goal_share", permission="kpi.goal.agree", icon="sitemap", order=20),
    ),
)
