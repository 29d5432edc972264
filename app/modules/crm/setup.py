"""The writes to pipelines, stages and reasons: names once each, and no stage changes what it meant for its deals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import select

from app.core import writes
from app.core.db import db, fold
from app.core.errors import BusinessError
from app.core.i18n import _
from app.modules.crm.models import PIPELINE, Deal, DealEvent, Pipeline, Reason, Stage

Named = TypeVar("Named", Pipeline, Stage, Reason)
# Two rows may share a name when they differ in this.
WITHIN: dict[Any, str | None] = {Pipeline: None, Stage: "pipeline_id", Reason: "kind"}
# What stands in for what a form leaves empty.
EMPTY = {"position": 0, "probability": 0, "category": PIPELINE, "needs": ""}


def add(model: type[Named], values: Mapping[str, Any]) -> Named:
    """A new pipeline, stage or reason from columns. Raises `BusinessError` when the name is taken."""
    values = _filled(values)
    _check_name(model, values, None)
    return writes.create(model, values)


def change(row: Named, values: Mapping[str, Any]) -> Named:
    """Change columns. Raises `BusinessError` when the name is taken."""
    values = _filled(values)
    within = WITHIN[type(row)]
    now = {"name": row.name, **({within: getattr(row, within)} if within else {}), **values}
    _check_name(type(row), now, row.id)
    return writes.update(row, values)


def change_stage(row: Stage, values: Mapping[str, Any]) -> Stage:
    """Change a stage; its type and pipeline only while no deal has ever been there. Raises `BusinessError`."""
    for name in ("type", "pipeline_id"):
        if values.get(name, getattr(row, name)) != getattr(row, name) and _used(row):
            raise BusinessError(_("Deals have been in this stage; make a new one instead."), field=name)
    return change(row, values)


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: EMPTY.get(name) if value is None else value for name, value in values.items()}


def _check_name(model: type[Named], values: Mapping[str, Any], row_id: int | None) -> None:
    same = select(model.id).where(model.name_key == fold(values.get("name")))
    if within := WITHIN[model]:
        same = same.where(getattr(model, within) == values.get(within))
    if row_id:
        same = same.where(model.id != row_id)
    if db.session.scalar(same.limit(1)):
        raise BusinessError(_("There is one named “%(name)s” already.", name=values["name"]), field="name")


def _used(stage: Stage) -> bool:
    seen = select(DealEvent.id).where(DealEvent.stage_id == stage.id).limit(1)
    here = select(Deal.id).where(Deal.stage_id == stage.id).limit(1)
    return any(db.session.scalar(query, execution_options={"all_rows": True}) for query in (here, seen))
