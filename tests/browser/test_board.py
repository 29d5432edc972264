"""The board as people use it: mouse, finger, keyboard; alone and two at a time."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from app.core.models import User
from app.core.money import Money
from app.modules.crm import services
from app.modules.crm.models import Deal
from tests.browser.board import BOARD, card, column, drag, is_in, stored
from tests.browser.company_time import today
from tests.cast import Person
from tests.conftest import Office

SOON = 6_000  # ms: another person's move is seen within five seconds
Visit = Callable[..., Page]


def test_a_drag_moves_the_deal_and_its_money_and_undo_brings_both_back(visit: Visit, pump: int, one: Office, stages):
    page = visit("alice", BOARD)
    expect(column(page, "Contact").locator(".v-col-sum")).to_contain_text("€1,500")
    drag(page, pump, column(page, "Qualified").locator(".v-cards"))
    is_in(page, pump, "Qualified")
    expect(column(page, "Contact").locator(".v-col-sum")).to_contain_text("€500")
    expect(column(page, "Qualified").locator(".v-col-sum")).to_contain_text("€1,000")
    expect(column(page, "Qualified").locator(".v-col-sum")).to_contain_text("25% · €250")
    assert page.url.endswith(BOARD), "letting go must not open the deal"
    assert stored(one, pump).stage_id == stages["Qualified"]
    page.get_by_role("button", name="Undo").click()
    is_in(page, pump, "Contact")
    expect(column(page, "Contact").locator(".v-col-sum")).to_contain_text("€1,500")
    assert stored(one, pump).stage_id == stages["Contact"]


def test_a_deal_is_moved_by_keyboard_alone_and_every_step_is_announced(visit: Visit, pump: int, one: Office, stages):
    page = visit("alice", BOARD)
    page.locator(f"#deal-{pump}-name").focus()
    page.keyboard.press("Space")
    expect(page.locator("#announce")).to_contain_text("Pump picked up from Contact")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#announce")).to_contain_text("Proposal, 3 of 8")
    page.keyboard.press("Space")
    is_in(page, pump, "Proposal")
    expect(page.locator("#announce")).to_contain_text("Pump moved to Proposal")
    expect(page.locator(f"#deal-{pump}-name")).to_be_focused()
    assert stored(one, pump).stage_id == stages["Proposal"]
    page.keyboard.press("u")
    is_in(page, pump, "Contact")
    assert stored(one, pump).stage_id == stages["Contact"]


def test_escape_puts_a_carried_card_back_and_sends_nothing(visit: Visit, pump: int, one: Office):
    page = visit("alice", BOARD)
    page.locator(f"#deal-{pump}-name").focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    is_in(page, pump, "Contact")
    expect(page.locator("#announce")).to_contain_text("Pump is back in Contact")
    assert stored(one, pump).version == 1


def test_the_arrow_keys_walk_from_card_to_card(visit: Visit, make):
    first, second = make("Older"), make("Newer")
    other = make("Elsewhere", stage="Proposal")
    page = visit("alice", BOARD)
    page.locator(f"#deal-{second}-name").focus()
    for key, deal_id in (("ArrowDown", first), ("ArrowRight", other), ("ArrowLeft", second)):
        page.keyboard.press(key)
        expect(page.locator(f"#deal-{deal_id}-name")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/deals/{second}$"))


def touch(page: Page) -> Callable[..., None]:
    session = page.context.new_cdp_session(page)

    def send(kind: str, x: float = 0, y: float = 0) -> None:
        points = [] if kind == "touchEnd" else [{"x": x, "y": y}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    return send


def test_a_held_finger_drags_and_a_quick_one_does_not(visit: Visit, pump: int, one: Office):
    page = visit("alice", BOARD, viewport={"width": 1024, "height": 740}, has_touch=True, is_mobile=True)
    finger = touch(page)
    start, end = card(page, pump).bounding_box(), column(page, "Proposal").locator(".v-cards").bounding_box()
    x, y = start["x"] + 60, start["y"] + 70
    finger("touchStart", x, y)
    for step in range(1, 9):
        finger("touchMove", x + 20 * step, y)
    finger("touchEnd")
    page.wait_for_timeout(300)
    assert stored(one, pump).version == 1, "scrolling is not dragging"
    finger("touchStart", x, y)
    page.wait_for_timeout(350)
    for step in range(1, 13):
        finger("touchMove", x + (end["x"] + 90 - x) * step / 12, y + (end["y"] + 60 - y) * step / 12)
        page.wait_for_timeout(16)
    finger("touchEnd")
    is_in(page, pump, "Proposal")


def test_won_asks_for_amount_and_date(visit: Visit, make, one: Office, stages):
    deal_id = make("Pump", None)
    page = visit("alice", BOARD)
    page.locator(f"#deal-{deal_id}").hover()
    page.locator(f"#deal-{deal_id} [data-menu]").click()
    page.get_by_role("menuitem", name="Won…").click()
    dialog = page.locator("#dialog")
    expect(dialog.get_by_label("Closing date")).to_have_value(today().isoformat())
    dialog.get_by_role("button", name="Won").click()
    expect(dialog.locator(".v-error")).to_be_visible()
    dialog.get_by_label("Amount").fill("1,234.50")
    dialog.get_by_role("button", name="Won").click()
    expect(card(page, deal_id)).to_have_count(0)
    expect(dialog.locator("form")).to_have_count(0)
    deal = stored(one, deal_id)
    assert (deal.stage_id, deal.amount_minor) == (stages["Won"], 123450)


def test_lost_asks_for_a_reason_and_cancel_leaves_the_card(visit: Visit, pump: int, one: Office, stages):
    page = visit("alice", BOARD)
    drag(page, pump, page.locator(".v-closer-lost"))
    dialog = page.locator("#dialog")
    dialog.get_by_role("link", name="Cancel").click()
    is_in(page, pump, "Contact")
    expect(page.locator(".is-waiting")).to_have_count(0)
    assert stored(one, pump).version == 1
    page.locator(f"#deal-{pump}-name").focus()
    page.keyboard.press("m")
    page.get_by_role("menuitem", name="Lost…").click()
    dialog.get_by_label("Remark").fill("They went elsewhere")
    dialog.get_by_role("button", name="Lost").click()
    expect(dialog.locator(".v-error")).to_be_visible()
    expect(dialog.get_by_label("Remark")).to_have_value("They went elsewhere")
    dialog.locator("select[name=reason_id]").select_option(label="Price")
    dialog.get_by_role("button", name="Lost").click()
    expect(card(page, pump)).to_have_count(0)
    assert stored(one, pump).reason_note == "They went elsewhere"
    page.get_by_role("button", name="Undo").click()
    is_in(page, pump, "Contact")


def test_amount_close_owner_and_stage_are_edited_on_the_card(visit: Visit, pump: int, one: Office, stages, people):
    page = visit("alice", BOARD)
    card(page, pump).locator(".v-card-amount").click()
    amount = card(page, pump).locator("[name=amount]")
    expect(amount).to_be_focused()
    amount.fill("nonsense")
    page.keyboard.press("Enter")
    expect(card(page, pump).locator(".v-error")).to_be_visible()
    expect(amount).to_have_value("nonsense")
    amount.fill("4,200")
    day = today() + timedelta(days=40)
    card(page, pump).locator("[name=expected_close]").fill(day.isoformat())
    card(page, pump).locator("select[name=owner_id]").select_option(str(people["bob"].member_id))
    card(page, pump).locator("select[name=stage_id]").select_option(label="Negotiation")
    card(page, pump).get_by_role("button", name="Save").click()
    is_in(page, pump, "Negotiation")
    expect(card(page, pump)).to_contain_text("€4,200")
    deal = stored(one, pump)
    assert (deal.amount_minor, deal.expected_close, deal.owner_id) == (420000, day, people["bob"].member_id)
    page.keyboard.press("e")
    expect(amount).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(f"#deal-{pump}-name")).to_be_focused()


def test_a_late_edit_shows_both_values_and_loses_nothing(visit: Visit, pump: int, one: Office):
    page = visit("alice", BOARD)
    card(page, pump).locator(".v-card-amount").click()
    amount = card(page, pump).locator("[name=amount]")
    amount.fill("7,000")
    with one as session:
        services.change_deal(session.get(Deal, pump), {"amount": Money.of(9000, "EUR")})
    page.keyboard.press("Enter")
    late = card(page, pump).locator(".v-late")
    expect(late).to_contain_text("€7,000")
    expect(late).to_contain_text("€9,000")
    expect(amount).to_have_value("7,000")
    card(page, pump).get_by_role("button", name="Save").click()
    expect(card(page, pump).locator(".v-card-amount")).to_have_text("€7,000")
    assert stored(one, pump).amount_minor == 700000


def test_the_second_of_two_people_gets_the_current_card_and_a_message(visit: Visit, pump: int, one: Office, stages):
    page = visit("alice", BOARD)
    expect(card(page, pump)).to_be_visible()
    with one as session:
        services.move_deal(session.get(Deal, pump), stages["Negotiation"], version=1)
    drag(page, pump, column(page, "Qualified").locator(".v-cards"))
    is_in(page, pump, "Negotiation")
    expect(page.locator(".v-toast.is-bad")).to_contain_text("Somebody else has changed this deal")
    assert stored(one, pump).stage_id == stages["Negotiation"]


def test_a_late_closing_keeps_what_was_typed(visit: Visit, pump: int, one: Office, stages):
    page = visit("alice", BOARD)
    page.locator(f"#deal-{pump}-name").focus()
    page.keyboard.press("m")
    page.get_by_role("menuitem", name="Won…").click()
    dialog = page.locator("#dialog")
    dialog.get_by_label("Amount").fill("8,800")
    with one as session:
        services.move_deal(session.get(Deal, pump), stages["Proposal"], version=1)
    dialog.get_by_role("button", name="Won").click()
    expect(dialog.locator(".v-note")).to_contain_text("It is in “Proposal” now")
    expect(dialog.get_by_label("Amount")).to_have_value("8,800")
    dialog.get_by_role("button", name="Won").click()
    expect(dialog.locator("form")).to_have_count(0)
    assert stored(one, pump).amount_minor == 880000


def test_another_persons_move_appears_by_itself(visit: Visit, pump: int, one: Office, stages):
    page = visit("alice", BOARD)
    page.locator(f"#deal-{pump}-name").focus()
    with one as session:
        services.move_deal(session.get(Deal, pump), stages["Negotiation"], version=1)
    is_in(page, pump, "Negotiation", timeout=SOON)
    expect(column(page, "Negotiation").locator(".v-col-sum")).to_contain_text("€1,000")


def test_a_move_the_server_cannot_take_is_taken_back(visit: Visit, pump: int, one: Office, complaints: list[str]):
    page = visit("alice", BOARD)
    page.route("**/move", lambda route: route.abort())
    drag(page, pump, column(page, "Qualified").locator(".v-cards"))
    is_in(page, pump, "Contact")
    expect(page.locator(".v-toast.is-bad")).to_be_visible()
    assert stored(one, pump).version == 1
    complaints[:] = [c for c in complaints if "Failed to fetch" not in c]


def test_load_more_shows_the_rest_and_a_refresh_keeps_it(visit: Visit, make, one: Office, stages):
    ids = [make(f"Deal {n}", 100) for n in range(25)]
    page = visit("alice", BOARD)
    cards = column(page, "Contact").locator(".v-card")
    expect(cards).to_have_count(20)
    expect(column(page, "Contact").locator(".v-count")).to_have_text("25")
    page.get_by_role("link", name="Load more").click()
    expect(cards).to_have_count(25)
    with one as session:
        services.move_deal(session.get(Deal, ids[0]), stages["Proposal"], version=1)
    is_in(page, ids[0], "Proposal", timeout=SOON)
    expect(cards).to_have_count(24)


def test_filters_stand_in_the_address(visit: Visit, make, people, one: Office):
    mine, late = make("Pump for Anna", 1000), make("Valve", 2000, expected_close=today() - timedelta(days=3))
    page = visit("alice", BOARD)
    page.get_by_placeholder("Find on the board").fill("pump")
    page.keyboard.press("Enter")
    expect(card(page, late)).to_have_count(0)
    expect(card(page, mine)).to_be_visible()
    expect(page).to_have_url(re.compile(r"q=pump"))
    expect(page.locator("#board-total")).to_contain_text("€1,000 in 1 deal")
    page.reload()
    expect(card(page, late)).to_have_count(0)
    page.go_back()
    expect(card(page, late)).to_be_visible()
    page.locator("#filter-close summary").click()
    page.get_by_role("link", name="Overdue").click()
    expect(card(page, mine)).to_have_count(0)
    expect(page).to_have_url(re.compile(r"close=overdue"))
    drag(page, late, column(page, "Qualified").locator(".v-cards"))
    expect(page.locator("#board-total")).to_contain_text("€2,000 in 1 deal")


def test_a_phone_has_every_stage_and_no_sideways_scroll(visit: Visit, pump: int):
    page = visit("alice", BOARD, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator(".v-steps a", has_text="Proposal").tap()
    expect(page.locator(".v-steps a[aria-current]")).to_contain_text("Proposal")
    expect(column(page, "Proposal").locator(".v-card").first).to_be_in_viewport()


def test_on_paper_a_long_column_begins_below_the_head_of_the_page(visit: Visit, make):
    for i in range(18):
        make(f"Pump {i}")
    page = visit("alice", BOARD)
    expect(page.locator(".v-card")).to_have_count(18)
    pages = len(re.findall(rb"/Type /Page\b", page.pdf(format="A4")))
    assert pages == 2, "the cards below the head of the page, then the empty stages"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_axe_finds_nothing_serious(visit: Visit, pump: int, axe, width: int, scheme: str):
    page = visit("alice", BOARD, viewport={"width": width, "height": 900}, color_scheme=scheme)
    expect(card(page, pump)).to_be_visible()
    assert axe(page) == []
    page.locator(f"#deal-{pump} .v-card-amount").click()
    expect(card(page, pump).locator("form")).to_be_visible()
    page.get_by_role("link", name="New deal in Contact").click()
    expect(page.locator(".v-quick")).to_be_visible()
    assert axe(page) == []
    page.goto(f"/c/one/crm/deals/{pump}")
    assert axe(page) == []


def test_the_board_speaks_spanish(visit: Visit, pump: int, one: Office, people: dict[str, Person], stages):
    with one as session:
        session.get_one(User, people["alice"].user_id).language = "es"
    page = visit("alice", BOARD)
    expect(page.locator("h1")).to_have_text("Embudo")
    expect(page.get_by_role("link", name="Nuevo negocio").first).to_be_visible()
    expect(page.locator("#board-total")).to_contain_text("4.000 € en 3 negocios · ponderado")
    page.locator(f"#deal-{pump}-name").focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    is_in(page, pump, "Qualified")
    expect(page.locator("#announce")).to_have_text("Pump ha pasado a Qualified.")
    page.locator("#toasts [data-undo] button").click()
    is_in(page, pump, "Contact")
    card(page, pump).locator(".v-card-amount").click()
    amount = card(page, pump).locator("[name=amount]")
    amount.fill("1.234,50")
    page.keyboard.press("Enter")
    expect(card(page, pump).locator(".v-card-amount")).to_have_text("1.234,50 €")


def test_without_script_every_move_is_a_form(browser, live, client_of, pump: int, one: Office, stages):
    context = browser.new_context(java_script_enabled=False, base_url=live)
    cookie = client_of("alice").get_cookie("vendimia")
    context.add_cookies([{"name": "vendimia", "value": cookie.value, "url": live}])
    page = context.new_page()
    page.goto(BOARD)
    page.locator(f"#deal-{pump} .v-card-more").click(force=True)
    page.get_by_role("button", name="Proposal").click()
    assert stored(one, pump).stage_id == stages["Proposal"]
    expect(page.locator("h1")).to_contain_text("Pump")
    page.get_by_role("button", name="Qualified").click()
    assert stored(one, pump).stage_id == stages["Qualified"]
    context.close()
