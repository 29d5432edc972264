"""What is there already that a lead may be: accounts, people and other leads with the same names and addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import url_for

from app.core.access import can
from app.core.duplicates import Found, Likely, likely
from app.core.i18n import _
from app.core.registry import registry
from app.modules.crm.leads.models import Lead

ACCOUNT, CONTACT, LEAD = "contacts.account", "contacts.contact", "crm.lead"
MOST = 5


def similar(values: Mapping[str, Any]) -> Found:
    """Leads, accounts and people that a new lead with these field values probably is already."""
    labels = {LEAD: _("Lead"), ACCOUNT: _("Account"), CONTACT: _("Person")}
    found = Found()
    for key, label in labels.items():
        resource = registry.resource(key)
        if can(resource.permission("view")):
            each = _like(key, values)
            base = url_for(resource.endpoint("record"), row_id=0)[:-1]
            told = [Likely(row.id, row.title, f"{label}: {row.why}", f"{base}{row.id}") for row in each.rows]
            found = Found([*found.rows, *told], found.hidden + each.hidden)
    return found


def accounts_like(lead: Lead) -> list[Likely]:
    """The accounts that a lead probably comes from, the most likely first."""
    return _like(ACCOUNT, _values(lead)).rows[:MOST] if can("contacts.account.view") else []


def contacts_like(lead: Lead) -> list[Likely]:
    """The people that a lead probably is, the most likely first."""
    return _like(CONTACT, _values(lead)).rows[:MOST] if can("contacts.contact.view") else []


def _values(lead: Lead) -> dict[str, Any]:
    return {name: getattr(lead, name) for name in ("name", "organisation", "email", "phone", "website")}


def _like(key: str, values: Mapping[str, Any]) -> Found:
    name = values.get("organisation") if key == ACCOUNT else values.get("name")
    reach = {field: values.get(field) for field in ("email", "phone", "website")}
    return likely(registry.resource(key), {"name": name or "", **reach})
