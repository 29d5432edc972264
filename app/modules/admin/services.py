"""The rules of members, teams, roles, rates and settings; the only writer of their tables besides the core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from flask import g
from sqlalchemy import select, update

from app.core import changelog, links, writes
from app.core.access import SCOPES, me, scope_of
from app.core.clock import today
from app.core.companies import check_settings, user_for
from app.core.db import db, fold
from app.core.errors import BusinessError, Forbidden
from app.core.i18n import LANGUAGES, _
from app.core.models import Change, Company, Holiday, Membership, Rate, Role, Team, TeamMember, User
from app.core.registry import registry
from app.modules.admin import queries
from app.modules.admin.structure import Structure

# Fields of a file that are no columns of a membership.
STRUCTURE = frozenset({"team_id", "team", "team_parent", "manager", "create_missing"})
NEEDED = frozenset({"name", "role_id", "valid_from"})
# What decides who gets in and how far: for members with more rights than one's own it is out of reach.
ACCESS = ("email", "valid_from", "valid_to", "role_id")
THEMES = ("auto", "light", "dark")


# Members


def create_member(values: Mapping[str, Any]) -> Membership:
    """A place in the company, without a log-in until somebody is invited. Without a role it is a rep's."""
    columns = _columns(values)
    columns["role_id"] = columns.get("role_id") or queries.role_id("rep")
    columns["valid_from"] = columns.get("valid_from") or today()
    _check_dates(columns["valid_from"], columns.get("valid_to"))
    _check_grant(columns["role_id"])
    member = writes.create(Membership, columns)
    team_id = _named_team(values)
    if team_id is not None:
        assign_team(member, team_id, member.valid_from)
    return member


def update_member(member: Membership, values: Mapping[str, Any]) -> Membership:
    """Change what a company knows of a member; the log-in's own name, address and password are out of reach.

    One member with every permission and a log-in must stay.
    """
    # A file may leave these empty; what a member cannot be without stays as it is.
    columns = {k: v for k, v in _columns(values).items() if v is not None or k not in NEEDED}
    _check_dates(columns.get("valid_from") or member.valid_from, columns.get("valid_to", member.valid_to))
    if any(columns.get(name, getattr(member, name)) != getattr(member, name) for name in ACCESS):
        _check_grant(member.role_id)
        _check_grant(columns.get("role_id", member.role_id))
    _hold_company()
    before = queries.admins()
    writes.update(member, columns)
    if before and not queries.admins():
        raise BusinessError(_("The company would be left without an administrator."), field="role_id")
    if STRUCTURE & values.keys():
        # A file says since when; a form moves somebody now, whatever the first day of their membership.
        since = values.get("valid_from") if "team_id" not in values else None
        assign_team(member, _named_team(values), since or max(today(), member.valid_from))
    return member


def add_members(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Many members at once, with the teams and managers their rows name; returns their ids in order."""
    rep, structure = queries.role_id("rep"), Structure()
    columns = [
        {
            **_columns(row),
            "role_id": row.get("role_id") or rep,
            "valid_from": row.get("valid_from") or today(),
        }
        for row in rows
    ]
    for values in columns:
        _check_dates(values["valid_from"], values.get("valid_to"))
    for role_id in {values["role_id"] for values in columns}:
        _check_grant(role_id)
    ids = writes.bulk_insert(Membership, columns)
    # A manager who is in the file as a member is that member, not a second one.
    structure.members = {
        **{fold(c["name"]): i for c, i in zip(columns, ids, strict=True)},
        **structure.members,
    }
    teams = [row.get("team_id") or structure.team_id(dict(row)) for row in rows]
    places = [
        {"team_id": team_id, "member_id": member_id, "valid_from": c["valid_from"], "valid_to": None}
        for team_id, member_id, c in zip(teams, ids, columns, strict=True)
        if team_id is not None
    ]
    if places:
        writes.bulk_insert(TeamMember, places)
    return ids


def assign_team(member: Membership, team_id: int | None, since: date) -> None:
    """Move a member to a team, or out of all, from a day on; where they were before stays on record."""
    g.pop("team_of_member", None)
    g.pop("place_of_member", None)
    place = queries.assignment(member.id)
    if (place.team_id if place else None) == team_id:
        return
    if place and place.valid_from >= since:
        if team_id is None:
            db.session.delete(place)
        else:
            place.team_id = team_id
        db.session.flush()
        return
    if place:
        place.valid_to = since - timedelta(days=1)
    if team_id is not None:
        db.session.add(TeamMember(team_id=team_id, member_id=member.id, valid_from=since))
    db.session.flush()


def invite(member: Membership) -> User:
    """Give a member a log-in and mail them the way in.

    A person who already uses Vendimia is linked as they are. Raises `BusinessError` without a mail address, when the
    address belongs to another member of the company, or when the member's role may do more than one's own.
    """
    _check_grant(member.role_id)
    if member.user_id is None:
        if not member.email:
            raise BusinessError(
                _("To invite %(name)s, enter a mail address first.", name=member.name), field="email"
            )
        user = user_for(member.email, member.name)
        other = db.session.scalar(select(Membership.name).filter_by(user_id=user.id))
        if other:
            raise BusinessError(
                _("This mail address is already the log-in of %(name)s.", name=other), field="email"
            )
        writes.update(member, {"user_id": user.id})
    user = db.session.get_one(User, member.user_id)
    links.mail_invitation(user, g.company.name, g.company.language)
    return user


def end_membership(member: Membership) -> None:
    """End a member's access at once; what they own stays theirs until somebody hands it over."""
    if "me" in g and member.id == me().member_id:
        raise BusinessError(_("You cannot end your own access. Ask another administrator."))
    _check_grant(member.role_id)
    update_member(member, {"valid_to": today() - timedelta(days=1)})


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in STRUCTURE}


def _named_team(values: Mapping[str, Any]) -> int | None:
    if values.get("team_id") is not None or not {"team", "team_parent", "manager"} & values.keys():
        return values.get("team_id")
    return Structure().team_id(dict(values))


def _check_dates(first: date, last: date | None) -> None:
    # The day before the first is how access ends on the day it began.
    if last is not None and last < first - timedelta(days=1):
        raise BusinessError(_("The end lies before the beginning."), field="valid_to")


def _check_grant(role_id: int) -> None:
    """Nobody hands out, or takes away, more than they have; their own role is never more."""
    if "me" not in g or me().role_key == "admin":
        return
    role = db.session.get(Role, role_id)
    if role is None or (role.key != me().role_key and not _within_mine(role)):
        raise BusinessError(
            _("This role may do more than yours; an administrator has to change it."), field="role_id"
        )


def _within_mine(role: Role) -> bool:
    seen = all(_in_reach(key, scope) for key, scope in role.scopes.items())
    return seen and set(role.permissions) <= me().permissions


def _in_reach(resource_key: str, scope: str) -> bool:
    """Whether a scope shows no more rows of a resource than the person sees."""
    return SCOPES.index(scope) <= SCOPES.index(scope_of(resource_key))


def _hold_company() -> None:
    """Let changes to who is an administrator wait for each other, so that two cannot remove the last two."""
    db.session.execute(select(Company.id).where(Company.id == g.company.id).with_for_update())


# Teams


def create_team(values: Mapping[str, Any]) -> Team:
    """A team; its name is its own in the company."""
    _check_team_name(values["name"], None)
    return writes.create(Team, dict(values))


def update_team(team: Team, values: Mapping[str, Any]) -> Team:
    """Change a team; it cannot stand below itself."""
    if "name" in values:
        _check_team_name(values["name"], team.id)
    if values.get("parent_id") is not None:
        _hold_company()
        _check_no_circle(team, values["parent_id"])
    return writes.update(team, dict(values))


def _check_team_name(name: str, own_id: int | None) -> None:
    taken = queries.teams_by_name().get(fold(name))
    if taken is not None and taken != own_id:
        raise BusinessError(_("There is already a team “%(name)s”.", name=name), field="name")


def _check_no_circle(team: Team, parent_id: int) -> None:
    parents = {row.id: row.parent_id for row in db.session.execute(select(Team.id, Team.parent_id))}
    above: int | None = parent_id
    while above is not None:
        if above == team.id:
            raise BusinessError(_("A team cannot stand below itself."), field="parent_id")
        above = parents.get(above)


# Roles


def create_role(values: Mapping[str, Any]) -> Role:
    """A role that may do nothing yet."""
    return save_role(None, values["name"], set(), {})


def update_role(role: Role, values: Mapping[str, Any]) -> Role:
    """Give a role another name."""
    return save_role(role, values.get("name", role.name), set(role.permissions), role.scopes)


def save_role(role: Role | None, name: str, permissions: set[str], scopes: Mapping[str, str]) -> Role:
    """Make or change a role. The administrator's keeps everything; nobody grants what they do not have.

    Permissions of modules that are not installed are kept as they are.
    """
    if role is not None and role.key == "admin":
        return writes.update(role, {"name": name})
    known = {p for m in registry.modules.values() for p in m.permissions}
    before = set(role.permissions) if role else set()
    chosen = (permissions & known) | (before - known)
    seen = role.scopes if role else {}
    sees = {**seen, **_scopes(scopes)}
    _check_changes(chosen ^ before, seen, sees)
    values = {"name": name, "permissions": sorted(chosen), "scopes": sees}
    if role is None:
        return writes.create(Role, {**values, "key": _role_key(name)})
    return writes.update(role, values)


def _check_changes(permissions: set[str], seen: Mapping[str, str], sees: Mapping[str, str]) -> None:
    """Nobody grants or withdraws a permission they lack, nor a scope wider than their own."""
    if "me" not in g or me().role_key == "admin":
        return
    changed = [
        (key, scope)
        for key, after in sees.items()
        for scope in (seen.get(key, "own"), after)
        if after != seen.get(key, "own")
    ]
    if not permissions <= me().permissions or not all(_in_reach(*pair) for pair in changed):
        raise Forbidden(_("You can only grant or withdraw what you may do yourself."))


def _scopes(given: Mapping[str, str]) -> dict[str, str]:
    return {r.key: given[r.key] for r in queries.scoped_resources() if given.get(r.key) in SCOPES}


def _role_key(name: str) -> str:
    stem = "-".join("".join(c if c.isalnum() else " " for c in fold(name)).split())[:34] or "role"
    taken = set(db.session.scalars(select(Role.key)))
    return next(k for k in (stem, *(f"{stem}-{n}" for n in range(2, 1000))) if k not in taken)


# Rates


def create_holiday(values: Mapping[str, Any]) -> Holiday:
    """A day on which nobody works, each once. Raises `BusinessError`."""
    _check_holiday(values["day"], None)
    g.pop("holidays", None)
    return writes.create(Holiday, dict(values))


def update_holiday(holiday: Holiday, values: Mapping[str, Any]) -> Holiday:
    """Move or rename a holiday. Raises `BusinessError` when there is one on that day."""
    _check_holiday(values.get("day", holiday.day), holiday.id)
    g.pop("holidays", None)
    return writes.update(holiday, dict(values))


def _check_holiday(day: date, own_id: int | None) -> None:
    same = select(Holiday.id).where(Holiday.day == day, Holiday.id != (own_id or 0)).limit(1)
    if db.session.scalar(same, execution_options={"with_trash": True}) is not None:
        raise BusinessError(_("This day is a holiday already, or lies in the trash as one."), field="day")


def create_rate(values: Mapping[str, Any]) -> Rate:
    """A rate from a day on; one per currency and day."""
    _check_rate(values["currency"], values["valid_from"], None)
    return writes.create(Rate, dict(values))


def update_rate(rate: Rate, values: Mapping[str, Any]) -> Rate:
    """Correct a rate; amounts that were converted with it stay as they were booked."""
    _check_rate(values.get("currency", rate.currency), values.get("valid_from", rate.valid_from), rate.id)
    return writes.update(rate, dict(values))


def _check_rate(currency: str, day: date, own_id: int | None) -> None:
    if currency == g.company.currency:
        raise BusinessError(_("The company's own currency needs no rate."), field="currency")
    taken = db.session.scalar(select(Rate.id).filter_by(currency=currency, valid_from=day))
    if taken is not None and taken != own_id:
        raise BusinessError(
            _("There is already a rate of %(code)s for this day.", code=currency), field="valid_from"
        )
    thrown = select(Rate.id).filter_by(currency=currency, valid_from=day)
    if taken is None and db.session.scalar(thrown, execution_options={"with_trash": True}) is not None:
        raise BusinessError(
            _("A rate of %(code)s for this day lies in the trash; bring that one back.", code=currency), field="valid_from"
        )


# Company and person


def change_settings(values: Mapping[str, Any], version: int | None) -> None:
    """Change the company's settings. Its currency stays once an amount is stored in it."""
    company = db.session.get_one(Company, g.company.id)
    writes.check_version(company, version)
    check_settings(values["timezone"], values["currency"], values["language"])
    if values["currency"] != company.currency and queries.stores_money():
        raise BusinessError(
            _("Amounts have been stored in %(code)s.", code=company.currency), field="currency"
        )
    before = {name: getattr(company, name) for name in values}
    writes.update(company, values)
    for name, value in values.items():
        if value != before[name]:
            db.session.add(_change(company, name, before[name], value))
    db.session.flush()
    g.company = company


def _change(company: Company, field: str, old: Any, new: Any) -> Change:
    """A line of the change log; the company's own row is not one that is logged by itself."""
    return Change(
        actor_id=changelog.actor_id(),
        request_id=changelog.request_id(),
        table_name=Company.__tablename__,
        row_id=company.id,
        action="changed",
        field=field,
        old=changelog.as_text(old),
        new=changelog.as_text(new),
    )


def change_profile(user_id: int, name: str, language: str | None, theme: str) -> None:
    """What a person sets for themselves, in all companies."""
    _set_user(user_id, {"name": " ".join(name.split()), "language": language, "theme": theme})


def change_preferences(user_id: int, language: str | None, theme: str | None) -> None:
    """Change language or appearance; what is unknown or not given stays."""
    values = {}
    if language in LANGUAGES:
        values["language"] = language
    if theme in THEMES:
        values["theme"] = theme
    if values:
        _set_user(user_id, values)


def _set_user(user_id: int, values: Mapping[str, Any]) -> None:
    db.session.execute(update(User).where(User.id == user_id).values(**values))
