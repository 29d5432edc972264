"""The form of an own metric with its live check, and the grid in which values are told."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Response, request, url_for

from app.core.access import can, require
from app.core.errors import BusinessError, Conflict, NotFound
from app.core.forms import form_of
from app.core.hx import is_htmx
from app.core.i18n import _, _n
from app.core.ids import whole
from app.core.surfaces.form import differences, needed_version
from app.core.surfaces.record import fetch
from app.core.web import redirect_to, render, toast
from app.core.writes import check_version
from app.modules.kpi.blueprint import blueprint
from app.modules.kpi.own import entry
from app.modules.kpi.own.checking import checked, choices
from app.modules.kpi.own.made import own_id
from app.modules.kpi.own.models import OwnMetric
from app.modules.kpi.own.resources import own_metric, value

FIELDS = tuple(f for f in own_metric.fields if f.editable)
LONGEST = 600


@require("kpi.metric.create")
def new() -> Response:
    """Ask for a new metric, or make it; the button “check” only tells what the formula would give."""
    form = form_of(FIELDS, request.form or None, {f.name: f.default() for f in FIELDS if f.default})
    if request.method == "GET":
        return _form(form, str(own_metric.label_new))
    if not request.form.get("check") and form.validate():
        try:
            row = own_metric.add(form.values())
        except BusinessError as error:
            form.refuse(error.field, error.message)
        else:
            toast(_("“%(name)s” was created.", name=row.name))
            return _saved(row)
    return _form(form, str(own_metric.label_new), status=422)


@require("kpi.metric.edit")
def edit(row_id: int) -> Response:
    """Ask for the changes to a metric, or save them; a late save shows both values."""
    row = fetch(own_metric, row_id, for_update=request.method == "POST")
    form = form_of(FIELDS, request.form or None, own_metric.values_of(row))
    title = _("Change “%(name)s”", name=row.name)
    if request.method == "GET":
        return _form(form, title, row)
    version = needed_version()
    if request.form.get("check") or not form.validate():
        return _form(form, title, row, status=422, version=version)
    try:
        check_version(row, version)
        own_metric.change(row, form.values())
    except Conflict:
        return _form(form, title, row, status=409, conflict=differences(row, form))
    except BusinessError as error:
        form.refuse(error.field, error.message)
        return _form(form, title, row, status=422, version=version)
    toast(_("Saved."))
    return _saved(row)


@require("kpi.metric.view")
def record(row_id: int) -> Response:
    """A metric is shown where all of them are."""
    return redirect_to(_page(fetch(own_metric, row_id)))


def _page(row: OwnMetric) -> str:
    return url_for("kpi.metric_page", metric_key=own_id(row))


def _saved(row: OwnMetric) -> Response:
    if is_htmx() and request.args.get("stay"):
        return render("core/_stayed.html", events="own_metrics:changed")
    return redirect_to(_page(row))


def _form(form: Any, title: str, row: OwnMetric | None = None, *, status: int = 200, conflict: list | None = None,
          version: int | None = None) -> Response:  # fmt: skip
    stay = request.args.get("stay") and 1
    where: dict[str, Any] = {"row_id": row.id} if row else {}
    return render(
        "kpi/own/form.html", "kpi/own/_form.html", status=status,
        form=form, title=title, conflict=conflict, version=version or (row.version if row else None), choices=choices(row),
        check=checked(form.formula.data or "", form.unit.data or "count", own_id(row) if row else "") if form.formula.data else None,
        check_url=url_for("kpi.metric_check", metric=row.id if row else None),
        action=url_for("kpi.metric_edit" if row else "kpi.metric_new", **where, stay=stay),
        cancel_url=_page(row) if row else url_for("kpi.registry"), submit_label=_("Save") if row else _("Create"),
    )  # fmt: skip


@blueprint.get("/own_metrics/check", endpoint="metric_check")
@require("kpi.metric.view")
def check() -> Response:
    """What a formula would give: `formula`, `unit`, and `metric` where it is that of a metric there is."""
    number = whole(request.args.get("metric"))
    row = fetch(own_metric, number) if number else None
    text = request.args.get("formula", "")[:LONGEST]
    told = checked(text, request.args.get("unit", "count"), own_id(row) if row else "") if text.strip() else None
    return render("kpi/own/check.html", "kpi/own/_check.html", check=told)


@blueprint.route("/values/grid", methods=["GET", "POST"], endpoint="value_grid")
@require("kpi.value.create")
def value_grid() -> Response:
    """The values of a metric for a period, person by person: `metric` and a `day` of the period."""
    told = entry.told_metrics()
    number, at = whole(request.args.get("metric")), entry.read_day(request.args.get("day", ""))
    row = next((each for each in told if each.id == number), None)
    if number and row is None:
        raise NotFound(_("There is no metric of which values are told."))
    row = row or next(iter(told), None)
    if row is None:
        return _grid_page(told, None, at)
    found = entry.grid(row, at)
    if request.method == "GET":
        return _grid_page(told, found, at)
    saved = entry.save(found, request.form)
    if saved < 0:
        return _grid_page(told, found, at, 422)
    toast(_n("%(num)d value saved.", "%(num)d values saved.", saved) if saved else _("Nothing was changed."))
    return redirect_to(_grid_url(row, found.on_day))


def _grid_url(row: OwnMetric, at: date | None) -> str:
    return url_for("kpi.value_grid", metric=row.id, day=at.isoformat() if at else None)


def _grid_page(told: list[OwnMetric], found: entry.Grid | None, at: date, status: int = 200) -> Response:
    row = found.metric if found else None
    return render(
        "kpi/own/grid.html", "kpi/own/_grid.html", status=status, grid=found, metrics=told, day=at.isoformat(),
        page_url=_page(row) if row else "", action=_grid_url(row, found.on_day) if row and found else "",
        previous_url=_grid_url(row, found.previous) if row and found else "",
        next_url=_grid_url(row, found.following) if row and found and found.following else "",
        list_url=url_for("kpi.value_list", metric_id=row.id) if row and can(value.permission("view")) else "",
        import_url=url_for("kpi.value_import") if can(value.permission("import")) else "",
        new_url=url_for("kpi.metric_new") if can(own_metric.permission("create")) else "",
    )  # fmt: skip
