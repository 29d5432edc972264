"""What the admin's pages read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask import g
from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from app.core.access import valid_on
from app.core.clock import today
from app.core.db import Base, db
from app.core.formats import number
from app.core.models import Company, Membership, Role, Team, TeamMember, User
from app.core.registry import Module, registry
from app.core.resource import VERBS
from app.core.shell import companies_of
from app.core.tenancy import acting_for


def places_of(user_id: int) -> list[dict[str, Any]]:
    """The companies a person may enter, with the role they have in each."""
    places = companies_of(user_id)
    ids = {
        c.slug: c.id
        for c in db.session.scalars(select(Company).where(Company.slug.in_([p["slug"] for p in places])))
    }
    return [{**place, "role": _role_in(ids[place["slug"]], user_id)} for place in places]


def _role_in(company_id: int, user_id: int) -> str:
    with acting_for(company_id) as session:
        return session.scalars(
            select(Role.name)
            .join(Membership, Membership.role_id == Role.id)
            .where(Membership.user_id == user_id)
        ).one()


def admins() -> int:
    """How many members with a log-in have every permission and no end in sight."""
    able = (Role.key == "admin") & Membership.user_id.is_not(None)
    lasting = (Membership.valid_from <= today()) & Membership.valid_to.is_(None)
    return (
        db.session.scalar(
            select(func.count(Membership.id)).join(Role, Role.id == Membership.role_id).where(able, lasting)
        )
        or 0
    )


def assignment(member_id: int) -> TeamMember | None:
    """The place in a team that a member has now, or that begins next."""
    return db.session.scalar(
        select(TeamMember)
        .where(
            TeamMember.member_id == member_id,
            TeamMember.valid_to.is_(None) | (TeamMember.valid_to >= today()),
        )
        .order_by(TeamMember.valid_from)
        .limit(1)
    )


def team_names(member_ids: Sequence[int]) -> Mapping[int, str]:
    """Member id -> name of the present team, for a page of members."""
    rows = db.session.execute(
        select(TeamMember.member_id, Team.name)
        .join(Team, Team.id == TeamMember.team_id)
        .where(TeamMember.member_id.in_(member_ids), valid_on(TeamMember, today()))
    )
    return {row[0]: row[1] for row in rows}


def log_ins(member_ids: Sequence[int]) -> Mapping[int, str]:
    """Member id -> mail address of the log-in, for those who have one."""
    rows = db.session.execute(
        select(Membership.id, User.email)
        .join(User, User.id == Membership.user_id)
        .where(Membership.id.in_(member_ids))
    )
    return {row[0]: row[1] for row in rows}


def team_of(member_id: int) -> int | None:
    """Id of the team a member belongs to, once per page."""
    cache: dict[int, int | None] = g.setdefault("team_of_member", {})
    if member_id not in cache:
        place = assignment(member_id)
        cache[member_id] = place.team_id if place else None
    return cache[member_id]


def place_of(member_id: int) -> dict[str, str | None]:
    """Names of a member's team, of the team above it and of its manager, as a file would say them; asked once."""
    cache: dict[int, dict[str, str | None]] = g.setdefault("place_of_member", {})
    if member_id not in cache:
        cache[member_id] = _place_of_team(team_of(member_id))
    return cache[member_id]


def _place_of_team(team_id: int | None) -> dict[str, str | None]:
    parent = aliased(Team)
    statement = (
        select(Team.name.label("team"), parent.name.label("team_parent"), Membership.name.label("manager"))
        .outerjoin(parent, parent.id == Team.parent_id)
        .outerjoin(Membership, Membership.id == Team.manager_id)
        .where(Team.id == team_id)
    )
    row = db.session.execute(statement).mappings().one_or_none() if team_id else None
    return dict(row) if row else dict.fromkeys(("team", "team_parent", "manager"))


def members_by_name() -> dict[str, int]:
    """Folded name -> id; of several with one name the first."""
    rows = db.session.execute(select(Membership.name_key, Membership.id).order_by(Membership.id.desc()))
    return {row[0]: row[1] for row in rows}


def teams_by_name() -> dict[str, int]:
    """Folded name -> id of every team."""
    return {row.name_key: row.id for row in db.session.execute(select(Team.name_key, Team.id))}


def role_id(key: str) -> int:
    return db.session.scalars(select(Role.id).filter_by(key=key)).one()


def stores_money() -> bool:
    """Whether any table of any module holds an amount, or a rate into the company's currency is kept."""
    for table_class, columns in _amounts():
        for column in columns:
            question = select(table_class.id).where(getattr(table_class, column).is_not(None)).limit(1)
            if db.session.scalar(question, execution_options={"all_rows": True}) is not None:
                return True
    return False


def _amounts() -> Iterable[tuple[Any, list[str]]]:
    """Mapped classes with columns of money: `<name>_minor` by convention, and the rates."""
    for mapper in Base.registry.mappers:
        found = [c.key for c in mapper.column_attrs if c.key.endswith("_minor") or c.key == "rate"]
        if found:
            yield mapper.class_, found


def permission_groups() -> list[dict[str, Any]]:
    """Every permission of every installed module, in the order of the menu.

    `[{module, label, resources: [{label, names}], others: [{name, label}]}]`; `names` are in the order of `VERBS`.
    """
    return [_permission_group(m) for m in sorted(registry.modules.values(), key=lambda m: m.manifest.order)]


def _permission_group(module: Module) -> dict[str, Any]:
    resources = [
        {"label": r.label_plural, "names": [r.permission(verb) for verb in VERBS]}
        for r in module.hooks.resources
    ]
    others = [{"name": name, "label": label} for name, label in module.hooks.permissions.items()]
    return {"module": module.name, "label": module.manifest.label, "resources": resources, "others": others}


def members_of_roles(role_ids: Sequence[int]) -> Mapping[int, str]:
    """Role id -> how many members have it now."""
    rows = db.session.execute(
        select(Membership.role_id, func.count())
        .where(Membership.role_id.in_(role_ids), valid_on(Membership, today()))
        .group_by(Membership.role_id)
    )
    return {row[0]: number(row[1]) for row in rows}


def members_of_teams(team_ids: Sequence[int]) -> Mapping[int, str]:
    """Team id -> how many members belong to it now, teams below not counted."""
    rows = db.session.execute(
        select(TeamMember.team_id, func.count())
        .where(TeamMember.team_id.in_(team_ids), valid_on(TeamMember, today()))
        .group_by(TeamMember.team_id)
    )
    return {row[0]: number(row[1]) for row in rows}


def scoped_resources() -> list[Any]:
    """Resources whose rows have an owner, so that a role may see only some of them."""
    return [r for r in registry.resources() if r.owned]
