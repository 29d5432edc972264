"""The page of a lead, and what is done with it: taking it up, disqualifying, bringing back, converting."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for

from app.core.access import can, require
from app.core.errors import BusinessError, Conflict
from app.core.forms import Form
from app.core.i18n import _
from app.core.registry import registry
from app.core.surfaces.form import given_version, needed_version
from app.core.surfaces.record import describe, fetch
from app.core.web import redirect_to, render, settle, toast
from app.modules.crm.blueprint import blueprint
from app.modules.crm.leads import converting, forms, matching, services
from app.modules.crm.leads.models import CONVERTED, DISQUALIFIED, NEW, Lead
from app.modules.crm.leads.resources import KINDS


def page_of(lead: Lead) -> dict[str, Any]:
    """What the template of the page needs, with the state and what can be done next."""
    resource = registry.resource("crm.lead")
    record = describe(resource, lead)
    record["tags"] = [{"label": resource.field("state").show(lead.state), "kind": KINDS[lead.state]}]
    outcome = {"converted_on", "account_id", "contact_id", "deal_id"}, {"reason_id", "reason_note"}
    hidden = set().union(*(names for names, state in zip(outcome, (CONVERTED, DISQUALIFIED), strict=True) if lead.state != state))
    for group in record["groups"]:
        group["facts"] = [fact for fact in group["facts"] if fact["name"] not in hidden]
    record["groups"] = [group for group in record["groups"] if group["facts"]]
    record["actions"] = [*_actions(lead), *record["actions"]]
    return {"record": record}


def _actions(lead: Lead) -> list[dict[str, Any]]:
    if not can("crm.lead.edit") or lead.state == CONVERTED:
        return []
    where: dict[str, Any] = {"lead_id": lead.id}
    if lead.state == DISQUALIFIED:
        url = url_for("crm.lead_back", **where, version=lead.version)
        return [{"label": _("Bring back"), "url": url, "icon": "arrow-back-up", "method": "post", "primary": True}]
    found: list[dict[str, Any]] = [
        {"label": _("Convert…"), "url": url_for("crm.lead_convert", **where), "icon": "arrows-exchange", "drawer": True,
         "primary": True},
        {"label": _("Disqualify…"), "url": url_for("crm.lead_disqualify", **where), "icon": "circle-minus", "dialog": True},
    ]  # fmt: skip
    if lead.state == NEW:
        url = url_for("crm.lead_start", **where, version=lead.version)
        found.append({"label": _("Take up"), "url": url, "icon": "player-play", "method": "post"})
    return found


@blueprint.post("/leads/<int:lead_id>/start")
@require("crm.lead.edit")
def lead_start(lead_id: int) -> Response:
    """Somebody works on a new lead from now on."""
    lead = fetch(registry.resource("crm.lead"), lead_id)
    services.start_work(lead, needed_version())
    toast(_("In progress: %(name)s", name=lead.name))
    return redirect_to(url_for("crm.lead_record", row_id=lead_id))


@blueprint.post("/leads/<int:lead_id>/back")
@require("crm.lead.edit")
def lead_back(lead_id: int) -> Response:
    """Take a disqualified lead up again."""
    lead = fetch(registry.resource("crm.lead"), lead_id)
    services.bring_back(lead, needed_version())
    toast(_("Brought back: %(name)s", name=lead.name))
    return redirect_to(url_for("crm.lead_record", row_id=lead_id))


@blueprint.route("/leads/<int:lead_id>/disqualify", methods=["GET", "POST"])
@require("crm.lead.edit")
def lead_disqualify(lead_id: int) -> Response:
    """Say why a lead will not buy, in a dialog."""
    lead = fetch(registry.resource("crm.lead"), lead_id)
    form = forms.reason_form(request.form or None)
    if request.method == "GET":
        return _reason_dialog(lead, form)
    version = needed_version()
    if not form.validate():
        return _reason_dialog(lead, form, 422)
    values = form.values()
    try:
        services.disqualify(lead, values["reason_id"], values["reason_note"] or "", version)
    except (BusinessError, Conflict) as error:
        form.refuse(error.field, error.message)
        return _reason_dialog(lead, form, error.status)
    toast(_("Disqualified: %(name)s", name=lead.name))
    return redirect_to(url_for("crm.lead_record", row_id=lead_id))


def _reason_dialog(lead: Lead, form: Form, status: int = 200) -> Response:
    lead = _after(status, lead)
    return render("crm/leads/disqualify.html", "crm/leads/_disqualify.html", status=status, lead=_brief(lead), form=form,
                  version=lead.version if status in (200, 409) else given_version(),
                  action=url_for("crm.lead_disqualify", lead_id=lead.id),
                  cancel_url=url_for("crm.lead_record", row_id=lead.id))  # fmt: skip


# Converting


@blueprint.route("/leads/<int:lead_id>/convert", methods=["GET", "POST"])
@require("crm.lead.edit")
def lead_convert(lead_id: int) -> Response:
    """What a lead becomes: an account, a person and a deal, new ones or such as are there."""
    lead = fetch(registry.resource("crm.lead"), lead_id)
    form = forms.conversion_form(lead, request.form or None)
    if request.method == "GET":
        return _conversion(lead, form)
    version = needed_version()
    if not forms.is_right(form, request.form):
        return _conversion(lead, form, 422)
    try:
        done = converting.convert(lead, version=version, **forms.choices_of(form, request.form))
    except (BusinessError, Conflict) as error:
        form.refuse(error.field, error.message)
        return _conversion(lead, form, error.status)
    toast(_("“%(name)s” was converted.", name=lead.name))
    return redirect_to(_where_to(lead, done))


def _where_to(lead: Lead, done: converting.Converted) -> str:
    """The most telling of what a lead has become, as far as the person may see its kind."""
    for part, row_id in (("deal", done.deal_id), ("account", done.account_id), ("contact", done.contact_id)):
        resource = registry.resource(forms.PARTS[part])
        if row_id and can(resource.permission("view")):
            return url_for(resource.endpoint("record"), row_id=row_id)
    return url_for("crm.lead_record", row_id=lead.id)


def _conversion(lead: Lead, form: Form, status: int = 200) -> Response:
    lead = _after(status, lead)
    accounts, contacts = matching.accounts_like(lead), matching.contacts_like(lead)
    # With something beside a name it is the same; otherwise the person decides.
    proposed = {
        "account": str(accounts[0].id) if accounts else forms.NEW if lead.organisation else forms.NONE,
        "contact": str(contacts[0].id) if contacts else forms.NEW,
        "deal": forms.NEW,
    }
    proposed = {part: forms.NONE if how == forms.NEW and not forms.may_make(part) else how for part, how in proposed.items()}
    chosen = {part: request.form.get(part, how) for part, how in proposed.items()}
    return render("crm/leads/convert.html", "crm/leads/_convert.html", status=status, lead=_brief(lead), form=form,
                  suggested={"account": accounts, "contact": contacts, "deal": []}, chosen=chosen,
                  may_make={part: forms.may_make(part) for part in forms.PARTS}, became=_became(lead),
                  version=lead.version if status in (200, 409) else given_version(),
                  action=url_for("crm.lead_convert", lead_id=lead.id),
                  cancel_url=url_for("crm.lead_record", row_id=lead.id))  # fmt: skip


def _became(lead: Lead) -> list[dict[str, str]]:
    """What a lead has become already, for who comes too late."""
    if lead.state != CONVERTED:
        return []
    found = []
    for part, key in forms.PARTS.items():
        resource, row_id = registry.resource(key), getattr(lead, f"{part}_id")
        if row_id and can(resource.permission("view")):
            name = registry.resource("crm.lead").field(f"{part}_id").show(row_id)
            found.append({"label": f"{resource.label}: {name}", "url": url_for(resource.endpoint("record"), row_id=row_id)})
    return found


def _after(status: int, lead: Lead) -> Lead:
    """The lead to show: after a refusal what is stored, as what was refused must not be read."""
    if status < 400:
        return lead
    settle(status)
    return fetch(registry.resource("crm.lead"), lead.id)


def _brief(lead: Lead) -> dict[str, Any]:
    return {"id": lead.id, "name": lead.name, "organisation": lead.organisation or "", "state": lead.state}
