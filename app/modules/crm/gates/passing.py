"""Stages as places that a deal comes to: which there are, and what it takes to enter one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from app.core.db import db
from app.core.errors import BusinessError
from app.core.i18n import _
from app.core.money import Money
from app.modules.crm.gates import rules
from app.modules.crm.models import DISCARDED, LOST, OPEN, WON, Deal, Pipeline, Reason, Stage
from app.modules.crm.recording import counted


def first_stage(pipeline_id: int | None = None) -> Stage:
    """The first open stage of a pipeline, by default of the first active one. Raises `BusinessError`."""
    query = select(Stage).join(Stage.pipeline).where(Stage.type == OPEN)
    query = query.where(Stage.pipeline_id == pipeline_id) if pipeline_id else query.where(Pipeline.active)
    stage = db.session.scalar(query.order_by(Pipeline.position, Pipeline.id, Stage.position, Stage.id).limit(1))
    if stage is None:
        raise BusinessError(_("There is no open stage to begin in."), field="stage_id")
    return stage


def stage_of(stage_id: int) -> Stage:
    """A stage by id. Raises `BusinessError` when there is none."""
    stage = db.session.scalar(select(Stage).where(Stage.id == stage_id))
    if stage is None:
        raise BusinessError(_("There is no such stage."), field="stage_id")
    return stage


def check_closing(stage: Stage, amount: Money | None, why: Reason | None) -> None:
    """What a deal needs before it may be closed."""
    if stage.type == WON and amount is None:
        raise BusinessError(_("Which amount was won?"), field="amount")
    if stage.type in (LOST, DISCARDED) and why is None:
        raise BusinessError(_("Why? A reason is needed."), field="reason_id")


def pass_gate(deal: Deal, stage: Stage, amount: Money | None, clears: bool) -> None:
    """Raise `GateNotMet` where a stage asks for more than a deal has, unless it goes back."""
    gate = rules.gate_of(stage, deal, amount)
    if clears and "amount" in rules.needs_of(stage):
        gate = replace(gate, missing=(*gate.missing, "amount"))
    if not gate.met and not rules.goes_back(stage, stage_left(deal)):
        raise rules.GateNotMet(gate)


def gate_at_birth(stage: Stage, values: Mapping[str, Any], ticked: Collection[int] = ()) -> rules.Gate:
    """The gate of a stage for a deal that begins there; where its pipeline begins, nothing is asked."""
    gate = rules.gate_of_values(stage, values, ticked)
    free = gate.met or stage.id == first_stage(stage.pipeline_id).id
    return rules.Gate(stage.id, stage.name) if free else gate


def pass_first(stage: Stage, values: Mapping[str, Any], ticked: Collection[int]) -> None:
    """Raise `GateNotMet` where a stage asks for more than a new deal has."""
    gate = gate_at_birth(stage, values, ticked)
    if not gate.met:
        raise rules.GateNotMet(gate)


def stage_left(deal: Deal) -> Stage | None:
    """The open stage that a deal is in, or was in before it was closed; None when it began closed."""
    if deal.state == OPEN:
        return stage_of(deal.stage_id)
    before = [e.stage_id for e in counted(deal) if e.stage_id is not None and e.state == OPEN]
    return stage_of(before[-1]) if before else None
