"""The deals of an account, as a tab on its page."""

from __future__ import annotations

from typing import Any

from flask import Response, url_for
from sqlalchemy import Row, case, select

from app.core.access import can, require
from app.core.db import db
from app.core.lookups import labels
from app.core.money import Money
from app.core.registry import registry
from app.core.surfaces.record import fetch, tab_of
from app.modules.crm.models import OPEN, Deal, Stage

MOST = 100


@require("crm.deal.view")
def account_deals(account_id: int) -> Response:
    """The newest hundred deals of an account that the reader may see, the open ones first."""
    resource = registry.resource("contacts.account")
    account = fetch(resource, account_id)
    found = deals_of(account_id)
    labels("admin.member", {row.owner_id for row in found})  # all names in one statement
    rows = [_shown(row) for row in found]
    new_url = url_for("crm.deal_new", account_id=account_id) if can("crm.deal.create") else None
    return tab_of(resource, account, "crm/_account_deals.html", deals=rows, new_url=new_url)


def deals_of(account_id: int) -> list[Row]:
    """Deals of an account with their stage, as column rows."""
    columns = (Deal.id, Deal.name, Deal.state, Deal.amount_minor, Deal.currency, Deal.expected_close, Deal.closed_on)
    rows = (
        select(*columns, Deal.owner_id, Stage.name.label("stage"), Stage.probability)
        .join(Stage, (Stage.id == Deal.stage_id) & (Stage.company_id == Deal.company_id))
        .where(Deal.account_id == account_id)
        .order_by(case((Deal.state == OPEN, 0), else_=1), Deal.entered_at.desc(), Deal.id.desc())
        .limit(MOST)
    )
    return list(db.session.execute(rows))


def _shown(row: Row) -> dict[str, Any]:
    owner = labels("admin.member", [row.owner_id]).get(row.owner_id, "") if row.owner_id else ""
    return {
        "id": row.id,
        "name": row.name,
        "state": row.state,
        "stage": row.stage,
        "probability": row.probability,
        "amount": None if row.amount_minor is None else Money(row.amount_minor, row.currency),
        "day": row.expected_close if row.state == OPEN else row.closed_on,
        "owner": owner,
        "owner_id": row.owner_id,
    }
