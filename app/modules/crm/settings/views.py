"""The page of the settings: one form."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from flask import Response, request, url_for

from app.core.access import require
from app.core.errors import Conflict
from app.core.fields import Boolean, Integer
from app.core.forms import Form, form_of
from app.core.i18n import _, _l
from app.core.surfaces.form import differences, needed_version
from app.core.web import redirect_to, render, settle, toast
from app.modules.crm.blueprint import blueprint
from app.modules.crm.settings.services import change_settings, stored

FIELDS = (
    Boolean("uses_leads", _l("Work with leads"), hint=_l("Off: what comes in is an account and a deal at once.")),
    Integer("active_days", _l("An account is active for so many days after it bought"), least=1, most=3650, required=True),
    Integer("neglected_days", _l("An account is neglected after so many days without a contact"), least=1, most=3650, required=True),
    Integer("late_hours", _l("An activity counts as told late after so many hours"), least=1, most=8760, required=True),
    Integer("remind_minutes", _l("Minutes before an activity at which it is called to mind"), least=0, most=10_080, required=True),
)
GROUPS = (
    (_l("Leads"), ("uses_leads",)),
    (_l("Accounts"), ("active_days", "neglected_days")),
    (_l("Activities"), ("late_hours", "remind_minutes")),
)


@blueprint.route("/settings", methods=["GET", "POST"])
@require("crm.settings.edit")
def settings_page() -> Response:
    """What the company decides about its CRM."""
    values, version = stored()
    form = form_of(FIELDS, request.form or None, values)
    if request.method == "GET":
        return _page(form, version)
    given = needed_version()
    if not form.validate():
        return _page(form, given, status=422)
    try:
        change_settings(form.values(), given)
    except Conflict:
        settle(409)
        values, version = stored()
        theirs: Any = SimpleNamespace(**values)
        return _page(form, version, status=409, conflict=differences(None, theirs, form))  # type: ignore[arg-type]
    toast(_("Saved."))
    return redirect_to(url_for("crm.settings_page"))


def _page(form: Form, version: int, status: int = 200, conflict: Any = None) -> Response:
    sections = [{"label": label, "fields": list(names)} for label, names in GROUPS]
    return render("crm/settings/page.html", "core/_form.html", status=status, form=form, title=_("CRM settings"),
                  sections=sections, version=version, conflict=conflict, action=url_for("crm.settings_page"),
                  cancel_url=url_for("crm.settings_page"))
