"""What people call the kinds of activity."""

from __future__ import annotations

from app.core.i18n import _l
from app.modules.crm.activities.models import CALL, EMAIL, MEETING, TASK, VISIT

KINDS = {CALL: _l("Call"), EMAIL: _l("E-mail"), VISIT: _l("Visit"), MEETING: _l("Meeting"), TASK: _l("Task")}
