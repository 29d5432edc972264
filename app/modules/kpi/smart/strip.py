"""The owner's past as bars, with the target as a line across them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from babel.dates import get_month_names

from app.core.charts import Chart, Scale, Shape, n, wide
from app.core.i18n import _, language
from app.core.metrics import Metric
from app.core.relative_dates import around, names_of
from app.modules.kpi.models import BAND, QUARTER, YEAR, Goal
from app.modules.kpi.progress.history import Past
from app.modules.kpi.progress.measure import in_company_currency, reached
from app.modules.kpi.smart.wording import ours

BROAD, SLIM = 500.0, 296.0  # of the drawer, and on a phone
TALL, FOOT, TOP = 84.0, 62.0, 10.0
MOST = {BROAD: 12, SLIM: 6}  # periods that have room
THICK = 44.0


@dataclass(frozen=True)
class Row:
    """A period of the table behind the drawing."""

    name: str
    value: str
    hit: bool


@dataclass(frozen=True)
class Strip:
    """The drawing, broad and slim, and the table that says the same."""

    broad: Chart
    slim: Chart
    rows: Sequence[Row]


def strip(goal: Goal, past: Sequence[Past], metric: Metric) -> Strip | None:
    """The periods of a goal's past; None where there are none."""
    if not past:
        return None
    rows = [Row(name_of(each.first, each.last, goal.period), ours(each.value or Decimal(0), metric), bool(reached(goal, each.value)))
            for each in past]  # fmt: skip
    return Strip(_drawn(goal, past, metric, BROAD), _drawn(goal, past, metric, SLIM), rows)


def name_of(first: date, last: date, period: str) -> str:
    """A short name of a period: "Q1 26" where it is one of the fiscal calendar, else by its last month."""
    if period == YEAR and around(first, YEAR) == (first, last):
        return names_of(first, YEAR)
    if period == QUARTER and around(first, QUARTER) == (first, last):
        return _("Q%(quarter)s %(year)s", quarter=((first.month - around(first, YEAR)[0].month) % 12) // 3 + 1, year=f"{last:%y}")
    months = get_month_names("abbreviated", context="stand-alone", locale=language())
    name = months[last.month].rstrip(".")
    if period in (QUARTER, YEAR):
        return f"{months[first.month].rstrip('.')}–{name} {last:%y}"
    return f"{name} {last:%y}"


def _lines(goal: Goal) -> list[Decimal]:
    """Where the target lies, or the ends of the band."""
    found = [goal.low, goal.high] if goal.direction == BAND else [in_company_currency(goal)]
    return [each for each in found if each is not None]


def _drawn(goal: Goal, past: Sequence[Past], metric: Metric, width: float) -> Chart:
    shown = past[-MOST[width] :]
    lines = _lines(goal)
    texts = [ours(each, metric) for each in lines]
    right = width - max([wide(text) + 10 for text in texts], default=0)
    known = [float(each.value or 0) for each in shown] + [float(each) for each in lines]
    up = Scale(min(0.0, *known), max(0.0, *known), FOOT, TOP)
    slot = right / len(shown)
    shapes: list[Shape] = []
    names = [name_of(each.first, each.last, goal.period) for each in shown]
    every = 1 if max(map(wide, names)) < slot else 2
    for place, (each, name) in enumerate(zip(shown, names, strict=True)):
        middle = (place + 0.5) * slot
        hit = bool(reached(goal, each.value))
        shapes += _bar(float(each.value or 0), up, middle, min(THICK, slot * 0.7), f"{name}: {ours(each.value or Decimal(0), metric)}", hit)
        if (len(shown) - 1 - place) % every == 0:
            shapes.append(Shape("text", "tick", {"x": n(middle), "y": TALL - 6, "text-anchor": "middle"}, text=name))
    for value, text in zip(lines, texts, strict=True):
        y = n(up(value))
        shapes.append(Shape("line", "mark", {"x1": 0, "x2": n(right), "y1": y, "y2": y}))
        shapes.append(Shape("text", "val", {"x": n(right + 6), "y": n(max(y + 4, 12)), "text-anchor": "start"}, text=text))
    label = _("%(metric)s: what was before, against %(target)s", metric=metric.label, target=" – ".join(texts) or "–")
    return Chart(width, TALL, label, tuple(shapes))


def _bar(value: float, up: Scale, middle: float, thick: float, title: str, hit: bool) -> list[Shape]:
    top, bottom = sorted((up(value), up(0)))
    tall = max(bottom - top, 1.5)
    at = {"x": n(middle - thick / 2), "y": n(bottom - tall), "width": n(thick), "height": n(tall), "rx": 2}
    return [Shape("rect", "s1" if hit else "s5", at, title=title)]


