"""The record types of the administration: members, teams, roles, rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.core.access import valid_on
from app.core.address_fields import Email
from app.core.clock import today
from app.core.fields import Apart, Boolean, Date, DecimalField, FieldError, Reading, Text
from app.core.i18n import _, _l
from app.core.lookups import Lookup
from app.core.models import Holiday, Membership, Rate, Role, Team
from app.core.money import currencies
from app.core.resource import Resource
from app.modules.admin import queries, services

# Everybody may see who is who; changing it is the administrator's.
SEEN_BY_ALL = {"manager": ("view", "export"), "rep": ("view",)}


@dataclass(frozen=True)
class PresentTeam(Apart, Lookup):
    """The team a member belongs to today: a dated row beside the membership, not a column of it."""

    def of(self, row: Any) -> int | None:
        return queries.team_of(row.id)


@dataclass(frozen=True)
class FileOnly(Apart, Text):
    """A name in a file that says where a member stands; kept as teams and managers, not as text."""

    def __init__(self, name: str, label: Any, hint: Any) -> None:
        super().__init__(name, label, editable=False, hint=hint)

    def of(self, row: Any) -> str | None:
        return queries.place_of(row.id)[self.name]


@dataclass(frozen=True)
class CreateMissing(Apart, Boolean):
    """In a file: whether teams and managers that do not exist yet are to be made."""


@dataclass(frozen=True)
class Currency(Text):
    """An ISO 4217 code."""

    def read(self, text: str, reading: Reading) -> str:
        code = text.upper()
        if code not in currencies():
            raise FieldError(_("There is no currency “%(code)s”.", code=text))
        return code


MEMBER = Resource(
    name="member",
    model=Membership,
    label=_l("Member"),
    label_plural=_l("Members"),
    open_names=True,
    removable=False,
    label_new=_l("New member"),
    icon="users",
    fields=(
        Text("name", _l("Name"), required=True),
        Email("email", _l("Mail address"), hint=_l("For messages of this company; a log-in keeps its own.")),
        Lookup(
            "role_id", _l("Role"), target="admin.role", required=True, default=lambda: queries.role_id("rep")
        ),
        PresentTeam("team_id", _l("Team"), target="admin.team", importable=False),
        Date("valid_from", _l("Member from"), required=True, default=today),
        Date("valid_to", _l("Last day")),
        Text(
            "external_id",
            _l("External number"),
            hint=_l("Such as the number in payroll; finds the member in files."),
        ),
        FileOnly("team", _l("Team (name)"), _l("In files. Without a name the team bears its manager's.")),
        FileOnly("team_parent", _l("Team above (name)"), _l("In files.")),
        FileOnly("manager", _l("Manager (name)"), _l("In files: who manages the team.")),
        CreateMissing(
            "create_missing",
            _l("Create missing teams and managers"),
            editable=False,
            exportable=False,
            hint=_l("In files: yes makes the teams and managers that are not there yet."),
        ),
    ),
    columns=("name", "email", "role_id", "valid_from", "valid_to"),
    head=("role_id", "team_id"),
    groups=(
        (_l("Person"), ("name", "email", "external_id")),
        (_l("Place in the company"), ("role_id", "team_id", "valid_from", "valid_to")),
    ),
    filters=("role_id", "valid_from", "valid_to"),
    match_keys=("external_id", "email", "name"),
    create=services.create_member,
    update=services.update_member,
    bulk=services.add_members,
    offered=(lambda: valid_on(Membership, today()),),
    grants=SEEN_BY_ALL,
)

TEAM = Resource(
    name="team",
    model=Team,
    label=_l("Team"),
    label_plural=_l("Teams"),
    open_names=True,
    label_new=_l("New team"),
    icon="sitemap",
    fields=(
        Text("name", _l("Name"), required=True),
        Lookup("parent_id", _l("Part of"), target="admin.team"),
        Lookup("manager_id", _l("Manager"), target="admin.member"),
    ),
    filters=("parent_id", "manager_id"),
    match_keys=("name",),
    create=services.create_team,
    update=services.update_team,
    grants=SEEN_BY_ALL,
)

ROLE = Resource(
    name="role",
    model=Role,
    label=_l("Role"),
    label_plural=_l("Roles"),
    open_names=True,
    label_new=_l("New role"),
    icon="shield",
    fields=(Text("name", _l("Name"), required=True, longest=80),),
    create=services.create_role,
    update=services.update_role,
    grants={},
)

RATE = Resource(
    name="rate",
    model=Rate,
    label=_l("Exchange rate"),
    label_plural=_l("Exchange rates"),
    label_new=_l("New exchange rate"),
    icon="currency-euro",
    title="currency",
    fields=(
        Currency(
            "currency",
            _l("Currency"),
            required=True,
            example="USD",
            hint=_l("Its three letters, such as USD."),
        ),
        Date("valid_from", _l("From"), required=True, default=today),
        DecimalField(
            "rate", _l("Rate"), required=True, hint=_l("What one unit is worth in the company's currency.")
        ),
    ),
    sort="-valid_from",
    filters=("valid_from",),
    create=services.create_rate,
    update=services.update_rate,
    grants={"manager": ("view",)},
)

HOLIDAY = Resource(
    name="holiday",
    model=Holiday,
    label=_l("Holiday"),
    label_plural=_l("Holidays"),
    label_new=_l("New holiday"),
    icon="calendar-off",
    fields=(Date("day", _l("Day"), required=True), Text("name", _l("Name"), required=True, longest=80)),
    sort="-day",
    filters=("day",),
    match_keys=("day",),
    searchable=False,
    create=services.create_holiday,
    update=services.update_holiday,
    grants={"manager": ("view",)},
)

ALL = (MEMBER, TEAM, ROLE, RATE, HOLIDAY)
