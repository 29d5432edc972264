"""What the forecast plugs in."""

from __future__ import annotations

from app.core.hooks import Hooks, Item
from app.core.i18n import _l
from app.modules.crm.forecast import demo, views

hooks = Hooks(
    items=(
        Item(slot="nav", label=_l("Forecast"), endpoint=f"crm.{views.forecast.__name__}", permission="crm.deal.view",
             icon="calendar-stats", order=40),
    ),
    demo=demo.fill,
)
