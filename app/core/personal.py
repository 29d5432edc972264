"""What is known of a person, gathered for whoever asks; and forgotten, so that figures stay as they are.

It concerns rows of resources that say `personal`, with the rows that were merged into them. The core gathers and scrubs
what lies in the row itself, in the change log, in notes, files, notices, the trash and imports; modules add what they
hold (`app.core.hooks.Personal`), also those that are off. Nothing is removed that figures count: only what says who it
is. Rows are changed set by set and unlogged, as a log of it would keep what is to be forgotten; their versions go up, so
that whoever edits one of them meanwhile is told so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask import g
from flask_babel import force_locale
from sqlalchemy import String, Text, select, update

from app.core import changelog, lookups, merging, personal_traces, trash
from app.core.db import db
from app.core.fields import Field
from app.core.hooks import Personal
from app.core.i18n import _
from app.core.models import Trash
from app.core.registry import registry
from app.core.resource import Resource

Sections = dict[str, list[dict[str, str]]]  # heading -> rows, each label -> text
TEXTS = ("text", "longtext", "email", "phone", "url")  # kinds of fields that say who somebody is


def hooks_of(resource: Resource) -> list[Personal]:
    """What modules hold about rows of a resource, dependants first: theirs is found by what the row says still."""
    modules = reversed(list(registry.modules.values()))
    return [hook for module in modules for hook in module.hooks.personal if hook.resource == resource.key]


def rows_of(resource: Resource, row_id: int) -> list[int]:
    """Ids of a row and of all that were merged into it."""
    found, waiting = [row_id], [row_id]
    lines = select(Trash.row_id, Trash.kept).where(Trash.table_name == resource.model.__tablename__, Trash.why == trash.MERGED)
    losers: dict[int, list[int]] = {}
    for line in db.session.execute(lines):
        losers.setdefault(line.kept.get(merging.RECORD, {}).get("winner", 0), []).append(line.row_id)
    while waiting:
        fresh = [i for i in losers.get(waiting.pop(), ()) if i not in found]
        found += fresh
        waiting += fresh
    return found


def gathered(resource: Resource, row_id: int) -> Sections:
    """Everything that is held about a person, by heading; empty headings are left out."""
    ids = rows_of(resource, row_id)
    sections: Sections = {str(resource.label): _facts(resource, ids)}
    for heading, rows in personal_traces.gathered(resource, ids).items():
        sections[heading] = rows
    for hook in reversed(hooks_of(resource)):
        for each in ids:
            for label, lines in hook.gather(each).items():
                sections.setdefault(str(label), []).extend({str(k): v for k, v in line.items()} for line in lines)
    return {heading: rows for heading, rows in sections.items() if rows}


def what_stays(resource: Resource, row_id: int) -> list[str]:
    """Sentences on what is not erased, and why."""
    return [
        _("The record itself, called “%(name)s” from then on, so that no figure changes.", name=erased_name(row_id)),
        _("Who changed what and when, without the values."),
        *(str(sentence) for hook in reversed(hooks_of(resource)) for sentence in hook.stays),
        _("What others wrote of the person on other records, and files that wait to be imported: search for the name."),
        _("E-mails that have been delivered, and backups of the database until they are overwritten."),
    ]


def erase(resource: Resource, row_id: int) -> None:
    """Forget who a person is. Again, it does the same once more.

    Whoever calls has fetched the row (fetching is authorising) and asked for the permission.
    """
    ids = rows_of(resource, row_id)
    trash.lock_rows(resource.model, ids)
    for hook in hooks_of(resource):
        for each in ids:
            hook.scrub(each)
    forget(resource, ids)


def forget(resource: Resource, ids: Sequence[int]) -> None:
    """Blank rows of a personal resource, and their traces in the core: what a module's hook calls for rows of its own
    that are about the same person."""
    texts = [f for f in resource.fields if f.kind in TEXTS and not isinstance(f, lookups.Lookup)]
    for row_id in ids:
        scrub(resource.model, [row_id], {**_blank(resource, texts), resource.title: erased_name(row_id)})
    stays = {a for f in resource.fields if f not in texts for a in f.attributes}
    personal_traces.forget(resource, ids, {row_id: erased_name(row_id) for row_id in ids}, stays)
    changelog.note(resource.model, ids, changelog.ERASED)
    db.session.expire_all()
    g.pop("lookup_labels", None)


def scrub(model: Any, ids: Sequence[int], values: Mapping[str, Any]) -> None:
    """Write columns of rows, those in the trash too: unlogged, with what is folded from them, and a new version."""
    columns = dict(values)
    for name, sources in model.__folded__.items():
        if all(source in columns for source in sources):
            columns[name] = changelog.folded(model, name, [columns[source] for source in sources])
    partly = {n: s for n, s in model.__folded__.items() if n not in columns and any(source in columns for source in s)}
    if hasattr(model, "version"):
        columns["version"] = model.version + 1
    db.session.execute(update(model).where(model.id.in_(list(ids))).values(columns), execution_options=trash.QUIET)
    for name, sources in partly.items():
        _fold_again(model, ids, name, sources)


def forget_log(model: Any, ids: Sequence[int], fields: Sequence[str]) -> None:
    """Take the values of these fields out of the change log of rows; that they were changed stays."""
    personal_traces.forget_values(model.__tablename__, ids, only=fields)


def forget_beside(resource: Resource, ids: Sequence[int], names: Mapping[int, str], fields: Sequence[str]) -> None:
    """Forget what lies beside rows that are not about a person themselves, as activities with one: notes, files, the
    values of `fields` in the log. `names` are what they are called in the trash."""
    stays = {c.name for c in resource.model.__table__.c if c.name not in fields}
    personal_traces.forget(resource, ids, names, stays)


def forget_notices(pages: Iterable[str]) -> None:
    """Remove what the bell says of pages of a company, such as "crm/mails/7"."""
    personal_traces.forget_notices(pages)


def erased_name(row_id: int) -> str:
    """What a person is called who was erased, in the company's language."""
    with force_locale(g.company.language):
        return _("Erased person %(number)s", number=row_id)


def _fold_again(model: Any, ids: Sequence[int], name: str, sources: Sequence[str]) -> None:
    """A folded column of which only some sources were written."""
    rows = select(model.id, *(getattr(model, source) for source in sources)).where(model.id.in_(list(ids)))
    for row_id, *texts in db.session.execute(rows, execution_options=trash.UNSEEN).all():
        told = {name: changelog.folded(model, name, texts)}
        db.session.execute(update(model).where(model.id == row_id).values(told), execution_options=trash.QUIET)


def _blank(resource: Resource, texts: Sequence[Field]) -> dict[str, Any]:
    columns = resource.model.__table__.c
    names = [a for f in texts for a in f.attributes if isinstance(columns[a].type, (String, Text))]
    return {name: None if columns[name].nullable else "" for name in names}


def _facts(resource: Resource, ids: Sequence[int]) -> list[dict[str, str]]:
    rows = select(resource.model).where(resource.model.id.in_(list(ids))).order_by(resource.model.id)
    return [
        {str(f.label): text for f in resource.fields if (text := f.show(f.of(row)))}
        for row in db.session.scalars(rows, execution_options=trash.UNSEEN)
    ]
