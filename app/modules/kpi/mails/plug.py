"""What alerts and letters plug in."""

from __future__ import annotations

from app.core.hooks import Hooks, Schedule
from app.modules.kpi.mails.watch import watch
from app.modules.kpi.mails.weekly import letter, weekly

DAY, HOUR = 24 * 60, 60

hooks = Hooks(
    jobs={"kpi.watch": watch, "kpi.weekly": weekly, "kpi.letter": letter},
    schedules=(Schedule(job="kpi.watch", every_minutes=DAY), Schedule(job="kpi.weekly", every_minutes=HOUR)),
)
