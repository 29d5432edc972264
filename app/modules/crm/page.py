"""The page of a deal: where it stands, its facts, and what happened to it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import url_for
from sqlalchemy import select

from app.core import history, lookups
from app.core.access import can, require
from app.core.clock import today
from app.core.db import db, utcnow
from app.core.fields import Field
from app.core.formats import day, money
from app.core.history import Entry
from app.core.i18n import _, _n
from app.core.money import Money
from app.core.registry import registry
from app.core.surfaces.record import describe, fetch
from app.core.web import render
from app.modules.crm import ledger
from app.modules.crm.models import CREATED, LOST, MOVED, OPEN, VOIDED, WON, Deal, DealEvent, DealSpan, Stage

MOST = 300
KINDS = {OPEN: "", WON: "ok", LOST: "bad"}
# Columns of the deal that the ledger tells about, and the line "created", which it tells too.
TOLD_BY_LEDGER = (*ledger.COLUMNS, None)


@require("crm.deal.view")
def deal_page(row_id: int) -> Any:
    """A deal with its facts and history."""
    deal = fetch(registry.resource("crm.deal"), row_id)
    return render("crm/deal.html", "crm/_deal.html", **context(deal))


@require("crm.deal.view")
def deal_history(row_id: int) -> Any:
    """The history of a deal, as a tab of its page."""
    deal = fetch(registry.resource("crm.deal"), row_id)
    return render("crm/deal.html", "core/_history.html", **context(deal))


def context(deal: Deal) -> dict[str, Any]:
    """Everything the template of the page needs. The number of statements does not grow with the history."""
    resource = registry.resource("crm.deal")
    record = describe(resource, deal)
    stages = _stages(deal)
    current = next(s for s in stages if s["id"] == deal.stage_id)
    account = lookups.labels("contacts.account", [deal.account_id]).get(deal.account_id or 0, "")
    record["title"] = f"{deal.name} – {account}" if account else deal.name
    record["tags"] = [{"label": resource.field("state").show(deal.state), "kind": KINDS.get(deal.state, "warn")}]
    record["crumbs"] = [{"label": _("Pipeline"), "url": url_for("crm.board", pipeline=deal.pipeline_id)}]
    record["head"] = _head(deal, record["head"], current["probability"])
    return {
        "record": record,
        "deal": deal,
        "stages": [s for s in stages if s["type"] == OPEN or s["id"] == deal.stage_id],
        "closing": [s for s in stages if s["type"] != OPEN and s["id"] != deal.stage_id],
        "may_edit": can("crm.deal.edit"),
        "move_url": url_for("crm.deal_move", deal_id=deal.id),
        "days": history.days(_history(deal)),
    }


def brief(deal: Deal) -> dict[str, Any]:
    """What small forms say about a deal."""
    account = lookups.labels("contacts.account", [deal.account_id]).get(deal.account_id or 0, "")
    return {"id": deal.id, "name": deal.name, "account": account, "stage_id": deal.stage_id,
            "url": url_for("crm.deal_record", row_id=deal.id)}


# Head and stage bar


def _head(deal: Deal, facts: list[dict[str, Any]], probability: int) -> list[dict[str, Any]]:
    """The facts of the head: amount, weighted, expected close, account, owner, age."""
    by_name = {fact["name"]: fact for fact in facts}
    shown = [by_name["amount"]]
    if deal.state == OPEN and deal.amount_minor is not None:
        weighted = Money(deal.amount_minor * probability // 100, deal.currency)
        text = _("%(sum)s at %(share)s %%", sum=money(weighted), share=probability)
        shown.append({"label": _("Weighted"), "text": text, "numeric": True})
    if deal.state == OPEN:
        shown.append(by_name["expected_close"])
    else:
        shown.append({"label": _("Closed"), "text": day(deal.closed_on), "numeric": True})
    age = ((deal.closed_on or today()) - deal.opened_on).days
    shown += [by_name["account_id"], by_name["owner_id"]]
    return [*shown, {"label": _("Age"), "text": _n("%(num)d day", "%(num)d days", age), "numeric": True}]


def _stages(deal: Deal) -> list[dict[str, Any]]:
    """The stages of the deal's pipeline with the days it has spent in each."""
    spent = _days_in_stages(deal)
    query = select(Stage.id, Stage.name, Stage.type, Stage.probability).where(Stage.pipeline_id == deal.pipeline_id)
    rows = db.session.execute(query.order_by(Stage.position, Stage.id)).all()
    at = next((i for i, row in enumerate(rows) if row.id == deal.stage_id), 0)
    short = _("%(n)s d")
    return [
        {"id": row.id, "name": row.name, "type": row.type, "probability": row.probability, "now": row.id == deal.stage_id,
         "done": i < at and row.id in spent, "days": short % {"n": spent[row.id]} if row.id in spent else "",
         "url": url_for("crm.deal_close", deal_id=deal.id, stage_id=row.id) if row.type != OPEN else None}
        for i, row in enumerate(rows)
    ]  # fmt: skip


def _days_in_stages(deal: Deal) -> dict[int, int]:
    spans = db.session.execute(
        select(DealSpan.stage_id, DealSpan.valid_from, DealSpan.valid_to)
        .where(DealSpan.deal_id == deal.id, DealSpan.known_to.is_(None), DealSpan.state == OPEN)
    )
    seconds: dict[int, float] = {}
    now = utcnow()
    for row in spans:
        seconds[row.stage_id] = seconds.get(row.stage_id, 0) + ((row.valid_to or now) - row.valid_from).total_seconds()
    return {stage_id: int(total // 86_400) for stage_id, total in seconds.items()}


# History


def _history(deal: Deal) -> list[Entry]:
    """The ledger, the change log of what it does not track, and what other modules tell."""
    told = history.of_record(registry.resource("crm.deal"), deal.id, without=TOLD_BY_LEDGER)  # type: ignore[arg-type]
    return [*told, *_ledger_entries(deal)]


def _ledger_entries(deal: Deal) -> list[Entry]:
    events = db.session.scalars(
        select(DealEvent).where(DealEvent.deal_id == deal.id).order_by(DealEvent.at.desc(), DealEvent.id.desc()).limit(MOST)
    ).all()
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

    def shown(self, name: str, event: DealEvent) -> str:
        """What an event sets a tracked field to, for people."""
        if name == "amount":
            return "" if event.amount_minor is None else money(Money(event.amount_minor, event.currency or ""))
        if name == "expected_close":
            return day(event.expected_close)
        if name == "owner":
            return self.members.get(event.owner_id or 0, "")
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
        before["stage"], before["entered"] = event.stage_id, event.at
    return entries


def _move_entry(event: DealEvent, words: _Names, before: dict[str, Any], common: dict[str, Any]) -> Entry:
    stage = words.stages.get(event.stage_id or 0, "")
    source = words.stages.get(before.get("stage", 0), "")
    text = _("moved it from %(source)s to %(stage)s", source=source, stage=stage) if source else _("moved it to %(stage)s", stage=stage)
    reason = words.reasons.get(event.reason_id or 0, "") if event.state != OPEN else ""
    notes = [reason, event.reason_note or "", _stayed(before.get("entered"), event.at)]
    icon = {WON: "trophy", LOST: "circle-x", OPEN: "arrow-right"}.get(event.state or OPEN, "circle-minus")
    return Entry(text=text, icon=icon, detail=" · ".join(note for note in notes if note), **common)


def _stayed(since: datetime | None, until: datetime) -> str:
    if since is None:
        return ""
    days = max(0, (until - since).days)
    return _n("%(num)d day in the stage", "%(num)d days in the stage", days) if days else ""


def _source(event: DealEvent) -> str:
    return _("Imported") if event.source == "import" else ""


def _labels() -> dict[str, str]:
    """Tracked fields that have a line of their own in the history -> label within a sentence."""
    resource = registry.resource("crm.deal")
    fields: dict[str, Field] = {
        "amount": resource.field("amount"),
        "expected_close": resource.field("expected_close"),
        "owner": resource.field("owner_id"),
        "account": resource.field("account_id"),
    }
    return {name: str(found.label)[:1].lower() + str(found.label)[1:] for name, found in fields.items()}
