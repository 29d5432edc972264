"""Sales closed: how much, by whom, against the period before; how the win rate went; how long a sale took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from app.core.charts import Bar, Chart, Point, Series, bars, horizontal, lines, sparkline
from app.core.figures import Figure
from app.core.formats import number
from app.core.i18n import _
from app.core.reports.asking import Desk, by_key
from app.core.reports.blocks import EMPTY, Block, Card, Cell, Column, Content, Table
from app.core.reports.months import Course, course, keys_of, months_of, reach_of, within
from app.core.reports.tables import Split, first, heads, named, split
from app.core.reports.wording import axis, cell, change, change_cell, month_names, text_of

AMOUNT, COUNT, RATE, COHORT_RATE = "crm.won_amount", "crm.won_count", "crm.win_rate", "crm.created_win_rate"
SIZE, CYCLE = "crm.average_deal_size", "crm.sales_cycle_days"
TOP = (AMOUNT, COUNT, RATE, SIZE, CYCLE)
SPLITS = ("owner", "team", "segment", "source", "product", "account", "pipeline")
MOST = 15  # lines of a chart; the table has them all


def content(desk: Desk) -> Content:
    """Cards, the last months, the win rate over time, and the split against the period before."""
    months = months_of(desk)
    desk.figures(TOP, "month", during=reach_of(desk, months))  # all together: each is found again below
    desk.figures(TOP, desk.frame.split)  # they tell the totals as well
    courses = {i: course(desk, i, months) for i in TOP}
    keys = keys_of(months)
    return Content(
        cards=cards(desk, TOP, courses, keys),
        blocks=[_by_month(desk, courses, keys), _rates(desk, courses[RATE], course(desk, COHORT_RATE, months), keys), _by_split(desk)],
    )


def cards(desk: Desk, ids: Sequence[str], courses: Mapping[str, Course], keys: Sequence[int]) -> list[Card]:
    """The figures of the period beside those of the one before, with the course of the last months where it is known."""
    now = desk.figures(ids)
    before = desk.figures(ids, during=desk.frame.before) if desk.frame.before else [None] * len(ids)
    return [_card(desk, f, b, courses.get(i), keys) for i, f, b in zip(ids, now, before, strict=True)]


def _card(desk: Desk, now: Figure, before: Figure | None, of: Course | None, keys: Sequence[int]) -> Card:
    metric, row = now.metric, now.total
    earlier = before.total.value if before and metric.period else None
    text, kind, rising = change(metric, row.value, earlier)
    counted = _("%(hits)s of %(n)s", hits=number(row.numerator), n=number(row.n)) if isinstance(row.numerator, int) and metric.unit == "ratio" else ""
    return Card(
        label=str(metric.label),
        value=text_of(metric, row.value, short=True),
        exact=text_of(metric, row.value),
        url=desk.behind(metric.id)(),
        change=text,
        kind=kind,
        rising=rising,
        note=" · ".join(filter(None, (counted, text_of(metric, earlier, short=True) if earlier is not None else ""))),
        spark=sparkline(str(metric.label), [of.value(key) for key in keys]) if of else None,
    )


def _by_month(desk: Desk, courses: Mapping[str, Course], keys: list[int]) -> Block:
    names, inside = month_names(keys), within(desk, keys)
    amount = courses[AMOUNT]
    points = [
        Point(amount.value(key), f"{name}: {amount.cell(key).text}", amount.url(key), part=not dark)
        for key, name, dark in zip(keys, names, inside, strict=True)
    ]
    rows = [[Cell(name), *(courses[i].cell(key) for i in (AMOUNT, COUNT, SIZE))] for key, name in zip(keys, names, strict=True)]
    title = _("Amount won by month")
    return Block(
        key="months",
        title=title,
        note=_("By the day of the win. The months of the period stand out."),
        draw=lambda width: bars(title, names, [Series("", points)], axis(amount.metric), width=width),
        table=Table([Column(_("Month"), numeric=False), *heads(desk, AMOUNT, COUNT, SIZE)], rows[::-1]),
        broad=False,
    )


def _rates(desk: Desk, period: Course, cohort: Course, keys: list[int]) -> Block:
    """The share won, month by month: of what was decided in the month, and of what began in it."""
    names = month_names(keys)
    series = [
        Series(str(one.metric.label), [Point(one.value(k), f"{name}: {one.cell(k).text}", one.url(k)) for k, name in zip(keys, names, strict=True)])
        for one in (period, cohort)
    ]
    rows = []
    for key, name in zip(keys, names, strict=True):
        row = period.rows.get(key)
        counts = [Cell(number(part), part) for part in (row.numerator, row.n) if isinstance(part, int)] if row else [EMPTY, EMPTY]
        rows.append([Cell(name), period.cell(key), *counts, cohort.cell(key)])
    title = _("Win rate by month")
    return Block(
        key="rate",
        title=title,
        note=_("Period: of the deals decided in the month. Cohort: of the deals that began in it, many still open."),
        draw=lambda width: lines(title, names, series, axis(period.metric), width=width),
        table=Table([Column(_("Month"), numeric=False), *heads(desk, RATE), Column(_("Won")), Column(_("Decided")), *heads(desk, COHORT_RATE)], rows[::-1]),
        broad=False,
    )


def _by_split(desk: Desk) -> Block:
    by = desk.frame.split
    of = split(desk, TOP, by)
    earlier: dict[str, Any] = {}
    if desk.frame.before:
        earlier = {i: by_key(f, by) for i, f in zip((AMOUNT, COUNT), desk.figures((AMOUNT, COUNT), by, during=desk.frame.before), strict=True)}
    title = _("Sales by %(split)s", split=named(by))
    drawn = _drawn(desk, of)
    return Block(
        key="split",
        title=title,
        draw=partial(_ranking, title, drawn) if drawn else None,
        table=Table(_split_columns(desk, by), _split_rows(desk, of, earlier), _total(desk)),
        foot=[_("Only the first %(most)s are drawn; the table has them all.", most=MOST)] if len(of.order) > MOST else (),
    )


def _drawn(desk: Desk, of: Split) -> list[Bar]:
    metric, address = desk.metric(AMOUNT), desk.behind(AMOUNT)
    found = []
    for k in of.order[:MOST]:
        row = of.row(AMOUNT, k)
        text = text_of(metric, row.value if row else None)
        found.append(Bar(of.names[k], of.value(AMOUNT, k), [text], f"{of.names[k]}: {text}", address(**{of.by: k})))
    return found


def _ranking(title: str, drawn: Sequence[Bar], width: float) -> Chart:
    return horizontal(title, drawn, width=width)


def _split_columns(desk: Desk, by: str) -> list[Column]:
    before = [Column(_("Before"), hint=desk.frame.before.dates)] if desk.frame.before else []
    changed = [Column(_("Difference"))] if before else []
    return [first(by), *heads(desk, AMOUNT), *before, *changed, *heads(desk, COUNT), *before, *heads(desk, RATE, SIZE, CYCLE)]


def _split_rows(desk: Desk, of: Split, earlier: Mapping[str, Any]) -> list[list[Cell]]:
    address = {i: desk.behind(i) for i in TOP}
    past = {i: desk.behind(i, during=desk.frame.before) for i in earlier}
    rows = []
    for k in of.order:
        found = {i: cell(desk.metric(i), of.row(i, k), address[i](**{of.by: k})) for i in TOP}
        old = {i: cell(desk.metric(i), earlier[i].get(k), past[i](**{of.by: k})) for i in earlier}
        rows.append([Cell(of.names[k]), *_beside(desk, found, old, of.row(AMOUNT, k), earlier.get(AMOUNT, {}).get(k))])
    return rows


def _beside(desk: Desk, found: Mapping[str, Cell], old: Mapping[str, Cell], now: Any, before: Any) -> list[Cell]:
    if not old:
        return [found[i] for i in TOP]
    changed = change_cell(desk.metric(AMOUNT), now.value if now else None, before.value if before else None)
    return [found[AMOUNT], old[AMOUNT], changed, found[COUNT], old[COUNT], found[RATE], found[SIZE], found[CYCLE]]


def _total(desk: Desk) -> list[Cell]:
    """The last line: asked of the registry, since shares and medians do not add up."""
    whole = {i: f.total for i, f in zip(TOP, desk.figures(TOP), strict=True)}
    found = {i: cell(desk.metric(i), row, desk.behind(i)()) for i, row in whole.items()}
    if not desk.frame.before:
        return [Cell(_("Total")), *_beside(desk, found, {}, None, None)]
    before = [f.total for f in desk.figures((AMOUNT, COUNT), during=desk.frame.before)]
    old = {i: cell(desk.metric(i), row) for i, row in zip((AMOUNT, COUNT), before, strict=True)}
    return [Cell(_("Total")), *_beside(desk, found, old, whole[AMOUNT], before[0])]
