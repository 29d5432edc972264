"""Mappings kept under a name, for the next file of the same kind."""

from __future__ import annotations

from sqlalchemy import select

from app.core.access import can
from app.core.changelog import actor_id
from app.core.db import db
from app.core.errors import BusinessError, NotFound
from app.core.i18n import _
from app.core.importing.models import ImportBatch, ImportMapping
from app.core.importing.uploads import set_mapping
from app.core.registry import registry
from app.core.resource import Resource

LONGEST = 80


def save_mapping(batch: ImportBatch, name: str) -> int:
    """Keep the mapping of a batch under a name and return its id; one of the same name is replaced. Commits."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST:
        raise BusinessError(_("A name of at most %(n)s characters, please.", n=LONGEST), field="name")
    kept = db.session.scalar(select(ImportMapping).filter_by(resource=batch.resource, name=name))
    if kept is None:
        kept = ImportMapping(resource=batch.resource, name=name)
        db.session.add(kept)
    kept.plan, kept.member_id = batch.plan, actor_id()
    db.session.commit()
    return kept.id


def mappings(resource: Resource) -> list[tuple[int, str]]:
    """Id and name of the mappings of a resource, by name."""
    rows = select(ImportMapping.id, ImportMapping.name).where(ImportMapping.resource == resource.key)
    return [(row.id, row.name) for row in db.session.execute(rows.order_by(ImportMapping.name))]


def use_mapping(batch: ImportBatch, mapping_id: int) -> None:
    """Read the file of a batch by a mapping that was kept; columns that this file lacks are left out. Commits.

    Raises `NotFound`, and `BusinessError` when the file has none of its columns.
    """
    kept = db.session.scalar(select(ImportMapping).filter_by(id=mapping_id, resource=batch.resource))
    if kept is None:
        raise NotFound(_("There is no such mapping."))
    there = {heading.casefold(): heading for heading in batch.profile["headings"]}
    columns = {there[h.casefold()]: o for h, o in kept.plan.get("columns", {}).items() if h.casefold() in there}
    if not columns:
        raise BusinessError(_("This file has none of the columns that “%(name)s” reads.", name=kept.name))
    set_mapping(batch, {**kept.plan, "columns": columns})


def forget_mapping(mapping_id: int) -> None:
    """Delete a mapping that was kept, of a resource that one may import. Commits. Raises `NotFound`."""
    kept = db.session.get(ImportMapping, mapping_id)
    if kept is None or not can(registry.resource(kept.resource).permission("import")):
        raise NotFound(_("There is no such mapping."))
    db.session.delete(kept)
    db.session.commit()
