"""The end of a period: goals whose days are over are closed with what was reached, by the company's own figures.

Some days are left for what is told late. A goal that looks back (its period was over when it was made) is not closed by
itself: it is there to be looked at, and its figure follows what is corrected; who wants it fixed closes it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from app.core.changelog import actor_id
from app.core.clock import today
from app.core.db import db
from app.core.formats import percent
from app.core.i18n import _
from app.core.metrics import metrics
from app.core.notices import Message, notify_all
from app.modules.kpi.goals.agreement import settle
from app.modules.kpi.models import ACTIVE, Goal
from app.modules.kpi.progress.measure import measure, refusal

GRACE = timedelta(days=5)  # for what is told late
MOST = 500  # goals of one turn; the rest are the next one's


def close_goals() -> None:
    """The job: close what is over. Goals whose figure is out of reach, because its application is off, wait; those whose
    figure is undefined, since nothing was there to measure, are closed without one."""
    known = metrics()
    over = select(Goal).where(
        Goal.state == ACTIVE, Goal.last_day < today() - GRACE, Goal.retrospective.is_(False), Goal.metric.in_(list(known))
    )  # fmt: skip
    goals = list(db.session.scalars(over.order_by(Goal.id).limit(MOST).with_for_update()))
    ready = [goal for goal in goals if not refusal(goal, known.get(goal.metric))]
    stands = measure(ready)
    for goal in ready:
        settle(goal, stands[goal.id].value)
    notify_all([
        Message(member_ids=[goal.owner_id], text=_Said(goal.name, goal.attained, stands[goal.id].attainment),
                url=f"kpi/goals/{goal.id}", icon="target-arrow", key=f"kpi-closed-{goal.id}")
        for goal in ready if goal.owner_id not in (None, actor_id())
    ])  # fmt: skip


class _Said:
    """What is said of a goal that was closed, in the language of who reads it."""

    def __init__(self, name: str, attained: bool | None, share: Any) -> None:
        self.name, self.attained, self.share = name, attained, share

    def __call__(self) -> str:
        if self.attained is None:
            return _("Closed without a figure: %(name)s", name=self.name)
        told = percent(self.share) if self.share is not None else ""
        if self.attained:
            return _("Attained %(share)s: %(name)s", share=told, name=self.name)
        return _("Closed, not attained %(share)s: %(name)s", share=told, name=self.name)
