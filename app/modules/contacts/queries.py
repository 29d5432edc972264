"""Reads of accounts and their people."""

from __future__ import annotations

from sqlalchemy import select

from app.core.db import db
from app.modules.contacts.models import Account, AccountOwner, Contact


def subsidiaries(account_id: int) -> list[Account]:
    """Accounts right below this one, by name."""
    return list(db.session.scalars(select(Account).filter_by(parent_id=account_id).order_by(Account.name_key, Account.id)))


def people(account_id: int) -> list[Contact]:
    """The people of an account, by name."""
    return list(db.session.scalars(select(Contact).filter_by(account_id=account_id).order_by(Contact.name_key, Contact.id)))


def parents() -> dict[int, int | None]:
    """Account id -> id of its parent, for the whole company, whatever the reader may see: the tree is one."""
    rows = db.session.execute(select(Account.id, Account.parent_id), execution_options={"all_rows": True})
    return {row.id: row.parent_id for row in rows}


def owners_of(account_id: int) -> list[AccountOwner]:
    """Who has looked after an account, the latest first."""
    rows = select(AccountOwner).where(AccountOwner.account_id == account_id)
    return list(db.session.scalars(rows.order_by(AccountOwner.valid_from.desc(), AccountOwner.id.desc())))
