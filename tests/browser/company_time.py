"""What time it is where the companies of the tests are."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Madrid")


def now() -> datetime:
    return datetime.now(ZONE)


def today() -> date:
    return now().date()
