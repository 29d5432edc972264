"""Many rows at once: ticked in the list, or all that it shows. First what a change would do, then doing it.

The dialog's forms carry everything from step to step, so that it works without JavaScript and survives a reload. Names of
its own inputs have a hyphen: no field of a resource has one.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import g, request, url_for
from werkzeug.datastructures import MultiDict

from app.core import mass, merging, trash
from app.core.access import can, visible_members
from app.core.errors import BusinessError
from app.core.exporting import LABELS, SEEN, Wish
from app.core.fields import Field, FieldError, by_person
from app.core.formats import number
from app.core.forms import Form, form_of
from app.core.i18n import _, _n
from app.core.ids import whole
from app.core.resource import Resource
from app.core.surfaces import export as files
from app.core.surfaces.record import may_merge
from app.core.surfaces.trash import references
from app.core.tables import Listing
from app.core.web import redirect_to, render, toast

LONGEST_QUERY = 20_000
OWNER = "owner_id"


def change(resource: Resource) -> Any:
    """Choose a field and a value, see what it would do, do it: one step a request."""
    rows, typed, step = chosen_rows(resource), _field(resource), request.form.get("mass-go", "")
    if typed is None or step not in ("preview", "apply", "on"):
        return _ask(resource, rows, typed, form_of([typed]) if typed else None)
    form = form_of([typed], request.form)
    try:
        value = _value(typed, form)
    except FieldError as error:
        form.refuse(typed.name, str(error))
        return _ask(resource, rows, typed, form, status=422)
    if step == "preview":
        return _preview(resource, rows, typed, form, value)
    return _apply(resource, rows, typed, form, value)


def remove(resource: Resource) -> Any:
    """Ask whether rows are to be thrown away, or do it."""
    rows = chosen_rows(resource)
    if request.form.get("mass-go") != "remove":
        return render("core/mass.html", "core/_mass_remove.html", **_frame(resource, rows, _title_remove(len(rows))),
                      step="core/_mass_remove.html", references=references(resource, list(rows)))
    trash.lock_rows(resource.model, sorted(rows))
    present = mass.seen(resource, rows)
    going = [row_id for row_id, version in present.items() if version == rows[row_id]]
    if going:
        group = resource.remove(going)
        text = _n("%(count)s row was thrown away.", "%(count)s rows were thrown away.", len(going), count=number(len(going)))
        toast(text, undo_url=url_for(resource.endpoint("trash"), group=group))
    if late := len(present) - len(going):
        toast(_n("%(count)s row was changed by somebody else meanwhile; it was left alone.",
                 "%(count)s rows were changed by somebody else meanwhile; they were left alone.", late, count=number(late)), "bad")
    return redirect_to(list_url(resource))


def undo(resource: Resource) -> Any:
    """Take a mass change back, as long as nobody has touched the rows."""
    requests = request.args.getlist("request")[: mass.REQUESTS]
    done, left = mass.undo(resource, requests)
    toast(_n("%(count)s row is as it was before.", "%(count)s rows are as they were before.", done, count=number(done)))
    if left:
        toast(_n("%(count)s row was changed again since, or may not go back; it was left alone.",
                 "%(count)s rows were changed again since, or may not go back; they were left alone.", left, count=number(left)), "bad")
    return redirect_to(url_for(resource.endpoint("list")))


def export(resource: Resource) -> Any:
    """The chosen rows as a file, in the order and with the columns of the list."""
    criteria = [] if request.form.get("mass-all") else [resource.model.id.in_(list(chosen_rows(resource)))]
    listing = Listing(resource, _query(), criteria=criteria)
    return files.answer(listing, Wish(extent=SEEN, headings=LABELS))


# What was chosen


def chosen_rows(resource: Resource) -> mass.Rows:
    """The rows that the form carries: from an earlier step, all of the list, or those ticked. Raises `BusinessError`."""
    if "mass-rows" in request.form:
        rows = mass.from_text(request.form["mass-rows"])
    elif request.form.get("mass-all"):
        rows = mass.of_list(_listing(resource))
    else:
        rows = mass.seen(resource, (n for text in request.form.getlist("mass-row") if (n := whole(text)) is not None))
    if not rows:
        raise BusinessError(_("Tick some rows first."))
    return rows


def list_url(resource: Resource) -> str:
    """The list as the person left it."""
    query = urlencode(list(_query().items(multi=True)))
    return url_for(resource.endpoint("list")) + (f"?{query}" if query else "")


def _query() -> MultiDict:
    """The arguments of the list's address."""
    return MultiDict(parse_qsl(request.form.get("mass-query", "")[:LONGEST_QUERY]))


def _listing(resource: Resource) -> Listing:
    return Listing(resource, _query())


def _field(resource: Resource) -> Field | None:
    name = request.form.get("mass-field") or (OWNER if request.form.get("mass-assign") else "")
    return next((f for f in mass.fields_of(resource) if f.name == name), None)


def _value(typed: Field, form: Form) -> Any:
    """The value to set. Raises `FieldError`: nothing typed is not the same as "set to empty"."""
    if request.form.get("mass-empty") and typed.kind != "boolean":
        return typed.parse("", by_person())
    if not form.validate():
        raise FieldError(" ".join(form[typed.name].errors))
    value = form.values()[typed.name]
    if value is None:
        raise FieldError(_("Give a value, or tick “Set to empty”."))
    return value


# Steps


def _frame(resource: Resource, rows: mass.Rows, title: str) -> dict[str, Any]:
    return {
        "resource": resource,
        "title": title,
        "rows": mass.as_text(rows),
        "count": len(rows),
        "query": request.form.get("mass-query", ""),
        "list_url": list_url(resource),
        "action": url_for(resource.endpoint("mass")),
        "remove_url": url_for(resource.endpoint("mass_remove")),
    }


def _title(rows: int) -> str:
    return _n("Change %(count)s row", "Change %(count)s rows", rows, count=number(rows))


def _title_remove(rows: int) -> str:
    return _n("Throw %(count)s row away?", "Throw %(count)s rows away?", rows, count=number(rows))


def _ask(resource: Resource, rows: mass.Rows, typed: Field | None, form: Form | None, status: int = 200) -> Any:
    assigning = typed is not None and typed.name == OWNER and request.form.get("mass-assign")
    number_of = number(len(rows))
    title = _n("Assign %(count)s row", "Assign %(count)s rows", len(rows), count=number_of) if assigning else _title(len(rows))
    return render(
        "core/mass.html",
        "core/_mass_ask.html",
        status=status,
        step="core/_mass_ask.html",
        fields=[(f.name, f.label) for f in mass.fields_of(resource)],
        field=form[typed.name] if form and typed else None,
        typed=typed,
        assigning=assigning,
        may_be_empty=typed is not None and not typed.required and typed.kind != "boolean",
        empty=bool(request.form.get("mass-empty")),
        **_frame(resource, rows, title),
    )


def _preview(resource: Resource, rows: mass.Rows, typed: Field, form: Form, value: Any) -> Any:
    found = mass.preview(resource, typed, value, rows)
    return render(
        "core/mass.html",
        "core/_mass_preview.html",
        step="core/_mass_preview.html",
        tally=found.tally,
        samples=found.samples,
        untried=found.untried,
        carried=_carried(typed, form),
        typed=typed,
        **_frame(resource, rows, _title(len(rows))),
    )


def _carried(typed: Field, form: Form) -> dict[str, str]:
    """Hidden inputs that say the same again."""
    carried = {"mass-field": typed.name}
    if request.form.get("mass-empty"):
        return {**carried, "mass-empty": "1"}
    return {**carried, typed.name: str(form[typed.name].data or "")}


def _apply(resource: Resource, rows: mass.Rows, typed: Field, form: Form, value: Any) -> Any:
    """Change the next rows; then go on, or say what was done."""
    tally = mass.Tally.read(request.form.get("mass-tally", ""))
    total = whole(request.form.get("mass-total")) or len(rows)
    rest = mass.apply(resource, typed, value, rows, tally)
    tally.requests.append(g.request_id)
    if rest:
        frame = _frame(resource, rest, _title(total))
        return render("core/mass.html", "core/_mass_progress.html", step="core/_mass_progress.html", tally=tally.text(),
                      total=total, done=total - len(rest), carried=_carried(typed, form), **frame)
    said = _n("%(count)s row changed.", "%(count)s rows changed.", tally.changed, count=number(tally.changed))
    if tally.changed:
        toast(said, undo_url=_undo_url(resource, typed, value, tally))
    elif tally.smooth:
        toast(_("Nothing to change: all rows have this value already."))
    if tally.smooth:
        return redirect_to(list_url(resource))
    return render("core/mass.html", "core/_mass_done.html", step="core/_mass_done.html", tally=tally,
                  **_frame(resource, rows, said))


def _undo_url(resource: Resource, typed: Field, value: Any, tally: mass.Tally) -> str | None:
    seen = visible_members(resource.key)
    if typed.name == OWNER and seen is not None and value not in seen:
        return None  # given out of sight: they are the new owner's to give back
    known = mass.can_undo(resource, typed, tally)
    return url_for(resource.endpoint("mass_undo"), request=tally.requests) if known else None


def actions(resource: Resource) -> dict[str, Any]:
    """What the bar below a list with ticked rows offers the person."""
    may_edit = can(resource.permission("edit")) and bool(mass.fields_of(resource))
    owner = any(f.name == OWNER for f in mass.fields_of(resource))
    return {
        "change": url_for(resource.endpoint("mass")) if may_edit else None,
        "assign": may_edit and owner and resource.owned,
        "export": url_for(resource.endpoint("mass_export")) if can(resource.permission("export")) else None,
        "merge": url_for(resource.endpoint("merge")) if may_merge(resource) else None,
        "merge_most": merging.MOST,
        "remove": url_for(resource.endpoint("mass_remove"))
        if resource.removable and can(resource.permission("delete")) else None,
    }
