"""What the page of metrics plugs in."""

from __future__ import annotations

from app.core.hooks import Hooks, Item
from app.core.i18n import _l
from app.modules.kpi.catalog import views  # noqa: F401  # its pages

hooks = Hooks(
    items=(
        Item(slot="nav", label=_l("Metrics"), endpoint="kpi.registry", permission="kpi.metric.view", icon="math-function", order=60),
    ),
)
