"""Pages that move deals into another pipeline: one deal from its page, or all open ones of a pipeline."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, request, url_for
from sqlalchemy import select

from app.core.access import can, require
from app.core.db import db
from app.core.errors import BusinessError
from app.core.i18n import _n
from app.core.ids import whole
from app.core.registry import registry
from app.core.surfaces.record import fetch, tab_of
from app.core.web import redirect_to, render, toast
from app.modules.crm import page, transfer
from app.modules.crm.blueprint import blueprint
from app.modules.crm.models import OPEN, Pipeline


@blueprint.get("/deals/<int:deal_id>/pipeline")
@require("crm.deal.edit")
def deal_transfer(deal_id: int) -> Response:
    """The dialog that moves one open deal into another pipeline: the stage that is likely meant is chosen already."""
    deal = fetch(registry.resource("crm.deal"), deal_id)
    if deal.state != OPEN:
        abort(404)
    here = transfer.open_stages(deal.pipeline_id)
    choices = []
    for pipeline in _pipelines(deal.pipeline_id):
        targets = transfer.open_stages(pipeline.id)
        if targets:
            chosen = transfer.proposed(here, targets).get(deal.stage_id)
            choices.append({"id": pipeline.id, "name": pipeline.name, "chosen": chosen,
                            "stages": [{"id": s.id, "name": s.name} for s in targets]})
    return render("crm/transfer_deal.html", "crm/_transfer_deal.html", deal=page.brief(deal), version=deal.version,
                  pipelines=choices, action=url_for("crm.deal_move", deal_id=deal.id),
                  cancel_url=url_for("crm.deal_record", row_id=deal.id))


@blueprint.route("/pipelines/<int:pipeline_id>/transfer", methods=["GET", "POST"])
@require("crm.pipeline.edit")
def pipeline_transfer(pipeline_id: int) -> Response:
    """All open deals of a pipeline into another: a stage for each of its stages, with how many deals it is about."""
    pipeline = fetch(registry.resource("crm.pipeline"), pipeline_id)
    others = _pipelines(pipeline_id)
    chosen = whole(request.values.get("to", ""))
    target = next((p for p in others if p.id == chosen), None) or (others[0] if others else None)
    if request.method == "GET" or target is None:
        return _page(pipeline, others, target)
    if not can("crm.deal.edit"):
        abort(403)
    mapping = {stage.id: whole(request.form.get(f"stage_{stage.id}", "")) or 0 for stage in transfer.open_stages(pipeline_id)}
    try:
        moved = transfer.transfer(pipeline, target, mapping)
    except BusinessError as error:
        return _page(pipeline, others, target, mapping, error.message)
    toast(_n("%(num)d deal is in “%(name)s” now.", "%(num)d deals are in “%(name)s” now.", moved, name=target.name))
    return redirect_to(url_for("crm.board", pipeline=target.id))


def _pipelines(without: int) -> list[Pipeline]:
    """The active pipelines but one, in order."""
    query = select(Pipeline).where(Pipeline.active, Pipeline.id != without)
    return list(db.session.scalars(query.order_by(Pipeline.position, Pipeline.id)))


def _page(pipeline: Pipeline, others: list[Pipeline], target: Pipeline | None, mapping: dict[int, int] | None = None,
          error: str = "") -> Response:
    stages = transfer.open_stages(pipeline.id)
    targets = transfer.open_stages(target.id) if target else []
    chosen = mapping or transfer.proposed(stages, targets)
    counts = transfer.counts(pipeline.id)
    rows: list[dict[str, Any]] = [
        {"id": s.id, "name": s.name, "count": counts.get(s.id, 0), "to": chosen.get(s.id)} for s in stages
    ]
    return tab_of(
        registry.resource("crm.pipeline"), pipeline, "crm/_transfer.html", status=422 if error else 200,
        others=[{"id": p.id, "name": p.name} for p in others],
        target={"id": target.id, "name": target.name} if target else None,
        targets=[{"id": s.id, "name": s.name} for s in targets], rows=rows, total=sum(counts.values()), error=error,
        action=url_for("crm.pipeline_transfer", pipeline_id=pipeline.id),
    )  # fmt: skip
