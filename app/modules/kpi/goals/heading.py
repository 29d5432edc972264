"""Where a goal is heading, in words and as a fan at the end of its chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from flask import g

from app.core.charts import Chart, Series, Shape, Sheet, n
from app.core.formats import money, percent
from app.core.i18n import _
from app.core.metrics import Metric
from app.core.money import Money, exponent
from app.core.reports.wording import axis
from app.modules.kpi.goals.telling import about
from app.modules.kpi.models import Goal
from app.modules.kpi.progress.forecast import Forecast
from app.modules.kpi.progress.measure import in_own_currency
from app.modules.kpi.quantities import unit_of

TALL = 228
TEN = 10
ASIDE, BROAD, RING = 14, 5, 3.5  # pixels: how far from the last point the bounds stand, how broad they are, how large the middle


@dataclass(frozen=True)
class Heading:
    """Where a goal is heading: in a sentence, the end in short, the bounds, what they are drawn from, and why it is not known."""

    sentence: str = ""
    middle: str = ""
    bounds: str = ""
    basis: str = ""
    reason: str = ""


def heading(goal: Goal, forecast: Forecast | None, currency: str | None = None) -> Heading | None:
    """Where a goal is heading, in its own currency or the one that is named. None where there is nothing to say: it does not
    run, the reader may not see its figure, or nothing can change any more."""
    if forecast is None or (forecast.middle is not None and forecast.low == forecast.high):
        return None
    code = currency or goal.currency or g.company.currency
    if forecast.low is None or forecast.middle is None or forecast.high is None:
        at_pace = _said(goal, forecast.at_pace, code)
        return Heading(_("At the pace so far it ends at %(value)s.", value=at_pace) if at_pace else "", reason=forecast.reason)
    step = _step(goal, _in(code, goal, forecast.high) - _in(code, goal, forecast.low))
    low, middle, high = (_said(goal, each, code, step) for each in (forecast.low, forecast.middle, forecast.high))
    return Heading(
        _("Heading for %(middle)s (%(low)s to %(high)s).", middle=middle, low=low, high=high),
        middle,
        _("%(low)s to %(high)s", low=low, high=high),
        _("8 of 10 times it ends between these bounds, going by the last %(n)s months.", n=forecast.months),
    )


def _step(goal: Goal, reach: Decimal) -> Decimal:
    """To what a forecast is rounded: money to two digits of how far its bounds lie apart, for the rest would feign an
    exactness that it has not."""
    return Decimal(10) ** (reach.adjusted() - 1) if unit_of(goal.metric) == "money" and reach >= TEN else Decimal(1)


def _in(code: str, goal: Goal, value: Decimal) -> Decimal:
    """A value of company currency in another; figures that are no money are what they are."""
    own = unit_of(goal.metric) == "money" and code != g.company.currency
    return (in_own_currency(goal, value) or value) if own else value


def _said(goal: Goal, value: Decimal | None, code: str, step: Decimal = Decimal(1)) -> str:
    unit = unit_of(goal.metric)
    if value is None:
        return ""
    if unit == "ratio":
        return percent(value)
    if unit != "money":
        return about(value, unit)
    whole = (_in(code, goal, value) / step).to_integral_value(ROUND_HALF_UP) * step
    return money(Money(int(whole.scaleb(exponent(code))), code))


def with_fan(metric: Metric, names: Sequence[str], series: Sequence[Series], fan: tuple[int, Sequence[Any]], told: Heading,
             width: float) -> Chart:  # fmt: skip
    """Lines over stretches of a goal's days, and from the point where it stands a fan to where it ends. `fan`: the place of
    that point, its height and those of the lower bound, the middle and the upper one."""
    sheet = Sheet(str(metric.label), names, width, TALL, axis(metric), whole=metric.unit == "count")
    at, (now, low, middle, high) = fan
    sheet.axes([float(v) for v in (*(p.value for one in series for p in one.points), low, high) if v is not None])
    begin, end = n(sheet.across(at)), n(sheet.across(len(names) - 1) + min(ASIDE, sheet.slot / 3))
    top, foot = n(sheet.up(high)), n(sheet.up(low))
    sheet.shapes.append(Shape("path", "fan", {"d": f"M{begin} {n(sheet.up(now))} L{end} {top} V{foot} Z"}))
    chart = sheet.lines(series)
    left, right = n(end - BROAD), n(end + BROAD)
    bounds = {"d": f"M{left} {top} H{right} M{end} {top} V{foot} M{left} {foot} H{right}"}
    ring = {"cx": end, "cy": n(sheet.up(middle)), "r": RING}
    shapes = (Shape("path", "mark", bounds, title=told.bounds), Shape("circle", "ring", ring, title=told.sentence))
    return replace(chart, shapes=(*chart.shapes, *shapes), legend=(*_named(chart, series), ("fan", _("Heading for"))))


def _named(chart: Chart, series: Sequence[Series]) -> Sequence[tuple[str, str]]:
    """The legend of the lines, also where there is but one of them."""
    return chart.legend or [(one.css, one.name) for one in series]
