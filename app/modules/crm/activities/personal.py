"""What activities say about a person: told to who asks for it, blanked for who wants to be forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select, update

from app.core.chunks import chunks
from app.core.db import db
from app.core.formats import day
from app.core.i18n import _
from app.core.models import Change
from app.modules.crm.activities.models import Activity
from app.modules.crm.activities.resources import KIND_LABELS

CHUNK = 500
WRITTEN = ("subject", "note", "outcome_note", "place")  # what people write into
EVERYTHING = {"all_rows": True, "with_trash": True}


def gather(contact_id: int) -> Mapping[Any, Sequence[Mapping[Any, str]]]:
    """The activities with a person, whoever's they are, those in the trash as well."""
    kinds = dict(KIND_LABELS)
    found = [
        {
            _("Kind"): str(kinds[row.kind]),
            _("Day"): day(row.done_on or row.due_on),
            _("Subject"): row.subject,
            _("Note"): row.note,
            _("What came of it"): row.outcome_note,
            _("Place"): row.place,
        }
        for row in _of(contact_id)
    ]
    return {_("Activities"): found} if found else {}


def scrub(contact_id: int) -> None:
    """Blank what was written about a person, in the activities and in their change log; that they took place stays."""
    kinds, rows = dict(KIND_LABELS), _of(contact_id)
    for row in rows:
        row.subject, row.note, row.outcome_note, row.place = str(kinds[row.kind]), "", "", ""
    db.session.flush()
    for chunk in chunks([row.id for row in rows], CHUNK):
        lines = update(Change).where(Change.table_name == Activity.__tablename__, Change.row_id.in_(chunk), Change.field.in_(WRITTEN))
        db.session.execute(lines.values(old=None, new=None), execution_options={**EVERYTHING, "synchronize_session": False})


def _of(contact_id: int) -> list[Activity]:
    rows = select(Activity).where(Activity.contact_id == contact_id).order_by(Activity.id)
    return list(db.session.scalars(rows, execution_options=EVERYTHING))
