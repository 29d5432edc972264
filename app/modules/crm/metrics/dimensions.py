"""What the figures of the CRM can be split by, beside owner, team, month and quarter."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from app.core import lookups
from app.core.dimensions import Dimension, names_of
from app.core.i18n import _l
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


DIMENSIONS = (
    Dimension(name="account", label=_l("Account"), labels=lambda keys: lookups.labels("contacts.account", keys)),
    Dimension(name="stage", label=_l("Stage"), labels=names_of(Stage)),
    Dimension(name="pipeline", label=_l("Pipeline"), labels=names_of(Pipeline)),
    Dimension(name="reason", label=_l("Reason"), labels=names_of(Reason)),
    Dimension(name="product", label=_l("Product")),
    Dimension(name="source", label=_l("Source"), labels=names_of(Source)),
    Dimension(name="medium", label=_l("Medium"), labels=names_of(Medium)),
    Dimension(name="campaign", label=_l("Campaign"), labels=names_of(Campaign)),
    Dimension(name="category", label=_l("Forecast category"), labels=_words({**CATEGORIES, CLOSED: _l("Closed")})),
    Dimension(name="segment", label=_l("Segment")),
    Dimension(name="competitor", label=_l("Competitor"), labels=names_of(Competitor)),
    Dimension(name="kind", label=_l("Kind"), labels=_words(KINDS)),
    Dimension(name="type", label=_l("Activity type"), labels=names_of(ActivityType)),
    Dimension(name="outcome", label=_l("Outcome"), labels=names_of(ActivityOutcome)),
    Dimension(name="last_stage", label=_l("Last stage"), labels=names_of(Stage)),
    Dimension(name="state", label=_l("State"), labels=_words(STATES)),
    Dimension(name="problem", label=_l("Problem"), labels=_words(PROBLEMS)),
)
