"""What the addresses of activities answer, without a browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from flask import g
from flask.testing import FlaskClient
from sqlalchemy import select

from app.core import merging, personal
from app.core.clock import today
from app.core.db import db
from app.core.errors import BusinessError
from app.core.models import Change
from app.core.registry import registry
from app.core.writes import create
from app.modules.contacts.models import Contact
from app.modules.contacts.services import create_account
from app.modules.crm import services as deals
from app.modules.crm.activities import bulk, services
from app.modules.crm.activities.models import Activity, ActivityOutcome, ActivityType
from app.modules.crm.activities.queries import is_late_record
from tests.core.api_client import BASE as BASE_API
from tests.core.api_client import asking, errors
from tests.modules.crm.making import statements

BASE = "/c/one/crm/activities"
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://localhost/c/one/crm/deals"}


@pytest.fixture
def bob(client_of: Callable[[str], FlaskClient]) -> FlaskClient:
    return client_of("bob")


@pytest.fixture
def kinds(one: Any) -> dict[str, int]:
    with one:
        return {t.kind: t.id for t in db.session.scalars(select(ActivityType))}


@pytest.fixture
def outcomes(one: Any) -> dict[str, int]:
    with one:
        return {o.name: o.id for o in db.session.scalars(select(ActivityOutcome))}


@pytest.fixture
def deal(one: Any, people: dict) -> dict[str, int]:
    """Ids of a deal of bob's, its account and its person."""
    with one:
        account = create_account({"name": "Acme", "owner_id": people["bob"].member_id})
        contact = create(Contact, {"name": "Ann", "account_id": account.id, "owner_id": people["bob"].member_id})
        made = deals.create_deal(
            {"name": "Pump", "account_id": account.id, "contact_id": contact.id, "owner_id": people["bob"].member_id}
        )
        return {"deal_id": made.id, "account_id": account.id, "contact_id": contact.id}


@pytest.fixture
def plan(one: Any, people: dict, kinds: dict[str, int]) -> Callable[..., int]:
    """Plan an activity of bob's and answer its id."""

    def make(kind: str = "call", owner: str = "bob", **values: Any) -> int:
        with one:
            return services.plan({"type_id": kinds[kind], "owner_id": people[owner].member_id, **values}).id

    return make


def now(one: Any, activity_id: int) -> Activity:
    with one:
        return db.session.scalars(select(Activity).where(Activity.id == activity_id)).one()


def all_of(one: Any) -> list[Activity]:
    with one:
        return list(db.session.scalars(select(Activity).order_by(Activity.id)))


def test_a_call_is_logged_with_its_next_step_in_one_request(bob, one, people, deal, kinds, outcomes) -> None:
    page = bob.get(f"{BASE}/log?deal_id={deal['deal_id']}", headers=HTMX).text
    assert "Pump" in page
    with one:
        day = str(today() + timedelta(days=9))
    data = {"deal_id": deal["deal_id"], "type_id": kinds["call"], "outcome_id": outcomes["We talked"], "outcome_note": "Fine",
            "next": "true", "next_type_id": kinds["visit"], "next_subject": "See them", "next_due_on": day}
    answer = bob.post(f"{BASE}/log", data=data, headers=HTMX)
    assert answer.status_code == 200
    assert "activities:changed" in answer.headers["HX-Trigger"]
    assert "Logged: Call" in answer.text
    done, following = all_of(one)
    assert (done.state, done.account_id, done.contact_id) == ("done", deal["account_id"], deal["contact_id"])
    assert (done.done_by_id, done.outcome_note, done.source) == (people["bob"].member_id, "Fine", "web")
    assert (following.state, following.subject, following.deal_id) == ("planned", "See them", deal["deal_id"])
    page = bob.get(f"/c/one/crm/deals/{deal['deal_id']}/activities", headers=HTMX).text
    assert page.index("See them") < page.index("We talked")


def test_without_scripts_it_is_a_page_that_leads_back_to_the_record(bob, deal, kinds) -> None:
    assert "<html" in bob.get(f"{BASE}/log?account_id={deal['account_id']}&kind=visit").text
    answer = bob.post(f"{BASE}/log", data={"account_id": deal["account_id"], "type_id": kinds["visit"]})
    assert answer.status_code == 303
    assert answer.location.endswith(f"/contacts/accounts/{deal['account_id']}")


def test_a_wrong_next_step_stands_beside_its_field_and_nothing_is_saved(bob, one, kinds) -> None:
    data = {"type_id": kinds["call"], "next": "true", "next_type_id": kinds["call"], "next_due_on": "2199-01-01", "outcome_note": "Typed"}
    answer = bob.post(f"{BASE}/log", data=data, headers=HTMX)
    assert answer.status_code == 422
    assert "two years ahead" in answer.text
    assert 'id="next_due_on-error"' in answer.text
    assert "Typed" in answer.text
    assert all_of(one) == []


def test_the_log_of_a_record_that_is_not_there_or_not_mine(bob, client_of, deal, kinds) -> None:
    assert bob.get(f"{BASE}/log?deal_id=999999").status_code == 404
    dave = client_of("dave")
    assert dave.get(f"{BASE}/log?deal_id={deal['deal_id']}").status_code == 404
    answer = dave.post(f"{BASE}/log", data={"type_id": kinds["call"], "deal_id": deal["deal_id"]}, headers=HTMX)
    assert answer.status_code == 422


def test_completing_and_taking_it_back(bob, one, plan, deal, outcomes) -> None:
    activity_id = plan(deal_id=deal["deal_id"])
    assert "Mark as done" in bob.get(f"{BASE}/{activity_id}/complete", headers=HTMX).text
    data = {"version": 1, "outcome_id": outcomes["We talked"]}
    answer = bob.post(f"{BASE}/{activity_id}/complete", data=data, headers=HTMX)
    assert answer.status_code == 200
    [undo] = re.findall(rf'hx-post="({BASE}/{activity_id}/reopen\?version=\d+)"', answer.text)
    late = bob.post(f"{BASE}/{activity_id}/complete", data={**data, "outcome_note": "Mine"}, headers=HTMX)
    assert late.status_code == 409
    assert "done already" in late.text
    assert "Mine" in late.text
    assert bob.post(f"{BASE}/{activity_id}/reopen", headers=HTMX).status_code == 400
    assert bob.post(undo, headers=HTMX).status_code == 200
    assert now(one, activity_id).state == "planned"


def test_who_saves_late_loses_nothing(bob, client_of, one, plan) -> None:
    activity_id = plan()
    client_of("mona").post(f"{BASE}/{activity_id}/fields/subject", data={"version": 1, "subject": "Hers"}, headers=HTMX)
    late = bob.post(f"{BASE}/{activity_id}/complete", data={"version": 1, "outcome_note": "Mine"}, headers=HTMX)
    assert late.status_code == 409
    assert "Mine" in late.text
    assert now(one, activity_id).state == "planned"
    assert 'name="version" value="2"' in late.text


def test_a_visit_is_cancelled_with_its_reason(bob, one, plan, outcomes) -> None:
    activity_id = plan("visit")
    refused = bob.post(f"{BASE}/{activity_id}/cancel", data={"version": 1}, headers=HTMX)
    assert refused.status_code == 422
    assert "Why did the visit not take place?" in refused.text
    data = {"version": 1, "outcome_id": outcomes["Nobody was there"]}
    assert bob.post(f"{BASE}/{activity_id}/cancel", data=data, headers=HTMX).status_code == 200
    assert now(one, activity_id).state == "cancelled"


def test_another_day_by_one_tap(bob, one, plan) -> None:
    with one:
        day = today()
    activity_id = plan(due_on=day - timedelta(days=20))
    assert bob.post(f"{BASE}/{activity_id}/reschedule", data={"version": 1, "days": 7}, headers=HTMX).status_code == 200
    assert now(one, activity_id).due_on == day + timedelta(days=7)
    assert bob.post(f"{BASE}/{activity_id}/reschedule", data={"version": 2, "days": 1}, headers=HTMX).status_code == 200
    assert now(one, activity_id).due_on.weekday() < 5
    assert bob.post(f"{BASE}/{activity_id}/reschedule", data={"version": 3, "due_on": "never"}, headers=HTMX).status_code == 422
    assert bob.post(f"{BASE}/{activity_id}/reschedule", data={"version": 1, "days": 1}, headers=HTMX).status_code == 409


def test_an_activity_of_several_records_is_one_row(bob, plan, deal) -> None:
    plan(deal_id=deal["deal_id"], subject="Only once")
    page = bob.get(f"/c/one/crm/accounts/{deal['account_id']}/activities", headers=HTMX).text
    assert page.count("</svg>Only once</a>") == 1
    listed = bob.get(f"{BASE}?view=all&account_id={deal['account_id']}").text
    assert listed.count(">Only once</a>") == 1


def test_what_was_told_late_is_marked_on_timeline_tab_and_list(bob, one, people, deal, kinds) -> None:
    with one:
        services.log({"type_id": kinds["visit"], "deal_id": deal["deal_id"], "owner_id": people["bob"].member_id,
                      "done_on": today() - timedelta(days=3), "subject": "Long ago"})
    for address in (f"/c/one/crm/deals/{deal['deal_id']}/activities", "/c/one/crm/activities?view=done", f"/c/one/crm/deals/{deal['deal_id']}"):
        assert "logged 3 days later" in bob.get(address).text, address


def test_others_activities_stay_hidden_and_managers_see_their_team(bob, client_of, plan, deal) -> None:
    mine, theirs = plan(subject="Mine"), plan(owner="dave", deal_id=deal["deal_id"], subject="Theirs")
    assert bob.get(f"{BASE}/{mine}").status_code == 200
    assert bob.get(f"{BASE}/{theirs}").status_code == 404
    assert "Theirs" not in bob.get(f"/c/one/crm/deals/{deal['deal_id']}/activities").text
    assert client_of("mona").get(f"{BASE}/{mine}").status_code == 200


def test_statements_of_the_tab_do_not_grow_with_its_rows(bob, one, people, deal, kinds) -> None:
    def asked(link: str) -> int:
        with one.app.app_context(), statements() as sent:
            assert bob.get(f"/c/one/crm/{link}s/{deal[f'{link}_id']}/activities", headers=HTMX).status_code == 200
        return len(sent)

    def fill(count: int) -> None:
        with one:
            row = {"type_id": kinds["call"], "deal_id": deal["deal_id"], "owner_id": people["bob"].member_id}
            bulk.import_activities([{**row, "done_on": date(2026, 1, 2), "members": str(people["dave"].member_id)}] * count + [row] * count)

    fill(2)
    few = {link: asked(link) for link in ("deal", "account", "contact")}
    fill(20)
    assert {link: asked(link) for link in few} == few


def test_a_merge_of_accounts_takes_its_activities_along(one, plan, deal) -> None:
    activity_id = plan(deal_id=deal["deal_id"])
    with one:
        winner = create_account({"name": "Acme Ltd"})
        group = merging.merge(registry.resource("contacts.account"), winner.id, [deal["account_id"]], {}, {})
        assert db.session.get_one(Activity, activity_id).account_id == winner.id
        merging.unmerge(group)
    assert now(one, activity_id).account_id == deal["account_id"]


def test_what_is_written_about_a_person_is_told_and_forgotten(one, people, plan, deal) -> None:
    activity_id = plan("visit", deal_id=deal["deal_id"], subject="Ann's birthday", note="Ann likes tea")
    with one:
        services.change(db.session.get_one(Activity, activity_id), {"note": "Ann likes coffee"})
    with one:
        contacts = registry.resource("contacts.contact")
        found = str(personal.gathered(contacts, deal["contact_id"]))
        assert "Ann likes coffee" in found
        personal.erase(contacts, deal["contact_id"])
    activity = now(one, activity_id)
    assert (activity.subject, activity.note, activity.contact_id) == ("Visit", "", deal["contact_id"])
    assert "birthday" not in activity.search_key
    with one:
        lines = db.session.scalars(select(Change).where(Change.table_name == "crm_activity", Change.row_id == activity_id))
        assert not any("tea" in f"{line.old}{line.new}" for line in lines)


def test_the_api_plans_logs_and_completes(one, app, people, deal, kinds, outcomes) -> None:
    client, address = asking(app, people["bob"]), f"{BASE_API}/crm/activities"
    made = client.post(address, json={"type_id": kinds["call"], "deal_id": deal["deal_id"], "due_time": "09:30"})
    assert made.status_code == 201
    assert (made.json["state"], made.json["account_id"], made.json["due_time"]) == ("planned", deal["account_id"], "09:30")
    one_of_them = f"{address}/{made.json['id']}"
    change = {"done_on": "2026-01-15", "outcome_id": outcomes["We talked"]}
    done = client.patch(one_of_them, json={**change, "version": made.json["version"]}, headers={"If-Match": str(made.json["version"])})
    assert done.status_code == 200, done.text
    assert (done.json["state"], done.json["done_by_id"], done.json["done_on"]) == ("done", people["bob"].member_id, "2026-01-15")
    late = client.patch(one_of_them, json={"subject": "Late", "version": 1})
    assert late.status_code == 409
    logged = client.post(address, json={"type_id": kinds["visit"], "done_on": "2026-01-15", "done_time": "17:30"})
    assert (logged.json["state"], logged.json["done_time"]) == ("done", "17:30")
    wrong = client.post(address, json={"type_id": kinds["call"], "due_on": "2199-01-01"})
    assert "two years ahead" in errors(wrong)["due_on"]
    assert [row["id"] for row in client.get(f"{address}?state=done&sort=-done_on").json["items"]].count(logged.json["id"]) == 1


def test_an_import_brings_activities_of_the_past_and_goes_out_the_same(one, people, deal, kinds, outcomes) -> None:
    with one:
        g.actor_id = people["bob"].member_id
        base = {"owner_id": people["bob"].member_id, "deal_id": deal["deal_id"]}
        rows = [
            {**base, "type_id": kinds["visit"], "done_on": date(2019, 5, 6), "outcome_id": outcomes["Interested"], "external_id": "A1"},
            {**base, "type_id": kinds["call"], "due_on": date(2026, 1, 5), "due_time": "09:30", "members": str(people["dave"].member_id)},
            {**base, "type_id": kinds["visit"], "state": "cancelled", "due_on": date(2020, 1, 1)},
        ]
        first, second, third = (db.session.get_one(Activity, i) for i in registry.resource("crm.activity").add_many(rows))
        assert (first.state, first.done_on, first.done_by_id, first.subject) == ("done", date(2019, 5, 6), base["owner_id"], "Visit")
        assert (first.account_id, first.contact_id, first.source) == (deal["account_id"], deal["contact_id"], "import")
        assert not is_late_record(first)
        assert (second.state, second.members, second.remind_minutes) == ("planned", str(people["dave"].member_id), 15)
        assert (third.state, third.done_on) == ("cancelled", None)
        with pytest.raises(BusinessError, match="does not fit"):
            bulk.import_activities([{**rows[0], "type_id": kinds["email"], "outcome_id": outcomes["No answer"]}])
        with pytest.raises(BusinessError, match="in the future"):
            bulk.import_activities([{**rows[0], "done_on": today() + timedelta(days=1)}])


def test_a_type_in_use_keeps_its_kind(client_of, one, plan, kinds) -> None:
    plan("call")
    alice = client_of("alice")
    for kind, status in (("call", 422), ("task", 200)):
        with one:
            version = db.session.get_one(ActivityType, kinds[kind]).version
        address = f"/c/one/crm/activity_types/{kinds[kind]}/fields/kind"
        assert alice.post(address, data={"version": version, "kind": "email"}, headers=HTMX).status_code == status
