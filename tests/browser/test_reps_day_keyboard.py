"""A rep's day by keyboard alone: not one event of a pointer reaches a page, and the focus is never lost."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Flask
from playwright.sync_api import Locator, Page, expect

from app.modules.crm.models import Deal
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
    stored,
    today,
)
from tests.core.post_office import PostOffice

POINTERS = """for (const kind of ["pointerdown", "mousedown", "touchstart", "wheel"]) {
  window.addEventListener(kind, () => sessionStorage.setItem("pointers", Number(sessionStorage.getItem("pointers")) + 1), true);
}"""


# Hands on the keyboard


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def has_focus(target: Locator) -> bool:
    return target.evaluate("(e) => e === document.activeElement || e.contains(document.activeElement)")


def reach(page: Page, target: Locator, key: str = "Tab") -> None:
    """Press Tab until the focus is in the target; that it is on the screen then is part of it."""
    expect(target).to_be_attached()
    for _step in range(200):
        if has_focus(target):
            expect(target).to_be_in_viewport()
            return
        page.keyboard.press(key)
    raise AssertionError(f"Tab never comes to {target}")


def activate(page: Page, target: Locator) -> None:
    reach(page, target)
    page.keyboard.press("Enter")


def write(page: Page, target: Locator, text: str) -> None:
    reach(page, target)
    press(page, "Control+a")
    page.keyboard.type(text)


def choose_radio(page: Page, wanted: Locator) -> None:
    """Come to the group by Tab, and to the button by the arrows."""
    reach(page, wanted.locator("xpath=ancestor::fieldset[1]"))
    press(page, "Space")
    for _step in range(20):
        if wanted.is_checked():
            return
        press(page, "ArrowDown")
    raise AssertionError(f"the arrows never come to {wanted}")


def choose_item(page: Page, item: Locator) -> None:
    """With the arrows to an item of the menu that is open."""
    for _step in range(20):
        if has_focus(item):
            return press(page, "Enter")
        press(page, "ArrowDown")
    raise AssertionError(f"the arrows never come to {item}")


def focus_is_somewhere(page: Page) -> None:
    """What had the focus may be gone, but then something else has it."""
    page.wait_for_function("() => document.activeElement && document.activeElement !== document.body", timeout=PATIENCE)


def dialog_is_shut(page: Page) -> None:
    expect(page.locator("#dialog > *")).to_have_count(0, timeout=PATIENCE)
    focus_is_somewhere(page)


def go_to(page: Page, words: str, address: str) -> None:
    """By the palette: its commands lead everywhere."""
    press(page, "Control+k")
    page.keyboard.type(words)
    option = page.locator("#palette-found [role=option][aria-selected=true]")
    expect(option).to_have_attribute("href", re.compile(f"{re.escape(address)}$"), timeout=PATIENCE)
    press(page, "Enter")
    page.wait_for_url(f"**{address}", timeout=PATIENCE)


def select_card(page: Page, deal_id: int) -> None:
    """With j to the first card and with the arrows to the one that is wanted."""
    card = page.locator(f"#deal-{deal_id}")
    expect(card).to_be_visible()
    if not page.evaluate("() => Boolean(document.activeElement.closest('#board .v-card'))"):
        press(page, "j")
    for _step in range(40):
        key = card.evaluate("""(card) => {
          const now = document.activeElement.closest("#board .v-card");
          if (!now || now === card) return now ? "" : "j";
          const columns = [...document.querySelectorAll("#board .v-col")];
          const by = columns.indexOf(card.closest(".v-col")) - columns.indexOf(now.closest(".v-col"));
          if (by) return by > 0 ? "ArrowRight" : "ArrowLeft";
          return now.compareDocumentPosition(card) & Node.DOCUMENT_POSITION_FOLLOWING ? "ArrowDown" : "ArrowUp";
        }""")
        if not key:
            return
        press(page, key)
    raise AssertionError(f"the arrows never come to deal {deal_id}")


def carry(page: Page, deal_id: int, by: int) -> None:
    """Pick a card up, carry it some columns to the right and let it go."""
    select_card(page, deal_id)
    press(page, "Space", *["ArrowRight"] * by, "Space")


def stands_in(page: Page, deal_id: int, stage_id: int) -> None:
    expect(page.locator(f"#col-{stage_id} #deal-{deal_id}:not(.is-busy)")).to_be_visible(timeout=PATIENCE)


# The day


def test_a_reps_day_by_keyboard_alone(visit: Visit, day: Day, office: PostOffice, app: Flask) -> None:
    page = visit("bob", "/c/one/contacts/contacts")
    page.context.set_default_timeout(PATIENCE)
    page.add_init_script(POINTERS)
    page.reload()
    _look_at_the_forecast(page, 0)
    _work_my_day(page, day)
    _create(page)
    _pass_the_gate(page, day)
    _move_and_change(page, day)
    _win_and_lose(page, day)
    _write_a_mail(page, day, app)
    _find_the_old_deal(page, day)
    _look_at_the_forecast(page, 1, before=lambda: _postpone(page, day))
    assert page.evaluate("sessionStorage.getItem('pointers')") is None
    assert_evening(day, office)


def _look_at_the_forecast(page: Page, when: int, before: Callable[[], None] | None = None) -> None:
    go_to(page, "go to forecast", f"{CRM}/forecast")
    if before:
        before()
    forecast_says(page, when)
    picture(page, f"k-keys-forecast-{when}")


def _work_my_day(page: Page, day: Day) -> None:
    """The late call is done; one with a customer is logged, with what came of it and what comes next."""
    go_to(page, "my day", f"{CRM}/day")
    picture(page, "k-keys-day")
    press(page, "j")
    expect(page.locator(f"#late-activity-{day.call}-link")).to_be_focused()
    press(page, "c")
    expect(page.locator("#dialog form")).to_be_visible()
    activate(page, page.locator("#dialog button[type=submit]"))
    dialog_is_shut(page)
    expect(page.locator("#day-late [data-row]")).to_have_count(0)
    link = page.locator(f"#closing-deal-{day.deals['Press']}-link")
    for _step in range(12):
        if has_focus(link):
            break
        press(page, "j")
    expect(link).to_be_focused()
    press(page, "a")
    dialog = page.locator("#dialog")
    expect(dialog.locator(".v-qlog-with")).to_contain_text("Press")
    choose_radio(page, dialog.locator(".v-pick-kind input[data-kind=call]"))
    choose_radio(page, dialog.get_by_role("radio", name="Interested", exact=True))
    reach(page, dialog.locator("[name=next]"))
    if not dialog.locator("[name=next]").is_checked():
        press(page, "Space")
    expect(dialog.locator("[data-next-hint]")).not_to_be_empty()
    picture(page, "k-keys-log")
    press(page, "Control+Enter")
    dialog_is_shut(page)
    expect(page.locator("#toasts")).to_contain_text("Logged: Call")
    expect(page.locator(f"#closing-deal-{day.deals['Press']} a[title^='Next step']")).to_contain_text("Call")
    expect(page.locator(f"#loose-deal-{day.deals['Press']}")).to_have_count(0)
    assert has_focus(page.locator(f"#closing-deal-{day.deals['Press']}")), "the row stays the selected one"


def _create(page: Page) -> None:
    """Account, person and deal in one form."""
    press(page, "n")
    item = page.locator(".v-create a.v-item[href$='/crm/deals/new']")
    expect(item).to_be_visible()
    choose_item(page, item)
    drawer = page.locator("#drawer")
    expect(drawer.locator("[name=name]")).to_be_focused()
    page.keyboard.type("Oven")
    write(page, drawer.locator("[name=new_account]"), "Panadería Sol")
    write(page, drawer.locator("[name=new_contact]"), "Eva Ruiz")
    write(page, drawer.locator("[name=amount]"), "12,000")
    reach(page, drawer.locator("[name=expected_close]"))
    page.keyboard.type(f"{today():%m%d%Y}")
    picture(page, "k-keys-new")
    press(page, "Control+Enter")
    is_made(page)
    picture(page, "k-keys-created")


def _pass_the_gate(page: Page, day: Day) -> None:
    """Refused for what is missing; then part of it, refused again; then all of it."""
    press_id, proposal = day.deals["Press"], day.stages["Proposal"]
    go_to(page, "go to pipeline", f"{CRM}/board")
    carry(page, press_id, 1)
    dialog = page.locator("#dialog")
    expect(dialog.locator("[name=product]")).to_be_visible()
    picture(page, "k-keys-gate")
    activate(page, dialog.locator("button[type=submit]"))
    expect(dialog.locator(".v-error").first).to_be_visible()
    write(page, dialog.locator("[name=product]"), "Rotary press")
    with page.expect_response(lambda answer: answer.url.endswith("/move")) as refused:
        press(page, "Enter")
    assert refused.value.status == 422, "the box is not ticked yet"
    expect(dialog).to_contain_text("needs first: Drawing approved")
    expect(dialog.locator("[name=product]")).to_have_value("Rotary press")
    assert stored(day, Deal, id=press_id).product is None
    picture(page, "k-keys-gate-2")
    reach(page, dialog.locator(f"[name=check_{day.check}]"))
    press(page, "Space")
    activate(page, dialog.locator("button[type=submit]"))
    dialog_is_shut(page)
    stands_in(page, press_id, proposal)


def _move_and_change(page: Page, day: Day) -> None:
    for name, to in (("Pump", "Qualified"), ("Valve", "Qualified"), ("Boiler", "Commitment")):
        carry(page, day.deals[name], 1)
        stands_in(page, day.deals[name], day.stages[to])
        expect(page.locator(f"#deal-{day.deals[name]}-name")).to_be_focused()
    fan = page.locator(f"#deal-{day.deals['Fan']}")
    select_card(page, day.deals["Fan"])
    press(page, "e")
    expect(fan.locator("[name=amount]")).to_be_focused()
    page.keyboard.type("7,500")
    press(page, "Enter")
    expect(fan.locator(".v-card-amount")).to_have_text("€7,500")
    expect(page.locator(f"#deal-{day.deals['Fan']}-name")).to_be_focused()


def _win_and_lose(page: Page, day: Day) -> None:
    dialog = page.locator("#dialog")
    select_card(page, day.deals["Turbine"])
    press(page, "w")
    expect(dialog.locator("[name=closed_on]")).to_have_value(today().isoformat())
    picture(page, "k-keys-won")
    activate(page, dialog.locator("button[type=submit]"))
    dialog_is_shut(page)
    expect(page.locator(f"#deal-{day.deals['Turbine']}")).to_have_count(0)
    select_card(page, day.deals["Mixer"])
    press(page, "l")
    reach(page, dialog.locator("[name=reason_id]"))
    page.keyboard.type("Price")
    write(page, dialog.locator("[name=reason_note]"), "Too dear")
    picture(page, "k-keys-lost")
    activate(page, dialog.locator("button[type=submit]"))
    dialog_is_shut(page)
    expect(page.locator(f"#deal-{day.deals['Mixer']}")).to_have_count(0)
    picture(page, "k-keys-board")


def _write_a_mail(page: Page, day: Day, app: Flask) -> None:
    """From the card to the deal; a template brings the words; first it waits, then the timeline says that it went."""
    select_card(page, day.deals["Press"])
    press(page, "Enter")
    page.wait_for_url(f"**{CRM}/deals/{day.deals['Press']}")
    activate(page, page.locator("#deal-head .v-rec-actions details.v-menu > summary"))
    choose_item(page, page.locator("#deal-head a.v-item[href$='/mails/new']"))
    drawer = page.locator("#drawer")
    reach(page, drawer.locator("[name=template]"))
    page.keyboard.type("P")
    is_filled(drawer)
    picture(page, "k-keys-mail")
    activate(page, drawer.locator(".v-drawer-foot button[type=submit]"))
    expect(drawer.locator("> *")).to_have_count(0, timeout=PATIENCE)
    goes_out(page, day, app)
    picture(page, "k-keys-deal")
    activate(page, page.locator("#deal-tabs a[href$='/mails']"))
    expect(page.locator(".v-mail-line")).to_contain_text("Sent")


def _find_the_old_deal(page: Page, day: Day) -> None:
    press(page, "/")
    page.keyboard.type("centrifuga")
    expect(page.locator("#palette-found [role=option][aria-selected=true]")).to_contain_text("Centrífuga de Núremberg")
    picture(page, "k-keys-search")
    press(page, "Enter")
    page.wait_for_url(f"**{CRM}/deals/{day.old}")
    expect(page.locator(".v-rec-title")).to_contain_text("Lost")


def _postpone(page: Page, day: Day) -> None:
    """To a month of another quarter, by the menu of the card."""
    card = page.locator(f"#forecast-{day.deals['Tank']}")
    month = f"{later_month():%Y-%m}"
    activate(page, card.locator("summary"))
    activate(page, card.locator(f"button[value='{month}']"))
    expect(page.locator(f"#month-{month}-cards")).to_contain_text("Tank")
    expect(card.locator(".v-card-name")).to_be_focused()
