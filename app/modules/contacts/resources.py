"""Accounts and people as resources: their fields, lists and pages."""

from __future__ import annotations

from app.core.address_fields import Email, Phone, Url
from app.core.fields import Boolean, Integer, LongText, MoneyField, Text
from app.core.i18n import _l
from app.core.lookups import Lookup
from app.core.resource import Resource, View
from app.modules.contacts import services
from app.modules.contacts.models import Account, Contact

account: Resource = Resource(
    name="account",
    model=Account,
    label=_l("Account"),
    label_plural=_l("Accounts"),
    label_new=_l("New account"),
    icon="building",
    subtitle="sector",
    fields=(
        Text("name", _l("Name"), required=True, longest=160),
        Lookup("parent_id", _l("Subsidiary of"), target="contacts.account"),
        Text("sector", _l("Sector"), longest=80),
        Text("segment", _l("Segment"), longest=40, hint=_l("How your company sorts its customers, such as A, B and C.")),
        Boolean("target", _l("Target account"), default=lambda: False, hint=_l("One that is to be won or grown.")),
        Text("tax_id", _l("Tax number"), longest=20),
        Lookup("owner_id", _l("Owner"), target="admin.member"),
        Url("website", _l("Website")),
        Email("email", _l("E-mail")),
        Phone("phone", _l("Phone")),
        Text("street", _l("Street"), longest=160),
        Text("postcode", _l("Postcode"), longest=16),
        Text("city", _l("City"), longest=80),
        Text("country", _l("Country"), longest=80),
        Integer("founded", _l("Founded"), least=1000, most=2100, grouped=False),
        Integer("employees", _l("Employees"), least=0),
        MoneyField("annual_revenue", _l("Annual revenue")),
        Text("external_id", _l("Reference"), longest=120, hint=_l("The account's number in another system.")),
        LongText("note", _l("Note")),
    ),
    columns=("name", "sector", "city", "country", "employees", "annual_revenue", "owner_id"),
    head=("owner_id", "city", "employees", "annual_revenue"),
    groups=(
        (_l("Account"), ("name", "parent_id", "sector", "segment", "target", "tax_id", "owner_id", "external_id")),
        (_l("Contact details"), ("website", "email", "phone", "street", "postcode", "city", "country")),
        (_l("Size"), ("founded", "employees", "annual_revenue")),
        (_l("Note"), ("note",)),
    ),
    filters=("owner_id", "segment", "target", "parent_id"),
    views=(
        View("all", _l("All accounts")),
        View("mine", _l("My accounts"), {"owner_id": "me"}),
        View("targets", _l("Target accounts"), {"target": "true"}),
    ),
    match_keys=("external_id", "name"),
    create=lambda values: services.create_account(account.stored(values)),
    update=lambda row, values: services.change_account(row, account.stored(values)),
    bulk=lambda rows: services.add_accounts([account.stored(row) for row in rows]),
    scopes={"manager": "all", "rep": "all"},
)

contact: Resource = Resource(
    name="contact",
    model=Contact,
    label=_l("Person"),
    label_plural=_l("People"),
    label_new=_l("New person"),
    icon="users",
    subtitle="job_title",
    personal=True,
    fields=(
        Text("name", _l("Name"), required=True),
        Lookup("account_id", _l("Account"), target="contacts.account"),
        Text("job_title", _l("Job title")),
        Email("email", _l("E-mail")),
        Phone("phone", _l("Phone")),
        Phone("mobile", _l("Mobile")),
        Lookup("owner_id", _l("Owner"), target="admin.member"),
        Text("external_id", _l("Reference"), hint=_l("The person's number in another system.")),
        LongText("note", _l("Note")),
    ),
    columns=("name", "job_title", "account_id", "email", "phone", "owner_id"),
    head=("account_id", "email", "phone", "owner_id"),
    groups=(
        (_l("Person"), ("name", "job_title", "account_id", "owner_id", "external_id")),
        (_l("Contact details"), ("email", "phone", "mobile")),
        (_l("Note"), ("note",)),
    ),
    filters=("owner_id", "account_id"),
    views=(View("all", _l("All people")), View("mine", _l("My people"), {"owner_id": "me"})),
    match_keys=("external_id", "email", "name"),
    scopes={"manager": "all", "rep": "all"},
)
