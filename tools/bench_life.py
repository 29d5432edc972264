"""What happens to deals besides being moved: amounts and dates that change, lines, competitors, people, shares; and leads.

`change_deals` tells of each deal as many events as wanted, set-based, and derives spans and stages with the product's own
arithmetic of the ledger; `check` compares a sample with what it makes of the events deal by deal.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from flask import g
from sqlalchemy import delete, func, select, update

from app.core.changelog import actor_id
from app.core.clock import local_date, noon, today
from app.core.db import db, utcnow
from app.core.models import TeamMember
from app.core.tenancy import acting_for
from app.core.writes import bulk_insert, roomy
from app.modules.contacts.models import Account, Contact
from app.modules.crm import ledger, spans, stays
from app.modules.crm.bulk import PAYLOAD
from app.modules.crm.leads.models import CONVERTED, DISQUALIFIED, NEW, WORKING, Lead, Source
from app.modules.crm.models import CHANGED, CLOSED, Deal, DealEvent, DealSpan, DealStage
from app.modules.crm.parts.models import ROLES, Competitor, DealCompetitor, DealCredit, DealLine, DealPerson

CHUNK = 5_000  # deals, or rows, a transaction
EVENTS = 10  # of a deal, those of its stages among them
QUIET = {"all_rows": True, "with_trash": True, "synchronize_session": False}
SAMPLE = 50
EVERY = 10  # the share of deals with lines, with competitors, with people, with shares: one in so many


def change_deals(company_id: int, first: int, seed: int, events: int = EVENTS) -> None:
    """Tell of the deals from an id on so many events each that there are `events` for a deal, in the middle of its life."""
    chance = random.Random(seed)  # noqa: S311  # test data, no secret
    with acting_for(company_id):
        ids = db.session.scalars(select(Deal.id).where(Deal.id >= first).order_by(Deal.id), execution_options=QUIET).all()
    for start in range(0, len(ids), CHUNK):
        with acting_for(company_id), roomy():
            _change(chance, ids[start], ids[min(start + CHUNK, len(ids)) - 1], events)


def _change(chance: random.Random, first: int, last: int, wanted: int) -> None:
    told: dict[int, list[Any]] = {}
    asked = select(DealEvent.__table__).where(DealEvent.company_id == g.company.id, DealEvent.deal_id.between(first, last))
    for row in db.session.execute(asked, execution_options=QUIET).mappings():
        told.setdefault(row["deal_id"], []).append(SimpleNamespace(**row))
    missing = wanted * len(told) - sum(map(len, told.values()))
    each, rest = divmod(max(0, missing), len(told))
    new: list[dict[str, Any]] = []
    now, latest = utcnow(), max(event.id for events in told.values() for event in events)
    for place, (deal_id, events) in enumerate(told.items()):
        events.sort(key=lambda e: (e.at, e.id))
        lines = _changes(chance, events, each + (place < rest), now)
        new += [{**line, "deal_id": deal_id} for line in lines]
        events += [SimpleNamespace(**{"voids_id": None, **line}, id=latest + number) for number, line in enumerate(lines, 1)]
    bulk_insert(DealEvent, new)
    _derive(told, now)


def _changes(chance: random.Random, events: Sequence[Any], wanted: int, now: datetime) -> list[dict[str, Any]]:
    """Changes of the amount and the expected date; the last of each says what the deal says today."""
    begin, end = events[0].at, events[-1].at if events[-1].state in CLOSED else now
    life = max(0.0, (end - begin).total_seconds() - 2)
    moments = sorted(begin + timedelta(seconds=int(chance.random() * life)) for _number in range(wanted))
    usual: dict[str, Any] = dict.fromkeys(PAYLOAD)
    usual |= {"kind": CHANGED, "recorded_at": now, "actor_id": actor_id(), "source": "import", "request_id": "", "group_id": "",
              "voids_id": None}
    made = []
    for number, at in enumerate(moments):
        line = {**usual, "at": at, "local_date": local_date(at)}
        if number % 2:
            line |= {"sets": "amount", **{name: getattr(events[0], name) for name in ledger.FIELDS["amount"]}}
            if number < wanted - 2 and line["amount_minor"]:
                line["amount_minor"] = line["company_minor"] = round(line["amount_minor"] * chance.uniform(0.5, 1.5))
        else:
            due = events[0].expected_close
            late = timedelta(days=chance.randrange(-60, 30)) if number < wanted - 2 else timedelta()
            line |= {"sets": "expected_close", "expected_close": due + late if due else None}
        made.append(line)
    return made


def _derive(told: dict[int, list[Any]], now: datetime) -> None:
    """Spans and stages anew, of all events; the deals themselves are as they were."""
    first, last = min(told), max(told)
    for model in (DealSpan, DealStage):
        ours = (model.company_id == g.company.id, model.deal_id.between(first, last))
        db.session.execute(delete(model).where(*ours), execution_options=QUIET)
    stretches: list[dict[str, Any]] = []
    visits: list[dict[str, Any]] = []
    for deal_id, events in told.items():
        in_order = sorted(events, key=lambda e: (e.at, e.id))
        stretches += [{"deal_id": deal_id, **spans.values(s), "known_from": now} for s in ledger.spans_of(in_order)]
        visits += stays.rows(deal_id, ledger.stays_of(in_order))
    bulk_insert(DealSpan, stretches)
    bulk_insert(DealStage, visits)


def check(company_id: int) -> str:
    """Compare a sample of deals, spans and stages with what the ledger says, and count the events. Exits where they differ."""
    with acting_for(company_id):
        ids = db.session.scalars(select(Deal.id).order_by(Deal.id), execution_options=QUIET).all()
        for deal_id in ids[:: max(1, len(ids) // SAMPLE)]:
            deal = db.session.scalar(select(Deal).where(Deal.id == deal_id), execution_options=QUIET)
            events = db.session.scalars(select(DealEvent).where(DealEvent.deal_id == deal_id)).all()
            kept = db.session.scalars(select(DealSpan).where(DealSpan.deal_id == deal_id), execution_options=QUIET).all()
            visits = db.session.scalars(select(DealStage).where(DealStage.deal_id == deal_id), execution_options=QUIET).all()
            found = sorted((ledger.Span(s.valid_from, s.valid_to, ledger.DealState.of(s)) for s in kept), key=lambda s: s.valid_from)
            told = {v.stage_id: (v.entered_at, v.entries, v.seconds, v.amount_minor, v.owner_id) for v in visits}
            wanted = {k: (v.entered_at, v.entries, v.seconds, v.amount_minor, v.owner_id) for k, v in ledger.stays(events).items()}
            if ledger.replay(events) != ledger.DealState.of(deal) or found != ledger.spans(events) or told != wanted:
                raise SystemExit(f"deal {deal_id} is not what its ledger says")
        count = db.session.scalar(select(func.count()).select_from(DealEvent), execution_options=QUIET)
        return f"{count:,} events of {len(ids):,} deals"


def add_parts(company_id: int, first: int, seed: int) -> None:
    """Lines, competitors, a buying committee and shares of credit, each on one deal in ten from an id on."""
    chance = random.Random(seed)  # noqa: S311  # test data, no secret
    with acting_for(company_id):
        asked = select(Deal.id, Deal.amount_minor, Deal.account_id).where(Deal.id >= first).order_by(Deal.id)
        deals = db.session.execute(asked, execution_options=QUIET).all()
        members = db.session.scalars(select(TeamMember.member_id).distinct().order_by(TeamMember.member_id)).all()
        rivals = _rivals()
        people = _people(chance)
    for start in range(0, len(deals), CHUNK):
        with acting_for(company_id):
            part = deals[start : start + CHUNK]
            bulk_insert(DealLine, [_line(d, n) for d in part[::EVERY] for n in range(3)])
            bulk_insert(DealCompetitor, [{"deal_id": d.id, "competitor_id": chance.choice(rivals), "winner": False, "note": ""}
                                         for d in part[1::EVERY]])
            bulk_insert(DealPerson, [{"deal_id": d.id, "contact_id": people[d.account_id], "role": chance.choice(ROLES), "stance": 0,
                                      "note": ""} for d in part[2::EVERY] if d.account_id in people])
            bulk_insert(DealCredit, [{"deal_id": d.id, "member_id": m, "percent": 50, "upto": upto}
                                     for d in part[3::EVERY] for m, upto in zip(chance.sample(members, 2), (50, 100), strict=True)])


def _line(deal: Any, place: int) -> dict[str, Any]:
    price = (deal.amount_minor or 0) // 3
    return {"deal_id": deal.id, "position": place, "name": f"Part {place + 1}", "quantity": 1, "price_minor": price, "discount": 0,
            "total_minor": price}


def _rivals() -> Sequence[int]:
    if not db.session.scalar(select(Competitor.id).limit(1)):
        bulk_insert(Competitor, [{"name": f"Competitor {n}", "strengths": "", "weaknesses": "", "active": True} for n in range(8)])
    return db.session.scalars(select(Competitor.id).order_by(Competitor.id)).all()


def _people(chance: random.Random) -> dict[int, int]:
    """A contact for each account that has none yet; account -> contact of all."""
    asked = select(Account.id, Account.owner_id).where(Account.id.not_in(select(Contact.account_id).where(Contact.account_id.is_not(None))))
    rows = [{"name": f"Person {chance.randrange(100_000):05}", "account_id": a.id, "owner_id": a.owner_id, "email": f"p{a.id}@mail.example"}
            for a in db.session.execute(asked, execution_options=QUIET)]
    bulk_insert(Contact, rows)
    pairs = db.session.execute(select(Contact.account_id, Contact.id).where(Contact.account_id.is_not(None)), execution_options=QUIET)
    return dict(pairs.tuples().all())  # type: ignore[arg-type]  # accounts that are there


def make_groups(company_id: int, first: int) -> None:
    """Three of ten accounts from an id on are subsidiaries of the one before them whose id ends in 0."""
    with acting_for(company_id):
        last = Account.id % 10
        some = update(Account).where(Account.id >= max(first, 11), last.between(1, 3)).values(parent_id=Account.id - last)
        db.session.execute(some, execution_options=QUIET)


def add_leads(company_id: int, first: int, count: int, seed: int, days: int) -> None:
    """Leads of the last `days` days; a quarter has become one of the deals from an id on."""
    chance = random.Random(seed)  # noqa: S311  # test data, no secret
    with acting_for(company_id):
        deals = db.session.scalars(select(Deal.id).where(Deal.id >= first).order_by(Deal.id), execution_options=QUIET).all()
        owners = db.session.execute(select(TeamMember.member_id, TeamMember.team_id).order_by(TeamMember.id)).all()
        sources = db.session.scalars(select(Source.id)).all()
    for start in range(0, count, CHUNK):
        with acting_for(company_id):
            rows = [_lead(chance, chance.choice(deals), chance.choice(owners), chance.choice(sources), days)
                    for _number in range(min(CHUNK, count - start))]
            bulk_insert(Lead, rows)


def _lead(chance: random.Random, deal_id: int, owner: Any, source_id: int, days: int) -> dict[str, Any]:
    opened = today() - timedelta(days=chance.randrange(days))
    state = chance.choices((NEW, WORKING, CONVERTED, DISQUALIFIED), weights=(10, 15, 25, 50))[0]
    became = state == CONVERTED
    closed = min(today(), opened + timedelta(days=chance.randrange(30))) if became else None
    return {
        "name": f"Lead {chance.randrange(100_000):05}", "organisation": f"Company {chance.randrange(10_000):04}", "email": None,
        "external_id": None, "tags": "", "owner_id": owner.member_id, "team_id": owner.team_id, "source_id": source_id, "state": state,
        "amount_minor": chance.randrange(1, 900) * 10_000, "currency": g.company.currency, "opened_at": noon(opened), "opened_on": opened,
        "converted_on": closed, "converted_at": noon(closed) if closed else None, "converted_by_id": owner.member_id if became else None,
        "deal_id": deal_id if became else None, "reason_note": "", "note": "",
    }  # fmt: skip
