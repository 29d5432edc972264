"""The board in a browser: where it is, and what stands where on it."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.core.db import db
from app.modules.crm.models import Deal
from tests.conftest import Office

BOARD = "/c/one/crm/board"


def column(page: Page, name: str) -> Any:
    return page.locator(".v-col").filter(has=page.locator("h2", has_text=re.compile(f"^{name}$")))


def card(page: Page, deal_id: int) -> Any:
    return page.locator(f"#deal-{deal_id}")


def is_in(page: Page, deal_id: int, name: str, timeout: int = 5_000) -> None:
    expect(column(page, name).locator(f"#deal-{deal_id}:not(.is-busy)")).to_be_visible(timeout=timeout)


def drag(page: Page, deal_id: int, target: Any) -> None:
    """With the mouse, as a hand does it: press, a first jerk, then across, and let go."""
    start = card(page, deal_id).bounding_box()
    page.mouse.move(start["x"] + 60, start["y"] + start["height"] - 12)
    page.mouse.down()
    page.mouse.move(start["x"] + 75, start["y"] + start["height"] - 4, steps=3)
    expect(target).to_be_visible()
    end = target.bounding_box()
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + min(end["height"] / 2, 120), steps=12)
    page.wait_for_timeout(60)
    page.mouse.up()


def stored(one: Office, deal_id: int) -> Deal:
    with one:
        return db.session.scalar(select(Deal).where(Deal.id == deal_id))
