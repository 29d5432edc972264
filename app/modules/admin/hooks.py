"""What the administration plugs in."""

from __future__ import annotations

from app.core.hooks import Column, Hooks, Item
from app.core.i18n import _l
from app.core.resource import Page
from app.modules.admin import (
    figure_views,
    log_views,
    notice_views,
    queries,
    resources,
    search_views,
    site_views,
    views,
)

resources.MEMBER.page = Page(context=views.member_page)
resources.ROLE.surfaces = {"new": views.role_new, "record": views.role_record, "edit": views.role_edit}

PAGES = (views, search_views, log_views, notice_views, figure_views)  # their views are on one blueprint

hooks = Hooks(
    blueprint=PAGES[0].blueprint,
    site_blueprint=site_views.blueprint,
    resources=resources.ALL,
    permissions={
        "admin.apps.view": _l("See the applications"),
        "admin.apps.edit": _l("Switch applications on and off"),
        "admin.settings.view": _l("See the company's settings"),
        "admin.settings.edit": _l("Change the company's settings"),
        "admin.changes.view": _l("See the change log"),
        "admin.jobs.view": _l("See the jobs"),
        "admin.jobs.edit": _l("Try jobs again and discard them"),
    },
    items=(
        Item(
            slot="nav.end",
            label=_l("Apps"),
            endpoint="admin.apps_page",
            permission="admin.apps.view",
            icon="apps",
            order=10,
            alone=True,
        ),
        Item(
            slot="nav.end",
            label=_l("Members"),
            endpoint="admin.member_list",
            permission="admin.member.view",
            icon="users",
            order=20,
        ),
        Item(
            slot="nav.end",
            label=_l("Teams"),
            endpoint="admin.team_list",
            permission="admin.team.view",
            icon="sitemap",
            order=30,
        ),
        Item(
            slot="nav.end",
            label=_l("Roles"),
            endpoint="admin.role_list",
            permission="admin.role.view",
            icon="shield",
            order=40,
        ),
        Item(
            slot="nav.end",
            label=_l("Exchange rates"),
            endpoint="admin.rate_list",
            permission="admin.rate.view",
            icon="currency-euro",
            order=50,
        ),
        Item(
            slot="nav.end",
            label=_l("Holidays"),
            endpoint="admin.holiday_list",
            permission="admin.holiday.view",
            icon="calendar-off",
            order=55,
        ),
        Item(
            slot="nav.end",
            label=_l("Settings"),
            endpoint="admin.settings",
            permission="admin.settings.view",
            icon="adjustments",
            order=60,
        ),
        Item(
            slot="nav.end",
            label=_l("Change log"),
            endpoint="admin.changes_page",
            permission="admin.changes.view",
            icon="history",
            order=90,
        ),
        Item(
            slot="nav.end",
            label=_l("Jobs"),
            endpoint="admin.jobs_page",
            permission="admin.jobs.view",
            icon="checklist",
            order=91,
        ),
    ),
    columns=(
        Column(
            resource="admin.role",
            name="members",
            label=_l("Members"),
            permission="admin.member.view",
            values=queries.members_of_roles,
            numeric=True,
        ),
        Column(
            resource="admin.team",
            name="members",
            label=_l("Members"),
            permission="admin.member.view",
            values=queries.members_of_teams,
            numeric=True,
        ),
        Column(
            resource="admin.member",
            name="team",
            label=_l("Team"),
            permission="admin.member.view",
            values=queries.team_names,
        ),
        Column(
            resource="admin.member",
            name="log_in",
            label=_l("Logs in as"),
            permission="admin.member.edit",
            values=queries.log_ins,
        ),
    ),
)
