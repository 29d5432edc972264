"""Pages of mail: writing one on a record, reading one, those of a record, and sending one again."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, request, url_for
from werkzeug.datastructures import MultiDict

from app.core.access import can, require
from app.core.errors import BusinessError
from app.core.formats import moment
from app.core.forms import Form
from app.core.i18n import _, language
from app.core.ids import whole
from app.core.registry import registry
from app.core.surfaces.record import fetch, tab_of
from app.core.web import redirect_to, render, toast
from app.modules.crm.blueprint import blueprint
from app.modules.crm.mail import forms, queries, services
from app.modules.crm.mail.forms import Draft
from app.modules.crm.mail.models import FAILED, Mail
from app.modules.crm.mail.queries import PLACES, Place, Recipient
from app.modules.crm.mail.words import state_tag, why_sentence

SHOWN = 160  # characters of a mail in a list


def _on_every_place(rule: str, **options: Any) -> Any:
    """Mount a view below deals, leads, people and accounts."""

    def mount(view: Any) -> Any:
        for kind in PLACES:
            plural = {"contact": "people"}.get(kind, f"{kind}s")
            blueprint.add_url_rule(f"/{plural}/<int:{kind}_id>{rule}", view_func=view, **options)
        return view

    return mount


@_on_every_place("/mails/new", methods=["GET", "POST"], endpoint="mail_write")
@require("crm.mail.send")
def mail_write(**row: int) -> Response:
    """Write a mail on a record: with a template, whose words are seen and changed before they are sent."""
    place = _place(row)
    people, templates = queries.recipients(place), queries.templates_for(place.kind)
    if request.method == "GET":
        first = queries.likely(place, people)
        form = forms.mail_form(people, templates, None, {"to": first.key if first else ""})
        return _write_page(place, form, Draft.new())
    draft = Draft.of(request.form)
    form = forms.mail_form(people, templates, request.form)
    to = forms.chosen(people, request.form.get("to"), request.form.get("address"))
    template = forms.template_of(templates, request.form.get("template"))
    values = queries.known(place, to, template.language if template else language())
    if (asked := request.form.get("do", "send")) in ("fill", "replace"):
        draft = draft.begun_with(template, values, anyway=asked == "replace")
        return _write_page(place, _with_words(people, templates, draft), draft)
    filled = draft.completed(values)
    if (filled.subject, filled.body) != (draft.subject, draft.body):
        form = _with_words(people, templates, filled)
        form.form_errors.append(_("Fields have been filled in. Read it once more, and send it."))
        return _write_page(place, form, filled, status=422)
    return _sent(place, form, draft, to)


def _sent(place: Place, form: Form, draft: Draft, to: Recipient | None) -> Response:
    valid = form.validate()
    if to is None and not form["address"].errors:
        forms.refuse_nobody(form)
    if not valid or to is None:
        return _write_page(place, form, draft, status=422)
    values = form.values()
    try:
        mail = services.write(place, to, cc=values["cc"] or "", subject=values["subject"], body=values["body"], once=draft.once)
    except BusinessError as error:
        form.refuse(error.field, error.message)
        return _write_page(place, form, draft, status=422)
    toast(_("E-mail to %(name)s is on its way.", name=mail.to_name or mail.to_address))
    return redirect_to(_record_url(place))


def _with_words(people: Any, templates: Any, draft: Draft) -> Form:
    """The form as it was posted, with other words in it."""
    posted = MultiDict(request.form)
    posted["subject"], posted["body"] = draft.subject, draft.body
    return forms.mail_form(people, templates, posted)


def _write_page(place: Place, form: Form, draft: Draft, status: int = 200) -> Response:
    return render(
        "crm/mail/write.html",
        "crm/mail/_write.html",
        status=status,
        form=form,
        draft=draft,
        title=_("E-mail: %(name)s", name=place.title),
        place_title=place.title,
        reply_to=queries.my_address(),
        has_people=bool(form["to"].typed.choices),
        has_templates=bool(form["template"].typed.choices),
        templates_url=url_for("crm.email_template_list") if can("crm.email_template.create") else None,
        action=url_for("crm.mail_write", **{f"{place.kind}_id": place.row.id}),
        cancel_url=_record_url(place),
    )


@_on_every_place("/mails", methods=["GET"], endpoint="mail_list")
@require("crm.mail.view")
def mail_list(**row: int) -> Response:
    """The mails of a record, as a tab of its page."""
    place = _place(row)
    mails = queries.mails_on(place.kind, place.row.id)
    resource = registry.resource(PLACES[place.kind])
    write_url = url_for("crm.mail_write", **{f"{place.kind}_id": place.row.id}) if can("crm.mail.send") else None
    return tab_of(resource, place.row, "crm/mail/_mails.html", mails=_listed(mails), write_url=write_url)


def _listed(mails: list[Mail]) -> list[dict[str, Any]]:
    names = queries.senders(mails)
    url = url_for("crm.mail_record", mail_id="_")[:-1]
    return [
        {"url": f"{url}{mail.id}", "subject": mail.subject, "to": mail.to_name or mail.to_address, "who": names.get(mail.sender_id, ""),
         "when": moment(mail.sent_at or mail.created_at), "tag": state_tag(mail), "says": " ".join(mail.body.split())[:SHOWN]}
        for mail in mails
    ]  # fmt: skip


@blueprint.get("/mails/<string:mail_id>")
@require("crm.mail.view")
def mail_record(mail_id: str) -> Response:
    """A mail, whole, for whoever sees the record it is on."""
    mail = _mail(mail_id)
    home = queries.home_of(mail)
    links = _links(mail)
    return render(
        "crm/mail/mail.html",
        "crm/mail/_mail.html",
        mail=mail,
        who=queries.senders([mail]).get(mail.sender_id, ""),
        when=moment(mail.sent_at or mail.created_at),
        state=state_tag(mail),
        why=why_sentence(mail),
        links=links,
        back=next((link for link in links if home and link["kind"] == home[0]), None),
        again_url=url_for("crm.mail_again", mail_id=str(mail.id)) if mail.state == FAILED and can("crm.mail.send") else None,
    )


@blueprint.post("/mails/<string:mail_id>/again")
@require("crm.mail.send")
def mail_again(mail_id: str) -> Response:
    """Queue a mail again that could not be sent."""
    mail = _mail(mail_id, for_update=True)
    services.send_again(mail)
    toast(_("E-mail to %(name)s is on its way.", name=mail.to_name or mail.to_address))
    return redirect_to(url_for("crm.mail_record", mail_id=str(mail.id)))


def _mail(mail_id: str, for_update: bool = False) -> Mail:
    number = whole(mail_id)
    return (queries.mail_of(number, for_update) if number is not None else None) or abort(404)


def _place(row: dict[str, int]) -> Place:
    """The record that the address names. 403 or 404 when it is not the person's to see."""
    ((argument, row_id),) = row.items()
    kind = argument.removesuffix("_id")
    resource = registry.resource(PLACES[kind])
    if not can(resource.permission("view")):
        abort(403)
    return Place.of(kind, fetch(resource, row_id))


def _record_url(place: Place) -> str:
    return url_for(registry.resource(PLACES[place.kind]).endpoint("record"), row_id=place.row.id)


def _links(mail: Mail) -> list[dict[str, Any]]:
    """The records a mail is linked to, those that the reader sees as links."""
    found = []
    for kind, key in PLACES.items():
        resource, row_id = registry.resource(key), getattr(mail, f"{kind}_id")
        if row_id is None or not can(resource.permission("view")):
            continue
        title = queries.title_of(resource, row_id)
        if title is not None:
            url = url_for(resource.endpoint("record"), row_id=row_id)
            found.append({"kind": kind, "label": resource.label, "title": title or _("(no name)"), "url": url})
    return found
