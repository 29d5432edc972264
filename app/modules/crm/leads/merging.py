"""What merging means for leads: one that has become something stays, or nobody could say what became of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app.core import merging
from app.core.db import db
from app.core.errors import BusinessError
from app.core.hooks import Merge
from app.core.i18n import _
from app.core.models import Trash
from app.modules.crm.leads.models import CONVERTED, Lead

UNSEEN = {"with_trash": True, "all_rows": True}


def merged(winner_id: int, _moved: Any) -> None:
    """Refuse to let a converted lead go where the other one is not. Raises `BusinessError`, which undoes the merge."""
    newest = select(Trash.row_id, Trash.kept).where(Trash.table_name == Lead.__tablename__).order_by(Trash.id.desc())
    rows = db.session.execute(newest.limit(merging.MOST)).all()
    losers = [row.row_id for row in rows if row.kept.get(merging.RECORD, {}).get("winner") == winner_id]
    states = select(Lead.id, Lead.state).where(Lead.id.in_([winner_id, *losers]))
    found = {row.id: row.state for row in db.session.execute(states, execution_options=UNSEEN)}
    if CONVERTED in {found[row_id] for row_id in losers} and found[winner_id] != CONVERTED:
        raise BusinessError(_("One of these leads has been converted; that one has to stay."))


MERGES = (Merge(resource="crm.lead", merged=merged),)
