"""Amounts, shares and growth as the page of revenue writes them. Amounts are in whole units of company currency."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from flask import g

from app.core.formats import money_short, number, percent
from app.core.money import Money, exponent
from app.core.reports.blocks import EMPTY, NIL, Cell
from app.core.reports.periods import Period
from app.modules.kpi.quantities import shown

YEAR = 12


def minor(value: Decimal | None) -> int | None:
    """What a chart draws."""
    return None if value is None else int(value.scaleb(exponent(g.company.currency)).to_integral_value(ROUND_HALF_UP))


def short(value: Decimal | None) -> str:
    """An amount without cents, large ones in short form."""
    if value is None:
        return NIL
    whole = value.to_integral_value(ROUND_HALF_UP)
    return money_short(Money(minor(whole) or 0, g.company.currency))


def money_cell(value: Decimal | None, url: str = "") -> Cell:
    return EMPTY if value is None else Cell(shown(value, "money"), value, url)


def whole_cell(value: Decimal | None) -> Cell:
    """An amount that was worked out: without cents for people, as it is in files."""
    return EMPTY if value is None else Cell(shown(value.quantize(Decimal(1), ROUND_HALF_UP), "money"), value)


def ratio_cell(value: Decimal | None, css: str = "") -> Cell:
    return EMPTY if value is None else Cell(percent(value, 1), round(value, 6), css=css)


def growth_cell(value: Decimal | None) -> Cell:
    """Growth with its sign, which says it without the colour."""
    return EMPTY if value is None else Cell(signed(value), round(value, 6), css="ok" if value > 0 else "bad" if value < 0 else "")


def signed(value: Decimal | None) -> str:
    """A share with its sign; a dash where it is undefined."""
    if value is None:
        return NIL
    return f"{'+' if value > 0 else ''}{percent(value, 1)}"


def times(value: Decimal | None) -> str:
    """How often: "2.4×"."""
    return NIL if value is None else f"{number(round(value, 1))}×"


def month_of(key: int) -> Period:
    """The month of a key of dimension "month"."""
    first = date(key // YEAR, key % YEAR + 1, 1)
    return Period(first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1))
