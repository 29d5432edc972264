"""Charts as SVG: where every mark lies, worked out on the server; `templates/macros/charts.html` writes them down.

Marks carry literal colours, so that a chart prints and goes into a PDF as it is, and classes by which the style sheet
overrides them. A chart is drawn at the width of its place: a phone gets a chart of its own, not this one made smaller.
Numbers come in as int, Decimal or None ("no figure"); only places on the paper are floats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import pairwise
from math import ceil, floor, log10
from typing import Any

Number = int | Decimal
Write = Callable[[Any], str]

WIDE, HALF, NARROW = 1140, 548, 294  # of a panel across the page, of one beside another, and on a phone
LETTER = 6.7  # mean width of a letter at 12 px
TEXT = 12
ROUND = 2.5
MOST_BROAD = 40.0  # a bar

# What a class looks like where no style sheet is at hand: on paper. The style sheet says it again, light and dark.
PAINT: dict[str, dict[str, Any]] = {
    "s1": {"fill": "#7b285d"},
    "s2": {"fill": "#bb7aa3"},
    "s3": {"fill": "#e6cfdc"},
    "s4": {"fill": "#6c666a"},
    "s5": {"fill": "#cfc8cc"},
    "prev": {"fill": "#cfc8cc"},
    "part": {"fill": "#dcb9cd"},
    "ghost": {"fill": "#f3f0f2"},
    "line1": {"fill": "none", "stroke": "#7b285d", "stroke-width": 2, "stroke-linejoin": "round"},
    "line2": {"fill": "none", "stroke": "#6c666a", "stroke-width": 2, "stroke-dasharray": "5 4", "stroke-linejoin": "round"},
    "line3": {"fill": "none", "stroke": "#bb7aa3", "stroke-width": 2, "stroke-dasharray": "2 3", "stroke-linejoin": "round"},
    "dot1": {"fill": "#7b285d", "stroke": "#ffffff", "stroke-width": 1.5},
    "dot2": {"fill": "#6c666a", "stroke": "#ffffff", "stroke-width": 1.5},
    "dot3": {"fill": "#bb7aa3", "stroke": "#ffffff", "stroke-width": 1.5},
    "area": {"fill": "#f8f0f4"},
    "fan": {"fill": "#f3e6ee", "stroke": "#9a5583", "stroke-width": 1, "stroke-linejoin": "round"},
    "ring": {"fill": "#ffffff", "stroke": "#261f23", "stroke-width": 2},
    "gridline": {"stroke": "#e9e5e8", "stroke-width": 1},
    "axis": {"stroke": "#d8d2d6", "stroke-width": 1},
    "mark": {"fill": "none", "stroke": "#261f23", "stroke-width": 2},
    "tick": {"fill": "#6c666a", "font-size": TEXT},
    "lab": {"fill": "#261f23", "font-size": TEXT, "font-weight": 500},
    "val": {"fill": "#261f23", "font-size": TEXT, "font-weight": 600},
    "worst": {"fill": "#bd242a", "font-size": TEXT, "font-weight": 600},
}
SERIES, LINES = ("s1", "s2", "s3", "s4", "s5"), ("line1", "line2", "line3")


@dataclass(frozen=True)
class Shape:
    """One SVG element: `kind` rect, path, line, circle or text. With `url` it is a link, with `title` it says what it is."""

    kind: str
    css: str
    at: dict[str, Any]
    text: str = ""
    title: str = ""
    url: str = ""

    @property
    def attributes(self) -> dict[str, Any]:
        """What stands in the element: its class, its literal colours and its place."""
        return {"class": self.css, **PAINT.get(self.css, {}), **self.at}


@dataclass(frozen=True)
class Chart:
    """A drawing of `width` × `height`; `legend` are classes and names of what is not named in the drawing itself."""

    width: float
    height: float
    label: str
    shapes: tuple[Shape, ...]
    legend: tuple[tuple[str, str], ...] = ()

    @property
    def linked(self) -> bool:
        return any(shape.url for shape in self.shapes)


@dataclass(frozen=True)
class Point:
    """A value of a series; `title` says it in words, `url` leads to the records behind it, `part` says it is unfinished."""

    value: Number | None
    title: str = ""
    url: str = ""
    part: bool = False


@dataclass(frozen=True)
class Series:
    """A row of points, one for each category; `css` is a class of `PAINT`, by place among its fellows where not given."""

    name: str
    points: Sequence[Point]
    css: str = ""


@dataclass(frozen=True)
class Bar:
    """A line of a horizontal chart: its name, its length, and what is written behind it, column by column."""

    name: str
    value: Number | None
    texts: Sequence[str] = ()
    title: str = ""
    url: str = ""
    css: str = "s1"
    ghost: Number | None = None  # drawn behind it: what it could have been
    worst: bool = False  # its texts, from the second on, are what to look at first


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` on paper from `start` to `end`; a scale of no length puts everything at `start`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float | Number) -> float:
        reach = self.high - self.low
        return self.start if not reach else self.start + (float(value) - self.low) / reach * (self.end - self.start)


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers from at or below `low` to at or above `high`, at steps of 1, 2 or 5 times a power of ten, with zero.

    Of nothing: 0 and 1. Never more than `most` + 2 of them.
    """
    low, high = min(0.0, low), max(0.0, high)
    if low == high:
        return [0.0, 1.0]
    step = _step((high - low) / max(1, most - 1))
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [round(place * step, 10) for place in range(first, last + 1)]


def _step(least: float) -> float:
    """The smallest 1, 2 or 5 times a power of ten that is at least so much."""
    power = 10.0 ** floor(log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))


def clipped(text: str, room: float) -> str:
    """Text that fits into so many pixels, with an ellipsis where something is left out."""
    most = max(1, int(room / LETTER))
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def wide(text: str) -> float:
    """About how wide a text is, in pixels."""
    return len(text) * LETTER


def n(value: float) -> float:
    """A place on paper to a tenth of a pixel."""
    return round(value, 1)


@dataclass
class Sheet:
    """What a chart with axes is drawn on: categories side by side, values upwards, zero always in sight."""

    label: str
    categories: Sequence[str]
    width: float
    height: float
    write: Write
    whole: bool = False  # values are counts: no ticks between whole numbers
    shapes: list[Shape] = field(default_factory=list)

    def axes(self, values: Sequence[float], most: int = 5) -> None:
        """Grid, ticks and names of the categories; afterwards `up` and `across` say where things lie."""
        marks = ticks(min(values, default=0), max(values, default=0), most)
        if self.whole:
            marks = [mark for mark in marks if mark == int(mark)]
        texts = [self.write(_exact(mark)) for mark in marks]
        self.left = 12 + max(map(wide, texts))
        self.foot = self.height - 24
        self.up = Scale(marks[0], marks[-1], self.foot, 14)
        self.slot = (self.width - self.left - 6) / max(1, len(self.categories))
        nothing = not any(values)  # whatever height an axis names where there is nothing is made up
        for mark, text in zip(marks, texts, strict=True):
            if nothing and mark:
                continue
            y = n(self.up(mark))
            css = "axis" if mark == 0 else "gridline"
            self.shapes.append(Shape("line", css, {"x1": n(self.left), "x2": n(self.width - 2), "y1": y, "y2": y}))
            self.words("tick", self.left - 8, y + 4, text, "end")
        self._names()

    def _names(self) -> None:
        """Names below the categories, as many as fit without touching."""
        widest = max(map(wide, self.categories), default=0) + 8
        # Long names side by side are cut; short ones, such as months, are left out in turn.
        every = 1 if self.slot > 64 else max(1, ceil(widest / self.slot))
        for place, name in enumerate(self.categories):
            # Counted from the last one: that is the one people look for.
            if (len(self.categories) - 1 - place) % every == 0:
                room = clipped(name, self.slot * every - 6)
                x = min(self.across(place), self.width - wide(room) / 2)
                self.words("lab" if place == len(self.categories) - 1 else "tick", x, self.height - 6, room, "middle")

    def across(self, place: float) -> float:
        """The middle of a category."""
        return self.left + (place + 0.5) * self.slot

    def words(self, css: str, x: float, y: float, text: str, anchor: str = "start") -> None:
        self.shapes.append(Shape("text", css, {"x": n(x), "y": n(y), "text-anchor": anchor}, text=text))

    def bar(self, css: str, x: float, thick: float, low: float, high: float, point: Point) -> None:
        """A bar between two values; what is not nothing is seen, however small."""
        top, bottom = sorted((self.up(low), self.up(high)))
        tall = max(bottom - top, 1.5 if point.value else 0)
        if tall:
            at = {"x": n(x), "y": n(min(top, bottom - tall)), "width": n(thick), "height": n(tall), "rx": min(ROUND, n(tall / 2))}
            self.shapes.append(Shape("rect", css, at, title=point.title, url=point.url))

    def aims(self, points: Sequence[Point], thick: float) -> None:
        """A line at the height of each point, a little broader than its bar."""
        reach = min(thick / 2 + 4, self.slot / 2 - 1)
        for place, point in enumerate(points):
            if point.value is not None:
                x, y = self.across(place), n(self.up(point.value))
                at = {"d": f"M{n(x - reach)} {y} H{n(x + reach)}"}
                self.shapes.append(Shape("path", "mark", at, title=point.title, url=point.url))

    def lines(self, series: Sequence[Series]) -> Chart:
        """Lines of series over what is drawn already, with a dot at each figure."""
        for nth, one in enumerate(series):
            css = one.css or LINES[nth % len(LINES)]
            for stretch in _stretches(one.points):
                route = " L".join(f"{n(self.across(at))} {n(self.up(value))}" for at, value in stretch)
                if len(stretch) > 1:
                    self.shapes.append(Shape("path", css, {"d": f"M{route}"}))
        for nth, one in enumerate(series):
            css = (one.css or LINES[nth % len(LINES)]).replace("line", "dot")
            for place, point in enumerate(one.points):
                if point.value is not None:
                    at = {"cx": n(self.across(place)), "cy": n(self.up(point.value)), "r": 4}
                    self.shapes.append(Shape("circle", css, at, title=point.title, url=point.url))
        return self.chart(series, LINES)

    def chart(self, series: Sequence[Series], styles: Sequence[str]) -> Chart:
        named = [(one.css or styles[place % len(styles)], one.name) for place, one in enumerate(series) if one.name]
        return Chart(self.width, self.height, self.label, tuple(self.shapes), tuple(named) if len(named) > 1 else ())


def _exact(mark: float) -> Number:
    return int(mark) if mark == int(mark) else Decimal(str(mark))


def _numbers(series: Sequence[Series]) -> list[float]:
    return [float(p.value) for one in series for p in one.points if p.value is not None]


def bars(
    label: str, categories: Sequence[str], series: Sequence[Series], write: Write, *, width: float = HALF,
    height: float = 228, whole: bool = False, aims: Series | None = None,
) -> Chart:  # fmt: skip
    """Bars side by side: for each category one of every series; `aims` are lines across them, where they were meant to
    reach. `write` makes the text of a tick."""
    sheet = Sheet(label, categories, width, height, write, whole)
    sheet.axes(_numbers([*series, aims] if aims else series))
    thick = min(MOST_BROAD, sheet.slot * 0.72 / max(1, len(series)))
    for place in range(len(categories)):
        begin = sheet.across(place) - thick * len(series) / 2
        for nth, one in enumerate(series):
            point = one.points[place]
            css = "part" if point.part and len(series) == 1 else one.css or SERIES[nth % len(SERIES)]
            sheet.bar(css, begin + nth * thick, thick - (1 if len(series) > 1 else 0), 0, float(point.value or 0), point)
    if aims is None:
        return sheet.chart(series, SERIES)
    sheet.aims(aims.points, thick * len(series))
    return sheet.chart([*series, replace(aims, css="mark")], SERIES)


def stacked(
    label: str, categories: Sequence[str], series: Sequence[Series], write: Write, *, width: float = HALF,
    height: float = 228, whole: bool = False,
) -> Chart:  # fmt: skip
    """Bars upon each other; what is below zero is stacked downwards."""
    sheet = Sheet(label, categories, width, height, write, whole)
    heights = [[float(one.points[place].value or 0) for one in series] for place in range(len(categories))]
    sheet.axes([sum(v for v in some if v * sign > 0) for some in heights for sign in (1, -1)])
    thick = min(MOST_BROAD, sheet.slot * 0.66)
    for place, some in enumerate(heights):
        reached = {True: 0.0, False: 0.0}
        for nth, (one, value) in enumerate(zip(series, some, strict=True)):
            low = reached[value >= 0]
            reached[value >= 0] = low + value
            css = one.css or SERIES[nth % len(SERIES)]
            sheet.bar(css, sheet.across(place) - thick / 2, thick, low, low + value, one.points[place])
    return sheet.chart(series, SERIES)


def lines(
    label: str, categories: Sequence[str], series: Sequence[Series], write: Write, *, width: float = HALF,
    height: float = 228, whole: bool = False,
) -> Chart:  # fmt: skip
    """Lines from category to category; where there is no figure the line is broken, not at zero."""
    sheet = Sheet(label, categories, width, height, write, whole)
    sheet.axes(_numbers(series))
    return sheet.lines(series)


def _stretches(points: Sequence[Point]) -> list[list[tuple[int, float]]]:
    found: list[list[tuple[int, float]]] = [[]]
    for place, point in enumerate(points):
        if point.value is None:
            found.append([])
        else:
            found[-1].append((place, float(point.value)))
    return [stretch for stretch in found if stretch]


def horizontal(
    label: str, rows: Sequence[Bar], heads: Sequence[str] = (), *, width: float = HALF, name_room: float = 0
) -> Chart:
    """Bars lying on their side with their names; behind each bar its texts in columns under `heads`.

    Where it is narrow the name stands above its bar. Values below zero go to the left of the zero line.
    """
    above = width < 420
    rooms = [max([wide(h) for h in heads[i : i + 1]] + [wide(r.texts[i]) for r in rows if i < len(r.texts)]) + 12
             for i in range(max((len(r.texts) for r in rows), default=0))]  # fmt: skip
    names = 0 if above else name_room or min(max((wide(r.name) for r in rows), default=0) + 14, width * 0.32)
    right = width - sum(rooms)
    lengths = [float(v) for r in rows for v in (r.value, r.ghost) if v is not None]
    low, high = min([0.0, *lengths]), max([0.0, *lengths])
    scale = Scale(low, high, names, max(right - 8, names + 24))
    tall, top = (44.0 if above else 30.0), (20.0 if any(heads) else 2.0)
    shapes = [Shape("text", "tick", {"x": n(_column_end(width, rooms, i)), "y": 12, "text-anchor": "end"}, text=head)
              for i, head in enumerate(heads)]  # fmt: skip
    for place, row in enumerate(rows):
        shapes += _horizontal_row(row, place * tall + top, scale, names, above, [_column_end(width, rooms, i) for i in range(len(rooms))])
    if low < 0:
        x = n(scale(0))
        shapes.append(Shape("line", "axis", {"x1": x, "x2": x, "y1": n(top), "y2": n(top + tall * len(rows))}))
    return Chart(width, n(top + tall * max(1, len(rows)) + 2), label, tuple(shapes))


def _column_end(width: float, rooms: Sequence[float], place: int) -> float:
    return width - sum(rooms[place + 1 :])


def _horizontal_row(row: Bar, y: float, scale: Scale, names: float, above: bool, ends: Sequence[float]) -> list[Shape]:
    thick, begin = (14.0, y + 22) if above else (20.0, y + 4)
    line = begin + thick / 2 + 4
    room = (scale.end if above else names) - 10
    at = {"x": 0 if above else n(names - 10), "y": n(y + 16 if above else line), "text-anchor": "start" if above else "end"}
    shapes = [Shape("text", "lab", at, text=clipped(row.name, room), title=row.name)]
    for css, value in (("ghost", row.ghost), (row.css, row.value)):
        if value is None:
            continue
        left, right = sorted((scale(0), scale(value)))
        broad = max(right - left, 1.5 if value else 0)
        if broad:
            place = {"x": n(left), "y": n(begin), "width": n(broad), "height": thick, "rx": min(ROUND, n(broad / 2))}
            own = css != "ghost"
            shapes.append(Shape("rect", css, place, title=row.title if own else "", url=row.url if own else ""))
    for nth, text in enumerate(row.texts):
        css = "val" if nth == 0 else "worst" if row.worst else "tick"
        shapes.append(Shape("text", css, {"x": n(ends[nth]), "y": n(line), "text-anchor": "end"}, text=text))
    return shapes


def funnel(label: str, steps: Sequence[Bar], heads: Sequence[str], *, width: float = HALF) -> Chart:
    """Steps from wide to narrow, each before the shadow of the one it came from; the step that loses most is marked.

    `texts` of a step are what reached it, the share that passed, and what stayed behind.
    """
    rows: list[Bar] = []
    shares = [_share(before.value, step.value) for before, step in pairwise(steps)]
    worst = min((share for share in shares if share is not None), default=None)
    for place, step in enumerate(steps):
        share = shares[place - 1] if place else None
        lost = share is not None and share == worst and share < 1
        ghost = steps[place - 1].value if place else None
        rows.append(Bar(step.name, step.value, step.texts, step.title, step.url, step.css, ghost, lost))
    return horizontal(label, rows, heads, width=width)


def _share(before: Number | None, after: Number | None) -> float | None:
    return float(after) / float(before) if before and after is not None else None


def sparkline(label: str, values: Sequence[Number | None], *, width: float = 120, height: float = 32) -> Chart:
    """The course of a figure without axes: from its lowest to its highest value, its last one marked."""
    points = [Point(value) for value in values]
    known = [float(v) for v in values if v is not None]
    up = Scale(min(known, default=0), max(known, default=0), height - 4, 4)
    if known and up.low == up.high:
        up = Scale(up.low - 1, up.high + 1, height - 4, 4)
    step = (width - 6) / max(1, len(values) - 1)
    shapes: list[Shape] = []
    for stretch in _stretches(points):
        route = " L".join(f"{n(3 + at * step)} {n(up(value))}" for at, value in stretch)
        if len(stretch) > 1:
            begin, end = n(3 + stretch[0][0] * step), n(3 + stretch[-1][0] * step)
            shapes.append(Shape("path", "area", {"d": f"M{route} L{end} {height} L{begin} {height} Z"}))
            shapes.append(Shape("path", "line1", {"d": f"M{route}", "stroke-width": 1.5}))
    if known and values[-1] is not None:
        # A line of no length with a round end: it stays round where the drawing is made broader.
        at = {"d": f"M{n(3 + (len(values) - 1) * step)} {n(up(values[-1]))} l0.01 0", "stroke-width": 6, "stroke-linecap": "round"}
        shapes.append(Shape("path", "line1", at))
    return Chart(width, height, label, tuple(shapes))
