"""What the vision plugs in."""

from __future__ import annotations

from app.core.hooks import Hooks, Item
from app.core.i18n import _l
from app.modules.kpi.vision import views
from app.modules.kpi.vision.alignment import METRIC
from app.modules.kpi.vision.resources import objective

hooks = Hooks(
    resources=(objective,),
    metrics=(METRIC,),
    items=(
        Item(slot="nav", label=_l("Vision"), endpoint="kpi.vision",
             permission=views.VIEW, icon="binoculars", order=50),
    ),
)
