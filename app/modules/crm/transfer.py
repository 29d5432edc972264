"""Deals into another pipeline: which stage stands for which, and moving all of a pipeline's open deals at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import func, select

from app.core.clock import local_date
from app.core.db import db, utcnow
from app.core.errors import BusinessError
from app.core.events import publish
from app.core.i18n import _
from app.modules.crm.models import MOVED, OPEN, Deal, DealEvent, DealSpan, Pipeline, Stage
from app.modules.crm.recording import Gesture, set_field, set_stage, take_in, team_on

SOURCE = "transfer"
MOST = 5_000  # deals of one transfer
CHUNK = 1_000


def open_stages(pipeline_id: int) -> list[Stage]:
    """The open stages of a pipeline in order."""
    query = select(Stage).where(Stage.pipeline_id == pipeline_id, Stage.type == OPEN)
    return list(db.session.scalars(query.order_by(Stage.position, Stage.id)))


def proposed(stages: Sequence[Stage], targets: Sequence[Stage]) -> dict[int, int]:
    """Stage id -> id of the stage that stands for it: of the same name, else at the same relative place."""
    if not targets:
        return {}
    by_name = {target.name_key: target.id for target in targets}
    found: dict[int, int] = {}
    for at, stage in enumerate(stages):
        # Halves go up: a stage in the middle is rather further than back.
        place = int(at * (len(targets) - 1) / max(1, len(stages) - 1) + 0.5)
        found[stage.id] = by_name.get(stage.name_key, targets[place].id)
    return found


def counts(pipeline_id: int) -> dict[int, int]:
    """Stage id -> how many open deals of the pipeline stand there."""
    rows = select(Deal.stage_id, func.count(Deal.id)).where(Deal.pipeline_id == pipeline_id, Deal.state == OPEN)
    return {row[0]: row[1] for row in db.session.execute(rows.group_by(Deal.stage_id))}


def transfer(pipeline: Pipeline, target: Pipeline, mapping: Mapping[int, int]) -> int:
    """Move all open deals of a pipeline that the person may see into another, stage by stage; how many.

    `mapping` has an open stage of the target for every open stage that deals stand in. Gates do not count, as nothing is
    further along than before; the events say so by their source. Closed deals stay where they were closed.
    Publishes `crm.deal_moved` for each. Raises `BusinessError`.
    """
    targets = {s.id: s for s in open_stages(target.id)}
    if pipeline.id == target.id or not targets:
        raise BusinessError(_("Choose another pipeline, with open stages."), field="to")
    deals = _deals(pipeline.id)
    if any(mapping.get(deal.stage_id) not in targets for deal in deals):
        raise BusinessError(_("Every stage with deals needs one of the other pipeline."))
    spans, events = _spans(deals), []
    teams: dict[tuple[int | None, date], int | None] = {}
    with db.session.no_autoflush:
        for deal in deals:
            before = deal.stage_id
            events.append((deal, before, _send(deal, targets[mapping[before]], spans[deal.id], teams)))
    db.session.flush()
    for deal, before, event in events:
        publish("crm.deal_moved", deal_id=deal.id, event_id=event.id, from_stage_id=before, to_stage_id=deal.stage_id)
    return len(deals)


def _deals(pipeline_id: int) -> list[Deal]:
    """The open deals of a pipeline, locked until the transaction ends. Raises `BusinessError` for too many."""
    rows = select(Deal).where(Deal.pipeline_id == pipeline_id, Deal.state == OPEN).order_by(Deal.id).limit(MOST + 1)
    deals = list(db.session.scalars(rows.with_for_update(), execution_options={"populate_existing": True}))
    if len(deals) > MOST:
        raise BusinessError(_("At most %(n)s deals move at once; move some by the list first.", n=MOST))
    return deals


def _spans(deals: Sequence[Deal]) -> dict[int, DealSpan]:
    """Deal id -> the span that holds now."""
    found: dict[int, DealSpan] = {}
    ids = [deal.id for deal in deals]
    for start in range(0, len(ids), CHUNK):
        rows = select(DealSpan).where(
            DealSpan.deal_id.in_(ids[start : start + CHUNK]), DealSpan.valid_to.is_(None), DealSpan.known_to.is_(None)
        )
        found |= {span.deal_id: span for span in db.session.scalars(rows, execution_options={"all_rows": True})}
    return found


def _send(deal: Deal, stage: Stage, span: DealSpan, teams: dict[tuple[int | None, date], int | None]) -> DealEvent:
    """Tell the move of one deal; `teams` remembers who is in which team on a day."""
    now = max(utcnow(), span.valid_from, span.known_from)
    gesture = Gesture(now, now, local_date(now), SOURCE, span)
    event = gesture.event(MOVED, deal.id)
    set_stage(event, stage)
    key = (deal.owner_id, gesture.day)
    if key not in teams:
        teams[key] = team_on(*key)
    if teams[key] != deal.team_id:
        set_field(event, "team", team_id=teams[key])
    take_in(deal, event, gesture)
    return event
