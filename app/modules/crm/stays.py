"""Keeps in step with the ledger in which stages a deal has been, and how long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.core.db import db
from app.core.tenancy import current_company_id
from app.modules.crm import ledger
from app.modules.crm.ledger import DealState, Stay
from app.modules.crm.models import OPEN, Deal, DealEvent, DealStage

QUIET = {"all_rows": True, "with_trash": True, "synchronize_session": False}


def begin(deal: Deal, event: DealEvent) -> None:
    """Take in the event that created a deal, whose columns it has filled already."""
    stay = Stay(deal.stage_id, event.at, event.local_date, entries=1)
    stay.take(DealState.of(deal))
    stay.stand(DealState.of(deal))
    db.session.add(DealStage(deal_id=deal.id, **asdict(stay)))


def append(deal: Deal, state: DealState, event: DealEvent) -> None:
    """Take in an event that happened just now and makes `state` of a deal, whose columns are still those before.

    One statement when the deal goes elsewhere, one more when it ends or goes on, none when it stays.
    """
    if event.at == deal.entered_at:
        # Within the instant in which it came in, what it was then is still being told.
        db.session.flush()
        rebuild(deal, db.session.scalars(select(DealEvent).where(DealEvent.deal_id == deal.id)).all())
    elif state.stage_id != deal.stage_id:
        if state.state != deal.state:
            of_deal = update(DealStage).where(DealStage.deal_id == deal.id)
            db.session.execute(of_deal.values(state=state.state, since=None), execution_options=QUIET)
        left = Stay(deal.stage_id, deal.entered_at, deal.entered_on)
        left.take(state)
        left.seconds = ledger.seconds_between(deal.entered_at, event.at) if deal.state == OPEN else 0
        entered = Stay(state.stage_id, event.at, event.local_date, entries=1, after_id=deal.stage_id)
        entered.take(state)
        for stay in (left, entered):
            stay.stand(state)
        _add(deal.id, (left, entered))


def rebuild(deal: Deal, events: Iterable[DealEvent]) -> None:
    """Derive the rows of a deal from all its events anew. One read."""
    wanted = ledger.stays(events)
    rows = db.session.scalars(
        select(DealStage).where(DealStage.deal_id == deal.id),
        execution_options={"all_rows": True, "populate_existing": True},
    )
    for row in rows:
        stay = wanted.pop(row.stage_id, None)
        if stay is None:
            db.session.delete(row)
            continue
        for name, value in asdict(stay).items():
            if getattr(row, name) != value:
                setattr(row, name, value)
    db.session.add_all(DealStage(deal_id=deal.id, **asdict(stay)) for stay in wanted.values())


def rows(deal_id: int, found: Mapping[int, Stay]) -> list[dict[str, Any]]:
    """The rows of a deal, for a bulk write."""
    return [{"deal_id": deal_id, **asdict(stay)} for stay in found.values()]


def remove(deal_ids: Iterable[int]) -> None:
    """Take the rows of deals away whose events count no longer."""
    db.session.execute(delete(DealStage).where(DealStage.deal_id.in_(list(deal_ids))), execution_options=QUIET)


def _add(deal_id: int, stays: Iterable[Stay]) -> None:
    """Add entries and seconds to the rows of a deal, and say how it stands; a stage that it has not been in gets its row."""
    table, connection = DealStage.__table__, db.session.connection()
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    mine = {"company_id": current_company_id(), "deal_id": deal_id}
    before = select(func.count()).where(*(table.c[name] == value for name, value in mine.items())).scalar_subquery()
    told = make(table).values([{**mine, **asdict(s), "place": before} for s in stays])
    more = {name: table.c[name] + told.excluded[name] for name in ("entries", "seconds")}
    more |= {name: told.excluded[name] for name in ("state", "since")}
    connection.execute(told.on_conflict_do_update(index_elements=["company_id", "deal_id", "stage_id"], set_=more))
