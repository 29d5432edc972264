"""Who may do what, and whose rows they see: one question, one answer, asked before every view."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from flask import Flask, g
from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session, with_loader_criteria

from app.core.clock import today
from app.core.db import Id, Owned, db
from app.core.errors import Forbidden
from app.core.i18n import _
from app.core.lifecycle import enabled_modules
from app.core.models import Company, Membership, Role, Team, TeamMember, User
from app.core.registry import registry
from app.core.tenancy import acting_for, choose_company

View = TypeVar("View", bound=Callable[..., Any])
SCOPES = ("own", "team", "all")


@dataclass(frozen=True)
class Me:
    """The member who is asking, in the current company."""

    member_id: int
    user_id: int | None
    name: str
    role_key: str
    permissions: frozenset[str]
    scopes: dict[str, str] = field(default_factory=dict)


def require(permission: str) -> Callable[[View], View]:
    """Mark a view with the permission it needs; `app.core.gate` refuses everybody else."""

    def mark(view: View) -> View:
        view.access = permission  # type: ignore[attr-defined]  # marks live on the function
        return view

    return mark


def public(view: View) -> View:
    """Mark a view that anybody may open. They are listed by name in the conformance suite."""
    view.access = "public"  # type: ignore[attr-defined]  # marks live on the function
    return view


def signed_in(view: View) -> View:
    """Mark a view for everybody who is logged in, whatever their companies."""
    view.access = "signed_in"  # type: ignore[attr-defined]  # marks live on the function
    return view


def mark_of(app: Flask, endpoint: str) -> str:
    """The mark of a view: a permission, "public" or "signed_in"; every view has one, or the app does not start."""
    return getattr(app.view_functions[endpoint], "access")  # noqa: B009  # set by the decorators above


def enter_company(slug: str, user_id: int) -> bool:
    """Choose the company of an address for a user; False when there is none or the user has no place in it."""
    place = select(Company, Membership).join(Membership, Membership.company_id == Company.id)
    found = db.session.execute(
        place.where(Company.slug == slug, Membership.user_id == user_id), execution_options={"all_companies": True}
    ).one_or_none()
    if found is None:
        return False
    company, member = found
    choose_company(company)
    if not is_current(member, today()):
        return False
    _become(member)
    return True


@contextmanager
def acting_as(company_id: int, member_id: int) -> Iterator[Session]:
    """One unit of work in the name of a member, with their permissions, record rules and language: what a job does for a
    person. A session of its own; commits at its end. Raises `Forbidden` when the membership has ended."""
    with acting_for(company_id, member_id) as session:
        member = session.get(Membership, member_id)
        if member is None or not is_current(member, today()):
            raise Forbidden(_("This person is no longer a member of the company."))
        _become(member)
        g.language = session.scalar(select(User.language).where(User.id == member.user_id)) or g.company.language
        yield session


@contextmanager
def in_place_of(member: Membership) -> Iterator[None]:
    """See with the eyes of another member of this company: their permissions and record rules, in this transaction.

    For asking what they may see; what is written meanwhile would be theirs in the change log.
    """
    names = ("me", "actor_id", "row_rules")
    before = {name: g.pop(name) for name in names if name in g}
    try:
        _become(member)
        yield
    finally:
        for name in names:
            g.pop(name, None)
        for name, value in before.items():
            setattr(g, name, value)


def is_current(member: Membership, day: date) -> bool:
    """Whether a membership is valid on a day; both ends inclusive."""
    return member.valid_from <= day and (member.valid_to is None or day <= member.valid_to)


def _become(member: Membership) -> None:
    role = db.session.get_one(Role, member.role_id)
    on = {m.name: m for m in enabled_modules()}
    if "*" in role.permissions:
        granted = {p for module in on.values() for p in module.permissions}
        scopes = {}
    else:
        granted = {p for p in role.permissions if p.split(".")[0] in on}
        scopes = dict(role.scopes)
    g.actor_id = member.id
    g.me = Me(member.id, member.user_id, member.name, role.key, frozenset(granted), scopes)
    g.row_rules = [option for key, option in _RULES.items() if scope_of(key) != "all"]


def me() -> Me:
    """Who is asking. Raises `AttributeError` outside a request to a company."""
    return g.me


def can(permission: str) -> bool:
    """Whether the person may do it here; what runs without a person (jobs, commands) may do everything."""
    if "me" in g:
        return permission in g.me.permissions and in_use(permission)
    return "company_id" in g


def in_use(permission: str) -> bool:
    """Whether the company uses what a permission is about: it may do without some kinds of records."""
    available = registry.switchable.get(permission.rpartition(".")[0])
    return available is None or available()


def scope_of(resource_key: str) -> str:
    """Whose rows of a resource the person sees: "own", "team" (and teams below) or "all"."""
    if "me" not in g or g.me.role_key == "admin":
        return "all"
    return g.me.scopes.get(resource_key, "own")


def sees_every_row() -> bool:
    """Whether no record rule confines the person, whatever they look at."""
    return not g.get("row_rules")


def visible_members(resource_key: str) -> set[int] | None:
    """Members whose rows of a resource the person sees; None for everybody's."""
    scope = scope_of(resource_key)
    if scope == "all":
        return None
    return {g.me.member_id} if scope == "own" else team_mates(g.me.member_id)


def team_mates(member_id: int) -> set[int]:
    """The member, and all members of the teams they belong to or manage and of the teams below; once per context."""
    cache = g.setdefault("team_mates", {})
    if member_id not in cache:
        below = teams_below(member_id)
        current = select(TeamMember.member_id).where(TeamMember.team_id.in_(below), valid_on(TeamMember, today()))
        managers = select(Team.manager_id).where(Team.id.in_(below), Team.manager_id.is_not(None))
        cache[member_id] = {member_id, *db.session.scalars(current), *db.session.scalars(managers)}
    return cache[member_id]


def teams_below(member_id: int) -> set[int]:
    """Ids of the teams a member belongs to or manages, and of all teams below them."""
    tops = set(db.session.scalars(select(Team.id).filter_by(manager_id=member_id)))
    tops |= set(
        db.session.scalars(
            select(TeamMember.team_id).where(TeamMember.member_id == member_id, valid_on(TeamMember, today()))
        )
    )
    return subtree(tops)


def subtree(tops: set[int]) -> set[int]:
    """Ids of the given teams and of all teams below them."""
    children: dict[int | None, list[int]] = {}
    for team_id, parent_id in db.session.execute(select(Team.id, Team.parent_id)):
        children.setdefault(parent_id, []).append(team_id)
    found, queue = set(tops), list(tops)
    while queue:
        fresh = [c for c in children.get(queue.pop(), ()) if c not in found]
        found.update(fresh)
        queue.extend(fresh)
    return found


def valid_on(model: Any, day: date) -> Any:
    """Criterion: a dated row is valid on a day; both ends inclusive."""
    return (model.valid_from <= day) & or_(model.valid_to.is_(None), model.valid_to >= day)


_RULES: dict[str, Any] = {}


def init_app(app: Flask) -> None:
    """Make the record rule of every owned resource, once: shared options keep the statement cache warm."""
    with app.app_context():
        for resource in registry.resources():
            if issubclass(resource.model, Owned) and resource.key not in _RULES:
                _RULES[resource.key] = _rule(resource.key, resource.model)


def _rule(key: str, model: type) -> Any:
    def members() -> list[int]:
        return sorted(visible_members(key) or ())

    seen = bindparam(f"rows_of_{key.replace('.', '_')}", callable_=members, type_=Id, expanding=True)
    return with_loader_criteria(model, model.owner_id.in_(seen), include_aliases=True)  # type: ignore[attr-defined]
