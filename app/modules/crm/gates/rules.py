"""What a deal needs before it may enter a stage: fields that are filled in, and items of a checklist that are done.

Only the gate of the stage that is entered counts, however many are jumped over; going back needs nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import and_, select

from app.core.changelog import actor_id
from app.core.db import db
from app.core.errors import BusinessError
from app.core.i18n import _
from app.core.registry import registry
from app.core.several import names_of
from app.modules.crm.gates.models import DealCheck, StageCheck
from app.modules.crm.models import OPEN, Stage

# Fields of a deal that a stage may ask for.
NEEDABLE = (
    *("account_id", "contact_id", "amount", "expected_close", "product"),
    *("source_id", "medium_id", "campaign_id", "tags", "note"),
)


class Check(NamedTuple):
    """An item of a stage's checklist, and whether it is done for a deal."""

    id: int
    text: str
    done: bool


@dataclass(frozen=True)
class Gate:
    """What a stage asks of a deal: names of fields that are empty still, how many it asks for, and its checklist."""

    stage_id: int
    stage: str
    missing: tuple[str, ...] = ()
    asked: int = 0
    checks: tuple[Check, ...] = field(default=())

    @property
    def open_checks(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.done)

    @property
    def met(self) -> bool:
        return not self.missing and not self.open_checks

    @property
    def total(self) -> int:
        return self.asked + len(self.checks)

    @property
    def done(self) -> int:
        return self.total - len(self.missing) - len(self.open_checks)


class GateNotMet(BusinessError):
    """A stage asks for more than a deal has: `fields` (names) are empty, `checks` are not done."""

    def __init__(self, gate: Gate) -> None:
        labels = [str(label_of(name)) for name in gate.missing]
        open_checks = [check.text for check in gate.open_checks]
        what = "; ".join(", ".join(part) for part in (labels, open_checks) if part)
        super().__init__(_("“%(stage)s” needs first: %(what)s.", stage=gate.stage, what=what), field="stage_id")
        self.gate, self.fields, self.checks = gate, gate.missing, gate.open_checks
        needed, undone = _("This field is needed."), _("Not done yet: %(what)s")
        errors = [{"field": name, "detail": needed} for name in gate.missing]
        errors += [{"field": "checks", "id": c.id, "detail": undone % {"what": c.text}} for c in gate.open_checks]
        self.members = {"errors": errors}


def label_of(name: str) -> Any:
    """How people call a field of a deal."""
    return registry.resource("crm.deal").field(name).label


def needs_of(stage: Any) -> list[str]:
    """Names of the fields that a stage asks for; `stage` is anything with its column `needs`."""
    known = {f.name for f in registry.resource("crm.deal").fields}
    return [name for name in names_of(stage.needs) if name in NEEDABLE and name in known]


def missing_in(needs: Sequence[str], row: Any, amount: Any = None) -> tuple[str, ...]:
    """Which of the fields are empty in a row with the columns of a deal; `amount` comes with the move."""
    columns = {name: "amount_minor" if name == "amount" else name for name in needs}
    empty = [name for name in needs if getattr(row, columns[name]) in (None, "")]
    return tuple(name for name in empty if name != "amount" or amount is None)


def gate_of(stage: Any, deal: Any, amount: Any = None, ticked: Collection[int] = ()) -> Gate:
    """The gate of a stage (its columns id, name, needs) for a deal; in one statement. `ticked` are being done now."""
    needs = needs_of(stage)
    checks = checks_of([stage.id], deal.id).get(stage.id, [])
    now = tuple(Check(check.id, check.text, check.done or check.id in ticked) for check in checks)
    return Gate(stage.id, stage.name, missing_in(needs, deal, amount), len(needs), now)


def gate_of_values(stage: Stage, values: Mapping[str, Any], ticked: Collection[int] = ()) -> Gate:
    """The gate of a stage for a deal that is about to be made with these values by field name."""
    needs = needs_of(stage)
    checks = checks_of([stage.id], None).get(stage.id, [])
    now = tuple(Check(check.id, check.text, check.id in ticked) for check in checks)
    return Gate(stage.id, stage.name, tuple(n for n in needs if values.get(n) in (None, "")), len(needs), now)


def checks_of(stage_ids: Collection[int], deal_id: int | None) -> dict[int, list[Check]]:
    """Stage id -> its active checks in order, done or not for a deal; in one statement."""
    mine = and_(DealCheck.check_id == StageCheck.id, DealCheck.company_id == StageCheck.company_id, DealCheck.deal_id == (deal_id or 0))
    rows = db.session.execute(
        select(StageCheck.stage_id, StageCheck.id, StageCheck.text, DealCheck.id.label("done"))
        .outerjoin(DealCheck, mine)
        .where(StageCheck.stage_id.in_(list(stage_ids)), StageCheck.active)
        .order_by(StageCheck.position, StageCheck.id)
    )
    found: dict[int, list[Check]] = {}
    for row in rows:
        found.setdefault(row.stage_id, []).append(Check(row.id, row.text, row.done is not None))
    return found


def goes_back(stage: Stage, before: Stage | None) -> bool:
    """Whether an open stage stands at or before the one that a deal comes from, in the same pipeline."""
    if before is None or stage.type != OPEN or stage.pipeline_id != before.pipeline_id:
        return False
    return (stage.position, stage.id) <= (before.position, before.id)


def tick(deal_id: int, check_ids: Collection[int]) -> None:
    """Note that checks are done for a deal; those that are noted already, or are no checks, change nothing."""
    if not check_ids:
        return
    there = set(db.session.scalars(select(StageCheck.id).where(StageCheck.id.in_(list(check_ids)))))
    there -= set(db.session.scalars(select(DealCheck.check_id).where(DealCheck.deal_id == deal_id, DealCheck.check_id.in_(there))))
    db.session.add_all(DealCheck(deal_id=deal_id, check_id=check_id, member_id=actor_id()) for check_id in sorted(there))
    db.session.flush()


def untick(deal_id: int, check_id: int) -> None:
    """A check is not done after all."""
    done = db.session.scalar(select(DealCheck).where(DealCheck.deal_id == deal_id, DealCheck.check_id == check_id))
    if done is not None:
        db.session.delete(done)
        db.session.flush()
