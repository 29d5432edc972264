"""Figures in words: their texts by unit, how they changed, how sure a share of few cases is, names of months."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from babel.dates import get_month_names
from babel.numbers import format_compact_decimal
from flask import g

from app.core.figures import FigureRow
from app.core.formats import MINUS, NO_BREAK, money, money_short, number, percent
from app.core.i18n import _, _n, language
from app.core.metrics import Metric
from app.core.money import Money, exponent
from app.core.reports.blocks import EMPTY, NIL, Cell


def text_of(metric: Metric, value: Any, short: bool = False) -> str:
    """A value of a metric as people read it; a dash where it is undefined."""
    if value is None:
        return NIL
    if isinstance(value, Money):
        return (money_short if short else money)(_rounded(metric, value))
    if metric.unit == "ratio":
        return percent(value, 1)
    if metric.unit == "days":
        return days(value)
    if metric.unit == "hours":
        return _("%(count)s h", count=number(round(Decimal(value), 1)))
    return number(round(value, 2) if isinstance(value, Decimal) else value)


def _rounded(metric: Metric, value: Money) -> Money:
    """A mean of amounts says nothing by its cents."""
    unit = 10 ** exponent(value.currency)
    return Money(round(value.minor / unit) * unit, value.currency) if metric.shape == "ratio" else value


def days(value: Any) -> str:
    shown = round(Decimal(value), 1)
    shown = shown.to_integral_value() if shown == shown.to_integral_value() else shown
    return _n("%(count)s day", "%(count)s days", int(shown) if shown in (0, 1) else 2, count=number(shown))


def plain(value: Any) -> Any:
    """A value for files: money in its units, a ratio as a number between 0 and 1."""
    if isinstance(value, Money):
        return value.amount
    return round(value, 6).normalize() if isinstance(value, Decimal) else value


def cell(metric: Metric, row: FigureRow | None, url: str = "", css: str = "") -> Cell:
    """A figure in a table; a share of few cases with n and the range in which it may lie."""
    if row is None or row.value is None:
        return EMPTY
    note = ""
    if row.low is not None:
        note = _("n = %(n)s, %(low)s–%(high)s", n=row.n, low=round(row.low * 100), high=percent(row.high))
    elif row.small:
        note = _("n = %(n)s", n=row.n)
    return Cell(text_of(metric, row.value), plain(row.value), url, note, css)


def change(metric: Metric, now: Any, before: Any) -> tuple[str, str, bool | None]:
    """How a figure changed, whether that is ok, bad or none, and whether it rose (None: it did not move).

    Ratios change by points, durations by days, the rest by a share, which is undefined over a base of zero or less.
    """
    if now is None or before is None:
        return "", "none", None
    difference = _number(now) - _number(before)
    rose = None if difference == 0 else difference > 0
    good = {"up": True, "down": False}.get(metric.direction)
    kind = "none" if rose is None or good is None else "ok" if rose == good else "bad"
    if metric.unit == "ratio":
        points = round(difference * 100, 1)
        return _("%(points)s points", points=signed(points)), kind, rose
    if metric.unit in ("days", "hours"):
        return f"{_sign(difference)}{text_of(metric, abs(difference))}", kind, rose
    base = _number(before)
    return (f"{_sign(difference)}{percent(abs(difference / base), 1)}" if base > 0 else "", kind, rose)


def change_cell(metric: Metric, now: Any, before: Any) -> Cell:
    text, kind, _rose = change(metric, now, before)
    return Cell(text, css=kind if kind != "none" else "") if text else EMPTY


def _number(value: Any) -> Decimal:
    return Decimal(value.minor if isinstance(value, Money) else value)


def _sign(value: Any) -> str:
    return "+" if value > 0 else MINUS if value < 0 else ""


def signed(value: Decimal) -> str:
    """A number with its sign; a minus as typographers set it."""
    return f"{_sign(value)}{number(abs(value))}"


def axis(metric: Metric) -> Callable[[Any], str]:
    """Writes the ticks of a chart of a metric, large numbers in short form. Money comes in minor units."""
    if metric.unit == "money":
        symbol, decimals = _symbol(), exponent(g.company.currency)
        return lambda value: f"{_compact(Decimal(value).scaleb(-decimals))}{NO_BREAK}{symbol}" if value else "0"
    if metric.unit == "ratio":
        return percent
    return _compact


def _compact(value: Any) -> str:
    return f"{_sign(value) if value < 0 else ''}{format_compact_decimal(abs(value), locale=language(), fraction_digits=1)}"


def _symbol() -> str:
    currency = g.company.currency
    return {"EUR": "€", "USD": "$", "GBP": "£"}.get(currency, currency)


def height(value: Any) -> Any:
    """What a chart draws of a value: money in minor units."""
    return value.minor if isinstance(value, Money) else value


def month_names(keys: list[int]) -> list[str]:
    """Short names of months by key (months since the year 0); the first and every January with the year."""
    names = get_month_names("abbreviated", context="stand-alone", locale=language())
    return [
        f"{names[key % 12 + 1].rstrip('.')}{f' {key // 12 % 100:02}' if key % 12 == 0 or place == 0 else ''}"
        for place, key in enumerate(keys)
    ]


def quarter_names(keys: list[int]) -> list[str]:
    """Short names of fiscal quarters by key (quarters since the year 0)."""
    return [_("Q%(quarter)s %(year)s", quarter=key % 4 + 1, year=key // 4) for key in keys]
