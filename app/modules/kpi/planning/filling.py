"""Filling a column of the planner by its rule, in one click."""

from __future__ import annotations

from decimal import Decimal

from app.core.errors import BusinessError
from app.core.fields import FieldError
from app.core.i18n import _
from app.core.metrics import Metric
from app.modules.kpi.planning.cells import Band, read, single
from app.modules.kpi.planning.grid import Column, Grid, put, target_in, write
from app.modules.kpi.planning.targets import (
    EQUAL,
    IN_PERCENT,
    LAST,
    OF_A_TOTAL,
    RULES,
    SAME,
    SHARE_LAST,
    risen,
    shared,
)
from app.modules.kpi.quantities import Given

MOST_PERCENT = 1000


def fill(grid: Grid, column: Column) -> None:
    """Put the targets that a column's rule gives into its cells; those that run stay, and an empty cell of the team gets the
    total that is shared. A band can be the same for all. What is wrong with the rule's number is the column's `mistake`."""
    cells = grid.column(column.place)
    try:
        if column.rule == SAME and isinstance(read(column.amount), Band):
            for cell in cells:
                if cell.editable:
                    write(cell, column.amount)
            return
        number = _number(grid, column)
    except (FieldError, BusinessError) as error:
        column.mistake = str(error)
        return
    if column.rule in IN_PERCENT:
        values = [cell.past.last if column.rule == LAST else cell.past.year for cell in cells]
        found = risen(values, number, column.unit)
    elif column.rule == SAME:
        found = [number] * len(cells)
    else:
        found = list(_shares(grid, column, number))
    for cell, value in zip(cells, found, strict=True):
        if column.rule == SAME or not isinstance(cell.given, Band):  # a band is neither raised nor shared
            put(cell, value, column.unit)
    team = grid.team_row.cells[column.place]
    if column.rule in OF_A_TOTAL and column.for_team and team.editable and team.given is None:
        put(team, number, column.unit)


def _shares(grid: Grid, column: Column, total: Decimal) -> list[Decimal]:
    """What the goals that run leave of a total, shared among the others."""
    cells = grid.column(column.place)
    taken = sum((target_in(cell, column.metric) or Decimal(0) for cell in cells if not cell.editable), Decimal(0))
    rest = max(total - taken, Decimal(0))
    evenly: list[Decimal | None] = [Decimal(cell.editable) for cell in cells]
    years = [cell.past.year if cell.editable else None for cell in cells]
    before = [cell.past.last if cell.editable else None for cell in cells]
    tried = {EQUAL: (evenly,), SHARE_LAST: (before, years, evenly)}.get(column.rule, (years, before, evenly))
    return shared(rest, next((weights for weights in tried if any(weights)), evenly), column.unit)


def _number(grid: Grid, column: Column) -> Decimal:
    """The number of a rule: percents, a target, or a total, which is the team's where none is written."""
    if column.rule not in RULES:
        raise BusinessError(_("Choose a rule."))
    if column.rule in OF_A_TOTAL and not column.adds_up:
        raise BusinessError(_("This figure does not add up over people: it has no total to share."))
    given = single(column.amount)
    if column.rule in IN_PERCENT:
        value = (given or Given(Decimal(0))).value
        if abs(value) > MOST_PERCENT:
            raise BusinessError(_("Percents from −%(most)s to %(most)s, please.", most=MOST_PERCENT))
        return value
    if given is not None:
        return _whole(given, column.metric)
    total = target_in(grid.team_row.cells[column.place], column.metric) if column.rule in OF_A_TOTAL else None
    if total is None and column.rule in OF_A_TOTAL:
        total = grid.serving.target_of(column.serves, column.metric.id, grid.period)
    if total is None:
        raise BusinessError(_("Write a number for the rule."))
    return total


def _whole(given: Given, metric: Metric) -> Decimal:
    return given.in_unit(metric.unit)[0]
