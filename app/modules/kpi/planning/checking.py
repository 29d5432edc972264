"""What the SMART check says of a plan, and what else its people are to reach: both for all cells at once."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import func, select

from app.core.db import db
from app.core.errors import BusinessError
from app.modules.kpi import aims
from app.modules.kpi.models import ACTIVE, MEMBER, MONTH, Goal
from app.modules.kpi.planning.cells import columns_of
from app.modules.kpi.planning.grid import Cell, Column, Grid, draft, named
from app.modules.kpi.planning.plan import OPEN, milestone
from app.modules.kpi.progress.baselines import baselines_of
from app.modules.kpi.smart.check import check


def look(grid: Grid) -> None:
    """Have every cell that holds a target checked as it would be saved; goals that run have passed already."""
    seen: dict[int, Cell] = {}
    fresh, goals = [], []
    for cell in grid.cells():
        if cell.given is None or cell.mistake or not cell.editable:
            continue
        goal = as_planned(grid, cell)
        if goal is None:
            continue
        fresh.append(goal)
        goal.id = cell.goal.id if cell.goal is not None else -len(fresh)
        seen[goal.id] = cell
        goals.append(goal)
    for goal, baseline in zip(fresh, baselines_of(fresh), strict=True):
        for name, value in baseline.items():
            setattr(goal, name, value)
    found = check(goals)
    for goal_id, cell in seen.items():
        cell.findings = found.get(goal_id, [])


def as_planned(grid: Grid, cell: Cell) -> Goal | None:
    """A goal as a cell would save it, which belongs to no session; None where its target is of another kind."""
    column, there = grid.column_of(cell), cell.goal
    usual = aims.usual(column.metric) if there is None else {"direction": there.direction, "grade": there.grade}
    try:
        aim = columns_of(cell.given, column.metric, usual["direction"]) if cell.given else {}
    except BusinessError as error:
        cell.mistake = error.message
        return None
    goal = draft(cell)
    values: dict[str, Any] = {
        **usual, **aim, "name": there.name if there else named(grid, cell), "metric_version": column.metric.version,
        "owner_id": goal.owner_id or grid.row_of(cell).owner_id, "cadence": there.cadence if there else MONTH,
        "review_on": there.review_on if there else milestone(cell.about.first, cell.about.last),
        "weight": int(column.weight) if column.weight.isdigit() else 0, "is_quota": column.quota and column.unit == "money",
        "state": there.state if there else "draft", "excuse": there.excuse if there else "", "note": there.note if there else "",
        "retrospective": False, "edition": 1, "source": "web",
    }  # fmt: skip
    for name, value in values.items():
        setattr(goal, name, value)
    _serve(grid, column, cell, goal)
    return goal


def other_weights(grid: Grid) -> dict[int, int]:
    """What weighs for each person in these days besides the plan: member -> percent."""
    inside: Collection[int] = {cell.goal.id for cell in grid.cells() if cell.goal is not None}
    owners = {row.owner_id for row in grid.rows if row.owner_id is not None}
    asked = select(Goal.owner_id, func.sum(Goal.weight)).where(
        Goal.owner_id.in_(owners), Goal.scope == MEMBER, Goal.state.in_((*OPEN, ACTIVE)), Goal.id.not_in(inside),
        Goal.first_day <= grid.period.last, Goal.last_day >= grid.period.first,
    )  # fmt: skip
    return {owner: int(total or 0) for owner, total in db.session.execute(asked.group_by(Goal.owner_id)) if owner}


def _serve(grid: Grid, column: Column, cell: Cell, goal: Goal) -> None:
    team = grid.team_row.cells[column.place]
    if cell is not team and team.given is not None:
        # A team's goal that is not stored yet has no number: what it serves stands for it, else the one there is.
        goal.parent_id = team.goal.id if team.goal is not None else None
    if goal.parent_id is None:
        goal.parent_id, goal.objective_id = grid.serving.links(column.serves)
