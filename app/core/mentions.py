"""What stands in a text that people wrote: colleagues named with "@", addresses; and how it is shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from markupsafe import Markup, escape
from sqlalchemy import or_, select

from app.core.access import can, in_place_of
from app.core.clock import today
from app.core.db import db, fold
from app.core.models import Membership
from app.core.resource import Resource

MOST = 20  # people told by one note
SUGGESTED = 8
ADDRESS = re.compile(r"""https?://[^\s<>"'`]+""", re.IGNORECASE)
# What stands behind an address more often than at its end.
BEHIND = ".,;:!?…"
PAIRS = {")": "(", "]": "[", "}": "{", "»": "«"}


def colleagues(q: str = "") -> list[Any]:
    """(id, name) of members of today whose name has words that begin like those of `q`, by name; the first 8."""
    rows = _members().limit(SUGGESTED)
    for word in fold(q).split()[:4]:
        key = Membership.name_key
        rows = rows.where(or_(key.startswith(word, autoescape=True), key.contains(f" {word}", autoescape=True)))
    return list(db.session.execute(rows))


def everybody() -> list[Any]:
    """(id, name) of the members of today, by name."""
    return list(db.session.execute(_members()))


def _members() -> Any:
    day = today()
    ended = Membership.valid_to.is_not(None) & (Membership.valid_to < day)
    return select(Membership.id, Membership.name).where(Membership.valid_from <= day, ~ended).order_by(Membership.name_key)


def find(text: str, chosen: Iterable[int] = ()) -> list[int]:
    """Ids of the members named in a text: after an "@" stands their whole name, case aside.

    Of several who are called the same, those `chosen` from the suggestions are meant; none if none was.
    """
    if "@" not in text:
        return []
    by_name: dict[str, list[int]] = {}
    for member_id, name in everybody():
        by_name.setdefault(name.casefold(), []).append(member_id)
    picked, found = set(chosen), []
    for name in _names_in(text.casefold(), by_name):
        same = by_name[name]
        found += same if len(same) == 1 else [i for i in same if i in picked]
    return list(dict.fromkeys(found))[:MOST]


def _names_in(text: str, names: Iterable[str]) -> list[str]:
    pattern = _after_at(names)
    return [m[1] for m in pattern.finditer(text)] if pattern else []


def _after_at(names: Iterable[str]) -> re.Pattern[str] | None:
    """An "@" that begins a word, and the longest of the names behind it, which ends with the word."""
    some = sorted({n for n in names if n}, key=len, reverse=True)
    if not some:
        return None
    return re.compile(rf"(?<!\w)@({'|'.join(re.escape(n) for n in some)})(?!\w)", re.IGNORECASE)


def by_sight(resource: Resource, row_id: int, member_ids: Sequence[int]) -> tuple[list[int], list[str]]:
    """Of members, the ids of those who may see a record, and the names of the others; some statements for each."""
    may, may_not = [], []
    for member in db.session.scalars(select(Membership).where(Membership.id.in_(member_ids)).order_by(Membership.name_key)).all():
        with in_place_of(member):
            seen = can(resource.permission("view")) and db.session.scalar(select(resource.model.id).where(resource.model.id == row_id))
        if seen:
            may.append(member.id)
        else:
            may_not.append(member.name)
    return may, may_not


def linked(text: str, names: Sequence[str] = ()) -> Markup:
    """A text as HTML: all of it escaped, addresses of the web as links, the given names behind an "@" marked."""
    pattern = _after_at(names)
    shown, end = Markup(), 0
    for found in ADDRESS.finditer(text):
        address = _without_what_follows(found[0])
        if len(address) <= len("https://"):
            continue
        shown += _marked(text[end : found.start()], pattern)
        shown += Markup('<a class="v-link" href="{0}" target="_blank" rel="noopener noreferrer nofollow">{0}</a>').format(address)
        end = found.start() + len(address)
    return shown + _marked(text[end:], pattern)


def _without_what_follows(address: str) -> str:
    while address:
        last = address[-1]
        opening = PAIRS.get(last)
        if last not in BEHIND and (opening is None or address.count(opening) >= address.count(last)):
            break
        address = address[:-1]
    return address


def _marked(text: str, pattern: re.Pattern[str] | None) -> Markup:
    if pattern is None:
        return escape(text)
    shown, end = Markup(), 0
    for found in pattern.finditer(text):
        shown += escape(text[end : found.start()]) + Markup('<b class="v-mention">{}</b>').format(found[0])
        end = found.end()
    return shown + escape(text[end:])
