"""What own metrics plug in."""

from __future__ import annotations

from app.core.hooks import Hooks, Schedule
from app.modules.kpi.own import views
from app.modules.kpi.own.due import remind_values
from app.modules.kpi.own.made import company_metrics
from app.modules.kpi.own.resources import own_metric, value

# Told here, as pages are made of resources and not the other way round.
own_metric.surfaces = {"new": views.new, "edit": views.edit, "record": views.record}

hooks = Hooks(
    resources=(own_metric, value),
    company_metrics=company_metrics,
    jobs={"kpi.remind_values": remind_values},
    schedules=(Schedule(job="kpi.remind_values", every_minutes=24 * 60),),
)
