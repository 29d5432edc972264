"""My day: which activities and deals ask for something today, whose they are, and what one tap does to them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, time, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.core.db import db
from app.modules.crm import services
from app.modules.crm.activities import services as activities
from app.modules.crm.activities.models import Activity, ActivityType
from app.modules.crm.models import Deal, Stage
from tests.modules.crm.making import LoggedIn, clock, euros, statements_of

DAY = "/c/one/crm/day"
HX = {"HX-Request": "true", "HX-Current-URL": f"http://localhost{DAY}"}
NOW = "2026-11-18T09:00:00"  # a Wednesday, ten in Madrid
TODAY = date(2026, 11, 18)


@pytest.fixture(autouse=True)
def wednesday() -> Any:
    """It is always the same Wednesday."""
    with clock(NOW) as traveller:
        yield traveller


@pytest.fixture
def plan(one: Any, people: dict) -> Callable[..., int]:
    """Plan a call of bob's, `days` from today."""

    def create(subject: str, days: int = 0, at: time | None = None, owner: str = "bob", **values: Any) -> int:
        with one:
            type_id = db.session.scalar(select(ActivityType.id).where(ActivityType.kind == "call"))
            given = {"type_id": type_id, "subject": subject, "due_on": TODAY + timedelta(days=days), "due_time": at}
            return activities.plan({**given, "owner_id": people[owner].member_id, **values}).id

    return create


@pytest.fixture
def deal(one: Any, people: dict) -> Callable[..., int]:
    """Create a deal of bob's; `closes` is in so many days, `entered` so many days ago."""

    def create(name: str, stage: str = "Contact", owner: str = "bob", closes: int | None = None, entered: int = 0, amount: int = 1000) -> int:
        with one, clock(f"{TODAY - timedelta(days=entered)}T09:00:00"):
            stage_id = db.session.scalar(select(Stage.id).where(Stage.name == stage))
            expected = None if closes is None else TODAY + timedelta(days=closes)
            given = {"name": name, "owner_id": people[owner].member_id, "stage_id": stage_id, "amount": euros(amount)}
            return services.create_deal({**given, "expected_close": expected}).id

    return create


@pytest.fixture
def bob(client_of: Callable[[str], FlaskClient]) -> LoggedIn:
    return LoggedIn(client_of, "bob")


def rows(html: str, section: str) -> list[str]:
    """Titles of the rows of a section."""
    part = re.search(rf'<section [^>]*id="day-{section}".*?</section>', html, re.DOTALL)
    return re.findall(r'data-row-link>([^<]*)</a>', part[0]) if part else []


def count(html: str, section: str) -> int:
    return int(re.search(rf'id="day-{section}"[^>]*data-count="(\d+)"', html)[1])


def stored(one: Any, model: Any, row_id: int) -> Any:
    with one:
        return db.session.scalar(select(model).where(model.id == row_id))


def test_late_and_todays_activities_stand_in_the_order_of_the_day(bob, plan, one) -> None:
    plan("Yesterday", -1)
    plan("Last week", -7)
    plan("At five", 0, time(17))
    plan("Some time", 0)
    plan("At nine", 0, time(9))
    plan("Tomorrow", 1)
    done = plan("Done", -1)
    with one as session:
        activities.complete(session.get_one(Activity, done), version=1)
    html = bob.get(DAY).text
    assert rows(html, "late") == ["Last week", "Yesterday"]
    assert rows(html, "today") == ["At nine", "At five", "Some time"]
    assert "7 days late" in html and "1 day late" in html


def test_deals_that_close_this_week_come_first_and_missed_ones_after(bob, deal) -> None:
    deal("Sunday", closes=4)
    deal("Today", closes=0)
    deal("Next week", closes=5)
    deal("Long ago", closes=-40)
    deal("Last week", closes=-6)
    deal("No date")
    assert rows(bob.get(DAY).text, "closing") == ["Today", "Sunday", "Last week", "Long ago"]


def test_a_deal_rots_when_it_has_stayed_longer_than_is_usual(bob, deal, one) -> None:
    with one as session:
        session.scalars(select(Stage).where(Stage.name == "Contact")).one().rotting_days = 10
        session.scalars(select(Stage).where(Stage.name == "Qualified")).one().rotting_days = None
    deal("Usual", entered=10)
    deal("Rotten", entered=11)
    deal("Never", "Qualified", entered=300)
    assert rows(bob.get(DAY).text, "rotting") == ["Rotten"]


def test_a_deal_without_a_planned_activity_has_no_next_step(bob, deal, plan, one) -> None:
    small, planned, worked = deal("Small", amount=10), deal("Planned"), deal("Worked", amount=5000)
    plan("Call", 30, deal_id=planned)
    call = plan("Call", 0, deal_id=worked)
    assert rows(bob.get(DAY).text, "loose") == ["Small"]
    with one as session:
        activities.complete(session.get_one(Activity, call), version=1)
        services.move_deal(session.get_one(Deal, small), session.scalars(select(Stage).where(Stage.type == "won")).first(), version=1)
    assert rows(bob.get(DAY).text, "loose") == ["Worked"]


def test_long_sections_are_cut_and_say_how_many_there_are(bob, plan, deal) -> None:
    for n in range(11):
        plan(f"Call {n}", -1)
        deal(f"Deal {n}")
    html = bob.get(DAY).text
    assert len(rows(html, "late")) == 8 and count(html, "late") == 11
    assert "Show all 11" in html and "/crm/activities?" in html
    whole = bob.get(f"{DAY}?section=loose&all=1").text
    assert len(rows(whole, "loose")) == 11 and rows(whole, "late") == []


def test_the_list_behind_show_all_holds_what_the_section_counts(bob, plan, client_of) -> None:
    for n in range(9):
        plan(f"Call {n}", -n - 1)
    plan("Later", 3)
    link = re.search(r'class="day-all[^"]*" href="([^"]+)"', bob.get(DAY).text)[1].replace("&amp;", "&")
    found = bob.get(link).text
    assert all(f"Call {n}" in found for n in range(9)) and "Later" not in found


def test_a_section_is_a_fragment_of_its_own_and_the_page_works_at_its_address(bob, plan) -> None:
    plan("Call Acme", -1)
    part = bob.get(f"{DAY}?section=late", headers=HX).text
    assert part.lstrip().startswith("<section") and rows(part, "late") == ["Call Acme"]
    assert "<html" in bob.get(f"{DAY}?section=late").text
    assert bob.get(f"{DAY}?section=nonsense", headers=HX).status_code == 404


def test_an_empty_day_says_that_all_is_done(bob) -> None:
    assert "All done" in bob.get(DAY).text


# Whose


def test_a_rep_sees_their_own_and_no_switch(bob, plan, deal) -> None:
    plan("Daves", -1, owner="dave")
    deal("Daves deal", owner="dave")
    html = bob.get(DAY).text
    assert "Daves" not in html and "day-people" not in html
    assert bob.get(f"{DAY}?who=team").status_code == 404


def test_a_manager_chooses_between_their_own_the_team_and_a_member(client_of, plan, deal, people) -> None:
    plan("Bobs", -1)
    plan("Daves", -1, owner="dave")
    plan("Monas", -1, owner="mona")
    deal("Bobs deal")
    mona = LoggedIn(client_of, "mona")
    assert rows(mona.get(DAY).text, "late") == ["Monas"]
    team = mona.get(f"{DAY}?who=team").text
    assert sorted(rows(team, "late")) == ["Bobs", "Monas"] and rows(team, "loose") == ["Bobs deal"]
    assert 'title="Bob"' in team
    one_of_them = mona.get(f"{DAY}?who={people['bob'].member_id}").text
    assert rows(one_of_them, "late") == ["Bobs"] and f"who={people['bob'].member_id}" in one_of_them
    assert mona.get(f"{DAY}?who={people['dave'].member_id}").status_code == 404


def test_an_activity_that_one_takes_part_in_is_on_ones_own_day(client_of, plan, people) -> None:
    plan("Together", 0, owner="bob", members=[people["mona"].member_id])
    assert rows(LoggedIn(client_of, "mona").get(DAY).text, "today") == ["Together"]


def test_the_statements_do_not_grow_with_the_rows(client_of, plan, deal, one) -> None:
    bob = client_of("bob")

    def sent() -> int:
        with statements_of(one.app) as found:
            bob.get(DAY)
        return len(found)

    def more(n: int) -> None:
        plan(f"Late {n}", -1, deal_id=deal(f"Closing {n}", closes=1, entered=200))
        plan(f"Today {n}", 0)
        deal(f"Loose {n}")

    more(0)
    for n in range(1, 9):
        more(n)
    sent()
    few = sent()
    for n in range(9, 15):
        more(n)
    assert sent() <= few
    assert few < 70


# What is done from a row


def test_a_tap_postpones_the_expected_close_and_can_be_taken_back(bob, deal, one) -> None:
    pump = deal("Pump", closes=-20)
    answer = bob.post(f"{DAY}/deals/{pump}/postpone", data={"version": 1, "days": 7}, headers=HX)
    assert "deals:changed" in answer.headers["HX-Trigger"] and "Pump: expected close on Nov 25, 2026" in answer.text
    assert stored(one, Deal, pump).expected_close == TODAY + timedelta(days=7)
    undo = re.search(r'hx-post="([^"]+/undo[^"]*)"', answer.text)[1].replace("&amp;", "&")
    back = bob.post(undo, headers=HX)
    assert "deals:changed" in back.headers["HX-Trigger"]
    assert stored(one, Deal, pump).expected_close == TODAY - timedelta(days=20)


def test_without_scripts_the_tap_leads_back_to_the_day(bob, deal) -> None:
    answer = bob.post(f"{DAY}/deals/{deal('Pump', closes=1)}/postpone", data={"version": 1, "days": 7})
    assert answer.status_code == 303 and answer.location.endswith(DAY)


@pytest.mark.parametrize(("data", "status"), [
    ({"version": 9, "days": 7}, 409), ({"days": 7}, 400), ({"version": 1, "days": 400}, 400), ({"version": 1}, 400),
])  # fmt: skip
def test_a_postponement_that_cannot_be_changes_nothing(bob, deal, one, data: dict, status: int) -> None:
    pump = deal("Pump", closes=1)
    assert bob.post(f"{DAY}/deals/{pump}/postpone", data=data, headers=HX).status_code == status
    assert stored(one, Deal, pump).expected_close == TODAY + timedelta(days=1)


def test_a_deal_moved_from_the_day_tells_the_day_and_not_the_page_of_the_deal(bob, deal, one) -> None:
    pump = deal("Pump", closes=1)
    with one:
        won = db.session.scalar(select(Stage.id).where(Stage.type == "won"))
    data = {"version": 1, "stage_id": won, "amount": "1000", "closed_on": TODAY.isoformat()}
    answer = bob.post(f"/c/one/crm/deals/{pump}/move", data=data, headers=HX)
    assert "deals:changed" in answer.headers["HX-Trigger"] and 'id="record"' not in answer.text
    assert 'hx-target="#dialog"' in answer.text
    assert stored(one, Deal, pump).state == "won"


@pytest.mark.parametrize(("kind", "word"), [("won", "Won"), ("lost", "Lost")])
def test_a_deal_is_ended_whatever_its_stages_are_called(bob, deal, kind: str, word: str) -> None:
    answer = bob.get(f"/c/one/crm/deals/{deal('Pump')}/end?as={kind}", follow_redirects=True)
    assert answer.status_code == 200 and f"{word}: Pump" in answer.text


def test_there_is_no_other_end_and_none_of_another_teams_deal(bob, deal) -> None:
    assert bob.get(f"/c/one/crm/deals/{deal('Pump')}/end?as=open").status_code == 404
    assert bob.get(f"/c/one/crm/deals/{deal('Daves', owner='dave')}/end?as=won").status_code == 404


def test_a_next_step_is_planned_on_the_day_without_leaving_it(bob, deal, one) -> None:
    pump = deal("Pump")
    address = f"/c/one/crm/activities/new?stay=1&deal_id={pump}&due_on=2026-11-20&due_time=15:30"
    form = bob.get(address, headers=HX).text
    assert 'value="2026-11-20"' in form and 'value="15:30"' in form and "/crm/activities/new?stay=1" in form
    with one:
        type_id = db.session.scalar(select(ActivityType.id).where(ActivityType.kind == "call"))
    data = {"type_id": type_id, "subject": "Call", "due_on": "2026-11-20", "deal_id": pump}
    answer = bob.post("/c/one/crm/activities/new?stay=1", data=data, headers=HX)
    assert answer.status_code == 200 and "activities:changed" in answer.headers["HX-Trigger"]
    assert "HX-Redirect" not in answer.headers
    assert rows(bob.get(DAY).text, "loose") == []


def test_what_an_address_says_wrongly_leaves_the_form_empty(bob) -> None:
    assert bob.get("/c/one/crm/activities/new?due_on=soon&due_time=99:99").status_code == 200


def test_what_people_type_is_never_markup(bob, plan, deal) -> None:
    nasty = "<script>alert(1)</script>\"'"
    plan(nasty, -1, deal_id=deal(nasty, closes=0))
    html = bob.get(DAY).text
    assert "<script>alert" not in html and "&lt;script&gt;alert" in html
