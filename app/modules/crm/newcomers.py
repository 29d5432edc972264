"""Accounts and people that are made together with the deal that is about them, in one request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.core import lookups
from app.core.access import can
from app.core.errors import BusinessError
from app.core.fields import Field, Text
from app.core.i18n import _, _l
from app.core.registry import registry
from app.modules.crm import services
from app.modules.crm.models import Deal

ACCOUNT, CONTACT = "contacts.account", "contacts.contact"
NEW_ACCOUNT = Text("new_account", _l("Or a new account"), longest=160)
NEW_CONTACT = Text("new_contact", _l("Or a new person"), longest=120)
TARGETS = {"new_account": ACCOUNT, "new_contact": CONTACT}


def can_create(typed: Field) -> bool:
    """Whether the person may create what one of the two fields names."""
    return can(registry.resource(TARGETS[typed.name]).permission("create"))


def create_with_newcomers(values: Mapping[str, Any]) -> Deal:
    """A new deal from `values` by field name; `new_account` and `new_contact` are names of what is to be made first.

    A name that exactly one account bears already means that one: nobody wants it twice. The person belongs to the
    account. Whoever calls has asked whether these may be created. Raises `BusinessError`.
    """
    given = dict(values)
    account, person = given.pop("new_account", None), given.pop("new_contact", None)
    for name, text, other in (("new_account", account, "account_id"), ("new_contact", person, "contact_id")):
        if text and given.get(other):
            raise BusinessError(_("Either one that exists, or a new one: not both."), field=name)
    if account:
        found = lookups.find(ACCOUNT, account) if not account.strip().isdigit() else None
        given["account_id"] = found or registry.resource(ACCOUNT).add({"name": account}).id
    if person:
        made = registry.resource(CONTACT).add({"name": person, "account_id": given.get("account_id")})
        given["contact_id"] = made.id
    return services.create_deal(given)
