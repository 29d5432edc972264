"""The catalogs are complete, keep what their messages carry, and say one thing for one message."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Message

from tools import catalogs

# %(name)s and %(num)d of Python, {card} of the board's script, and a percent sign, doubled or bare.
CARRIED = re.compile(r"%\(\w+\)[sd]|\{\w+\}|%%|%")
ENGLISH_QUOTES = re.compile('[“”"]')
IN_PLACES = [(area, language) for area in catalogs.areas() for language in catalogs.LANGUAGES]
NAMES = [f"{area.name}-{language}" for area, language in IN_PLACES]


def messages(area: catalogs.Area, language: str) -> Iterator[Message]:
    return (message for message in catalogs.kept(area, language) if message.id)


def forms(text: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def carried(text: str) -> set[str]:
    return set(CARRIED.findall(text))


@pytest.mark.parametrize(("area", "language"), IN_PLACES, ids=NAMES)
def test_nothing_is_missing_or_left_over(area: catalogs.Area, language: str) -> None:
    assert catalogs.faults(area, language) == []


@pytest.mark.parametrize(("area", "language"), IN_PLACES, ids=NAMES)
def test_translations_carry_what_their_messages_carry(area: catalogs.Area, language: str) -> None:
    """Nothing lost, nothing made up: a name of its own would be a server error on the page that shows it."""
    wrong = [
        (wanted, given)
        for message in messages(area, language)
        for wanted, given in zip(forms(message.id), forms(message.string), strict=True)
        if given and carried(wanted) != carried(given)
    ]
    assert wrong == []


@pytest.mark.parametrize(("area", "language"), IN_PLACES, ids=NAMES)
def test_plurals_have_both_forms(area: catalogs.Area, language: str) -> None:
    plurals = [message for message in messages(area, language) if message.pluralizable]
    assert [m.id for m in plurals if len(forms(m.string)) != 2 or not all(forms(m.string))] == []


def test_one_wording_for_one_message() -> None:
    """The catalogs become one when they are read: of two wordings of a message, one would win by chance."""
    wordings: dict[tuple[str, str], set[tuple[str, ...]]] = {}
    for area, language in IN_PLACES:
        for message in messages(area, language):
            wordings.setdefault((language, catalogs.text(message)), set()).add(forms(message.string))
    assert {key: found for key, found in wordings.items() if len(found) > 1} == {}


@pytest.mark.parametrize("area", catalogs.areas(), ids=lambda area: area.name)
def test_spanish_uses_its_own_quotation_marks(area: catalogs.Area) -> None:
    found = [
        text
        for message in messages(area, "es")
        for text in forms(message.string)
        # Quotation marks of an example in JSON are the same in every language.
        if ENGLISH_QUOTES.search(text) and text.count('"') != forms(message.id)[0].count('"')
    ]
    assert found == []
