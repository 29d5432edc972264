"""The tabs of an account (its people, its subsidiaries, its owners), and the page of portfolios."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, url_for

from app.core import lookups
from app.core.access import can, require
from app.core.clock import today
from app.core.formats import colour, initials
from app.core.i18n import _n
from app.core.surfaces.record import fetch, tab_of
from app.modules.contacts import portfolios, queries
from app.modules.contacts.models import AccountOwner
from app.modules.contacts.resources import account as account_resource

blueprint = Blueprint("contacts", __name__)

blueprint.get("/portfolios")(portfolios.portfolios)


@blueprint.get("/accounts/<int:account_id>/people")
@require("contacts.contact.view")
def account_people(account_id: int) -> Any:
    """The people of an account, with a way to add one."""
    account = fetch(account_resource, account_id)
    new_url = url_for("contacts.contact_new", account_id=account_id) if can("contacts.contact.create") else None
    return tab_of(account_resource, account, "contacts/_people.html", people=queries.people(account_id), new_url=new_url)


@blueprint.get("/accounts/<int:account_id>/subsidiaries")
@require("contacts.account.view")
def account_subsidiaries(account_id: int) -> Any:
    """The accounts right below an account."""
    account = fetch(account_resource, account_id)
    new_url = url_for("contacts.account_new", parent_id=account_id) if can("contacts.account.create") else None
    return tab_of(account_resource, account, "contacts/_subsidiaries.html", subsidiaries=queries.subsidiaries(account_id), new_url=new_url)


@blueprint.get("/accounts/<int:account_id>/owners")
@require("contacts.account.view")
def account_owners(account_id: int) -> Any:
    """Who has looked after an account, and from when to when."""
    account = fetch(account_resource, account_id)
    held = queries.owners_of(account_id)
    names = lookups.labels(lookups.MEMBER, {row.member_id for row in held})
    return tab_of(account_resource, account, "contacts/_owners.html", owners=[_held(row, names.get(row.member_id, "")) for row in held])


def _held(row: AccountOwner, name: str) -> dict[str, Any]:
    days = ((row.valid_to or today()) - row.valid_from).days + 1
    return {"name": name, "since": row.valid_from, "until": row.valid_to, "days": _n("%(num)d day", "%(num)d days", days),
            "avatar": {"name": name, "initials": initials(name), "colour": colour(row.member_id)}}
