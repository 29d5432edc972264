"""The demo companies: a believable Spanish industrial company, made from a seed, relative to today.

The core makes the company, its people and teams; each module fills in its own data through `Hooks.demo`.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import structlog
from flask import current_app
from sqlalchemy import select

from app.core import companies, lifecycle
from app.core.clock import today
from app.core.db import db, fold
from app.core.lifecycle import enabled_modules
from app.core.models import Membership, Role, Team, TeamMember, User
from app.core.passwords import hash_password
from app.core.tenancy import acting_for, company_by_slug
from config import BadConfig

log = structlog.get_logger()
SEED = 20_260_919
MONTHS = 18

# Team -> manager, then the reps. The first rep of the first team and its manager can log in.
TEAMS = {
    "Levante": ("Carmen Ibáñez", ("Marta Ferrer", "Jorge Andreu", "Lucía Navarro", "Vicent Climent")),
    "Centro": ("Álvaro Herranz", ("Sergio Molina", "Amparo Bosch", "Raquel Ortega", "Daniel Prieto")),
    "Norte": ("Ainhoa Etxeberria", ("Iker Mendizábal", "Nerea Uriarte", "Xabier Lasa", "Olaia Goikoetxea")),
}
LOGINS = {"Carmen Ibáñez": "manager@demo.example", "Marta Ferrer": "rep@demo.example"}
ADMIN = "Javier Soler"


@dataclass
class DemoPlan:
    """What modules need to fill a demo company; shared between them so that their data fit together."""

    random: random.Random
    today: date
    small: bool  # a handful of rows instead of a company's worth
    reps: list[Membership] = field(default_factory=list)
    team_of: dict[int, str] = field(default_factory=dict)  # member id -> name of the team
    made: dict[str, Sequence[int]] = field(default_factory=dict)  # what modules made, by resource key

    @property
    def first_day(self) -> date:
        """Where the demo's history begins: about 18 months ago."""
        return (self.today - timedelta(days=MONTHS * 30)).replace(day=1)


def load() -> list[str]:
    """Make the demo companies that are not there yet; returns the slugs of those made. Repeating changes nothing."""
    if current_app.config["VENDIMIA"].production:
        raise BadConfig("The demo companies have no place in production.")
    made = []
    password_hash = hash_password(password())
    if _missing("demo"):
        companies.create_company("demo", "Industrias Levante", "Europe/Madrid", "EUR", "es")
        made.append("demo")
        _fill("demo", ("crm", "kpi"), password_hash, small=False)
    if _missing("demo2"):
        companies.create_company("demo2", "Bodegas del Ebro", "Europe/Madrid", "EUR", "es")
        made.append("demo2")
        _fill("demo2", (), password_hash, small=True)
    return made


def password() -> str:
    """The password of all demo users: from the setting, else a random one kept in `var/demo-password`."""
    config = current_app.config["VENDIMIA"]
    path: Path = config.var_dir / "demo-password"
    if config.demo_password:
        return config.demo_password
    if not path.exists():
        config.var_dir.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(9))
    return path.read_text().strip()


def _missing(slug: str) -> bool:
    with current_app._get_current_object().app_context():  # type: ignore[attr-defined]  # LocalProxy API
        return company_by_slug(slug) is None


def _fill(slug: str, modules: Sequence[str], password_hash: str, *, small: bool) -> None:
    """People, teams and the data of every module, in one transaction."""
    companies.create_user(f"admin@{slug}.example", slug, "admin", ADMIN if slug == "demo" else "Pilar Domínguez")
    with current_app._get_current_object().app_context():  # type: ignore[attr-defined]  # LocalProxy API
        found = company_by_slug(slug)
        company_id = found.id if found else 0
    with acting_for(company_id):
        for name in modules:
            lifecycle.enable(name)
        plan = DemoPlan(random=random.Random(SEED), today=today(), small=small)  # noqa: S311  # demo data, no secret
        if small:
            plan.reps = list(db.session.scalars(select(Membership)))
        else:
            _people(plan)
        _log_ins(password_hash)
        for module in enabled_modules():
            module.hooks.demo(plan)
    log.info("demo company loaded", company=slug)


def _people(plan: DemoPlan) -> None:
    roles = {role.key: role.id for role in db.session.scalars(select(Role))}
    since = plan.first_day - timedelta(days=400)
    head = Team(name="Dirección comercial")
    db.session.add(head)
    db.session.flush()
    admin = db.session.scalars(select(Membership)).one()
    head.manager_id, admin.valid_from = admin.id, since
    for name, (manager_name, rep_names) in TEAMS.items():
        manager = _member(manager_name, roles["manager"], since)
        team = Team(name=name, parent_id=head.id, manager_id=manager.id)
        db.session.add(team)
        db.session.flush()
        reps = [_member(rep, roles["rep"], since) for rep in rep_names]
        for member in (manager, *reps):
            db.session.add(TeamMember(team_id=team.id, member_id=member.id, valid_from=since))
            plan.team_of[member.id] = name
        plan.reps += reps
    db.session.flush()


def _member(name: str, role_id: int, since: date) -> Membership:
    email = LOGINS.get(name) or f"{fold(name).replace(' ', '.')}@demo.example"
    member = Membership(name=name, email=email, role_id=role_id, valid_from=since)
    if name in LOGINS:
        member.user_id = companies.user_for(email, name).id
    db.session.add(member)
    db.session.flush()
    return member


def _log_ins(password_hash: str) -> None:
    """Give the demo password to the users of this company."""
    ids = select(Membership.user_id).where(Membership.user_id.is_not(None))
    for user in db.session.scalars(select(User).where(User.id.in_(ids))):
        user.password_hash = password_hash
