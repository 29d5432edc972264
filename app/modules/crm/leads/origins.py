"""Sources, media and campaigns as resources: short lists that a company keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.core.fields import Boolean, Date, Field, Integer, MoneyField, Text
from app.core.i18n import _l
from app.core.resource import VERBS, Resource
from app.modules.crm.leads import lists
from app.modules.crm.leads.models import Campaign, Medium, Source

FOR_ALL_TO_SEE = {"manager": ("view",), "rep": ("view",)}
PLACE = (
    Integer("position", _l("Position"), grouped=False, least=0, most=1000),
    Boolean("active", _l("Active"), default=lambda: True, hint=_l("Only active ones can be chosen.")),
)
NAMED = (Text("name", _l("Name"), required=True), *PLACE)


def _named(model: Any, *, fields: Sequence[Field] = NAMED, sort: str = "position", **more: Any) -> Resource:
    """A short list with a position, of which only active rows can be chosen."""
    made = Resource(
        model=model,
        fields=fields,
        sort=sort,
        match_keys=("name",),
        offered=(lambda: model.active,),
        create=lambda values: lists.add(model, made.stored(values)),
        update=lambda row, values: lists.change(row, made.stored(values)),
        **more,
    )
    return made


source = _named(
    Source, name="source", label=_l("Source"), label_plural=_l("Sources"), label_new=_l("New source"), icon="world",
    grants=FOR_ALL_TO_SEE,
)
medium = _named(
    Medium, name="medium", plural="media", label=_l("Medium"), label_plural=_l("Media"), label_new=_l("New medium"),
    icon="message-2", grants=FOR_ALL_TO_SEE,
)
campaign = _named(
    Campaign, name="campaign", label=_l("Campaign"), label_plural=_l("Campaigns"), label_new=_l("New campaign"),
    icon="flag", grants={"manager": tuple(VERBS), "rep": ("view",)}, sort="-starts_on",
    fields=(
        Text("name", _l("Name"), required=True),
        Date("starts_on", _l("Begins")),
        Date("ends_on", _l("Ends")),
        MoneyField("cost", _l("Cost")),
        *PLACE,
    ),
    columns=("name", "starts_on", "ends_on", "cost", "active"),
)
