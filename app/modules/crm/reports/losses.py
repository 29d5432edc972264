"""Why deals are lost: by reason, the stage they were lost from, competitor and owner; how many, and what they were worth."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from app.core.charts import Bar, Point, Series, horizontal, stacked
from app.core.dimensions import dimensions
from app.core.formats import number, percent
from app.core.i18n import _
from app.core.reports.asking import Desk, by_key
from app.core.reports.blocks import EMPTY, Block, Cell, Column, Content, Table
from app.core.reports.months import course, keys_of, months_of, reach_of
from app.core.reports.tables import Split, first, heads, lines, named, split, total
from app.core.reports.wording import axis, month_names, text_of
from app.modules.crm.reports.pipelines import open_stages
from app.modules.crm.reports.sales import cards

COUNT, AMOUNT, RATE, DISCARDED = "crm.lost_count", "crm.lost_amount", "crm.win_rate", "crm.discarded_count"
SPLITS = ("owner", "team", "segment", "source", "product", "pipeline", "account")
MOST = 12  # reasons side by side


def content(desk: Desk) -> Content:
    """Cards, reasons, reason by stage, competitors, and the split."""
    months = months_of(desk)
    keys = keys_of(months)
    ids = (COUNT, AMOUNT, RATE, DISCARDED)
    desk.figures((COUNT, AMOUNT, RATE), "month", during=reach_of(desk, months))
    for crossed in (("reason", "last_stage"), (desk.frame.split, "reason")):
        desk.figures((COUNT, AMOUNT), *crossed)  # they tell what is asked by one of the two, and by none
    courses = {i: course(desk, i, months) for i in (COUNT, AMOUNT, RATE)}
    return Content(
        cards=cards(desk, ids, courses, keys),
        blocks=[
            _ranking(desk, "reason", "reasons", _("Reasons, by number"), broad=False),
            _ranking(desk, "competitor", "competitors", _("Competitors in lost deals"), broad=False,
                     note=_("A deal with several competitors counts for each of them.")),
            _crossed(desk, "reason", "last_stage", "stages", _("Reason and the stage they were lost from")),
            _crossed(desk, desk.frame.split, "reason", "split", _("Reasons by %(split)s", split=named(desk.frame.split))),
            _by_month(desk, courses, keys),
        ],
    )  # fmt: skip


def _ranking(desk: Desk, by: str, key: str, title: str, broad: bool, note: str = "") -> Block:
    """One dimension: how many were lost and what they were worth, the commonest first."""
    of = split(desk, (COUNT, AMOUNT), by)
    whole = desk.figure(COUNT).total.n
    address, drawn = desk.behind(COUNT), []
    for k in of.order[:MOST]:
        n = of.value(COUNT, k)
        worth = row.value if (row := of.row(AMOUNT, k)) else None
        texts = [number(n), percent(n / whole) if whole else "", text_of(desk.metric(AMOUNT), worth, short=True)]
        drawn.append(Bar(of.names[k], n, texts, f"{of.names[k]}: {number(n)}", address(**{by: k})))
    names = [_("Deals"), _("Share"), _("Amount")]
    return Block(
        key=key,
        title=title,
        note=note,
        draw=lambda width: horizontal(title, drawn, names, width=width),
        table=Table([first(by), *heads(desk, COUNT, AMOUNT)], lines(desk, of), total(desk, (COUNT, AMOUNT)) if of.order else ()),
        broad=broad,
    )


def _crossed(desk: Desk, down: str, across: str, key: str, title: str) -> Block:
    """Two dimensions: a line for each key of the one, a column for each of the other; number, with the amount behind."""
    ups = split(desk, (COUNT, AMOUNT), down)
    columns = split(desk, (COUNT,), across)
    counts, worth = (by_key(f, down, across) for f in desk.figures((COUNT, AMOUNT), down, across))
    address = desk.behind(COUNT)
    shown = _in_order(columns)[:MOST]
    rows = [
        [Cell(ups.names[d]), *(_crossing(desk, counts.get((d, a)), worth.get((d, a)), address(**{down: d, across: a})) for a in shown),
         *lines_cells(desk, ups, d)]
        for d in ups.order
    ]  # fmt: skip
    series = [
        Series(columns.names[a], [_stack_point(counts.get((d, a)), f"{ups.names[d]}, {columns.names[a]}", address(**{down: d, across: a})) for d in ups.order[:MOST]])
        for a in shown[:5]
    ]
    names = [ups.names[d] for d in ups.order[:MOST]]
    heading = [first(down), *(Column(columns.names[a]) for a in shown), *heads(desk, COUNT, AMOUNT)]
    many = len(shown) > 5 or len(ups.order) > MOST
    return Block(
        key=key,
        title=title,
        draw=partial(_stack, title, names, series, axis(desk.metric(COUNT))),
        table=Table(heading, rows),
        foot=[_("Only the commonest are drawn; the table has more.")] if many else (),
    )


def _in_order(of: Split) -> list[Any]:
    """Stages stand in the order of their pipeline, other things by how common they are."""
    if of.by != "last_stage":
        return list(of.order)
    places = {stage.id: place for place, stage in enumerate(open_stages())}
    return sorted(of.order, key=lambda key: places.get(key, len(places)))


def _stack(title: str, names: Sequence[str], series: Sequence[Series], write: Any, width: float) -> Any:
    return stacked(title, names, series, write, width=width, whole=True)


def _stack_point(row: Any, name: str, url: str) -> Point:
    return Point(row.n if row else 0, f"{name}: {number(row.n if row else 0)}", url if row else "")


def _crossing(desk: Desk, row: Any, worth: Any, url: str) -> Cell:
    if row is None:
        return EMPTY
    return Cell(number(row.n), row.n, url, text_of(desk.metric(AMOUNT), worth.value, short=True) if worth else "")


def lines_cells(desk: Desk, of: Split, k: Any) -> list[Cell]:
    """The two figures of a line over all columns."""
    count, worth = of.row(COUNT, k), of.row(AMOUNT, k)
    return [
        Cell(number(count.n), count.n, desk.behind(COUNT)(**{of.by: k})) if count else EMPTY,
        Cell(text_of(desk.metric(AMOUNT), worth.value), worth.value.amount if worth.value else None) if worth else EMPTY,  # type: ignore[union-attr]  # money
    ]


def _by_month(desk: Desk, courses: dict[str, Any], keys: list[int]) -> Block:
    names = month_names(keys)
    count = courses[COUNT]
    points = [Point(count.value(k), f"{name}: {number(count.value(k))}", count.url(k)) for k, name in zip(keys, names, strict=True)]
    title = _("Deals lost by month")
    return Block(
        key="months",
        title=title,
        draw=lambda width: stacked(title, names, [Series("", points)], axis(count.metric), width=width, whole=True),
        table=Table(
            [Column(str(dimensions()["month"].label), numeric=False), *heads(desk, COUNT, AMOUNT, RATE)],
            [[Cell(name), *(courses[i].cell(k) for i in (COUNT, AMOUNT, RATE))] for k, name in zip(keys, names, strict=True)][::-1],
        ),
    )
