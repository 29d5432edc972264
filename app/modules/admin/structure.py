"""Teams and managers named in a file: found by name, made when the file is allowed to."""

from __future__ import annotations

from datetime import date
from typing import Any

from app.core import writes
from app.core.clock import today
from app.core.db import fold
from app.core.errors import BusinessError
from app.core.i18n import _
from app.core.models import Membership, Team
from app.modules.admin import queries


class Structure:
    """The company's members and teams by name, read once and kept up to date while a file is brought in."""

    def __init__(self) -> None:
        self.members = queries.members_by_name()
        self.teams = queries.teams_by_name()
        self.manager_role = queries.role_id("manager")

    def team_id(self, row: dict[str, Any]) -> int | None:
        """The team that a row names by `team`, `team_parent` and `manager`; None when it names none.

        A team that is not named bears its manager's name. What is missing is made when `create_missing` says so, else
        `BusinessError` names it.
        """
        manager, parent = row.get("manager"), row.get("team_parent")
        name = row.get("team") or manager or parent
        if not name:
            return None
        if fold(name) in self.teams:
            return self.teams[fold(name)]
        may_create = bool(row.get("create_missing"))
        parent_id = self._team(parent, may_create) if parent and fold(parent) != fold(name) else None
        manager_id = self._manager(manager, may_create, row.get("valid_from")) if manager else None
        return self._team(name, may_create, parent_id, manager_id)

    def _team(
        self, name: str, may_create: bool, parent_id: int | None = None, manager_id: int | None = None
    ) -> int:
        key = fold(name)
        if key not in self.teams:
            if not may_create:
                raise BusinessError(_("There is no team “%(name)s”.", name=name), field="team")
            values = {"name": name, "parent_id": parent_id, "manager_id": manager_id}
            self.teams[key] = writes.create(Team, values).id
        return self.teams[key]

    def _manager(self, name: str, may_create: bool, since: date | None) -> int:
        key = fold(name)
        if key not in self.members:
            if not may_create:
                raise BusinessError(_("There is no member “%(name)s”.", name=name), field="manager")
            values = {"name": name, "role_id": self.manager_role, "valid_from": since or today()}
            self.members[key] = writes.create(Membership, values).id
        return self.members[key]
