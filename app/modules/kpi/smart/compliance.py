"""SMART compliance (m58): how many of the running goals the check would not hold back.

No metric of the registry: what the rules find cannot be put into one select, and nothing about it is stored on goals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from app.modules.kpi.models import ACTIVE, Goal
from app.modules.kpi.smart.check import check
from app.modules.kpi.smart.findings import BLOCK, Finding


@dataclass(frozen=True)
class Compliance:
    """So many of `n` active goals break no rule that blocks; `share` is None where there are none."""

    passed: int
    n: int

    @property
    def share(self) -> Decimal | None:
        return Decimal(self.passed) / self.n if self.n else None


def compliance(goals: Iterable[Goal], found: Mapping[int, list[Finding]] | None = None) -> Compliance:
    """m58 of active goals, retrospective ones left out; `found` is what `check` said of them, where that is known."""
    active = [goal for goal in goals if goal.state == ACTIVE and not goal.retrospective]
    told = check(active) if found is None else found
    return Compliance(sum(all(f.severity != BLOCK for f in told[goal.id]) for goal in active), len(active))
