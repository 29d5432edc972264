"""What the pivot page plugs in."""

from __future__ import annotations

from app.core.hooks import Hooks, Item
from app.core.i18n import _l
from app.modules.crm.pivot import demo, views

hooks = Hooks(
    items=(
        Item(slot="nav", label=_l("Pivot"), endpoint=f"crm.{views.pivot.__name__}", permission="crm.report.view",
             icon="table", order=70),
    ),
    demo=demo.fill,
)
