"""The small forms of the board: closing a deal, editing it on its card, a new deal in a column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select

from app.core.clock import today
from app.core.db import db
from app.core.fields import Boolean, Choice, Field, Reading
from app.core.forms import Form, form_of
from app.core.i18n import _l
from app.core.money import Money
from app.core.registry import registry
from app.modules.crm.gates.rules import Gate
from app.modules.crm.models import CLOSED, OPEN, WON, Deal, Reason, Stage
from app.modules.crm.newcomers import NEW_ACCOUNT, NEW_CONTACT, can_create

CHECK = "check_"  # before the id of an item of a checklist, as the name of its box
ON_THE_CARD = ("amount", "expected_close", "owner_id", "stage_id")


@dataclass(frozen=True)
class IdChoice(Choice):
    """One of a few rows, by id."""

    def read(self, text: str, reading: Reading) -> int:  # type: ignore[override]  # ids, not texts
        return int(super().read(text, reading))

    def show(self, value: Any) -> str:
        return super().show(str(value) if value is not None else None)


def _field(name: str, **changes: Any) -> Field:
    return replace(registry.resource("crm.deal").field(name), **changes)


def moving_form(deal: Deal, stage: Stage, gate: Gate, posted: Any = None) -> Form:
    """What a stage asks of a deal that is to come: won asks amount and date, lost and discarded ask a reason, and a
    gate asks the fields that are empty still and what is to be ticked."""
    closing = _closing_fields(stage.type) if stage.type in CLOSED else []
    asked = {f.name for f in closing}
    gaps = [_field(name, required=True, hint="") for name in gate.missing if name not in asked]
    ticks = [Boolean(f"{CHECK}{check.id}", check.text) for check in gate.open_checks]
    amount = None if deal.amount_minor is None else Money(deal.amount_minor, deal.currency)
    return form_of([*closing, *gaps, *ticks], posted, {"amount": amount, "closed_on": today()})


def _closing_fields(stage_type: str) -> list[Field]:
    choices = [(str(r.id), r.name) for r in reasons(stage_type)]
    needed = stage_type != WON
    why: list[Field] = [_field("reason_note", label=_l("Remark"))]
    if needed or choices:
        why.insert(0, IdChoice("reason_id", _l("Reason"), choices=choices, required=needed))
    if needed:
        return why
    day = _field("closed_on", required=True, label=_l("Closing date"), hint="")
    return [_field("amount", required=True), day, *why]


def reasons(kind: str) -> Sequence[Any]:
    """Active reasons of a kind, id and name, by name."""
    query = select(Reason.id, Reason.name).where(Reason.kind == kind, Reason.active).order_by(Reason.name_key)
    return db.session.execute(query).all()


def card_form(deal: Deal, stages: Sequence[Any], posted: Any = None) -> Form:
    """Amount, expected close, owner and open stage of a deal."""
    choices = [(str(s.id), s.name) for s in stages if s.type == OPEN or s.id == deal.stage_id]
    stage = IdChoice("stage_id", _l("Stage"), choices=choices, required=True)
    fields = [*(_field(name, hint="", label=_label(name)) for name in ON_THE_CARD[:2]), _field("owner_id", required=True), stage]
    values = {f.name: f.of(deal) for f in fields}
    return form_of(fields, posted, values)


def _label(name: str) -> Any:
    return registry.resource("crm.deal").field(name).label


def quick_form(gate: Gate, posted: Any = None) -> Form:
    """Name, account and amount of a new deal, or a new account and person; and what the gate of its stage asks."""
    news = [f for f in (NEW_ACCOUNT, NEW_CONTACT) if can_create(f)]
    gaps = [_field(name, required=True, hint="") for name in gate.missing if name not in ("account_id", "amount")]
    ticks = [Boolean(f"{CHECK}{check.id}", check.text) for check in gate.open_checks]
    form = form_of([_field("name"), _field("account_id"), _field("amount"), *news, *gaps, *ticks], posted)
    for name, hint in (("name", _l("Name of the deal")), ("amount", _l("Amount"))):
        form[name].render_kw = {**(form[name].render_kw or {}), "placeholder": str(hint)}
    return form


def with_cursor(form: Form, name: str) -> Form:
    """Let the form open with the cursor in a field; one that is wrong has it anyway."""
    chosen = form[name if name in form else next(iter(form)).name]
    chosen.render_kw = {**(chosen.render_kw or {}), "data-autofocus": True}
    return form


def with_ids(form: Form, prefix: str) -> Form:
    """Ids of their own for the fields of a form that is not alone on its page."""
    for control in form:
        control.id = f"{prefix}-{control.name}"
        control.label.field_id = control.id
    return form


def ticked(form: Form) -> list[int]:
    """Ids of the checks that are ticked in a form."""
    return [int(name.removeprefix(CHECK)) for name, value in form.values().items() if name.startswith(CHECK) and value]


def values_for_move(form: Form) -> dict[str, Any]:
    """The values that a dialog gives to the deal that moves, as `change_deal` takes them."""
    given = {name: value for name, value in form.values().items() if not name.startswith(CHECK)}
    return {**given, "checks": ticked(form)}
