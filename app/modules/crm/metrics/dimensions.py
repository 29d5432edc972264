"""What the figures of the CRM can be split by, beside owner, team, month and quarter."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from flask import g
from sqlalchemy import select

from app.core import lookups
from app.core.db import db
from app.core.dimensions import Dimension, names_of
from app.core.i18n import _l
from app.modules.contacts.public import Account
from app.modules.crm.activities.labels import KINDS
from app.modules.crm.activities.models import ActivityOutcome, ActivityType
from app.modules.crm.labels import CATEGORIES, STATES
from app.modules.crm.leads.models import Campaign, Medium, Source
from app.modules.crm.models import Pipeline, Reason, Stage
from app.modules.crm.parts.models import Competitor

CLOSED = "closed"  # the category of what is won
PROBLEMS = {
    "amount": _l("Without an amount"),
    "close_date": _l("Without a close date that is still to come"),
    "next_step": _l("Without a next step"),
    "contact": _l("Without a contact and their role"),
    "stage_age": _l("Longer in its stage than nine of ten"),
}


def _words(words: Mapping[str, Any]) -> Callable[[Collection[Any]], dict[Any, str]]:
    return lambda keys: {key: str(words.get(key, key)) for key in keys}


def _segments() -> list[tuple[str, str]]:
    """The segments that accounts have. The names alone are no secret: they are what a company sorts customers by."""
    names = select(Account.segment).where(Account.segment.is_not(None)).distinct().order_by(Account.segment).limit(50)
    return [(name, name) for name in db.session.scalars(names, execution_options={"all_rows": True}) if name]


def _stages(keys: Collection[int]) -> dict[int, tuple[str, tuple[int, ...]]]:
    """Of stages the name and the place, as their board has them, pipeline after pipeline; asked once per context."""
    known: dict[int, tuple[str, tuple[int, ...]]] = g.setdefault("dimension_labels", {}).setdefault("stages", {})
    if missing := set(keys) - known.keys():
        stages = select(Stage.id, Stage.name, Pipeline.position, Stage.pipeline_id, Stage.position)
        rows = stages.join(Pipeline, Pipeline.id == Stage.pipeline_id).where(Stage.id.in_(missing))
        for stage_id, name, *place in db.session.execute(rows, execution_options={"all_rows": True, "with_trash": True}):
            known[stage_id] = (name, (*place, stage_id))
    return known


STAGES: dict[str, Any] = {
    "labels": lambda keys: {key: name for key, (name, _place) in _stages(keys).items()},
    "order": lambda keys: {key: place for key, (_name, place) in _stages(keys).items()},
}
DIMENSIONS = (
    Dimension(name="account", label=_l("Account"), labels=lambda keys: lookups.labels("contacts.account", keys)),
    Dimension(name="stage", label=_l("Stage"), **STAGES),
    Dimension(name="reason", label=_l("Reason"), labels=names_of(Reason)),
    Dimension(name="product", worded=True, label=_l("Product")),
    Dimension(name="source", label=_l("Source"), labels=names_of(Source), options=lambda: lookups.options("crm.source")),
    Dimension(name="medium", label=_l("Medium"), labels=names_of(Medium), options=lambda: lookups.options("crm.medium"), special=True),
    Dimension(name="campaign", label=_l("Campaign"), labels=names_of(Campaign), options=lambda: lookups.options("crm.campaign"), special=True),
    Dimension(name="category", worded=True, label=_l("Forecast category"), labels=_words({**CATEGORIES, CLOSED: _l("Closed")})),
    Dimension(name="segment", worded=True, label=_l("Segment"), options=_segments),
    Dimension(name="pipeline", label=_l("Pipeline"), labels=names_of(Pipeline), may_lack=False,
              options=lambda: lookups.options("crm.pipeline")),
    Dimension(name="competitor", label=_l("Competitor"), labels=names_of(Competitor)),
    Dimension(name="kind", worded=True, label=_l("Kind"), labels=_words(KINDS), may_lack=False, special=True,
              options=lambda: tuple(KINDS.items())),
    Dimension(name="type", label=_l("Activity type"), labels=names_of(ActivityType), may_lack=False, special=True,
              options=lambda: lookups.options("crm.activity_type")),
    Dimension(name="outcome", label=_l("Outcome"), labels=names_of(ActivityOutcome), special=True,
              options=lambda: lookups.options("crm.activity_outcome")),
    Dimension(name="last_stage", label=_l("Last stage"), **STAGES),
    Dimension(name="state", worded=True, label=_l("State"), labels=_words(STATES)),
    Dimension(name="problem", worded=True, label=_l("Problem"), labels=_words(PROBLEMS)),
)
