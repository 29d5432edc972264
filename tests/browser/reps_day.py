"""A rep's day before it begins, and what the database holds when it is over; what both ways of working it share."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from app.core import worker
from app.core.db import db
from app.core.money import Money
from app.core.registry import registry
from app.core.reports.periods import moved
from app.modules.contacts.models import Account, Contact
from app.modules.crm import services
from app.modules.crm.activities import services as activities
from app.modules.crm.activities.models import Activity, ActivityOutcome, ActivityType
from app.modules.crm.gates.models import DealCheck, StageCheck
from app.modules.crm.mail.models import Mail
from app.modules.crm.models import Deal, Reason, Stage
from tests.browser.company_time import now, today
from tests.cast import Person
from tests.conftest import Office
from tests.core.post_office import PostOffice

Visit = Callable[..., Page]
PATIENCE = 20_000  # ms, as the machine may be busy
CRM = "/c/one/crm"
# Name, stage and amount in euros of the deals that stand in the morning; all of them are expected today.
MORNING = (
    ("Boiler", "Negotiation", 6000),
    ("Fan", "Contact", 5000),
    ("Mixer", "Qualified", 3000),
    ("Press", "Qualified", 4000),
    ("Pump", "Contact", 1000),
    ("Tank", "Contact", 2500),
    ("Turbine", "Commitment", 9000),
    ("Valve", "Contact", 2000),
)
# Where they stand in the evening, and the deal that was made meanwhile.
EVENING = {
    "Boiler": ("Commitment", 600_000),
    "Fan": ("Contact", 750_000),
    "Mixer": ("Lost", 300_000),
    "Press": ("Proposal", 400_000),
    "Pump": ("Qualified", 100_000),
    "Tank": ("Contact", 250_000),
    "Turbine": ("Won", 900_000),
    "Valve": ("Qualified", 200_000),
    "Oven": ("Contact", 1_200_000),
}
# Of the quarter: won, and open times the probability of its stage (a tenth of Tank is gone with it to another quarter).
CLOSED = ("€0", "€9,000")
WEIGHTED = (
    4200 + 500 + 750 + 1000 + 100 + 250 + 8100 + 200,
    5400 + 750 + 1800 + 250 + 9000 + 500 + 1200,
)


@dataclass
class Day:
    """Ids of what the day begins with."""

    one: Office
    rep: Person
    deals: dict[str, int] = field(default_factory=dict)
    stages: dict[str, int] = field(default_factory=dict)
    call: int = 0  # the activity that is late
    check: int = 0  # what the gate of "Proposal" wants ticked
    old: int = 0  # a deal that was lost a year ago


def later_month() -> date:
    """The first of a month that is in another quarter than today."""
    return moved(today().replace(day=1), 3)


def begin(one: Office, rep: Person) -> Day:
    """Deals, a late call, the gate before "Proposal", and a deal of long ago."""
    day = Day(one, rep)
    with one as session:
        day.stages = {s.name: s.id for s in session.scalars(select(Stage))}
        mine = {"owner_id": rep.member_id}
        account = registry.resource("contacts.account").add({"name": "Acme Ibérica", **mine})
        person = {"name": "Núria Puig", "email": "nuria@acme.example", "account_id": account.id}
        links = {"account_id": account.id, "contact_id": registry.resource("contacts.contact").add({**person, **mine}).id}
        for name, stage, amount in MORNING:
            values = {"name": name, "stage_id": day.stages[stage], "amount": Money.of(amount, "EUR"), "expected_close": today()}
            day.deals[name] = services.create_deal({**values, **mine, **(links if name == "Press" else {})}).id
        long_ago = now() - timedelta(days=400)
        old = services.create_deal({"name": "Centrífuga de Núremberg", **mine}, at=long_ago)
        why = session.scalars(select(Reason).where(Reason.kind == "lost")).first()
        services.move_deal(old, day.stages["Lost"], version=old.version, reason=why, closed_on=long_ago.date())
        day.old = old.id
        call = session.scalar(select(ActivityType.id).where(ActivityType.kind == "call"))
        day.call = activities.plan({"type_id": call, "subject": "Call the buyer", "due_on": today() - timedelta(days=1), **mine}).id
        session.get_one(Stage, day.stages["Proposal"]).needs = "product"
        check = StageCheck(stage_id=day.stages["Proposal"], text="Drawing approved", position=1)
        session.add(check)
        session.flush()
        day.check = check.id
    return day


def stored(day: Day, model: Any, **given: Any) -> Any:
    """The one row that has these values."""
    with day.one as session:
        return session.scalars(select(model).filter_by(**given)).one()


def forecast_says(page: Page, when: int) -> None:
    """What is won and what is weighted, in the morning (0) or in the evening (1)."""
    for label, text in (("Won already", CLOSED[when]), ("Weighted", f"€{WEIGHTED[when]:,}")):
        step = page.locator(".v-outlook-step").filter(has=page.locator(".v-cat", has_text=re.compile(f"^{label}$")))
        expect(step.locator("b")).to_have_text(text)


def is_made(page: Page) -> None:
    """The page of the new deal has come, with its account and person, and listens."""
    expect(page.locator("#deal-head h1")).to_have_text("Oven – Panadería Sol", timeout=PATIENCE)
    expect(page.locator("#record")).to_contain_text("Eva Ruiz")
    page.wait_for_load_state()


def is_filled(drawer: Locator) -> None:
    """The template has brought its words."""
    expect(drawer.locator("[name=subject]")).to_have_value("Our proposal: Press", timeout=PATIENCE)
    expect(drawer.locator("[name=body]")).to_have_value(re.compile("^Dear Núria,"))


def goes_out(page: Page, day: Day, app: Flask) -> None:
    """The mail waits on the timeline; after the worker has been, it is there as sent."""
    line = page.locator("#tab .v-ev.is-mail")
    expect(line).to_contain_text("Queued")
    assert stored(day, Mail).state == "queued"
    worker.run_pending(app)
    page.reload()
    expect(line).to_contain_text("Our proposal: Press")
    expect(line).not_to_contain_text("Queued")


def assert_evening(day: Day, office: PostOffice) -> None:
    """Everything that was done is in the database, once, and nothing else is."""
    with day.one as session:
        rows = session.execute(select(Deal.name, Stage.name, Deal.amount_minor).join(Stage, Deal.stage_id == Stage.id)
                               .where(Deal.id != day.old))
        assert {name: (stage, amount) for name, stage, amount in rows} == EVENING
        deals = {d.name: d for d in session.scalars(select(Deal))}
        _assert_gate_and_ends(day, deals)
        _assert_newcomers(deals["Oven"])
        _assert_activities(day, deals["Press"].id)
        mail = session.scalars(select(Mail)).one()
        assert (mail.state, mail.to_address, mail.deal_id) == ("sent", "nuria@acme.example", deals["Press"].id)
    (letter,) = office.letters
    assert letter.to == ["nuria@acme.example"]
    assert letter.message["Subject"] == "Our proposal: Press"
    assert "Dear Núria," in letter.text
    assert "for Acme Ibérica, for €4,000" in letter.text
    assert "{{" not in letter.text


def _assert_gate_and_ends(day: Day, deals: dict[str, Deal]) -> None:
    assert deals["Press"].product == "Rotary press"
    assert db.session.scalars(select(DealCheck.check_id).where(DealCheck.deal_id == deals["Press"].id)).all() == [day.check]
    assert (deals["Turbine"].state, deals["Turbine"].closed_on) == ("won", today())
    lost = deals["Mixer"]
    assert (lost.state, db.session.get_one(Reason, lost.reason_id).name, lost.reason_note) == ("lost", "Price", "Too dear")
    assert deals["Tank"].expected_close.replace(day=1) == later_month()
    assert deals["Fan"].expected_close == today()


def _assert_newcomers(oven: Deal) -> None:
    account, person = db.session.get_one(Account, oven.account_id), db.session.get_one(Contact, oven.contact_id)
    assert (account.name, person.name, person.account_id) == ("Panadería Sol", "Eva Ruiz", account.id)
    assert oven.expected_close == today()


def _assert_activities(day: Day, press: int) -> None:
    """The late call was done; one with Press was logged and brought the next; the mail counts as one."""
    rows = db.session.scalars(select(Activity).order_by(Activity.id)).all()
    assert sorted((a.kind, a.state, a.deal_id) for a in rows if a.id != day.call) == [
        ("call", "done", press), ("call", "planned", press), ("email", "done", press),
    ]  # fmt: skip
    assert db.session.get_one(Activity, day.call).state == "done"
    logged = next(a for a in rows if a.state == "done" and a.deal_id == press and a.kind == "call")
    assert db.session.get_one(ActivityOutcome, logged.outcome_id).name == "Interested"
    following = next(a for a in rows if a.state == "planned")
    assert following.due_on > today()
    assert {a.owner_id for a in rows} == {day.rep.member_id}


def picture(page: Page, name: str) -> None:
    """Keep what is seen where `SHOTS` names a folder."""
    if folder := os.environ.get("SHOTS"):
        page.evaluate("() => new Promise((done) => setTimeout(done, 300))")  # what fades in has come
        page.screenshot(path=Path(folder) / f"{name}.png")
