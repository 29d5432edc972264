"""The page of the settings: one form."""

from __future__ import annotations

from typing import Any

from flask import Response, url_for

from app.core.access import require
from app.core.fields import Boolean, Integer
from app.core.forms import Form
from app.core.i18n import _, _l
from app.core.surfaces.decide import decide
from app.core.web import render
from app.modules.crm.blueprint import blueprint
from app.modules.crm.settings.queries import decisions

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
    return decide(FIELDS, decisions.stored, decisions.change, _page)


def _page(form: Form, version: int, status: int = 200, conflict: Any = None) -> Response:
    sections = [{"label": label, "fields": list(names)} for label, names in GROUPS]
    return render("crm/settings/page.html", "core/_form.html", status=status, form=form, title=_("CRM settings"),
                  sections=sections, version=version, conflict=conflict, action=url_for("crm.settings_page"),
                  cancel_url=url_for("crm.settings_page"))
