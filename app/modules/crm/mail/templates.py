"""Templates of mails as a resource: what may be set, and the writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import g
from sqlalchemy import select

from app.core import writes
from app.core.db import db, fold
from app.core.errors import BusinessError
from app.core.fields import Boolean, Choice, LongText, Text
from app.core.i18n import LANGUAGES, _, _l
from app.core.resource import Resource
from app.modules.crm.mail.merge_fields import FIELDS, refuse_unknown
from app.modules.crm.mail.models import LONGEST_SUBJECT, EmailTemplate

EVERYWHERE = "any"
PLACES = (
    (EVERYWHERE, _l("Everywhere")),
    ("deal", _l("Deals")),
    ("account", _l("Accounts")),
    ("contact", _l("People")),
    ("lead", _l("Leads")),
)
HINT = _l("Filled in when somebody writes: %(fields)s", fields=", ".join(f"{{{{{name}}}}}" for name in FIELDS))


def add(values: Mapping[str, Any]) -> EmailTemplate:
    """A new template. Raises `BusinessError` when its name is taken or a merge field does not exist."""
    _check(values, None)
    return writes.create(EmailTemplate, values)


def change(row: EmailTemplate, values: Mapping[str, Any]) -> EmailTemplate:
    """Change a template. Raises as `add` does."""
    _check(values, row.id)
    return writes.update(row, values)


def _check(values: Mapping[str, Any], row_id: int | None) -> None:
    for name in ("subject", "body"):
        refuse_unknown(values.get(name) or "", field=name)
    if "name" in values:
        same = select(EmailTemplate.id).where(EmailTemplate.name_key == fold(values["name"]), EmailTemplate.id != (row_id or 0))
        if db.session.scalar(same.limit(1)):
            raise BusinessError(_("There is one named “%(name)s” already.", name=values["name"]), field="name")


def _stored(values: Mapping[str, Any]) -> dict[str, Any]:
    return email_template.stored(values)


email_template: Resource = Resource(
    name="email_template",
    model=EmailTemplate,
    label=_l("E-mail template"),
    label_plural=_l("E-mail templates"),
    label_new=_l("New e-mail template"),
    icon="mail",
    fields=(
        Text("name", _l("Name"), required=True),
        Choice("offered_on", _l("Offered on"), choices=PLACES, required=True, default=lambda: EVERYWHERE),
        Choice("language", _l("Language"), choices=tuple(LANGUAGES.items()), required=True, default=lambda: g.company.language,
               hint=_l("In which dates and amounts are filled in.")),
        Boolean("active", _l("Active"), default=lambda: True),
        Text("subject", _l("Subject"), required=True, longest=LONGEST_SUBJECT),
        LongText("body", _l("Text"), required=True, hint=HINT),
    ),
    columns=("name", "subject", "offered_on", "language", "active"),
    head=("offered_on", "language", "active"),
    groups=(
        (_l("E-mail template"), ("name", "offered_on", "language", "active")),
        (_l("Text"), ("subject", "body")),
    ),
    filters=("offered_on", "language", "active"),
    match_keys=("name",),
    create=lambda values: add(_stored(values)),
    update=lambda row, values: change(row, _stored(values)),
    grants={"manager": ("view", "create", "edit", "delete", "export"), "rep": ("view",)},
)
