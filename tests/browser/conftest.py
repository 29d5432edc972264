"""A real Chromium before a real server, on SQLite unless a test says `@pytest.mark.on("postgres")`.

    def test_something(visit):
        page = visit("alice", "/c/one/crm/board")      # logged in; Spanish: visit("alice", …, locale="es-ES")

At the end of each test a script error, a message on the console, a CSP violation or a request to another host fails it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from shutil import which
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request
from sqlalchemy import select
from werkzeug.serving import WSGIRequestHandler, make_server

from app.core.db import db
from app.core.money import Money
from app.modules.crm import services
from app.modules.crm.models import Stage
from tests.browser.company_time import now
from tests.browser.reps_day import Day, begin
from tests.cast import Person
from tests.conftest import Office

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / ".cache" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# htmx sets a page up in a timer that it starts when its script is read; a timer started now runs out after that one.
AFTER_HTMX = "() => new Promise((done) => setTimeout(done))"
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder drives a browser."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    """The machine's own Chromium; nothing is downloaded."""
    return {**browser_type_launch_args, "executable_path": next(filter(None, map(which, BROWSERS))), "args": QUIET}


@pytest.fixture(autouse=True)
def not_at_midnight() -> None:
    """What a test plans for today would be late where the day of the companies ends while it runs: it waits for the next one."""
    at = now()
    left = timedelta(days=1) - timedelta(hours=at.hour, minutes=at.minute, seconds=at.second)
    if left < timedelta(minutes=1):
        time.sleep(left.total_seconds())


class _Handler(WSGIRequestHandler):
    timeout = 5  # a connection that the browser opened ahead and never used holds nobody up longer


@pytest.fixture
def live(app: Flask) -> Iterator[str]:
    """Address of the running application. No request is under way any more when it is gone: the next test's database
    has the same name, and one that arrived late would write into it."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Handler)
    server.daemon_threads = False  # closing waits for the threads of all requests
    app.config["VENDIMIA"].base_url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield app.config["VENDIMIA"].base_url
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def complaints(live: str) -> Iterator[list[str]]:
    """What the browser complained about; the test fails on any that it did not remove from the list."""
    heard: list[str] = []
    yield heard
    assert heard == []


@pytest.fixture
def visit(
    browser: Browser, live: str, client_of: Callable[[str], FlaskClient], complaints: list[str]
) -> Iterator[Callable[..., Page]]:
    """Open a page as one of the cast (or as nobody, None) in a browser of their own; options go to Playwright."""
    contexts: list[BrowserContext] = []

    def open_page(who: str | None, path: str, **options: Any) -> Page:
        context = browser.new_context(base_url=live, **{"viewport": {"width": 1440, "height": 900}, **options})
        contexts.append(context)
        context.set_default_timeout(10_000)
        if who:
            cookie = client_of(who).get_cookie("vendimia")
            context.add_cookies([{"name": "vendimia", "value": cookie.value, "url": live}])
        page = context.new_page()
        _listen(page, live, complaints)
        page.goto(path, wait_until="domcontentloaded")
        if options.get("java_script_enabled", True):
            page.evaluate(AFTER_HTMX)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def stages(one: Office) -> dict[str, int]:
    """Stage name -> id."""
    with one:
        return {s.name: s.id for s in db.session.scalars(select(Stage))}


@pytest.fixture
def make(one: Office, people: dict[str, Person], stages: dict[str, int]) -> Callable[..., int]:
    """Create a deal: `make("Pump", 1000, "Proposal")`; answers its id."""

    def create(name: str, amount: int | None = 1000, stage: str = "Contact", **values: Any) -> int:
        with one:
            given = {"owner_id": people["alice"].member_id, "stage_id": stages[stage], **values}
            money = None if amount is None else Money.of(amount, "EUR")
            return services.create_deal({"name": name, "amount": money, **given}).id

    return create


@pytest.fixture
def pump(make: Callable[..., int]) -> int:
    make("Boiler", 500)
    make("Tunnel", 2500, "Proposal")
    return make("Pump", 1000)


@pytest.fixture
def day(one: Office, people: dict[str, Person]) -> Day:
    """A rep's day before it begins."""
    return begin(one, people["bob"])


def _listen(page: Page, live: str, complaints: list[str]) -> None:
    def on_console(message: ConsoleMessage) -> None:
        # A refused request (422, 409) is part of the product; Chromium reports it as an error all the same.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            complaints.append(f"{message.type}: {message.text}")

    def on_request(request: Request) -> None:
        if urlsplit(request.url).scheme in {"http", "https"} and not request.url.startswith(live):
            complaints.append(f"asked another host: {request.url}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: complaints.append(f"script error: {error}"))
    page.on("request", on_request)


# What still fades in has not the contrast that people see. A transition begins with the frame after the one that set it off.
AT_REST = """async () => {
    const frame = () => new Promise(requestAnimationFrame);
    for (let quiet = 0; quiet < 3; quiet += 1) {
        await frame();
        const running = document.getAnimations().filter((each) => Number.isFinite(each.effect.getComputedTiming().endTime));
        if (running.length) quiet = 0;
        await Promise.all(running.map((each) => each.finished.catch(() => null)));
    }
}"""


@pytest.fixture
def axe() -> Callable[[Page], list[str]]:
    """Serious and critical findings of axe-core on a page, one line each."""
    source = AXE.read_text()

    def run(page: Page) -> list[str]:
        page.evaluate(source)
        page.evaluate(AT_REST)
        found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{v['impact']}: {v['id']} ({v['help']}): {[n['target'] for n in v['nodes'][:5]]}"
            for v in found["violations"]
            if v["impact"] in {"serious", "critical"}
        ]

    return run
