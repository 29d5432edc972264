"""The CRM switched off for a company: no trace of it on any page that stays; on again, nothing is lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.core import lifecycle
from app.core.db import CompanyScoped, db
from app.core.metrics import MetricQuery, evaluate
from app.core.registry import registry
from app.modules.crm.activities import services as activities
from app.modules.crm.activities.models import ActivityType
from app.modules.crm.models import Deal
from tests.modules.crm.making import euros, make_deal, move

# Texts that only the CRM writes into this company: none of them may be left anywhere.
MARKS = ("Zylinder deal", "Zylinder lead", "Zylinder call")
TRACES = re.compile(r"/crm/|crm\.[a-z]|crm-[a-z]")


@pytest.fixture
def filled(one: Any, people: dict) -> dict[str, int]:
    """An account and a person with a deal, a lead that was converted into nothing, a call and what they leave in logs."""
    bob = people["bob"].member_id
    with one:
        account = registry.resource("contacts.account").add({"name": "Mill", "owner_id": bob})
        person = registry.resource("contacts.contact").add({"name": "Ada", "account_id": account.id, "owner_id": bob})
        links = {"account_id": account.id, "contact_id": person.id, "owner_id": bob}
        deal = make_deal(name="Zylinder deal", amount=euros(500), **links)
        call = db.session.scalar(select(ActivityType.id).where(ActivityType.kind == "call"))
        activities.log({"type_id": call, "subject": "Zylinder call", "deal_id": deal.id, **links})
        registry.resource("crm.lead").add({"name": "Zylinder lead", "owner_id": bob})
        move(deal, "won")
        return {"account": account.id, "contact": person.id, "deal": deal.id}


def off(one: Any) -> None:
    with one:
        for name in [*registry.dependents("crm"), "crm"]:
            lifecycle.disable(name)


def pages(app: Flask, ids: dict[str, int]) -> list[str]:
    """Every address of contacts that can be opened with a GET, for rows that are there."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint.partition(".")[0] != "contacts" or "GET" not in rule.methods:
            continue
        resource = next((r for r in ("account", "contact") if f"/{r}s" in rule.rule), "")
        values: dict[str, Any] = {"company": "one"}
        for name in rule.arguments - {"company"}:
            if name in ("row_id", f"{resource}_id") and resource:
                values[name] = ids[resource]
            elif name == "field":
                values[name] = "name"
            else:
                break
        else:
            found.append(rule.build(values)[1])
    return found


def test_no_page_that_stays_has_a_trace_of_it(app: Flask, one: Any, filled: dict, client_of: Callable) -> None:
    off(one)
    client = client_of("alice")
    opened = 0
    for page in pages(app, filled):
        answer = client.get(page)
        if answer.status_code != 200 or "html" not in (answer.content_type or ""):
            continue
        opened += 1
        text = answer.text
        assert not any(mark in text for mark in MARKS), page
        assert not TRACES.search(text), (page, TRACES.search(text))
    assert opened > 30, "the walk has lost its pages"


@pytest.mark.parametrize("page", ["accounts/{account}", "contacts/{contact}", "accounts", "contacts"])
def test_the_same_pages_show_it_while_it_is_on(filled: dict, client_of: Callable, page: str) -> None:
    text = client_of("alice").get(f"/c/one/contacts/{page.format(**filled)}").text
    assert TRACES.search(text), "this test could not see a trace if there were one"


def test_search_export_and_api_say_nothing_either(one: Any, filled: dict, client_of: Callable) -> None:
    off(one)
    client = client_of("alice")
    found = client.get("/c/one/admin/search?q=Zylinder")
    assert found.status_code == 200
    assert not any(mark in found.text for mark in MARKS)
    assert "Zylinder" not in client.get("/c/one/contacts/accounts/export?format=csv").text
    assert client.get("/c/one/crm/deals").status_code == 404
    assert client.get("/c/one/crm/day").status_code == 404


def counts(one: Any) -> dict[str, int]:
    """Rows of every table of the module, whoever may see them."""
    with one:
        tables = [m.class_ for m in Deal.registry.mappers if m.class_.__tablename__.startswith("crm_") and issubclass(m.class_, CompanyScoped)]
        options = {"all_rows": True, "with_trash": True}
        return {t.__tablename__: db.session.scalar(select(func.count(t.id)), execution_options=options) or 0 for t in tables}


def test_on_again_nothing_is_lost(one: Any, filled: dict, client_of: Callable) -> None:
    with one:
        won = evaluate("crm.won_amount", MetricQuery()).total.value
    before = counts(one)
    off(one)
    with one:
        lifecycle.enable("crm")
    assert counts(one) == before
    with one:
        assert evaluate("crm.won_amount", MetricQuery()).total.value == won == euros(500)
    page = client_of("alice").get(f"/c/one/contacts/accounts/{filled['account']}").text
    assert "Zylinder deal" in page
