"""Likely duplicates among the rows there are: groups that share a name or a way to be reached, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import func, select

from app.core.db import db
from app.core.duplicates import CONTACT, DIGITS, alike, bare_name, traits
from app.core.fields import Field
from app.core.resource import Resource

PAGE = 25  # groups
MOST_READ = 5_000  # names read for one page
SIGNS = " -./()"  # that stand between the digits of telephone numbers


@dataclass(frozen=True)
class Groups:
    """Lists of row ids that likely belong together; `following` is where the next page begins, "" at the end."""

    groups: list[list[int]]
    following: str = ""


def ways(resource: Resource) -> list[Field]:
    """The fields by which rows may be grouped: the name, and every way to be reached."""
    return [f for f in resource.fields if f.name == resource.title or f.kind in CONTACT]


def groups(resource: Resource, way: Field, after: str = "") -> Groups:
    """One page of groups of the rows that the person sees, by one field. Two statements, whatever the rows."""
    return _by_name(resource, after) if way.name == resource.title else _by_contact(resource, way, after)


def _by_name(resource: Resource, after: str) -> Groups:
    """Names that differ only in their legal form begin alike: they stand together in the order of names."""
    model, key = resource.model, resource.name_column
    rows = select(model.id, key.label("key"), getattr(model, resource.title).label("title")).where(key >= after)
    read = db.session.execute(rows.order_by(key, model.id).limit(MOST_READ + 1)).all()
    following = ""
    if len(read) > MOST_READ:
        # The last first word may go on beyond what was read: it is left to the next page.
        first = _first_word(read[-1].key)
        kept = [row for row in read if _first_word(row.key) != first]
        read, following = (kept, read[len(kept)].key) if kept else (read, read[-1].key + "\x01")
    by_name: dict[str, list[Any]] = {}
    for row in read:
        by_name.setdefault(bare_name(row.title or ""), []).append(row)
    found = [rows for name, rows in by_name.items() if name and len(rows) > 1]
    if len(found) > PAGE:
        following = found[PAGE][0].key
    return Groups([[row.id for row in rows] for rows in found[:PAGE]], following)


def _first_word(key: str) -> str:
    return key.partition(" ")[0].strip(",.;:-")


def _by_contact(resource: Resource, way: Field, after: str) -> Groups:
    model, value = resource.model, _normal(way, getattr(resource.model, way.name))
    keys = select(value.label("grouped")).where(value > after)
    keys = keys.group_by("grouped").having(func.count(model.id) > 1).order_by("grouped").limit(PAGE + 1)
    found = list(db.session.scalars(keys))
    following = found[PAGE - 1] if len(found) > PAGE else ""
    names = dict.fromkeys([resource.title, *(f.name for f in resource.fields if f.kind in CONTACT)])
    rows = select(model.id, value.label("grouped"), *(getattr(model, name) for name in names))
    rows = rows.where(value.in_(found[:PAGE])).order_by("grouped", model.id)
    sets = [list(same) for _value, same in groupby(db.session.execute(rows).all(), key=lambda row: row.grouped)]
    return Groups([ids for rows in sets if len(ids := _likely(resource, rows)) > 1], following)


def _likely(resource: Resource, rows: Sequence[Any]) -> list[int]:
    """Of rows with a value in common those that are like another one: colleagues with one telephone are not."""
    known = [(row.id, traits(resource, row)) for row in rows]
    return [row_id for row_id, mine in known if any(alike(resource, mine, t) for other, t in known if other != row_id)]


def _normal(way: Field, column: Any) -> Any:
    """SQL for a value as it is compared: without case, signs, scheme and what is in front of the last nine digits.

    Rows that are alike by this alone are looked at once more by those who ask."""
    if way.kind == "phone":
        digits = column
        for sign in SIGNS:
            digits = func.replace(digits, sign, "")
        return func.substr(digits, func.length(digits) - (DIGITS - 1))
    if way.kind == "url":
        bare = func.replace(func.replace(func.lower(column), "https://", ""), "http://", "")
        return func.rtrim(func.replace(bare, "www.", ""), "/")
    return func.lower(column)
