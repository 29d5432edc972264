"""The sums in the heads of the board's columns: metrics of the registry, asked for together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import g

from app.core.figures import NO_RATE
from app.core.metrics import MetricQuery, evaluate_together
from app.core.money import Money

SUMS = ("crm.open_amount", "crm.weighted_pipeline", "crm.open_count")


@dataclass(frozen=True)
class StageSum:
    """What stands in the head of a board's column."""

    count: int
    amount: Money
    weighted: Money


def board_sums(filters: Mapping[str, Any]) -> tuple[dict[int, StageSum], int]:
    """Stage id -> count, sum and weighted sum of the open deals that the person may open, in one statement; and
    how many deals the sums leave out for want of an exchange rate.

    `filters` as in `MetricQuery.filters`: owner, team, account, stage, pipeline, product (a key, None for "has none",
    or several keys), `text`, and `expected_from` and `expected_to` (dates, inclusive). These are the selects of the
    metrics `crm.open_count`, `crm.open_amount` and `crm.weighted_pipeline`, split by stage. A stage without deals is
    missing.
    """
    query = MetricQuery(by=("stage",), filters=filters)
    nothing = Money(0, g.company.currency)
    found = evaluate_together(SUMS, query, visible_rows=True, named=False)
    amounts, weighted, counts = ({row.keys["stage"]: row.value for row in figure.rows} for figure in found)
    sums = {
        stage: StageSum(n, amounts.get(stage, nothing), weighted.get(stage, nothing))  # type: ignore[arg-type]
        for stage, n in counts.items()
    }
    return sums, found[0].excluded[NO_RATE]
