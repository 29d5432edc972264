"""The small forms of the board: closing a deal, editing it on its card, a new deal in a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select

from app.core.clock import today
from app.core.db import db
from app.core.fields import Choice, Field, Reading
from app.core.forms import Form, form_of
from app.core.i18n import _l
from app.core.money import Money
from app.core.registry import registry
from app.modules.crm.models import OPEN, WON, Deal, Reason

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


def closing_form(deal: Deal, stage_type: str, posted: Any = None) -> Form:
    """What a closing stage asks: won asks amount and date, lost and discarded ask a reason."""
    if stage_type == WON:
        fields = [_field("amount", required=True), _field("closed_on", required=True, label=_l("Closing date"), hint="")]
        amount = None if deal.amount_minor is None else Money(deal.amount_minor, deal.currency)
        return form_of(fields, posted, {"amount": amount, "closed_on": today()})
    choices = [(str(r.id), r.name) for r in reasons(stage_type)]
    reason = IdChoice("reason_id", _l("Reason"), choices=choices, required=True)
    return form_of([reason, _field("reason_note", label=_l("Remark"))], posted)


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


def quick_form(posted: Any = None) -> Form:
    """Name, account and amount of a new deal."""
    form = form_of([_field("name"), _field("account_id"), _field("amount")], posted)
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


def values_for_move(form: Form | None) -> Mapping[str, Any]:
    """The arguments of `move_deal` that the closing dialog gives."""
    if form is None:
        return {}
    names = {"amount": "amount", "closed_on": "closed_on", "reason_id": "reason", "reason_note": "note"}
    given = form.values()
    return {names[name]: value or "" if name == "reason_note" else value for name, value in given.items()}
