"""What the goals of a plan serve: goals of the company and of teams above, and objectives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import or_, select

from app.core.db import db
from app.core.ids import whole
from app.modules.kpi.models import CLOSED, COMPANY, DROPPED, TEAM, Goal
from app.modules.kpi.planning.periods import Period
from app.modules.kpi.progress.measure import in_company_currency
from app.modules.kpi.vision.models import OBJECTIVE, Objective

GOAL, AIM = "goal", "objective"


@dataclass(frozen=True)
class Serving:
    """What may be served in a period: goals whose days overlap it, and objectives."""

    goals: Sequence[Goal]
    objectives: Sequence[Objective]

    def links(self, chosen: str) -> tuple[int | None, int | None]:
        """The ids of goal and objective for a choice: "goal:12", "objective:3"; what is not offered is neither."""
        kind, _colon, text = chosen.partition(":")
        row_id = whole(text)
        if kind == GOAL and any(goal.id == row_id for goal in self.goals):
            return row_id, None
        if kind == AIM and any(aim.id == row_id for aim in self.objectives):
            return None, row_id
        return None, None

    def chosen(self, top: Goal | None, people: Sequence[Goal], metric: str) -> str:
        """What a column serves: what its goals do, else a goal above on the same figure."""
        found = [top] if top is not None else list(people)
        known = Counter(self._said(goal) for goal in found)
        if known:
            return known.most_common(1)[0][0]
        above = next((goal for goal in self.goals if goal.metric == metric), None)
        return f"{GOAL}:{above.id}" if above else ""

    def target_of(self, chosen: str, metric: str, period: Period) -> Decimal | None:
        """The target of the goal that is served, in company currency, where it is one on this figure and just these days."""
        goal_id, _objective = self.links(chosen)
        goal = next((each for each in self.goals if each.id == goal_id), None)
        if goal is None or goal.metric != metric or (goal.first_day, goal.last_day) != (period.first, period.last):
            return None
        return in_company_currency(goal)

    def _said(self, goal: Goal) -> str:
        if goal.parent_id is not None and any(each.id == goal.parent_id for each in self.goals):
            return f"{GOAL}:{goal.parent_id}"
        return f"{AIM}:{goal.objective_id}" if goal.objective_id is not None else ""


def serving(period: Period, team_id: int | None) -> Serving:
    """What goals of a team and a period may serve; goals of the company and of other teams are known to those concerned."""
    whose = or_(Goal.scope == COMPANY, (Goal.scope == TEAM) & (Goal.team_id != team_id)) if team_id else Goal.scope == COMPANY
    goals = select(Goal).where(whose, Goal.first_day <= period.last, Goal.last_day >= period.first, Goal.state.not_in((CLOSED, DROPPED)))
    aims = select(Objective).where(Objective.level == OBJECTIVE, Objective.active)
    return Serving(
        list(db.session.scalars(goals.order_by(Goal.scope, Goal.last_day, Goal.id), execution_options={"all_rows": True})),
        list(db.session.scalars(aims.order_by(Objective.position, Objective.name_key))),
    )
