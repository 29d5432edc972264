"""The page of the vision, its board for the wall, and moving what is on it."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for

from app.core.access import can, require
from app.core.clock import today
from app.core.errors import BusinessError
from app.core.i18n import _
from app.core.ids import whole
from app.core.surfaces.form import needed_version
from app.core.surfaces.record import fetch
from app.core.web import as_attachment, redirect_to, render
from app.modules.kpi.blueprint import blueprint
from app.modules.kpi.vision import services
from app.modules.kpi.vision.board import board
from app.modules.kpi.vision.models import OBJECTIVE, PILLAR, VISION
from app.modules.kpi.vision.paper import PAPERS, document
from app.modules.kpi.vision.resources import objective

VIEW = "kpi.objective.view"


@blueprint.get("/vision", endpoint="vision")
@require(VIEW)
def vision_page() -> Response:
    """The tree: vision, pillars, objectives, goals, people."""
    return _page()


@blueprint.post("/vision/<int:objective_id>/move", endpoint="vision_move")
@require("kpi.objective.edit")
def move(objective_id: int) -> Response:
    """Move a node: by a `step` (up, down, in, out), or below `parent_id` before `before_id`."""
    row = fetch(objective, objective_id, for_update=True)
    version, parent_id = needed_version(), whole(request.form.get("parent_id"))
    if parent_id is not None:
        services.move(row, parent_id, whole(request.form.get("before_id")), version)
    elif request.form.get("step") in services.STEPS:
        services.step(row, request.form["step"], version)
    else:
        raise BusinessError(_("Where to?"), field="step")
    return _page(row.id) if request.headers.get("HX-Request") else redirect_to(url_for("kpi.vision", _anchor=f"node-{row.id}"))


@blueprint.get("/vision/print", endpoint="vision_print")
@require(VIEW)
def vision_print() -> Response:
    """The board for the wall: `paper` is a4 or a3, `format=pdf` makes a file of it."""
    paper = request.args.get("paper", "a4")
    paper = paper if paper in PAPERS else "a4"
    if request.args.get("format") == "pdf":
        body = Response(document(board(), paper), content_type="application/pdf")
        name = _("vision")
        return as_attachment(body, f"{name}-{today().isoformat()}.pdf")
    other = "a3" if paper == "a4" else "a4"
    return render(
        "kpi/vision/print.html", "kpi/vision/_print.html", board=board(), paper=paper, other=other, today=today(),
        other_url=url_for("kpi.vision_print", paper=other), pdf_url=url_for("kpi.vision_print", paper=paper, format="pdf"),
    )  # fmt: skip


def _page(moved: int | None = None) -> Response:
    return render("kpi/vision/vision.html", "kpi/vision/_vision.html", board=board(), moved=moved, **_urls())


def _urls() -> dict[str, Any]:
    new, edit = can(objective.permission("create")), can(objective.permission("edit"))
    return {
        "new_urls": {level: url_for("kpi.objective_new", level=level, stay=1) for level in (VISION, PILLAR, OBJECTIVE)} if new else {},
        "edit_url": url_for("kpi.objective_edit", row_id=0, stay=1) if edit else "",
        "move_url": url_for("kpi.vision_move", objective_id=0) if edit else "",
        "goal_url": url_for("kpi.goal_record", row_id=0),
        "goal_edit_url": url_for("kpi.goal_edit", row_id=0, stay=1) if can("kpi.goal.edit") else "",
        "goal_new_url": url_for("kpi.goal_new") if can("kpi.goal.create") else "",
    }
