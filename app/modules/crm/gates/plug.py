"""What stage gates plug in."""

from __future__ import annotations

from app.core.hooks import Hooks, Item
from app.core.i18n import _l
from app.modules.crm.gates import demo

hooks = Hooks(
    items=(
        Item(slot="crm.stage.tabs", label=_l("Checklist"), endpoint="crm.stage_checks", permission="crm.stage.edit",
             icon="checklist", order=10),
        Item(slot="crm.pipeline.tabs", label=_l("Move deals"), endpoint="crm.pipeline_transfer",
             permission="crm.pipeline.edit", icon="route", order=10),
    ),
    demo=demo.fill,
)
