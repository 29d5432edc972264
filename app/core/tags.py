"""Tags: short words that people give to records, kept in one text column as "feria, urgente".

The column holds each tag once, case and accents aside, in the order of the folded words, with ", " between them; so a
whole tag is found by what stands before and after it, and two records with the same tags hold the same text.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, ClassVar

from flask import g
from markupsafe import Markup
from sqlalchemy import select
from wtforms import widgets

from app.core.access import can
from app.core.db import db, fold
from app.core.fields import FieldError, Reading, Text
from app.core.i18n import _
from app.core.letters import pattern
from app.core.lifecycle import enabled_modules

BETWEEN = ", "
MOST = 20
LONGEST_TAG = 60
MOST_OFFERED = 200
MOST_READ = 1_000  # the newest rows of a kind, which say what is in use


@dataclass(frozen=True)
class Tags(Text):
    """Up to 20 tags in a text column that holds "" for none; the value is the normalised text."""

    kind: ClassVar[str] = "tags"
    longest: int = field(default=400, kw_only=True)

    @property
    def sortable(self) -> bool:
        """No order of lists of words would say anything."""
        return False

    def parse(self, raw: Any, reading: Reading) -> str:
        """The normalised text of what was written with commas; "" for none. Raises `FieldError`."""
        return super().parse(raw, reading) or ""

    def read(self, text: str, reading: Reading) -> str:
        found = split(text.replace(";", ",").replace("\n", ","))
        if len(found) > MOST:
            raise FieldError(_("At most %(n)s tags, please; these are %(given)s.", n=MOST, given=len(found)))
        if long := next((tag for tag in found if len(tag) > LONGEST_TAG), None):
            raise FieldError(_("A tag has at most %(n)s characters; “%(tag)s” has more.", n=LONGEST_TAG, tag=long[:LONGEST_TAG]))
        clean = super().read(BETWEEN.join(found), reading)
        if self.required and not clean:
            raise FieldError(_("This field is needed."))
        return clean

    def of(self, row: Any) -> str:
        return getattr(row, self.name) or ""

    def stored(self, value: str | None) -> dict[str, str]:
        return {self.name: value or ""}


def split(text: str | None) -> list[str]:
    """The tags of a text with commas, each once, case and accents aside, in order."""
    found: dict[str, str] = {}
    for piece in (text or "").split(","):
        if key := fold(piece):
            found.setdefault(key, " ".join(piece.split()))
    return [found[key] for key in sorted(found)]


def united(*texts: str | None) -> str:
    """The tags of several rows as one row has them, as many of them as fit."""
    found = split(",".join(text or "" for text in texts))[:MOST]
    while len(BETWEEN.join(found)) > Tags.longest:
        found.pop()
    return BETWEEN.join(found)


def carries(column: Any, tag: str) -> Any:
    """Criterion: a column of tags has this whole tag, case and accents aside."""
    return column.regexp_match(f"(\\A|,) ?{pattern(' '.join(tag.split()))}(,|\\Z)")


def used() -> list[str]:
    """The tags that the person sees on records of any kind, the most frequent first; asked for once a request."""
    if "tags_used" not in g:
        g.tags_used = _used()
    return g.tags_used


def _used() -> list[str]:
    count: Counter[str] = Counter()
    spelt: dict[str, str] = {}
    for column, model in _columns():
        newest = select(column).where(column != "").order_by(model.id.desc()).limit(MOST_READ)
        for text in db.session.scalars(newest):
            for tag in split(text):
                count[fold(tag)] += 1
                spelt.setdefault(fold(tag), tag)
    in_order = sorted(count, key=lambda key: (-count[key], key))
    return [spelt[key] for key in in_order[:MOST_OFFERED]]


def _columns() -> list[tuple[Any, Any]]:
    """The columns of tags, with their models, of what the person may see."""
    resources = [r for module in enabled_modules() for r in module.hooks.resources if can(r.permission("view"))]
    return [(getattr(r.model, f.name), r.model) for r in resources for f in r.fields if isinstance(f, Tags)]


class TagsInput(widgets.TextInput):
    """A line of text with the tags in use beside it; the script makes them something to pick from."""

    def __call__(self, field: Any, **options: Any) -> Markup:
        known = f"{field.id}-used"
        line = super().__call__(field, **{"list": known, "data-tags": "1", "autocomplete": "off", **options})
        offered = Markup("").join(Markup('<option value="{}"></option>').format(tag) for tag in used())
        return Markup('{}<datalist id="{}">{}</datalist>').format(line, known, offered)
