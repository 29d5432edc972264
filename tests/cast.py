"""The cast of the tests: two companies and five people. It is in every fresh database.

One: alice (admin), bob (rep, team North), dave (rep, team South), mona (manager of North). Two: carol (admin).
Both speak English and have every installed module on; a test that wants one off switches it off.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select, update

from app.core import lifecycle
from app.core.companies import create_company, create_user
from app.core.db import db
from app.core.models import Membership, Team, TeamMember, User
from app.core.passwords import hash_password
from app.core.registry import registry
from app.core.tenancy import acting_for

PASSWORD = "three-words-of-the-cast"
SINCE = date(2016, 1, 1)
PEOPLE = {
    "alice": ("one", "admin"),
    "bob": ("one", "rep"),
    "dave": ("one", "rep"),
    "mona": ("one", "manager"),
    "carol": ("two", "admin"),
}
TEAMS = {"North": ("mona", ["bob"]), "South": (None, ["dave"])}


@dataclass(frozen=True)
class Person:
    """One of the cast: their names in the product and the ids under which they are known."""

    name: str
    email: str
    company: str
    company_id: int
    user_id: int
    member_id: int


def email_of(name: str) -> str:
    return f"{name}@{PEOPLE[name][0]}.example"


def make_cast() -> None:
    """Found both companies and bring everybody in; needs an app context and an empty, migrated database."""
    ids = {slug: create_company(slug, slug.title(), language="en") for slug in ("one", "two")}
    for name, (slug, role) in PEOPLE.items():
        create_user(email_of(name), slug, role, name=name.title())
    db.session.execute(update(User).values(password_hash=hash_password(PASSWORD)))
    db.session.commit()
    for company_id in ids.values():
        with acting_for(company_id):
            for module in registry.modules:
                lifecycle.enable(module)
    with acting_for(ids["one"]) as session:
        for member in session.scalars(select(Membership)):
            member.valid_from = SINCE
        session.flush()
        _make_teams()


def _make_teams() -> None:
    members = {m.name.lower(): m.id for m in db.session.scalars(select(Membership))}
    for name, (manager, reps) in TEAMS.items():
        team = Team(name=name, manager_id=members.get(manager or ""))
        db.session.add(team)
        db.session.flush()
        db.session.add_all(TeamMember(team_id=team.id, member_id=members[rep], valid_from=SINCE) for rep in reps)


def everybody() -> dict[str, Person]:
    """The cast by first name, read from the database; needs an app context without a company."""
    rows = db.session.execute(
        select(User.email, Membership.company_id, User.id, Membership.id)
        .join(Membership, Membership.user_id == User.id)
        .execution_options(all_companies=True)
    )
    found = {email: (company_id, user_id, member_id) for email, company_id, user_id, member_id in rows}
    return {
        name: Person(name.title(), email_of(name), slug, *found[email_of(name)]) for name, (slug, _role) in PEOPLE.items()
    }
