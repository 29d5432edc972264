"""Formulas: what is read, what is refused and why, units, circles, and what comes out."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from flask import Flask
from flask_babel import Babel
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import BusinessError
from app.modules.kpi.own import formula

UNITS = {"crm.won_amount": "money", "crm.won_count": "count", "crm.win_rate": "ratio", "kpi.visits": "count", "crm.cycle": "days"}


def speaking() -> Any:
    """Sentences need a language; nothing here needs a database."""
    app = Flask("formulas")
    Babel(app)
    return app.test_request_context()


@pytest.fixture(autouse=True)
def _spoken() -> Iterator[None]:
    with speaking():
        yield


def refusal(text: str) -> str:
    with pytest.raises(BusinessError) as refused:
        formula.read(text)
    assert refused.value.field == "formula"
    return refused.value.message


@pytest.mark.parametrize(
    ("text", "inputs", "value"),
    [
        ("crm.won_amount / crm.won_count", ("crm.won_amount", "crm.won_count"), Decimal(25)),
        ("crm.won_amount ÷ crm.won_count", ("crm.won_amount", "crm.won_count"), Decimal(25)),
        ("kpi.visits × crm.win_rate", ("kpi.visits", "crm.win_rate"), Decimal(3)),
        ("2 * (crm.won_count + kpi.visits) − 1", ("crm.won_count", "kpi.visits"), Decimal(31)),
        ("crm.won_count − crm.won_count − 1", ("crm.won_count",), Decimal(-1)),
        ("-kpi.visits", ("kpi.visits",), Decimal(-12)),
        ("  kpi.visits\n+\t0.5 ", ("kpi.visits",), Decimal("12.5")),
        ("kpi.visits × 0,1", ("kpi.visits",), Decimal("1.2")),
        ("kpi.visits * 0.1 * 3", ("kpi.visits",), Decimal("3.6")),  # exactly, not as floats would have it
        ("1" + " + kpi.visits" * 35, ("kpi.visits",), Decimal(421)),
    ],
)
def test_what_people_write_is_read_and_worked_out(text: str, inputs: tuple[str, ...], value: Decimal) -> None:
    read = formula.read(text)
    assert read.inputs == inputs
    known = {"crm.won_amount": Decimal(100), "crm.won_count": Decimal(4), "kpi.visits": Decimal(12), "crm.win_rate": Decimal("0.25")}
    assert read.value(known) == value


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "(", "crm.won_count +", "crm.won_count crm.win_rate", "crm", "won_count", "crm.won_count.x", "crm.won_count()",
        "__import__('os')", "crm.won_count if 1 else 2", "lambda: 1", "[crm.won_count]", "crm.won_count[0]", "crm.won_count % 2",
        "crm.won_count ** 2", "crm.won_count // 2", "crm.won_count == 1", "not crm.won_count", "~crm.won_count", "True * crm.won_count",
        "'a' * crm.won_count", "crm.won_count; 1", "crm.won_count # a note", "crm.won_count := 1", "1j * crm.won_count",
        "crm.won_count * 1e999", "crm.won_count * 1e20", "crm.won_count\x00", "crm.won_count, 1", "😀", "crm.won_count × π",
        "(" * 240 + "crm.won_count" + ")" * 240, "-" * 480 + "crm.won_count", "x." * 200 + "y", "crm.class + 1", "(" + "-" * 300 + "1)()",
        "5", "1 + 1", "crm.won_count" + " + 1" * 500, "crm.won_count" + " + 1" * 110,
        " + ".join(f"crm.m{n}" for n in range(9)),
    ],
)  # fmt: skip
def test_nonsense_is_refused_with_a_sentence(text: str) -> None:
    assert refusal(text)[-1] in ".)"


@pytest.mark.parametrize("text", ["crm.won_count / 0", "crm.won_count ÷ (1 − 1)", "crm.won_count / (2 / 0)", "1 / -0.0 + crm.won_count"])
def test_a_formula_that_always_divides_by_zero_says_where(text: str) -> None:
    assert refusal(text).startswith("The formula divides by zero: ")


def test_a_division_by_a_figure_of_zero_is_undefined() -> None:
    read = formula.read("crm.won_amount / (crm.won_count - 3)")
    assert read.value({"crm.won_amount": Decimal(9), "crm.won_count": Decimal(3)}) is None
    assert read.value({"crm.won_amount": Decimal(9), "crm.won_count": Decimal(6)}) == 3
    assert formula.read("crm.won_amount / crm.won_amount").value({"crm.won_amount": Decimal(0)}) is None


def test_what_is_undefined_makes_the_whole_undefined_and_the_monstrous_is_no_figure() -> None:
    assert formula.read("crm.won_amount + kpi.visits").value({"crm.won_amount": None, "kpi.visits": Decimal(1)}) is None
    tower = formula.read("*".join(["kpi.visits"] * 40))
    assert tower.value({"kpi.visits": Decimal("1e14")}) is None
    assert tower.value({"kpi.visits": Decimal("1e-14")}) == Decimal("1e-560")


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("crm.won_amount / crm.won_count", "money"),
        ("kpi.visits * crm.win_rate * crm.won_amount / crm.won_count", "money"),
        ("crm.won_amount / crm.won_amount", "ratio"),
        ("crm.won_count + kpi.visits", "count"),
        ("1 - crm.win_rate", "ratio"),
        ("crm.cycle * 2 - crm.cycle", "days"),
        ("crm.won_amount * crm.won_amount / crm.won_amount", "money"),
    ],
)
def test_units_that_belong_together(text: str, unit: str) -> None:
    formula.read(text).check_units(UNITS, unit)


@pytest.mark.parametrize(
    ("text", "unit", "sentence"),
    [
        ("crm.won_amount + crm.won_count", "money", "“crm.won_amount + crm.won_count” adds an amount of money and a plain number."),
        ("(crm.cycle − crm.won_amount) × 2", "days", "“crm.cycle − crm.won_amount” adds days and an amount of money."),
        ("crm.won_amount + 1000", "money", "“crm.won_amount + 1000” adds an amount of money and a plain number."),
        ("crm.won_amount / crm.won_count", "count", "The formula gives an amount of money, not a plain number."),
        ("crm.won_amount / crm.cycle", "money", "The formula gives an amount of money per day, not an amount of money."),
        ("crm.won_amount * crm.won_amount", "money",
         "The formula gives money to the power of 2, days of 0 and hours of 0, not an amount of money."),
    ],
)  # fmt: skip
def test_units_that_do_not(text: str, unit: str, sentence: str) -> None:
    with pytest.raises(BusinessError) as refused:
        formula.read(text).check_units(UNITS, unit)
    assert refused.value.message == sentence


def test_circles_are_told_by_their_way() -> None:
    uses = {"kpi.a": ("kpi.b", "crm.x"), "kpi.b": ("kpi.c",), "kpi.c": ("kpi.a",), "kpi.d": ("kpi.a",)}
    assert formula.circle("kpi.a", lambda at: uses.get(at, ())) == ["kpi.a", "kpi.b", "kpi.c", "kpi.a"]
    assert formula.circle("kpi.d", lambda at: uses.get(at, ())) == []
    assert formula.circle("kpi.e", lambda at: ("kpi.e",) if at == "kpi.e" else ()) == ["kpi.e", "kpi.e"]


def test_a_ladder_of_formulas_is_looked_through_once() -> None:
    """Each rung names the one below twice over: whoever walks every way walks two to the power of sixty."""
    uses = {f"kpi.r{n}": (f"kpi.r{n + 1}", f"kpi.s{n + 1}") for n in range(60)} | {f"kpi.s{n}": (f"kpi.r{n + 1}", f"kpi.s{n + 1}") for n in range(60)}
    assert formula.circle("kpi.r0", lambda at: uses.get(at, ())) == []
    read = {name: formula.read(f"{a} + {b}") for name, (a, b) in uses.items()}
    made = formula.plans(read, {"kpi.r60", "kpi.s60"})
    assert set(made) == set(read)
    assert made["kpi.r0"].inputs == ("kpi.r60", "kpi.s60")
    assert made["kpi.r30"].value({"kpi.r60": Decimal(1), "kpi.s60": Decimal(1)}) == 2**30


def test_a_plan_rests_on_what_has_no_formula_and_leaves_out_what_is_gone() -> None:
    read = {name: formula.read(text) for name, text in {
        "kpi.a": "kpi.b * 2", "kpi.b": "crm.x + kpi.c", "kpi.c": "crm.y / crm.x", "kpi.gone": "crm.nowhere + 1", "kpi.on_gone": "kpi.gone + 1",
        "kpi.round": "kpi.about", "kpi.about": "kpi.round + 1"}.items()}  # fmt: skip
    made = formula.plans(read, {"crm.x", "crm.y"})
    assert set(made) == {"kpi.a", "kpi.b", "kpi.c"}
    assert set(made["kpi.a"].inputs) == {"crm.x", "crm.y"}
    assert made["kpi.a"].value({"crm.x": Decimal(4), "crm.y": Decimal(8)}) == 12
    assert made["kpi.a"].value({"crm.x": Decimal(0), "crm.y": Decimal(8)}) is None


def test_pieces_are_the_formula_as_people_write_it() -> None:
    read = formula.read("2*(crm.won_amount-crm.lost_amount)/kpi.visits")
    assert read.pieces() == [
        ("2×(", ""), ("crm.won_amount", "crm.won_amount"), ("−", ""), ("crm.lost_amount", "crm.lost_amount"), (")÷", ""),
        ("kpi.visits", "kpi.visits"),
    ]  # fmt: skip


@given(st.text(max_size=80) | st.text(alphabet="crm.won_cut+-*/() 0123456789.,", max_size=60))
def test_whatever_is_typed_is_read_or_refused(text: str) -> None:
    with speaking():
        try:
            read = formula.read(text)
        except BusinessError:
            return
        read.value(dict.fromkeys(read.inputs, Decimal(3)))
        assert "".join(piece for piece, _id in read.pieces()).translate(formula.SIGNS) == read.text
        assert formula.read("".join(piece for piece, _id in read.pieces())) is not None


@given(st.integers(0, 10**6))
def test_a_formula_is_what_plain_python_makes_of_it(seed: int) -> None:
    with speaking():
        chance = Random(seed)
        names = ["crm.a", "crm.b", "crm.c"]
        values = {name: Decimal(chance.randrange(1, 50)) for name in names}

        def term(depth: int) -> str:
            if depth == 0:
                return chance.choice([*names, str(chance.randrange(1, 9))])
            return f"({term(depth - 1)} {chance.choice('+-*/')} {term(depth - 1)})"

        text = f"{chance.choice(names)} + {term(3)}"
        plain = {name.replace(".", "_"): value for name, value in values.items()}
        constants = text.replace("crm.", "crm_")
        try:
            told = formula.read(text).value(values)
        except BusinessError:
            told = None  # it always divides by zero
        try:
            wanted = eval(_exact(constants), {"D": Decimal}, plain)  # of our own making
        except ArithmeticError:
            wanted = None
        assert told is None if wanted is None else abs(told - wanted) < Decimal("1e-9") * max(1, abs(wanted))


def _exact(text: str) -> str:
    return " ".join(f"D({word})" if word.isdigit() else word for word in text.replace("(", " ( ").replace(")", " ) ").split())
