"""The grid of the planner: people down, figures across, a target in each cell; what it shows and what is read from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from flask import g

from app.core.access import can
from app.core.fields import FieldError
from app.core.formats import colour, initials, percent
from app.core.i18n import _
from app.core.metrics import Metric, metrics
from app.core.models import Membership, Team
from app.modules.kpi.goals.telling import target_of
from app.modules.kpi.models import MEMBER, TEAM, Goal
from app.modules.kpi.planning import cells
from app.modules.kpi.planning.cells import Aim, Band
from app.modules.kpi.planning.past import Past, pasts
from app.modules.kpi.planning.periods import Period, called
from app.modules.kpi.planning.plan import OPEN, About, Wanted, existing
from app.modules.kpi.planning.serving import Serving
from app.modules.kpi.progress.measure import accrues, converted
from app.modules.kpi.quantities import Given, Quantity, shown
from app.modules.kpi.smart.findings import BLOCK, LETTERS, WARN, Finding

MOST = 6
QUOTA = "crm.won_amount"
SUGGESTED = (QUOTA, "crm.follow_ups", "crm.pipeline_created", "crm.win_rate")
TEAM_ROW = "team"
WHOLE = 100


@dataclass
class Cell:
    """One goal that is there or could be. `text` is what its input holds, `given` the target or band read from it."""

    key: str  # "0-17": column and member; "0-team"
    about: About
    kind: str  # of its period
    past: Past = field(default_factory=Past)
    goal: Goal | None = None
    text: str = ""
    told: str = ""  # the target of the goal that is there, as people read it
    given: Aim | None = None
    mistake: str = ""
    seen: str = ""  # the goal and version that the page shows, "17:3"; empty for none
    theirs: str = ""  # what somebody else saved meanwhile
    held: str = ""  # why it could not be activated
    fixed: bool = False  # it is there to be looked at
    findings: Sequence[Finding] = ()
    last: str = ""
    year: str = ""

    @property
    def editable(self) -> bool:
        return not self.fixed and (self.goal is None or self.goal.state in OPEN)

    @property
    def letters(self) -> list[tuple[str, str, str]]:
        """The letters of the check that are not met: letter, "bad" or "warn", and the sentences."""
        found = []
        for letter in LETTERS:
            some = [f for f in self.findings if f.letter == letter and f.severity in (BLOCK, WARN)]
            if some:
                kind = "bad" if any(f.severity == BLOCK for f in some) else "warn"
                found.append((letter, kind, " ".join(f.sentence for f in some)))
        return found


@dataclass
class Column:
    """One figure, and what is decided for all who get a goal on it."""

    place: int
    metric: Metric
    weight: str = ""
    weight_shown: str = ""  # as the page had it, to see whether it was changed
    serves: str = ""
    quota: bool = False
    rule: str = "last"
    amount: str = "5"
    mistake: str = ""
    total: str = ""
    against: str = ""  # the team's goal, or the one that is served
    share: str = ""
    over: bool = False

    @property
    def unit(self) -> str:
        return self.metric.unit

    @property
    def adds_up(self) -> bool:
        """Whether the targets of people come to one of the team."""
        return self.metric.shape == "sum" and "owner" in self.metric.additive

    @property
    def for_team(self) -> bool:
        return "team" in self.metric.dimensions


@dataclass
class Row:
    """A person, or the team itself."""

    key: str
    name: str
    owner_id: int | None
    cells: list[Cell]
    weight: int = 0
    of: str = ""  # whose its goals are, where the row is called otherwise
    initials: str = ""
    colour: int = 1

    @property
    def whose(self) -> str:
        return self.of or self.name


@dataclass
class Grid:
    """All of it."""

    team: Team
    period: Period
    columns: list[Column]
    rows: list[Row]
    serving: Serving

    def cells(self) -> Iterator[Cell]:
        return (cell for row in self.rows for cell in row.cells)

    def column(self, place: int) -> list[Cell]:
        """The cells of people in a column; the team's own is not among them."""
        return [row.cells[place] for row in self.rows if row.key != TEAM_ROW]

    @property
    def team_row(self) -> Row:
        return self.rows[0]

    def row_of(self, cell: Cell) -> Row:
        return next(row for row in self.rows if row.key == cell.key.partition("-")[2])

    def column_of(self, cell: Cell) -> Column:
        return self.columns[int(cell.key.partition("-")[0])]


def chosen_metrics(asked: Sequence[str]) -> list[Metric]:
    """The figures that were asked for, else those that are suggested, else some that the company made itself; of all these
    the ones that the reader may see and plan."""
    known = plannable()
    found = [known[each] for each in dict.fromkeys(asked) if each in known]
    found = found or [known[each] for each in SUGGESTED if each in known]
    return (found or [known[each] for each in g.company_metrics if each in known][:3])[:MOST]


def plannable() -> dict[str, Metric]:
    """The figures that goals of people can be about, as far as the reader may see them."""
    return {m.id: m for m in metrics().values() if "owner" in m.dimensions and can(m.permission)}


def made(team: Team, people: Sequence[Membership], period: Period, chosen: Sequence[Metric], serving: Serving) -> Grid:
    """The grid as it is stored: goals that are there, what went before, and what else weighs."""
    columns = [_column(place, metric) for place, metric in enumerate(chosen)]
    rows = [_row(columns, TEAM_ROW, team.name, team.manager_id, TEAM, team.id, period)]
    rows += [_row(columns, str(one.id), one.name, one.id, MEMBER, one.id, period) for one in people]
    grid = Grid(team, period, columns, rows, serving)
    there = existing([cell.about for cell in grid.cells()])
    for cell in grid.cells():
        show(cell, there.get(cell.about))
    for column in columns:
        _tell_past(grid, column)
        _decide(grid, column)
    _share_weights(columns)
    return grid


def show(cell: Cell, goal: Goal | None) -> None:
    """Put a goal that is there into its cell."""
    cell.goal, cell.seen = goal, f"{goal.id}:{goal.version}" if goal is not None else ""
    if goal is not None:
        cell.told, cell.text, cell.given = target_of(goal), cells.typed(goal), cells.of(goal)


def read(grid: Grid, form: Mapping[str, Any], columns: Sequence[str]) -> None:
    """Put what a form says into the grid; its columns stood in the order of these metrics."""
    places = {metric: place for place, metric in enumerate(columns)}
    for column in grid.columns:
        was = places.get(column.metric.id)
        if was is None:
            continue
        for name in ("weight", "serves", "rule", "amount"):
            setattr(column, name, str(form.get(f"{name}-{was}", getattr(column, name))).strip())
        column.weight_shown = str(form.get(f"weighed-{was}", ""))
        column.quota = bool(form.get(f"quota-{was}"))
        if column.weight and not (column.weight.isdigit() and int(column.weight) <= WHOLE):
            column.mistake = _("A weight is a whole percentage from 0 to 100.")
        for row in grid.rows:
            cell = row.cells[column.place]
            if cell.editable and (text := form.get(f"t-{was}-{row.key}")) is not None:
                write(cell, str(text))
                # What the page had shown, not what is stored by now: else a change of somebody else would be lost unseen.
                cell.seen = str(form.get(f"g-{was}-{row.key}", ""))


def wanted(grid: Grid, form: Mapping[str, Any]) -> list[Wanted]:
    """What the cells want to be saved, the team's own first. Cells that hold nothing and show nothing want nothing."""
    places = {metric: place for place, metric in enumerate(grid_columns(form))}
    found = []
    for cell in grid.cells():
        column = grid.column_of(cell)
        was = places.get(column.metric.id)
        said = form.get(f"g-{was}-{cell.key.partition('-')[2]}")
        goal_id, _colon, version = str(said or "").partition(":")
        if said is None or (not goal_id and cell.given is None):
            continue
        found.append(Wanted(
            cell.key, cell.about, cell.kind, cell.given,
            int(goal_id) if goal_id.isdigit() else None, int(version) if version.isdigit() else None,
            more={"name": named(grid, cell), "weight": int(column.weight or 0)}, also=_also(grid, column, cell), below=_below(grid, cell),
        ))  # fmt: skip
    return found


def with_more(wanted: Wanted, more: Mapping[str, Any]) -> Wanted:
    """The same, with further fields for a goal that is made."""
    return replace(wanted, more={**wanted.more, **more})


def grid_columns(form: Any) -> list[str]:
    """The metrics in whose order a form's columns stood."""
    return list(form.getlist("col"))


def named(grid: Grid, cell: Cell) -> str:
    """The name of a goal that is made in a cell."""
    metric = grid.column_of(cell).metric
    return _("%(metric)s of %(who)s, %(period)s", metric=metric.label, who=grid.row_of(cell).whose, period=called(cell.kind, cell.about.first, cell.about.last))[:160]


def put(cell: Cell, value: Decimal | None, unit: str) -> None:
    """Fill a cell with a value in whole units of company currency; None leaves it as it is."""
    if value is not None and cell.editable:
        cell.text, cell.given, cell.mistake = cells.TARGET.typed(Quantity(value, unit)), Given(value), ""


def target_in(cell: Cell, metric: Metric) -> Decimal | None:
    """The target of a cell in whole units of company currency; None where there is none, a band, or no rate."""
    if cell.given is None or isinstance(cell.given, Band) or cell.mistake:
        return None
    value, currency = cell.given.in_unit(metric.unit)
    about = Goal(first_day=cell.about.first, currency=currency)
    return converted(about, value)


def sum_up(grid: Grid, others: Mapping[int, int]) -> None:
    """The feet of the columns, against the team's goal or the one that is served, and the weights of each person.

    `others` are the weights of what else runs for a person in these days.
    """
    for column in grid.columns:
        parts = [target_in(cell, column.metric) for cell in grid.column(column.place)]
        known = [part for part in parts if part is not None]
        team = grid.team_row.cells[column.place]
        whole = target_in(team, column.metric)
        if whole is None and column.adds_up:
            whole = grid.serving.target_of(column.serves, column.metric.id, grid.period)
        column.against = shown(whole, column.unit) if whole is not None else ""
        if column.adds_up and known:
            total = sum(known, Decimal(0))
            column.total = shown(total, column.unit)
            column.over = whole is not None and total > whole
            column.share = percent(total / whole) if whole else ""
    for row in grid.rows:
        mine = [_weight(column, cell) for column, cell in zip(grid.columns, row.cells, strict=True)]
        row.weight = sum(mine) + others.get(row.owner_id or 0, 0) * (row.key != TEAM_ROW)


def _weight(column: Column, cell: Cell) -> int:
    """What a cell's goal will weigh: what it does, unless another weight was written for all."""
    if cell.given is None and cell.editable:
        return 0
    if cell.goal is not None and (not cell.editable or column.weight == column.weight_shown):
        return cell.goal.weight
    return int(column.weight or 0) if not column.mistake else 0


def _column(place: int, metric: Metric) -> Column:
    down = metric.direction == "down"
    return Column(place, metric, quota=metric.id == QUOTA, amount="-5" if down else "5" if accrues(metric) else "0")


def _row(columns: Sequence[Column], key: str, name: str, owner_id: int | None, scope: str, who: int, period: Period) -> Row:
    cells = [Cell(f"{column.place}-{key}", About(scope, who, column.metric.id, period.first, period.last), period.kind) for column in columns]
    return Row(key, name, owner_id, cells, initials=initials(name), colour=colour(who))


def _tell_past(grid: Grid, column: Column) -> None:
    """What went before, cell by cell; of teams only where the figure can be told by team."""
    cells = [row.cells[column.place] for row in grid.rows if row.key != TEAM_ROW or column.for_team]
    goals = [draft(cell) for cell in cells]
    for cell, past in zip(cells, pasts(column.metric, goals), strict=True):
        cell.past = past
        cell.last, cell.year = shown(past.last, column.unit), shown(past.year, column.unit)


def draft(cell: Cell) -> Goal:
    """A goal as a cell has it that is not stored."""
    about = cell.about
    filters = {name: list(each) if isinstance(each, tuple) else each for name, each in about.filters}
    return Goal(
        metric=about.metric, scope=about.scope, owner_id=about.who if about.scope == MEMBER else None,
        team_id=about.who if about.scope == TEAM else None, period=cell.kind, first_day=about.first, last_day=about.last,
        filters=filters, curve=[],
    )  # fmt: skip


def _decide(grid: Grid, column: Column) -> None:
    """What is the same for a column, from the goals that are there."""
    goals = [row.cells[column.place].goal for row in grid.rows]
    there = [goal for goal in goals if goal is not None]
    people = [goal for goal in there if goal.scope == MEMBER]
    if people:
        column.weight = str(Counter(goal.weight for goal in people).most_common(1)[0][0])
        column.quota = any(goal.is_quota for goal in people)
    top = next((goal for goal in there if goal.scope == TEAM), None)
    column.serves = grid.serving.chosen(top, people, column.metric.id)


def _share_weights(columns: Sequence[Column]) -> None:
    """What nobody has decided yet is shared evenly."""
    open_ones = [column for column in columns if not column.weight]
    left = max(WHOLE - sum(int(column.weight or 0) for column in columns), 0)
    for place, column in enumerate(open_ones):
        column.weight = str(left // len(open_ones) + (place < left % len(open_ones)))
    for column in columns:
        column.weight_shown = column.weight


def write(cell: Cell, text: str) -> None:
    """Write into a cell; what cannot be read is its mistake."""
    cell.text, cell.given, cell.mistake = text.strip(), None, ""
    try:
        cell.given = cells.read(cell.text)
    except FieldError as error:
        cell.mistake = str(error)


def _also(grid: Grid, column: Column, cell: Cell) -> dict[str, Any]:
    """What a goal gets whether it is new or not: what was decided for its column since the page was shown."""
    team = grid.team_row.cells[column.place]
    parent_id, objective_id = grid.serving.links(column.serves)
    also: dict[str, Any] = {}
    if team.fixed and team.goal is not None:
        return {"parent_id": team.goal.id} if cell.goal is None or cell.goal.parent_id != team.goal.id else {}
    if not _below(grid, cell) and (cell.goal is None or (cell.goal.parent_id, cell.goal.objective_id) != (parent_id, objective_id)):
        also |= {"parent_id": parent_id, "objective_id": objective_id}
    if column.weight != column.weight_shown and cell is not team:
        also["weight"] = int(column.weight or 0)
    if column.unit == "money" and (cell.goal is None or cell.goal.is_quota != column.quota):
        also["is_quota"] = column.quota
    return also


def _below(grid: Grid, cell: Cell) -> str:
    """The team's own cell, where a person's goal serves the team's."""
    team = grid.team_row.cells[grid.column_of(cell).place]
    return team.key if cell is not team and team.given is not None and not team.fixed else ""
