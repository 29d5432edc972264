"""Bringing in a file in the browser: check it, show what would come of it, then import exactly those rows."""

from __future__ import annotations

from typing import Any

import wtforms
from flask import Response, abort, g, request, url_for

from app.core.errors import BusinessError
from app.core.fields import Reading, by_person, neutral
from app.core.i18n import _, _n
from app.core.importing import engine
from app.core.importing.files import FileTable, read_table
from app.core.importing.mapping import SKIP, UPDATE, Column, plan_by_heading, with_options
from app.core.importing.report import Report
from app.core.resource import Resource
from app.core.surfaces.export import template
from app.core.web import redirect_to, render, toast

MOST_ROWS = 20_000  # a request has to end; larger files go by the command line
AUTO = "auto"


class Form(wtforms.Form):
    """What is asked about a file."""

    file = wtforms.FileField()
    match_key = wtforms.SelectField(validate_choice=True)
    on_match = wtforms.SelectField()
    accept_near = wtforms.BooleanField()


def import_page(resource: Resource) -> Any:
    """Ask for a file, check and stage it, or import what was staged."""
    if request.args.get("template"):
        return _template(resource)
    if request.form.get("batch"):
        return _publish(resource)
    form = _form(resource)
    if request.method == "GET":
        return _page(resource, form)
    try:
        ticket, report = _check(resource, form)
    except BusinessError as error:
        field = next((f for f in form if f.name == error.field), form.file)
        field.errors = [error.message]
        return _page(resource, form, status=422)
    return _page(resource, form, report, ticket, status=422 if report.errors else 200)


def _check(resource: Resource, form: Form) -> tuple[str, Report]:
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        raise BusinessError(_("Choose a file first."), field="file")
    if not form.validate():
        raise BusinessError(_("One of the choices is not one of those offered."), field="match_key")
    table = read_table(upload.read())
    if len(table.rows) > MOST_ROWS:
        raise BusinessError(
            _("At most %(most)s rows can be imported here; this file has %(given)s.", most=MOST_ROWS, given=len(table.rows)),
            field="file",
        )
    key = form.match_key.data
    plan = plan_by_heading(resource, table.headings, None if key == AUTO else key)
    plan = with_options(plan, accept_near=form.accept_near.data, on_match=form.on_match.data)
    return engine.check(plan, table, upload.filename, _reading(table))


def _reading(table: FileTable) -> Any:
    """Dates as the person writes them or neutral. Numbers by language where the spreadsheet's list separator says so."""
    person = by_person()
    numbers = person if table.delimiter == ";" and person.language == "es" else neutral()

    def reading(column: Column) -> Reading:
        return numbers if column.field.numeric else person

    return reading


def _publish(resource: Resource) -> Any:
    batch = engine.batch_of(resource, request.form["batch"]) or abort(404)
    report = engine.publish(engine.plan_of(resource, batch), batch.id, Report.read(batch.report))
    if report.errors:
        return _page(resource, _form(resource), report, status=422)
    done = _n("%(num)d row was created.", "%(num)d rows were created.", report.created)
    if report.updated:
        done += " " + _n("%(num)d row was changed.", "%(num)d rows were changed.", report.updated)
    toast(done)
    return redirect_to(url_for(resource.endpoint("list")))


def _form(resource: Resource) -> Form:
    form = Form(request.form if request.method == "POST" else None)
    keys = [(name, str(resource.field(name).label)) for name in resource.match_keys]
    form.match_key.choices = [(AUTO, _("Whichever of these the file has")), *keys, ("id", "id"), ("", _("Not at all: all rows are new"))]
    form.on_match.choices = [(UPDATE, _("Change them")), (SKIP, _("Leave them as they are"))]
    labels = {
        "file": _("CSV file"),
        "match_key": _("Find rows that exist by"),
        "on_match": _("Rows that exist"),
        "accept_near": _("Take names that almost match"),
    }
    for name, label in labels.items():
        form[name].label.text = label
    form.file.render_kw = {"accept": ".csv,text/csv,text/plain"}
    return form


def _page(
    resource: Resource, form: Form, report: Report | None = None, ticket: str = "", *, status: int = 200
) -> Any:
    action = url_for(resource.endpoint("import"))
    return render(
        "core/import.html",
        "core/_import.html",
        status=status,
        resource=resource,
        form=form,
        report=report,
        ticket=ticket if report and not report.errors else "",
        labels={f.name: f.label for f in resource.fields},
        columns=[f for f in resource.fields if f.importable],
        action=action,
        template_url=url_for(resource.endpoint("import"), template=1),
        cancel_url=url_for(resource.endpoint("list")),
    )


def _template(resource: Resource) -> Response:
    response = Response(template(resource), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{g.company.slug}-{resource.plural}.csv"'
    return response
