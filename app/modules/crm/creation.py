"""A new deal, with the account and the person it is about when these are new as well: one form, one request."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for

from app.core.access import require
from app.core.errors import BusinessError
from app.core.forms import HALF, Form, form_of
from app.core.i18n import _
from app.core.registry import registry
from app.core.surfaces.form import prefilled
from app.core.web import redirect_to, render, toast
from app.modules.crm.newcomers import NEW_ACCOUNT, NEW_CONTACT, can_create, create_with_newcomers

BESIDE = {"account_id": NEW_ACCOUNT, "contact_id": NEW_CONTACT}


@require("crm.deal.create")
def deal_new() -> Response:
    """Ask for a new deal, or create it and what it is about."""
    resource = registry.resource("crm.deal")
    news = {name: typed for name, typed in BESIDE.items() if can_create(typed)}
    own = [f for f in resource.fields if f.editable and f.creatable]
    fields = [*own, *news.values()]
    defaults = {f.name: f.default() for f in own if f.default}
    if request.method == "GET":
        return _page(form_of(fields, None, {**defaults, **prefilled(own)}), news)
    form = form_of(fields, request.form, defaults)
    if form.validate():
        try:
            deal = create_with_newcomers(form.values())
        except BusinessError as error:
            form.refuse(error.field, error.message)
        else:
            toast(_("“%(name)s” was created.", name=deal.name))
            return redirect_to(url_for("crm.deal_record", row_id=deal.id))
    return _page(form, news, status=422)


def _page(form: Form, news: dict[str, Any], status: int = 200) -> Response:
    resource = registry.resource("crm.deal")
    for name, typed in news.items():
        form[name].span = form[typed.name].span = HALF
    sections = []
    for label, names in resource.groups:
        shown = [n for name in names if name in form for n in (name, *((news[name].name,) if name in news else ()))]
        sections.append({"label": label, "fields": [form[name] for name in shown]})
    return render("core/form.html", "core/_form.html", status=status, resource=resource, form=form,
                  title=str(resource.label_new), sections=[s for s in sections if s["fields"]], conflict=None, found=None,
                  version=None, action=url_for("crm.deal_new"), cancel_url=url_for("crm.deal_list"), submit_label=_("Create"))
