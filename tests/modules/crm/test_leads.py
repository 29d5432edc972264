"""Leads: their rules, what becomes of them, who sees them, and what there is when a company does without."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import select, update
from werkzeug.datastructures import MultiDict

from app.core import merging, tags
from app.core.clock import today
from app.core.db import db
from app.core.errors import BusinessError, Conflict
from app.core.models import Change
from app.core.registry import registry
from app.core.tables import Listing
from app.modules.contacts.models import Account, Contact
from app.modules.crm.activities.models import Activity, ActivityType
from app.modules.crm.leads import converting, services
from app.modules.crm.leads.models import CONVERTED, DISQUALIFIED, NEW, WORKING, Lead, Medium, Source
from app.modules.crm.models import Deal
from app.modules.crm.settings.models import Settings
from tests.core.api_client import asking, made
from tests.modules.crm.making import clock, euros, make_deal, move, reason, statements

HTMX = {"HX-Request": "true"}


def make_lead(**values: Any) -> Lead:
    return services.create_lead({"name": "Lucía Pérez", "organisation": "Talleres Norte", **values})


def source(name: str = "Referral") -> Source:
    return db.session.scalars(select(Source).where(Source.name == name)).one()


def activity(lead: Lead) -> Activity:
    """Something done with a lead, as the database has it."""
    kind = db.session.scalars(select(ActivityType).order_by(ActivityType.position)).first()
    made = Activity(type_id=kind.id, kind=kind.kind, subject="Call", lead_id=lead.id, owner_id=lead.owner_id)
    db.session.add(made)
    db.session.flush()
    return made


# What every company has


def test_a_company_starts_with_sources_and_media(one):
    with one:
        names = db.session.scalars(select(Source.name).order_by(Source.position)).all()
        assert names[:3] == ["Website", "Referral", "Trade fair"]
        assert db.session.scalars(select(Medium.name).order_by(Medium.position)).first() == "Web form"


def test_what_is_out_of_use_is_no_longer_offered(one):
    with one:
        resource = registry.resource("crm.source")
        fair = source("Trade fair")
        resource.change(fair, {"active": False})
        field = registry.resource("crm.lead").field("source_id")
        assert "Trade fair" not in [label for _id, label in field.options()]
        with pytest.raises(BusinessError, match="already"):
            resource.add({"name": "referral", "position": None, "active": True})


def test_a_campaign_does_not_end_before_it_begins(one):
    with one, pytest.raises(BusinessError, match="before it begins"):
        registry.resource("crm.campaign").add(
            {"name": "Spring", "starts_on": today(), "ends_on": today() - timedelta(days=1), "active": True}
        )


# Rules


def test_a_lead_comes_in_new_on_its_day_with_the_team_of_its_owner(one, people):
    with one:
        lead = make_lead(owner_id=people["bob"].member_id, opened_on=today() - timedelta(days=3), tags="Feria, feria, urgente")
        assert (lead.state, lead.opened_on) == (NEW, today() - timedelta(days=3))
        assert lead.team_id is not None
        with pytest.raises(BusinessError, match="future"):
            make_lead(opened_on=today() + timedelta(days=1))
        with pytest.raises(BusinessError, match="needs a name"):
            make_lead(name="")
        make_lead(external_id="W-1")
        with pytest.raises(BusinessError, match="W-1"):
            make_lead(external_id="W-1")


def test_a_lead_given_to_somebody_else_counts_for_their_team(one, people):
    with one:
        lead = make_lead(owner_id=people["bob"].member_id)
        before = lead.team_id
        services.change_lead(lead, {"owner_id": people["dave"].member_id})
        assert lead.team_id not in (None, before)
        with pytest.raises(BusinessError, match="needs an owner"):
            services.change_lead(lead, {"owner_id": None})


def test_disqualifying_needs_a_reason_for_discarding_and_can_be_taken_back(one):
    with one:
        lead = make_lead()
        with pytest.raises(BusinessError, match="reason is needed"):
            services.disqualify(lead, None)
        with pytest.raises(BusinessError, match="does not fit"):
            services.disqualify(lead, reason("lost"))
        services.disqualify(lead, reason("discarded"), "a student")
        assert (lead.state, lead.reason_note) == (DISQUALIFIED, "a student")
        with pytest.raises(Conflict, match="already"):
            services.disqualify(lead, reason("discarded"))
        with pytest.raises(BusinessError, match="Bring it back"):
            converting.convert(lead, version=None, account={"name": "X"}, contact=None, deal=None)
        services.bring_back(lead)
        assert (lead.state, lead.reason_id, lead.reason_note) == (NEW, None, "")


def test_the_first_activity_takes_a_lead_up_and_one_that_comes_back_stays_taken_up(one):
    with one:
        lead = make_lead()
        services.on_activity(activity_id=activity(lead).id)
        assert lead.state == WORKING
        services.disqualify(lead, reason("discarded"))
        services.on_activity(activity_id=activity(lead).id)
        assert lead.state == DISQUALIFIED
        services.bring_back(lead)
        assert lead.state == WORKING
        with pytest.raises(BusinessError, match="Only a new lead"):
            services.start_work(lead)


# Converting


@pytest.mark.parametrize(("account", "contact", "deal"), list(product(("new", "there", "none"), repeat=3)))
def test_a_lead_becomes_new_ones_or_such_as_are_there(one, people, account, contact, deal):
    with one:
        owner = people["bob"].member_id
        lead = make_lead(owner_id=owner, source_id=source().id, tags="feria", product="Press", amount=euros(900),
                         email="lucia@norte.example", phone="961 234 567")
        done = activity(lead)
        acme = registry.resource("contacts.account").add({"name": "Acme", "owner_id": owner})
        ana = registry.resource("contacts.contact").add({"name": "Ana", "owner_id": owner})
        there = make_deal(account_id=acme.id if account == "there" else None, owner_id=owner, tags="vip")
        given = {
            "account": {"new": {"name": "Talleres Norte"}, "there": acme.id, "none": None}[account],
            "contact": {"new": {"name": "Lucía Pérez"}, "there": ana.id, "none": None}[contact],
            "deal": {"new": {"name": "Press for Norte"}, "there": there.id, "none": None}[deal],
        }
        if account == contact == "none":
            with pytest.raises(BusinessError, match="account or a person at least"):
                converting.convert(lead, version=lead.version, **given)
            return
        found = converting.convert(lead, version=lead.version, **given)
        assert (lead.state, lead.converted_on) == (CONVERTED, today())
        assert (found.account_id is None, found.contact_id is None, found.deal_id is None) == tuple(
            how == "none" for how in (account, contact, deal)
        )
        if account == "new":
            assert db.session.get(Account, found.account_id).owner_id == owner
        if contact == "new":
            person = db.session.get(Contact, found.contact_id)
            assert (person.email, person.account_id) == ("lucia@norte.example", found.account_id)
        if deal != "none":
            made = db.session.get(Deal, found.deal_id)
            assert (made.account_id, made.source_id) == (found.account_id, source().id)
            assert made.tags == ("feria" if deal == "new" else "feria, vip")
            assert made.amount_minor == (90_000 if deal == "new" else 100_000)
        assert (done.account_id, done.contact_id, done.deal_id) == (found.account_id, found.contact_id, found.deal_id)


def test_a_deal_of_another_account_or_a_closed_one_is_refused_and_nothing_is_left_behind(one, client_of, people):
    owner = people["bob"].member_id
    with one:
        lead = make_lead(owner_id=owner)
        acme = registry.resource("contacts.account").add({"name": "Acme", "owner_id": owner})
        theirs = make_deal(account_id=acme.id, owner_id=owner).id
        closed = make_deal(owner_id=owner)
        move(closed, "won")
        lead_id, closed_id = lead.id, closed.id
    bob = client_of("bob")
    asked = {"version": 1, "account": "new", "account_name": "Brand new", "contact": "none", "deal": "other", "owner_id": owner}
    answer = bob.post(f"/c/one/crm/leads/{lead_id}/convert", data={**asked, "deal_id": theirs})
    assert (answer.status_code, "belongs to another account" in answer.text) == (422, True)
    answer = bob.post(f"/c/one/crm/leads/{lead_id}/convert", data={**asked, "deal_id": closed_id})
    assert (answer.status_code, "closed" in answer.text, "Brand new" in answer.text) == (422, True, True)
    with one:
        assert db.session.scalar(select(Account.id).where(Account.name == "Brand new")) is None
        assert db.session.get(Lead, lead_id).state == NEW


def test_two_people_convert_one_lead_and_the_second_is_told_who_was_first(one, client_of, people):
    with one:
        lead_id = make_lead(owner_id=people["bob"].member_id).id
    bob, mona = client_of("bob"), client_of("mona")
    data = {"version": 1, "account": "new", "account_name": "Talleres Norte", "contact": "new", "contact_name": "Lucía",
            "deal": "new", "deal_name": "Press", "deal_amount": "1200", "owner_id": people["bob"].member_id}
    assert bob.get(f"/c/one/crm/leads/{lead_id}/convert").status_code == 200
    assert bob.post(f"/c/one/crm/leads/{lead_id}/convert", data=data).status_code == 303
    answer = mona.post(f"/c/one/crm/leads/{lead_id}/convert", data={**data, "account_name": "Norte typed"}, headers=HTMX)
    assert answer.status_code == 409
    assert "Bob has converted this lead already" in answer.text
    assert "Norte typed" in answer.text
    with one:
        assert len(db.session.scalars(select(Account).where(Account.name.in_(["Talleres Norte", "Norte typed"]))).all()) == 1
        assert len(db.session.scalars(select(Deal).where(Deal.name == "Press")).all()) == 1


def test_a_lead_that_was_changed_meanwhile_is_not_converted_from_an_old_form(one, client_of, people):
    with one:
        lead = make_lead(owner_id=people["bob"].member_id)
        services.change_lead(lead, {"city": "Vigo"})
        lead_id = lead.id
    data = {"version": 1, "account": "new", "account_name": "Kept text", "contact": "none", "deal": "none",
            "owner_id": people["bob"].member_id}
    answer = client_of("bob").post(f"/c/one/crm/leads/{lead_id}/convert", data=data)
    assert (answer.status_code, "Kept text" in answer.text) == (409, True)


def test_what_belongs_to_a_choice_that_was_not_made_is_not_checked(one, client_of, people):
    with one:
        lead_id = make_lead(owner_id=people["bob"].member_id).id
    data = {"version": 1, "account": "none", "contact": "new", "contact_name": "Lucía", "deal": "none", "deal_amount": "much",
            "owner_id": people["bob"].member_id}
    assert client_of("bob").post(f"/c/one/crm/leads/{lead_id}/convert", data=data).status_code == 303


def test_somebody_elses_deal_cannot_be_chosen(one, client_of, people):
    with one:
        lead_id = make_lead(owner_id=people["bob"].member_id).id
        daves = make_deal(name="Dave's secret", owner_id=people["dave"].member_id).id
    data = {"version": 1, "account": "new", "account_name": "X", "contact": "none", "deal": "other", "deal_id": daves,
            "owner_id": people["bob"].member_id}
    for said in ({}, {"deal": str(daves)}):
        answer = client_of("bob").post(f"/c/one/crm/leads/{lead_id}/convert", data={**data, **said})
        assert (answer.status_code, "secret" in answer.text) == (422, False)


def test_of_leads_merged_the_one_that_was_converted_stays(one):
    with one:
        resource = registry.resource("crm.lead")
        done, twin = make_lead(), make_lead(name="Lucía")
        call = activity(twin)
        converting.convert(done, version=None, account={"name": "Norte"}, contact=None, deal=None)
        with pytest.raises(BusinessError, match="has to stay"):
            merging.merge(resource, twin.id, [done.id], {}, {})
        assert db.session.scalars(select(Lead.id).order_by(Lead.id)).all() == [done.id, twin.id]
        group = merging.merge(resource, done.id, [twin.id], {}, {})
        assert (db.session.get(Lead, done.id).state, call.lead_id) == (CONVERTED, done.id)
        merging.unmerge(group)
        assert call.lead_id == twin.id


# Pages


def test_what_is_there_already_is_said_before_a_lead_is_made(one, client_of, people):
    with one:
        registry.resource("contacts.account").add({"name": "Talleres Norte S.L.", "owner_id": people["bob"].member_id})
        registry.resource("contacts.contact").add({"name": "Ana", "email": "ana@norte.example", "owner_id": people["bob"].member_id})
        make_lead(name="Somebody", email="ana@norte.example", owner_id=people["bob"].member_id)
    bob = client_of("bob")
    data = {"name": "Ana", "organisation": "Talleres Norte", "email": "ana@norte.example", "owner_id": people["bob"].member_id}
    answer = bob.post("/c/one/crm/leads/new", data=data)
    assert answer.status_code == 422
    for sentence in ("Account: same name", "Person: same name, same e-mail address", "Lead: same e-mail address"):
        assert sentence in answer.text
    assert bob.post("/c/one/crm/leads/new", data={**data, "confirmed": "1"}).status_code == 303


def test_the_page_says_what_can_be_done_next(one, client_of, people):
    with one:
        lead_id = make_lead(owner_id=people["bob"].member_id).id
        why = reason("discarded").id
    bob = client_of("bob")
    page = bob.get(f"/c/one/crm/leads/{lead_id}").text
    assert all(word in page for word in ("Convert…", "Disqualify…", "Take up"))
    assert "Convert…" in page.split('class="v-thumb')[1], "on a phone it is under the thumb"
    assert bob.post(f"/c/one/crm/leads/{lead_id}/start?version=1").status_code == 303
    assert bob.post(f"/c/one/crm/leads/{lead_id}/start?version=1").status_code == 409
    assert bob.post(f"/c/one/crm/leads/{lead_id}/disqualify", data={"version": 2}).status_code == 422
    assert bob.post(f"/c/one/crm/leads/{lead_id}/disqualify", data={"version": 2, "reason_id": why}).status_code == 303
    page = bob.get(f"/c/one/crm/leads/{lead_id}").text
    assert "Bring back" in page and "Convert…" not in page
    assert bob.post(f"/c/one/crm/leads/{lead_id}/back?version=3").status_code == 303


def test_an_empty_view_leads_to_all_leads(one, client_of, people):
    with one:
        make_lead(owner_id=people["bob"].member_id)
    for query in ("view=mine", "view=mine&group=source_id"):
        page = client_of("alice").get(f"/c/one/crm/leads?{query}").text
        assert "Nothing in this view" in page
        assert "view=all" in page.split("Nothing in this view")[1].split("</div>")[0]
        assert "Nothing here yet" not in page


def test_a_rep_sees_own_leads_alone(one, client_of, people):
    with one:
        lead_id = make_lead(name="Not Bob's", owner_id=people["dave"].member_id).id
    bob = client_of("bob")
    assert "Not Bob" not in bob.get("/c/one/crm/leads?view=all").text
    assert bob.get(f"/c/one/crm/leads/{lead_id}/convert").status_code == 404


def test_without_leads_nothing_of_them_is_there_and_with_them_again_nothing_is_lost(one, client_of, people):
    with one:
        lead_id = make_lead(owner_id=people["bob"].member_id).id
        db.session.add(Settings(uses_leads=False))
    bob = client_of("bob")
    for address in ("", "/new", f"/{lead_id}", f"/{lead_id}/convert", "/export"):
        assert bob.get(f"/c/one/crm/leads{address}").status_code == 404, address
    home = bob.get("/c/one/crm/deals").text
    assert "/crm/leads" not in home
    assert "Luc" not in bob.get("/c/one/search?q=lucia").text
    with one:
        db.session.execute(update(Settings).values(uses_leads=True))
    assert bob.get(f"/c/one/crm/leads/{lead_id}").status_code == 200
    assert "/crm/leads" in bob.get("/c/one/crm/deals").text


def test_a_list_of_leads_asks_the_same_however_many_there_are(one, people):
    def asked() -> int:
        with one, statements() as sent:
            listing = Listing(registry.resource("crm.lead"), MultiDict({"view": "all"}))
            listing.page(Lead.name, Lead.tags)
        return len(sent)

    with one:
        make_lead(owner_id=people["bob"].member_id)
    few = asked()
    with one:
        services.create_leads([{"name": f"Lead {n}", "owner_id": people["bob"].member_id} for n in range(60)])
    assert asked() == few


# Tags


def named(**said: str) -> list[str]:
    listing = Listing(registry.resource("crm.lead"), MultiDict({"view": "all", **said}))
    return sorted(db.session.scalars(listing.select(Lead.name)))


def test_a_list_is_filtered_by_whole_tags_whatever_their_case_and_accents(one):
    with one:
        for name, given in (("A", "urgente"), ("B", "muy urgente"), ("C", "Féria de Vigo, URGENTE"), ("D", "urgentes"), ("E", "")):
            make_lead(name=name, tags=tags.united(given))
        assert named(tags="urgente") == ["A", "C"]
        assert named(tags="feria de vigo") == ["C"]
        assert named(tags="none") == ["E"]
        assert named(filter='{"and":[["tags","has-not","urgente"]]}') == ["B", "D", "E"]
        assert named(filter='{"and":[["tags","empty"]]}') == ["E"]
        assert named(tags="%") == named(tags="a,b") == named(tags=".*") == []


def test_tags_go_out_and_come_in_by_api_and_are_offered(app, client_of, people):
    bob = asking(app, people["bob"])
    row = made(bob, "/api/v1/crm/leads", name="Ana", tags="urgente, Feria,feria")
    assert row["tags"] == "Feria, urgente"
    for given, kept in ((None, ""), ("vip", "vip")):
        answer = bob.patch(f"/api/v1/crm/leads/{row['id']}", json={"tags": given}, headers={"If-Match": f'"{row["version"]}"'})
        row = answer.json
        assert row["tags"] == kept
    assert '<option value="vip">' in client_of("bob").get("/c/one/crm/leads/new").text


def test_tags_come_in_by_import(one, client_of, people):
    with one as session:
        ids = registry.resource("crm.lead").add_many([{"name": "Ana", "tags": "a, b"}, {"name": "Eva", "tags": ""}])
        assert session.scalars(select(Lead.tags).where(Lead.id.in_(ids)).order_by(Lead.id)).all() == ["a, b", ""]


def test_what_is_done_to_a_lead_is_in_its_log(one):
    with one:
        lead = make_lead()
        services.start_work(lead)
        fields = db.session.scalars(select(Change.field).where(Change.table_name == "crm_lead", Change.row_id == lead.id)).all()
        assert "state" in fields


def test_time_stands_for_the_company_when_a_lead_comes_in(one):
    with one, clock("2026-03-01T23:30"):
        assert make_lead().opened_on.isoformat() == "2026-03-02"

