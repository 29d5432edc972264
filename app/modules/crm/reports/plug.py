"""What the reports plug in."""

from __future__ import annotations

from app.core.hooks import Hooks, Item
from app.core.i18n import _l
from app.modules.crm.reports import figures, views

hooks = Hooks(
    metrics=figures.METRICS,
    permissions={views.VIEW: _l("See reports")},
    grants={"manager": (views.VIEW,), "rep": (views.VIEW,)},
    items=(
        Item(slot="nav", label=_l("Reports"), endpoint="crm.report_list", permission=views.VIEW, icon="chart-bar", order=60),
    ),
)
