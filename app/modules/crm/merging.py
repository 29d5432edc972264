"""What merging does to the ledger: a deal keeps its own, and who an account is, is no fact of business.

When accounts are merged, events and spans that name one of them name the other, past and present alike, so that the
figures by account add up and replay, spans and deal agree. When they come apart again, what was derived from those
events meanwhile (spans of later moves, events told again) is worked out anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select, update

from app.core.chunks import chunks
from app.core.db import db
from app.core.hooks import Merge
from app.modules.crm import ledger
from app.modules.crm.models import VOIDED, Deal, DealEvent, DealSpan, DealStage

CHUNK = 500
WRITING = {"all_rows": True, "with_trash": True, "synchronize_session": False}
READING = {"all_rows": True, "with_trash": True}
EVENTS = "crm_deal_event.account_id"


def accounts_apart(winner_id: int, moved: Mapping[str, Mapping[int, Sequence[int]]]) -> None:
    """Let the ledger say which account was meant, after a merge of accounts was taken back."""
    whose = {event_id: account_id for account_id, ids in moved.get(EVENTS, {}).items() for event_id in ids}
    for chunk in chunks(_deals_of(sorted(whose)), CHUNK):
        events: dict[int, list[DealEvent]] = {deal_id: [] for deal_id in chunk}
        for event in db.session.scalars(select(DealEvent).where(DealEvent.deal_id.in_(chunk)).order_by(DealEvent.id)):
            events[event.deal_id].append(event)
        for told in events.values():
            _told_again_as_well(told, whose, winner_id)
        db.session.flush()
        _derive(events)


def _deals_of(event_ids: Sequence[int]) -> list[int]:
    found: set[int] = set()
    for chunk in chunks(event_ids, CHUNK):
        found.update(db.session.scalars(select(DealEvent.deal_id).where(DealEvent.id.in_(chunk))))
    return sorted(found)


def _told_again_as_well(events: Sequence[DealEvent], whose: Mapping[int, int], winner_id: int) -> None:
    """An event that was voided and told again since the merge (a deal that was in the trash) follows the first one."""
    voided = {e.voids_id for e in events if e.kind == VOIDED}
    first = {(e.kind, e.at, e.sets): whose[e.id] for e in events if e.id in whose and e.id in voided}
    for event in events:
        if event.id not in whose and event.account_id == winner_id and (event.kind, event.at, event.sets) in first:
            event.account_id = first[event.kind, event.at, event.sets]


def _derive(events: Mapping[int, Sequence[DealEvent]]) -> None:
    """Write the account that the ledger says into spans, believed now or once, and deals."""
    spans: dict[int | None, list[int]] = {}
    deals: dict[int | None, list[int]] = {}
    rows = select(DealSpan.id, DealSpan.deal_id, DealSpan.valid_from, DealSpan.known_from, DealSpan.account_id)
    for row in db.session.execute(rows.where(DealSpan.deal_id.in_(list(events))), execution_options=READING):
        state = ledger.replay(events[row.deal_id], as_of=row.valid_from, known_at=row.known_from)
        if state and state.account_id != row.account_id:
            spans.setdefault(state.account_id, []).append(row.id)
    here = select(Deal.id, Deal.account_id).where(Deal.id.in_(list(events)))
    for deal_id, account_id in db.session.execute(here, execution_options=READING):
        state = ledger.replay(events[deal_id])
        if state and state.account_id != account_id:
            deals.setdefault(state.account_id, []).append(deal_id)
    for account, ids in spans.items():
        for chunk in chunks(ids, CHUNK):
            db.session.execute(update(DealSpan).where(DealSpan.id.in_(chunk)).values(account_id=account), execution_options=WRITING)
    for account, ids in deals.items():
        values = {"account_id": account, "version": Deal.version + 1}
        db.session.execute(update(Deal).where(Deal.id.in_(ids)).values(values), execution_options=WRITING)


MERGES = (
    Merge(resource="contacts.account", unmerged=accounts_apart),
    Merge(resource="crm.deal", own=(DealEvent.__tablename__, DealSpan.__tablename__, DealStage.__tablename__)),
)
