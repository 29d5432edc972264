"""What own metrics plug in."""

from __future__ import annotations

from app.core.hooks import Hooks, Item
from app.core.i18n import _l
from app.modules.kpi.own.made import company_metrics
from app.modules.kpi.own.resources import own_metric, value

hooks = Hooks(
    resources=(own_metric, value),
    company_metrics=company_metrics,
    items=(
        Item(slot="nav", label=_l("Metrics"), endpoint="kpi.metric_list", permission="kpi.metric.view", icon="math-function",
             order=60),
    ),
)
