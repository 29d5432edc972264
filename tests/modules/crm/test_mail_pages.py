"""Pages of mail: templates and their merge fields, what a template may replace, who sees a mail, where it stands."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.core.db import db
from app.core.errors import BusinessError
from app.core.models import Role
from app.core.registry import registry
from app.modules.crm.leads import converting
from app.modules.crm.mail import merge_fields
from app.modules.crm.mail.models import EmailTemplate, Mail
from tests.core.importer import Forms
from tests.modules.crm.making import euros, make_deal, statements

BODY = "Dear {{person.first_name}},\n\n{{deal.name}} for {{account.name}}: {{deal.amount}}.\n\n{{me.name}}, {{company.name}}"


@pytest.fixture
def deal_id(one, people):
    with one as session:
        for old in session.scalars(select(EmailTemplate)):
            session.delete(old)
        account = registry.resource("contacts.account").add({"name": "Acme", "email": "info@acme.example"})
        contact = registry.resource("contacts.contact")
        rosa = contact.add({"name": "Dña. Rosa Sanchis", "email": "rosa@acme.example", "account_id": account.id})
        contact.add({"name": "Pau Mas", "email": "pau@acme.example", "account_id": account.id})
        contact.add({"name": "No address", "account_id": account.id})
        deal = make_deal(name="Press", owner_id=people["bob"].member_id, account_id=account.id, contact_id=rosa.id, amount=euros(14800))
        template = registry.resource("crm.email_template")
        values = {"offered_on": "deal", "language": "en", "active": True}
        template.add({**values, "name": "Offer", "subject": "Our offer: {{deal.name}}", "body": BODY})
        template.add({**values, "name": "Two", "subject": "Second", "body": "About {{deal.product}}, {{ person.first_name }}"})
        template.add({**values, "name": "Elsewhere", "subject": "x", "body": "x", "offered_on": "lead"})
        return deal.id


def url(deal_id):
    return f"/c/one/crm/deals/{deal_id}/mails/new"


def form_of(answer, deal_id):
    return Forms(answer.text).forms[url(deal_id)]


def template_id(one, name):
    with one as session:
        return session.scalar(select(EmailTemplate.id).where(EmailTemplate.name == name))


def fill(client, deal_id, form, **changes):
    answer = client.post(url(deal_id), data={**form, "do": "fill", **changes})
    assert answer.status_code == 200
    return answer, form_of(answer, deal_id)


def test_the_deals_person_is_offered_first_then_the_others_with_an_address(deal_id, client_of):
    page = client_of("bob").get(url(deal_id)).text
    where = [page.index(name) for name in ("rosa@acme.example", "pau@acme.example", "info@acme.example")]
    assert where == sorted(where)
    assert "No address" not in page
    assert "Elsewhere" not in page
    assert "bob@one.example" in page


def test_a_template_is_filled_in_before_it_is_sent(deal_id, one, client_of):
    bob = client_of("bob")
    form = form_of(bob.get(url(deal_id)), deal_id)
    _answer, form = fill(bob, deal_id, form, template=template_id(one, "Offer"))
    assert form["subject"] == "Our offer: Press"
    assert form["body"].strip() == "Dear Rosa,\n\nPress for Acme: €14,800.\n\nBob, One"
    answer = bob.post(url(deal_id), data={**form, "body": form["body"] + "\nPS", "do": "send"})
    assert answer.status_code == 303
    with one as session:
        mail = session.scalars(select(Mail)).one()
    assert mail.body == "Dear Rosa,\n\nPress for Acme: €14,800.\n\nBob, One\nPS"
    assert (mail.to_name, mail.to_address, mail.deal_id) == ("Dña. Rosa Sanchis", "rosa@acme.example", deal_id)


def test_another_recipient_or_template_replaces_what_nobody_touched(deal_id, one, client_of):
    bob = client_of("bob")
    _answer, form = fill(bob, deal_id, form_of(bob.get(url(deal_id)), deal_id), template=template_id(one, "Offer"))
    with one as session:
        contact = registry.resource("contacts.contact").model
        pau = session.scalar(select(contact.id).where(contact.name == "Pau Mas"))
    _answer, form = fill(bob, deal_id, form, to=f"contact-{pau}")
    assert form["body"].strip().startswith("Dear Pau,")
    _answer, form = fill(bob, deal_id, form, template=template_id(one, "Two"))
    assert form["subject"] == "Second"


def test_what_was_typed_stays_until_its_replacement_is_confirmed(deal_id, one, client_of):
    bob = client_of("bob")
    form = form_of(bob.get(url(deal_id)), deal_id)
    answer, form = fill(bob, deal_id, form, body="My own words", template=template_id(one, "Offer"))
    assert form["body"].strip() == "My own words"
    assert "Replace my text" in answer.text
    answer, form = fill(bob, deal_id, form, do="replace")
    assert form["body"].strip().startswith("Dear Rosa,")
    assert "Replace my text" not in answer.text


def test_a_field_without_a_value_is_marked_and_holds_up_sending(deal_id, one, client_of):
    bob = client_of("bob")
    answer, form = fill(bob, deal_id, form_of(bob.get(url(deal_id)), deal_id), template=template_id(one, "Two"))
    assert form["body"].strip() == "About {{deal.product}}, Rosa"
    assert "Nothing is known for {{deal.product}}" in answer.text
    refused = bob.post(url(deal_id), data={**form, "do": "send"})
    assert refused.status_code == 422
    assert "write it yourself, or take it out" in refused.text
    assert bob.post(url(deal_id), data={**form, "body": "About presses", "do": "send"}).status_code == 303


def test_a_field_that_does_not_exist_is_named(deal_id, one, client_of):
    bob = client_of("bob")
    form = form_of(bob.get(url(deal_id)), deal_id)
    refused = bob.post(url(deal_id), data={**form, "subject": "x", "body": "Dear {{person.nme}}", "do": "send"})
    assert refused.status_code == 422
    assert "“{{person.nme}}” is not a field" in refused.text
    with one as session:
        assert session.scalars(select(Mail)).all() == []


def test_fields_typed_by_hand_are_shown_filled_in_before_anything_is_sent(deal_id, one, client_of):
    bob = client_of("bob")
    form = form_of(bob.get(url(deal_id)), deal_id)
    shown = bob.post(url(deal_id), data={**form, "subject": "Hi {{person.first_name}}", "body": "{{me.name}}", "do": "send"})
    assert shown.status_code == 422
    assert "Read it once more" in shown.text
    assert form_of(shown, deal_id)["subject"] == "Hi Rosa"


@pytest.mark.parametrize("code", ["{{ 7*7 }}", "{{config}}", "{% for x in y %}", "{{person.__class__}}"])
def test_a_template_is_never_run(deal_id, one, client_of, code):
    alice = client_of("alice")
    told = {"name": "Code", "offered_on": "any", "language": "en", "active": "true", "subject": "x", "body": code}
    answer = alice.post("/c/one/crm/email_templates/new", data=told)
    if "{%" in code:
        assert answer.status_code == 303
        _answer, form = fill(alice, deal_id, form_of(alice.get(url(deal_id)), deal_id), template=template_id(one, "Code"))
        assert form["body"].strip() == code
    else:
        assert answer.status_code == 422
        assert "is not a field that can be filled in" in answer.text


def test_the_first_of_names_is_no_title():
    assert [merge_fields.first_name(n) for n in ("Dña. Rosa Sanchis", "Pau", "", "D. Íñigo Vega")] == ["Rosa", "Pau", "", "Íñigo"]


def test_values_are_not_searched_for_fields_again(app, one):
    with one, app.test_request_context():
        filled = merge_fields.fill("{{deal.name}} {{account.name}}", {"deal.name": "{{me.name}}", "me.name": "Bob"})
        assert filled.text == "{{me.name}} {{account.name}}"
        assert filled.empty == ("account.name",)
        with pytest.raises(BusinessError, match=r"\{\{x\}\}"):
            merge_fields.fill("{{x}}", {})


def test_without_anybody_to_write_to_it_asks_for_an_address(one, people, client_of):
    with one:
        deal = make_deal(name="Lonely", owner_id=people["bob"].member_id).id
    bob = client_of("bob")
    page = bob.get(url(deal))
    assert page.status_code == 200
    refused = bob.post(url(deal), data={"subject": "x", "body": "x", "do": "send"})
    assert refused.status_code == 422
    assert "To whom?" in refused.text


def sent(one, deal_id, people, **links):
    with one as session:
        mail = Mail(sender_id=people["bob"].member_id, to_address="x@x.example", subject="Secret offer", body="Line one\nLine two\n<b>x</b>",
                    message_id=f"<{len(links)}-{deal_id}@x>", **{"deal_id": deal_id, **links})
        session.add(mail)
        session.flush()
        return mail.id


def test_a_mail_stands_in_the_stream_in_the_tab_and_on_its_page(deal_id, one, people, client_of):
    with one as session:
        deal = registry.resource("crm.deal").model
        account, contact = session.execute(select(deal.account_id, deal.contact_id)).one()
    mail_id = sent(one, deal_id, people, account_id=account, contact_id=contact)
    bob = client_of("bob")
    for page in (f"crm/deals/{deal_id}", f"contacts/accounts/{account}", f"contacts/contacts/{contact}"):
        text = bob.get(f"/c/one/{page}").text
        assert "Secret offer" in text
        assert f"/crm/mails/{mail_id}" in text
        assert "/mails/new" in text
    for page in (f"deals/{deal_id}", f"accounts/{account}", f"people/{contact}"):
        assert "Secret offer" in bob.get(f"/c/one/crm/{page}/mails").text
    whole = bob.get(f"/c/one/crm/mails/{mail_id}").text
    assert "Line one\nLine two\n&lt;b&gt;x&lt;/b&gt;" in whole
    assert f"/contacts/accounts/{account}" in whole
    assert "/again" not in whole


def test_who_does_not_see_the_deal_does_not_see_its_mails(deal_id, one, people, client_of):
    with one as session:
        deal = registry.resource("crm.deal").model
        contact = session.scalar(select(deal.contact_id))
    mail_id = sent(one, deal_id, people, contact_id=contact)
    dave = client_of("dave")
    assert dave.get(url(deal_id)).status_code == 404
    assert dave.get(f"/c/one/crm/mails/{mail_id}").status_code == 404
    assert dave.post(f"/c/one/crm/mails/{mail_id}/again").status_code == 404
    assert "Secret offer" not in dave.get(f"/c/one/contacts/contacts/{contact}").text
    mona = client_of("mona")  # of bob's team
    assert "Secret offer" in mona.get(f"/c/one/contacts/contacts/{contact}").text


def test_a_mail_on_a_person_is_for_whoever_sees_the_person(deal_id, one, people, client_of):
    with one as session:
        contact = session.scalar(select(registry.resource("crm.deal").model.contact_id))
    mail_id = sent(one, None, people, contact_id=contact)
    assert client_of("dave").get(f"/c/one/crm/mails/{mail_id}").status_code == 200
    with one as session:
        role = session.scalars(select(Role).filter_by(key="rep")).one()
        role.permissions = [p for p in role.permissions if p != "crm.mail.view"]
    assert client_of("dave").get(f"/c/one/crm/mails/{mail_id}").status_code == 403


def test_a_mail_of_another_company_does_not_exist(deal_id, one, people, client_of):
    mail_id = sent(one, deal_id, people)
    assert client_of("carol").get(f"/c/two/crm/mails/{mail_id}").status_code == 404
    assert client_of("bob").get("/c/one/crm/mails/x").status_code == 404


def test_the_tab_asks_as_often_however_many_mails_there_are(app, deal_id, one, people, client_of):
    bob = client_of("bob")
    counts = []
    for number in (1, 12):
        for each in range(number):
            with one as session:
                session.add(Mail(sender_id=people["bob"].member_id, to_address="x@x.example", subject="s", body="b", deal_id=deal_id,
                                 message_id=f"<{number}-{each}@x>"))
        bob.get(f"/c/one/crm/deals/{deal_id}/mails")
        with app.app_context(), statements() as asked:
            bob.get(f"/c/one/crm/deals/{deal_id}/mails")
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_companies_that_start_have_templates(app, one):
    with one:
        assert len(db.session.scalars(select(EmailTemplate)).all()) == 3
        for template in db.session.scalars(select(EmailTemplate)):
            merge_fields.refuse_unknown(f"{template.subject} {template.body}")


@pytest.mark.parametrize(("place", "key"), [("leads", "crm.lead"), ("people", "contacts.contact"), ("accounts", "contacts.account")])
def test_mails_are_written_on_other_records_as_well(one, people, client_of, place, key):
    with one:
        values = {"name": "Rosa Sanchis", "email": "rosa@acme.example", "owner_id": people["bob"].member_id}
        row_id = registry.resource(key).add(values).id
    bob, address = client_of("bob"), f"/c/one/crm/{place}/{row_id}/mails/new"
    form = Forms(bob.get(address).text).forms[address]
    assert form["to"].endswith(f"-{row_id}")
    answer = bob.post(address, data={**form, "subject": "Hello", "body": "Hello", "do": "send"})
    assert answer.status_code == 303
    assert answer.location.endswith(f"/{row_id}")
    assert "Hello" in bob.get(f"/c/one/crm/{place}/{row_id}/mails").text
    with one as session:
        mail = session.scalars(select(Mail)).one()
    column = {"leads": "lead_id", "people": "contact_id", "accounts": "account_id"}[place]
    assert (getattr(mail, column), mail.to_address, mail.to_name) == (row_id, "rosa@acme.example", "Rosa Sanchis")


def test_nobody_else_is_chosen_for_a_person_without_an_address(one, people, client_of):
    with one:
        contact = registry.resource("contacts.contact")
        account = registry.resource("contacts.account").add({"name": "Acme", "email": "info@acme.example"})
        contact.add({"name": "Pau Mas", "email": "pau@acme.example", "account_id": account.id})
        row_id = contact.add({"name": "Rosa", "account_id": account.id}).id
    address = f"/c/one/crm/people/{row_id}/mails/new"
    form = Forms(client_of("bob").get(address).text).forms[address]
    assert form["to"] == ""


def test_mails_to_a_lead_follow_what_it_becomes(one, people, client_of):
    with one as session:
        bob = people["bob"].member_id
        lead = registry.resource("crm.lead").add({"name": "Rosa", "email": "rosa@acme.example", "owner_id": bob})
        session.add(Mail(lead_id=lead.id, sender_id=bob, to_address="rosa@acme.example", subject="s", body="b", message_id="<1@x>"))
        session.flush()
        made = converting.convert(lead, version=lead.version, account={"name": "Acme"}, contact={"name": "Rosa"}, deal={"name": "Press"})
        mail = session.scalars(select(Mail)).one()
        assert (mail.account_id, mail.contact_id, mail.deal_id) == (made.account_id, made.contact_id, made.deal_id)
