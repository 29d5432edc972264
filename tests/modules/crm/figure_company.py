"""A company whose months pass action by action, by the services, each told when it happens or later; the same for a seed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

from flask import g
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from app.core import merging, trash
from app.core.clock import local_date
from app.core.db import db, utcnow
from app.core.errors import Refusal
from app.core.models import Company, Team, TeamMember
from app.core.money import Money
from app.core.registry import registry
from app.core.writes import create
from app.modules.contacts import services as accounts
from app.modules.contacts.models import Account, Contact
from app.modules.crm import bulk, services
from app.modules.crm.activities import services as activities
from app.modules.crm.activities.models import Activity, ActivityOutcome, ActivityType
from app.modules.crm.leads import services as leads
from app.modules.crm.leads.converting import convert
from app.modules.crm.leads.models import Campaign, Lead, Medium, Source
from app.modules.crm.models import OPEN, Deal, DealEvent, Pipeline, Reason, Stage
from app.modules.crm.parts import services as parts
from app.modules.crm.parts.models import Competitor
from app.modules.crm.settings.models import Settings
from app.modules.crm.trash import hide_deals, show_deals
from tests.modules.crm.making import rate

FIRST, LAST = datetime(2025, 9, 20, tzinfo=UTC), datetime(2026, 6, 14, tzinfo=UTC)
NIGHT = (21, 22, 23)  # in Madrid the local date is another one by then, or is not, with the season
SECOND = (("Ask", OPEN, 20, False), ("Offer", OPEN, 60, True), ("Signed", "won", 100, True), ("Gone", "lost", 0, True))


class Life:
    """What can happen in a company, drawn from one source of chance."""

    def __init__(self, people: dict[str, Any], seed: int) -> None:
        self.chance = Random(seed)
        self.members = [people[name].member_id for name in ("alice", "bob", "dave", "mona")]
        self.begin()
        self.deals: list[int] = []
        self.leads: list[int] = []
        self.activities: list[int] = []
        self.thrown: list[int] = []

    def begin(self) -> None:
        company = db.session.get_one(Company, g.company.id)
        company.fiscal_year_start, company.timezone, company.currency = 4, "Europe/Madrid", "EUR"
        db.session.add(Settings(active_days=45, late_hours=24))
        rate("USD", date(2025, 9, 1), Decimal("0.9"))
        rate("USD", date(2026, 1, 1), Decimal("0.8123"))
        rate("GBP", date(2026, 2, 1), Decimal("1.17"))  # none before
        north, south = (db.session.scalars(select(Team).where(Team.name == name)).one() for name in ("North", "South"))
        was = db.session.scalars(select(TeamMember).where(TeamMember.team_id == north.id)).one()
        was.valid_to = date(2026, 1, 31)
        self.add(TeamMember, team_id=south.id, member_id=was.member_id, valid_from=date(2026, 2, 1))
        self.pipelines()
        self.accounts = [accounts.create_account({"name": f"Account {n}", "segment": (None, "A", "B")[n % 3],
                                                  "target": n % 2 == 0, "owner_id": self.members[n % 4]}).id for n in range(14)]
        self.people = [self.add(Contact, name=f"Person {n}", account_id=self.accounts[n]).id for n in range(6)]
        self.rivals = [self.add(Competitor, name=name).id for name in ("Rival", "Other", "Third")]
        self.origins = {"source_id": [self.add(Source, name=f"Fair {n}").id for n in range(2)],
                        "medium_id": [self.add(Medium, name="By foot").id], "campaign_id": [self.add(Campaign, name="Spring").id]}
        self.types = db.session.scalars(select(ActivityType).order_by(ActivityType.id)).all()
        self.outcomes = db.session.scalars(select(ActivityOutcome).order_by(ActivityOutcome.id)).all()

    def pipelines(self) -> None:
        second = self.add(Pipeline, name="Second", position=2)
        for place, (name, kind, chance, qualified) in enumerate(SECOND, start=1):
            self.add(Stage, pipeline_id=second.id, name=name, type=kind, probability=chance, qualified=qualified, position=place)
        self.stages = db.session.scalars(select(Stage).order_by(Stage.pipeline_id, Stage.position)).all()
        self.reasons = {kind: db.session.scalars(select(Reason).where(Reason.kind == kind).order_by(Reason.id)).all()
                        for kind in ("won", "lost", "discarded")}

    def add(self, model: Any, **columns: Any) -> Any:
        return create(model, columns)

    def amount(self) -> Money | None:
        pick = self.chance
        return pick.choice([None, *[Money(pick.randrange(100, 10**6), pick.choice(("EUR", "EUR", "USD", "GBP")))] * 6])

    def some_day(self) -> date | None:
        return self.chance.choice([None, *[local_date(utcnow()) + timedelta(days=self.chance.randrange(-10, 90))] * 4])

    def maybe(self, *values: Any) -> Any:
        return self.chance.choice([None, *values])

    # Deals

    def new_deal(self) -> None:
        pick = self.chance
        values = {"name": f"Deal {len(self.deals)}", "amount": self.amount(), "owner_id": pick.choice(self.members),
                  "account_id": self.maybe(*self.accounts), "expected_close": self.some_day(), "product": self.maybe("Press", "Oven"),
                  "stage_id": pick.choice([s.id for s in self.stages if s.type == OPEN]),
                  "category": self.maybe("commit", "omitted"), "probability": self.maybe(None, 35)}
        values |= {name: self.maybe(*ids) for name, ids in self.origins.items()}
        told_late = pick.random() < 0.3
        at = utcnow() - timedelta(days=pick.randrange(1, 20), hours=pick.randrange(9)) if told_late else None
        deal = services.create_deal(values, at=at, source="import")
        self.deals.append(deal.id)
        if pick.random() < 0.3:
            for rival in pick.sample(self.rivals, pick.randrange(1, 3)):
                parts.compete(deal, rival)
        if pick.random() < 0.3:
            parts.add_person(deal, pick.choice(self.people), "decider")
        if pick.random() < 0.3:
            who = pick.sample(self.members, 3)
            parts.set_credits(deal, [(who[0], 33), (who[1], 33), (who[2], 34)])

    def some_deal(self) -> Deal:
        return db.session.get_one(Deal, self.chance.choice([d for d in self.deals if d not in self.thrown]))

    def move(self, at: datetime | None = None) -> Any:
        pick, deal = self.chance, self.some_deal()
        to = pick.choice([s for s in self.stages if s.id != deal.stage_id and (s.pipeline_id == deal.pipeline_id or pick.random() < 0.1)])
        closes = to.type != OPEN
        reason = pick.choice(self.reasons[to.type]) if closes else None
        day = local_date(utcnow()) - timedelta(days=pick.randrange(15)) if closes and pick.random() < 0.4 else None
        amount = self.amount() if pick.random() < 0.3 else None
        return deal, services.move_deal(deal, to, version=None, amount=amount, reason=reason, closed_on=None if at else day, at=at, source="import")

    def move_of_the_past(self) -> None:
        self.move(at=utcnow() - timedelta(days=self.chance.randrange(1, 12), minutes=self.chance.randrange(600)))

    def pass_through(self) -> None:
        """Two stages at one instant: the first one lasts no time."""
        at = utcnow() - timedelta(hours=3)
        deal = self.some_deal()
        for to in self.chance.sample([s for s in self.stages if s.pipeline_id == deal.pipeline_id and s.type == OPEN], 2):
            services.move_deal(deal, to, version=None, at=at, source="import")

    def take_back(self) -> None:
        deal, event = self.move()
        services.undo(deal, event.id)

    def call_a_mistake(self) -> None:
        deal = self.some_deal()
        events = db.session.scalars(select(DealEvent).where(DealEvent.deal_id == deal.id, DealEvent.kind != "created")).all()
        services.void_events(deal, {self.chance.choice(events).id if events else 0})

    def change(self) -> None:
        pick = self.chance
        values: dict[str, Any] = pick.choice([
            {"expected_close": self.some_day()}, {"expected_close": self.some_day()}, {"owner_id": pick.choice(self.members)},
            {"amount": self.amount()}, {"account_id": self.maybe(*self.accounts)}, {"category": self.maybe("commit", "omitted")},
            {"probability": self.maybe(0, 50)}, {"product": self.maybe("Press")},
        ])
        at = utcnow() - timedelta(days=pick.randrange(8)) if pick.random() < 0.2 else None
        services.change_deal(self.some_deal(), values, at=at, source="import")

    def throw_away(self) -> None:
        deal = self.some_deal()
        trash.put(Deal, "name", [deal.id], hide=hide_deals)
        self.thrown.append(deal.id)

    def bring_back(self) -> None:
        if self.thrown:
            trash.take_out(Deal, [self.thrown.pop(0)], show=show_deals)

    def bring_in(self) -> None:
        day = local_date(utcnow())
        rows = []
        for stage in self.chance.sample(list(self.stages), 3):
            closed = day - timedelta(days=self.chance.randrange(5)) if stage.type != OPEN else None
            rows.append({"name": "Brought in", "stage_id": stage.id, "opened_on": day - timedelta(days=9), "closed_on": closed,
                         "amount": self.amount(), "owner_id": self.chance.choice(self.members), "account_id": self.maybe(*self.accounts)})
        self.deals += bulk.import_deals(rows) or []

    # Accounts, leads, activities

    def merge_accounts(self) -> None:
        loser = self.accounts.pop(self.chance.randrange(6, len(self.accounts)))
        merging.merge(registry.resource("contacts.account"), self.chance.choice(self.accounts), [loser], {}, {})

    def hand_over(self) -> None:
        account = db.session.get_one(Account, self.chance.choice(self.accounts))
        accounts.change_account(account, {"owner_id": self.chance.choice(self.members)})

    def new_lead(self) -> None:
        values: dict[str, Any] = {name: self.maybe(*ids) for name, ids in self.origins.items()}
        values |= {"name": f"Lead {len(self.leads)}", "owner_id": self.chance.choice(self.members), "product": self.maybe("Press")}
        if self.chance.random() < 0.4:
            values["opened_on"] = local_date(utcnow()) - timedelta(days=self.chance.randrange(20))
        self.leads.append(leads.create_lead(values).id)

    def end_lead(self) -> None:
        lead = db.session.get_one(Lead, self.chance.choice(self.leads))
        if self.chance.random() < 0.7:
            convert(lead, version=None, account=self.chance.choice(self.accounts), contact=None, deal={"name": lead.name})
        else:
            trash.put(Lead, "name", [lead.id])

    def new_activity(self) -> None:
        pick, kind = self.chance, self.chance.choice(self.types)
        values = {"type_id": kind.id, "subject": "Something", "owner_id": pick.choice(self.members), "members": pick.sample(self.members, pick.randrange(3)),
                  "deal_id": self.maybe(*self.deals), "due_on": local_date(utcnow()) + timedelta(days=pick.randrange(1, 25))}
        if not values["deal_id"]:
            values["account_id"] = self.maybe(*self.accounts)
        if pick.random() < 0.35:
            self.activities.append(activities.plan(values).id)
            return
        done = {"outcome_id": self.outcome(kind.kind), "done_on": local_date(utcnow()) - timedelta(days=pick.choice([0, 0, 1, 5])),
                "done_time": pick.choice([time(0, 10), time(7, 45)])}
        self.activities.append(activities.log(values | done).id)

    def outcome(self, kind: str) -> int | None:
        return self.maybe(*(o.id for o in self.outcomes if not o.cancelled and (not o.kinds or kind in o.kinds.split(","))))

    def end_activity(self) -> None:
        activity = db.session.get_one(Activity, self.chance.choice(self.activities))
        what = self.chance.choice(("complete", "complete", "cancel", "reopen", "trash"))
        if what == "complete":
            activities.complete(activity, version=None, outcome_id=self.outcome(activity.kind))
        elif what == "cancel":
            activities.cancel(activity, version=None, outcome_id=next(o.id for o in self.outcomes if o.cancelled and not o.kinds))
        elif what == "reopen":
            activities.reopen(activity, version=None)
        else:
            trash.put(Activity, "subject", [activity.id])


def live(traveller: Any, people: dict[str, Any], seed: int = 5, size: int = 150) -> Life:
    """Let months pass; call it while the clock can be turned. Afterwards it is 15 June 2026."""
    traveller.move_to(FIRST - timedelta(hours=1))
    life = Life(people, seed)
    often = ((life.new_deal, 1), (life.move, 2.4), (life.move_of_the_past, 0.5), (life.change, 1.2), (life.take_back, 0.15),
             (life.call_a_mistake, 0.1), (life.throw_away, 0.08), (life.bring_back, 0.05), (life.bring_in, 0.05), (life.pass_through, 0.2),
             (life.hand_over, 0.1), (life.merge_accounts, 0.02), (life.new_lead, 0.3), (life.end_lead, 0.2),
             (life.new_activity, 2), (life.end_activity, 0.6))  # fmt: skip
    happens: list[tuple[datetime, int, Callable[[], Any]]] = []
    for act, share in often:
        for _ in range(max(2, round(share * size))):
            at = FIRST + timedelta(seconds=life.chance.randrange(int((LAST - FIRST).total_seconds())))
            if life.chance.random() < 0.3:
                at = at.replace(hour=life.chance.choice(NIGHT), minute=30)
            happens.append((at, len(happens), partial(act)))
    for at, _place, act in sorted(happens):
        traveller.move_to(at)
        # What the rules refuse, or has nothing to happen to yet, does not happen.
        with suppress(Refusal, IndexError, NoResultFound), db.session.begin_nested():
            act()
    db.session.flush()
    db.session.expire_all()
    traveller.move_to(datetime(2026, 6, 15, 10, tzinfo=UTC))
    return life
