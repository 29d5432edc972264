"""Making dashboards, changing them, and arranging their widgets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, request, url_for

from app.core.access import require
from app.core.errors import BusinessError, Conflict
from app.core.forms import Form
from app.core.hx import is_htmx
from app.core.i18n import _
from app.core.ids import whole
from app.core.surfaces.form import needed_version
from app.core.web import redirect_to, render, settle, toast
from app.modules.kpi.blueprint import blueprint
from app.modules.kpi.dashboards import forms, services
from app.modules.kpi.dashboards.asked import USUAL, Shown, shown
from app.modules.kpi.dashboards.starting import Spec, specs_of, starts
from app.modules.kpi.dashboards.views import EDIT, changeable, go_to
from app.modules.kpi.models import MEMBER

STEPS = {"earlier": -1, "later": 1}
SIZES = {"narrower": -1, "wider": 1}


@blueprint.route("/dashboards/new", methods=["GET", "POST"])
@require(EDIT)
def dashboard_new() -> Response:
    """Ask for a new dashboard, or make it."""
    begin = {"audience": MEMBER, "period": USUAL, "compare": "previous", "begin": starts()[-1].key}
    form = forms.dashboard_form(request.form or None, begin, new=True)
    action = url_for("kpi.dashboard_new")
    if request.method == "GET" or not form.validate():
        return _form(form, _("New dashboard"), action, status=200 if request.method == "GET" else 422)
    values = _stored(form)
    start = next((each for each in starts() if each.key == values["begin"]), None)
    del values["begin"]
    try:
        made = services.create_dashboard(values, specs_of(start) if start else ())
    except BusinessError as error:
        form.refuse(error.field, error.message)
        return _form(form, _("New dashboard"), action, status=422)
    return go_to(str(made.id), _("“%(name)s” was created.", name=made.name))


@blueprint.post("/dashboards/<string:dashboard_id>/copy")
@require(EDIT)
def dashboard_copy(dashboard_id: str) -> Response:
    """A copy of one's own, to arrange as one likes."""
    what = shown(dashboard_id)
    stored = what.stored
    values = {"name": _("%(name)s (mine)", name=what.name)[:80], "audience": MEMBER, "period": stored.period if stored else USUAL,
              "compare": stored.compare if stored else "previous"}  # fmt: skip
    specs = [Spec(w.metric, w.shape, w.split, w.width, w.args) for w in what.specs]
    made = services.create_dashboard(values, specs)
    return go_to(str(made.id), _("This one is yours: add widgets and arrange them."))


@blueprint.route("/dashboards/<string:dashboard_id>/edit", methods=["GET", "POST"])
@require(EDIT)
def dashboard_edit(dashboard_id: str) -> Response:
    """Ask for its name, period and whom it is for, or save them."""
    what = changeable(dashboard_id)
    row = _row(what)
    values = {name: getattr(row, name) for name in ("name", "audience", "period", "compare")}
    form = forms.dashboard_form(request.form or None, {**values, "team_id": str(row.team_id or "")}, new=False)
    action = url_for("kpi.dashboard_edit", dashboard_id=what.key)
    return _saved(form, _("Change “%(name)s”", name=row.name), action, what, lambda version: services.change_dashboard(row, _stored(form), version))


@blueprint.post("/dashboards/<string:dashboard_id>/remove")
@require(EDIT)
def dashboard_remove(dashboard_id: str) -> Response:
    """Take a dashboard away."""
    row = _row(changeable(dashboard_id))
    services.remove_dashboard(row)
    toast(_("Deleted: %(name)s", name=row.name))
    return redirect_to(url_for("kpi.dashboard_list"))


@blueprint.route("/dashboards/<string:dashboard_id>/widgets/new", methods=["GET", "POST"])
@require(EDIT)
def dashboard_widget_new(dashboard_id: str) -> Response:
    """Ask for a new widget, or add it."""
    what = changeable(dashboard_id)
    form = forms.widget_form(request.form or None, forms.NEW)
    action = url_for("kpi.dashboard_widget_new", dashboard_id=what.key)
    return _saved(form, _("New widget"), action, what, lambda version: services.add_widget(_row(what), forms.widget_values(form), version))


@blueprint.route("/dashboards/<string:dashboard_id>/widgets/<string:widget_id>/edit", methods=["GET", "POST"])
@require(EDIT)
def dashboard_widget_edit(dashboard_id: str, widget_id: str) -> Response:
    """Ask for what a widget shows, or save it."""
    what = changeable(dashboard_id)
    widget = what.spec(widget_id)
    form = forms.widget_form(request.form or None, forms.values_of(widget))
    action = url_for("kpi.dashboard_widget_edit", dashboard_id=what.key, widget_id=str(widget.id))
    return _saved(form, _("Change the widget"), action, what, lambda version: services.change_widget(_row(what), widget, forms.widget_values(form), version))


def _saved(form: Form, title: str, action: str, what: Shown, save: Callable[[int], Any]) -> Response:
    """Ask for what a form asks, or save it. Somebody else changed it: what was typed is kept, and saving again is meant."""
    if request.method == "GET":
        return _form(form, title, action, what, version=_row(what).version)
    version = needed_version()
    if not form.validate():
        return _form(form, title, action, what, 422, version)
    try:
        save(version)
    except Conflict:
        settle(409)
        return _form(form, title, action, what, 409, _row(shown(what.key)).version, conflict=True)
    except BusinessError as error:
        form.refuse(error.field, error.message)
        return _form(form, title, action, what, 422, version)
    return go_to(what.key, _("Saved."))


@blueprint.post("/dashboards/<string:dashboard_id>/widgets/<string:widget_id>/remove")
@require(EDIT)
def dashboard_widget_remove(dashboard_id: str, widget_id: str) -> Response:
    """Take a widget away."""
    what = changeable(dashboard_id)
    services.remove_widget(_row(what), what.spec(widget_id), whole(request.form.get("version")))
    return go_to(what.key, _("The widget was taken away."))


@blueprint.post("/dashboards/<string:dashboard_id>/arrange")
@require(EDIT)
def dashboard_arrange(dashboard_id: str) -> Response:
    """Put widgets in another order (`order`: their ids), or move or size one (`widget`, `do`). A late one is 409."""
    what = changeable(dashboard_id)
    row, version, do = _row(what), needed_version(), request.form.get("do", "")
    if do in STEPS:
        services.step(row, what.spec(request.form.get("widget", "")), STEPS[do], version)
    elif do in SIZES:
        services.resize(row, what.spec(request.form.get("widget", "")), SIZES[do], version)
    else:
        services.arrange(row, [each for text in request.form.get("order", "").split(",") if (each := whole(text))], version)
    if not is_htmx():
        return go_to(what.key)
    settle()
    return render("kpi/dashboards/arranged.html", events={"dashboard:arranged": {"target": "body", "version": row.version}})


def _row(what: Shown) -> Any:
    return what.stored


def _stored(form: Form) -> dict[str, Any]:
    values = form.values()
    return {**values, "team_id": whole(values.get("team_id") or "")}


def _form(form: Form, title: str, action: str, what: Shown | None = None, status: int = 200, version: int | None = None, conflict: Any = None) -> Response:
    names = [field.name for field in form if field.name not in forms.PART]
    only = [field.name for field in form if field.name in forms.PART]
    sections = [{"label": "", "fields": names}, *([{"label": _("Only a part of it"), "fields": only}] if only else [])]
    cancel = url_for("kpi.dashboard", dashboard_id=what.key) if what else url_for("kpi.dashboard_list")
    return render("core/form.html", "core/_form.html", status=status, form=form, title=title, sections=sections, version=version,
                  conflict=conflict, action=action, cancel_url=cancel, submit_label=_("Save") if what else _("Create"))
