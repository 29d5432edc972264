"""What the performance of sales against quotas plugs in."""

from __future__ import annotations

from app.core.hooks import Hooks, Item
from app.core.i18n import _l
from app.modules.kpi.revenue import views  # noqa: F401  # its page
from app.modules.kpi.revenue.figures import VIEW, company_metrics

hooks = Hooks(
    company_metrics=company_metrics,
    items=(Item(slot="nav", label=_l("Revenue"), endpoint="kpi.revenue", permission=VIEW, icon="chart-line", order=50),),
)
