"""The rules of accounts and people, and the only writes to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from app.core import writes
from app.core.changelog import actor_id
from app.core.clock import today
from app.core.db import db
from app.core.errors import BusinessError
from app.core.i18n import _
from app.modules.contacts.models import Account, AccountOwner
from app.modules.contacts.queries import parents


def create_account(columns: Mapping[str, Any]) -> Account:
    """A new account; a new one cannot be in a circle."""
    account = writes.create(Account, columns)
    hand_over(account.id, account.owner_id, today())
    return account


def change_account(account: Account, columns: Mapping[str, Any]) -> Account:
    """Change an account. It cannot become a subsidiary of itself or of one of its own subsidiaries."""
    if "parent_id" in columns and columns["parent_id"] is not None:
        refuse_circle(account.id, columns["parent_id"], parents())
    before = account.owner_id
    changed = writes.update(account, columns)
    if changed.owner_id != before:
        hand_over(account.id, changed.owner_id, today())
    return changed


def hand_over(account_id: int, member_id: int | None, day: date) -> None:
    """Note who looks after an account from a local day on; None is nobody. Of several on one day the last counts."""
    held = db.session.scalar(select(AccountOwner).where(AccountOwner.account_id == account_id, AccountOwner.valid_to.is_(None)))
    if held is not None and held.valid_from >= day:
        db.session.delete(held)
    elif held is not None:
        held.valid_to = day - timedelta(days=1)
    if member_id is not None:
        db.session.add(AccountOwner(account_id=account_id, member_id=member_id, valid_from=day))
    db.session.flush()


def note_owners(owners: Iterable[tuple[int, int | None]], since: date) -> None:
    """Note the owners of new accounts, as pairs of account and member."""
    rows = [{"account_id": a, "member_id": m, "valid_from": since, "valid_to": None} for a, m in owners if m is not None]
    writes.bulk_insert(AccountOwner, rows)


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
    new = [{"owner_id": owner, **row} for row in rows]
    ids = writes.bulk_insert(Account, new)
    note_owners(zip(ids, (row["owner_id"] for row in new), strict=True), today())
    return ids
