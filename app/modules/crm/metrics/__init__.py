"""What the figures of the CRM mean. Each is one select; definitions and conventions: docs/metrics."""

from __future__ import annotations

from app.modules.crm.metrics import deals, funnel, qualified
from app.modules.crm.metrics.dimensions import DIMENSIONS

METRICS = (*deals.METRICS, *funnel.METRICS, *qualified.METRICS)

__all__ = ["DIMENSIONS", "METRICS"]
