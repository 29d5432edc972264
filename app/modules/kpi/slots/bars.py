"""The goals that a page of the CRM moves: whose figures are made of what is done there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import url_for

from app.core.access import me
from app.core.formats import day
from app.core.metrics import Metric, metrics
from app.modules.kpi.goals import labels, queries
from app.modules.kpi.goals.telling import tell
from app.modules.kpi.models import ACTIVE, COMPANY, LEADING, Goal

MOST_ON_BOARD, MOST_OF_DAY = 4, 8
CRM, DEAL = "crm", "deal"


def of_board() -> dict[str, Any]:
    """The reader's goals that a deal moves, results first; with none of their own the company's."""
    known = metrics()
    found = [goal for goal in _mine() if _is_of(goal, known, DEAL)]
    if not found:
        found = [goal for goal in queries.shared(me().member_id) if goal.scope == COMPANY and _is_of(goal, known, DEAL)]
    return _context(sorted(found, key=lambda goal: (goal.grade == LEADING, -goal.weight)), MOST_ON_BOARD)


def of_day() -> dict[str, Any]:
    """The reader's goals that a day's work moves, activities first: these are what today decides."""
    known = metrics()
    found = [goal for goal in _mine() if _is_of(goal, known)]
    return _context(sorted(found, key=lambda goal: (goal.grade != LEADING, goal.last_day)), MOST_OF_DAY)


def _mine() -> list[Goal]:
    return [goal for goal in queries.mine(me().member_id) if goal.state == ACTIVE]


def _is_of(goal: Goal, known: Mapping[str, Metric], grain: str = "") -> bool:
    """Whether the figure of a goal, or one that it is made of, is of the CRM, and of deals where that is asked."""
    metric = known.get(goal.metric)
    if metric is None:
        return False
    parts = [known[each] for each in metric.inputs if each in known] or [metric]
    return any(each.module == CRM and (not grain or each.grain == grain) for each in parts)


def _context(goals: list[Goal], most: int) -> dict[str, Any]:
    """Rows of goals; the number of statements does not grow with them."""
    shown = goals[:most]
    told, record = tell(shown), url_for("kpi.goal_record", row_id=0)[:-1]
    mine = me().member_id
    return {
        "rows": [
            {"id": goal.id, "name": goal.name, "url": f"{record}{goal.id}" if goal.owner_id == mine else None, "told": told[goal.id],
             "until": day(goal.last_day), "leading": goal.grade == LEADING, "scope": labels.SCOPES[goal.scope]}
            for goal in shown
        ],
        "more": len(goals) - len(shown),
        "all_url": url_for("kpi.my_goals"),
    }  # fmt: skip
