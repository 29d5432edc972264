"""What the core keeps about rows beside the rows themselves: log, notes, files, notices, trash and imports."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, or_, select, update

from app.core import lookups, merging, trash
from app.core.chunks import chunks
from app.core.db import db
from app.core.formats import moment, number
from app.core.history import logged_as_shown
from app.core.i18n import _
from app.core.importing.models import ImportBatch, ImportEffect, ImportFault, ImportFile, ImportRow
from app.core.models import Change, Trash
from app.core.note_models import Attachment, AttachmentContent, Note, Notice
from app.core.resource import Resource

CHUNK = 200  # ids in one condition
KEPT_OF_PROFILE = ("headings", "dates", "numbers")  # what was found in a file, without samples of its values


def gathered(resource: Resource, ids: Sequence[int]) -> dict[str, list[dict[str, str]]]:
    """Notes, files, imports and changes of rows, as label -> text."""
    return {
        _("Notes"): _notes(resource, ids),
        _("Files"): _files(resource, ids),
        _("Imports"): _imports(resource, ids),
        _("Changes"): _changes(resource, ids),
    }


def forget(resource: Resource, ids: Sequence[int], names: Mapping[int, str], stays: Collection[str]) -> None:
    """Take out of the core what says who the rows are: `names` are what they are called now, `stays` the columns whose
    old values may stay in the log."""
    table = resource.model.__tablename__
    _forget_notes(table, ids)
    _forget_files(table, ids)
    forget_values(table, ids, but=stays)
    forget_notices(f"{resource.module}/{resource.plural}/{row_id}" for row_id in ids)
    _forget_trash(table, ids, names)
    _forget_imports(resource, ids)


def forget_values(table: str, ids: Sequence[int], *, only: Collection[str] = (), but: Collection[str] = ()) -> None:
    """Blank old and new values in the change log of rows: of all fields, of some `only`, or of all `but` some."""
    lines = update(Change).where(Change.table_name == table, Change.row_id.in_(list(ids)))
    if only:
        lines = lines.where(Change.field.in_(list(only)))
    if but:
        lines = lines.where(or_(Change.field.is_(None), Change.field.not_in(list(but))))
    db.session.execute(lines.values(old=None, new=None), execution_options=trash.QUIET)


# What there is


def _on(model: Any, resource: Resource, ids: Sequence[int]) -> Any:
    mine = (model.table_name == resource.model.__tablename__, model.row_id.in_(list(ids)))
    return select(model).where(*mine).order_by(model.id)


def _notes(resource: Resource, ids: Sequence[int]) -> list[dict[str, str]]:
    notes = db.session.scalars(_on(Note, resource, ids), execution_options=trash.UNSEEN).all()
    names = lookups.labels(lookups.MEMBER, {n.member_id for n in notes})
    when, who, text = _("When"), _("Who"), _("Text")
    return [{when: moment(n.created_at), who: names.get(n.member_id or 0, ""), text: n.text} for n in notes]


def _files(resource: Resource, ids: Sequence[int]) -> list[dict[str, str]]:
    files = db.session.scalars(_on(Attachment, resource, ids)).all()
    when, name, size = _("When"), _("Name"), _("Bytes")
    return [{when: moment(f.created_at), name: f.name, size: number(f.size)} for f in files]


def _imports(resource: Resource, ids: Sequence[int]) -> list[dict[str, str]]:
    batches = {effect.batch_id for effect in _effects(resource, ids)}
    rows = db.session.execute(select(ImportBatch.file_name, ImportBatch.created_at).where(ImportBatch.id.in_(batches)))
    when, name = _("When"), _("Name")
    return [{when: moment(row.created_at), name: row.file_name} for row in rows]


def _changes(resource: Resource, ids: Sequence[int]) -> list[dict[str, str]]:
    lines = db.session.scalars(_on(Change, resource, ids)).all()
    names = lookups.labels(lookups.MEMBER, {line.actor_id for line in lines})
    fields = resource.by_column
    labels = {name: str(f.label) for name, f in fields.items()}
    when, who, what, before, after, nobody = _("When"), _("Who"), _("What"), _("Before"), _("After"), _("The system")
    return [
        {
            when: moment(line.at),
            who: names.get(line.actor_id or 0, nobody),
            what: labels.get(line.field or "", line.field or line.action),
            before: logged_as_shown(fields.get(line.field or ""), line.old),
            after: logged_as_shown(fields.get(line.field or ""), line.new),
        }
        for line in lines
    ]


# And how it is forgotten


def _forget_notes(table: str, ids: Sequence[int]) -> None:
    mine = select(Note.id).where(Note.table_name == table, Note.row_id.in_(list(ids)))
    notes = db.session.scalars(mine, execution_options=trash.UNSEEN).all()
    forget_values(Note.__tablename__, notes)
    in_trash = delete(Trash).where(Trash.table_name == Note.__tablename__, Trash.row_id.in_(notes))
    db.session.execute(in_trash, execution_options=trash.QUIET)
    db.session.execute(delete(Note).where(Note.id.in_(notes)), execution_options=trash.QUIET)


def _forget_files(table: str, ids: Sequence[int]) -> None:
    mine = select(Attachment.id).where(Attachment.table_name == table, Attachment.row_id.in_(list(ids)))
    files = db.session.scalars(mine).all()
    forget_values(Attachment.__tablename__, files)
    db.session.execute(delete(AttachmentContent).where(AttachmentContent.file_id.in_(files)), execution_options=trash.QUIET)
    db.session.execute(delete(Attachment).where(Attachment.id.in_(files)), execution_options=trash.QUIET)


def forget_notices(pages: Iterable[str]) -> None:
    """Notices that lead to pages of rows name them, or quote what was said there."""
    for page in pages:
        theirs = or_(Notice.url.like(f"%{page}"), *(Notice.url.like(f"%{page}{mark}%") for mark in "/?#"))
        db.session.execute(delete(Notice).where(theirs), execution_options=trash.QUIET)


def _forget_trash(table: str, ids: Sequence[int], names: Mapping[int, str]) -> None:
    """Rows in the trash are called as they are now, and give up what they would get back."""
    lines = select(Trash).where(Trash.table_name == table, or_(Trash.row_id.in_(list(ids)), Trash.why == trash.MERGED))
    for line in db.session.scalars(lines).all():
        record = line.kept.get(merging.RECORD)
        if line.row_id in names:
            line.title = names[line.row_id][:200]
            bare = {name: value for name, value in (record or {}).items() if name != "fields"}
            line.kept = {merging.RECORD: bare} if record else {}
        elif record and record.get("winner") in names and "fields" in record:
            line.kept = {**line.kept, merging.RECORD: {**record, "fields": {}}}
    db.session.flush()


def _effects(resource: Resource, ids: Sequence[int]) -> list[ImportEffect]:
    """What imports did to the rows; a chunk names each as `[id,version…`, without spaces."""
    found: dict[int, ImportEffect] = {}
    for chunk in chunks(list(ids), CHUNK):
        named = or_(*(ImportEffect.payload.contains(f"[{row_id},", autoescape=True) for row_id in chunk))
        effects = db.session.scalars(select(ImportEffect).where(ImportEffect.resource == resource.key, named))
        found |= {effect.id: effect for effect in effects}
    return list(found.values())


def _forget_imports(resource: Resource, ids: Sequence[int]) -> None:
    """The files that brought the rows go, whole, with what was read from them; of the rows what they were before."""
    effects = _effects(resource, ids)
    for effect in effects:
        told = [[*line[:2], {}] if len(line) > 2 and line[0] in ids else line for line in json.loads(effect.payload)]
        effect.payload = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    batches = {effect.batch_id for effect in effects}
    for model in (ImportFile, ImportRow, ImportFault):
        db.session.execute(delete(model).where(model.batch_id.in_(batches)), execution_options=trash.QUIET)
    for batch in db.session.scalars(select(ImportBatch).where(ImportBatch.id.in_(batches))):
        batch.profile = {name: batch.profile[name] for name in KEPT_OF_PROFILE if name in batch.profile}
    db.session.flush()
