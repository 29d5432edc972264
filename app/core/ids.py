"""Whole numbers as addresses and forms carry them: ids, versions, counts."""

from __future__ import annotations

from typing import Any

from werkzeug.routing import IntegerConverter

MOST_DIGITS = 18  # fits into 64 bits; Python would refuse to convert thousands of digits, databases far fewer


def whole(text: str | None) -> int | None:
    """The number that a text is; None when it is none, or too long to be one of ours."""
    return int(text) if text and text.isdecimal() and len(text) <= MOST_DIGITS else None


class IdConverter(IntegerConverter):
    """`<int:…>` in an address: a number no database could hold is no row, hence 404."""

    def __init__(self, map: Any, *args: Any, **options: Any) -> None:  # noqa: A002  # werkzeug's name
        super().__init__(map, *args, **{"max": 10**MOST_DIGITS - 1, **options})
