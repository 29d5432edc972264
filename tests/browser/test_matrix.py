"""Every page that a person opens, on a phone and on a desk, in Spanish: nothing sticks out, is cut or is too small to read,
and one heading says what it is.

The addresses come from the routes: a page that a module adds is looked at from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Page
from playwright.sync_api import Response as PageAnswer

from app.core.models import Company
from app.core.testing import Walk
from app.core.testing.walk import Route
from tests.browser.conftest import AFTER_HTMX
from tests.cast import Person
from tests.conftest import Office

# The modules, and how many pages of each are looked at, at least.
PAGES = {"admin": 30, "contacts": 21, "crm": 92, "kpi": 53}
FAULT = 500
WIDTHS = ((1440, 900), (360, 740))
TURNS, REST = 4, 150  # milliseconds
OPTIONS = {"locale": "es-ES", "reduced_motion": "reduce"}
# What every record type has and is the same page for all: looked at for one of them in each module.
SAME = ("filter", "edit", "import", "import_batch", "import_revert", "merge", "duplicates", "personal", "remove", "trash", "note_remove", "file_remove")
# Pieces of pages, and files: what scripts ask for.
PIECES = ("cell", "count", "fact", "field", "file", "files", "history", "mentions", "note", "notes", "options", "export", "import_errors", "personal_export")
OTHERS = {"module": "crm", "name": "crm", "metric_key": "crm.won_count", "dashboard_id": "company"}
SITE = ("/login", "/reset", "/companies", "/account", "/c/one/crm/deals/999999999")

LAID_OUT = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
MEASURE = """() => {
    const found = new Set(), main = document.querySelector("main"), range = document.createRange();
    const name = (e) => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + [...e.classList].map((c) => "." + c).join("");
    const hidden = (e) => !e.checkVisibility({visibilityProperty: true, opacityProperty: true});
    const forReaders = (e) => { // for screen readers alone
        for (let at = e; at; at = at.parentElement) {
            const style = getComputedStyle(at);
            if (style.clipPath === "inset(50%)" || (style.overflow !== "visible" && at.getBoundingClientRect().width <= 1)) return true;
        }
        return false;
    };
    const clipper = (e) => { // what cuts an element or can be scrolled to it
        for (let at = e; at; at = at.parentElement) if (getComputedStyle(at).overflowX !== "visible") return at;
        return null;
    };
    for (const e of [document.documentElement, main]) {
        if (e && e.scrollWidth > e.clientWidth + 1) found.add(`${name(e)} is ${e.scrollWidth - e.clientWidth} px too wide`);
    }
    const heads = document.querySelectorAll("h1").length;
    if (heads !== 1) found.add(`has ${heads} main headings`);
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const text = texts.currentNode.data.trim().slice(0, 30), e = texts.currentNode.parentElement;
        if (!text || /^(script|style|option|template|title|desc)$/i.test(e.tagName) || hidden(e) || forReaders(e)) continue;
        let size = parseFloat(getComputedStyle(e).fontSize);
        if (e.getScreenCTM) size *= e.getScreenCTM().a;
        if (size < 11.95) found.add(`${name(e)} “${text}” has ${size.toFixed(1)} px`);
        range.selectNodeContents(texts.currentNode);
        const box = range.getBoundingClientRect(), around = clipper(e);
        if (box.width < 1 || box.height < 1) continue;
        if ((!around || around === main) && (box.right > innerWidth + 1 || box.left < -1)) found.add(`${name(e)} “${text}” is off the screen`);
        const style = around && getComputedStyle(around), edge = around && around.getBoundingClientRect();
        if (around && /hidden|clip/.test(style.overflowX) && style.textOverflow !== "ellipsis" && box.right > edge.right + 1) {
            found.add(`${name(around)} cuts “${text}”`);
        }
    }
    return [...found];
}"""


@pytest.fixture
def walk(app: Flask, one: Office, people: dict[str, Person]) -> tuple[Walk, dict[str, int]]:
    """The routes, and a row of every resource to ask for."""
    walk = Walk(app, dict(OTHERS))
    with one as session:
        session.get_one(Company, one.id).language = "es"
        return walk, walk.make_rows(people["bob"].member_id, "de Villanueva de la Cañada, bien larga")


def opened(walk: Walk, module: str) -> list[Route]:
    """The routes of a module that a person opens."""
    surfaces: dict[str, str] = {f"{r.name}_{s}": s for r in walk.registry.resources() if r.module == module for s in (*SAME, *PIECES)}
    found, seen = [], set()
    for route in walk.routes():
        owner, _, endpoint = route.rule.endpoint.partition(".")
        surface = surfaces.get(endpoint)
        if owner != module or route.method != "GET" or surface in seen or surface in PIECES or endpoint.endswith("_file"):
            continue
        seen |= {surface} - {None}
        found.append(route)
    return found


def look(page: Page, address: str, refusals: bool = False) -> tuple[str, list[str]]:
    """The path of the page that an address leads to, and what is wrong with it at any width.

    A piece of a page, and a refusal where none is expected, are no pages: the path is "". A fault of the server, with the
    page or a part that it loads, is always wrong.
    """
    faults: list[str] = []

    def note(answer: PageAnswer) -> None:
        if answer.status >= FAULT:
            faults.append(f"{address}: {answer.status} from {answer.url}")

    page.set_viewport_size({"width": WIDTHS[0][0], "height": WIDTHS[0][1]})
    page.on("response", note)
    try:
        answer = page.goto(address, wait_until="load")
        if answer is None or not (answer.ok or refusals) or page.locator("main").count() == 0:
            return "", faults
        page.evaluate(AFTER_HTMX)
        page.wait_for_function("() => !document.querySelector('.htmx-request')")
        found = []
        for width, height in WIDTHS:
            page.set_viewport_size({"width": width, "height": height})
            found += [f"{address} at {width}: {each}" for each in measured(page)]
    finally:
        page.remove_listener("response", note)
    return urlsplit(page.url).path, [*faults, *found]


def look_at_all(page: Page, addresses: Iterable[str], refusals: bool = False) -> set[str]:
    """The paths of the pages that addresses lead to; nothing may be wrong with any."""
    seen, wrong = set(), []
    for address in addresses:
        path, found = look(page, address, refusals)
        seen |= {path} - {""}
        wrong += found
    assert not wrong, "\n".join(wrong)
    return seen


def measured(page: Page) -> list[str]:
    """What is wrong with a page that has come to rest: after a change of width the browser may lay it out in turns."""
    for _turn in range(TURNS):
        page.evaluate(LAID_OUT)
        found: list[str] = page.evaluate(MEASURE)
        if not found:
            break
        page.wait_for_timeout(REST)
    return found


def test_what_does_not_fit_is_seen(visit: Callable[..., Page]) -> None:
    page = visit("alice", "/c/one/admin/settings", **OPTIONS)
    assert page.evaluate(MEASURE) == []
    page.locator("h1").evaluate(
        "(e) => { e.innerHTML = '<svg viewBox=\"0 0 100 10\" width=\"50\"><text y=\"9\" font-size=\"12\">Minute</text></svg>"
        "<b class=\"text-nowrap\">Ever so ' + 'long '.repeat(400) + '</b><div class=\"v-logo\"><p class=\"text-nowrap\">Cut off</p></div>';"
        " e.lastChild.setAttribute('class', 'v-logo overflow-hidden'); }"
    )
    found = "; ".join(page.evaluate(MEASURE))
    assert "“Minute” has 6.0 px" in found
    assert "px too wide" in found
    assert "“Ever so long long long long lo” is off the screen" in found
    assert "cuts “Cut off”" in found


@pytest.mark.usefixtures("walk")
def test_a_fault_of_the_server_is_seen(visit: Callable[..., Page], live: str) -> None:
    page = visit("alice", "/account", **OPTIONS)
    page.route("**/admin/settings", lambda route: route.fulfill(status=500, content_type="text/html", body="<main>Oh</main>"))
    assert look(page, "/c/one/admin/settings") == ("", [f"/c/one/admin/settings: 500 from {live}/c/one/admin/settings"])
    page.route("**/crm/deals/count*", lambda route: route.fulfill(status=503))
    path, found = look(page, "/c/one/crm/deals")
    assert path == "/c/one/crm/deals"
    assert found[0].startswith(f"/c/one/crm/deals: 503 from {live}/c/one/crm/deals/count")


@pytest.mark.parametrize("module", PAGES)
def test_every_page_fits(visit: Callable[..., Page], walk: tuple[Walk, dict[str, int]], module: str) -> None:
    routes, rows = walk
    addresses = [routes.address(route, "one", rows) for route in opened(routes, module)]
    page = visit("alice", "/account", **OPTIONS)
    seen = look_at_all(page, addresses)
    assert len(seen) >= PAGES[module], sorted(seen)


@pytest.mark.parametrize(("who", "pages"), [("alice", {"/c/one/crm/day", *SITE[1:]}), (None, {"/login", "/reset"})])
def test_pages_outside_companies_and_refusals_fit(visit: Callable[..., Page], who: str | None, pages: set[str]) -> None:
    page = visit(who, "/login", **OPTIONS)
    assert look_at_all(page, SITE, refusals=True) == pages
