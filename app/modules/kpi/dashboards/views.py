"""The pages of dashboards, their widgets one by one, and what changes them."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, request, url_for

from app.core.access import can, require
from app.core.errors import BusinessError, Forbidden
from app.core.i18n import _
from app.core.reports import files
from app.core.reports.asking import Desk
from app.core.reports.blocks import Content
from app.core.web import redirect_to, render, toast
from app.modules.kpi.blueprint import blueprint
from app.modules.kpi.dashboards import queries
from app.modules.kpi.dashboards.asked import Shown, frame_of, shown
from app.modules.kpi.dashboards.drawing import Drawn, drawn, title_of
from app.modules.kpi.dashboards.starting import starts

VIEW, EDIT = "kpi.dashboard.view", "kpi.dashboard.edit"


@blueprint.get("/dashboards")
@require(VIEW)
def dashboard_list() -> Response:
    """The dashboards that the reader sees, their own first, and those to begin with."""
    stored = [{"name": d.name, "shared": d.shared, "audience": d.audience, "mine": queries.may_change(d),
               "url": url_for("kpi.dashboard", dashboard_id=str(d.id))} for d in queries.visible()]  # fmt: skip
    begin = [{"name": s.name, "describe": s.describe, "icon": s.icon, "url": url_for("kpi.dashboard", dashboard_id=s.key)} for s in starts()]
    return render("kpi/dashboards/list.html", stored=stored, starts=begin, new_url=url_for("kpi.dashboard_new") if can(EDIT) else None)


@blueprint.get("/dashboards/<string:dashboard_id>")
@require(VIEW)
def dashboard(dashboard_id: str) -> Response:
    """A dashboard, whose widgets load by themselves; whole with `whole=1`, or as a PDF."""
    what = shown(dashboard_id)
    frame = frame_of(what, request.args)
    desk = Desk(frame)
    if kind := request.args.get("format"):
        return files.answer(what.name, desk, _content(desk, what), files.PDF if kind == files.PDF else "", "")
    whole = "whole" in request.args
    widgets = [_place(frame, what, spec, _tried(desk, spec) if whole else None) for spec in what.specs]
    return render("kpi/dashboards/dashboard.html", "kpi/dashboards/_dashboard.html", what=what, frame=frame, widgets=widgets, notes=desk.notes(),
                  others=_others(what), pdf_url=frame.url(format=files.PDF), whole_url=frame.url(whole=1), whole=whole, **_actions(what))


@blueprint.get("/dashboards/<string:dashboard_id>/widgets/<string:widget_id>")
@require(VIEW)
def dashboard_widget(dashboard_id: str, widget_id: str) -> Response:
    """One widget. What it cannot show it says in its own place."""
    what = shown(dashboard_id)
    frame, spec = frame_of(what, request.args), what.spec(widget_id)
    desk = Desk(frame)
    found = _tried(desk, spec)
    return render("kpi/dashboards/widget.html", "kpi/dashboards/_widget.html", what=what, frame=frame, notes=desk.notes(), **_place(frame, what, spec, found))


def _tried(desk: Desk, spec: Any) -> Drawn | str:
    """A widget, or why it cannot be shown."""
    try:
        return drawn(desk, spec)
    except (BusinessError, Forbidden) as refused:
        return refused.message


def _place(frame: Any, what: Shown, spec: Any, found: Drawn | str | None) -> dict[str, Any]:
    """A widget in its place; `found` None while it is still to be asked for."""
    at: Any = {"dashboard_id": what.key, "widget_id": str(spec.id)}
    return {
        "spec": spec, "title": title_of(spec), "drawn": found if isinstance(found, Drawn) else None,
        "refused": found if isinstance(found, str) else "", "loading": found is None,
        "url": frame.url("kpi.dashboard_widget", widget_id=str(spec.id)),
        "edit_url": url_for("kpi.dashboard_widget_edit", **at) if what.changeable else None,
        "arrange_url": url_for("kpi.dashboard_arrange", dashboard_id=what.key) if what.changeable else None,
        "remove_url": url_for("kpi.dashboard_widget_remove", **at) if what.changeable else None,
    }  # fmt: skip


def _content(desk: Desk, what: Shown) -> Content:
    """All of it, for paper."""
    found = [each for each in (_tried(desk, spec) for spec in what.specs) if isinstance(each, Drawn)]
    return Content(cards=[d.card for d in found if d.card], blocks=[d.block for d in found if d.block], heading=what.name)


def _others(what: Shown) -> list[dict[str, Any]]:
    """The dashboards to go on to."""
    known = [(str(d.id), d.name) for d in queries.visible()] + [(s.key, str(s.name)) for s in starts()]
    return [{"name": name, "url": url_for("kpi.dashboard", dashboard_id=key), "current": key == what.key} for key, name in known]


def _actions(what: Shown) -> dict[str, Any]:
    at: Any = {"dashboard_id": what.key}
    return {
        "add_url": url_for("kpi.dashboard_widget_new", **at) if what.changeable else None,
        "edit_url": url_for("kpi.dashboard_edit", **at) if what.changeable else None,
        "remove_url": url_for("kpi.dashboard_remove", **at) if what.changeable else None,
        "copy_url": url_for("kpi.dashboard_copy", **at) if can(EDIT) else None,
        "arrange_url": url_for("kpi.dashboard_arrange", **at) if what.changeable else None,
    }


def changeable(dashboard_id: str) -> Shown:
    """A stored dashboard that the person may change. Aborts with 404; raises `Forbidden`."""
    what = shown(dashboard_id)
    if what.stored is None:
        abort(404)
    if not what.changeable:
        raise Forbidden(_("Only who made a dashboard changes it. Make a copy of your own."))
    return what


def go_to(key: str, said: str = "") -> Response:
    """To a dashboard, with a word on what was done."""
    if said:
        toast(said)
    return redirect_to(url_for("kpi.dashboard", dashboard_id=key))
