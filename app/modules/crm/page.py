"""The page of a deal: where it stands, its facts, and what happened to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from flask import url_for
from sqlalchemy import func, select

from app.core import lookups
from app.core.access import can
from app.core.clock import today
from app.core.db import db, utcnow
from app.core.formats import day, moment, money, percent
from app.core.i18n import _, _n
from app.core.money import Money
from app.core.registry import registry
from app.core.surfaces.record import describe
from app.modules.crm.activities.queries import NextStep, next_of_deals
from app.modules.crm.gates import rules
from app.modules.crm.gates.passing import first_stage, stage_left
from app.modules.crm.models import LOST, OPEN, WON, Deal, DealSpan, Pipeline, Stage

KINDS = {OPEN: "", WON: "ok", LOST: "bad"}
STEP_ICONS = {"call": "phone", "email": "mail", "visit": "map-pin", "meeting": "users", "task": "checkbox"}


def context(deal: Deal) -> dict[str, Any]:
    """What the template of the page needs beside its tab. The number of statements does not grow with the history."""
    resource = registry.resource("crm.deal")
    record = describe(resource, deal)
    spans = _spans(deal)
    stages = _stages(deal, spans)
    current = next(s for s in stages if s["id"] == deal.stage_id)
    account = lookups.labels("contacts.account", [deal.account_id]).get(deal.account_id or 0, "")
    record["title"] = f"{deal.name} – {account}" if account else deal.name
    record["tags"] = [{"label": resource.field("state").show(deal.state), "kind": KINDS.get(deal.state, "warn")}]
    record["crumbs"] = [{"label": _("Pipeline"), "url": url_for("crm.board", pipeline=deal.pipeline_id)}]
    share = current["probability"] if deal.probability is None else deal.probability
    record["head"] = _head(deal, record["head"], share)
    _fill_from_stage(record["groups"], current["row"])
    if again := sum(before.state != OPEN and after.state == OPEN for before, after in pairwise(spans)):
        record["tags"].append({"label": _n("Reopened once", "Reopened %(num)d times", again), "kind": "warn"})
    may_edit = can("crm.deal.edit")
    return {
        "record": record,
        "deal": deal,
        "stages": [s for s in stages if s["type"] == OPEN or s["id"] == deal.stage_id],
        "closing": [s for s in stages if s["type"] != OPEN and s["id"] != deal.stage_id],
        "may_edit": may_edit,
        "move_url": url_for("crm.deal_move", deal_id=deal.id),
        "gates": gates_of(deal, stages),
        "step": step_of(deal),
        "reopen": _reopening(deal) if may_edit and deal.state != OPEN else None,
        "transfer_url": url_for("crm.deal_transfer", deal_id=deal.id) if may_edit and _pipelines() > 1 else None,
    }


def brief(deal: Deal) -> dict[str, Any]:
    """What small forms say about a deal."""
    account = lookups.labels("contacts.account", [deal.account_id]).get(deal.account_id or 0, "")
    return {"id": deal.id, "name": deal.name, "account": account, "stage_id": deal.stage_id,
            "url": url_for("crm.deal_record", row_id=deal.id)}


def _fill_from_stage(groups: list[dict[str, Any]], stage: Any) -> None:
    """Let facts that are not set say what counts instead: the value of the stage."""
    category = registry.resource("crm.deal").field("category").show(stage.category)
    said = {"probability": _("%(share)s, of the stage", share=percent(stage.probability / 100)),
            "category": _("%(category)s, of the stage", category=category)}
    for fact in (f for group in groups for f in group["facts"] if f["name"] in said and f["empty"]):
        fact |= {"text": said[fact["name"]], "empty": False}


# Head and stage bar


def _head(deal: Deal, facts: list[dict[str, Any]], probability: int) -> list[dict[str, Any]]:
    """The facts of the head: amount, weighted, expected close, account, owner, age."""
    by_name = {fact["name"]: fact for fact in facts}
    shown = [by_name["amount"]]
    if deal.state == OPEN and deal.amount_minor is not None:
        weighted = Money(deal.amount_minor * probability // 100, deal.currency)
        text = _("%(sum)s at %(share)s", sum=money(weighted), share=percent(probability / 100))
        shown.append({"label": _("Weighted"), "text": text, "numeric": True})
    if deal.state == OPEN:
        shown.append(by_name["expected_close"])
    else:
        shown.append({"label": _("Closed"), "text": day(deal.closed_on), "numeric": True})
    age = ((deal.closed_on or today()) - deal.opened_on).days
    shown += [by_name["account_id"], by_name["owner_id"]]
    return [*shown, {"label": _("Age"), "text": _n("%(num)d day", "%(num)d days", age), "numeric": True}]


def _stages(deal: Deal, spans: Sequence[Any]) -> list[dict[str, Any]]:
    """The stages of the deal's pipeline with the days it has spent in each."""
    spent = _days_in_stages(spans)
    query = select(Stage.id, Stage.name, Stage.type, Stage.probability, Stage.needs, Stage.category).where(Stage.pipeline_id == deal.pipeline_id)
    rows = db.session.execute(query.order_by(Stage.position, Stage.id)).all()
    at = next((i for i, row in enumerate(rows) if row.id == deal.stage_id), 0)
    short = _("%(n)s d")
    return [
        {"id": row.id, "name": row.name, "type": row.type, "probability": row.probability, "row": row, "now": row.id == deal.stage_id,
         "done": i < at and row.id in spent, "days": short % {"n": spent[row.id]} if row.id in spent else "",
         "url": url_for("crm.deal_close", deal_id=deal.id, stage_id=row.id) if row.type != OPEN else None}
        for i, row in enumerate(rows)
    ]  # fmt: skip


def _spans(deal: Deal) -> Sequence[Any]:
    """Where a deal has been as known now, oldest first: (stage_id, state, valid_from, valid_to)."""
    known = select(DealSpan.stage_id, DealSpan.state, DealSpan.valid_from, DealSpan.valid_to)
    return db.session.execute(known.where(DealSpan.deal_id == deal.id, DealSpan.known_to.is_(None)).order_by(DealSpan.valid_from)).all()


def _days_in_stages(spans: Iterable[Any]) -> dict[int, int]:
    seconds: dict[int, float] = {}
    now = utcnow()
    for row in (span for span in spans if span.state == OPEN):
        seconds[row.stage_id] = seconds.get(row.stage_id, 0) + ((row.valid_to or now) - row.valid_from).total_seconds()
    return {stage_id: int(total // 86_400) for stage_id, total in seconds.items()}


def _pipelines() -> int:
    return db.session.scalar(select(func.count()).select_from(Pipeline).where(Pipeline.active)) or 0


def _reopening(deal: Deal) -> dict[str, Any]:
    """Where a closed deal goes when it is opened again: where it was, else where its pipeline begins."""
    stage = stage_left(deal)
    if stage is None or stage.pipeline_id != deal.pipeline_id:
        stage = first_stage(deal.pipeline_id)
    return {"id": stage.id, "name": stage.name}


# What comes next


def gates_of(deal: Deal, stages: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    """What the stage of an open deal and the one after it ask for, where they ask for anything."""
    if deal.state != OPEN:
        return []
    ways = [s for s in stages or _stages(deal, _spans(deal)) if s["type"] == OPEN]
    at = next((i for i, s in enumerate(ways) if s["now"]), 0)
    near = ways[at : at + 2]
    checks = rules.checks_of([s["id"] for s in near], deal.id)
    field_url = url_for("crm.deal_field", row_id=deal.id, field="_")[:-1] if can("crm.deal.edit") else None
    found = []
    for stage in near:
        needs = rules.needs_of(stage["row"])
        here = tuple(checks.get(stage["id"], ()))
        gate = rules.Gate(stage["id"], stage["name"], rules.missing_in(needs, deal), len(needs), here)
        if gate.total:
            title = _("Asked for by “%(stage)s”", stage=gate.stage) if stage["now"] else _("To go on to “%(stage)s”", stage=gate.stage)
            asked = [{"name": name, "label": rules.label_of(name), "done": name not in gate.missing,
                      "url": f"{field_url}{name}" if field_url else None} for name in needs]
            found.append({"id": gate.stage_id, "title": title, "needs": asked, "checks": here, "met": gate.met,
                          "done": gate.done, "total": gate.total})
    return found


def step_of(deal: Deal) -> dict[str, Any]:
    """The next planned activity of an open deal, and where one is logged or planned."""
    may_log = can("crm.activity.create")
    shown = {
        "open": deal.state == OPEN,
        "log_url": url_for("crm.activity_log", deal_id=deal.id) if may_log else None,
        "plan_url": url_for("crm.activity_new", deal_id=deal.id) if may_log else None,
        "refresh_url": url_for("crm.deal_step", deal_id=deal.id),
    }
    step = next_of_deals([deal.id]).get(deal.id) if deal.state == OPEN else None
    return {**shown, **(_step(step) if step else {"subject": "", "state": "none", "icon": "circle-dashed", "due": ""})}


def _step(step: NextStep) -> dict[str, Any]:
    return {"subject": step.subject, "state": step.state, "icon": STEP_ICONS.get(step.kind, "activity"),
            "due": moment(step.due_at) if step.due_at else day(step.due_on),
            "url": url_for("crm.activity_complete", activity_id=step.activity_id)}
