"""What the ledger tells of a deal, as entries of the stream on its page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import select

from app.core import lookups, stream
from app.core.db import db
from app.core.fields import Field
from app.core.formats import day, money
from app.core.history import Entry
from app.core.i18n import _, _l, _n
from app.core.money import Money
from app.core.registry import registry
from app.modules.crm import ledger
from app.modules.crm.models import CREATED, LOST, MOVED, OPEN, VOIDED, WON, Deal, DealEvent

# Columns of the deal that the ledger tells about, and the line "created", which it tells too.
TOLD_BY_LEDGER = (*ledger.COLUMNS, None)
MOST = 300  # events
SOURCES = {"import": _l("Imported"), "transfer": _l("With its pipeline")}


def stream_of(deal: Deal) -> dict[str, Any]:
    """What happened to a deal: what the ledger knows is told by the ledger. The number of statements does not grow with it."""
    query = select(DealEvent).where(DealEvent.deal_id == deal.id)
    events = db.session.scalars(query.order_by(DealEvent.at.desc(), DealEvent.id.desc()).limit(MOST)).all()
    return stream.of(registry.resource("crm.deal"), deal.id, without=TOLD_BY_LEDGER, more=partial(newest, events))


def newest(events: Sequence[DealEvent], before: datetime | None, limit: int) -> list[Entry]:
    """What the ledger tells of a deal by its events (newest first): the newest entries before an instant."""
    entries = [e for e in _ledger_entries(events) if before is None or e.at < before]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)[:limit]


def _ledger_entries(events: Sequence[DealEvent]) -> list[Entry]:
    voided = {e.voids_id for e in events if e.kind == VOIDED}
    words = _Names(events)
    before: dict[str, Any] = {}
    entries: list[Entry] = []
    for event in reversed(events):
        if event.kind != VOIDED:
            entries += _told(event, words, before, event.id in voided)
    return entries


class _Names:
    """Names of everything that the events refer to, one statement for each kind."""

    def __init__(self, events: Any) -> None:
        people = {i for e in events for i in (e.actor_id, e.owner_id)}
        self.members = lookups.labels("admin.member", people)
        self.accounts = lookups.labels("contacts.account", {e.account_id for e in events})
        self.stages = lookups.labels("crm.stage", {e.stage_id for e in events})
        self.reasons = lookups.labels("crm.reason", {e.reason_id for e in events})
        self.nobody = _("The system")
        self.deal = registry.resource("crm.deal")

    def shown(self, name: str, event: DealEvent) -> str:
        """What an event sets a tracked field to, for people."""
        if name == "amount":
            return "" if event.amount_minor is None else money(Money(event.amount_minor, event.currency or ""))
        if name == "expected_close":
            return day(event.expected_close)
        if name == "owner":
            return self.members.get(event.owner_id or 0, "")
        if name in ("probability", "category"):
            return self.deal.field(name).show(getattr(event, name))
        return self.accounts.get(event.account_id or 0, "")


def _told(event: DealEvent, words: _Names, before: dict[str, Any], undone: bool) -> list[Entry]:
    """An event as entries: one for the move, one for each other field it sets. `before` carries values along."""
    who = words.members.get(event.actor_id or 0, words.nobody)
    common: dict[str, Any] = {"at": event.at, "who": who, "undone": undone}
    names = event.sets.split(",") if event.sets else []
    entries: list[Entry] = []
    if event.kind == CREATED:
        stage = words.stages.get(event.stage_id or 0, "")
        entries.append(Entry(text=_("created the deal in %(stage)s", stage=stage), icon="plus", detail=_source(event), **common))
    elif event.kind == MOVED:
        entries.append(_move_entry(event, words, before, common))
    for name, label in _labels().items():
        # A move that names an owner says whose closing it was; the deal stays with who has it.
        if name in names and (name, event.kind) != ("owner", MOVED):
            new = words.shown(name, event)
            if event.kind != CREATED and new != before.get(name, ""):
                text = _("changed %(field)s", field=label)
                entries.append(Entry(text=text, old=before.get(name, ""), new=new, **common))
            if not undone:
                before[name] = new
    if event.stage_id and not undone:
        before["stage"], before["entered"], before["state"] = event.stage_id, event.at, event.state
    return entries


def _move_entry(event: DealEvent, words: _Names, before: dict[str, Any], common: dict[str, Any]) -> Entry:
    stage = words.stages.get(event.stage_id or 0, "")
    source = words.stages.get(before.get("stage", 0), "")
    text = _("moved it from %(source)s to %(stage)s", source=source, stage=stage) if source else _("moved it to %(stage)s", stage=stage)
    reason = words.reasons.get(event.reason_id or 0, "") if event.state != OPEN else ""
    was_open = before.get("state", OPEN) == OPEN
    stayed = _stayed(before.get("entered"), event.at) if was_open else ""
    notes = [reason, event.reason_note or "", stayed, _source(event)]
    if not was_open and event.state == OPEN:
        text = _("reopened it in %(stage)s", stage=stage)
    icon = {WON: "trophy", LOST: "circle-x", OPEN: "arrow-right"}.get(event.state or OPEN, "circle-minus")
    return Entry(text=text, icon=icon, detail=" · ".join(note for note in notes if note), **common)


def _stayed(since: datetime | None, until: datetime) -> str:
    if since is None:
        return ""
    days = max(0, (until - since).days)
    return _n("%(num)d day in the stage", "%(num)d days in the stage", days) if days else ""


def _source(event: DealEvent) -> str:
    return str(SOURCES.get(event.source, ""))


def _labels() -> dict[str, str]:
    """Tracked fields that have a line of their own in the history -> label within a sentence."""
    resource = registry.resource("crm.deal")
    fields: dict[str, Field] = {
        "amount": resource.field("amount"),
        "expected_close": resource.field("expected_close"),
        "owner": resource.field("owner_id"),
        "account": resource.field("account_id"),
        "probability": resource.field("probability"),
        "category": resource.field("category"),
    }
    return {name: str(found.label)[:1].lower() + str(found.label)[1:] for name, found in fields.items()}
