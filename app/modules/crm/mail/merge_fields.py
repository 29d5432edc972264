"""Merge fields: `{{person.name}}` in a template, filled in before anybody sees the text. No code, no expressions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from app.core.errors import BusinessError
from app.core.i18n import _

MARK = re.compile(r"\{\{\s*([^{}\n]{0,60}?)\s*\}\}")
FIELDS = (
    *("person.name", "person.first_name", "person.job_title"),
    *("account.name", "account.city"),
    *("deal.name", "deal.amount", "deal.product", "deal.expected_close"),
    *("me.name", "me.email", "company.name", "today"),
)
# What may stand before a name and is none.
TITLES = frozenset({"d.", "dª", "dña.", "don", "doña", "sr.", "sra.", "dr.", "dra.", "mr.", "mrs.", "ms."})


@dataclass(frozen=True)
class Filled:
    """Text with its merge fields filled in; those for which nothing is known stand where they stood, and are named."""

    text: str
    empty: tuple[str, ...] = ()


def fill(text: str, values: Mapping[str, str]) -> Filled:
    """Fill in what is known; `values` maps names of fields to text. Raises `BusinessError` naming an unknown field."""
    refuse_unknown(text)
    empty: list[str] = []

    def value(mark: re.Match[str]) -> str:
        if known := values.get(mark[1], ""):
            return known
        if mark[1] not in empty:
            empty.append(mark[1])
        return f"{{{{{mark[1]}}}}}"

    return Filled(MARK.sub(value, text), tuple(empty))


def fields_in(text: str) -> list[str]:
    """Names between double braces, each once, in order of appearance."""
    return list(dict.fromkeys(mark[1] for mark in MARK.finditer(text)))


def refuse_unknown(text: str, field: str | None = None) -> None:
    """Raise `BusinessError` for the first merge field that does not exist."""
    for name in fields_in(text):
        if name not in FIELDS:
            known = ", ".join(f"{{{{{each}}}}}" for each in FIELDS)
            sentence = _("“%(field)s” is not a field that can be filled in. There are: %(known)s.", field=f"{{{{{name}}}}}", known=known)
            raise BusinessError(sentence, field=field)


def refuse_empty(text: str, field: str | None = None) -> None:
    """Raise `BusinessError` while a merge field still stands in a text that is to be sent."""
    if names := fields_in(text):
        listed = ", ".join(f"{{{{{each}}}}}" for each in names)
        raise BusinessError(_("Nothing is known for %(fields)s: write it yourself, or take it out.", fields=listed), field=field)


def first_name(name: str) -> str:
    """The first of a person's names, titles aside."""
    words = [word for word in name.split() if word.lower() not in TITLES]
    return words[0] if words else ""
