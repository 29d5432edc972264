"""Who is told about goals, and what each of them may know: everything is asked with the reader's own eyes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask import g
from flask_babel import force_locale
from sqlalchemy import select

from app.core.access import can, in_place_of, is_current, valid_on
from app.core.clock import today
from app.core.db import db
from app.core.models import Membership, Team, TeamMember, User
from app.modules.kpi.goals.telling import Told, tell
from app.modules.kpi.models import MEMBER, TEAM, Goal

EVERYBODYS = {"all_rows": True}


def members(ids: Iterable[int | None]) -> list[Membership]:
    """Members whose membership holds today, by id."""
    found = db.session.scalars(select(Membership).where(Membership.id.in_({each for each in ids if each is not None})).order_by(Membership.id))
    return [member for member in found if is_current(member, today())]


def language_of(member: Membership) -> str:
    """The language in which a member reads, the company's where they have not chosen one."""
    own = db.session.scalar(select(User.language).where(User.id == member.user_id)) if member.user_id else None
    return own or g.company.language


class Managers:
    """Who leads whom, read once: the manager of a member's team, or of the team above for who manages it themselves."""

    def __init__(self) -> None:
        teams = db.session.scalars(select(Team), execution_options=EVERYBODYS)
        self.teams = {team.id: (team.parent_id, team.manager_id) for team in teams}
        places = select(TeamMember.member_id, TeamMember.team_id).where(valid_on(TeamMember, today()))
        self.team_of: dict[int, int] = dict(db.session.execute(places, execution_options=EVERYBODYS).all())

    def of(self, goal: Goal) -> int | None:
        """Who leads the owner of a goal of a person or team; nobody stands above a goal of the company."""
        if goal.scope not in (MEMBER, TEAM):
            return None
        at = goal.team_id if goal.scope == TEAM else self.team_of.get(goal.owner_id or 0)
        seen = set()
        while at is not None and at not in seen and at in self.teams:
            seen.add(at)
            parent_id, manager_id = self.teams[at]
            if manager_id not in (None, goal.owner_id):
                return manager_id
            at = parent_id
        return None


def may(member: Membership, permission: str) -> bool:
    """Whether a member may do something here."""
    with in_place_of(member):
        return can(permission)


def seen_by(member: Membership, goals: Sequence[Goal]) -> dict[int, Told]:
    """What a member may be told of goals, in their language: those that they see and whose figure is theirs to know."""
    with in_place_of(member), force_locale(language_of(member)):
        if not can("kpi.goal.view"):
            return {}
        wanted = select(Goal.id).where(Goal.id.in_([goal.id for goal in goals]))
        ids = set(db.session.scalars(wanted))
        found = tell([goal for goal in goals if goal.id in ids])
    return {goal_id: told for goal_id, told in found.items() if told.progress.value is not None}


def by_reader(pairs: Iterable[tuple[int | None, Any]]) -> Mapping[int, list[Any]]:
    """What concerns each member: member id -> things, in their order."""
    found: dict[int, list[Any]] = {}
    for member_id, thing in pairs:
        if member_id is not None and thing not in found.setdefault(member_id, []):
            found[member_id].append(thing)
    return found
