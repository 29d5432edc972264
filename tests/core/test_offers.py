"""What a newer version brings is offered to the roles of companies that are there already, and only what is new."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app.core import companies, lifecycle
from app.core.db import db
from app.core.models import CompanyModule, Role


def role(key: str) -> Role:
    return db.session.scalars(select(Role).where(Role.key == key)).one()


def offer(one: Any) -> None:
    """What `db upgrade` does after the migrations."""
    with one.app.app_context():
        companies.offer_news()


@pytest.fixture
def older(one: Any) -> None:
    """As if leads and the settings of the CRM had come with a newer version than the company was made with."""
    with one:
        for key in ("manager", "rep"):
            found = role(key)
            found.permissions = [p for p in found.permissions if not p.startswith(("crm.lead.", "crm.report."))]
            found.scopes = {name: scope for name, scope in found.scopes.items() if name != "crm.lead"}
        row = db.session.scalars(select(CompanyModule).where(CompanyModule.module == "crm")).one()
        row.offered = ["crm.figures.company", "crm.figures.team"]


def test_roles_get_what_is_new(older: None, one: Any) -> None:
    offer(one)
    with one:
        rep = role("rep")
        assert {"crm.lead.view", "crm.lead.create", "crm.lead.edit", "crm.report.view"} <= set(rep.permissions)
        assert "crm.lead.delete" not in rep.permissions
        assert rep.scopes["crm.lead"] == "own"
        assert role("manager").scopes["crm.lead"] == "team"


def test_what_an_admin_took_away_stays_away(older: None, one: Any) -> None:
    with one:
        manager = role("manager")
        manager.permissions = [p for p in manager.permissions if p not in ("crm.deal.delete", "crm.figures.team")]
    offer(one)
    with one:
        assert not {"crm.deal.delete", "crm.figures.team"} & set(role("manager").permissions)


def test_a_second_time_nothing_is_offered_again(one: Any) -> None:
    with one:
        rep = role("rep")
        rep.permissions = [p for p in rep.permissions if p != "crm.report.view"]
        version = rep.version
    offer(one)
    with one:
        assert "crm.report.view" not in role("rep").permissions
        assert role("rep").version == version + 1  # the change above alone


def test_a_module_that_was_off_meanwhile_offers_when_it_is_switched_on(older: None, one: Any) -> None:
    with one:
        for name in (*lifecycle.registry.dependents("crm"), "crm"):
            lifecycle.disable(name)
    offer(one)
    with one:
        assert "crm.lead.view" not in role("rep").permissions
        lifecycle.enable("crm")
        assert "crm.lead.view" in role("rep").permissions
