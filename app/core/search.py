"""Search by words: one definition of a word, one criterion, the same rows on both databases.

A row is found when its text has, for every word that was asked for, a word that begins so; case and accents aside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from markupsafe import Markup, escape
from sqlalchemy import ARRAY, ColumnElement, String, cast, column, false, func, literal, null, select, table
from sqlalchemy.dialects.postgresql import TSQUERY

from app.core.db import Id, db, fold
from app.core.registry import registry
from app.core.search_index import LONGEST_WORD, SEPARATORS, Source, source_of

MOST_WORDS = 8
LONGEST = 200  # characters of what is asked for
_ENDS = "".join(f"\\u{first:04x}-\\u{last:04x}" for first, last in SEPARATORS)
_WORD = re.compile(f"[^\\x00{_ENDS}]+")


def words(text: str | None) -> list[str]:
    """The words of a text as they are compared: folded, cut at `LONGEST_WORD` characters, each once."""
    return list(dict.fromkeys(word[:LONGEST_WORD] for word in _WORD.findall(fold(text))))


def asked(q: str | None) -> list[str]:
    """The words of a question; what is too long to be one is cut."""
    return words((q or "")[:LONGEST])[:MOST_WORDS]


def matching(model: Any, q: str | None) -> ColumnElement[bool] | None:
    """Criterion: the row's text has words that begin with each word of `q`. None when `q` has no word."""
    wanted = asked(q)
    if not wanted:
        return None
    source = _source(model)
    if source is None:
        return false()
    return model.id.in_(select(hits(source, wanted).c.found))


def hits(source: Source, wanted: Sequence[str], owners: Iterable[int] | None = None, most: int | None = None) -> Any:
    """A table of one column `found`: ids of rows with these words, in all companies on SQLite, so join it to the model.

    PostgreSQL gives `most` of them at most, only those of `owners`, and then none from the trash. SQLite gives them in
    order of their ids either way, as they are asked for.
    """
    if db.session.get_bind().dialect.name == "postgresql":
        whose = null() if owners is None else literal(sorted(owners), ARRAY(Id))
        ask = getattr(func, source.index)
        given = ask(cast(literal(_tsquery(wanted), String), TSQUERY), cast(whose, ARRAY(Id)), most)
        return given.table_valued(column("found", Id), name="hits").render_derived()
    index = table(source.index, column("rowid", Id), column(source.index, String))
    return select(index.c.rowid.label("found")).where(index.c[source.index].op("MATCH")(_match(wanted))).subquery("hits")


def _source(model: Any) -> Source | None:
    return next((source_of(r) for r in registry.resources() if r.model is model), None)


def _tsquery(wanted: Iterable[str]) -> str:
    """No word holds a quote or a backslash: both end words."""
    return " & ".join(f"'{word}':*" for word in wanted)


def _match(wanted: Iterable[str]) -> str:
    return " AND ".join(f'"{word}"*' for word in wanted)


def marked(text: str, wanted: Sequence[str]) -> Markup:
    """A text with the beginnings of words that were asked for in <mark>."""
    shown, end = Markup(), 0
    for word in _WORD.finditer(text):
        begins = [w for w in wanted if fold(word[0]).startswith(w)]
        if begins:
            length = _length(word[0], max(map(len, begins)))
            start, stop = word.start(), word.start() + length
            shown += escape(text[end:start]) + Markup("<mark>{}</mark>").format(text[start:stop])
            end = stop
    return shown + escape(text[end:])


def _length(word: str, folded: int) -> int:
    """How many characters of a word make so many of its folded form, marks that follow a letter included."""
    length = next((n for n in range(1, len(word) + 1) if len(fold(word[:n])) >= folded), len(word))
    while length < len(word) and not fold(word[length]):
        length += 1
    return length
