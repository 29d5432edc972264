"""What the calendar plugs in."""

from __future__ import annotations

from app.core.hooks import Hooks, Item, Schedule
from app.core.i18n import _l
from app.modules.crm.calendar import (
    models,  # noqa: F401  # its tables
    services,
    views,  # noqa: F401  # its pages
)
from app.modules.crm.calendar.site_views import blueprint as site_blueprint

hooks = Hooks(
    site_blueprint=site_blueprint,
    items=(
        Item(slot="nav", label=_l("Calendar"), endpoint="crm.calendar", permission="crm.activity.view", icon="calendar",
             order=2),
    ),
    jobs={"crm.remind": services.remind},
    schedules=(Schedule(job="crm.remind", every_minutes=5),),
)
