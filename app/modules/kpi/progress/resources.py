"""Actions as a resource: in lists, files and the API as well as on the page of their goal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.core.changelog import actor_id
from app.core.fields import Boolean, Date, Text
from app.core.i18n import _l
from app.core.lookups import Lookup
from app.core.resource import VERBS, Resource
from app.modules.kpi.progress import services
from app.modules.kpi.progress.models import GoalAction


@dataclass(frozen=True)
class Done(Boolean):
    """Whether it is done; the row knows since when."""

    @property
    def attributes(self) -> tuple[str, ...]:
        return ("done_at",)

    def of(self, row: Any) -> bool:
        return row.done_at is not None


action: Resource = Resource(
    name="action",
    model=GoalAction,
    label=_l("Action"),
    label_plural=_l("Actions"),
    label_new=_l("New action"),
    icon="checkbox",
    title="text",
    fields=(
        Text("text", _l("What is to be done"), required=True, longest=300),
        Lookup("goal_id", _l("For the goal"), target="kpi.goal", required=True),
        Lookup("owner_id", _l("Who"), target="admin.member", default=actor_id),
        Date("due_on", _l("Until")),
        Done("done", _l("Done")),
    ),
    columns=("text", "goal_id", "owner_id", "due_on", "done"),
    head=("goal_id", "owner_id", "due_on"),
    filters=("owner_id", "goal_id", "due_on"),
    sort="due_on",
    searchable=False,
    create=services.create_action,
    update=services.change_action,
    grants={"manager": tuple(VERBS), "rep": ("view", "create", "edit", "export")},
)
