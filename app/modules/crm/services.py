"""The rules of the pipeline and the only writes to deals. Whoever calls has asked for permission."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from flask import g
from sqlalchemy import select
from sqlalchemy.orm.attributes import set_committed_value

from app.core.changelog import actor_id
from app.core.db import db, utcnow
from app.core.errors import BusinessError, Conflict
from app.core.events import publish
from app.core.i18n import _
from app.core.money import Money
from app.modules.crm import ledger, spans
from app.modules.crm.gates.passing import check_closing, first_stage, pass_first, pass_gate, stage_of
from app.modules.crm.gates.rules import tick
from app.modules.crm.ledger import DealState
from app.modules.crm.models import (
    CHANGED,
    CLOSED,
    CREATED,
    LOST,
    MOVED,
    OPEN,
    VOIDED,
    WON,
    Deal,
    DealEvent,
    Reason,
    Stage,
)
from app.modules.crm.recording import (
    Gesture,
    amount_of,
    closing_on,
    counted,
    held,
    history,
    keep_owner,
    now_or_then,
    outlive,
    set_amount,
    set_field,
    set_owner,
    set_stage,
    take_back,
    take_in,
    team_on,
    tell_again,
)

__all__ = [
    "BY_HAND",
    "PLAIN",
    "UNDO_SECONDS",
    "UNGATED",
    "change_and_tell",
    "change_deal",
    "create_deal",
    "first_stage",
    "move_deal",
    "stage_of",
    "undo",
    "void_events",
]  # fmt: skip

UNDO_SECONDS = 60
# Sources for which no gate counts: their deals may even be won without an amount and lost without a reason.
UNGATED = ("import", "demo", "transfer")
PLAIN = ("name", "contact_id", "product", "external_id", "note", "source_id", "medium_id", "campaign_id", "tags")
BY_HAND = ("probability", "category")  # tracked fields that replace what the stage says


def create_deal(values: Mapping[str, Any], at: datetime | None = None, source: str = "") -> Deal:
    """A new deal; `values` by field name, `amount` as `Money`, all but `name` may be missing.

    Without `stage_id` it begins in the first open stage; without `owner_id` it belongs to who asks; `checks` are ids of
    the items of the stage's checklist that are done. Publishes `crm.deal_created`. Raises `BusinessError`, and
    `GateNotMet` where the stage asks for more than the first open stage of its pipeline would.
    """
    _check_name(values.get("name"))
    _check_reference(values.get("external_id"), None)
    stage = stage_of(values["stage_id"]) if values.get("stage_id") else first_stage(values.get("pipeline_id"))
    if stage.type != OPEN:
        raise BusinessError(_("A new deal begins in an open stage."), field="stage_id")
    gesture = now_or_then(None, at, source)
    ticked = values.get("checks") or ()
    if gesture.source not in UNGATED:
        pass_first(stage, values, ticked)
    amount: Money | None = values.get("amount")
    event = gesture.event(CREATED, None)
    set_stage(event, stage)
    set_amount(event, amount, g.company.currency, gesture.day)
    set_owner(event, values.get("owner_id") or actor_id())
    set_field(event, "expected_close", expected_close=values.get("expected_close"))
    set_field(event, "account", account_id=values.get("account_id"))
    set_field(event, "reason", reason_id=None, reason_note="")
    for name in BY_HAND:
        if values.get(name) is not None:
            set_field(event, name, **{name: values[name]})
    state = DealState()
    ledger.apply(state, event)
    deal = Deal(**state.values(), **{name: values[name] for name in PLAIN if values.get(name) is not None})
    db.session.add(deal)
    db.session.flush()
    event.deal_id = deal.id
    db.session.add(event)
    spans.begin(deal, event)
    db.session.flush()
    tick(deal.id, ticked)
    set_committed_value(deal, "stage", stage)
    publish("crm.deal_created", deal_id=deal.id, event_id=event.id)
    return deal


def change_deal(
    deal: Deal, values: Mapping[str, Any], version: int | None = None, *, at: datetime | None = None, source: str = ""
) -> Deal:
    """Change fields of a deal: only those in `values` that differ; when it began is not changed.

    A changed `stage_id` is a move with its rules, which reads `amount`, `closed_on`, `reason_id`, `reason_note` and
    `checks` (ids of what is done of the stage's checklist) from `values`; a changed `closed_on` alone corrects the date
    of a closed deal.
    Raises `Conflict` when `version` is not the stored one, `BusinessError` when a rule is broken, `GateNotMet` when the
    stage asks for more.
    """
    return change_and_tell(deal, values, version, at=at, source=source)[0]


def change_and_tell(
    deal: Deal, values: Mapping[str, Any], version: int | None = None, *, at: datetime | None = None, source: str = ""
) -> tuple[Deal, int | None]:
    """As `change_deal`, with the id of the event by which the change is undone: None when the ledger has no new one."""
    deal = _locked(deal, version)
    if "name" in values:
        _check_name(values["name"])
    if values.get("external_id", deal.external_id) != deal.external_id:
        _check_reference(values["external_id"], deal.id)
    for name in PLAIN:
        value = values.get(name, getattr(deal, name))
        if value != getattr(deal, name):
            setattr(deal, name, "" if value is None and name in ("note", "tags") else value)
    moves = values.get("stage_id") not in (None, deal.stage_id)
    stage = stage_of(values["stage_id"]) if moves else None
    if values.get("closed_on") and (stage.type if stage else deal.state) not in CLOSED:
        raise BusinessError(_("Only a closed deal has a closing date."), field="closed_on")
    clears = moves and values.get("amount", amount_of(deal)) is None and amount_of(deal) is not None
    with_the_move = ("amount", "reason_id", "reason_note") if moves else ()
    gesture = now_or_then(deal, at, source)
    event = _changes(deal, {k: v for k, v in values.items() if k not in with_the_move}, gesture)
    told = [event] if event.sets else []
    if told:
        take_in(deal, event, gesture)
    if stage:
        if clears and stage.type == WON:
            raise BusinessError(_("Which amount was won?"), field="amount")
        reason, note = values.get("reason_id"), values.get("reason_note") or ""
        group, amount, day = gesture.group if told else None, values.get("amount"), values.get("closed_on")
        tick(deal.id, values.get("checks") or ())
        told.append(_move(deal, stage, amount, day, reason, note, at, source, group, clears))
        if clears:
            # After the move: a deal that was won needs its amount until it is somewhere else.
            told.append(_clear_amount(deal, told[-1].group_id, at, source))
    elif values.get("closed_on") and deal.state in CLOSED and values["closed_on"] != deal.closed_on:
        told.append(_correct_closing(deal, values["closed_on"], source))
    db.session.flush()
    return deal, told[-1].id if told else None


def _clear_amount(deal: Deal, group: str, at: datetime | None, source: str) -> DealEvent:
    """Take the amount of a deal away, as part of a gesture that has moved it already."""
    gesture = now_or_then(deal, at, source)
    gesture.group = group
    event = _changes(deal, {"amount": None}, gesture)
    take_in(deal, event, gesture)
    return event


def move_deal(
    deal: Deal,
    stage: Stage | int,
    *,
    version: int | None,
    amount: Money | None = None,
    closed_on: date | None = None,
    reason: Reason | int | None = None,
    note: str = "",
    at: datetime | None = None,
    source: str = "",
) -> DealEvent:
    """Move a deal to another stage and return the event, by whose id the move is undone.

    Won needs an amount (its own will do) and takes a date, lost and discarded need an active reason of their kind.
    `closed_on` is a local date: today unless given. `at` is for a move of the past whose instant is known.
    Publishes `crm.deal_moved`, and `crm.deal_won`, `crm.deal_lost` or `crm.deal_reopened`.
    Raises `Conflict` when `version` is not the stored one, `BusinessError` naming the field that would mend it.
    """
    deal = _locked(deal, version)
    stage = stage if isinstance(stage, Stage) else stage_of(stage)
    return _move(deal, stage, amount, closed_on, reason, note, at, source)


def undo(deal: Deal, event_id: int) -> Deal:
    """Take back one's own last gesture, within a minute, if nobody has touched the deal's history since.

    What the gesture itself had taken back, as the correction of a closing date does, is told again: the figures are as
    before. The ledger keeps both the gesture and that it was taken back. Raises `Conflict`.
    """
    deal = _locked(deal, None)
    events = history(deal)
    chosen = next((e for e in events if e.id == event_id), None)
    if chosen is None or chosen.kind in (CREATED, VOIDED) or chosen.actor_id != actor_id():
        raise BusinessError(_("This cannot be undone."))
    gesture = {e.id for e in events if e.group_id == chosen.group_id and e.kind != VOIDED}
    if any(e.voids_id in gesture for e in events):
        raise Conflict(_("This was undone already."))
    if events[-1].group_id != chosen.group_id:
        raise Conflict(_("The deal has changed since; it was left as it is."))
    if utcnow() - chosen.recorded_at > timedelta(seconds=UNDO_SECONDS):
        raise Conflict(_("It is too late to undo this; change the deal instead."))
    taken_back = {e.voids_id for e in events if e.group_id == chosen.group_id}
    return _take_back(deal, [e for e in events if e.id in gesture], "undo", [e for e in events if e.id in taken_back])


def void_events(deal: Deal, event_ids: set[int], source: str = "") -> Deal:
    """Take events back as mistakes: figures ignore them, `known_at` remembers them. Raises `BusinessError`."""
    deal = _locked(deal, None)
    can_go = {e.id: e for e in counted(deal) if e.kind != CREATED}
    if not event_ids or event_ids - set(can_go):
        raise BusinessError(_("Only moves and changes that still count can be taken back."))
    return _take_back(deal, [can_go[i] for i in sorted(event_ids)], source)


def _check_name(name: str | None) -> None:
    if not name:
        raise BusinessError(_("A deal needs a name."), field="name")


def _check_reference(external_id: str | None, deal_id: int | None) -> None:
    if external_id is None:
        return
    taken = select(Deal.id).where(Deal.external_id == external_id, Deal.id != (deal_id or 0))
    if db.session.scalar(taken, execution_options={"all_rows": True}):
        raise BusinessError(_("There is a deal with the reference “%(given)s” already.", given=external_id), field="external_id")


def _locked(deal: Deal, version: int | None) -> Deal:
    """The deal as it is stored now, locked until the transaction ends."""
    found = db.session.scalar(
        select(Deal).where(Deal.id == deal.id).with_for_update(),
        execution_options={"populate_existing": True, "all_rows": True},
    )
    if found is None:
        raise Conflict(_("The deal is gone."))
    if version is not None and version != found.version:
        theirs = {name: getattr(found, name) for name in (*PLAIN, "stage_id", "owner_id", "expected_close", "account_id")}
        message = _("Somebody else has changed this deal in the meantime.")
        raise Conflict(message, theirs={**theirs, "amount": amount_of(found)})
    return found


def _changes(deal: Deal, values: Mapping[str, Any], gesture: Gesture) -> DealEvent:
    """The event that sets those tracked fields of `values` that differ."""
    event = gesture.event(CHANGED, deal.id)
    if "amount" in values and values["amount"] != amount_of(deal):
        if values["amount"] is None and deal.state == WON:
            raise BusinessError(_("A won deal needs its amount."), field="amount")
        # What a closed deal is worth is worth it on the day it was closed.
        set_amount(event, values["amount"], deal.currency, deal.closed_on or gesture.day)
    if "owner_id" in values and values["owner_id"] != deal.owner_id:
        if values["owner_id"] is None:
            raise BusinessError(_("A deal needs an owner."), field="owner_id")
        set_owner(event, values["owner_id"])
    if "expected_close" in values and values["expected_close"] != deal.expected_close:
        set_field(event, "expected_close", expected_close=values["expected_close"])
    if "account_id" in values and values["account_id"] != deal.account_id:
        set_field(event, "account", account_id=values["account_id"])
    for name in BY_HAND:
        if name in values and values[name] != getattr(deal, name):
            set_field(event, name, **{name: values[name]})
    reason_id, note = values.get("reason_id", deal.reason_id), values.get("reason_note", deal.reason_note) or ""
    if (reason_id, note) != (deal.reason_id, deal.reason_note):
        reason = _reason(reason_id, deal.state)
        set_field(event, "reason", reason_id=reason.id if reason else None, reason_note=note)
    return event


def _move(
    deal: Deal,
    stage: Stage,
    amount: Money | None,
    closed_on: date | None,
    reason: Reason | int | None,
    note: str,
    at: datetime | None,
    source: str,
    group: str | None = None,
    clears: bool = False,
) -> DealEvent:
    """Write the move; `group` joins it to what the same gesture has written already, so that undo takes back both.
    `clears` says that the gesture takes the amount away next."""
    if stage.id == deal.stage_id:
        raise BusinessError(_("The deal is in “%(stage)s” already.", stage=stage.name), field="stage_id")
    closes = stage.type in CLOSED and at is None
    gesture = closing_on(deal, closed_on, source) if closes else now_or_then(deal, at, source)
    gesture.group = group or gesture.group
    amount = amount or amount_of(deal)
    why = _reason(reason, stage.type) if stage.type in CLOSED else None
    if gesture.source not in UNGATED:
        check_closing(stage, amount, why)
        pass_gate(deal, stage, amount, clears)
    before = (deal.stage_id, deal.state)
    event = gesture.event(MOVED, deal.id)
    set_stage(event, stage)
    if stage.type in CLOSED or amount != amount_of(deal):
        set_amount(event, amount, deal.currency, gesture.day)
    then = held(deal, gesture)
    if (team_id := team_on(then.owner_id, gesture.day)) != then.team_id:
        set_field(event, "team", team_id=team_id)
    if why or note or deal.reason_id or deal.reason_note:
        set_field(event, "reason", reason_id=why.id if why else None, reason_note=note)
    take_in(deal, event, gesture)
    outlive(deal, event, amount, gesture)
    db.session.flush()
    if deal.stage_id == stage.id:
        set_committed_value(deal, "stage", stage)
    _announce(deal, event.id, *before)
    return event


def _reason(reason: Reason | int | None, state: str) -> Reason | None:
    """An active reason that fits a stage type. Raises `BusinessError`."""
    if reason is None:
        return None
    found = reason if isinstance(reason, Reason) else db.session.scalar(select(Reason).where(Reason.id == reason))
    if found is None or not found.active or found.kind != state:
        raise BusinessError(_("This reason does not fit here."), field="reason_id")
    return found


def _correct_closing(deal: Deal, day: date, source: str) -> DealEvent:
    """Give a closed deal another closing date: the old closing is voided and told anew. Whose it is stays as it was."""
    events = [e for e in counted(deal) if e.stage_id is not None]
    closing, before = events[-1], events[-2:-1]
    if closing.kind == CREATED or not before:
        raise BusinessError(_("The history of this deal begins closed; its date cannot be changed."), field="closed_on")
    if day < before[0].local_date:
        raise BusinessError(_("The deal has moved since that day; it cannot be closed before."), field="closed_on")
    amount, credit = amount_of(deal), (closing.stage_id, closing.pipeline_id, closing.state)
    reason_id, note, owner_id = deal.reason_id, deal.reason_note, deal.credit_owner_id
    gesture = take_back(deal, [closing], source)
    again = closing_on(deal, day, source)
    again.group = gesture.group
    then = held(deal, again)
    event = again.event(MOVED, deal.id)
    set_field(event, "stage", **dict(zip(ledger.FIELDS["stage"], credit, strict=True)))
    set_amount(event, amount, deal.currency, day)
    if owner_id != then.owner_id:
        set_field(event, "owner", owner_id=owner_id)
    set_field(event, "team", team_id=team_on(owner_id, day))
    set_field(event, "reason", reason_id=reason_id, reason_note=note)
    take_in(deal, event, again)
    keep_owner(deal, event, then, again)
    outlive(deal, event, amount, again)
    return event


def _take_back(deal: Deal, events: list[DealEvent], source: str, restored: Iterable[DealEvent] = ()) -> Deal:
    before = (deal.stage_id, deal.state)
    gesture = take_back(deal, events, source)
    for event in restored:
        tell_again(deal, event, gesture)
    if deal.stage_id != before[0]:
        set_committed_value(deal, "stage", stage_of(deal.stage_id))
        _announce(deal, max(e.id for e in events), *before)
    return deal


def _announce(deal: Deal, event_id: int, stage_before: int, state_before: str) -> None:
    """Tell the other modules where a deal went."""
    facts = {"deal_id": deal.id, "event_id": event_id}
    publish("crm.deal_moved", **facts, from_stage_id=stage_before, to_stage_id=deal.stage_id)
    if deal.state == WON:
        amount = {"amount_minor": deal.amount_minor, "currency": deal.currency}
        publish("crm.deal_won", **facts, account_id=deal.account_id, closed_on=deal.closed_on, **amount)
    elif deal.state == LOST:
        publish("crm.deal_lost", **facts, account_id=deal.account_id, reason_id=deal.reason_id)
    elif deal.state == OPEN and state_before != OPEN:
        publish("crm.deal_reopened", **facts, was=state_before)
