"""The checklist of a stage, on its page; and what of it is done for a deal, on the deal's page."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, request, url_for
from sqlalchemy import func, select

from app.core.access import can, require
from app.core.db import db
from app.core.errors import BusinessError, Conflict
from app.core.fields import Text
from app.core.forms import Form, form_of
from app.core.hx import is_htmx
from app.core.i18n import _, _l
from app.core.registry import registry
from app.core.surfaces.form import needed_version
from app.core.surfaces.record import fetch, tab_of
from app.core.web import redirect_to, render, toast
from app.core.writes import check_version
from app.modules.crm import page
from app.modules.crm.answers import whole
from app.modules.crm.blueprint import blueprint
from app.modules.crm.gates import rules
from app.modules.crm.gates.models import StageCheck
from app.modules.crm.models import Stage

TEXT = Text("text", _l("What must be done"), required=True, longest=200)
MOST = 30  # items of one checklist


@blueprint.get("/stages/<int:stage_id>/checks")
@require("crm.stage.edit")
def stage_checks(stage_id: int) -> Response:
    """The checklist of a stage, as a panel of its page."""
    return _panel(fetch(registry.resource("crm.stage"), stage_id))


@blueprint.post("/stages/<int:stage_id>/checks")
@require("crm.stage.edit")
def stage_check_save(stage_id: int) -> Response:
    """Add an item to the checklist, or change one: its words, its place, whether it is in use."""
    stage = fetch(registry.resource("crm.stage"), stage_id)
    form = form_of([TEXT], request.form)
    given = request.form.get("check")
    if request.form.get("do", "save") == "save" and not form.validate():
        return _panel(stage, form, given, status=422)
    try:
        if given:
            _change(stage, whole(given), form)
        else:
            _add(stage, form.values()["text"])
    except BusinessError as error:
        form.refuse(error.field, error.message)
        return _panel(stage, form, given, status=422)
    except Conflict as late:
        toast(late.message, "bad")
        return _panel(stage, status=409)
    if not is_htmx():
        return redirect_to(url_for("crm.stage_checks", stage_id=stage.id))
    return _panel(stage)


def _add(stage: Stage, text: str) -> None:
    count, last = db.session.execute(
        select(func.count(), func.max(StageCheck.position)).where(StageCheck.stage_id == stage.id)
    ).one()
    if count >= MOST:
        raise BusinessError(_("A checklist has at most %(n)s items.", n=MOST), field="text")
    db.session.add(StageCheck(stage_id=stage.id, text=text, position=(last or 0) + 1))
    db.session.flush()


def _change(stage: Stage, check_id: int, form: Form) -> None:
    """What the button says: save the words, up, down, in use or not. Raises `Conflict`."""
    rows = _rows(stage.id)
    row = next((r for r in rows if r.id == check_id), None) or abort(404)
    check_version(row, needed_version())
    do = request.form.get("do", "save")
    if do in ("up", "down"):
        at = rows.index(row)
        to = max(0, min(len(rows) - 1, at + (1 if do == "down" else -1)))
        rows.insert(to, rows.pop(at))
        for position, each in enumerate(rows, start=1):
            each.position = position
    elif do in ("on", "off"):
        row.active = do == "on"
    else:
        row.text = form.values()["text"]
    db.session.flush()


def _rows(stage_id: int) -> list[StageCheck]:
    query = select(StageCheck).where(StageCheck.stage_id == stage_id)
    return list(db.session.scalars(query.order_by(StageCheck.position, StageCheck.id)))


def _panel(stage: Stage, form: Form | None = None, given: str | None = None, status: int = 200) -> Response:
    resource = registry.resource("crm.stage")
    rows: list[dict[str, Any]] = [
        {"id": r.id, "text": r.text, "active": r.active, "version": r.version} for r in _rows(stage.id)
    ]
    for row in rows:
        if form is not None and given == str(row["id"]):
            row |= {"text": form["text"].data, "errors": form["text"].errors}
    new = form if form is not None and not given and form.errors else form_of([TEXT])
    return tab_of(resource, stage, "crm/gates/_checks.html", status=status, checks=rows, new=new,
                  action=url_for("crm.stage_checks", stage_id=stage.id))


@blueprint.post("/deals/<int:deal_id>/checks")
@require("crm.deal.edit")
def deal_check(deal_id: int) -> Response:
    """Tick an item of a checklist for a deal, or take the tick away."""
    deal = fetch(registry.resource("crm.deal"), deal_id)
    check_id = whole(request.form.get("check"))
    if request.form.get("done"):
        rules.tick(deal.id, [check_id])
    else:
        rules.untick(deal.id, check_id)
    if not is_htmx():
        return redirect_to(url_for("crm.deal_record", row_id=deal.id))
    shown = page.gates_of(deal)
    return render("crm/gates/_deal.html", gates=shown, deal=deal, may_edit=can("crm.deal.edit"))
