"""The nodes of the vision tree as a resource."""

from __future__ import annotations

from flask import has_request_context, request
from sqlalchemy import select

from app.core.changelog import actor_id
from app.core.db import db
from app.core.fields import Boolean, Choice, Date, Integer, LongText, Text
from app.core.i18n import _l
from app.core.lookups import Lookup
from app.core.resource import VERBS, Resource
from app.modules.kpi.vision import services
from app.modules.kpi.vision.models import OBJECTIVE, PILLAR, VISION, Objective


def begun_level() -> str:
    """What a new node is at first: what the page that asks for it says, the vision while there is none."""
    asked = request.args.get("level", "") if has_request_context() else ""
    if asked in LEVELS:
        return asked
    there = db.session.scalar(select(Objective.id).where(Objective.level == VISION).limit(1))
    return OBJECTIVE if there else VISION


LEVELS = {VISION: _l("Vision"), PILLAR: _l("Pillar"), OBJECTIVE: _l("Objective")}

objective: Resource = Resource(
    name="objective",
    model=Objective,
    label=_l("Objective"),
    label_plural=_l("Objectives"),
    label_new=_l("New objective"),
    icon="flag",
    fields=(
        Text("name", _l("Name"), required=True, longest=160),
        Choice("level", _l("Level"), choices=tuple(LEVELS.items()), default=begun_level),
        Lookup("parent_id", _l("Below"), target="kpi.objective", linked=False),
        Lookup("keeper_id", _l("Answers for it"), target="admin.member", default=actor_id),
        Date("last_day", _l("Until")),
        Integer("position", _l("Position"), least=0, most=10_000, grouped=False),
        LongText("note", _l("Note")),
        Boolean("active", _l("Active"), default=lambda: True),
    ),
    filters=("level", "keeper_id", "active"),
    match_keys=("name",),
    offered=(lambda: Objective.active,),
    create=services.create_objective,
    update=services.change_objective,
    open_names=True,
    grants={"manager": tuple(VERBS), "rep": ("view",)},
)
