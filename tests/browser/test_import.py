"""A file on its way in, as people bring it: chosen, its columns corrected, checked, imported, taken back."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, expect

from app.core import worker
from app.core.companies import create_user
from app.core.db import db
from tests.cast import email_of
from tests.data_set.test_crm_sales_opportunities import (
    DATA,
    SLUG,
    _data_set,  # noqa: F401  # skips where the data set is not
    check_figures,
    company,  # noqa: F401  # a fixture
    figure,
    read,
    run,  # noqa: F401  # a fixture
    total,
)
from tests.data_set.test_through_the_browser import check_ledger

Visit = Callable[..., Page]
PATIENCE = 60_000  # milliseconds for 8,800 rows on a busy machine
MAPPING = "Old CRM"


@pytest.fixture
def jobs(app: Flask, live: str) -> Iterator[None]:
    """A worker beside the server, as in a real installation."""
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(app, stop))
    thread.start()
    yield
    stop.set()
    thread.join()


@pytest.fixture
def admin(app: Flask, company: int) -> str:  # noqa: F811  # the fixture
    """Alice, who manages the company of the data set, too."""
    with app.app_context():
        create_user(email_of("alice"), SLUG, "admin", name="Alice")
        db.session.commit()
    return "alice"


def upload(page: Page, resource: str, file: str) -> None:
    page.goto(f"/c/{SLUG}/{resource}/import")
    page.get_by_label("File to import").set_input_files(DATA / file)
    expect(page.locator("h1")).to_have_text(file)


def column(page: Page, heading: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=heading, exact=True))


def opened(row: Locator) -> Locator:
    row.locator("summary").click()
    return row


def check(page: Page, good: str, bad: str = "0") -> None:
    page.get_by_role("button", name=re.compile("^Check .* rows")).click()
    checked(page, good, bad)


def checked(page: Page, good: str, bad: str = "0") -> None:
    expect(page.locator("#count-errors")).to_have_text(bad, timeout=PATIENCE)
    expect(page.locator("#count-created")).to_have_text(good)


def publish(page: Page, rows: str) -> None:
    page.get_by_role("button", name=f"Import {rows} rows").click()
    expect(page.get_by_role("heading", name=f"{rows} rows were imported")).to_be_visible(timeout=PATIENCE)


def fill_in(page: Page, field: str, value: str) -> None:
    """Give a field that the file does not have the same value everywhere."""
    place = page.locator(".v-imp-extra").last
    place.get_by_label("Field to fill").select_option(label=field)
    expect(page.locator(".v-imp-extra").last.get_by_label("Field to fill")).to_have_value("")
    place = page.locator(".v-imp-extra").nth(-2).get_by_label("Value for every row")
    if place.evaluate("e => e.tagName") == "SELECT":
        place.select_option(label=value)
    else:
        place.fill(value)
        place.blur()


def bring_in_accounts(page: Page) -> None:
    upload(page, "contacts/accounts", "accounts.csv")
    expect(column(page, "subsidiary_of").get_by_role("combobox").first).to_have_value("parent_id")
    opened(column(page, "sector")).get_by_label("Instead of “technolgy”").fill("technology")
    opened(column(page, "office_location")).get_by_label("Instead of “Philipines”").fill("Philippines")
    opened(column(page, "revenue")).get_by_label("The numbers stand for").select_option(label="Millions")
    check(page, "85")
    publish(page, "85")


def bring_in_members(page: Page) -> None:
    upload(page, "admin/members", "sales_teams.csv")
    column(page, "regional_office").get_by_role("combobox").select_option(label="Team above (name)")
    fill_in(page, "Member from", "2016-01-01")
    fill_in(page, "Create missing teams and managers", "Yes")
    check(page, "35")
    publish(page, "35")


def bring_in_deals(page: Page) -> None:
    upload(page, "crm/deals", "sales_pipeline.csv")
    dates = page.get_by_role("group", name="Dates in this file")
    expect(dates).to_contain_text("dates alone could be read either way; the others of the file leave no doubt")
    expect(dates.get_by_label("Month, day, year")).to_be_checked()
    dates.get_by_label("Month, day, year").check()
    products = opened(column(page, "product")).get_by_label("Only these values are right")
    products.fill("\n".join(product["product"] for product in read("products.csv")))
    fill_in(page, "Pipeline", "Hardware")
    page.get_by_label("Create it if it is not there").check()
    check(page, "0", "8,800")
    expect(page.locator("#near-title + .v-count")).to_have_text("1")
    column(page, "GTXPro").get_by_label("Take “GTX Pro”").check()
    for name, kind in (("Prospecting", "open"), ("Engaging", "open"), ("Won", "won"), ("Lost", "lost")):
        expect(column(page, name).get_by_label(f"Type of “{name}”")).to_have_value(kind)
    page.get_by_role("button", name="Create all: deal_stage").click()
    checked(page, "8,800")
    page.get_by_role("link", name="Back to the columns").click()
    page.get_by_text("Save the mapping").click()
    page.get_by_label("Name, to find it again").fill(MAPPING)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#toasts")).to_contain_text(f"The mapping was saved as “{MAPPING}”.")
    check(page, "8,800")
    publish(page, "8,800")


def take_back(page: Page) -> None:
    page.get_by_role("link", name="Revert this import").click()
    expect(page.get_by_text("8,805 rows it created go to the trash")).to_be_visible()
    page.get_by_role("button", name="Revert the import").click()
    expect(page.get_by_role("heading", name="The import was reverted")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("8,800 rows are in the trash.")).to_be_visible()


def test_the_data_set_goes_in_by_hand_is_taken_back_and_goes_in_again(
    visit: Visit, app: Flask, company: int, admin: str, run: Any, jobs: None  # noqa: F811
) -> None:
    page = visit(admin, f"/c/{SLUG}/contacts/accounts/import", locale="en-US")
    bring_in_accounts(page)
    bring_in_members(page)
    bring_in_deals(page)
    check_figures(run)

    take_back(page)
    assert total(run, "deal_count") == 0
    assert figure(run, "won_amount")[0]["value"] in (None, "0.00", "0")
    assert check_ledger(app, company) == (8800, 8800)

    upload(page, "crm/deals", "sales_pipeline.csv")
    page.get_by_label("Saved mappings").select_option(label=MAPPING)
    page.get_by_role("button", name="Use").click()
    expect(page.locator("#toasts")).to_contain_text("The saved mapping is in use.")
    check(page, "8,800")
    publish(page, "8,800")
    check_figures(run)


# Smaller files, in the company of the cast


def bring(page: Page, text: str, name: str = "file.csv") -> None:
    """Choose a file on the first page of an import."""
    page.get_by_label("File to import").set_input_files({"name": name, "mimeType": "text/csv", "buffer": text.encode()})


def fits(page: Page, width: int) -> bool:
    main = page.locator("#main").evaluate("e => e.scrollWidth - e.clientWidth")
    return main <= 0 and page.evaluate("document.documentElement.scrollWidth") <= width


ACCOUNTS = "/c/one/contacts/accounts/import"
FAULTY = "name,employees,parent_id\n" + "".join(f"Good {n},{n},\n" for n in range(9)) + "Bad,many,\nWorse,1,Goood 1\nAlone,,Nobody\n"


def test_a_dropped_file_is_sent_at_once_and_one_too_large_is_not_sent(visit: Visit, app: Flask) -> None:
    page = visit("alice", ACCOUNTS)
    drop = """(size) => {
        const data = new DataTransfer();
        data.items.add(new File(["name\\n" + "A\\n".repeat(size)], "dropped.csv", {type: "text/csv"}));
        const zone = document.querySelector("[data-import-drop]");
        for (const name of ["dragenter", "dragover", "drop"])
            zone.dispatchEvent(new DragEvent(name, {dataTransfer: data, bubbles: true, cancelable: true}));
    }"""
    field = page.get_by_label("File to import")
    field.evaluate("e => { e.dataset.most = 100; }")
    page.evaluate(drop, 1000)
    expect(page.get_by_role("alert")).to_contain_text("The file is too large")
    expect(field).to_have_attribute("aria-invalid", "true")
    page.evaluate(drop, 2)
    expect(page.locator("h1")).to_have_text("dropped.csv")
    page.go_back()
    expect(page.get_by_role("link", name="dropped.csv")).to_be_visible()


def test_what_the_server_finds_too_large_or_unreadable_is_said_beside_the_field(visit: Visit, app: Flask) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 20_000
    page = visit("alice", ACCOUNTS)
    page.get_by_label("File to import").evaluate("e => { e.dataset.most = 10 ** 9; }")
    bring(page, "")
    expect(page.get_by_role("alert")).to_contain_text("The file is empty.")
    page.get_by_label("File to import").evaluate("e => { e.dataset.most = 10 ** 9; }")
    bring(page, "name\n" + "A\n" * 20_000)
    expect(page.locator("#file-error")).to_contain_text("The file is too large")


def test_columns_are_kept_as_they_are_changed_and_the_keyboard_stays_where_it_was(visit: Visit) -> None:
    page = visit("alice", ACCOUNTS)
    bring(page, "what,size\nA,3\n")
    expect(page.get_by_text("New rows also need: Name.")).to_be_visible()
    first = page.get_by_label("Field for the column “what”")
    first.focus()
    first.select_option("name")
    expect(page.get_by_text("New rows also need: Name.")).to_have_count(0)
    expect(first).to_be_focused()
    second = page.get_by_label("Field for the column “size”")
    second.select_option("name")
    expect(column(page, "size")).to_contain_text("“Name” is filled by another column already.")
    second.select_option("employees")
    expect(column(page, "size")).not_to_contain_text("filled by another column")
    expect(page.get_by_text("2 of 2 columns are imported")).to_be_visible()
    page.reload()
    expect(first).to_have_value("name")
    expect(second).to_have_value("employees")


def test_progress_is_shown_survives_a_reload_and_a_check_can_be_stopped(visit: Visit, app: Flask) -> None:
    page = visit("alice", ACCOUNTS)
    bring(page, "name\n" + "".join(f"A{n}\n" for n in range(50)))
    page.get_by_role("button", name="Check 50 rows").click()
    expect(page.get_by_role("progressbar", name="The file is being checked")).to_be_visible()
    page.reload()
    expect(page.get_by_role("progressbar")).to_be_visible()
    worker.run_pending(app)
    expect(page.get_by_role("heading", name="What would come of it")).to_be_visible()  # it asked by itself
    expect(page.locator("#import-status")).to_have_text("Checked, not imported yet")
    page.get_by_role("link", name="Back to the columns").click()
    page.get_by_role("button", name="Check 50 rows").click()
    page.get_by_role("button", name="Stop checking").click()
    expect(page.get_by_role("heading", name="The import was cancelled")).to_be_visible()
    worker.run_pending(app)
    page.get_by_role("link", name="Go on with this file").click()
    expect(page.get_by_role("button", name="Check 50 rows")).to_be_visible()


def test_errors_are_filtered_while_typing(visit: Visit, app: Flask) -> None:
    page = visit("alice", ACCOUNTS)
    bring(page, FAULTY)
    page.get_by_label("Field for the column “employees”").select_option("employees")
    page.get_by_role("button", name="Check 12 rows").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    worker.run_pending(app)
    expect(page.locator("#count-errors")).to_have_text("3")
    rows = page.locator(".v-imp-error-rows tbody tr")
    expect(rows).to_have_count(3)
    page.get_by_label("Find in the errors").fill("many")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile("q=many"))
    page.reload()
    expect(rows).to_have_count(1)
    page.get_by_label("Find in the errors").fill("")
    page.locator("#error-field").select_option("parent_id")
    expect(rows).to_have_count(2)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the rows with errors").click()
    assert download.value.suggested_filename.endswith(".csv")


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (360, "dark"), (768, "light"), (1440, "light"), (1440, "dark")])
def test_every_step_fits_and_axe_finds_nothing_serious(visit: Visit, app: Flask, axe: Any, width: int, scheme: str) -> None:
    page = visit("alice", ACCOUNTS, viewport={"width": width, "height": 800}, color_scheme=scheme)
    found = [*axe(page)]
    assert fits(page, width)
    bring(page, FAULTY)
    expect(page.get_by_role("button", name="Check 12 rows")).to_be_visible()
    page.get_by_label("Field for the column “employees”").select_option("employees")
    for more in page.locator(".v-imp-more > summary").all():
        more.click()
    assert fits(page, width)
    found += axe(page)
    page.get_by_role("button", name="Check 12 rows").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    found += axe(page)
    worker.run_pending(app)
    expect(page.locator("#count-errors")).to_have_text("3")
    assert fits(page, width)
    found += axe(page)
    page.get_by_role("button", name=re.compile("leave out the others")).click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    worker.run_pending(app)
    expect(page.get_by_role("heading", name="9 rows were imported")).to_be_visible()
    assert fits(page, width)
    found += axe(page)
    page.get_by_role("link", name="Revert this import").click()
    expect(page.get_by_role("heading", name="Revert this import?")).to_be_visible()
    assert fits(page, width)
    found += axe(page)
    page.goto(ACCOUNTS)
    assert fits(page, width)
    assert [*found, *axe(page)] == []
