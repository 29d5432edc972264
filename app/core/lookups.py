"""Fields that refer to a row of another resource: read by id in forms, by name in files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from flask import g
from sqlalchemy import null, select

from app.core.access import can
from app.core.db import db, fold
from app.core.fields import Field, FieldError, Reading
from app.core.i18n import _
from app.core.ids import whole
from app.core.registry import registry

MOST_OPTIONS = 200
MEMBER = "admin.member"
POINTED = re.compile(r"(.*?)\s*\[#([1-9]\d{0,17})\]", re.DOTALL)


@dataclass(frozen=True)
class Lookup(Field):
    """The id of a row of another resource, such as `Lookup("account_id", target="contacts.account")`."""

    kind: ClassVar[str] = "lookup"
    target: str = field(default="", kw_only=True)
    linked: bool = field(default=True, kw_only=True)  # False: a setting, whose page nobody wants to land on

    def __post_init__(self) -> None:
        if self.is_person:
            object.__setattr__(self, "linked", False)

    @property
    def is_person(self) -> bool:
        """Whether it is a member of the company, shown with an avatar."""
        return self.target == MEMBER

    @property
    def resource(self) -> Any:
        return registry.resource(self.target)

    def read(self, text: str, reading: Reading) -> int:
        """The id of a row the reader may see, given by its id (forms) or its exact name."""
        found = find(self.target, text)
        if found is None:
            raise FieldError(_("There is no “%(given)s”.", given=text))
        return found

    def show(self, value: Any) -> str:
        return labels(self.target, [value]).get(value, "") if value is not None else ""

    def plain(self, value: Any) -> str:
        return self.show(value)

    def typed(self, value: Any) -> str:
        return "" if value is None else str(value)

    def options(self, chosen: int | None = None, *, stored: bool = False) -> list[tuple[str, str]]:
        """The first rows by name as (id, label), the chosen one among them: if it is what a row that the reader sees
        holds (`stored`), else only if the reader may see it; an address may name any id."""
        pairs = options(self.target)
        missing = chosen is not None and all(key != str(chosen) for key, _label in pairs)
        if missing and (stored or find(self.target, str(chosen)) is not None):
            pairs.insert(0, (str(chosen), self.show(chosen)))
        return pairs


def find(target: str, text: str) -> int | None:
    """Id of the row with this id, or with exactly this name (case and accents aside); None when not exactly one may be
    chosen."""
    resource = registry.resource(target)
    if not may_choose(resource):
        return None
    model = resource.model
    rows = select(model.id).where(*(criterion() for criterion in resource.offered))
    if (row_id := whole(text)) is not None:
        return db.session.scalar(rows.where(model.id == row_id))
    name, row_id = read_pointed(text)
    if row_id is not None:
        if found := db.session.scalar(rows.where(model.id == row_id, resource.goes_by(name))):
            return found
        name = name if reads_otherwise(name) else text
    matches = db.session.scalars(rows.where(resource.goes_by(name)).limit(2)).all()
    return matches[0] if len(matches) == 1 else None


def pointed(name: str, row_id: int) -> str:
    """A name that says which of several rows so called is meant: “Acme [#12]”; `read_pointed` undoes it."""
    return f"{name} [#{row_id}]"


def read_pointed(text: str) -> tuple[str, int | None]:
    """The name and the id in “Acme [#12]”; of any other text itself and None."""
    found = POINTED.fullmatch(text)
    return (found[1], int(found[2])) if found else (text, None)


def reads_otherwise(name: str) -> bool:
    """Whether a name alone would be read as something else: as nothing, as an id, or as pointing to a row."""
    return not name.strip() or whole(name) is not None or read_pointed(name)[1] is not None


def in_files(target: str, ids: Iterable[Any], within: str = "") -> dict[int, str]:
    """Names by id as files have them, in at most two statements for those not asked before in this context.

    A name that more than one row bears (within the same `within`, a column of theirs), that would read as something
    else or whose row lies in the trash points to its row.
    """
    known: dict[int, str] = g.setdefault("lookup_in_files", {}).setdefault((target, within), {})
    missing = {i for i in ids if i is not None} - known.keys()
    if missing:
        names = labels(target, missing)
        alone = _alone(registry.resource(target), {names.get(i) or "" for i in missing}, within)
        for row_id in missing:
            name = names.get(row_id) or ""
            known[row_id] = name if row_id in alone and not reads_otherwise(name) else pointed(name, row_id)
    return known


def _alone(resource: Any, names: Iterable[str], within: str) -> set[int]:
    """Ids of the rows with one of these names that no other row bears, whatever the record rules."""
    model, key = resource.model, resource.name_column
    title = getattr(model, resource.title)
    rows = select(model.id, title, getattr(model, within) if within else null())
    if key is not title:
        rows = rows.where(key.in_({fold(name) for name in names}))
    # Without a folded column to ask for, names that differ in case or accents only are found by reading them all.
    found = [(row[0], (fold(row[1] or ""), row[2])) for row in db.session.execute(rows, execution_options={"all_rows": True})]
    count = Counter(called for _id, called in found)
    return {row_id for row_id, called in found if count[called] == 1}


def may_choose(resource: Any) -> bool:
    """Whether the reader may know the names of a resource's rows."""
    return resource.open_names or can(resource.permission("view"))


def labels(target: str, ids: Iterable[Any]) -> dict[int, str]:
    """Names of rows by id, in one statement for those not asked before in this context.

    The name of a row is shown to whoever may see the row that refers to it, whatever the record rules;
    so is that of a row in the trash.
    """
    known: dict[int, str] = g.setdefault("lookup_labels", {}).setdefault(target, {})
    missing = {i for i in ids if i is not None} - known.keys()
    if missing:
        resource = registry.resource(target)
        title = getattr(resource.model, resource.title)
        rows = db.session.execute(
            select(resource.model.id, title).where(resource.model.id.in_(missing)), execution_options={"all_rows": True, "with_trash": True}
        )
        known.update({row.id: row[1] for row in rows})
    return known


def options(target: str, q: str = "", limit: int = MOST_OPTIONS) -> list[tuple[str, str]]:
    """(id, label) of the rows whose name contains `q`, by name."""
    resource = registry.resource(target)
    if not may_choose(resource):
        return []
    model, key = resource.model, resource.name_column
    rows = select(model.id, getattr(model, resource.title)).order_by(key, model.id).limit(limit)
    for word in fold(q).split():
        rows = rows.where(resource.goes_by(word, whole=False))
    for criterion in resource.offered:
        rows = rows.where(criterion())
    return [(str(row.id), row[1]) for row in db.session.execute(rows)]
