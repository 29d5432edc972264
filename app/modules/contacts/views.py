"""The tabs of an account: its people and its subsidiaries."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, url_for

from app.core.access import can, require
from app.core.surfaces.record import describe, fetch
from app.core.web import render
from app.modules.contacts import queries
from app.modules.contacts.resources import account as account_resource

blueprint = Blueprint("contacts", __name__)


@blueprint.get("/accounts/<int:account_id>/people")
@require("contacts.contact.view")
def account_people(account_id: int) -> Any:
    """The people of an account, with a way to add one."""
    account = fetch(account_resource, account_id)
    new_url = url_for("contacts.contact_new", account_id=account_id) if can("contacts.contact.create") else None
    return _tab("contacts/_people.html", account, people=queries.people(account_id), new_url=new_url)


@blueprint.get("/accounts/<int:account_id>/subsidiaries")
@require("contacts.account.view")
def account_subsidiaries(account_id: int) -> Any:
    """The accounts right below an account."""
    account = fetch(account_resource, account_id)
    new_url = url_for("contacts.account_new", parent_id=account_id) if can("contacts.account.create") else None
    return _tab("contacts/_subsidiaries.html", account, subsidiaries=queries.subsidiaries(account_id), new_url=new_url)


def _tab(fragment: str, account: Any, **context: Any) -> Any:
    """A tab alone for htmx; within the account's page otherwise."""
    described = describe(account_resource, account)
    return render("core/record.html", fragment, record=described, resource=account_resource, tab=fragment, **context)
