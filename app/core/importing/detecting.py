"""How a file writes its dates and numbers: decided once for the whole file, by the cells that leave no doubt."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

# The order of day, month and year; separators and leading zeros do not matter, and a time behind it is left aside.
DAY_FIRST, MONTH_FIRST, YEAR_FIRST = "dmy", "mdy", "ymd"
ORDERS = (DAY_FIRST, MONTH_FIRST, YEAR_FIRST)
POINT, COMMA = ".", ","
PIVOT = 70  # "69" is 2069, "70" is 1970

_DATE = re.compile(r"(\d{1,4})([./\-])(\d{1,2})\2(\d{1,4})(?:[T ]+\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?(?:Z|[+-]\d{2}:?\d{2})?)?")
_FIGURES = re.compile(r"[+-]?\d(?:[\d.,'’\s\u00a0\u202f]*\d)?")
_GROUPED = {
    POINT: re.compile(r"[+-]?\d{1,3}(?:([,'’\s\u00a0\u202f])\d{3})(?:\1\d{3})*(?:\.\d+)?"),
    COMMA: re.compile(r"[+-]?\d{1,3}(?:([.'’\s\u00a0\u202f])\d{3})(?:\1\d{3})*(?:,\d+)?"),
}
_BARE = {POINT: re.compile(r"[+-]?\d+(?:\.\d+)?"), COMMA: re.compile(r"[+-]?\d+(?:,\d+)?")}
_BETWEEN = re.compile(r"[.,'’\s\u00a0\u202f]")


@dataclass(frozen=True)
class Found:
    """What a file or a column says of itself: the choices that fit, best first; `ambiguous` cells could be read as
    either, and without a `proof` among the others nobody but the person can tell."""

    choices: tuple[str, ...] = ()
    ambiguous: int = 0
    proof: bool = True


def date_parts(text: str, order: str) -> date | None:
    """The date that a text is when its parts stand in an order; years first are understood in any."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    first, second, third = found[1], found[3], found[4]
    if len(first) == 4:
        year, month, day = first, second, third
    elif order == YEAR_FIRST:
        return None
    elif order == DAY_FIRST:
        day, month, year = first, second, third
    else:
        month, day, year = first, second, third
    if len(year) not in (2, 4) or max(len(month), len(day)) > 2:
        return None
    whole = int(year) if len(year) == 4 else int(year) + (2000 if int(year) < PIVOT else 1900)
    try:
        return date(whole, int(month), int(day))
    except ValueError:
        return None


def neutral_date(text: str, order: str) -> str:
    """The date as 2017-03-31; what is none in this order stays as it is, for the field to refuse."""
    found = date_parts(text, order)
    return found.isoformat() if found else text


def looks_like_date(text: str) -> bool:
    return bool(_readings(text))


def date_order(cells: Mapping[str, int]) -> Found:
    """The order of the dates among distinct cells with their counts."""
    fits, alone = dict.fromkeys(ORDERS, 0), dict.fromkeys(ORDERS, 0)
    ambiguous = differing = 0
    for text, count in cells.items():
        read = _readings(text)
        for order in read:
            fits[order] += count
        if len(read) == 1:
            alone[next(iter(read))] += count
        elif read:
            ambiguous += count
            differing += count if len(set(read.values())) > 1 else 0
    choices = [order for order in (DAY_FIRST, MONTH_FIRST) if fits[order]] or [o for o in (YEAR_FIRST,) if fits[o]]
    return _decided(choices, fits, alone, ambiguous, differing)


def _readings(text: str) -> dict[str, date]:
    """What a cell may mean by order; years first leave no doubt."""
    if found := date_parts(text, YEAR_FIRST):
        return {YEAR_FIRST: found}
    return {order: found for order in (DAY_FIRST, MONTH_FIRST) if (found := date_parts(text, order))}


def number_format(cells: Mapping[str, int]) -> Found:
    """The decimal sign of the numbers among distinct cells with their counts."""
    fits, alone, differing = {POINT: 0, COMMA: 0}, {POINT: 0, COMMA: 0}, 0
    for text, count in cells.items():
        read = {sign: value for sign in (POINT, COMMA) if (value := _plain_figures(text, sign)) is not None}
        for sign in read:
            fits[sign] += count
        if len(read) == 1:
            alone[next(iter(read))] += count
        elif len(set(read.values())) > 1:
            differing += count
    return _decided([sign for sign in (POINT, COMMA) if fits[sign]], fits, alone, differing, differing)


def _decided(
    choices: list[str], fits: Mapping[str, int], alone: Mapping[str, int], ambiguous: int, differing: int
) -> Found:
    ranked = sorted(choices, key=lambda choice: (-alone[choice], -fits[choice]))
    return Found(tuple(ranked), ambiguous, proof=not differing or (bool(ranked) and alone[ranked[0]] > 0))


def neutral_number(text: str, sign: str) -> str:
    """A number as 1234.56, with what stands around it (a currency) but for its sign; what is none stays as it is."""
    bare = re.sub("[€$£]", "", text).strip()
    found = _FIGURES.search(bare)
    plain = _plain_figures(bare, sign)
    return text if found is None or plain is None else f"{bare[: found.start()]}{plain}{bare[found.end() :]}".strip()


def _plain_figures(text: str, sign: str) -> str | None:
    found = _FIGURES.search(text)
    if found is None:
        return None
    figures = found[0]
    if _BARE[sign].fullmatch(figures):
        return figures.replace(COMMA, POINT)
    if _GROUPED[sign].fullmatch(figures):
        whole, _sign, decimals = figures.partition(sign)
        return _BETWEEN.sub("", whole) + (f".{decimals}" if decimals else "")
    return None


def looks_like_number(text: str) -> bool:
    bare = re.sub(r"[€$£%]|\b[A-Z]{3}\b", "", text).strip()
    found = _FIGURES.fullmatch(bare)
    return found is not None and any(_plain_figures(bare, sign) is not None for sign in (POINT, COMMA))


def together(columns: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The cells of several columns with their counts."""
    cells: dict[str, int] = {}
    for column in columns:
        for text, count in column.items():
            cells[text] = cells.get(text, 0) + count
    return cells
