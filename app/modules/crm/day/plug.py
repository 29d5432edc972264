"""What a rep's day plugs in."""

from __future__ import annotations

from app.core.hooks import Hooks, Item
from app.core.i18n import _l
from app.modules.crm.day import views  # noqa: F401  # its pages

hooks = Hooks(
    # Panels of other modules at the side of the page; each loads by itself.
    slots=("crm.day.panels",),
    items=(
        Item(slot="nav", label=_l("My day"), endpoint="crm.day", permission="crm.activity.view", icon="sun", order=1),
    ),
)
