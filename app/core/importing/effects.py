"""What an import did, row by row, exact enough to be taken back: which rows it made, what the others were before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, literal, select

from app.core import changelog
from app.core.db import db
from app.core.importing.models import ImportEffect
from app.core.importing.staging import plain, typed
from app.core.models import Change
from app.core.registry import registry
from app.core.resource import Resource
from app.core.writes import bulk_insert

CREATED, UPDATED, LOOKUP = "created", "updated", "lookup"
CHUNK = 1000


@dataclass(frozen=True)
class Effect:
    """A chunk of what was done to rows of a resource: id and version after of each; of changed ones what was before,
    by field name."""

    kind: str
    resource: Resource
    rows: list[tuple[int, int]]
    before: list[dict[str, Any]]


class Effects:
    """Remembers what a run does and writes it down at its end, in the same transaction."""

    def __init__(self, batch_id: int) -> None:
        self.batch_id = batch_id
        self._created: dict[str, list[int]] = {}
        self._lookups: list[tuple[str, int]] = []
        self._before: dict[str, dict[int, dict[str, Any]]] = {}
        self._log_before = db.session.scalar(select(func.max(Change.id))) or 0

    def created(self, resource: Resource, ids: Sequence[int]) -> None:
        self._created.setdefault(resource.key, []).extend(ids)

    def lookup(self, resource: Resource, row_id: int) -> None:
        self._lookups.append((resource.key, row_id))

    def changed(self, resource: Resource, row_id: int, before: Mapping[str, Any]) -> None:
        """`before` holds the fields that are different now. Of several changes of a row the first counts."""
        known = self._before.setdefault(resource.key, {}).setdefault(row_id, {})
        for name, value in before.items():
            known.setdefault(name, value)

    def write(self) -> None:
        """Write all of it down: last, for only then the versions are those that stay."""
        self._find_others()
        for key, ids in self._created.items():
            self._write(CREATED, key, ids)
        for key, row_id in self._lookups:
            self._write(LOOKUP, key, [row_id])
        for key, before in self._before.items():
            self._write(UPDATED, key, list(before), before)

    def _find_others(self) -> None:
        """What the modules made besides (teams and managers of members), from the change log."""
        of_table = {r.model.__tablename__: r.key for r in registry.resources()}
        mine = (Change.id > self._log_before, Change.request_id == changelog.request_id(), Change.action == "created")
        made = select(Change.table_name, Change.row_id).where(*mine, Change.table_name.in_(of_table)).order_by(Change.id)
        known = {(key, row_id) for key, ids in self._created.items() for row_id in ids} | set(self._lookups)
        for table, row_id in db.session.execute(made):
            if (of_table[table], row_id) not in known:
                self.lookup(registry.resource(of_table[table]), row_id)

    def _write(
        self, kind: str, key: str, ids: Sequence[int], before: Mapping[int, Mapping[str, Any]] | None = None
    ) -> None:
        for start in range(0, len(ids), CHUNK):
            chunk = ids[start : start + CHUNK]
            versions = versions_of(registry.resource(key), chunk)
            rows: list[Any] = [[row_id, versions.get(row_id, 0)] for row_id in chunk]
            if before is not None:
                rows = [[*row, {name: plain(v) for name, v in before[row[0]].items()}] for row in rows]
            line = {"batch_id": self.batch_id, "kind": kind, "resource": key, "count": len(chunk)}
            bulk_insert(ImportEffect, [{**line, "payload": json.dumps(rows, ensure_ascii=False, separators=(",", ":"))}])


def versions_of(resource: Resource, ids: Sequence[int]) -> dict[int, int]:
    """Id -> version of those of the rows that are there, whoever may see them; 1 where rows have none."""
    model: Any = resource.model
    version = getattr(model, "version", None)
    rows = select(model.id, version) if version is not None else select(model.id, literal(1))
    options = {"all_rows": True}
    return {row[0]: row[1] for row in db.session.execute(rows.where(model.id.in_(ids)), execution_options=options)}


def effects_of(batch_id: int) -> Iterator[Effect]:
    """What a batch did, in the order it was written down."""
    rows = select(ImportEffect).where(ImportEffect.batch_id == batch_id).order_by(ImportEffect.id)
    for row in db.session.scalars(rows):
        told = json.loads(row.payload)
        before = [{name: typed(v) for name, v in line[2].items()} for line in told if len(line) > 2]
        yield Effect(row.kind, registry.resource(row.resource), [(line[0], line[1]) for line in told], before)
