"""What a company decides about a module: one row of settings, which the first change makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from flask import g
from sqlalchemy import select

from app.core import writes
from app.core.db import db

NOT_DECIDED = {"id", "company_id", "version", "created_at", "updated_at"}
S = TypeVar("S", bound=Any)


@dataclass(frozen=True)
class Decisions(Generic[S]):
    """The settings of a module, kept in `model`, whose columns have defaults: those of a company that decided nothing."""

    model: type[S]

    def current(self) -> S:
        """The settings of the company of this app context, read once."""
        known: dict[str, S] = g.setdefault("decisions", {})
        name = self.model.__tablename__
        if name not in known:
            known[name] = db.session.scalar(select(self.model)) or self.model(**self._defaults())
        return known[name]

    def stored(self) -> tuple[dict[str, Any], int]:
        """What holds now, by name, and its version: 0 while nobody has changed anything."""
        found = self.current()
        return {name: getattr(found, name) for name in self._defaults()}, found.version or 0

    def change(self, values: Mapping[str, Any], version: int) -> S:
        """Change some of it. Raises `Conflict` when `version` is not what is stored."""
        row = db.session.scalar(select(self.model).with_for_update())
        if row is None:
            writes.check_version(self.model(version=0), version)
            row = writes.create(self.model, {**self.stored()[0], **values})
        else:
            writes.check_version(row, version)
            writes.update(row, values)
        g.pop("decisions", None)
        return row

    def _defaults(self) -> dict[str, Any]:
        """What is so where nobody decided, by name."""
        columns = [c for c in self.model.__table__.columns if c.name not in NOT_DECIDED]
        return {c.name: c.default.arg(None) if c.default.is_callable else c.default.arg for c in columns}
