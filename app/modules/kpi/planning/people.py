"""Whom a period is planned for: the teams that a manager may plan for, and who is in them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from flask import g
from sqlalchemy import or_, select

from app.core.access import subtree, teams_below, valid_on, visible_members
from app.core.db import db
from app.core.models import Membership, Team, TeamMember

GOAL = "kpi.goal"
EVERYBODYS = {"all_rows": True}


def teams() -> list[Team]:
    """The teams whose goals the reader may set, by name: all, or their own and those below."""
    asked = select(Team).order_by(Team.name_key)
    if visible_members(GOAL) is not None:
        asked = asked.where(Team.id.in_(teams_below(g.me.member_id)))
    return list(db.session.scalars(asked))


def usual_team(known: Collection[Team]) -> Team | None:
    """The team that the reader plans for when they say nothing: the one they manage, else the first."""
    mine = [team for team in known if "me" in g and team.manager_id == g.me.member_id]
    return next(iter([*mine, *known]), None)


def people_of(team_id: int, day: date) -> list[Membership]:
    """The members of a team and the teams below it on a day, by name, of those whose goals the reader sees."""
    return members_of(subtree({team_id}), day)


def members_of(team_ids: Collection[int], day: date) -> list[Membership]:
    """The members of teams on a day, by name, of those whose goals the reader sees; ended memberships are left out."""
    within = select(TeamMember.member_id).where(TeamMember.team_id.in_(team_ids), valid_on(TeamMember, day))
    asked = select(Membership).where(Membership.id.in_(within), or_(Membership.valid_to.is_(None), Membership.valid_to >= day))
    seen = visible_members(GOAL)
    found = db.session.scalars(asked.order_by(Membership.name_key, Membership.id), execution_options=EVERYBODYS)
    return [member for member in found if seen is None or member.id in seen]
