"""The pipelines and stages that reports show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from app.core.db import db
from app.core.reports.asking import Desk
from app.modules.crm.models import OPEN, Pipeline, Stage


def pipeline_of(desk: Desk) -> Pipeline | None:
    """The pipeline whose stages a report shows: the one filtered by, else the first."""
    chosen = desk.frame.filters.get("pipeline")
    found = select(Pipeline).where(Pipeline.active).order_by(Pipeline.position, Pipeline.id)
    return db.session.scalar(found.where(Pipeline.id == chosen) if chosen else found.limit(1))


def open_stages() -> Sequence[Any]:
    """Id, name and pipeline of all open stages, pipeline by pipeline in their order."""
    found = select(Stage.id, Stage.name, Stage.pipeline_id).join(Pipeline, Pipeline.id == Stage.pipeline_id).where(Stage.type == OPEN)
    return db.session.execute(found.order_by(Pipeline.position, Pipeline.id, Stage.position)).all()
