"""Who sold what against which quota: by person, team or segment of accounts; and the last periods of each person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any

from app.core.charts import NARROW, Bar, Chart, horizontal
from app.core.dimensions import labels_of
from app.core.figures import FigureRow
from app.core.formats import percent
from app.core.i18n import _
from app.core.reports.asking import Desk, by_key
from app.core.reports.blocks import EMPTY, Block, Cell, Column, Table
from app.core.reports.periods import ONE, Period
from app.core.reports.tables import first, named
from app.modules.kpi.goals import labels
from app.modules.kpi.models import MEMBER
from app.modules.kpi.quantities import shown
from app.modules.kpi.revenue.book import Book
from app.modules.kpi.revenue.figures import QUOTA
from app.modules.kpi.revenue.quotas import WON, Plan
from app.modules.kpi.revenue.standing import Standing, amount, day_of, total
from app.modules.kpi.revenue.words import growth_cell, money_cell, ratio_cell, times, whole_cell

OPEN, WEIGHTED = "crm.open_pipeline", "crm.weighted_pipeline"
OWNER, TEAM = "owner", "team"
MOST = 15  # lines of a chart; the table has them all
PERIODS_BACK = 4
Rows = Mapping[Any, FigureRow]


@dataclass(frozen=True)
class Line:
    """Somebody's line: `keys` are those of the dimension that it adds up, `depth` how far below others a team is."""

    key: Any
    name: str
    keys: Sequence[Any]
    standing: Standing
    depth: int = 0


def standings(desk: Desk, book: Book) -> list[Line]:
    """The lines of the split that was asked for: everybody who sold, has something open, or has a quota."""
    by, frame = desk.frame.split, desk.frame
    won, open_, weighted = (by_key(figure, by) for figure in [desk.figure(WON, by), *desk.figures((OPEN, WEIGHTED), by)])
    before = by_key(desk.figure(WON, by, during=frame.before), by) if frame.before else None
    made = partial(_line, desk, won, open_, weighted, before)
    if by == TEAM:
        return _teams(book, made, {*won, *open_})
    keys = {*won, *open_}
    if by == OWNER:
        held = {q.owner_id for q in book.quotas if q.scope == MEMBER and book.member(q.owner_id, frame.period).n}
        keys |= {key for key in held if _among(frame.filters, book, key)}
    names = labels_of(by, keys - {None})
    plan_of: Callable[[Any, Period], Plan] = book.member if by == OWNER else book.segment
    narrowed = bool(set(frame.filters) - {OWNER, TEAM})
    lines = [made(key, names.get(key) or _("None"), [key], Plan() if narrowed else plan_of(key, frame.period)) for key in keys]
    return sorted(lines, key=lambda line: (line.key is None, -line.standing.won, -(line.standing.quota or 0), line.name.casefold()))


def _among(filters: Mapping[str, Any], book: Book, owner: int | None) -> bool:
    """Whether a person with a quota is among those whom the page is about."""
    if OWNER in filters:
        return bool(owner == filters[OWNER])
    if TEAM not in filters:
        return True
    teams = filters[TEAM] if isinstance(filters[TEAM], list) else [filters[TEAM]]
    return any(q.scope == MEMBER and q.owner_id == owner and q.team_id in teams for q in book.quotas)


def _line(
    desk: Desk, won: Rows, open_: Rows, weighted: Rows, before: Rows | None, key: Any, name: str, keys: Sequence[Any], plan: Plan, depth: int = 0
) -> Line:  # fmt: skip
    frame = desk.frame

    def of(rows: Rows) -> Decimal:
        return total(rows.get(each) for each in keys)

    standing = Standing(plan, frame.period, day_of(frame), of(won), of(open_), of(weighted), None if before is None else of(before))
    return Line(key, name, keys, standing, depth)


def _teams(book: Book, made: Callable[..., Line], sold: set[Any]) -> list[Line]:
    """Teams with those below them, whose sales are among theirs; last what no team sold."""
    below: dict[int | None, list[int]] = {}
    for team_id, (parent, _name) in sorted(book.teams.items(), key=lambda pair: pair[1][1].casefold()):
        below.setdefault(parent if parent in book.teams else None, []).append(team_id)
    filters, period = book.frame.filters, book.frame.period
    narrowed = bool(set(filters) - {TEAM})
    wanted = set(filters[TEAM]) if isinstance(filters.get(TEAM), list) else None

    def walk(team_id: int, depth: int) -> list[Line]:
        lines = [line for child in below.get(team_id, ()) for line in walk(child, depth + 1)]
        keys = [team_id, *dict.fromkeys(key for line in lines for key in line.keys)]
        plan = Plan() if narrowed else book.team(team_id, period)
        line = made(team_id, book.teams[team_id][1], keys, plan, depth)
        shown_ = (wanted is None or team_id in wanted) and (plan.n or sold & set(keys) or book.knows(team_id))
        return [line, *lines] if shown_ else lines

    found = [line for top in below.get(None, ()) for line in walk(top, 0)]
    return [*found, made(None, _("None"), [None], Plan())] if None in sold else found


def block(desk: Desk, lines: Sequence[Line], whole: Standing) -> Block:
    """Bars of what was sold before the shadow of the quota, and the table with everything else."""
    by = desk.frame.split
    title = _("Quota and revenue by %(split)s", split=named(by))
    address = {i: desk.behind(i) for i in (WON, OPEN, WEIGHTED)}
    rows = [_row(line, {i: at(**{by: line.keys if len(line.keys) > 1 else line.key}) for i, at in address.items()}) for line in lines]
    drawn = [_bar(line, address[WON](**{by: line.keys if len(line.keys) > 1 else line.key})) for line in lines[:MOST]]
    heads = (_("Quota"), _("Won"), _("Attained"), _("Missing"), _("Open"), _("Weighted"), _("Coverage"), _("Growth"), _("Pace"))
    hints = {5: str(desk.metric(WEIGHTED).describe), 4: str(desk.metric(OPEN).describe),
             6: _("Open deals that are to close in the period ÷ what is missing to the quota."),
             7: _("Against the period that the page compares with."), 8: _("Won ÷ what should be won by now, by working days.")}  # fmt: skip
    return Block(
        key="split",
        title=title,
        note=_("A shadow behind the bar says how far the quota reaches."),
        draw=partial(_chart, title, drawn) if drawn else None,
        table=Table([first(by), *(Column(text, hint=hints.get(place, "")) for place, text in enumerate(heads)), Column(_("Stands"), numeric=False)],
                    rows, _cells(_("Total"), whole, {i: at() for i, at in address.items()})),
        foot=[_("Only the first %(most)s are drawn; the table has them all.", most=MOST)] if len(lines) > MOST else (),
    )  # fmt: skip


def _chart(title: str, drawn: Sequence[Bar], width: float) -> Chart:
    heads = (_("won"), _("quota"), _("attained"))
    if width <= NARROW:  # the quota is the shadow
        return horizontal(title, [replace(bar, texts=(bar.texts[0], bar.texts[2])) for bar in drawn], (heads[0], heads[2]), width=width)
    return horizontal(title, drawn, heads, width=width)


def _bar(line: Line, url: str) -> Bar:
    of = line.standing
    texts = [shown(of.won.quantize(Decimal(1)), "money"), shown(of.quota.quantize(Decimal(1)), "money") if of.quota is not None else "–", percent(of.attained)]
    name = f"{'· ' * line.depth}{line.name}"
    return Bar(name, of.won, texts, f"{line.name}: {' · '.join(texts)}", url, ghost=of.quota)


def _row(line: Line, urls: Mapping[str, str]) -> list[Cell]:
    return _cells(f"{'· ' * line.depth}{line.name}", line.standing, urls)


def _cells(name: str, of: Standing, urls: Mapping[str, str]) -> list[Cell]:
    kind = labels.KINDS[of.status]
    stands = Cell(str(labels.STATUSES[of.status]), css=kind) if of.quota is not None else EMPTY
    coverage = EMPTY if of.coverage is None else Cell(times(of.coverage), round(of.coverage, 4))
    pace = ratio_cell(of.pace) if of.day <= of.period.last else EMPTY
    return [Cell(name), whole_cell(of.quota), money_cell(of.won, urls[WON]), ratio_cell(of.attained), whole_cell(of.gap),
            money_cell(of.open, urls[OPEN]), money_cell(of.weighted, urls[WEIGHTED]), coverage, growth_cell(of.growth), pace, stands]  # fmt: skip


# The last periods of people


def history(desk: Desk, reach: Period) -> Block:
    """The quota of each person and what they sold, in this period and the four before."""
    spans = periods(desk.frame.period)
    desk.figure(WON, OWNER, "team", "month", during=reach)
    won = {span: by_key(desk.figure(WON, OWNER, during=span), OWNER) for span in spans}
    book = Book.of(desk.frame, Period(min(span.first for span in spans), spans[-1].last))
    owners = {q.owner_id for q in book.quotas if q.scope == MEMBER and not q.filters and _among(desk.frame.filters, book, q.owner_id)}
    names = labels_of(OWNER, owners - {None})
    columns = [Column(_("Rep"), numeric=False)]
    rows = {owner: [Cell(names.get(owner) or _("None"))] for owner in sorted(owners, key=lambda o: (names.get(o) or "").casefold())}
    for span in spans:
        columns.append(Column(span.dates, hint=str(desk.metric(QUOTA).label)))
        plans = {owner: (book.member(owner, span), book.at_first.member(owner, span)) for owner in owners}
        changed = any(now.target != began.target for now, began in plans.values())
        if changed:
            columns.append(Column(_("Against the first quota"), hint=span.dates))
        for owner, (now, began) in plans.items():
            sold = amount(won[span].get(owner))
            rows[owner] += [_kept(now, sold), *([_kept(began, sold) if began.target != now.target else EMPTY] if changed else [])]
    return Block(
        key="history",
        title=_("Quotas of people, period by period"),
        note=_("Share of the quota that was sold, with both amounts. Where a quota was changed, the share of what it was at first stands beside it."),
        table=Table(columns, [row for row in rows.values() if any(cell is not EMPTY for cell in row[1:])]),
    )


def periods(last: Period) -> list[Period]:
    """The period and the four before it, the oldest first."""
    found = [Period(last.first, last.last)]
    for _n in range(PERIODS_BACK):
        before = Period(found[0].first, found[0].last).before()
        # Of one that runs `before` gives as many days; here they are whole.
        found.insert(0, Period(before.first, found[0].first - ONE) if before else found[0])
    return found


def _kept(plan: Plan, sold: Decimal) -> Cell:
    if plan.target is None:
        return EMPTY
    share = sold / plan.target if plan.target else None
    return Cell(percent(share), None if share is None else round(share, 6), note=_("%(won)s of %(quota)s", won=_whole(sold), quota=_whole(plan.target)))


def _whole(value: Decimal) -> str:
    return shown(value.quantize(Decimal(1)), "money")
