"""The way from prospect to purchase: as a cohort (what became of what began) and as a period (what happened in it)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import select

from app.core.charts import Bar, Chart, Point, Series, bars, funnel, horizontal, stacked
from app.core.db import db
from app.core.figures import FigureRow
from app.core.formats import number, percent
from app.core.i18n import _
from app.core.reports.asking import Desk, by_key
from app.core.reports.blocks import EMPTY, Block, Card, Cell, Column, Content, Later, Table
from app.core.reports.months import course, keys_of, months_of, reach_of
from app.core.reports.tables import first, heads, lines, named, split, total
from app.core.reports.wording import axis, cell, height, month_names, text_of
from app.modules.crm.models import OPEN, WON, Pipeline, Stage
from app.modules.crm.reports.pipelines import pipeline_of
from app.modules.crm.reports.sales import cards
from app.modules.crm.settings.queries import settings

COHORT, PERIOD = "cohort", "period"
BASES = (COHORT, PERIOD)
SPLITS = ("source", "medium", "campaign", "owner", "team", "segment", "product")
BEGAN, CREATED_RATE, OPEN_RATE = "crm.funnel_reached", "crm.created_win_rate", "crm.created_open_rate"
CONVERSION, AMOUNT = "crm.stage_conversion", "crm.funnel_amount"
LEADS, CONVERTED, LEAD_RATE = "crm.leads_created", "crm.leads_converted", "crm.lead_conversion"
DEALS, QUALIFIED, RATE = "crm.deal_count", "crm.pipeline_created", "crm.win_rate"
RATE_VALUE, WON_COUNT, WON_AMOUNT, LOST_COUNT = "crm.win_rate_value", "crm.won_count", "crm.won_amount", "crm.lost_count"
FLOW = (DEALS, QUALIFIED, WON_COUNT, LOST_COUNT, RATE, RATE_VALUE, WON_AMOUNT)
MOST = 15


def content(desk: Desk) -> Content:
    """One of the two ways to look at it; which one stands in the title and in the headings."""
    cohort = desk.frame.basis == COHORT
    tabs = [
        (_("Cohort: what began in the period"), desk.frame.url(basis=None), cohort),
        (_("Period: what happened in it"), desk.frame.url(basis=PERIOD), not cohort),
    ]
    heading = _("Pre-sale funnel (cohort)") if cohort else _("Pre-sale funnel (period)")
    made = _cohort(desk) if cohort else _period(desk)
    return Content(made.cards, made.blocks, made.notes, tabs, heading)


# Cohort


@dataclass(frozen=True)
class Step:
    """A stage of the funnel with what reached it."""

    stage_id: int
    name: str
    n: int
    amount: FigureRow | None
    onward: FigureRow | None  # of those that reached it, the share that reached the next one

    @property
    def worth(self) -> Any:
        return height(self.amount.value) if self.amount and self.amount.value is not None else 0


def _cohort(desk: Desk) -> Content:
    ids = [BEGAN, CREATED_RATE, OPEN_RATE, *([LEAD_RATE] if _leads(desk) else [])]
    pipeline = pipeline_of(desk)
    # All that is shown of the period, in one statement: to look at each deal takes longest.
    desk.ask({**dict.fromkeys((BEGAN, CREATED_RATE, OPEN_RATE), ("pipeline",)), **dict.fromkeys((CONVERSION, AMOUNT), ("pipeline", "stage"))})
    steps = _steps(desk, pipeline, worth=True) if pipeline else []
    return Content(
        cards=cards(desk, ids, {}, ()),
        blocks=[
            _funnel_block(desk, steps, pipeline.name if pipeline else ""),
            *([_leads_block(desk)] if _leads(desk) else []),
        ],
    )


def later(desk: Desk) -> list[Later]:
    """What became of the deals of each month; and the funnel by source, campaign, rep and the like."""
    if desk.frame.basis == PERIOD:
        return [Later("split", _split_title(desk), lambda: _period_split(desk), FLOW)]
    rates = (CREATED_RATE, OPEN_RATE)
    outcomes = Later("outcomes", _outcomes_title(), lambda: _outcomes_block(desk), rates)
    return [outcomes, Later("split", _split_title(desk), lambda: _split_block(desk), (CONVERSION, *rates))]


def _outcomes_title() -> str:
    return _("What became of the deals of each month (cohort)")


def _split_title(desk: Desk) -> str:
    by = named(desk.frame.split)
    return _("By %(split)s: stages reached (cohort)", split=by) if desk.frame.basis == COHORT else _("By %(split)s (period)", split=by)


def _leads(desk: Desk) -> bool:
    """Whether the company works with leads and the reader may see their figures."""
    return settings().uses_leads and desk.may(LEADS, CONVERTED, LEAD_RATE)


def _chosen(desk: Desk, pipeline: Pipeline) -> dict[str, Any]:
    return {} if "pipeline" in desk.frame.filters else {"pipeline": pipeline.id}


def _reached(desk: Desk, pipeline: Pipeline) -> dict[tuple[Any, int], int]:
    """How many reached a stage, by split and stage: what its conversion is a share of; there is none from a win."""
    by, chosen = desk.frame.split, _chosen(desk, pipeline)
    found = {key: row.n for key, row in by_key(desk.figure(CONVERSION, by, "stage", **chosen), by, "stage").items()}
    rates = desk.figure(CREATED_RATE, by, **chosen)
    wins = db.session.scalars(select(Stage.id).where(Stage.pipeline_id == pipeline.id, Stage.type == WON)).all()
    return found | {(row.keys[by], win): row.numerator for win in wins for row in rates.rows if isinstance(row.numerator, int)}


def _steps(desk: Desk, pipeline: Pipeline, *, worth: bool = False) -> list[Step]:
    """The stages of the funnel in their order; what reached them is valued only where it is shown."""
    stages = select(Stage.id, Stage.name, Stage.type).where(Stage.pipeline_id == pipeline.id, Stage.type.in_((OPEN, WON)))
    stages = stages.order_by(Stage.type == WON, Stage.position, Stage.id)
    chosen = _chosen(desk, pipeline)
    onward = by_key(desk.figure(CONVERSION, "stage", **chosen), "stage")
    amounts = by_key(desk.figure(AMOUNT, "stage", **chosen), "stage") if worth else {}
    won = desk.figure(CREATED_RATE, **chosen).total
    found = db.session.execute(stages).all()
    # What reached a stage is what its conversion is a share of; there is none from a win.
    counts = {s.id: row.n if (row := onward.get(s.id)) else 0 for s in found}
    counts |= {s.id: won.numerator for s in found if s.type == WON and isinstance(won.numerator, int)}
    return [Step(s.id, s.name, counts[s.id], amounts.get(s.id), onward.get(s.id)) for s in found]


def _funnel_block(desk: Desk, steps: Sequence[Step], pipeline: str) -> Block:
    metric, address, worth = desk.metric(BEGAN), desk.behind(BEGAN), desk.behind(AMOUNT)
    drawn, rows = [], []
    for place, step in enumerate(steps):
        before = steps[place - 1] if place else None
        url = address(stage=step.stage_id)
        texts = [number(step.n), *_passed(before, step)]
        drawn.append(Bar(step.name, step.n, texts, f"{step.name}: {text_of(metric, step.n)}", url))
        share = percent(step.n / steps[0].n, 1) if steps[0].n else "–"
        rows.append([Cell(step.name), Cell(number(step.n), step.n, url), Cell(share), *_count_cells(before, step),
                     cell(desk.metric(AMOUNT), step.amount, worth(stage=step.stage_id)), *_amount_cells(desk, before, step)])  # fmt: skip
    title = _("From prospect to purchase (cohort)")
    names = [_("Deals"), _("Passed on"), _("Stayed behind")]
    any_reached = bool(steps) and steps[0].n > 0
    return Block(
        key="funnel",
        title=title,
        note=_("Deals that began in the period, by the furthest stage each has reached so far, whatever became of it. Pipeline: %(name)s.", name=pipeline),
        draw=lambda width: funnel(title, drawn, names, width=width),
        table=Table(
            [Column(_("Stage"), numeric=False), Column(_("Deals")), Column(_("Of the cohort")), Column(_("Passed on")),
             Column(_("Stayed behind")), Column(_("Drop-off")), Column(_("Amount")), Column(_("Passed on, by amount")),
             Column(_("Drop-off, by amount"))],
            rows if any_reached else (),
        ),
    )  # fmt: skip


def _passed(before: Step | None, step: Step) -> list[str]:
    """Of those that reached the stage before, the share that passed on and how many stayed behind."""
    if before is None or before.onward is None or before.onward.value is None:
        return ["", ""]
    assert isinstance(before.onward.value, Decimal)  # a ratio of counts
    return [percent(before.onward.value, 1), f"−{number(before.n - step.n)}"]


def _count_cells(before: Step | None, step: Step) -> list[Cell]:
    if before is None or before.onward is None or before.onward.value is None:
        return [EMPTY, EMPTY, EMPTY]
    passed, stayed = before.onward.value, before.n - step.n
    assert isinstance(passed, Decimal)  # a ratio of counts
    return [Cell(percent(passed, 1), passed), Cell(f"−{number(stayed)}", -stayed), Cell(percent(1 - passed, 1), 1 - passed)]


def _amount_cells(desk: Desk, before: Step | None, step: Step) -> list[Cell]:
    if before is None or not before.worth:
        return [EMPTY, EMPTY]
    share = Decimal(step.worth) / Decimal(before.worth)
    return [Cell(percent(share, 1), round(share, 6)), Cell(percent(1 - share, 1), round(1 - share, 6))]


def _leads_block(desk: Desk) -> Block:
    by = desk.frame.split if desk.frame.split in desk.metric(LEADS).dimensions else "source"
    of = split(desk, (LEADS, LEAD_RATE), by)
    metric = desk.metric(LEADS)
    drawn = _bars(desk, of, LEADS, LEAD_RATE)
    title = _("Leads that came in, by %(split)s (cohort)", split=named(by))
    return Block(
        key="leads",
        title=title,
        note=str(metric.describe),
        draw=partial(_ranking, title, drawn),
        table=Table([first(by), *heads(desk, LEADS, LEAD_RATE)], lines(desk, of), total(desk, (LEADS, LEAD_RATE))),
        broad=False,
    )


def _bars(desk: Desk, of: Any, long: str, beside: str) -> list[Bar]:
    """A bar as long as one figure, with it and another one written behind."""
    address, drawn = desk.behind(long), []
    for k in of.order[:MOST]:
        texts = [text_of(desk.metric(i), row.value) if (row := of.row(i, k)) else "–" for i in (long, beside)]
        drawn.append(Bar(of.names[k], of.value(long, k), texts, f"{of.names[k]}: {texts[0]}", address(**{of.by: k})))
    return drawn


def _ranking(title: str, drawn: Sequence[Bar], width: float, names: Sequence[str] = ()) -> Chart:
    return horizontal(title, drawn, names, width=width)


def _outcomes_block(desk: Desk) -> Block:
    """Month by month what became of what began: recent months look bad as long as much of them is open."""
    months = months_of(desk)
    keys = keys_of(months)
    names = month_names(keys)
    won, still = (by_key(f, "month") for f in desk.figures((CREATED_RATE, OPEN_RATE), "month", during=reach_of(desk, months)))
    address = {state: desk.behind(BEGAN, during=months, state=state) for state in (WON, OPEN, "lost")}
    parts: dict[str, list[Point]] = {WON: [], "lost": [], OPEN: []}
    rows = []
    for key, name in zip(keys, names, strict=True):
        counted = _outcome(won.get(key), still.get(key))
        for state, label in ((WON, _("Won")), ("lost", _("Lost")), (OPEN, _("Still open"))):
            parts[state].append(Point(counted[state], f"{name}, {label}: {number(counted[state])}", address[state](month=key)))
        linked = [Cell(number(counted[s]), counted[s], address[s](month=key) if counted[s] else "") for s in (WON, "lost", OPEN)]
        n = sum(counted.values())
        rows.append([Cell(name), Cell(number(n), n), *linked, cell(desk.metric(CREATED_RATE), won.get(key)), cell(desk.metric(OPEN_RATE), still.get(key))])
    series = [Series(_("Won"), parts[WON], "s1"), Series(_("Lost"), parts["lost"], "s5"), Series(_("Still open"), parts[OPEN], "s3")]
    title = _outcomes_title()
    heading = [Column(_("Began in"), numeric=False), Column(_("Deals")), Column(_("Won")), Column(_("Lost")), Column(_("Still open")),
               *heads(desk, CREATED_RATE), Column(_("Still open, share"))]  # fmt: skip
    return Block(
        key="outcomes",
        title=title,
        note=_("As long as many deals of a month are still open, its win rate is not yet known."),
        draw=lambda width: stacked(title, names, series, axis(desk.metric(BEGAN)), width=width, whole=True),
        table=Table(heading, rows[::-1]),
    )


def _outcome(won: FigureRow | None, still: FigureRow | None) -> dict[str, int]:
    """How many of a month's deals were won, are open and were lost."""
    if won is None or still is None:
        return {WON: 0, "lost": 0, OPEN: 0}
    hits, waiting = won.numerator, still.numerator
    assert isinstance(hits, int) and isinstance(waiting, int)  # counts  # noqa: PT018
    return {WON: hits, "lost": won.n - hits - waiting, OPEN: waiting}


def _split_block(desk: Desk) -> Block:
    """The stages reached by source, campaign, rep and the like, each with its win rate and what is still open."""
    by, pipeline = desk.frame.split, pipeline_of(desk)
    desk.ask({**dict.fromkeys((CREATED_RATE, OPEN_RATE), (by, "pipeline")), CONVERSION: (by, "pipeline", "stage")})
    reached = _reached(desk, pipeline) if pipeline else {}
    steps = _steps(desk, pipeline) if pipeline else []
    of = split(desk, (CREATED_RATE, OPEN_RATE), by)
    order = sorted(of.order, key=lambda k: (k is None, -_n(of.row(CREATED_RATE, k)), of.names[k].casefold()))
    address, plain = desk.behind(BEGAN), {i: desk.behind(i) for i in of.ids}
    rows = []
    for k in order:
        found = [reached.get((k, step.stage_id)) for step in steps]
        stages = [Cell(number(n), n, address(stage=step.stage_id, **{by: k})) if n else EMPTY for step, n in zip(steps, found, strict=True)]
        rates = [cell(desk.metric(i), of.row(i, k), plain[i](**{by: k})) for i in (CREATED_RATE, OPEN_RATE)]
        n = _n(of.row(CREATED_RATE, k))
        rows.append([Cell(of.names[k]), Cell(number(n), n, plain[CREATED_RATE](**{by: k})), *stages, *rates])
    whole = {i: f.total for i, f in zip(of.ids, desk.figures(of.ids), strict=True)}
    last = [Cell(_("Total")), Cell(number(whole[CREATED_RATE].n), whole[CREATED_RATE].n), *(Cell(number(s.n), s.n) for s in steps),
            *(cell(desk.metric(i), whole[i]) for i in (CREATED_RATE, OPEN_RATE))]  # fmt: skip
    title = _split_title(desk)
    drawn = [Bar(of.names[k], _n(of.row(CREATED_RATE, k)), [number(_n(of.row(CREATED_RATE, k))), _rate_text(desk, of.row(CREATED_RATE, k))],
                 f"{of.names[k]}: {number(_n(of.row(CREATED_RATE, k)))}", plain[CREATED_RATE](**{by: k})) for k in order[:MOST]]  # fmt: skip
    return Block(
        key="split",
        title=title,
        draw=partial(_ranking, title, drawn, names=(_("Deals"), str(desk.metric(CREATED_RATE).label))),
        table=Table(
            [first(by), Column(_("Deals")), *(Column(step.name) for step in steps), *heads(desk, CREATED_RATE, OPEN_RATE)],
            rows, last,
        ),
    )  # fmt: skip


def _n(row: FigureRow | None) -> int:
    return row.n if row else 0


def _rate_text(desk: Desk, row: FigureRow | None) -> str:
    return text_of(desk.metric(CREATED_RATE), row.value if row else None)


# Period


def _period(desk: Desk) -> Content:
    monthly = _monthly_block(desk)  # tells some of the totals
    found: list[Card] = cards(desk, (DEALS, RATE, RATE_VALUE, WON_AMOUNT), {}, ())
    return Content(cards=found, blocks=[_flow_block(desk), monthly])


def _flow_block(desk: Desk) -> Block:
    """How much happened at each step in the period; the deals of one step are not those of the next."""
    ids = [*((LEADS, CONVERTED) if _leads(desk) else ()), DEALS, QUALIFIED, WON_COUNT, LOST_COUNT]
    figures = desk.figures(ids)
    amounts = {QUALIFIED: QUALIFIED, WON_COUNT: WON_AMOUNT}
    drawn, rows = [], []
    for figure in figures:
        metric, n = figure.metric, figure.total.n
        label = _("Deals qualified") if metric.id == QUALIFIED else str(metric.label)
        url = desk.behind(metric.id)()
        drawn.append(Bar(label, n, [number(n)], f"{label}: {number(n)}", url, css="s5" if metric.id == LOST_COUNT else "s1"))
        worth = desk.figure(amounts[metric.id]).total if metric.id in amounts else None
        rows.append([Cell(label), Cell(number(n), n, url), cell(desk.metric(amounts.get(metric.id, QUALIFIED)), worth)])
    title = _("What happened in the period")
    return Block(
        key="flow",
        title=title,
        note=_("Each step counts what happened to it in the period, whenever it began: these are not the same deals."),
        draw=partial(_ranking, title, drawn),
        table=Table([Column(_("Step"), numeric=False), Column(_("Number")), Column(_("Amount"))], rows),
        broad=False,
    )


def _monthly_block(desk: Desk) -> Block:
    months = months_of(desk)
    keys = keys_of(months)
    names = month_names(keys)
    shown = ((DEALS, _("Began")), (WON_COUNT, _("Won")), (LOST_COUNT, _("Lost")))
    found = {i: course(desk, i, months) for i, _label in shown}
    series = [
        Series(label, [Point(found[i].value(k), f"{name}, {label}: {number(found[i].value(k))}", found[i].url(k))
                       for k, name in zip(keys, names, strict=True)], css)
        for (i, label), css in zip(shown, ("s2", "s1", "s5"), strict=True)
    ]  # fmt: skip
    rates = course(desk, RATE, months)
    rows = [[Cell(name), *(found[i].cell(k) for i, _label in shown), rates.cell(k)] for k, name in zip(keys, names, strict=True)]
    title = _("Began, won and lost by month (period)")
    return Block(
        key="months",
        title=title,
        draw=lambda width: bars(title, names, series, axis(desk.metric(DEALS)), width=width, whole=True),
        table=Table([Column(_("Month"), numeric=False), *(Column(label) for _i, label in shown), *heads(desk, RATE)], rows[::-1]),
        broad=False,
    )


def _period_split(desk: Desk) -> Block:
    by = desk.frame.split
    ids = FLOW
    of = split(desk, ids, by)
    title = _split_title(desk)
    drawn = _bars(desk, of, DEALS, RATE)
    return Block(
        key="split",
        title=title,
        draw=partial(_ranking, title, drawn, names=(str(desk.metric(DEALS).label), str(desk.metric(RATE).label))),
        table=Table([first(by), *heads(desk, *ids)], lines(desk, of), total(desk, ids)),
    )
