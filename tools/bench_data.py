"""A company with as many deals as wanted: what `make bench` measures and the tests of statements count."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from flask import Flask, g
from sqlalchemy import select

from app.core.clock import today
from app.core.db import db
from app.core.models import Membership, Role, Team, TeamMember
from app.core.money import Money
from app.core.tenancy import acting_for
from app.modules.contacts.services import add_accounts
from app.modules.crm.bulk import import_deals
from app.modules.crm.leads.models import Source
from app.modules.crm.models import OPEN, Reason, Stage
from tests.application import build_app, fill
from tests.cast import everybody

SEED = 20_260_919
CHUNK = 10_000  # deals a transaction
OPEN_SHARE = 0.12
DECIDED = {"won": 57, "lost": 38, "discarded": 5}  # in hundred decided deals
DEALS_AN_ACCOUNT = 20
DAYS = 3 * 365  # of history
SEGMENTS = ("A", "B", "C", None)
TARGETS = 0.1  # of accounts
THINGS = ("Packing line", "Palletiser", "Metal detector", "Steam boiler", "Compressor", "Labeller", "Spare parts", "Retrofit")
PLACES = ("Alzira", "Burgos", "Córdoba", "Dénia", "Éibar", "Ferrol", "Getafe", "Huesca", "Ibi", "Jaén", "León", "Murcia")


def hire(company_id: int, teams: int = 5, reps: int = 10) -> None:
    """Add teams with reps who have no log-in."""
    with acting_for(company_id) as session:
        role_id = session.scalar(select(Role.id).filter_by(key="rep"))
        since = today() - timedelta(days=DAYS)
        for number in range(teams):
            team = Team(name=f"Team {number + 1}")
            session.add(team)
            session.flush()
            for place in range(reps):
                name = f"Rep {number + 1}-{place + 1:02} {PLACES[(number * reps + place) % len(PLACES)]}"
                member = Membership(name=name, role_id=role_id, valid_from=since)
                session.add(member)
                session.flush()
                session.add(TeamMember(team_id=team.id, member_id=member.id, valid_from=since))


def add_deals(company_id: int, count: int, seed: int = SEED) -> None:
    """Add deals over accounts, owners and stages, about an eighth of them open, with their way through the stages."""
    chance = random.Random(seed)  # noqa: S311  # test data, no secret
    with acting_for(company_id):
        accounts = _accounts(chance, max(1, count // DEALS_AN_ACCOUNT))
    for start in range(0, count, CHUNK):
        with acting_for(company_id):
            maker = _Maker(chance, accounts)
            import_deals([maker.deal() for _ in range(min(CHUNK, count - start))])


def _accounts(chance: random.Random, count: int) -> Sequence[int]:
    owners = _owners()
    rows = [
        {
            "name": f"{chance.choice(THINGS)} {chance.choice(PLACES)} {chance.randrange(10_000):04}",
            "sector": chance.choice(THINGS),
            "city": chance.choice(PLACES),
            "country": "España",
            "employees": chance.randrange(5, 900),
            "annual_revenue_minor": chance.randrange(1, 900) * 10_000_000,
            "currency": g.company.currency,
            "owner_id": chance.choice(owners),
            "segment": chance.choice(SEGMENTS),
            "target": chance.random() < TARGETS,
        }
        for _number in range(count)
    ]
    return add_accounts(rows)


def _owners() -> Sequence[int]:
    """Those who are in a team."""
    return db.session.scalars(select(TeamMember.member_id).order_by(TeamMember.id)).all()


class _Maker:
    """Makes the rows of deals; all chance comes from outside."""

    def __init__(self, chance: random.Random, accounts: Sequence[int]) -> None:
        self.chance, self.accounts, self.owners, self.today = chance, accounts, _owners(), today()
        stages = db.session.scalars(select(Stage).order_by(Stage.position)).all()
        self.open = [s.id for s in stages if s.type == OPEN]
        self.closing = {s.type: s.id for s in stages if s.type != OPEN}
        self.sources = [*db.session.scalars(select(Source.id).order_by(Source.id)), None]
        self.reasons: dict[str, list[int]] = {}
        for reason in db.session.scalars(select(Reason).order_by(Reason.id)):
            self.reasons.setdefault(reason.kind, []).append(reason.id)

    def deal(self) -> dict[str, Any]:
        """A deal, decided or still open."""
        thing, amount = self.chance.choice(THINGS), round(self.chance.lognormvariate(9.5, 0.9)) * 100
        row = {
            "name": f"{thing} {self.chance.randrange(100_000):05}",
            "product": thing,
            "account_id": self.chance.choice(self.accounts) if self.chance.random() < 0.95 else None,
            "owner_id": self.chance.choice(self.owners),
            "amount": Money(amount, g.company.currency),
            "opened_stage_id": self.open[0],
            "source_id": self.chance.choice(self.sources),
        }
        return row | (self._open() if self.chance.random() < OPEN_SHARE else self._decided())

    def _open(self) -> dict[str, Any]:
        opened = self.today - timedelta(days=self.chance.randrange(120))
        reached = self.chance.randrange(len(self.open))
        due = self.today + timedelta(days=self.chance.randrange(-20, 90))
        return {
            "opened_on": opened,
            "stage_id": self.open[reached],
            "moves": self._moves(opened, self.today, reached),
            "expected_close": due if self.chance.random() < 0.9 else None,
        }

    def _decided(self) -> dict[str, Any]:
        outcome = self.chance.choices(list(DECIDED), weights=list(DECIDED.values()))[0]
        closed = self.today - timedelta(days=self.chance.randrange(DAYS - 200))
        opened = closed - timedelta(days=self.chance.randrange(5, 180))
        reached = len(self.open) - 1 if outcome == "won" else self.chance.randrange(len(self.open))
        return {
            "opened_on": opened,
            "closed_on": closed,
            "expected_close": closed,
            "stage_id": self.closing[outcome],
            "moves": self._moves(opened, closed, reached),
            "reason_id": self.chance.choice(self.reasons[outcome]) if outcome in self.reasons else None,
        }

    def _moves(self, opened: date, until: date, reached: int) -> list[tuple[date, int]]:
        """Local date and stage of the way from the first open stage to the one numbered `reached`."""
        span = (until - opened).days
        days = sorted(self.chance.randint(0, span) for _stage in range(reached))
        return [(opened + timedelta(days=day), self.open[n + 1]) for n, day in enumerate(days)]


@dataclass(frozen=True)
class Place:
    """Where a database is, for the web role and for its owner, and where its application may write."""

    kind: str
    url: str
    owner_url: str
    var_dir: Path


def found(place: Place) -> None:
    """Migrate an empty database and bring in the cast and more reps. Run in a process of its own."""
    app = build_app(place.var_dir, place.url, place.owner_url, modules=())
    fill(app)
    company_id = company_of(app)
    with app.app_context():
        hire(company_id)


def company_of(app: Flask) -> int:
    """The company that is filled. Asked in a context of its own: what runs without a request holds SQLite's writer until it ends."""
    with app.app_context():
        return everybody()["alice"].company_id
