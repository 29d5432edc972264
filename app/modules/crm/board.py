"""What the pipeline board shows. Column rows, not entities; the number of statements does not grow with the deals."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from time import time
from typing import Any, NamedTuple

from babel.dates import format_date
from flask import g, url_for
from markupsafe import Markup, escape
from sqlalchemy import Row, Select, and_, func, or_, select, union_all
from sqlalchemy.orm import aliased

from app.core import lookups
from app.core.access import can
from app.core.clock import today
from app.core.db import db
from app.core.errors import BusinessError
from app.core.formats import colour, day, initials, money
from app.core.i18n import _, _n, language
from app.core.metrics import MetricQuery, drill
from app.core.models import Change
from app.core.money import Money
from app.core.shell import icon
from app.modules.crm.activities.queries import NextStep, next_of_deals
from app.modules.crm.board_filters import BoardFilters
from app.modules.crm.board_sums import StageSum, board_sums
from app.modules.crm.gates.marks import Gates
from app.modules.crm.gates.rules import NEEDABLE
from app.modules.crm.models import OPEN, Deal, Pipeline, Stage

PAGE = 20
MOST_SHOWN = 400  # cards of one column that a refresh gives back
SOON = 7  # days before the expected close from which it is marked
KIND_ICONS = {"call": "phone", "email": "mail", "visit": "map-pin", "meeting": "users", "task": "checkbox"}
STEP_KINDS = {"late": "bad", "today": "warn", "planned": "ok"}
UNSEEN = 60  # seconds after which a refresh is sent although the log says nothing: a late commit, another day
STAGE = (Stage.id, Stage.name, Stage.type, Stage.probability, Stage.rotting_days, Stage.needs, Stage.pipeline_id)
NOBODY = Markup("")
AVATAR = Markup('<span class="v-av v-av-{colour}" role="img" title="{name}" aria-label="{name}">{initials}</span>')
NEEDED = tuple(name for name in NEEDABLE if name not in ("account_id", "amount", "expected_close"))
COLUMNS = (
    Deal.id, Deal.version, Deal.name, Deal.stage_id, Deal.account_id, Deal.owner_id, Deal.amount_minor, Deal.currency,
    Deal.expected_close, Deal.entered_at, Deal.entered_on, *(getattr(Deal, name) for name in NEEDED),
)  # fmt: skip


@dataclass(slots=True)
class Card:
    """A deal as its card shows it; texts are formatted."""

    id: int
    version: int
    name: str
    account: str
    amount: str
    owner: Markup  # the avatar
    close: str
    close_kind: str  # bad, warn, ok or none
    close_title: str
    age: str
    age_title: str
    rotten: bool
    step: NextMark
    gate: str  # "2/4" where the next stage asks for more than the deal has
    gate_title: str


class NextMark(NamedTuple):
    """The next planned activity as a card shows it."""

    kind: str  # bad, warn, ok or none
    icon: str  # key into the board's icons
    text: str
    title: str


@dataclass
class BoardColumn:
    """An open stage with its sums and the first of its cards."""

    id: int
    name: str
    probability: int  # percent
    count: int
    sum: Money
    weighted: Money
    quick_url: str | None
    cards: list[Card] = field(default_factory=list)
    more_url: str | None = None
    page_url: str | None = None


@dataclass
class Board:
    """Everything the board's templates need."""

    filters: BoardFilters
    stages: list[Row[Any]]  # all stages of the pipeline
    pipelines: list[dict[str, Any]]
    columns: list[BoardColumn]
    total: dict[str, Any]  # count, sum, weighted, excluded
    stamp: str

    def __post_init__(self) -> None:
        self.url = self.filters.url()
        self.clear_url = url_for("crm.board", pipeline=self.filters.pipeline_id)
        self.list_url = self.filters.list_url()
        self.new_url = url_for("crm.deal_new") if can("crm.deal.create") else None
        self.deals_url = url_for("crm.deal_record", row_id=0)[:-1]
        self.may_edit = can("crm.deal.edit")
        self.filtered = self.filters.active
        words = {"account": _("No account"), "amount": _("No amount"), "edit": _("Edit the amount"), "menu": _("Actions")}
        self.words = {name: escape(text) for name, text in words.items()}
        marks = {"rot": "hourglass-low", "dots": "dots", "gate": "checklist", "close": "calendar-due", "nothing": "circle-dashed"}
        self.icons = {kind: icon(name) for kind, name in {**marks, **KIND_ICONS}.items()}
        self.log_url = url_for("crm.activity_log") if can("crm.activity.create") else None

    @property
    def pipeline(self) -> dict[str, Any] | None:
        return next((p for p in self.pipelines if p["current"]), None)

    @property
    def closing(self) -> list[Row[Any]]:
        """The stages that close a deal."""
        return [s for s in self.stages if s.type != OPEN]

    @property
    def chips(self) -> list[dict[str, Any]]:
        return self.filters.chips()

    @property
    def q(self) -> str:
        return self.filters.args.get("q", "")

    @property
    def any_deal(self) -> bool:
        """False on a board that has nothing to show yet, whatever the filters."""
        return bool(self.total["count"]) or self.filtered or _any_deal()

    def column(self, stage_id: int) -> BoardColumn | None:
        return next((c for c in self.columns if c.id == stage_id), None)


def board_of(filters: BoardFilters, shown: Mapping[int, int] | None = None) -> Board:
    """The board with the first cards of each column; `shown` asks for more of them by stage."""
    board = heads_of(filters)
    if board.columns:
        _fill(board, shown or {})
    return board


def heads_of(filters: BoardFilters) -> Board:
    """The board without cards: columns with their sums, and the total."""
    mark = stamp()  # before anything is read, so that what comes between is shown by the next refresh
    pipelines, stages = _pipelines(), []
    chosen = filters.pipeline_id or (pipelines[0].id if pipelines else None)
    if chosen:
        stages = stages_of(chosen)
    shown = [{"id": p.id, "name": p.name, "url": filters.url(pipeline=p.id), "current": p.id == chosen} for p in pipelines]
    asked = {**filters.asked, "pipeline": chosen}
    sums, excluded = board_sums(asked) if stages else ({}, 0)
    nothing = StageSum(0, Money(0, g.company.currency), Money(0, g.company.currency))
    quick = url_for("crm.deal_quick", stage=0)[:-1] if can("crm.deal.create") else None
    columns = []
    for stage in stages:
        if stage.type == OPEN:
            here = sums.get(stage.id, nothing)
            columns.append(BoardColumn(stage.id, stage.name, stage.probability, here.count, here.amount, here.weighted,
                                       f"{quick}{stage.id}" if quick else None))
    return Board(filters, stages, shown, columns, _total(columns, excluded), mark)


def _total(columns: Collection[BoardColumn], excluded: int) -> dict[str, Any]:
    """All columns together; `excluded` deals have no exchange rate and are in no sum."""
    currency = g.company.currency
    return {
        "count": sum(c.count for c in columns),
        "sum": Money(sum(c.sum.minor for c in columns), currency),
        "weighted": Money(sum(c.weighted.minor for c in columns), currency),
        "excluded": excluded,
    }


def _pipelines() -> list[Row[Any]]:
    query = select(Pipeline.id, Pipeline.name).where(Pipeline.active).order_by(Pipeline.position, Pipeline.id)
    return list(db.session.execute(query))


def stages_of(pipeline_id: int) -> list[Row[Any]]:
    """Stages of a pipeline in order: the columns `STAGE`."""
    query = select(*STAGE).where(Stage.pipeline_id == pipeline_id)
    return list(db.session.execute(query.order_by(Stage.position, Stage.id)))


def _any_deal() -> bool:
    return db.session.scalar(select(Deal.id).limit(1)) is not None


def stamp() -> str:
    """Changes when anything in the company was written since: what a poll sends and compares."""
    return f"{db.session.scalar(select(func.max(Change.id))) or 0}-{int(time() // UNSEEN)}"


# Cards


def _chosen(filters: BoardFilters, stage_id: int) -> Select:
    """Ids of the deals of a column: the rows that its figures count."""
    found = drill("crm.open_count", MetricQuery(filters=filters.asked), visible_rows=True)
    return found.where(Deal.stage_id == stage_id).order_by(Deal.entered_at.desc(), Deal.id.desc())


def _rows(ids: Any) -> list[Row[Any]]:
    # Sorted here: asked for in order, SQLite would walk all deals by time instead of fetching these few.
    rows: list[Any] = list(db.session.execute(select(*COLUMNS).where(Deal.id.in_(ids))))
    return sorted(rows, key=lambda row: (row.entered_at, row.id), reverse=True)


def _fill(board: Board, shown: Mapping[int, int]) -> None:
    """Give the columns their cards, all in one statement; one more than shown tells whether there are more."""
    sizes = {c.id: min(max(shown.get(c.id, PAGE), PAGE), MOST_SHOWN) for c in board.columns}
    parts = [_chosen(board.filters, c.id).limit(sizes[c.id] + 1).subquery() for c in board.columns]
    rows = _rows(union_all(*(select(part.c.id) for part in parts)))
    by_stage: dict[int, list[Row[Any]]] = {}
    for row in rows:
        by_stage.setdefault(row.stage_id, []).append(row)
    deals = cards_of(board, rows)
    for column in board.columns:
        here = by_stage.get(column.id, [])
        size = sizes[column.id]
        column.cards = [deals[row.id] for row in here[:size]]
        _offer_more(board, column, here, size)


def _offer_more(board: Board, column: BoardColumn, rows: list[Row[Any]], size: int) -> None:
    if len(rows) > size:
        last = rows[size - 1]
        after = f"{last.entered_at.isoformat()}~{last.id}"
        where: dict[str, Any] = {**board.filters.args, "stage_id": column.id, "after": after}
        column.more_url = url_for("crm.board_more", **where)
        column.page_url = board.filters.url(shown=f"{column.id}:{size + PAGE}")


def more_of(filters: BoardFilters, stage_id: int, after: str) -> tuple[Board, BoardColumn]:
    """The next cards of a column, beyond the one that `after` names. Raises `BusinessError` for a damaged address."""
    board = Board(filters, _stages_beside(stage_id), [], [], {}, "")
    column = BoardColumn(stage_id, "", 0, 0, Money(0, ""), Money(0, ""), None)
    rows = _rows(_chosen(filters, stage_id).where(_beyond(after)).limit(PAGE + 1).subquery().select())
    deals = cards_of(board, rows)
    column.cards = [deals[row.id] for row in rows[:PAGE]]
    _offer_more(board, column, rows, PAGE)
    return board, column


def _stages_beside(stage_id: int) -> list[Row[Any]]:
    """The stages of the pipeline that a stage belongs to."""
    beside = aliased(Stage)
    query = select(*STAGE).join(beside, (beside.pipeline_id == Stage.pipeline_id) & (beside.company_id == Stage.company_id))
    return list(db.session.execute(query.where(beside.id == stage_id).order_by(Stage.position, Stage.id)))


def _beyond(after: str) -> Any:
    moment, _tilde, number = after.rpartition("~")
    try:
        at, deal_id = datetime.fromisoformat(moment), int(number)
        if at.tzinfo is None:
            raise ValueError(after)
    except ValueError:
        raise BusinessError(_("This page address is damaged. Open the list again from the menu.")) from None
    return or_(Deal.entered_at < at, and_(Deal.entered_at == at, Deal.id < deal_id))


def card_of(board: Board, deal_id: int) -> Card | None:
    """The card of one deal; None when it is closed, or the board's filters leave it out."""
    asked = {**board.filters.asked, "pipeline": board.pipeline["id"] if board.pipeline else None}
    found = drill("crm.open_count", MetricQuery(filters=asked), visible_rows=True).where(Deal.id == deal_id)
    return cards_of(board, _rows(found.subquery().select())).get(deal_id)


def cards_of(board: Board, rows: Collection[Row[Any]]) -> dict[int, Card]:
    """Cards by deal id. Two statements for the names of accounts and owners, one for what is next, and up to two for
    what the next stages ask."""
    accounts = lookups.labels("contacts.account", {row.account_id for row in rows})
    members = lookups.labels("admin.member", {row.owner_id for row in rows})
    owners = {key: AVATAR.format(colour=colour(key), name=name, initials=initials(name)) for key, name in members.items()}
    limits = {stage.id: stage.rotting_days for stage in board.stages}
    steps, gates = next_of_deals(row.id for row in rows), Gates(board.stages, rows)
    now, words = today(), _Words()
    cards = {}
    for row in rows:
        age = (now - row.entered_on).days
        limit = limits.get(row.stage_id)
        rotten = limit is not None and age > limit
        amount = "" if row.amount_minor is None else money(Money(row.amount_minor, row.currency))
        cards[row.id] = Card(
            row.id, row.version, row.name, accounts.get(row.account_id, ""), amount, owners.get(row.owner_id, NOBODY),
            *words.close(row.expected_close, now), words.short % {"n": age}, words.age(age, limit if rotten else None), rotten,
            words.step(steps.get(row.id), now), *gates.mark(row),
        )  # fmt: skip
    return cards


class _Words:
    """Sentences of the cards, looked up once for all of them."""

    def __init__(self) -> None:
        self.short = _("%(n)s d")
        self._late = _("%(n)s d late")
        self._no_date = _("No date")
        self._title = _("Expected close: %(day)s")
        self._nothing, self._no_step, self._today = _("Nothing planned"), _("No next step"), _("Today")
        late, planned = _("Late: %(what)s, due on %(day)s"), _("%(what)s, on %(day)s")
        self._steps = {"late": late, "today": planned, "planned": planned}
        self._ages: dict[tuple[int, int | None], str] = {}

    def close(self, expected: date | None, now: date) -> tuple[str, str, str]:
        """Text, kind and title of the expected close."""
        if expected is None:
            return self._no_date, "none", self._no_date
        title = self._title % {"day": day(expected)}
        left = (expected - now).days
        if left < 0:
            return self._late % {"n": -left}, "bad", title
        return _short_day(expected, now.year, language()), "warn" if left <= SOON else "ok", title

    def step(self, step: NextStep | None, now: date) -> NextMark:
        """The next activity: its colour, its day and what it is about."""
        if step is None:
            return NextMark("none", "nothing", self._nothing, self._no_step)
        text = self._today if step.due_on == now else _short_day(step.due_on, now.year, language())
        title = self._steps[step.state] % {"what": step.subject, "day": day(step.due_on)}
        return NextMark(STEP_KINDS[step.state], step.kind if step.kind in KIND_ICONS else "task", text, title)

    def age(self, days: int, limit: int | None) -> str:
        """Title of the days in the stage; `limit` when they are too many."""
        if (days, limit) not in self._ages:
            text = _n("%(num)d day in this stage", "%(num)d days in this stage", days)
            self._ages[days, limit] = text if limit is None else _("%(age)s, %(limit)s are usual", age=text, limit=limit)
        return self._ages[days, limit]


@lru_cache(maxsize=2_000)
def _short_day(value: date, year: int, code: str) -> str:
    pattern = "d MMM" if code == "es" else "MMM d"
    return format_date(value, pattern if value.year == year else f"{pattern} y" if code == "es" else f"{pattern}, y", locale=code)
