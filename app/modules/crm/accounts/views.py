"""What the CRM adds to the page of an account: the figures of its group."""

from __future__ import annotations

from typing import Any

from app.core.access import require
from app.core.registry import registry
from app.core.surfaces.record import fetch, tab_of
from app.modules.crm.accounts.group import group_of
from app.modules.crm.blueprint import blueprint


@blueprint.get("/accounts/<int:account_id>/group")
@require("crm.deal.view")
def account_group(account_id: int) -> Any:
    """Revenue and pipeline of an account and of all accounts below it."""
    resource = registry.resource("contacts.account")
    account = fetch(resource, account_id)
    return tab_of(resource, account, "crm/accounts/_group.html", group=group_of(account_id), account_id=account_id)
