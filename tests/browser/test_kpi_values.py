"""Values that people enter, as lists show them on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.core.clock import today
from app.core.tenancy import acting_for
from app.modules.kpi.own import services
from tests.browser.test_reps_day_phone import PHONE
from tests.conftest import Office


@pytest.fixture
def visits(one: Office, people: Any) -> int:
    """An own metric with a long name and one value of it."""
    with one.app.app_context(), acting_for(one.id, people["alice"].member_id):
        metric = services.create_metric({"name": "Visits that were planned with the customer"})
        services.create_value({"metric_id": metric.id, "amount": Decimal(3), "on_day": today(), "owner_id": people["bob"].member_id})
        return metric.id


def test_in_a_row_on_a_phone_the_metric_and_the_value_are_reached_each(visit: Callable[..., Page], visits: int, axe: Any) -> None:
    page = visit("alice", "/c/one/kpi/values", **PHONE)
    row = page.locator(".v-rows tbody tr").first
    expect(row).to_be_visible()
    assert axe(page) == []
    called = row.locator(".p-title").inner_text()
    assert not re.fullmatch(r"[\d-]+", called)
    row.get_by_role("link", name="Visits that were planned").tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("Visits that were planned with the customer")
    page.go_back()
    box = row.locator(".p-num").bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)  # all else in a row leads to its record
    page.wait_for_url("**/kpi/values/*")
    expect(page.get_by_role("heading", level=1)).to_have_text(called)
