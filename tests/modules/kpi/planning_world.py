"""What the tests of planning arrange with: a team of six with a year behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select

from app.core.clock import noon
from app.core.db import db
from app.core.models import Membership, Role, Team, TeamMember
from tests.modules.crm.making import euros, make_deal, move

SINCE = date(2024, 1, 1)
NOW = "2026-11-22T10:00:00"
# What each won in the third quarter of 2026 and in the first of 2026, in thousands of euros.
WON = {"Ana": (40, 20), "Bea": (30, 60), "Cai": (20, 0), "Dan": (10, 20), "Eli": (0, 0), "bob": (50, 100)}


@dataclass(frozen=True)
class Team6:
    """The team North with six in it: ids by name."""

    team_id: int
    ids: Mapping[str, int]


def build(people: Any) -> Team6:
    """The team, in an app context of its company: bob, five more, and what they won."""
    team = db.session.scalars(select(Team).where(Team.name == "North")).one()
    role = db.session.scalars(select(Role.id).where(Role.key == "rep")).one()
    ids = {"bob": people["bob"].member_id}
    for name in WON:
        if name not in ids:
            member = Membership(name=name, role_id=role, valid_from=SINCE)
            db.session.add(member)
            db.session.flush()
            db.session.add(TeamMember(team_id=team.id, member_id=member.id, valid_from=SINCE))
            ids[name] = member.id
    db.session.flush()
    return Team6(team.id, ids)


def win(owner_id: int, on: date, amount: int, **more: Any) -> Any:
    """A deal of so many euros, won on a day."""
    deal = make_deal(owner_id=owner_id, amount=euros(amount), on=on, **more)
    move(deal, "won", at=noon(on))
    return deal


def with_history(found: Team6) -> None:
    """What the six won before."""
    for name, (third, first) in WON.items():
        for on, amount in ((date(2026, 8, 12), third), (date(2026, 2, 11), first)):
            if amount:
                win(found.ids[name], on, amount * 1000)

