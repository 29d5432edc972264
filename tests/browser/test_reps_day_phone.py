"""A rep's day on a phone: fingers only, nothing wider than the screen, nothing under the button of the thumb."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Flask
from playwright.sync_api import Locator, Page, expect

from tests.browser.reps_day import (
    CRM,
    PATIENCE,
    Day,
    Visit,
    assert_evening,
    forecast_says,
    goes_out,
    is_filled,
    is_made,
    later_month,
    picture,
    today,
)
from tests.core.post_office import PostOffice

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
HOLD = 350  # ms; a finger drags after 200
# What can be tapped and lies under the round button when the page has been scrolled to its end.
UNDER_THE_THUMB = """() => {
  const thumb = document.querySelector(".v-fab");
  if (!thumb || !thumb.getClientRects().length) return [];
  const main = document.getElementById("main");
  main.scrollTop = main.scrollHeight;
  const at = thumb.getBoundingClientRect();
  return [...main.querySelectorAll("a, button, input, select, textarea, summary")].filter((each) => {
    const box = each.getBoundingClientRect();
    const [x, y] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
    return box.width && x > at.left && x < at.right && y > at.top && y < at.bottom && each.checkVisibility();
  }).map((each) => each.outerHTML.slice(0, 120));
}"""
# Width of the page and of its scrolling part, and what is wider than the screen without scrolling sideways by itself.
WIDTH = """() => {
  const main = document.getElementById("main");
  const scrolls = (each) => each !== main && (getComputedStyle(each).overflowX !== "visible" || (each.parentElement && scrolls(each.parentElement)));
  const wide = [...main.querySelectorAll("*")].filter((each) => each.checkVisibility()
    && each.getBoundingClientRect().right + main.scrollLeft > 361 && !scrolls(each.parentElement));
  return [Math.max(document.documentElement.scrollWidth, main.scrollWidth, main.scrollLeft + 360), wide.slice(0, 4).map((each) => each.outerHTML.slice(0, 150))];
}"""


# Fingers


def fits(page: Page, name: str) -> None:
    """No sideways scrolling, and nothing that can be tapped stays under the thumb."""
    picture(page, f"k-phone-{name}")
    width, wide = page.evaluate(WIDTH)
    assert width <= 360, (name, width, wide)
    if not page.evaluate("Boolean(document.querySelector('#dialog > *, #drawer > *'))"):
        where = page.evaluate("document.getElementById('main').scrollTop")
        assert page.evaluate(UNDER_THE_THUMB) == [], name
        page.evaluate("(y) => { document.getElementById('main').scrollTop = y }", where)


def layer_is_shut(page: Page) -> None:
    expect(page.locator("#dialog > *")).to_have_count(0, timeout=PATIENCE)
    expect(page.locator("#drawer > *")).to_have_count(0, timeout=PATIENCE)


def go_to(page: Page, address: str) -> None:
    """By the menu, which is behind its button here."""
    page.locator("[data-nav-open]").tap()
    page.locator(f"#nav .v-nav-sub a[href$='{address}']").tap()
    page.wait_for_url(f"**{address}")


def card(page: Page, deal_id: int) -> Locator:
    return page.locator(f"#deal-{deal_id}")


def card_menu(page: Page, deal_id: int, stage_id: int) -> None:
    """Choose a stage in the menu of a card."""
    card(page, deal_id).locator("[data-menu]").tap()
    page.locator(f"#card-menu [data-stage='{stage_id}']").tap()


def stands_in(page: Page, deal_id: int, stage_id: int) -> None:
    expect(page.locator(f"#col-{stage_id} #deal-{deal_id}:not(.is-busy)")).to_be_attached(timeout=PATIENCE)


def hold_and_drag(page: Page, start: Locator, end: Locator) -> None:
    """A finger rests on something until it is lifted, and lets it go over what appears then."""
    session = page.context.new_cdp_session(page)

    def send(kind: str, x: float = 0, y: float = 0) -> None:
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [] if kind == "touchEnd" else [{"x": x, "y": y}]})

    start.scroll_into_view_if_needed()
    start.tap(trial=True)  # waits until it stands still
    box = start.bounding_box()
    x, y = box["x"] + 60, box["y"] + box["height"] - 16
    send("touchStart", x, y)
    page.wait_for_timeout(HOLD)
    send("touchMove", x + 8, y + 4)
    expect(end).to_be_visible()
    goal = end.bounding_box()
    to_x, to_y = goal["x"] + goal["width"] / 2, goal["y"] + goal["height"] / 2
    for step in range(1, 13):
        send("touchMove", x + (to_x - x) * step / 12, y + (to_y - y) * step / 12)
        page.wait_for_timeout(16)
    expect(end.locator(".v-card")).to_be_attached()  # it lies over the goal now
    send("touchEnd")


# The day


def test_a_reps_day_on_a_phone(visit: Visit, day: Day, office: PostOffice, app: Flask) -> None:
    page = visit("bob", "/", **PHONE)
    page.context.set_default_timeout(PATIENCE)
    _look_at_the_forecast(page, 0)
    _work_my_day(page, day)
    _create(page)
    _pass_the_gate(page, day)
    _move_and_change(page, day)
    _win_and_lose(page, day)
    _write_a_mail(page, day, app)
    _find_the_old_deal(page, day)
    _look_at_the_forecast(page, 1, before=lambda: _postpone(page, day))
    assert_evening(day, office)


def _look_at_the_forecast(page: Page, when: int, before: Callable[[], None] | None = None) -> None:
    go_to(page, f"{CRM}/forecast")
    if before:
        before()
    forecast_says(page, when)
    fits(page, f"forecast-{when}")


def _work_my_day(page: Page, day: Day) -> None:
    go_to(page, f"{CRM}/day")
    fits(page, "day")
    dialog = page.locator("#dialog")
    page.locator(f"#late-activity-{day.call}-done").tap()
    fits(page, "done")
    dialog.locator("button[type=submit]").tap()
    layer_is_shut(page)
    expect(page.locator("#day-late [data-row]")).to_have_count(0)
    row = page.locator(f"#closing-deal-{day.deals['Press']}")
    row.locator("[data-log]").tap()
    expect(dialog.locator(".v-qlog-with")).to_contain_text("Press")
    dialog.locator(".v-pick-kind:has([data-kind=call])").tap()
    dialog.locator("[data-outcome]", has_text=re.compile("^Interested$")).tap()
    if not dialog.locator("[name=next]").is_checked():
        dialog.locator("label[for=next]").tap()
    expect(dialog.locator("[name=next]")).to_be_checked()
    fits(page, "log")
    dialog.locator("button[type=submit]").tap()
    layer_is_shut(page)
    expect(page.locator("#toasts")).to_contain_text("Logged: Call")
    expect(row.locator("a[title^='Next step']")).to_contain_text("Call")
    expect(page.locator(f"#loose-deal-{day.deals['Press']}")).to_have_count(0)


def _create(page: Page) -> None:
    """Account, person and deal in one form, from the round button of the pipeline."""
    go_to(page, f"{CRM}/board")
    fits(page, "board")
    page.locator(".v-fab").tap()
    drawer = page.locator("#drawer")
    expect(drawer.locator("[name=name]")).to_be_focused()
    for name, text in (("name", "Oven"), ("new_account", "Panadería Sol"), ("new_contact", "Eva Ruiz"), ("amount", "12,000")):
        drawer.locator(f"[name={name}]").tap()
        page.keyboard.type(text)
    drawer.locator("[name=expected_close]").fill(today().isoformat())
    fits(page, "new")
    drawer.locator(".v-drawer-foot button[type=submit]").tap()
    is_made(page)
    fits(page, "created")


def _pass_the_gate(page: Page, day: Day) -> None:
    """Refused for what is missing; then all of it is told in the dialog."""
    press, proposal = day.deals["Press"], day.stages["Proposal"]
    go_to(page, f"{CRM}/board")
    page.locator(f"#step-{day.stages['Qualified']}").tap()
    card_menu(page, press, proposal)
    dialog = page.locator("#dialog")
    expect(dialog.locator("[name=product]")).to_be_visible()
    dialog.locator("button[type=submit]").tap()
    expect(dialog.locator(".v-error").first).to_be_visible()
    fits(page, "gate")
    dialog.locator("[name=product]").tap()
    page.keyboard.type("Rotary press")
    dialog.locator(f"[name=check_{day.check}]").tap()
    dialog.locator("button[type=submit]").tap()
    layer_is_shut(page)
    stands_in(page, press, proposal)


def _move_and_change(page: Page, day: Day) -> None:
    for name, to in (("Pump", "Qualified"), ("Valve", "Qualified"), ("Boiler", "Commitment")):
        card_menu(page, day.deals[name], day.stages[to])
        stands_in(page, day.deals[name], day.stages[to])
    fits(page, "moved")
    fan = card(page, day.deals["Fan"])
    fan.locator(".v-card-amount").tap()
    amount = fan.locator("[name=amount]")
    expect(amount).to_be_focused()
    page.keyboard.type("7,500")
    fits(page, "amount")
    fan.locator("button[type=submit]").tap()
    expect(fan.locator(".v-card-amount")).to_have_text("€7,500")


def _win_and_lose(page: Page, day: Day) -> None:
    """Won by a held finger, lost by the menu."""
    dialog = page.locator("#dialog")
    page.locator(f"#step-{day.stages['Commitment']}").tap()
    expect(card(page, day.deals["Turbine"])).to_be_in_viewport()
    hold_and_drag(page, card(page, day.deals["Turbine"]), page.locator(".v-closer-won"))
    expect(dialog.locator("[name=closed_on]")).to_have_value(today().isoformat())
    fits(page, "won")
    dialog.locator("button[type=submit]").tap()
    layer_is_shut(page)
    expect(card(page, day.deals["Turbine"])).to_have_count(0)
    card_menu(page, day.deals["Mixer"], day.stages["Lost"])
    dialog.locator("[name=reason_id]").select_option(label="Price")
    dialog.locator("[name=reason_note]").tap()
    page.keyboard.type("Too dear")
    fits(page, "lost")
    dialog.locator("button[type=submit]").tap()
    layer_is_shut(page)
    expect(card(page, day.deals["Mixer"])).to_have_count(0)


def _write_a_mail(page: Page, day: Day, app: Flask) -> None:
    """From the card to the deal; a template brings the words; first it waits, then the timeline says that it went."""
    card(page, day.deals["Press"]).locator(".v-card-name").tap()
    page.wait_for_url(f"**{CRM}/deals/{day.deals['Press']}")
    fits(page, "deal")
    page.locator("#deal-head .v-rec-actions details.v-menu > summary").tap()
    page.locator("#deal-head a.v-item[href$='/mails/new']").tap()
    drawer = page.locator("#drawer")
    drawer.locator("[name=template]").select_option(label="Proposal sent (en)")
    is_filled(drawer)
    fits(page, "mail")
    drawer.locator(".v-drawer-foot button[type=submit]").tap()
    layer_is_shut(page)
    goes_out(page, day, app)
    page.locator("#deal-tabs a[href$='/mails']").tap()
    expect(page.locator(".v-mail-line")).to_contain_text("Sent")
    fits(page, "mails")


def _find_the_old_deal(page: Page, day: Day) -> None:
    page.locator(".v-top > [data-palette-open].btn").tap()
    page.keyboard.type("centrifuga")
    found = page.locator("#palette-found [role=option]").filter(has_text="Centrífuga de Núremberg")
    expect(found).to_be_visible()
    fits(page, "search")
    found.tap()
    page.wait_for_url(f"**{CRM}/deals/{day.old}")
    expect(page.locator("#record")).to_contain_text("Lost")
    fits(page, "old")


def _postpone(page: Page, day: Day) -> None:
    """To a month of another quarter, by the menu of the card."""
    tank = page.locator(f"#forecast-{day.deals['Tank']}")
    month = f"{later_month():%Y-%m}"
    tank.locator("summary").tap()
    fits(page, "months")
    tank.locator(f"button[value='{month}']").tap()
    expect(page.locator(f"#month-{month}-cards")).to_contain_text("Tank")
