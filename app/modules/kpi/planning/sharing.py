"""Sharing a goal out: to the people of a team, to teams, or over the quarters and months of its period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from app.core.clock import today
from app.core.db import db
from app.core.errors import BusinessError
from app.core.formats import colour, initials
from app.core.i18n import _, _l
from app.core.lookups import MEMBER as PERSON
from app.core.lookups import labels
from app.core.metrics import Metric, MetricQuery, evaluate, metrics
from app.core.models import Team
from app.modules.kpi.goals.services import change_goal
from app.modules.kpi.models import BAND, COMPANY, MEMBER, MONTH, QUARTER, TEAM, YEAR, Goal
from app.modules.kpi.planning.grid import TEAM_ROW, Cell, Column, Grid, Row, draft, show
from app.modules.kpi.planning.past import Past, pasts
from app.modules.kpi.planning.people import members_of, teams
from app.modules.kpi.planning.periods import Period, moved
from app.modules.kpi.planning.plan import About, about_of, existing, frozen
from app.modules.kpi.planning.serving import Serving
from app.modules.kpi.planning.targets import SHARE, percents
from app.modules.kpi.progress.history import months_before
from app.modules.kpi.progress.measure import accrues, plain, query_of, question, refusal, teams_of
from app.modules.kpi.quantities import Given, shown

PEOPLE, TEAMS, QUARTERS, MONTHS = "people", "teams", "quarters", "months"
WAYS: Mapping[str, Any] = {PEOPLE: _l("To people"), TEAMS: _l("To teams"), QUARTERS: _l("To quarters"), MONTHS: _l("To months")}
KINDS = {QUARTERS: QUARTER, MONTHS: MONTH}
LONGER = {QUARTER: (YEAR,), MONTH: (YEAR, QUARTER)}  # periods that are made of whole ones
MONTHS_OF_YEAR = 12
ONE_DAY = timedelta(days=1)


def ways(goal: Goal) -> list[str]:
    """How a goal can be shared out, the usual way first."""
    metric = metrics().get(goal.metric)
    if metric is None or goal.direction == BAND:
        return []
    found = []
    if goal.scope == COMPANY and "team" in metric.dimensions and _teams_under(goal):
        found.append(TEAMS)
    if goal.scope != MEMBER and "owner" in metric.dimensions:
        found.append(PEOPLE)
    if goal.scope == TEAM and "team" in metric.dimensions and _teams_under(goal):
        found.append(TEAMS)
    if accrues(metric) and "month" in metric.dimensions:
        found += [way for way, kind in KINDS.items() if goal.period in LONGER[kind]]
    return found


def shares(goal: Goal, way: str) -> Grid:
    """The parts of a goal as a grid of one column; its first row is the goal itself. Raises `BusinessError`."""
    metric = metrics().get(goal.metric)
    if metric is None or way not in ways(goal):
        raise BusinessError(_("This goal cannot be shared out that way."))
    column = Column(0, metric, weight="0", weight_shown="0", quota=goal.is_quota, rule=SHARE, amount="")
    top = Row(TEAM_ROW, goal.name, goal.owner_id, [Cell(f"0-{TEAM_ROW}", about_of(goal), goal.period, fixed=True)])
    rows = _periods(goal, KINDS[way]) if way in KINDS else _teams(goal) if way == TEAMS else _people(goal)
    if not column.adds_up and way not in KINDS:
        column.rule, column.amount = "same", ""
    found = Grid(Team(id=0, name=""), Period(goal.period, goal.first_day, goal.last_day), [column], [top, *rows], Serving((), ()))
    show(top.cells[0], goal)
    there = existing([row.cells[0].about for row in rows])
    for row in rows:
        show(row.cells[0], there.get(row.cells[0].about))
    _tell_past(goal, metric, way, found)
    return found


def curve_of(grid: Grid) -> list[Decimal]:
    """The shares of months in percent, as the targets of the rows stand to each other."""
    values = [cell.given.value if isinstance(cell.given, Given) else None for cell in grid.column(0)]
    if not any(values):
        raise BusinessError(_("Write the shares of the months first."))
    return percents(values)


def keep_curve(goal: Goal, shares_: Sequence[Decimal], reason: str) -> Goal:
    """Let the pace of a goal follow the shares of its months. Raises `BusinessError`."""
    return change_goal(goal, {"curve": [float(each) for each in shares_]}, reason)


def defaults(goal: Goal) -> dict[str, Any]:
    """What the parts of a goal have from it."""
    return {"direction": goal.direction, "grade": goal.grade, "is_quota": goal.is_quota, "cadence": goal.cadence}


def _people(goal: Goal) -> list[Row]:
    within = teams_of(goal) if goal.scope == TEAM else [team.id for team in teams()]
    day = max(goal.first_day, min(goal.last_day, today()))
    return [_row(goal, str(one.id), one.name, one.id, MEMBER, one.id) for one in members_of(within, day)]


def _teams(goal: Goal) -> list[Row]:
    return [_row(goal, str(team.id), team.name, team.manager_id, TEAM, team.id) for team in _teams_under(goal)]


def _teams_under(goal: Goal) -> list[Team]:
    """The teams right below a team; of a company its topmost, or what is below a single one that holds all others."""
    known = list(db.session.scalars(select(Team).order_by(Team.name_key), execution_options={"all_rows": True}))
    if goal.scope == TEAM:
        return [team for team in known if team.parent_id == goal.team_id]
    top = [team for team in known if team.parent_id is None]
    below = [team for team in known if len(top) == 1 and team.parent_id == top[0].id]
    return below or top


def _periods(goal: Goal, kind: str) -> list[Row]:
    whose = labels(PERSON, [goal.owner_id]).get(goal.owner_id or 0, "") if goal.scope == MEMBER else ""
    if goal.scope == TEAM:
        whose = labels("admin.team", [goal.team_id]).get(goal.team_id or 0, "")
    rows, at = [], goal.first_day
    while at <= goal.last_day:
        one = moved(kind, at, 0)
        who = goal.owner_id if goal.scope == MEMBER else goal.team_id if goal.scope == TEAM else None
        about = About(goal.scope, who, goal.metric, one.first, one.last, frozen(goal.filters))
        rows.append(Row(one.first.isoformat(), one.label, goal.owner_id, [Cell(f"0-{one.first.isoformat()}", about, kind)], of=whose or _("the company")))
        at = one.last + ONE_DAY
    return rows


def _row(goal: Goal, key: str, name: str, owner_id: int | None, scope: str, who: int) -> Row:
    about = About(scope, who, goal.metric, goal.first_day, goal.last_day, frozen(goal.filters))
    return Row(key, name, owner_id, [Cell(f"0-{key}", about, goal.period)], initials=initials(name), colour=colour(who))


def _tell_past(goal: Goal, metric: Metric, way: str, grid: Grid) -> None:
    cells = grid.column(0)
    found = _by_month(goal, metric, cells) if way in KINDS else pasts(metric, [draft(cell) for cell in cells])
    for cell, past in zip(cells, found, strict=True):
        cell.past, unit = past, metric.unit
        cell.last, cell.year = shown(past.last, unit), shown(past.year, unit)


def _by_month(goal: Goal, metric: Metric, cells: Sequence[Cell]) -> list[Past]:
    """What the goal's own figure was in the same parts of the year before, from one statement by month."""
    first, last = months_before(goal.first_day, MONTHS_OF_YEAR), goal.first_day - ONE_DAY
    if refusal(goal, metric) or first > today():
        return [Past() for _cell in cells]
    query = query_of(question(goal, last, first), "month")
    if goal.scope == MEMBER:
        query = MetricQuery(start=query.start, end=query.end, by=query.by, filters={**query.filters, "owner": goal.owner_id})
    rows = {row.keys["month"]: plain(row.value) or Decimal(0) for row in evaluate(metric.id, query).rows}
    return [Past(year=sum((rows.get(month - MONTHS_OF_YEAR, Decimal(0)) for month in _months(cell.about)), Decimal(0))) for cell in cells]


def _months(about: About) -> range:
    """The months of a part as the registry counts them."""
    return range(_count(about.first), _count(about.last) + 1)


def _count(at: date) -> int:
    return at.year * MONTHS_OF_YEAR + at.month - 1


