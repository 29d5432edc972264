"""Proposing and activating many goals at once: the check looks at all of them together, and each person is told once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from app.core import writes
from app.core.changelog import actor_id
from app.core.db import db
from app.core.i18n import _, _n
from app.core.notices import notify
from app.modules.kpi.goals.agreement import OPEN, begin, held_back, offer
from app.modules.kpi.models import DRAFT, Goal
from app.modules.kpi.smart.check import check


@dataclass
class Done:
    """How many goals took the step, and why the others did not: goal id -> sentence."""

    goals: list[Goal] = field(default_factory=list)
    held: dict[int, str] = field(default_factory=dict)


def propose_all(ids: Sequence[int]) -> Done:
    """Put drafts to whom they belong; what is past that already stays where it is."""
    done = Done([goal for goal in _locked(ids) if goal.state == DRAFT])
    offer(done.goals)
    _tell(done.goals, lambda n: _n("A goal was proposed to you.", "%(num)d goals were proposed to you.", n))
    return done


def activate_all(ids: Sequence[int], excuse: str = "") -> Done:
    """Let goals run that the check lets pass; `excuse` says for those it warns of why they are good all the same."""
    goals = [goal for goal in _locked(ids) if goal.state in OPEN]
    found, done, excused = check(goals), Done(), []
    for goal in goals:
        findings = found.get(goal.id, [])
        if (why := held_back(findings, goal.excuse or excuse.strip())) is not None:
            done.held[goal.id] = why.message
            continue
        done.goals.append(goal)
        if findings and not goal.excuse:
            excused.append(goal)
    writes.update_all(excused, {"excuse": excuse.strip()})
    begin(done.goals)
    _tell(done.goals, lambda n: _n("A goal of yours has begun.", "%(num)d goals of yours have begun.", n))
    return done


def _locked(ids: Sequence[int]) -> list[Goal]:
    """The goals as they are stored now, nobody else's until the transaction ends, in the order of their ids."""
    asked = select(Goal).where(Goal.id.in_(list(ids))).order_by(Goal.id).with_for_update()
    return list(db.session.scalars(asked, execution_options={"all_rows": True, "populate_existing": True}))


def _tell(goals: Sequence[Goal], said: Callable[[int], Any]) -> None:
    whose: dict[int, list[Goal]] = defaultdict(list)
    for goal in goals:
        if goal.owner_id is not None and goal.owner_id != actor_id():
            whose[goal.owner_id].append(goal)
    for owner_id, theirs in whose.items():
        names = theirs[0].name if len(theirs) == 1 else ""
        address = f"kpi/goals/{theirs[0].id}" if len(theirs) == 1 else "kpi/"
        notify([owner_id], _Said(said, len(theirs), names), address, icon="target-arrow", mail=True)


class _Said:
    """A sentence about some goals, made in the language of who reads it."""

    def __init__(self, said: Callable[[int], Any], n: int, name: str) -> None:
        self.said, self.n, self.name = said, n, name

    def __call__(self) -> str:
        text = str(self.said(self.n))
        return _("%(text)s %(name)s", text=text, name=self.name) if self.name else text
