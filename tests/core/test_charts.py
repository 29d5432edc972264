"""Charts: round ticks, true lengths, nothing that overflows or divides by zero, nothing unescaped."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core import pdf
from app.core.charts import (
    HALF,
    NARROW,
    Bar,
    Chart,
    Point,
    Scale,
    Series,
    Shape,
    bars,
    clipped,
    funnel,
    horizontal,
    lines,
    sparkline,
    stacked,
    ticks,
)

MONTHS = ["ene 26", "feb", "mar"]
VALUES = st.lists(st.integers(-(10**15), 10**15) | st.none(), min_size=1, max_size=36)


def series(*rows: list) -> list[Series]:
    return [Series(f"S{place}", [Point(v, f"value {v}", "/there") for v in row]) for place, row in enumerate(rows)]


def marks(chart: Chart, kind: str = "rect") -> list[Shape]:
    return [shape for shape in chart.shapes if shape.kind == kind and shape.css not in ("ghost",)]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 0, [0, 1]),
        (0, 100, [0, 50, 100]),
        (0, 7, [0, 2, 4, 6, 8]),
        (0, 0.3, [0, 0.1, 0.2, 0.3]),
        (3, 9, [0, 5, 10]),
        (-40, 70, [-50, 0, 50, 100]),
        (-9, -3, [-10, -5, 0]),
        (0, 1_234_567, [0, 500_000, 1_000_000, 1_500_000]),
    ],
)
def test_ticks_are_round_and_hold_zero(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == expected


@given(st.floats(-1e15, 1e15), st.floats(-1e15, 1e15))
def test_ticks_hold_what_is_drawn_and_are_few(one: float, other: float) -> None:
    low, high = min(one, other), max(one, other)
    if 0 < max(abs(low), abs(high)) < 1e-6:
        return  # smaller than anything that is counted
    found = ticks(low, high)
    hair = 1e-6 + (max(high, 0) - min(low, 0)) * 1e-8  # nobody sees it
    assert found[0] <= min(low, 0) + hair
    assert found[-1] >= max(high, 0) - hair
    assert 0 in found
    assert 2 <= len(found) <= 7
    assert found == sorted(found)


def test_a_scale_of_no_length_divides_by_nothing() -> None:
    assert Scale(5, 5, 10, 20)(5) == 10
    assert Scale(0, 10, 100, 0)(Decimal("2.5")) == 75


@pytest.mark.parametrize("draw", [bars, stacked, lines])
@settings(max_examples=40, deadline=None)
@given(values=VALUES, width=st.sampled_from([NARROW, HALF]))
def test_nothing_leaves_the_paper(draw, values: list, width: int) -> None:
    """Whatever is drawn: huge, negative, missing, one point or many."""
    chart = draw("Sales", [f"m{i}" for i in range(len(values))], series(values), str, width=width)
    for shape in chart.shapes:
        at = shape.at
        if shape.kind == "rect":
            assert at["x"] >= 0
            assert at["width"] > 0
            assert at["height"] > 0
            assert at["x"] + at["width"] <= chart.width + 0.2
            assert at["y"] >= 0
            assert at["y"] + at["height"] <= chart.height + 0.2
        if shape.kind == "circle":
            assert 0 <= at["cx"] <= chart.width
            assert 0 <= at["cy"] <= chart.height


@pytest.mark.parametrize("draw", [bars, stacked, lines])
def test_without_categories_or_values_there_are_axes_and_no_marks(draw) -> None:
    chart = draw("Sales", [], [Series("A", [])], str)
    assert not marks(chart)
    assert not marks(chart, "circle")
    assert any(shape.css == "axis" for shape in chart.shapes)


def test_bars_are_as_long_as_their_values_and_go_down_below_zero() -> None:
    high, low, small = marks(bars("Sales", MONTHS, series([100, -50, 1]), str))
    assert high.at["height"] == pytest.approx(2 * low.at["height"], abs=0.2)
    assert low.at["y"] == pytest.approx(high.at["y"] + high.at["height"], abs=0.2)
    assert small.at["height"] >= 1.5  # what is not nothing is seen


def test_stacked_bars_stand_on_each_other() -> None:
    first, second = marks(stacked("Done", ["nov"], series([3], [2]), str))
    assert second.at["y"] + second.at["height"] == pytest.approx(first.at["y"], abs=0.2)
    assert first.css != second.css


def test_a_line_is_broken_where_there_is_no_figure() -> None:
    chart = lines("Rate", ["a", "b", "c", "d"], series([Decimal("0.5"), None, Decimal("0.2"), Decimal("0.3")]), str)
    assert len(marks(chart, "circle")) == 3
    assert len(marks(chart, "path")) == 1  # of the two that stand beside each other


def test_counts_have_no_ticks_between_whole_numbers() -> None:
    chart = bars("Deals", ["nov"], series([2]), str, whole=True)
    texts = [shape.text for shape in chart.shapes if shape.css == "tick"]
    assert texts == ["0", "1", "2"]


def test_an_axis_names_no_height_where_everything_is_nothing() -> None:
    chart = bars("Sales", MONTHS, series([0, None, 0]), lambda value: f"{value} cents")
    assert [shape.text for shape in chart.shapes if shape.css == "tick" and "cents" in shape.text] == ["0 cents"]


def test_names_of_months_do_not_touch_and_the_last_one_is_there() -> None:
    names = [f"mes {i}" for i in range(24)]
    chart = bars("Sales", names, series(list(range(24))), str, width=NARROW)
    shown = [shape for shape in chart.shapes if shape.kind == "text" and shape.text.startswith("mes")]
    assert shown[-1].text == "mes 23"
    places = [shape.at["x"] for shape in shown]
    assert all(b - a >= 6 * 6.7 for a, b in pairwise(places))


def test_long_names_are_cut_and_told_in_full() -> None:
    name = "Mantenimiento preventivo de instalaciones industriales"
    chart = horizontal("Reasons", [Bar(name, 3, ["3"])])
    label = next(shape for shape in chart.shapes if shape.css == "lab")
    assert label.text.endswith("…")
    assert label.title == name
    assert clipped("corto", 100) == "corto"


def test_a_horizontal_chart_is_narrow_on_a_phone_with_names_above() -> None:
    rows = [Bar("Lucía Navarro", 300, ["300 €"]), Bar("Marta Ferrer", -100, ["−100 €"]), Bar("Nobody", None, ["–"])]
    wide, narrow = horizontal("Sales", rows), horizontal("Sales", rows, width=NARROW)
    assert narrow.height > wide.height
    gain, loss = marks(narrow)
    assert gain.at["width"] == pytest.approx(3 * loss.at["width"], abs=0.3)
    assert loss.at["x"] < gain.at["x"]
    assert horizontal("Nothing", []).height > 0


def test_a_funnel_marks_the_step_that_loses_most() -> None:
    steps = [Bar("Contact", 214, ["214"]), Bar("Offer", 138, ["138", "64 %", "−76"]), Bar("Won", 31, ["31", "22 %", "−107"])]
    chart = funnel("Funnel", steps, ["deals", "passed", "stayed"])
    assert [shape.text for shape in chart.shapes if shape.css == "worst"] == ["22 %", "−107"]
    assert len([shape for shape in chart.shapes if shape.css == "ghost"]) == 2
    empty = funnel("Funnel", [Bar("Contact", 0, ["0"]), Bar("Won", 0, ["0", "", ""])], ["deals", "", ""])
    assert not marks(empty)


@settings(max_examples=40, deadline=None)
@given(VALUES)
def test_a_sparkline_takes_anything(values: list) -> None:
    chart = sparkline("Course", values)
    assert (chart.width, chart.height) == (120, 32)
    assert bool(chart.shapes) or all(v is None for v in values[-1:]) or len(values) == 0


def test_marks_are_links_with_titles_and_what_people_write_is_escaped(app: Flask) -> None:
    chart = horizontal('A "quoted" <chart>', [Bar("<b>Ana</b>", 1, ["1"], title="<i>Ana</i>: 1", url="/a?b=1&c=2")])
    with app.test_request_context():
        macros = app.jinja_env.get_template("macros/charts.html").make_module({})
        svg = str(macros.svg(chart))
    root = ET.fromstring(svg)  # our own
    link = root.find("a")
    assert link is not None
    assert link.attrib["href"] == "/a?b=1&c=2"
    assert link.find("rect/title").text == "<i>Ana</i>: 1"  # type: ignore[union-attr]  # found above
    assert root.attrib["role"] == "group"
    assert root.attrib["aria-label"] == 'A "quoted" <chart>'
    assert " style=" not in svg


def test_a_drawing_for_paper_says_its_colours_itself(app: Flask) -> None:
    with app.test_request_context():
        svg = pdf.drawing(bars("Sales", MONTHS, series([1, 2, 3]), str))
    root = ET.fromstring(svg)  # our own
    found = root.find("{http://www.w3.org/2000/svg}rect")
    assert found is not None
    assert found.attrib["fill"] == "#7b285d"
