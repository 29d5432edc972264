"""How long it takes: in each stage, won against lost; from beginning to win; until the first contact."""

from __future__ import annotations

from typing import Any

from app.core.charts import Point, Series, bars, lines
from app.core.figures import FigureRow
from app.core.formats import number
from app.core.i18n import _
from app.core.reports.asking import Address, Desk, by_key
from app.core.reports.blocks import EMPTY, Block, Cell, Column, Content, Later, Table
from app.core.reports.months import course, keys_of, months_of, reach_of
from app.core.reports.tables import first, heads, named, split, total
from app.core.reports.tables import lines as lines_of
from app.core.reports.wording import axis, cell, month_names, text_of
from app.modules.crm.models import LOST, WON
from app.modules.crm.reports.pipelines import open_stages, pipeline_of
from app.modules.crm.reports.sales import cards

MEDIAN, NINE = "crm.time_in_stage_days", "crm.time_in_stage_days_p90"
CYCLE, CYCLE_NINE, CONTACT = "crm.sales_cycle_days", "crm.sales_cycle_days_p90", "crm.first_contact_hours"
SPLITS = ("owner", "team", "segment", "source", "product", "pipeline")


def content(desk: Desk) -> Content:
    """Time in stage, and the sales cycle by month."""
    ids = (CYCLE, CYCLE_NINE)
    months = months_of(desk)
    keys = keys_of(months)
    desk.figures(ids, "month", during=reach_of(desk, months))  # they tell the totals
    courses = {i: course(desk, i, months) for i in ids}
    blocks = [*([_stages(desk)] if desk.may(MEDIAN, NINE) else []), _cycle(desk, courses, keys)]
    return Content(cards=cards(desk, ids, courses, keys), blocks=blocks)


def later(desk: Desk) -> list[Later]:
    """Everything by rep, team or segment, with the time to the first contact, which is looked up deal by deal."""
    return [Later("split", _split_title(desk), lambda: _split(desk), _shown(desk))]


def _split_title(desk: Desk) -> str:
    return _("Durations by %(split)s", split=named(desk.frame.split))


def _stages(desk: Desk) -> Block:
    """Median and nine of ten by stage, and the median of those that were won beside those that were lost."""
    known = (WON, LOST)
    by_end = by_key(desk.figures((MEDIAN, NINE), "stage", "state")[0], "stage", "state")
    all_of = {i: by_key(desk.figure(i, "stage"), "stage") for i in (MEDIAN, NINE)}
    pipeline = pipeline_of(desk)
    stages = [s for s in open_stages() if s.id in all_of[MEDIAN] and pipeline and s.pipeline_id == pipeline.id]
    metric, address = desk.metric(MEDIAN), desk.behind(MEDIAN)
    series = [
        Series(label, [_point(metric, by_end.get((s.id, end)), f"{s.name}, {label}", address(stage=s.id, state=end)) for s in stages], css)
        for end, label, css in ((WON, _("Won"), "s1"), (LOST, _("Lost"), "s5"))
    ]
    rows = [
        [Cell(s.name), _counted(all_of[MEDIAN].get(s.id), address(stage=s.id)), *(cell(desk.metric(i), all_of[i].get(s.id)) for i in (MEDIAN, NINE)),
         *(_timed(metric, by_end.get((s.id, end)), address, s.id, end) for end in known)]
        for s in stages
    ]  # fmt: skip
    title = _("Days in each stage, won against lost")
    return Block(
        key="stages",
        title=title,
        note=_("Median of the deals that came into the stage in the period, all their stays there together; deals still there count as "
               "not over. Pipeline: %(name)s.", name=pipeline.name if pipeline else "–"),
        draw=lambda width: bars(title, [s.name for s in stages], series, axis(metric), width=width),
        table=Table(
            [first("stage"), Column(_("Deals")), Column(_("Median")), Column(_("Nine of ten")), Column(_("Won (median)")), Column(_("Lost (median)"))],
            rows,
        ),
    )


def _point(metric: Any, row: FigureRow | None, name: str, url: str) -> Point:
    value = row.value if row else None
    return Point(value, f"{name}: {text_of(metric, value)}", url)  # type: ignore[arg-type]  # days are no money


def _counted(row: FigureRow | None, url: str) -> Cell:
    return Cell(number(row.n), row.n, url) if row else EMPTY


def _timed(metric: Any, row: FigureRow | None, address: Address, stage_id: int, end: str) -> Cell:
    found = cell(metric, row, address(stage=stage_id, state=end))
    return Cell(found.text, found.value, found.url, _("n = %(n)s", n=number(row.n)), found.css) if row and found.text else EMPTY


def _cycle(desk: Desk, courses: dict[str, Any], keys: list[int]) -> Block:
    names = month_names(keys)
    series = [
        Series(label, [Point(courses[i].value(k), f"{name}, {label}: {courses[i].cell(k).text}", courses[i].url(k)) for k, name in zip(keys, names, strict=True)])
        for i, label in ((CYCLE, _("Median")), (CYCLE_NINE, _("Nine of ten")))
    ]
    rows = [
        [Cell(name), _counted(courses[CYCLE].rows.get(k), courses[CYCLE].url(k)), courses[CYCLE].cell(k), courses[CYCLE_NINE].cell(k)]
        for k, name in zip(keys, names, strict=True)
    ]
    title = _("Sales cycle by month of the win")
    return Block(
        key="cycle",
        title=title,
        note=_("Days from the beginning of a deal to its win."),
        draw=lambda width: lines(title, names, series, axis(courses[CYCLE].metric), width=width),
        table=Table([Column(_("Month"), numeric=False), Column(_("Deals won")), Column(_("Median")), Column(_("Nine of ten"))], rows[::-1]),
    )


def _shown(desk: Desk) -> list[str]:
    """The durations that the reader may see and that can be split so."""
    return [i for i in (CYCLE, CYCLE_NINE, CONTACT) if desk.may(i) and desk.frame.split in desk.metric(i).dimensions]


def _split(desk: Desk) -> Block:
    by, shown = desk.frame.split, _shown(desk)
    of = split(desk, shown, by)
    return Block(
        key="split",
        title=_split_title(desk),
        table=Table([first(by), *heads(desk, *shown)], lines_of(desk, of), total(desk, shown)),
    )
