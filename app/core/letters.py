"""Text compared letter by letter, case and accents aside, the same on every database, for columns without a folded twin.

A pattern lists the variants of each letter, for neither database folds text the way people read it: SQLite knows ASCII
alone, PostgreSQL goes by the collation of the server.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

LAST = 0x2100  # Latin, Greek, Cyrillic and their accented letters lie below
MARKS = "\u0300-\u036f"


def bare(letter: str) -> str:
    """One letter without case and accent; what would become several letters ("ß") stays as it is."""
    plain = "".join(c for c in unicodedata.normalize("NFD", letter) if not unicodedata.combining(c)).casefold()
    return plain if len(plain) == 1 else letter


def letters(text: str) -> list[str]:
    """The letters that count in a comparison."""
    return [bare(c) for c in text if not "\u0300" <= c <= "\u036f"]


@lru_cache(maxsize=1)
def _variants() -> dict[str, str]:
    found: dict[str, str] = {}
    for code in range(0x20, LAST):
        letter = chr(code)
        if letter.isalpha():
            found[bare(letter)] = found.get(bare(letter), "") + letter
    return found


def pattern(text: str, *, whole: bool = False, start: bool = False) -> str:
    """A regular expression that both databases read alike: anywhere, at the start, or the whole text."""
    pieces = [_piece(letter) for letter in letters(text)]
    return (f"\\A[{MARKS}]*" if whole or start else "") + "".join(pieces) + ("\\Z" if whole else "")


def _piece(letter: str) -> str:
    if letter.isalpha():
        return f"[{_variants().get(letter, letter)}][{MARKS}]*"
    return (re.escape(letter) if letter.isascii() and letter != " " else letter) + f"[{MARKS}]*"


def matches(column: Any, text: str, *, whole: bool = False, start: bool = False) -> Any:
    """Criterion: a column holds the text, begins with it, or is it."""
    return column.regexp_match(pattern(text, whole=whole, start=start))
