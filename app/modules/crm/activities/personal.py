"""What activities say about a person: told to who asks for it, blanked for who wants to be forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import g
from flask_babel import force_locale
from sqlalchemy import ColumnElement, select

from app.core import personal
from app.core.chunks import chunks
from app.core.db import db
from app.core.formats import day
from app.core.i18n import _
from app.modules.crm.activities.labels import KINDS
from app.modules.crm.activities.models import Activity
from app.modules.crm.activities.resources import activity as resource

CHUNK = 500
WRITTEN = ("subject", "note", "outcome_note", "place")  # what people write into
EVERYTHING = {"all_rows": True, "with_trash": True}


def gather(contact_id: int) -> Mapping[Any, Sequence[Mapping[Any, str]]]:
    """The activities with a person, whoever's they are, those in the trash as well."""
    found = told(Activity.contact_id == contact_id)
    return {_("Activities"): found} if found else {}


def scrub(contact_id: int) -> None:
    """Blank what was written in the activities with a person; that they took place stays."""
    forget(Activity.contact_id == contact_id)


def told(which: ColumnElement[bool]) -> list[dict[Any, str]]:
    """What some activities say, for people."""
    return [
        {
            _("Kind of activity"): str(KINDS[row.kind]),
            _("Day"): day(row.done_on or row.due_on),
            _("Subject"): row.subject,
            _("Note"): row.note,
            _("What came of it"): row.outcome_note,
            _("Place"): row.place,
        }
        for row in _chosen(which)
    ]


def forget(which: ColumnElement[bool]) -> None:
    """Blank what was written in some activities, and what lies beside them. They keep their type, dates, people and
    outcome, which figures count, and are called by their kind."""
    ids: dict[str, list[int]] = {}
    for row in _chosen(which):
        ids.setdefault(row.kind, []).append(row.id)
    with force_locale(g.company.language):
        names = {kind: str(label) for kind, label in KINDS.items()}
    for kind, mine in ids.items():
        for chunk in chunks(mine, CHUNK):
            personal.scrub(Activity, chunk, {**dict.fromkeys(WRITTEN, ""), "subject": names[kind]})
            personal.forget_beside(resource, chunk, dict.fromkeys(chunk, names[kind]), WRITTEN)
            personal.forget_notices(f"crm/activities/{row_id}" for row_id in chunk)


def _chosen(which: ColumnElement[bool]) -> list[Activity]:
    return list(db.session.scalars(select(Activity).where(which).order_by(Activity.id), execution_options=EVERYTHING))
