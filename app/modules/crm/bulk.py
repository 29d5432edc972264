"""Many deals with their history at once, for imports and demo data: the same ledger as deal by deal, set-based."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import uuid4

from flask import g
from sqlalchemy import select

from app.core.changelog import actor_id, request_id
from app.core.clock import noon, today
from app.core.db import db, utcnow
from app.core.errors import BusinessError
from app.core.i18n import _
from app.core.models import TeamMember
from app.core.money import Money
from app.core.rates import RateTable
from app.core.writes import bulk_insert
from app.modules.crm.ledger import COLUMNS, FIELDS, seconds_between
from app.modules.crm.models import (
    CLOSED,
    CREATED,
    MOVED,
    OPEN,
    Deal,
    DealEvent,
    DealSpan,
    DealStage,
    Pipeline,
    Stage,
)

PAYLOAD = tuple(column for columns in FIELDS.values() for column in columns)
PLAIN = ("name", "contact_id", "product", "external_id", "source_id", "medium_id", "campaign_id")
BY_HAND = ("probability", "category")
# What an event of an import sets: the creation everything, a move what goes with the stage, a closing its amount, too.
AMOUNT = FIELDS["amount"]
WITH_STAGE = (*FIELDS["stage"], *FIELDS["team"], *FIELDS["reason"])
FIRST = (*AMOUNT, *FIELDS["owner"], *FIELDS["account"], *FIELDS["expected_close"], *BY_HAND)
ALL = "stage,amount,team,owner,expected_close,account,reason,probability,category"
SETS = {(True, False): ALL, (True, True): ALL, (False, False): "stage,team,reason", (False, True): "stage,amount,team,reason"}


class Imported(list[int]):
    """Ids of the new deals in the order of the rows; `warnings` say what had to be assumed: index of the row, sentence."""

    def __init__(self, ids: Iterable[int], warnings: list[tuple[int, str]]) -> None:
        super().__init__(ids)
        self.warnings = warnings

    @property
    def ids(self) -> list[int]:
        return self


def import_deals(rows: Sequence[Mapping[str, Any]], source: str = "import") -> Imported:
    """Create deals with the history that their rows tell.

    A row has `name` and, all optional, the other fields of a deal (`amount` as `Money`), `stage_id` (the stage it is
    in now), `opened_on`, `opened_stage_id` (where it began), `closed_on`, and `moves`: pairs of local date and stage
    id between the two. Without `opened_stage_id` a closed deal began in its pipeline's first open stage, an open one
    where it is. Without any date its history begins now, and a warning says so. Without `owner_id` it belongs to who
    imports. Gates do not apply, no events are published. The deals are what `create_deal` and `move_deal` would have
    made of them.
    Raises `BusinessError` for the first row that `problems` finds fault with; nothing is written then.
    """
    plan = _Plan(rows, source)
    made = Imported(bulk_insert(Deal, plan.deals), plan.warnings)
    for told in (plan.events, plan.spans, plan.stays):
        for index, line in told:
            line["deal_id"] = made[index]
    bulk_insert(DealEvent, [line for _index, line in plan.events])
    bulk_insert(DealSpan, [line for _index, line in plan.spans])
    bulk_insert(DealStage, [line for _index, line in plan.stays])
    return made


def problems(row: Mapping[str, Any], stage: Step | Stage | None, day: date) -> list[tuple[str, str]]:
    """What is wrong with the history that a row tells, as pairs of field and sentence; `day` is today."""
    found = []
    if not row.get("name"):
        found.append(("name", _("A deal needs a name.")))
    opened, closed = row.get("opened_on"), row.get("closed_on")
    for name, given in (("opened_on", opened), ("closed_on", closed)):
        if given and given > day:
            found.append((name, _("This date is in the future.")))
    if opened and closed and closed < opened:
        found.append(("closed_on", _("A deal cannot be closed before it was opened.")))
    if closed and stage and stage.type == OPEN:
        found.append(("closed_on", _("A deal in an open stage has no closing date.")))
    return found


class Step(NamedTuple):
    """What is asked of a stage again and again."""

    id: int
    pipeline_id: int
    type: str


class _Plan:
    """The rows of the four tables for a list of deals, worked out before anything is written."""

    def __init__(self, rows: Sequence[Mapping[str, Any]], source: str) -> None:
        self.deals: list[dict[str, Any]] = []
        self.events: list[tuple[int, dict[str, Any]]] = []
        self.spans: list[tuple[int, dict[str, Any]]] = []
        self.stays: list[tuple[int, dict[str, Any]]] = []
        self.warnings: list[tuple[int, str]] = []
        self._now, self._today, self._source = utcnow(), today(), source
        self._noons: dict[date, datetime] = {}
        self._stages = {s.id: Step(s.id, s.pipeline_id, s.type) for s in _stages_in_order()}
        self._teams = _Teams({actor_id(), *(row.get("owner_id") for row in rows)})
        self._rates = RateTable({row["amount"].currency for row in rows if row.get("amount")})
        self._actor_id, self._currency = actor_id(), g.company.currency
        self._team_on: dict[tuple[int | None, date], int | None] = {}
        # A gesture's group has to be its own, not hard to guess: one random beginning and a count.
        self._gesture, self._gestures = uuid4().hex[:24], 0
        self._whose: dict[str, Any] = dict.fromkeys(PAYLOAD)
        self._whose |= {"actor_id": self._actor_id, "request_id": request_id(), "recorded_at": self._now, "source": source}
        self._whose["voids_id"] = None
        for index, row in enumerate(rows):
            self._add(index, row)

    def _add(self, index: int, row: Mapping[str, Any]) -> None:
        stage = self._stage(row)
        if wrong := problems(row, stage, self._today):
            raise BusinessError(wrong[0][1], field=wrong[0][0])
        steps = self._steps(index, row, stage)
        events = [self._event(row, *step, first=not number) for number, step in enumerate(steps)]
        stretches = stretches_of(events)
        told = {name: row.get(name) for name in PLAIN}
        told["note"], told["tags"] = row.get("note") or "", row.get("tags") or ""
        told.update({name: stretches[-1][name] for name in COLUMNS})
        self.deals.append(told)
        self.events += [(index, event) for event in events]
        for stretch in stretches:
            stretch["known_from"] = self._now
            self.spans.append((index, stretch))
        self.stays += [(index, stay) for stay in stays_of(events)]

    def _stage(self, row: Mapping[str, Any]) -> Step:
        stage = self._stages.get(row["stage_id"]) if row.get("stage_id") else self._first_open(row.get("pipeline_id"))
        if stage is None:
            raise BusinessError(_("There is no such stage."), field="stage_id")
        return stage

    def _first_open(self, pipeline_id: int | None) -> Step | None:
        fitting = (s for s in self._stages.values() if s.type == OPEN and pipeline_id in (None, s.pipeline_id))
        return next(fitting, None)

    def _steps(self, index: int, row: Mapping[str, Any], stage: Step) -> list[tuple[date, Step]]:
        """Local date and stage of each event, the creation first."""
        opened, closed = row.get("opened_on"), row.get("closed_on")
        closes = stage.type in CLOSED
        if opened is None and closed is None:
            self.warnings.append((index, _("Without any date: the history of this deal begins today.")))
        elif closes and closed is None:
            self.warnings.append((index, _("Closed without a date: it counts as closed today.")))
        begin = opened or closed or self._today
        told = closes or row.get("moves")
        began = self._stages.get(row.get("opened_stage_id") or 0) if told else stage
        if began is None:
            began = self._first_open(stage.pipeline_id) if closes else stage
        steps = [(begin, began or stage), *((day, self._stages[where]) for day, where in row.get("moves") or ())]
        if steps[-1][1].id != stage.id:
            steps.append((closed or (self._today if closes else steps[-1][0]), stage))
        return steps

    def _event(self, row: Mapping[str, Any], day: date, stage: Step, *, first: bool) -> dict[str, Any]:
        """A line of the ledger; the creation says everything, a move what moves with the stage."""
        closes = stage.type in CLOSED
        owner_id = row.get("owner_id") or self._actor_id
        self._gestures += 1
        event = {
            **self._whose,
            "kind": CREATED if first else MOVED,
            "at": self._instant(day),
            "local_date": day,
            "sets": SETS[first, closes],
            "group_id": f"{self._gesture}{self._gestures:x}",
            "stage_id": stage.id,
            "pipeline_id": stage.pipeline_id,
            "state": stage.type,
            "team_id": self._team(owner_id, day),
            "reason_id": row.get("reason_id") if closes else None,
            "reason_note": (row.get("reason_note") or "") if closes else "",
        }
        if first or closes:
            amount: Money | None = row.get("amount")
            minor, currency = (amount.minor, amount.currency) if amount else (None, self._currency)
            event["amount_minor"], event["currency"] = minor, currency
            event["company_minor"] = self._rates.to_company(minor, currency, day)
        if first:
            event["owner_id"], event["account_id"] = owner_id, row.get("account_id")
            event["expected_close"] = row.get("expected_close")
            event["probability"], event["category"] = row.get("probability"), row.get("category")
        return event

    def _team(self, owner_id: int | None, day: date) -> int | None:
        if (owner_id, day) not in self._team_on:
            self._team_on[owner_id, day] = self._teams.on(owner_id, day)
        return self._team_on[owner_id, day]

    def _instant(self, day: date) -> datetime:
        """Noon of a day that is over, and now for today, of which noon may still be to come."""
        if day >= self._today:
            return self._now
        if day not in self._noons:
            self._noons[day] = noon(day)
        return self._noons[day]


def stretches_of(events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The spans of a deal that was created and moved, as `ledger.spans_of` would find them: columns and values.

    Events as `import_deals` tells them are all a bulk write has, and folding those is plain copying.
    """
    found: list[dict[str, Any]] = []
    state: dict[str, Any] = {}
    for event in events:
        at, day, closes = event["at"], event["local_date"], event["state"] in CLOSED
        moves = event["stage_id"] != state.get("stage_id")
        state = {name: event[name] for name in FIRST} if not state else state.copy()
        if event["kind"] == CREATED:
            state["opened_at"], state["opened_on"] = at, day
        elif closes:
            state.update({name: event[name] for name in AMOUNT})
        for name in WITH_STAGE:
            state[name] = event[name]
        if moves:
            state["entered_at"], state["entered_on"] = at, day
        state["closed_at"], state["closed_on"] = (at, day) if closes else (None, None)
        state["credit_owner_id"], state["credit_team_id"] = state["owner_id"], state["team_id"]
        if found and found[-1]["valid_from"] == at:
            found.pop()
        elif found:
            found[-1]["valid_to"] = at
        found.append({**state, "valid_from": at, "valid_to": None})
    return found


def stays_of(events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """In which stages a deal has been that was created and moved, as `ledger.stays_of` would find it."""
    found: dict[int, dict[str, Any]] = {}
    here: Mapping[str, Any] = {"stage_id": 0, "state": ""}
    entered_at = entered_on = None
    amount: dict[str, Any] = {}
    for event in events:
        stage_id, at = event["stage_id"], event["at"]
        if event["kind"] == CREATED or event["state"] in CLOSED:
            amount = {"amount_minor": event["amount_minor"], "currency": event["currency"]}
        if stage_id != here["stage_id"]:
            if here["state"] == OPEN:
                found[here["stage_id"]]["seconds"] += seconds_between(entered_at, at)  # type: ignore[arg-type]  # since it is somewhere
            entered_at, entered_on = at, event["local_date"]
            if stage_id not in found:
                found[stage_id] = {"stage_id": stage_id, "entered_at": at, "entered_on": entered_on, "entries": 0,
                                   "seconds": 0, "owner_id": events[0]["owner_id"], "after_id": here["stage_id"] or None,
                                   "place": len(found)}
            found[stage_id]["entries"] += 1
        for stay in found.values():
            if stay["entered_at"] == at:
                stay.update(amount, team_id=event["team_id"])
        here = event
    for stay in found.values():
        is_there = here["state"] == OPEN and here["stage_id"] == stay["stage_id"]
        stay.update(state=here["state"], since=entered_at if is_there else None)
    return list(found.values())


class _Teams:
    """Who was in which team when, read once."""

    def __init__(self, members: Iterable[int | None]) -> None:
        self._dated: dict[int, list[tuple[date, date | None, int]]] = {}
        wanted = sorted({m for m in members if m})
        rows = select(TeamMember).where(TeamMember.member_id.in_(wanted)).order_by(TeamMember.valid_from.desc())
        for row in db.session.scalars(rows):
            self._dated.setdefault(row.member_id, []).append((row.valid_from, row.valid_to, row.team_id))

    def on(self, member_id: int | None, day: date) -> int | None:
        dated = self._dated.get(member_id or 0, ())
        return next((team for start, end, team in dated if start <= day and (end is None or day <= end)), None)


def _stages_in_order() -> Iterable[Stage]:
    in_order = (Pipeline.active.desc(), Pipeline.position, Pipeline.id, Stage.position, Stage.id)
    return db.session.scalars(select(Stage).join(Stage.pipeline).order_by(*in_order))
