"""The rules of accounts and people, and the only writes to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.core import writes
from app.core.changelog import actor_id
from app.core.errors import BusinessError
from app.core.i18n import _
from app.modules.contacts.models import Account
from app.modules.contacts.queries import parents


def create_account(columns: Mapping[str, Any]) -> Account:
    """A new account; a new one cannot be in a circle."""
    return writes.create(Account, columns)


def change_account(account: Account, columns: Mapping[str, Any]) -> Account:
    """Change an account. It cannot become a subsidiary of itself or of one of its own subsidiaries."""
    if "parent_id" in columns and columns["parent_id"] is not None:
        refuse_circle(account.id, columns["parent_id"], parents())
    return writes.update(account, columns)


def refuse_circle(account_id: int, parent_id: int | None, tree: Mapping[int, int | None]) -> None:
    """Raise when `parent_id` is the account or lies below it; `tree` maps accounts to their parents."""
    seen: set[int] = set()
    while parent_id is not None and parent_id not in seen:
        if parent_id == account_id:
            raise BusinessError(_("An account cannot belong to itself or to one of its subsidiaries."), field="parent_id")
        seen.add(parent_id)
        parent_id = tree.get(parent_id)


def add_accounts(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Many new accounts at once, as column values; those without an owner get the person who adds them."""
    owner = actor_id()
    return writes.bulk_insert(Account, [{"owner_id": owner, **row} for row in rows])
