"""What people call the outcomes of deals and the categories of the forecast."""

from __future__ import annotations

from app.core.i18n import _l
from app.modules.crm.models import BEST_CASE, COMMIT, DISCARDED, LOST, OMITTED, OPEN, PIPELINE, WON

STATES = {OPEN: _l("Open"), WON: _l("Won"), LOST: _l("Lost"), DISCARDED: _l("Discarded")}
CATEGORIES = {COMMIT: _l("Commit"), BEST_CASE: _l("Best case"), PIPELINE: _l("Pipeline"), OMITTED: _l("Omitted")}
