"""What other modules may ask of contacts."""

from __future__ import annotations

from sqlalchemy import select

from app.core.db import db
from app.modules.contacts.models import Account
from app.modules.contacts.queries import parents

# For statements of other modules: by segment, by target, with the owner of today.
__all__ = ["Account", "account_owners", "parents"]


def account_owners() -> dict[int, int]:
    """Account id -> id of the member who owns it, for all owned accounts."""
    rows = db.session.execute(select(Account.id, Account.owner_id).where(Account.owner_id.is_not(None)))
    return {row.id: row.owner_id for row in rows}
