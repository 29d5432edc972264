"""How a goal got where it is: month by month against the pace, and the periods before it against the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from flask import g

from app.core.charts import MOST_BROAD, Chart, Point, Series, Shape, Sheet, lines, n
from app.core.clock import today
from app.core.errors import BusinessError
from app.core.formats import day
from app.core.i18n import _
from app.core.metrics import Metric, evaluate, metrics
from app.core.money import exponent
from app.core.reports.blocks import EMPTY, Block, Cell, Column, Table
from app.core.reports.wording import axis, month_names
from app.modules.kpi.goals.addresses import records_url
from app.modules.kpi.goals.heading import TALL, Heading, heading, with_fan
from app.modules.kpi.goals.telling import about
from app.modules.kpi.models import BAND, MEMBER, Goal
from app.modules.kpi.progress.curve import months_of, share_by
from app.modules.kpi.progress.forecast import Forecast, forecasts
from app.modules.kpi.progress.history import Past, history
from app.modules.kpi.progress.measure import (
    Question,
    accrues,
    converted,
    in_company_currency,
    measure,
    plain,
    query_of,
    question,
    reached,
    refusal,
)
from app.modules.kpi.quantities import shown

ONE_DAY = timedelta(days=1)
WEEKLY = 2  # months; shorter goals are shown week by week


@dataclass(frozen=True)
class Step:
    """A stretch of a goal's days: what it brought, what was reached at its end, and what the pace asked for by then."""

    first: date
    last: date
    own: Decimal | None
    reached: Decimal | None
    expected: Decimal | None


def blocks_of(goal: Goal) -> list[Block]:
    """The charts of a goal, each with its table; none where the reader may not see its figure."""
    metric = metrics().get(goal.metric)
    if metric is None or refusal(goal, metric):
        return []
    found = [_course(goal, metric), _before(goal, metric)]
    return [block for block in found if block is not None]


def course(goal: Goal, metric: Metric) -> list[Step]:
    """A goal's days in months, or weeks where it is short, up to today. A figure that adds up is summed on the way; of
    others each stretch has its own. At most six statements."""
    stretches = months_of(goal.first_day, goal.last_day)
    if accrues(metric) and len(stretches) <= WEEKLY:
        stretches = _weeks(goal.first_day, goal.last_day)
        values = [_asked(goal, first, last) for first, last in stretches if first <= today()]
    elif "month" in metric.dimensions:
        values = _by_month(goal, [s for s in stretches if s[0] <= today()])
    else:
        return []
    target = in_company_currency(goal)
    sums = accrues(metric)
    steps, so_far = [], Decimal(0)
    for place, (first, last) in enumerate(stretches):
        own = values[place] if place < len(values) else None
        so_far += own or 0
        expected = None if target is None else target * share_by(goal, last) if sums else target
        known = place < len(values)
        steps.append(Step(first, last, own, (so_far if sums else own) if known else None, expected))
    return steps


def _weeks(first: date, last: date) -> list[tuple[date, date]]:
    found = []
    while first <= last:
        end = min(first + timedelta(days=6 - first.weekday()), last)
        found.append((first, end))
        first = end + ONE_DAY
    return found


def _about(goal: Goal, first: date, last: date) -> Question:
    """The question of a goal about some days, confined to its owner where it is a person's."""
    what = question(goal, min(last, today()), first)
    if goal.scope == MEMBER:
        what = replace(what, filters=(*what.filters, ("owner", goal.owner_id)))
    return what


def _asked(goal: Goal, first: date, last: date) -> Decimal | None:
    try:
        return plain(evaluate(goal.metric, query_of(_about(goal, first, last))).total.value)
    except BusinessError:
        return None


def _by_month(goal: Goal, stretches: Sequence[tuple[date, date]]) -> list[Decimal | None]:
    if not stretches:
        return []
    try:
        figure = evaluate(goal.metric, query_of(_about(goal, stretches[0][0], stretches[-1][1]), "month"))
    except BusinessError:
        return [None] * len(stretches)
    values = {row.keys["month"]: plain(row.value) for row in figure.rows}
    return [values.get(first.year * 12 + first.month - 1) for first, _last in stretches]


# Charts


def _course(goal: Goal, metric: Metric) -> Block | None:
    steps = course(goal, metric)
    if len(steps) < 2:
        return None
    unit, target, sums = metric.unit, in_company_currency(goal), accrues(metric)
    names = _names(steps)
    urls = [records_url(goal, step.first, min(step.last, today())) or "" for step in steps]
    with_pace = sums and target is not None
    ahead, told = _ahead(goal, metric)

    def draw(width: float) -> Chart:
        actual = [Point(_high(s.reached, unit), _("%(when)s: %(value)s", when=name, value=shown(s.reached, unit)), url)
                  for s, name, url in zip(steps, names, urls, strict=True)]  # fmt: skip
        series = [Series(_("Reached so far"), actual, "line1")]
        if with_pace:
            series.append(Series(_("On pace"), [Point(_high(s.expected, unit)) for s in steps], "line2"))
        for label, amount in _aims(goal):
            series.append(Series(label, [Point(_high(amount, unit))] * len(steps), "line3"))
        at = max((place for place, step in enumerate(steps) if step.reached is not None), default=-1)
        if ahead is None or told is None or at < 0:
            return lines(str(metric.label), names, series, axis(metric), width=width, whole=unit == "count")
        fan = [actual[at].value, *(_high(each, unit) for each in (ahead.low, ahead.middle, ahead.high))]
        return with_fan(metric, names, series, (at, fan), told, width)

    title = _("Reached against the pace") if with_pace else _("In the course of the period")
    foot = [f"{told.sentence} {told.basis}"] if told else []
    return Block("course", title, _table(steps, urls, unit, sums, with_pace, ahead, told), draw=draw, broad=False, foot=foot)


def _table(steps: Sequence[Step], urls: Sequence[str], unit: str, sums: bool, with_pace: bool, ahead: Forecast | None,
           told: Heading | None) -> Table:  # fmt: skip
    """What the chart shows, stretch by stretch, and at the foot where it is heading."""
    columns = [Column(_("Until"), numeric=False), Column(_("In it") if sums else _("Value"))]
    columns += [Column(_("Reached so far"))] if sums else []
    columns += [Column(_("On pace"))] if with_pace else []
    rows, total = [], []
    for step, url in zip(steps, urls, strict=True):
        cells = [Cell(day(step.last)), _cell(step.own, unit, url if step.reached is not None else "")]
        cells += [_cell(step.reached, unit)] if sums else []
        cells += [Cell(about(step.expected, unit), step.expected)] if with_pace else []
        rows.append(cells)
    if ahead and told:
        total = [Cell(_("Heading for")), EMPTY, Cell(told.middle, ahead.middle)] + [EMPTY] * with_pace
    return Table(columns, rows, total)


def _ahead(goal: Goal, metric: Metric) -> tuple[Forecast | None, Heading | None]:
    """Where a sum that grows is heading, in company currency as all of its chart is; of other figures the stretches are no way
    to the end."""
    if not accrues(metric):
        return None, None
    found = forecasts([goal], measure([goal])).get(goal.id)
    told = heading(goal, found, g.company.currency)
    return (found, told) if told and told.middle else (None, None)


def _before(goal: Goal, metric: Metric) -> Block | None:
    """What the periods before brought, against what is wanted now."""
    past = history([goal])[goal.id].periods
    if not past:
        return None
    unit = metric.unit
    names = [_named(goal, each) for each in past]
    hits = [reached(goal, each.value) for each in past]
    urls = [records_url(goal, each.first, each.last) or "" for each in past]

    points = [Point(_high(each.value, unit), _("%(when)s: %(value)s", when=name, value=shown(each.value, unit)), url)
              for each, name, url in zip(past, names, urls, strict=True)]  # fmt: skip

    def draw(width: float) -> Chart:
        return _against(metric, names, points, [_high(amount, unit) for _name, amount in _aims(goal)], hits, width)

    rows = [[Cell(name), _cell(each.value, unit, url),
             Cell("–" if hit is None else _("Yes") if hit else _("No"))]
            for each, name, url, hit in zip(past, names, urls, hits, strict=True)]  # fmt: skip
    columns = [Column(_("Period"), numeric=False), Column(_("Value")), Column(_("Reached it"), numeric=False)]
    known = [hit for hit in hits if hit is not None]
    foot = [_("It would have been reached in %(hits)s of %(all)s periods.", hits=sum(known), all=len(known))] if known else []
    return Block("before", _("The periods before"), Table(columns, rows), draw=draw, broad=False, foot=foot)


def _against(metric: Metric, names: Sequence[str], points: Sequence[Point], aims: Sequence[Any], hits: Sequence[bool | None],
             width: float) -> Chart:  # fmt: skip
    """Bars before the target, a line across; those that reach it are the dark ones."""
    sheet = Sheet(str(metric.label), names, width, TALL, axis(metric), whole=metric.unit == "count")
    sheet.axes([float(v) for v in (*(p.value for p in points), *aims) if v is not None])
    thick = min(MOST_BROAD, sheet.slot * 0.66)
    for place, (point, hit) in enumerate(zip(points, hits, strict=True)):
        if point.value is not None:
            sheet.bar("s1" if hit else "s5", sheet.across(place) - thick / 2, thick, 0, float(point.value), point)
    for aim in aims:
        if aim is not None:
            y = n(sheet.up(aim))
            sheet.shapes.append(Shape("line", "mark", {"x1": n(sheet.left), "x2": n(width - 2), "y1": y, "y2": y}))
    legend = (("s1", _("Reached it")), ("s5", _("Did not"))) if aims and any(hits) and not all(hits) else ()
    return Chart(width, TALL, str(metric.label), tuple(sheet.shapes), legend)


def _aims(goal: Goal) -> list[tuple[str, Decimal | None]]:
    """What is aimed at, in company currency: the target, or both ends of a band."""
    if goal.direction == BAND:
        return [(_("At least"), converted(goal, goal.low)), (_("At most"), converted(goal, goal.high))]
    target = in_company_currency(goal)
    return [] if target is None else [(_("Target"), target)]


def _names(steps: Sequence[Step]) -> list[str]:
    """Short names of stretches: months, or the last days of weeks."""
    if all(step.first.month == step.last.month and (step.last - step.first).days > 6 for step in steps):
        return month_names([step.first.year * 12 + step.first.month - 1 for step in steps])
    return [f"{step.last.day}/{step.last.month}" for step in steps]


def _named(goal: Goal, past: Past) -> str:
    months = (past.last.year - past.first.year) * 12 + past.last.month - past.first.month + 1
    key = past.first.year * 12 + past.first.month - 1
    names = month_names([key, key + months - 1])
    first = f"{names[0].split()[0]}"
    return f"{first} {past.first.year % 100:02}" if months == 1 else f"{first}–{names[1].split()[0]} {past.last.year % 100:02}"


def _high(value: Decimal | None, unit: str) -> Any:
    """How high a value is drawn: money in minor units, as the axis wants it."""
    if value is None or unit != "money":
        return value
    return int(value.scaleb(exponent(g.company.currency)).to_integral_value(ROUND_HALF_UP))


def _cell(value: Decimal | None, unit: str, url: str = "") -> Cell:
    return Cell(shown(value, unit), value, url if value is not None else "")
