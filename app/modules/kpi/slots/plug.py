"""What goals plug into pages of the CRM."""

from __future__ import annotations

from app.core.hooks import Hooks, Item
from app.core.i18n import _l
from app.modules.kpi.slots import views  # noqa: F401  # its pages

hooks = Hooks(
    items=(
        Item(slot="crm.board.top", label=_l("My goals"), endpoint="kpi.board_goals", permission="kpi.goal.view", icon="target"),
        Item(slot="crm.day.panels", label=_l("My goals"), endpoint="kpi.day_goals", permission="kpi.goal.view", icon="target"),
    ),
)
