"""Competitors as a resource."""

from __future__ import annotations

from app.core.address_fields import Url
from app.core.fields import Boolean, LongText, Text
from app.core.i18n import _l
from app.core.resource import VERBS, Resource
from app.modules.crm.parts import services
from app.modules.crm.parts.models import Competitor

competitor: Resource = Resource(
    name="competitor",
    model=Competitor,
    label=_l("Competitor"),
    label_plural=_l("Competitors"),
    label_new=_l("New competitor"),
    icon="flag",
    fields=(
        Text("name", _l("Name"), required=True),
        Url("website", _l("Website")),
        LongText("strengths", _l("Strengths"), longest=1000),
        LongText("weaknesses", _l("Weaknesses"), longest=1000),
        Boolean("active", _l("Active"), default=lambda: True),
    ),
    match_keys=("name",),
    offered=(lambda: Competitor.active,),
    create=lambda values: services.add_competitor(competitor.stored(values)),
    update=lambda row, values: services.change_competitor(row, competitor.stored(values)),
    grants={"manager": tuple(VERBS), "rep": ("view", "create", "edit")},
)
