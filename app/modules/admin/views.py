"""Pages of the administration inside a company: way in, applications, settings, roles, a member's log-in."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, g, request, url_for
from flask_login import current_user

from app.core import lifecycle
from app.core.access import can, enter_company, is_current, require, signed_in
from app.core.clock import today
from app.core.errors import Refusal
from app.core.i18n import _
from app.core.models import Membership, Role
from app.core.resource import VERBS
from app.core.shell import shell
from app.core.surfaces.form import given_version
from app.core.surfaces.record import describe, fetch
from app.core.web import redirect_to, render, toast
from app.core.writes import check_version
from app.modules.admin import apps, queries, services
from app.modules.admin.forms import RoleForm, SettingsForm
from app.modules.admin.resources import MEMBER, ROLE

blueprint = Blueprint("admin", __name__)


@blueprint.get("/")
@signed_in
def home() -> Any:
    """The way into a company: its first page that the person may open."""
    if not enter_company(g.get("company_slug", ""), current_user.id):
        abort(404)
    frame = shell()
    pages = [*frame["menu"], *frame["menu_end"]]
    return redirect_to(pages[0]["url"] if pages else url_for("site.account"))


# Applications


@blueprint.get("/apps")
@require("admin.apps.view")
def apps_page() -> Any:
    asking = apps.known(request.args.get("ask"))
    chosen = apps.known(request.args.get("app")) or asking
    return render(
        "admin/apps.html",
        "admin/_apps.html",
        apps=apps.cards(chosen),
        map=apps.drawing(chosen),
        selected=apps.adds(chosen) if chosen else None,
        asking=asking if can("admin.apps.edit") else None,
    )


@blueprint.post("/apps/<name>")
@require("admin.apps.edit")
def apps_switch(name: str) -> Any:
    """Switch an application; refused where another one that is on needs it. The whole page follows: its menu changed."""
    if request.form.get("enabled") == "true":
        names = apps.switch_on(name)
        toast(_("Now on: %(names)s.", names=", ".join(names) or apps.label(name)))
    else:
        lifecycle.disable(name)
        toast(_("%(name)s is off. Its data is kept.", name=apps.label(name)))
    return redirect_to(url_for("admin.apps_page", app=name))


# Settings

SETTINGS = ("name", "language", "timezone", "currency", "fiscal_year_start")


@blueprint.get("/settings")
@require("admin.settings.view")
def settings() -> Any:
    stored = {name: getattr(g.company, name) for name in (*SETTINGS, "version")}
    return _settings_page(SettingsForm(data=stored, currency_fixed=queries.stores_money()))


@blueprint.post("/settings")
@require("admin.settings.edit")
def settings_save() -> Any:
    fixed = queries.stores_money()
    form = SettingsForm(request.form, currency_fixed=fixed)
    if fixed:
        form.currency.data = g.company.currency  # a disabled control is not posted
    if not form.validate():
        return _settings_page(form, status=422)
    try:
        services.change_settings({name: form.data[name] for name in SETTINGS}, given_version())
    except Refusal as error:
        form.refuse(error.field, error.message)
        return _settings_page(form, status=error.status)
    toast(_("Saved."))
    return redirect_to(url_for("admin.settings"))


def _settings_page(form: SettingsForm, status: int = 200) -> Any:
    return render("admin/settings.html", form=form, action=url_for("admin.settings"), status=status)


# Roles


@require("admin.role.create")
def role_new() -> Any:
    """Ask for a new role, or make it."""
    return _save_role(None) if request.method == "POST" else _role_page(None, RoleForm(), set(), {})


@require("admin.role.view")
def role_record(row_id: int) -> Any:
    """What a role may do."""
    role = fetch(ROLE, row_id)
    return _role_page(role, RoleForm(data={"name": role.name}), set(role.permissions), role.scopes)


@require("admin.role.edit")
def role_edit(row_id: int) -> Any:
    """The same, and saving it."""
    if request.method == "GET":
        return role_record(row_id)
    return _save_role(fetch(ROLE, row_id, for_update=True))


def _save_role(role: Role | None) -> Any:
    form, permissions = RoleForm(request.form), set(request.form.getlist("permissions"))
    scopes = {r.key: request.form.get(f"scope.{r.key}", "") for r in queries.scoped_resources()}
    if not form.validate():
        return _role_page(role, form, permissions, scopes, status=422)
    try:
        if role:
            check_version(role, given_version())
        services.save_role(role, form.name.data, permissions, scopes)
    except Refusal as error:
        form.refuse(error.field, error.message)
        return _role_page(role, form, permissions, scopes, status=error.status)
    toast(_("Saved."))
    return redirect_to(url_for("admin.role_list"))


def _role_page(
    role: Role | None, form: RoleForm, permissions: set[str], scopes: Any, status: int = 200
) -> Any:
    action = url_for("admin.role_edit", row_id=role.id) if role else url_for("admin.role_new")
    return render(
        "admin/role.html",
        form=form,
        role=role,
        whole=role is not None and role.key == "admin",
        editable=can(ROLE.permission("edit" if role else "create")),
        version=role.version if role else None,
        verbs=list(VERBS.values()),
        groups=queries.permission_groups(),
        chosen=permissions,
        scopes=[(r, scopes.get(r.key) or "own") for r in queries.scoped_resources()],
        action=action,
        cancel_url=url_for("admin.role_list"),
        status=status,
    )


# Members


def member_page(member: Membership) -> dict[str, Any]:
    """What the template of a member's page needs, with what an administrator may do about their log-in."""
    record = describe(MEMBER, member)
    log_in = queries.log_ins([member.id]).get(member.id)
    record["subtitle"] = _("Logs in as %(email)s", email=log_in) if log_in else _("Without log-in")
    current = is_current(member, today())
    record["tags"] = [] if current else [{"label": _("Not a member now"), "kind": "quiet"}]
    if can(MEMBER.permission("edit")) and current:
        record["actions"] = _member_actions(member.id, log_in)
    return {"record": record}


def _member_actions(row_id: int, log_in: str | None) -> list[dict[str, Any]]:
    label = _("Send the invitation again") if log_in else _("Invite to log in")
    actions = [
        {
            "label": label,
            "url": url_for("admin.member_invite", row_id=row_id),
            "icon": "mail",
            "method": "post",
        }
    ]
    if log_in:
        url = url_for("admin.member_end", row_id=row_id)
        actions.append({"label": _("End access now"), "url": url, "icon": "user-off", "method": "post"})
    return actions


@blueprint.post("/members/<int:row_id>/invite")
@require("admin.member.edit")
def member_invite(row_id: int) -> Any:
    """Give a member a log-in, or send the invitation once more."""
    return _about_member(row_id, services.invite, _("The invitation is on its way."))


@blueprint.post("/members/<int:row_id>/end")
@require("admin.member.edit")
def member_end(row_id: int) -> Any:
    return _about_member(
        row_id, services.end_membership, _("The access has ended. What they own stays theirs.")
    )


def _about_member(row_id: int, act: Any, done: str) -> Any:
    act(fetch(MEMBER, row_id, for_update=True))
    toast(done)
    return redirect_to(url_for("admin.member_record", row_id=row_id))
