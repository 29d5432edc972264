"""Logging, completing, cancelling and moving activities, and the activities of a record as a tab of its page."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import Response, abort, request, url_for

from app.core import lookups
from app.core.access import require
from app.core.clock import today
from app.core.errors import BusinessError, Conflict
from app.core.fields import FieldError, by_person
from app.core.forms import Form
from app.core.hx import is_htmx
from app.core.i18n import _
from app.core.ids import whole
from app.core.registry import registry
from app.core.surfaces.form import given_version, needed_version
from app.core.surfaces.record import fetch, tab_of
from app.core.web import redirect_to, render, toast
from app.modules.crm.activities import forms, lines, links, services, times
from app.modules.crm.activities.models import Activity, ActivityType
from app.modules.crm.activities.resources import ICONS
from app.modules.crm.activities.resources import activity as resource
from app.modules.crm.blueprint import blueprint

CHANGED = {"activities:changed": {"target": "body"}}  # what asked may be gone: its dialog closes
LONGEST_STEP = 366  # days
# Where people come from and go back to without scripts: the link that says most comes first.
PAGES = {"deal_id": "crm.deal", "lead_id": "crm.lead", "contact_id": "contacts.contact", "account_id": "contacts.account"}


@blueprint.route("/activities/log", methods=["GET", "POST"])
@require("crm.activity.create")
def activity_log() -> Response:
    """What was done, told in one go: kind, outcome, note, when, and what comes next."""
    kinds = forms.types()
    if request.method == "GET":
        chosen = _chosen(kinds)
        given = {name: found for name in links.LINKS if (found := _link(name))}
        values = {**given, **forms.next_filled(chosen, kinds), "type_id": chosen.id if chosen else None}
        return _log_page(forms.log_form(None, values), kinds)
    form = forms.log_form(request.form)
    if not form.validate():
        return _log_page(form, kinds, 422)
    try:
        done = services.log({name: form.values()[name] for name in forms.LOGGED})
        _plan_next(form, done)
    except BusinessError as error:
        form.refuse(error.field, error.message)
        return _log_page(form, kinds, 422)
    return _answer(done, _("Logged: %(subject)s", subject=done.subject))


@blueprint.route("/activities/<int:activity_id>/complete", methods=["GET", "POST"])
@require("crm.activity.edit")
def activity_complete(activity_id: int) -> Response:
    """What came of a planned activity, and what comes next."""
    activity = fetch(resource, activity_id, for_update=request.method == "POST")
    kinds = forms.types()
    if request.method == "GET":
        kind = next((t for t in kinds if t.id == activity.type_id), None)
        return _complete_page(activity, forms.complete_form(None, forms.next_filled(kind, kinds)), kinds)
    form = forms.complete_form(request.form)
    if not form.validate():
        return _complete_page(activity, form, kinds, 422)
    try:
        values = {name: form.values()[name] for name in forms.DONE}
        done = services.complete(activity, version=needed_version(), **{**values, "outcome_note": values["outcome_note"] or ""})
        _plan_next(form, done)
    except BusinessError as error:
        form.refuse(error.field, error.message)
        return _complete_page(activity, form, kinds, 422)
    except Conflict as error:
        return _complete_page(fetch(resource, activity_id), form, kinds, 409, error.message)
    undo = url_for("crm.activity_reopen", activity_id=done.id, version=done.version)
    return _answer(done, _("Done: %(subject)s", subject=done.subject), undo)


@blueprint.route("/activities/<int:activity_id>/cancel", methods=["GET", "POST"])
@require("crm.activity.edit")
def activity_cancel(activity_id: int) -> Response:
    """Why a planned activity does not take place."""
    activity = fetch(resource, activity_id, for_update=request.method == "POST")
    if request.method == "GET":
        return _cancel_page(activity, forms.cancel_form())
    form = forms.cancel_form(request.form)
    if not form.validate():
        return _cancel_page(activity, form, 422)
    given = form.values()
    try:
        services.cancel(activity, version=needed_version(), outcome_id=given["outcome_id"], outcome_note=given["outcome_note"] or "")
    except BusinessError as error:
        form.refuse(error.field, error.message)
        return _cancel_page(activity, form, 422)
    except Conflict as error:
        return _cancel_page(fetch(resource, activity_id), form, 409, error.message)
    undo = url_for("crm.activity_reopen", activity_id=activity.id, version=activity.version)
    return _answer(activity, _("Cancelled: %(subject)s", subject=activity.subject), undo)


@blueprint.post("/activities/<int:activity_id>/reschedule")
@require("crm.activity.edit")
def activity_reschedule(activity_id: int) -> Response:
    """Another day for a planned activity: so many `days` later (one is the next working day), or `due_on`.

    They are counted from the day it was due, or from today if that is over.
    """
    activity = fetch(resource, activity_id, for_update=True)
    day = _new_day(activity)
    activity = services.reschedule(activity, version=needed_version(), due_on=day)
    shown = resource.field("due_on").show(day)
    return _answer(activity, _("%(subject)s: now due on %(day)s", subject=activity.subject, day=shown))


@blueprint.post("/activities/<int:activity_id>/reopen")
@require("crm.activity.edit")
def activity_reopen(activity_id: int) -> Response:
    """An activity that was done or cancelled is to be done again."""
    activity = services.reopen(fetch(resource, activity_id, for_update=True), version=needed_version())
    return _answer(activity, _("Open again: %(subject)s", subject=activity.subject))


@blueprint.post("/activities/<int:activity_id>/end-series")
@require("crm.activity.edit")
def activity_end_series(activity_id: int) -> Response:
    """Nothing follows an activity that repeats."""
    activity = services.end_series(fetch(resource, activity_id, for_update=True), version=needed_version())
    return _answer(activity, _("This is the last one of its series."))


@blueprint.get("/accounts/<int:account_id>/activities")
@require("crm.activity.view")
def account_activities(account_id: int) -> Response:
    """The activities of an account, whatever else they are linked to."""
    return _tab("contacts.account", "account_id", account_id)


@blueprint.get("/contacts/<int:contact_id>/activities")
@require("crm.activity.view")
def contact_activities(contact_id: int) -> Response:
    """The activities with a person."""
    return _tab("contacts.contact", "contact_id", contact_id)


@blueprint.get("/deals/<int:deal_id>/activities")
@require("crm.activity.view")
def deal_activities(deal_id: int) -> Response:
    """The activities of a deal, with its last and its next contact."""
    return _tab("crm.deal", "deal_id", deal_id)


@blueprint.get("/leads/<int:lead_id>/activities")
@require("crm.activity.view")
def lead_activities(lead_id: int) -> Response:
    """The activities of a lead."""
    return _tab("crm.lead", "lead_id", lead_id)


# Pages and answers


def _tab(key: str, link: str, row_id: int) -> Response:
    owner = registry.resource(key)
    return tab_of(owner, fetch(owner, row_id), "crm/activities/_tab.html", **lines.of_record(link, row_id))


def _log_page(form: Form, kinds: list[ActivityType], status: int = 200) -> Response:
    linked = [(resource.field(name).label, form[name]) for name in ("deal_id", "lead_id", "contact_id", "account_id")]
    given = [(label, control.typed.show(whole(control.data))) for label, control in linked if whole(control.data)]
    return render(
        "crm/activities/log.html",
        "crm/activities/_log.html",
        status=status,
        form=form,
        kinds=[{"id": t.id, "name": t.name, "kind": t.kind, "icon": ICONS[t.kind], "next": forms.next_filled(t, kinds)} for t in kinds],
        outcomes=forms.outcomes(cancelled=False),
        given=given,
        asked=bool(request.values.get("ask")) or not given,
        links=links.LINKS,
        action=url_for("crm.activity_log"),
        cancel_url=_back({name: whole(form[name].data) for name in links.LINKS}),
    )


def _complete_page(activity: Activity, form: Form, kinds: list[ActivityType], status: int = 200, late: str = "") -> Response:
    return render(
        "crm/activities/complete.html",
        "crm/activities/_complete.html",
        status=status,
        form=form,
        activity=activity,
        outcomes=forms.outcomes(cancelled=False, kind=activity.kind),
        late=late,
        version=activity.version if late else given_version() or activity.version,
        action=url_for("crm.activity_complete", activity_id=activity.id),
        cancel_url=_back({name: getattr(activity, name) for name in links.LINKS}),
    )


def _cancel_page(activity: Activity, form: Form, status: int = 200, late: str = "") -> Response:
    return render(
        "crm/activities/cancel.html",
        "crm/activities/_cancel.html",
        status=status,
        form=form,
        activity=activity,
        outcomes=forms.outcomes(cancelled=True, kind=activity.kind),
        late=late,
        version=activity.version if late else given_version() or activity.version,
        action=url_for("crm.activity_cancel", activity_id=activity.id),
        cancel_url=_back({name: getattr(activity, name) for name in links.LINKS}),
    )


def _answer(activity: Activity, text: str, undo_url: str | None = None) -> Response:
    """Said in a toast; pages that show activities look again. Its own page, and who has no scripts, get a page."""
    toast(text, undo_url=undo_url)
    own = url_for("crm.activity_record", row_id=activity.id)
    if request.args.get("back") or request.headers.get("HX-Current-URL", "").endswith(own):
        return redirect_to(own)
    if not is_htmx():
        return redirect_to(_back({name: getattr(activity, name) for name in links.LINKS}))
    return render("crm/activities/_said.html", events=CHANGED)


def _plan_next(form: Form, done: Activity) -> None:
    """Plan what the form says comes next; what is wrong with it stands beside its fields."""
    values = forms.next_values(form, done)
    if values is None:
        return
    try:
        services.plan(values)
    except BusinessError as error:
        fields = {name: field for field, name in forms.NEXT.items()}
        raise BusinessError(error.message, field=fields.get(error.field or "", error.field)) from None


# What an address says


def _chosen(kinds: list[ActivityType]) -> ActivityType | None:
    """The type that the address names, by itself or by its kind; else the first one."""
    type_id, kind = whole(request.args.get("type_id")), request.args.get("kind")
    found = (t for t in kinds if t.id == type_id or (type_id is None and t.kind == kind))
    return next(found, kinds[0] if kinds else None)


def _link(name: str) -> int | None:
    """A record that the address names, if the reader may see it; 404 if not."""
    text = request.args.get(name, "")
    if not text:
        return None
    typed = resource.field(name)
    assert isinstance(typed, lookups.Lookup)  # all links are
    found = lookups.find(typed.target, text)
    return abort(404) if found is None else found


def _new_day(activity: Activity) -> date:
    """The day that was posted. Raises `BusinessError`."""
    days = whole(request.form.get("days"))
    if days is not None:
        if not 0 < days <= LONGEST_STEP:
            abort(400)
        begin = max(activity.due_on or today(), today())
        return times.after_working_days(begin, 1) if days == 1 else begin + timedelta(days=days)
    try:
        return resource.field("due_on").parse(request.form.get("due_on") or None, by_person()) or _no_day()
    except FieldError as error:
        raise BusinessError(str(error), field="due_on") from None


def _no_day() -> date:
    raise BusinessError(_("When is it due?"), field="due_on")


def _back(given: dict[str, Any]) -> str:
    """The page of the record that an activity is about; the list of activities when it is about none."""
    for name, key in PAGES.items():
        if given.get(name):
            return url_for(registry.resource(key).endpoint("record"), row_id=given[name])
    return url_for("crm.activity_list")
